// accelerator-exporter serves the readings of a node's simulated GPUs under the names, labels and types of NVIDIA's
// dcgm-exporter.
//
// Readings come from the state file that NVML reads too, so that nvidia-smi in a container and this program agree.
// Who holds a GPU comes from the kubelet's pod-resources API, as with dcgm-exporter.
package main

import (
	"flag"
	"log"
	"net/http"
	"time"
)

func main() {
	listen := flag.String("listen", ":9400", "address to serve on")
	driverRoot := flag.String("driver-root", "/run/nvidia/driver", "root of the node's driver")
	socket := flag.String("pod-resources", "/var/lib/kubelet/pod-resources/kubelet.sock", "the kubelet's socket")
	node := flag.String("node", "", "name of the node, which becomes the label Hostname")
	vendor := flag.String("vendor", "nvidia", "whose exporter it speaks like: nvidia (dcgm-exporter) or amd (device-metrics-exporter)")
	flag.Parse()

	dialect, known := dialects[*vendor]
	if !known {
		log.Fatalf("-vendor %s: nvidia or amd", *vendor)
	}
	holders, err := newHolders(*socket, dialect)
	if err != nil {
		log.Fatal(err)
	}
	meters := newMeters(*driverRoot)
	go meters.integrate(time.Second)

	exporter := &exporter{node: *node, driverRoot: *driverRoot, dialect: dialect, holders: holders, meters: meters}
	http.Handle("/metrics", exporter)
	http.HandleFunc("/health", func(http.ResponseWriter, *http.Request) {})
	log.Fatal(http.ListenAndServe(*listen, nil))
}
