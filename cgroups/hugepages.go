package cgroups

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// hugePageDir has one directory a huge page size, "hugepages-2048kB".
const hugePageDir = "/sys/kernel/mm/hugepages"

// GetHugePageSize returns the machine's huge page sizes as the hugetlb
// controller spells them in its file names: "2MB", "1GB". A kernel without
// huge pages has none.
func GetHugePageSize() ([]string, error) {
	return hugePageSizes(hugePageDir)
}

func hugePageSizes(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var sizes []string
	for _, entry := range entries {
		size, err := hugePageSize(entry.Name())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		sizes = append(sizes, size)
	}
	return sizes, nil
}

// hugePageSize turns "hugepages-2048kB" into "2MB". The units are those of the
// kernel's hugetlb_cgroup.c: the largest in which the size is one or more.
func hugePageSize(name string) (string, error) {
	number, isSize := strings.CutPrefix(name, "hugepages-")
	number, isKB := strings.CutSuffix(number, "kB")
	kb, err := strconv.ParseUint(number, 10, 54)
	if !isSize || !isKB || err != nil {
		return "", fmt.Errorf("%q is not hugepages-<number>kB", name)
	}
	switch {
	case kb >= 1<<20:
		return fmt.Sprintf("%dGB", kb>>20), nil
	case kb >= 1<<10:
		return fmt.Sprintf("%dMB", kb>>10), nil
	}
	return fmt.Sprintf("%dKB", kb), nil
}
