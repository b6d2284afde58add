package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"strings"

	resourceapi "k8s.io/api/resource/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/dynamic-resource-allocation/kubeletplugin"
	"k8s.io/dynamic-resource-allocation/resourceslice"
)

// driver gives claims their devices by CDI files, one per claim.
type driver struct {
	inventory
	pool    string
	cdiRoot string
}

func serveDriver(ctx context.Context, found inventory, nodeName, kubeconfig, cdiRoot, kubelet string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	data := filepath.Join(kubelet, "plugins", found.Driver)
	if err := os.MkdirAll(data, 0o750); err != nil {
		return err
	}
	helper, err := kubeletplugin.Start(ctx, &driver{found, nodeName, cdiRoot},
		kubeletplugin.DriverName(found.Driver),
		kubeletplugin.NodeName(nodeName),
		kubeletplugin.KubeClient(client),
		kubeletplugin.RegistrarDirectoryPath(filepath.Join(kubelet, "plugins_registry")),
		kubeletplugin.PluginDataDirectoryPath(data),
	)
	if err != nil {
		return err
	}
	defer helper.Stop()
	pools := map[string]resourceslice.Pool{nodeName: {Slices: []resourceslice.Slice{{Devices: published(found)}}}}
	if err := helper.PublishResources(ctx, resourceslice.DriverResources{Pools: pools}); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func published(found inventory) []resourceapi.Device {
	var devices []resourceapi.Device
	for _, each := range found.Devices {
		attributes := map[resourceapi.QualifiedName]resourceapi.DeviceAttribute{}
		for name, value := range each.Attributes {
			attributes[resourceapi.QualifiedName(name)] = resourceapi.DeviceAttribute{StringValue: &value}
		}
		for name, value := range each.Versions {
			attributes[resourceapi.QualifiedName(name)] = resourceapi.DeviceAttribute{VersionValue: &value}
		}
		capacity := map[resourceapi.QualifiedName]resourceapi.DeviceCapacity{}
		for name, value := range each.Capacity {
			capacity[resourceapi.QualifiedName(name)] = resourceapi.DeviceCapacity{Value: resource.MustParse(value)}
		}
		devices = append(devices, resourceapi.Device{Name: each.Name, Attributes: attributes, Capacity: capacity})
	}
	return devices
}

func (d *driver) PrepareResourceClaims(_ context.Context, claims []*resourceapi.ResourceClaim) (map[types.UID]kubeletplugin.PrepareResult, error) {
	results := map[types.UID]kubeletplugin.PrepareResult{}
	for _, claim := range claims {
		devices, err := d.prepare(claim)
		results[claim.UID] = kubeletplugin.PrepareResult{Devices: devices, Err: err}
	}
	return results, nil
}

func (d *driver) prepare(claim *resourceapi.ResourceClaim) ([]kubeletplugin.Device, error) {
	var prepared []kubeletplugin.Device
	var described []cdiDevice
	for _, result := range claim.Status.Allocation.Devices.Results {
		if result.Driver != d.Driver {
			continue
		}
		own, err := d.named(result.Device)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("%s-%s", claim.UID, own.Name)
		described = append(described, cdiDevice{name, d.edits(own)})
		prepared = append(prepared, kubeletplugin.Device{
			Requests:     []string{result.Request},
			PoolName:     result.Pool,
			DeviceName:   result.Device,
			CDIDeviceIDs: []string{d.CDIKind + "=" + name},
		})
	}
	return prepared, d.write(claim.UID, described)
}

func (d *driver) named(name string) (device, error) {
	for _, each := range d.Devices {
		if each.Name == name {
			return each, nil
		}
	}
	return device{}, fmt.Errorf("there is no device %s", name)
}

// The parts of a CDI file that are used here.
type cdiDevice struct {
	Name  string   `json:"name"`
	Edits cdiEdits `json:"containerEdits"`
}

type cdiEdits struct {
	DeviceNodes []cdiNode  `json:"deviceNodes"`
	Mounts      []cdiMount `json:"mounts,omitempty"`
}

type cdiNode struct {
	Path        string `json:"path"`
	HostPath    string `json:"hostPath"`
	Permissions string `json:"permissions"`
}

type cdiMount struct {
	HostPath      string   `json:"hostPath"`
	ContainerPath string   `json:"containerPath"`
	Options       []string `json:"options"`
}

func (d *driver) edits(own device) cdiEdits {
	var edits cdiEdits
	for _, each := range append(append([]node{}, d.Shared...), own.Nodes...) {
		edits.DeviceNodes = append(edits.DeviceNodes, cdiNode{each.Path, each.HostPath, "rw"})
	}
	for _, each := range d.Mounts {
		edits.Mounts = append(edits.Mounts, cdiMount{each.HostPath, each.Path, []string{"ro", "nosuid", "nodev", "bind"}})
	}
	return edits
}

func (d *driver) file(claim types.UID) string {
	return filepath.Join(d.cdiRoot, fmt.Sprintf("%s_%s.json", strings.ReplaceAll(d.CDIKind, "/", "-"), claim))
}

func (d *driver) write(claim types.UID, devices []cdiDevice) error {
	text, err := json.Marshal(map[string]any{"cdiVersion": "0.6.0", "kind": d.CDIKind, "devices": devices})
	if err != nil {
		return err
	}
	// Whole or not at all: the runtime reads the directory at any time.
	unfinished := d.file(claim) + ".new"
	if err := os.WriteFile(unfinished, text, 0o644); err != nil {
		return err
	}
	return os.Rename(unfinished, d.file(claim))
}

func (d *driver) UnprepareResourceClaims(_ context.Context, claims []kubeletplugin.NamespacedObject) (map[types.UID]error, error) {
	results := map[types.UID]error{}
	for _, claim := range claims {
		err := os.Remove(d.file(claim.UID))
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		results[claim.UID] = err
	}
	return results, nil
}

func (d *driver) WatchHealthStatus(context.Context, chan<- kubeletplugin.DeviceHealthReport) error {
	return kubeletplugin.ErrHealthNotSupported
}

func (d *driver) HandleError(_ context.Context, err error, message string) {
	log.Printf("%s: %v", message, err)
}
