package main

import (
	"fmt"
	"strings"
)

// field is one metric: the exporter's name, type and help text.
type field struct {
	name, kind, help string
	value            func(gpu, meter) float64
}

// partlyActive is how busy a part of a GPU is: there is no utilization of it.
const partlyActive = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"

// ofWholes are metrics that DCGM has not of parts of GPUs.
var ofWholes = map[string]bool{"DCGM_FI_DEV_GPU_UTIL": true, "DCGM_FI_DEV_MEM_COPY_UTIL": true}

// tells whether there is such a metric of a GPU, or of a part of one.
func (f field) tells(each gpu) bool {
	if each.instance != "" {
		return !ofWholes[f.name]
	}
	return f.name != partlyActive
}

// dialect is how one vendor's exporter speaks, and what the vendor's programs call a GPU.
type dialect struct {
	fields         []field
	labels         func(each gpu, node, driver string) string
	free           string // labels of a GPU that nobody holds
	draDriver      string
	resourcePrefix string
	deviceName     func(gpu) string // in a ResourceSlice
	pluginID       func(gpu) string
}

var dialects = map[string]dialect{
	"nvidia": {
		fields: dcgmFields,
		labels: func(each gpu, node, driver string) string {
			labels := fmt.Sprintf(`gpu="%d",UUID="%s",pci_bus_id="%s",device="nvidia%d",modelName="%s",Hostname="%s",DCGM_FI_DRIVER_VERSION="%s"`,
				each.index, each.uuid, strings.ToUpper(each.pci), each.index, each.model, node, driver)
			if each.instance != "" {
				labels += fmt.Sprintf(`,GPU_I_PROFILE="%s",GPU_I_ID="%s"`, each.profile, each.instance)
			}
			return labels
		},
		draDriver:      "gpu.nvidia.com",
		resourcePrefix: "nvidia.com/",
		deviceName:     gpu.deviceName,
		pluginID:       gpu.id,
	},
	"amd": {
		fields: amdFields,
		labels: func(each gpu, node, driver string) string {
			return fmt.Sprintf(`card_model="102-G30211-0C",card_series="%s",card_vendor="Advanced Micro Devices Inc",driver_version="%s",`+
				`gpu_compute_partition_type="spx",gpu_id="%d",gpu_memory_partition_type="nps1",gpu_partition_id="0",hostname="%s",serial_number="%s"`,
				strings.ReplaceAll(each.model, "_", " "), driver, each.index, node, each.serial)
		},
		free:           `,container="",namespace="",pod=""`,
		draDriver:      "gpu.amd.com",
		resourcePrefix: "amd.com/",
		deviceName:     func(each gpu) string { return fmt.Sprintf("gpu-%d-%d", each.index, 128+each.index) },
		pluginID:       func(each gpu) string { return each.pci },
	},
}

var dcgmFields = []field{
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

var amdFields = []field{
	{"gpu_gfx_activity", "gauge", "Graphics engine usage percentage (0 - 100).", func(g gpu, _ meter) float64 { return g.utilization }},
	{"gpu_umc_activity", "gauge", "Memory engine usage percentage (0 - 100).", func(g gpu, _ meter) float64 { return g.memoryBusy }},
	{"gpu_used_vram", "gauge", "Used VRAM memory in MB.", func(g gpu, _ meter) float64 { return g.memoryUsed }},
	{"gpu_total_vram", "gauge", "Total VRAM memory in MB.", func(g gpu, _ meter) float64 { return g.memory }},
	{"gpu_junction_temperature", "gauge", "Junction/hotspot temperature in Celsius.", func(g gpu, _ meter) float64 { return g.celsius }},
	{"gpu_package_power", "gauge", "Current socket power in Watts.", func(g gpu, _ meter) float64 { return g.watts }},
	{"gpu_energy_consumed", "gauge", "Accumulated energy consumed by the GPU in uJ.",
		func(_ gpu, m meter) float64 { return m.millijoules * 1000 }},
	{"gpu_xgmi_link_tx", "gauge", "Accumulated XGMI link data write in KB.", func(_ gpu, m meter) float64 { return m.nvlink * 1000 }},
}
