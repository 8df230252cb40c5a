package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/bench/internal/lives"
	"github.com/libcontainer/libcontainer/seccomp"
)

// The floor loads a filter if the library does, and the same one.
func TestFloorLoadsTheFilter(t *testing.T) {
	t.Setenv(filterVariable, "") // so that it is as it was afterwards
	dir := t.TempDir()
	if err := giveFilter(dir); err != nil {
		t.Fatal(err)
	}
	config := lives.Config("/rootfs", "name")
	if !config.DefaultSeccomp {
		t.Error("the library's container has no filter")
	}
	want, err := seccomp.Compile(seccomp.Default(config.Capabilities...))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(os.Getenv(filterVariable))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want.Filter) || len(got) == 0 {
		t.Errorf("the floor's filter has %d bytes, the library's %d", len(got), len(want.Filter))
	}
	if source := floorSource(t); !strings.Contains(source, `getenv("`+filterVariable+`")`) {
		t.Errorf("floor.h does not look at %s", filterVariable)
	}
}

// The other runtimes get the same profile.
func TestOCISeccomp(t *testing.T) {
	config := lives.Config("/rootfs", "name")
	spec, err := ociSpec(config, lives.Program)
	if err != nil {
		t.Fatal(err)
	}
	words, ok := spec["linux"].(object)["seccomp"].(object)
	if !ok {
		t.Fatal("there is no profile")
	}
	if calls := words["syscalls"].([]object); len(calls) != len(seccomp.Default(config.Capabilities...).Syscalls) {
		t.Errorf("%d rules", len(calls))
	}
}
