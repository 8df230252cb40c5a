//go:build linux

package cgfeature

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

var all = []Feature{Kill, CpuBurst, CpuIdle, MemoryPeak, SwapPeak, Misc, MiscEvents}

func TestSince(t *testing.T) {
	for _, f := range all {
		if f.Since() == "" {
			t.Errorf("%s has come with no version", f)
		}
	}
	if since := Feature("cgroup.procs").Since(); since != "" {
		t.Errorf("cgroup.procs is a feature of Linux %s", since)
	}
}

func TestHas(t *testing.T) {
	path := t.TempDir()
	dir, err := cgdir.Open(path, cgdir.Any)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	var s, old Set
	old.Without(all...)
	for _, f := range all {
		if s.Has(dir, f) {
			t.Errorf("%s is there before its file", f)
		}
		if err := os.WriteFile(filepath.Join(path, string(f)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if !s.Has(dir, f) {
			t.Errorf("%s is not there", f)
		}
		if old.Has(dir, f) {
			t.Errorf("%s is there in a set without it", f)
		}
	}
}
