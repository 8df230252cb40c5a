package cgroups

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestHugePageSizes(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"hugepages-64kB", "hugepages-2048kB", "hugepages-1048576kB", "hugepages-16777216kB"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	got, err := hugePageSizes(dir)
	slices.Sort(got)
	if want := []string{"16GB", "1GB", "2MB", "64KB"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if got, err := hugePageSizes(dir + "/none"); err != nil || len(got) != 0 {
		t.Errorf("without huge pages: %v, %v", got, err)
	}
	for _, name := range []string{"hugepages-kB", "hugepages-2MB", "2048kB", "hugepages--1kB"} {
		if got, err := hugePageSize(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %q, %v, want an error with the name", name, got, err)
		}
	}
	if _, err := GetHugePageSize(); err != nil {
		t.Error(err)
	}
}
