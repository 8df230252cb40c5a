package main

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/features"
)

func TestParseSignal(t *testing.T) {
	for text, want := range map[string]syscall.Signal{
		"KILL": 9, "SIGKILL": 9, "sigterm": 15, "Hup": 1, "9": 9, "64": 64, "RTMIN": 34, "SIGRTMIN+3": 37, "RTMAX-1": 63, "SIGRTMAX": 64,
	} {
		if got, err := parseSignal(text); err != nil || got != want {
			t.Errorf("%q: %d, error %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "-1", "65", "SIG", "LOUD", "RTMIN+31", "RTMAX+1", "RTMIN-1", "RTMIN+x", "9999999999999999999"} {
		if got, err := parseSignal(text); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", text)) {
			t.Errorf("%q: %d, error %v", text, got, err)
		}
	}
}

func TestParseLimit(t *testing.T) {
	memory := &limit{least: -1, bytes: true}
	for text, want := range map[string]int64{
		"0": 0, "-1": -1, "123": 123, "1k": 1 << 10, "2K": 2 << 10, "3m": 3 << 20, "4g": 4 << 30, "1t": 1 << 40, "5mb": 5 << 20, "7b": 7,
	} {
		if got, err := memory.parse(text); err != nil || got != want {
			t.Errorf("%q: %d, error %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "k", "x", "1x", "-2", "-1k", "9223372036854775807k", "1.5g", "b"} {
		if got, err := memory.parse(text); err == nil {
			t.Errorf("%q: %d", text, got)
		}
	}
	if got, err := (&limit{}).parse("1k"); err == nil {
		t.Errorf("a unit for what has none: %d", got)
	}
}

func TestListenFDs(t *testing.T) {
	for _, test := range []struct {
		fds, pid string
		want     int
		fails    bool
	}{
		{"", "", 0, false}, {"2", "7", 2, false}, {"0", "7", 0, false}, {"2", "8", 0, false}, {"2", "", 0, false},
		{"x", "7", 0, true}, {"-1", "7", 0, true},
	} {
		env := map[string]string{"LISTEN_FDS": test.fds, "LISTEN_PID": test.pid}
		got, err := listenFDs(func(name string) string { return env[name] }, 7)
		if got != test.want || (err != nil) != test.fails {
			t.Errorf("%+v: %d, error %v", test, got, err)
		}
	}
}

func TestMergeResources(t *testing.T) {
	idle, burst := int64(0), uint64(5)
	had := &configs.Resources{
		Memory: 1, MemorySwappiness: 60, CpuShares: 3, CpusetCpus: "0", DeviceRules: []*configs.DeviceRule{{}},
		Unified: map[string]string{"memory.high": "1"},
	}
	for name, test := range map[string]struct {
		change configs.Resources
		want   func(*configs.Resources)
	}{
		"nothing":    {configs.Resources{MemorySwappiness: -1, SkipDevices: true}, func(*configs.Resources) {}},
		"some":       {configs.Resources{MemorySwappiness: -1, SkipDevices: true, Memory: -1, CpusetCpus: "1"}, func(r *configs.Resources) { r.Memory, r.CpusetCpus = -1, "1" }},
		"swappiness": {configs.Resources{MemorySwappiness: 10, SkipDevices: true}, func(r *configs.Resources) { r.MemorySwappiness = 10 }},
		"none at all": {configs.Resources{SkipDevices: true}, func(r *configs.Resources) {
			r.MemorySwappiness = 0 // which is a value
		}},
		"pointers": {configs.Resources{MemorySwappiness: -1, SkipDevices: true, CpuIdle: &idle, CpuBurst: &burst}, func(r *configs.Resources) {
			r.CpuIdle, r.CpuBurst = &idle, &burst
		}},
		"devices": {configs.Resources{MemorySwappiness: -1, DeviceRules: []*configs.DeviceRule{{Allow: true}}}, func(r *configs.Resources) {
			r.DeviceRules = []*configs.DeviceRule{{Allow: true}}
		}},
		"files": {configs.Resources{MemorySwappiness: -1, SkipDevices: true, Unified: map[string]string{"memory.low": "2"}}, func(r *configs.Resources) {
			r.Unified = map[string]string{"memory.high": "1", "memory.low": "2"}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got, want := *had, *had
			mergeResources(&got, &test.change)
			test.want(&want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if len(had.Unified) != 1 {
				t.Error("what there was has changed")
			}
		})
	}
}

func TestLogLines(t *testing.T) {
	now := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	message := "a \"b\"\nc\xff"
	if got, want := string(textLine("error", message, now)), `time="2026-02-03T04:05:06Z" level=error msg="a \"b\"\nc\xff"`+"\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := string(jsonLine("warning", message, now)), `{"level":"warning","msg":"a \"b\"\nc\ufffd","time":"2026-02-03T04:05:06Z"}`+"\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var text strings.Builder
	l := newLogger(&text)
	l.forLibrary().Warn(errors.New("lost"))
	l.debugf("not asked for")
	if got := text.String(); !strings.HasPrefix(got, `time="`) || !strings.HasSuffix(got, "level=warning msg=\"lost\"\n") {
		t.Errorf("the library's warning is %q", got)
	}
}

// An error has the text that engines look for once.
func TestEngineError(t *testing.T) {
	for err, text := range map[error]string{
		libcontainer.ContainerNotExists:  "container does not exist",
		libcontainer.ContainerNotRunning: "container not running",
		libcontainer.IdInUse:             "already exists",
	} {
		wrapped := fmt.Errorf("load: %w", err)
		got := engineError(engineError(wrapped))
		if strings.Count(got.Error(), text) != 1 || !errors.Is(got, err) {
			t.Errorf("%v: %v", err, got)
		}
	}
	other := errors.New("other")
	if got := engineError(other); !errors.Is(got, other) || got.Error() != "other" || engineError(nil) != nil {
		t.Errorf("another error: %v", got)
	}
}

func TestStatusText(t *testing.T) {
	process := new(specs.Process)
	for _, test := range []struct {
		status libcontainer.Status
		stage  stage
		want   string
	}{
		{libcontainer.Created, stageCreating, creating}, {libcontainer.Created, stageCreated, created}, {libcontainer.Created, stageRun, creating},
		{libcontainer.Created, stageFailed, stopped}, {libcontainer.Running, stageCreating, creating}, {libcontainer.Running, stageCreated, running},
		{libcontainer.Running, stageRun, running}, {libcontainer.Running, "", running}, {libcontainer.Pausing, stageCreated, running},
		{libcontainer.Paused, stageRun, paused}, {libcontainer.Destroyed, stageCreated, stopped}, {libcontainer.Checkpointed, stageRun, stopped},
	} {
		record := &record{Process: process, Stage: test.stage}
		if got := statusText(test.status, record); got != test.want {
			t.Errorf("%v at stage %q: %s, want %s", test.status, test.stage, got, test.want)
		}
	}
}

// A bundle without a process is created at once.
func TestStatusWithoutAProcess(t *testing.T) {
	if got := statusText(libcontainer.Created, &record{Stage: stageCreating}); got != created {
		t.Errorf("status %s", got)
	}
}

func TestFeatures(t *testing.T) {
	f := featuresOf(features.Known())
	want := []string{"network", "pid", "mount", "uts", "ipc", "user", "cgroup", "time"}
	if diff := cmp.Diff(want, f.Linux.Namespaces); diff != "" {
		t.Error(diff)
	}
	if f.OCIVersionMax != specs.Version || len(f.Hooks) != 6 || len(f.Linux.Seccomp.Actions) == 0 || len(f.Linux.MemoryPolicy.Modes) == 0 {
		t.Errorf("features %+v", f)
	}
}

func TestSubCgroups(t *testing.T) {
	p := new(libcontainer.Process)
	if err := subCgroups(p, []string{"/all", "cpu,cpuacct:/some/where", "pids:x"}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"cpu": "some/where", "cpuacct": "some/where", "pids": "x"}
	if diff := cmp.Diff(want, p.SubCgroups); diff != "" || p.SubCgroup != "all" {
		t.Errorf("%q %s", p.SubCgroup, diff)
	}
	for _, values := range [][]string{{"a", "b"}, {"cpu:a", "cpu:b"}, {":a"}, {"cpu,,pids:a"}} {
		if err := subCgroups(new(libcontainer.Process), values); err == nil {
			t.Errorf("%q is taken", values)
		}
	}
}

// The manual page has no line that man(7) would take for a request.
func TestManual(t *testing.T) {
	var page strings.Builder
	if code := run([]string{"nsinit", "man"}, &page, &page); code != 0 {
		t.Fatal(page.String())
	}
	known := map[string]bool{".TH": true, ".SH": true, ".SS": true, ".TP": true, ".B": true}
	for line := range strings.Lines(page.String()) {
		if word, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasPrefix(line, ".") && !known[word] {
			t.Errorf("a request %q", line)
		}
	}
}
