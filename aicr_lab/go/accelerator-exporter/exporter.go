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

type exporter struct {
	node       string
	driverRoot string
	dialect    dialect
	holders    *holders
	meters     *meters

	lock   sync.Mutex
	frozen string // what the defect "stale" shows
}

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
	shown := e.dialect.fields
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
			if !field.tells(each.gpu) {
				continue
			}
			labels := e.dialect.labels(each.gpu, e.node, driver)
			value := strconv.FormatFloat(field.value(each.gpu, each.meter), 'f', -1, 64)
			for _, suffix := range podLabels(each.holders, e.dialect.free) {
				fmt.Fprintf(&text, "%s%s{%s%s} %s%s\n", head, field.name, labels, suffix, value, timestamp)
				head = ""
			}
		}
	}
	return text.String()
}

// podLabels gives one set of labels per holder; a free GPU has one series, with those of nobody.
func podLabels(holders []holder, free string) []string {
	if len(holders) == 0 {
		return []string{free}
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
		shown[i].serial, shown[i].instance, shown[i].profile, shown[i].partUUID = each.serial, each.instance, each.profile, each.partUUID
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
		shown[1].uuid, shown[1].serial = shown[0].uuid, shown[0].serial
	}
	if defects["missing-device"] {
		shown = shown[:count-1]
	}
	return shown
}
