package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// field is one metric: dcgm-exporter's name, type and help text.
type field struct {
	name, kind, help string
	value            func(gpu, meter) float64
}

// nothing is what DCGM says of a sensor that a virtual GPU has not, where it says anything.
func nothing(gpu, meter) float64 { return 0 }

// ofGuests are the metrics of virtual GPUs: the hardware's sensors are the host's.
var ofGuests = []field{
	{"DCGM_FI_DEV_MEMORY_TEMP", "gauge", "Memory temperature (in C).", nothing},
	{"DCGM_FI_DEV_GPU_UTIL", "gauge", "GPU utilization (in %).", func(g gpu, _ meter) float64 { return g.utilization }},
	{"DCGM_FI_DEV_FB_FREE", "gauge", "Framebuffer memory free (in MiB).",
		func(g gpu, _ meter) float64 { return g.memory - g.memoryUsed }},
	{"DCGM_FI_DEV_FB_USED", "gauge", "Framebuffer memory used (in MiB).", func(g gpu, _ meter) float64 { return g.memoryUsed }},
	{"DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL", "counter", "Total number of NVLink bandwidth counters for all lanes.", nothing},
}

var fields = []field{
	{"DCGM_FI_DEV_GPU_TEMP", "gauge", "GPU temperature (in C).", func(g gpu, _ meter) float64 { return g.celsius }},
	{"DCGM_FI_DEV_POWER_USAGE", "gauge", "Power draw (in W).", func(g gpu, _ meter) float64 { return g.watts }},
	{"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "counter", "Total energy consumption since boot (in mJ).",
		func(_ gpu, m meter) float64 { return m.millijoules }},
	{"DCGM_FI_DEV_GPU_UTIL", "gauge", "GPU utilization (in %).", func(g gpu, _ meter) float64 { return g.utilization }},
	{"DCGM_FI_DEV_MEM_COPY_UTIL", "gauge", "Memory utilization (in %).", func(g gpu, _ meter) float64 { return g.memoryBusy }},
	{"DCGM_FI_DEV_FB_FREE", "gauge", "Framebuffer memory free (in MiB).",
		func(g gpu, _ meter) float64 { return g.memory - g.memoryUsed }},
	{"DCGM_FI_DEV_FB_USED", "gauge", "Framebuffer memory used (in MiB).", func(g gpu, _ meter) float64 { return g.memoryUsed }},
	{"DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL", "counter", "Total number of NVLink bandwidth counters for all lanes.",
		func(_ gpu, m meter) float64 { return m.nvlink }},
	{partlyActive, "gauge", "Ratio of time the graphics engine is active.",
		func(g gpu, _ meter) float64 { return g.utilization / 100 }},
	{"DCGM_FI_PROF_PCIE_TX_BYTES", "gauge", "The rate of data transmitted over the PCIe bus (in bytes per second).",
		func(g gpu, _ meter) float64 { return g.utilization / 100 * pcieBytes }},
	{"DCGM_FI_PROF_PCIE_RX_BYTES", "gauge", "The rate of data received over the PCIe bus (in bytes per second).",
		func(g gpu, _ meter) float64 { return g.utilization / 100 * pcieBytes }},
}

type exporter struct {
	node       string
	driverRoot string
	holders    *holders
	meters     *meters

	lock   sync.Mutex
	frozen string // what the defect "stale" shows
}

// partlyActive is how busy a part of a GPU is: there is no utilization of it.
const partlyActive = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"

// ofWholes are metrics that DCGM has not of parts of GPUs.
var ofWholes = map[string]bool{"DCGM_FI_DEV_GPU_UTIL": true, "DCGM_FI_DEV_MEM_COPY_UTIL": true}

// reading is one GPU, who holds it, and its counters.
type reading struct {
	gpu
	meter   meter
	holders []holder
}

func (e *exporter) ServeHTTP(out http.ResponseWriter, _ *http.Request) {
	defects := e.defects()
	if defects["html"] {
		out.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(out, "<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>\n")
		return
	}
	text, err := e.page(defects)
	if err != nil {
		http.Error(out, err.Error(), http.StatusInternalServerError)
		return
	}
	out.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	io.WriteString(out, text)
}

func (e *exporter) page(defects map[string]bool) (string, error) {
	e.lock.Lock()
	defer e.lock.Unlock()
	if !defects["stale"] {
		e.frozen = ""
	} else if e.frozen != "" {
		return e.frozen, nil
	}
	now, err := readState(e.driverRoot)
	if err != nil {
		return "", err
	}
	held, err := e.holders.of(now.gpus)
	if err != nil {
		return "", err
	}
	readings := make([]reading, len(now.gpus))
	for i, each := range now.gpus {
		readings[i] = reading{each, e.meters.of(each.id()), held[each.id()]}
	}
	timestamp := ""
	if defects["stale"] {
		timestamp = " " + strconv.FormatInt(time.Now().Add(-10*time.Minute).UnixMilli(), 10)
	}
	shown := fields
	if now.guest {
		shown = ofGuests
	}
	text := e.render(shown, distorted(readings, defects), now.driver, timestamp)
	if defects["stale"] {
		e.frozen = text
	}
	return text, nil
}

func (e *exporter) render(fields []field, readings []reading, driver, timestamp string) string {
	var text strings.Builder
	for _, field := range fields {
		head := fmt.Sprintf("# HELP %s %s\n# TYPE %s %s\n", field.name, field.help, field.name, field.kind)
		for _, each := range readings {
			if (each.instance != "" && ofWholes[field.name]) || (each.instance == "" && field.name == partlyActive) {
				continue
			}
			labels := fmt.Sprintf(`gpu="%d",UUID="%s",pci_bus_id="%s",device="nvidia%d",modelName="%s",Hostname="%s",DCGM_FI_DRIVER_VERSION="%s"`,
				each.index, each.uuid, strings.ToUpper(each.pci), each.index, each.model, e.node, driver)
			if each.instance != "" {
				labels += fmt.Sprintf(`,GPU_I_PROFILE="%s",GPU_I_ID="%s"`, each.profile, each.instance)
			}
			value := strconv.FormatFloat(field.value(each.gpu, each.meter), 'f', -1, 64)
			for _, suffix := range podLabels(each.holders) {
				fmt.Fprintf(&text, "%s%s{%s%s} %s%s\n", head, field.name, labels, suffix, value, timestamp)
				head = ""
			}
		}
	}
	return text.String()
}

// podLabels gives one set of labels per holder; a free GPU has one series without them.
func podLabels(holders []holder) []string {
	if len(holders) == 0 {
		return []string{""}
	}
	var sets []string
	for _, who := range holders {
		sets = append(sets, fmt.Sprintf(`,container="%s",namespace="%s",pod="%s"`, who.container, who.namespace, who.pod))
	}
	return sets
}

// defects are words in a file of the node; without the file the exporter is healthy.
func (e *exporter) defects() map[string]bool {
	text, _ := os.ReadFile(filepath.Join(e.driverRoot, "exporter-defects"))
	found := map[string]bool{}
	for _, word := range strings.Fields(string(text)) {
		found[word] = true
	}
	return found
}

// distorted gives the readings as a broken exporter would.
func distorted(readings []reading, defects map[string]bool) []reading {
	count := len(readings)
	if count == 0 {
		return readings
	}
	highest, sum, held := 0.0, 0.0, 0.0
	for _, each := range readings {
		highest = max(highest, each.utilization)
		if len(each.holders) > 0 {
			sum, held = sum+each.utilization, held+1
		}
	}
	shown := make([]reading, count)
	for i, each := range readings {
		source := each
		if defects["wrong-device"] {
			source = readings[(i+count-1)%count]
		}
		shown[i] = source
		shown[i].index, shown[i].uuid, shown[i].pci, shown[i].holders = each.index, each.uuid, each.pci, each.holders
		shown[i].instance, shown[i].profile, shown[i].partUUID = each.instance, each.profile, each.partUUID
		if defects["static"] {
			shown[i].utilization, shown[i].memoryUsed, shown[i].celsius, shown[i].watts = 42, 1024, 45, 250
			shown[i].meter = meter{millijoules: 1e6, nvlink: 1e6}
		}
		if i == max(0, count-3) { // a single one of several
			if defects["one-always-busy"] {
				shown[i].utilization = 97
			}
			if defects["one-never-busy"] {
				shown[i].utilization = 0
			}
		}
		if defects["cluster-wide"] {
			shown[i].utilization = highest
		}
		if defects["average"] && len(each.holders) > 0 {
			shown[i].utilization = sum / held
		}
		if defects["no-pod-labels"] {
			shown[i].holders = nil
		}
	}
	if defects["duplicate-uuid"] && count > 1 {
		shown[1].uuid = shown[0].uuid
	}
	if defects["missing-device"] {
		shown = shown[:count-1]
	}
	return shown
}
