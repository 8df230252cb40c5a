// Metrics keeps programs running in containers, and tells Prometheus of them:
//
//	metrics [-listen ADDRESS] [-state DIR] /path/to/rootfs NAME='shell command' [NAME='…' ...]
//	curl localhost:9090/metrics
//
// What happens, and how long each step of a start takes, comes from an Observer as it happens; what the
// containers use is read when Prometheus asks.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/utils"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func main() {
	listen := flag.String("listen", "localhost:9090", "`address`")
	state := flag.String("state", "/run/metrics", "`directory` of the containers' state")
	flag.Parse()
	if flag.NArg() < 2 {
		log.Fatal("usage: metrics [-listen ADDRESS] [-state DIR] /path/to/rootfs NAME='shell command'...")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *listen, *state, flag.Arg(0), flag.Args()[1:]); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, listen, state, rootfs string, commands []string) error {
	rootfs, err := utils.ResolveRootfs(rootfs)
	if err != nil {
		return err
	}
	m := newMetrics()
	if m.runtime, err = libcontainer.Open(state, libcontainer.WithObserver(m, libcontainer.MediumPressure)); err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(m.starts, m.start, m.steps, m.exits, m.oom, m.pressure, m)
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))

	var programs sync.WaitGroup
	for _, c := range commands {
		name, command, _ := strings.Cut(c, "=")
		programs.Go(func() { m.keepRunning(ctx, rootfs, name, command) })
	}
	server := &http.Server{Addr: listen, ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	err = server.ListenAndServe()
	programs.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// keepRunning runs a program again and again, some time after it has ended.
func (m *metrics) keepRunning(ctx context.Context, rootfs, name, command string) {
	config := configs.Default()
	config.Rootfs, config.Hostname = rootfs, name
	config.Cgroups.Memory, config.Cgroups.PidsLimit = 64<<20, 64
	c, err := m.runtime.Create(ctx, name, config)
	if err != nil {
		log.Print(err)
		return
	}
	defer func() {
		if err := c.Destroy(); err != nil {
			log.Print(err)
		}
	}()
	for ctx.Err() == nil {
		_, err := c.Run(ctx, &libcontainer.Process{Args: []string{"/bin/sh", "-c", command}, Env: []string{"PATH=/usr/bin:/bin"}})
		if err != nil && ctx.Err() == nil {
			log.Print(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// metrics has what an observer counts, and collects what containers use.
type metrics struct {
	runtime                      *libcontainer.Runtime
	starts, exits, oom, pressure *prometheus.CounterVec
	start, steps                 *prometheus.HistogramVec
	cpu, memory, pids            *prometheus.Desc
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "container", Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "container", Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(100e-6, 2, 16),
		}, labels)
	}
	use := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("container_"+name, help, []string{"container"}, nil)
	}
	return &metrics{
		starts:   counter("starts_total", "Processes that were started, or failed to.", "kind", "result"),
		exits:    counter("exits_total", "Processes that have ended.", "container", "code"),
		oom:      counter("oom_kills_total", "Processes that were killed for want of memory.", "container"),
		pressure: counter("memory_pressure_total", "Times that memory became scarce.", "container"),
		start:    histogram("start_seconds", "Time of a start.", "kind"),
		steps:    histogram("start_step_seconds", "Time of a step of a start.", "kind", "step"),
		cpu:      use("cpu_seconds_total", "CPU time of a container."),
		memory:   use("memory_bytes", "Memory that a container uses."),
		pids:     use("processes", "Processes and threads of a container."),
	}
}

// Observe counts what happens.
func (m *metrics) Observe(event libcontainer.Event) {
	switch e := event.(type) {
	case libcontainer.StartEvent:
		result := "ok"
		if e.Err != nil {
			result = "failed"
		}
		m.starts.WithLabelValues(string(e.Kind), result).Inc()
		m.start.WithLabelValues(string(e.Kind)).Observe(e.Took.Seconds())
		for _, s := range e.Steps {
			m.steps.WithLabelValues(string(e.Kind), s.Name).Observe(s.Took.Seconds())
		}
	case libcontainer.ExitEvent:
		m.exits.WithLabelValues(e.Container, strconv.Itoa(libcontainer.ExitCode(e.Status))).Inc()
	case libcontainer.OOMEvent:
		m.oom.WithLabelValues(e.Container).Inc()
	case libcontainer.PressureEvent:
		m.pressure.WithLabelValues(e.Container).Inc()
	}
}

// Describe says what Collect tells.
func (m *metrics) Describe(to chan<- *prometheus.Desc) {
	to <- m.cpu
	to <- m.memory
	to <- m.pids
}

// Collect tells what the containers use, whoever has started them.
func (m *metrics) Collect(to chan<- prometheus.Metric) {
	list, err := m.runtime.List(context.Background())
	if err != nil {
		to <- prometheus.NewInvalidMetric(m.cpu, fmt.Errorf("list containers: %w", err))
	}
	for _, c := range list {
		stats, err := c.Stats()
		if err != nil {
			continue // it has been destroyed meanwhile
		}
		use := func(desc *prometheus.Desc, kind prometheus.ValueType, value float64) {
			to <- prometheus.MustNewConstMetric(desc, kind, value, c.ID())
		}
		use(m.cpu, prometheus.CounterValue, float64(stats.CgroupStats.CpuStats.CpuUsage.TotalUsage)/1e9)
		use(m.memory, prometheus.GaugeValue, float64(stats.CgroupStats.MemoryStats.Usage.Usage))
		use(m.pids, prometheus.GaugeValue, float64(stats.CgroupStats.PidsStats.Current))
	}
}
