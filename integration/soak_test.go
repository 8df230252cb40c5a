package integration

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/libcontainer/libcontainer"
)

// soaks is how many containers one program has, one after the other, and as many further processes:
// LCTEST_SOAK, or as many as show what each one would leave.
func soaks(t *testing.T) int {
	t.Helper()
	text := os.Getenv("LCTEST_SOAK")
	if text == "" {
		return lives(t, 300)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// use is what a program uses when all that it had is garbage.
type use struct {
	descriptors, goroutines, threads int
	heap, resident                   uint64 // bytes
}

func usage(t *testing.T) use {
	t.Helper()
	debug.FreeOSMemory() // after a garbage collection
	debug.FreeOSMemory() // what finalizers have held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseUint(string(bytes.Fields(statm)[1]), 10, 64) // proc_pid_statm(5): resident
	if err != nil {
		t.Fatal(err)
	}
	return use{
		descriptors: len(openFds(t)), goroutines: len(goroutines()), threads: threads(t),
		heap: m.HeapAlloc, resident: pages * uint64(os.Getpagesize()),
	}
}

// A program that has had thousands of containers is as it was after the first ones.
func TestSoak(t *testing.T) {
	checkLeaks(t)
	runtime, rootfs, count := openRuntime(t, t.TempDir()), newRootfs(t), soaks(t)
	beside, err := runtime.Create(t.Context(), "beside", configFor(rootfs, t.Name()+"-beside"))
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Destroy()
	startBlocked(t, beside)
	round := func() {
		c, err := runtime.Create(t.Context(), "life", configFor(rootfs, t.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range []*libcontainer.Instance{c, beside} {
			p, _ := command("true")
			if r, err := in.Run(t.Context(), p); err != nil || r.ExitCode != 0 {
				t.Fatalf("%+v, error %v", r, err)
			}
		}
		if err := c.Destroy(); err != nil {
			t.Fatal(err)
		}
	}
	for range min(count, 100) { // threads and buffers are made as they are needed
		round()
	}
	before := usage(t)
	for range count {
		round()
	}
	after := usage(t)
	for i := 0; i < 1000 && after.goroutines > before.goroutines; i++ { // one that has done its work may not have ended
		after.goroutines = len(goroutines())
	}
	t.Logf("after the first: %+v", before)
	t.Logf("after %d more: %+v", count, after)
	const slack = 4 << 20 // of the runtime's own bookkeeping
	switch {
	case after.descriptors > before.descriptors, after.goroutines > before.goroutines:
		t.Error("there are more descriptors or goroutines")
	case after.threads > before.threads+4: // the runtime starts one when it meets none that is free
		t.Error("there are more threads")
	case after.heap > before.heap+slack, after.resident > before.resident+4*slack:
		t.Error("there is more memory in use")
	}
}
