//go:build linux

package cgv2

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgfreeze"
	"github.com/libcontainer/libcontainer/cgroups/internal/cglimit"
	"github.com/libcontainer/libcontainer/configs"
)

// What the set-up of a container could meet waits, and only that.
func TestHeld(t *testing.T) {
	before := map[string]string{
		memoryMax: "max\n", memoryHigh: "max\n", pidsMax: "max\n", swapMax: "max\n", "memory.swap.high": "max\n",
		memoryMin: "0\n", memoryEvents: "oom_kill 0\n",
	}
	c := fakeCgroup(t, before)
	attached := 0
	c.Attach = func(int, *configs.Resources) error { attached++; return nil }
	var all Held
	for _, limit := range []int64{1 << 30, 2 << 30} {
		r := &configs.Resources{
			Memory: limit, MemorySwap: -1, PidsLimit: 5, MemoryMin: 3,
			Unified: map[string]string{memoryHigh: "9", "memory.swap.high": "8"},
		}
		var j cglimit.Journal
		held, err := c.Set(All(r), &j, true)
		if err != nil {
			t.Fatal(err)
		}
		all = all.With(held)
	}
	checkFiles(t, c, map[string]string{
		memoryMax: "max", memoryHigh: "max", pidsMax: "max", swapMax: "max", "memory.swap.high": "max", memoryMin: "3",
	})
	if attached != 0 {
		t.Error("rules for devices did not wait")
	}
	if err := c.WriteHeld(all); err != nil {
		t.Fatal(err)
	}
	checkFiles(t, c, map[string]string{
		memoryMax: "2147483648", memoryHigh: "9", pidsMax: "5", swapMax: "max", "memory.swap.high": "8",
	})
	if attached != 1 {
		t.Errorf("rules for devices were attached %d times, want once", attached)
	}
}

// A failure puts back those written before.
func TestWriteHeldFails(t *testing.T) {
	c := fakeCgroup(t, map[string]string{pidsMax: "7\n"})
	c.Attach = func(int, *configs.Resources) error { return unix.EPERM }
	var j cglimit.Journal
	held, err := c.Set(All(&configs.Resources{PidsLimit: 5}), &j, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.WriteHeld(held); !errors.Is(err, unix.EPERM) {
		t.Errorf("got %v, want EPERM", err)
	}
	checkFiles(t, c, map[string]string{pidsMax: "7"})
}

// A limit that could not be written is found before any process exists.
func TestHeldWithoutFile(t *testing.T) {
	var j cglimit.Journal
	_, err := fakeCgroup(t, nil).Set(All(&configs.Resources{AllowAllDevices: true, PidsLimit: 1}), &j, true)
	checkErr(t, err, "PidsLimit (pids.max) is not supported")
}

func TestSetFreezer(t *testing.T) {
	files := map[string]string{cgfreeze.File: "0\n", "cgroup.events": "frozen 1\n"}
	runSetTests(t, files, []setTest{
		{"undefined", configs.Resources{}, map[string]string{cgfreeze.File: "0"}, ""},
		{"frozen", configs.Resources{Freezer: configs.Frozen}, map[string]string{cgfreeze.File: "1"}, ""},
		{"nonsense", configs.Resources{Freezer: "x"}, map[string]string{cgfreeze.File: "0"}, "freezer state"},
	})
}

func TestFreezeTimeout(t *testing.T) {
	c := fakeCgroup(t, map[string]string{cgfreeze.File: "0\n", "cgroup.events": "populated 1\nfrozen 0\n"})
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errors.New("time is over"))
	defer cancel()
	checkErr(t, cgfreeze.Set(ctx, c.Dir, configs.Frozen), "time is over")
	if got := readFile(t, c, cgfreeze.File); got != "0" {
		t.Errorf("cgroup.freeze is %q after a failure, want 0", got)
	}
}

// A group that is no container keeps its devices.
func TestSkipDevices(t *testing.T) {
	c := fakeCgroup(t, map[string]string{pidsMax: "max\n"})
	c.Attach = func(int, *configs.Resources) error {
		t.Error("rules for devices were attached")
		return nil
	}
	r := &configs.Resources{PidsLimit: 5, SkipDevices: true}
	if err := set(c, All(r)); err != nil {
		t.Fatal(err)
	}
	checkFiles(t, c, map[string]string{pidsMax: "5"})
	if field := All(&configs.Resources{SkipDevices: true}).Required(); field != "" {
		t.Errorf("%s is required", field)
	}
}

// Rules with an order reach what attaches them, also when they have waited, and take the
// place of the lists.
func TestSetDeviceRules(t *testing.T) {
	c := fakeCgroup(t, map[string]string{pidsMax: "max\n"})
	var got []*configs.DeviceRule
	c.Attach = func(_ int, r *configs.Resources) error {
		got = r.DeviceRules
		return nil
	}
	rules := []*configs.DeviceRule{{Allow: true, Type: 'c', Major: 1, Minor: -1, Permissions: "r"}}
	r := &configs.Resources{DeviceRules: rules, AllowedDevices: []*configs.Device{nil}}
	var j cglimit.Journal
	held, err := c.Set(All(r), &j, true)
	if err != nil {
		t.Fatal(err)
	}
	r.DeviceRules = nil
	if err := c.WriteHeld(held); err != nil || !slices.Equal(got, rules) {
		t.Errorf("attached %v, %v", got, err)
	}
	checkErr(t, set(c, All(&configs.Resources{DeviceRules: []*configs.DeviceRule{nil}})), "DeviceRules[0]")
	if field := All(&configs.Resources{AllowAllDevices: true, DeviceRules: rules}).Required(); field != "DeviceRules" {
		t.Errorf("required is %q", field)
	}
}

// What rules for devices do is up to package devices; here they come last and once.
func TestSetDevices(t *testing.T) {
	c := fakeCgroup(t, map[string]string{pidsMax: "max\n"})
	calls := 0
	c.Attach = func(fd int, r *configs.Resources) error {
		calls++
		if fd < 0 || r.AllowAllDevices || len(r.AllowedDevices) != 1 || len(r.DeniedDevices) != 0 {
			t.Errorf("attach(%d, %+v)", fd, r)
		}
		return unix.EPERM
	}
	null := &configs.Device{Path: "/dev/null", Type: 'c', Major: 1, Minor: 3, Permissions: "rw"}
	err := set(c, All(&configs.Resources{PidsLimit: 5, AllowedDevices: []*configs.Device{null}}))
	checkErr(t, err, "AllowedDevices")
	if !errors.Is(err, unix.EPERM) || calls != 1 {
		t.Errorf("%d calls, error %v", calls, err)
	}
	checkFiles(t, c, map[string]string{pidsMax: "max"})
}
