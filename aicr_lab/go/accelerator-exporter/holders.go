package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	podresources "k8s.io/kubelet/pkg/apis/podresources/v1"
)

// holder is a container that was granted a GPU.
type holder struct{ namespace, pod, container string }

// holders asks the kubelet who holds which GPU.
type holders struct {
	client  podresources.PodResourcesListerClient
	dialect dialect
}

func newHolders(socket string, dialect dialect) (*holders, error) {
	connection, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	return &holders{podresources.NewPodResourcesListerClient(connection), dialect}, nil
}

// of gives the holders of every GPU; a GPU of a claim that pods share has several.
func (h *holders) of(gpus []gpu) (map[string][]holder, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	answer, err := h.client.List(ctx, &podresources.ListPodResourcesRequest{})
	if err != nil {
		return nil, err
	}
	byName, byID := map[string]string{}, map[string]string{} // DRA device name, plugin's id → UUID
	for _, each := range gpus {
		byName[h.dialect.deviceName(each)] = each.id()
		byID[h.dialect.pluginID(each)] = each.id()
	}
	found := map[string][]holder{}
	for _, pod := range answer.GetPodResources() {
		for _, container := range pod.GetContainers() {
			who := holder{pod.GetNamespace(), pod.GetName(), container.GetName()}
			for _, uuid := range h.granted(container, byName, byID) {
				// Who holds several shares of a GPU is one holder: a series must not come twice.
				if !slices.Contains(found[uuid], who) {
					found[uuid] = append(found[uuid], who)
				}
			}
		}
	}
	return found, nil
}

// granted gives the UUIDs of the GPUs that a container holds, by device plugin or by claim.
func (h *holders) granted(container *podresources.ContainerResources, byName, byID map[string]string) []string {
	var uuids []string
	for _, devices := range container.GetDevices() {
		if strings.HasPrefix(devices.GetResourceName(), h.dialect.resourcePrefix) {
			for _, id := range devices.GetDeviceIds() {
				own, _, _ := strings.Cut(id, "::") // a time-sliced replica is UUID::number
				uuids = append(uuids, byID[own])
			}
		}
	}
	for _, claim := range container.GetDynamicResources() {
		for _, resource := range claim.GetClaimResources() {
			if uuid := byName[resource.GetDeviceName()]; uuid != "" && resource.GetDriverName() == h.dialect.draDriver {
				uuids = append(uuids, uuid)
			}
		}
	}
	return uuids
}
