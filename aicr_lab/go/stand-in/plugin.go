package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

// plugin counts the devices as an extended resource.
type plugin struct {
	api.UnimplementedDevicePluginServer
	inventory
}

// servePlugin serves until the end; a kubelet that starts anew removes the sockets of all plugins, and is told again.
func servePlugin(ctx context.Context, found inventory, kubelet string) error {
	directory := filepath.Join(kubelet, "device-plugins")
	socket := filepath.Join(directory, strings.ReplaceAll(found.Resource, "/", "-")+".sock")
	for ctx.Err() == nil {
		if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		listener, err := net.Listen("unix", socket)
		if err != nil {
			return err
		}
		server := grpc.NewServer()
		api.RegisterDevicePluginServer(server, &plugin{inventory: found})
		go server.Serve(listener)
		if err := register(ctx, found.Resource, filepath.Join(directory, "kubelet.sock"), filepath.Base(socket)); err != nil {
			return err
		}
		for there := true; there && ctx.Err() == nil; time.Sleep(time.Second) {
			_, err := os.Stat(socket)
			there = err == nil
		}
		server.Stop()
	}
	return nil
}

func register(ctx context.Context, resource, kubelet, endpoint string) error {
	connection, err := grpc.NewClient("unix://"+kubelet, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	deadline, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request := &api.RegisterRequest{Version: api.Version, Endpoint: endpoint, ResourceName: resource}
	_, err = api.NewRegistrationClient(connection).Register(deadline, request, grpc.WaitForReady(true))
	return err
}

func (p *plugin) GetDevicePluginOptions(context.Context, *api.Empty) (*api.DevicePluginOptions, error) {
	return &api.DevicePluginOptions{}, nil
}

func (p *plugin) ListAndWatch(_ *api.Empty, stream grpc.ServerStreamingServer[api.ListAndWatchResponse]) error {
	var devices []*api.Device
	for _, each := range p.Devices {
		devices = append(devices, &api.Device{ID: each.ID, Health: api.Healthy})
	}
	if err := stream.Send(&api.ListAndWatchResponse{Devices: devices}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

func (p *plugin) Allocate(_ context.Context, request *api.AllocateRequest) (*api.AllocateResponse, error) {
	response := &api.AllocateResponse{}
	for _, container := range request.GetContainerRequests() {
		given := &api.ContainerAllocateResponse{}
		for _, each := range p.Mounts {
			given.Mounts = append(given.Mounts, &api.Mount{ContainerPath: each.Path, HostPath: each.HostPath, ReadOnly: true})
		}
		nodes := append([]node{}, p.Shared...)
		for _, id := range container.GetDevicesIds() {
			own, err := p.identified(id)
			if err != nil {
				return nil, err
			}
			nodes = append(nodes, own.Nodes...)
		}
		for _, each := range nodes {
			given.Devices = append(given.Devices, &api.DeviceSpec{ContainerPath: each.Path, HostPath: each.HostPath, Permissions: "rw"})
		}
		response.ContainerResponses = append(response.ContainerResponses, given)
	}
	return response, nil
}

func (p *plugin) identified(id string) (device, error) {
	for _, each := range p.Devices {
		if each.ID == id {
			return each, nil
		}
	}
	return device{}, fmt.Errorf("there is no device %s", id)
}
