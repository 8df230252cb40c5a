package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/cgroups"
)

func eventsCommand(a *app) *cli.Command {
	return &cli.Command{
		Name:      "events",
		Usage:     "write statistics and out-of-memory events of a container",
		ArgsUsage: "ID",
		Description: "Each event is a line of JSON, with the type stats or oom. The command stays until the container ends,\n" +
			"unless --stats is given.",
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "interval", Value: 5 * time.Second, Usage: "`TIME` between statistics, such as 500ms"},
			&cli.BoolFlag{Name: "stats", Usage: "write the statistics once"},
		},
		Action: withID(0, func(ctx context.Context, cmd *cli.Command, id string) error {
			interval := cmd.Duration("interval")
			if interval <= 0 {
				return fmt.Errorf("--interval %s is not above 0", interval)
			}
			c, err := a.load(id)
			if err != nil {
				return err
			}
			if state, err := a.stateOf(c); err != nil {
				return err
			} else if state.Status == stopped || state.Status == creating {
				return fmt.Errorf("container not running: %q is %s", id, state.Status)
			}
			if cmd.Bool("stats") {
				return writeStats(cmd.Root().Writer, c)
			}
			return a.events(ctx, cmd.Root().Writer, c, interval)
		}),
	}
}

// event is a line of what events writes.
type event struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Data any    `json:"data,omitempty"`
}

func writeEvent(w io.Writer, e *event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

func writeStats(w io.Writer, c *libcontainer.Instance) error {
	s, err := c.Stats()
	if err != nil {
		return engineError(err)
	}
	return writeEvent(w, &event{"stats", c.ID(), statsOf(s)})
}

// events writes until the container's first process has ended.
func (a *app) events(ctx context.Context, w io.Writer, c *libcontainer.Instance, interval time.Duration) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	oom, err := c.NotifyOOM()
	if err != nil {
		a.log.warn(fmt.Errorf("no out-of-memory events: %w", err))
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = c.Wait(ctx)
	}()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case _, ok := <-oom:
			if !ok {
				oom = nil
				continue
			}
			err = writeEvent(w, &event{Type: "oom", ID: c.ID()})
		case <-ticker.C:
			err = writeStats(w, c)
		case <-ended:
			return flushOOM(w, c, oom)
		}
		if errors.Is(err, libcontainer.ContainerNotExists) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// flushOOM writes what was there before the end.
func flushOOM(w io.Writer, c *libcontainer.Instance, oom <-chan struct{}) error {
	for {
		select {
		case _, ok := <-oom:
			if !ok {
				return nil
			}
			if err := writeEvent(w, &event{Type: "oom", ID: c.ID()}); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// The JSON of statistics is what engines parse.
type stats struct {
	CPU struct {
		Usage      cpuUsage     `json:"usage"`
		Throttling throttling   `json:"throttling"`
		PSI        *cgroups.PSI `json:"psi,omitempty"`
	} `json:"cpu"`
	CPUSet struct{} `json:"cpuset"`
	Memory struct {
		Cache     uint64            `json:"cache,omitempty"`
		Usage     memoryUsage       `json:"usage"`
		Swap      memoryUsage       `json:"swap"`
		Kernel    memoryUsage       `json:"kernel"`
		KernelTCP memoryUsage       `json:"kernelTCP"`
		Raw       map[string]uint64 `json:"raw,omitempty"`
		PSI       *cgroups.PSI      `json:"psi,omitempty"`
	} `json:"memory"`
	Pids struct {
		Current uint64 `json:"current,omitempty"`
		Limit   uint64 `json:"limit,omitempty"`
	} `json:"pids"`
	Blkio             blkio                   `json:"blkio"`
	Hugetlb           map[string]hugetlbUsage `json:"hugetlb"`
	IntelRdt          intelRdt                `json:"intel_rdt"`
	NetworkInterfaces []networkInterface      `json:"network_interfaces"`
}

type cpuUsage struct {
	Total  uint64   `json:"total,omitempty"`
	Percpu []uint64 `json:"percpu,omitempty"`
	Kernel uint64   `json:"kernel"`
	User   uint64   `json:"user"`
}

type throttling struct {
	Periods          uint64 `json:"periods,omitempty"`
	ThrottledPeriods uint64 `json:"throttledPeriods,omitempty"`
	ThrottledTime    uint64 `json:"throttledTime,omitempty"`
}

type memoryUsage struct {
	Limit   uint64 `json:"limit"`
	Usage   uint64 `json:"usage,omitempty"`
	Max     uint64 `json:"max,omitempty"`
	Failcnt uint64 `json:"failcnt"`
}

type hugetlbUsage struct {
	Usage   uint64 `json:"usage,omitempty"`
	Max     uint64 `json:"max,omitempty"`
	Failcnt uint64 `json:"failcnt"`
}

type blkio struct {
	ServiceBytes []cgroups.BlkioStatEntry `json:"ioServiceBytesRecursive,omitempty"`
	Serviced     []cgroups.BlkioStatEntry `json:"ioServicedRecursive,omitempty"`
	Queued       []cgroups.BlkioStatEntry `json:"ioQueueRecursive,omitempty"`
	ServiceTime  []cgroups.BlkioStatEntry `json:"ioServiceTimeRecursive,omitempty"`
	WaitTime     []cgroups.BlkioStatEntry `json:"ioWaitTimeRecursive,omitempty"`
	Merged       []cgroups.BlkioStatEntry `json:"ioMergedRecursive,omitempty"`
	Time         []cgroups.BlkioStatEntry `json:"ioTimeRecursive,omitempty"`
	Sectors      []cgroups.BlkioStatEntry `json:"sectorsRecursive,omitempty"`
	PSI          *cgroups.PSI             `json:"psi,omitempty"`
}

// intelRdt is empty for a container without groups in resctrl.
type intelRdt struct {
	Schemata []string                       `json:"schemata,omitempty"`
	Counters []libcontainer.ResctrlCounters `json:"counters,omitempty"`
}

type networkInterface struct {
	Name      string
	RxBytes   uint64
	RxPackets uint64
	RxErrors  uint64
	RxDropped uint64
	TxBytes   uint64
	TxPackets uint64
	TxErrors  uint64
	TxDropped uint64
}

func memoryOf(d cgroups.MemoryData) memoryUsage {
	return memoryUsage{Limit: d.Limit, Usage: d.Usage, Max: d.MaxUsage, Failcnt: d.Failcnt}
}

func statsOf(s *libcontainer.Stats) *stats {
	out := &stats{Hugetlb: make(map[string]hugetlbUsage), NetworkInterfaces: []networkInterface{}}
	if c := s.CgroupStats; c != nil {
		usage, throttled := c.CpuStats.CpuUsage, c.CpuStats.ThrottlingData
		out.CPU.Usage = cpuUsage{usage.TotalUsage, usage.PercpuUsage, usage.UsageInKernelmode, usage.UsageInUsermode}
		out.CPU.Throttling = throttling{throttled.Periods, throttled.ThrottledPeriods, throttled.ThrottledTime}
		out.CPU.PSI = c.CpuStats.PSI
		m := c.MemoryStats
		out.Memory.Cache, out.Memory.Raw, out.Memory.PSI = m.Cache, m.Stats, m.PSI
		out.Memory.Usage, out.Memory.Swap, out.Memory.Kernel = memoryOf(m.Usage), memoryOf(m.SwapUsage), memoryOf(m.KernelUsage)
		out.Memory.KernelTCP = memoryOf(m.KernelTCPUsage)
		out.Pids.Current, out.Pids.Limit = c.PidsStats.Current, c.PidsStats.Limit
		b := c.BlkioStats
		out.Blkio = blkio{b.IoServiceBytesRecursive, b.IoServicedRecursive, b.IoQueuedRecursive, b.IoServiceTimeRecursive,
			b.IoWaitTimeRecursive, b.IoMergedRecursive, b.IoTimeRecursive, b.SectorsRecursive, b.PSI}
		for size, h := range c.HugetlbStats {
			out.Hugetlb[size] = hugetlbUsage{Usage: h.Usage, Max: h.MaxUsage, Failcnt: h.Failcnt}
		}
	}
	if s.IntelRdt != nil {
		out.IntelRdt = intelRdt{s.IntelRdt.Schemata, s.IntelRdt.Counters}
	}
	for _, i := range s.Interfaces {
		out.NetworkInterfaces = append(out.NetworkInterfaces, networkInterface(*i))
	}
	return out
}
