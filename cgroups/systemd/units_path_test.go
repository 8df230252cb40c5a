//go:build linux

package systemd

import (
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestExpandSlice(t *testing.T) {
	for slice, want := range map[string]string{
		"a.slice":     "a.slice",
		"a-b-c.slice": "a.slice/a-b.slice/a-b-c.slice",
		"-.slice":     "",
		"cpu-b.slice": "_cpu.slice/cpu-b.slice", // as systemd names it beside the kernel's files
	} {
		got, err := ExpandSlice(slice)
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", slice, got, err, want)
		}
	}
	for _, slice := range []string{"", "a", ".slice", "a--b.slice", "-a.slice", "a-.slice", "a/b.slice", "../a.slice", "a.slice/..", "a b.slice"} {
		if got, err := ExpandSlice(slice); err == nil {
			t.Errorf("%q: got %q, want an error", slice, got)
		}
	}
}

func TestUnitNameOfPath(t *testing.T) {
	_, err := unitName(&configs.Cgroup{Path: "/a/b", Resources: &configs.Resources{}})
	wantError(t, err, "Cgroups.Path", "/a/b")
}
