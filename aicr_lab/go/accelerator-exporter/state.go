package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// gpu is what the state file says about one GPU.
type gpu struct {
	index       int
	uuid        string
	serial      string
	model       string
	pci         string
	utilization float64 // percent
	memoryBusy  float64 // percent
	memory      float64 // MiB
	memoryUsed  float64 // MiB
	celsius     float64
	watts       float64
	instance    string // id of a part of it that this is about; empty for the GPU itself
	profile     string // of the part
	partUUID    string // of the part
}

// id tells a GPU, or a part of one, from all others.
func (g gpu) id() string {
	if g.partUUID != "" {
		return g.partUUID
	}
	return g.uuid
}

// deviceName is what NVIDIA's DRA driver calls it: of parts, ours have all the smallest profile.
func (g gpu) deviceName() string {
	if g.instance == "" {
		return fmt.Sprintf("gpu-%d", g.index)
	}
	id, _ := strconv.Atoi(g.instance)
	return fmt.Sprintf("gpu-%d-mig-%s-19-%d", g.index, strings.ReplaceAll(g.profile, ".", ""), id-7)
}

// state is a whole state file.
type state struct {
	driver string // version
	guest  bool   // the GPUs are virtual ones
	gpus   []gpu
}

// readState reads the state file of the driver below a root; c/state.h describes the format.
func readState(driverRoot string) (state, error) {
	found, _ := filepath.Glob(filepath.Join(driverRoot, "usr/lib/*/libnvidia-lab-gpus.so.*"))
	if len(found) == 0 {
		return state{}, fmt.Errorf("no driver in %s", driverRoot)
	}
	text, err := readShared(found[0])
	if err != nil {
		return state{}, err
	}
	sections := parse(text)
	result := state{driver: sections["driver"]["version"], guest: sections["profile"]["guest"] == "yes"}
	for index := 0; ; index++ {
		own, there := sections[fmt.Sprintf("gpu %d", index)]
		if !there {
			return result, nil
		}
		value := func(key string) string {
			if mine, there := own[key]; there {
				return mine
			}
			return sections["profile"][key]
		}
		number := func(key string) float64 {
			parsed, _ := strconv.ParseFloat(value(key), 64)
			return parsed
		}
		if value("lost") == "yes" {
			continue // NVML answers nothing about it, so DCGM shows nothing
		}
		whole := gpu{
			index:       int(number("minor")),
			uuid:        value("uuid"),
			serial:      value("serial"),
			model:       value("name"),
			pci:         value("pci"),
			utilization: number("utilization"),
			memoryBusy:  number("memory utilization"),
			memory:      number("memory"),
			memoryUsed:  number("memory used"),
			celsius:     number("temperature"),
			watts:       number("power mw") / 1000,
		}
		parts := partsOf(whole, own, sections["profile"])
		if len(parts) == 0 {
			parts = []gpu{whole} // of a partitioned GPU, DCGM shows the parts alone
		}
		result.gpus = append(result.gpus, parts...)
	}
}

// partsOf gives the instances of a partitioned GPU; sensors are those of the GPU.
func partsOf(whole gpu, own, profile map[string]string) []gpu {
	var parts []gpu
	for id := range 16 {
		key := fmt.Sprintf("mig %d", id)
		if own[key] == "" {
			continue
		}
		number := func(text string) float64 {
			parsed, _ := strconv.ParseFloat(text, 64)
			return parsed
		}
		part := whole
		part.instance, part.profile, part.partUUID = strconv.Itoa(id), "1g.10gb", own[key]
		part.utilization, part.memoryUsed = number(own[key+" utilization"]), number(own[key+" memory used"])
		part.memory = number(profile["mig memory"])
		parts = append(parts, part)
	}
	return parts
}

// readShared reads a file that is rewritten in place under an exclusive lock.
func readShared(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_SH); err != nil {
		return "", err
	}
	var content bytes.Buffer
	_, err = content.ReadFrom(file)
	return content.String(), err
}

func parse(text string) map[string]map[string]string {
	sections := map[string]map[string]string{}
	var current map[string]string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			current = map[string]string{}
			sections[line[1:len(line)-1]] = current
		} else if key, value, ok := strings.Cut(line, "="); ok && current != nil && !strings.HasPrefix(line, "#") {
			current[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return sections
}
