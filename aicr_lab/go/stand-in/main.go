// stand-in hands out the simulated devices of a node under the names of a vendor whose own programs cannot run here: as
// a DRA driver, or as a device plugin.
//
// Which devices there are, what they are called and which device nodes belong to each stands in a file; nothing in here
// is of a vendor.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"
)

// inventory is the file: what the node has.
type inventory struct {
	Driver   string   `json:"driver"`   // of the ResourceSlices
	Resource string   `json:"resource"` // extended resource of the device plugin
	CDIKind  string   `json:"cdi_kind"` // vendor/class of the CDI devices
	Shared   []node   `json:"shared_nodes"`
	Mounts   []mount  `json:"mounts"`
	Devices  []device `json:"devices"`
}

type device struct {
	Name       string            `json:"name"` // in the ResourceSlice
	ID         string            `json:"id"`   // of the device plugin
	Attributes map[string]string `json:"attributes"`
	Versions   map[string]string `json:"versions"` // attributes that are versions
	Capacity   map[string]string `json:"capacity"`
	Nodes      []node            `json:"nodes"`
}

// node is a device node: where a container has it, and where it is on the host.
type node struct {
	Path     string `json:"path"`
	HostPath string `json:"host_path"`
}

type mount struct {
	Path     string `json:"path"`
	HostPath string `json:"host_path"`
}

func read(path string) (inventory, error) {
	var found inventory
	text, err := os.ReadFile(path)
	if err != nil {
		return found, err
	}
	return found, json.Unmarshal(text, &found)
}

func main() {
	file := flag.String("inventory", "", "file that says what there is")
	as := flag.String("as", "dra", "dra or device-plugin")
	nodeName := flag.String("node-name", "", "name of the node")
	kubeconfig := flag.String("kubeconfig", "", "credentials of the node")
	cdiRoot := flag.String("cdi-root", "/run/cdi", "directory of CDI files")
	kubelet := flag.String("kubelet", "/var/lib/kubelet", "directory of the kubelet")
	flag.Parse()

	found, err := read(*file)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if *as == "device-plugin" {
		err = servePlugin(ctx, found, *kubelet)
	} else {
		err = serveDriver(ctx, found, *nodeName, *kubeconfig, *cdiRoot, *kubelet)
	}
	if err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}
