package main

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	podresources "k8s.io/kubelet/pkg/apis/podresources/v1"
)

const (
	draDriver      = "gpu.nvidia.com"
	resourcePrefix = "nvidia.com/"
)

// holder is a container that was granted a GPU.
type holder struct{ namespace, pod, container string }

// holders asks the kubelet who holds which GPU.
type holders struct {
	client podresources.PodResourcesListerClient
}

func newHolders(socket string) (*holders, error) {
	connection, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	return &holders{client: podresources.NewPodResourcesListerClient(connection)}, nil
}

// of gives the holders of every GPU; a GPU of a claim that pods share has several.
func (h *holders) of(gpus []gpu) (map[string][]holder, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	answer, err := h.client.List(ctx, &podresources.ListPodResourcesRequest{})
	if err != nil {
		return nil, err
	}
	byName := map[string]string{} // DRA device name → UUID
	for _, each := range gpus {
		byName[each.deviceName()] = each.id()
	}
	found := map[string][]holder{}
	for _, pod := range answer.GetPodResources() {
		for _, container := range pod.GetContainers() {
			who := holder{pod.GetNamespace(), pod.GetName(), container.GetName()}
			for _, uuid := range granted(container, byName) {
				found[uuid] = append(found[uuid], who)
			}
		}
	}
	return found, nil
}

// granted gives the UUIDs of the GPUs that a container holds, by device plugin or by claim.
func granted(container *podresources.ContainerResources, byName map[string]string) []string {
	var uuids []string
	for _, devices := range container.GetDevices() {
		if strings.HasPrefix(devices.GetResourceName(), resourcePrefix) {
			for _, id := range devices.GetDeviceIds() {
				uuid, _, _ := strings.Cut(id, "::") // a time-sliced replica is UUID::number
				uuids = append(uuids, uuid)
			}
		}
	}
	for _, claim := range container.GetDynamicResources() {
		for _, resource := range claim.GetClaimResources() {
			if uuid := byName[resource.GetDeviceName()]; uuid != "" && resource.GetDriverName() == draDriver {
				uuids = append(uuids, uuid)
			}
		}
	}
	return uuids
}
