package main

import (
	"sync"
	"time"
)

// What a GPU at full load moves, per second: figures of an H100 under a collective.
const (
	nvlinkMegabytes = 250_000
	pcieBytes       = 20e9
)

// meter holds the counters of one GPU, which grow with what it does.
type meter struct {
	millijoules float64
	nvlink      float64 // megabytes
}

// meters counts for every GPU from the start of the program.
type meters struct {
	driverRoot string
	lock       sync.Mutex
	byUUID     map[string]meter
}

func newMeters(driverRoot string) *meters {
	return &meters{driverRoot: driverRoot, byUUID: map[string]meter{}}
}

func (m *meters) integrate(every time.Duration) {
	for range time.Tick(every) {
		now, err := readState(m.driverRoot)
		if err != nil {
			continue // the next scrape says so
		}
		m.lock.Lock()
		for _, each := range now.gpus {
			counted := m.byUUID[each.id()]
			counted.millijoules += each.watts * 1000 * every.Seconds()
			counted.nvlink += each.utilization / 100 * nvlinkMegabytes * every.Seconds()
			m.byUUID[each.id()] = counted
		}
		m.lock.Unlock()
	}
}

func (m *meters) of(uuid string) meter {
	m.lock.Lock()
	defer m.lock.Unlock()
	return m.byUUID[uuid]
}
