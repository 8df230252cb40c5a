//go:build linux

package fs2

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func checkErr(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Error(err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("got the error %v, want one with %q", err, want)
	}
}

func TestRefuse(t *testing.T) {
	for field, r := range map[string]configs.Resources{
		"KernelMemory":                 {KernelMemory: 1},
		"CpuRtRuntime":                 {CpuRtRuntime: 1},
		"CpuRtPeriod":                  {CpuRtPeriod: 1},
		"OomKillDisable":               {OomKillDisable: true},
		"MemorySwappiness":             {MemorySwappiness: 1},
		"BlkioLeafWeight":              {BlkioLeafWeight: 10},
		"BlkioWeightDevice.LeafWeight": {BlkioWeightDevice: []*configs.WeightDevice{configs.NewWeightDevice(8, 0, 0, 10)}},
		"NetClsClassid":                {NetClsClassid: "1"},
		"NetPrioIfpriomap":             {NetPrioIfpriomap: []*configs.IfPrioMap{{}}},
	} {
		t.Run(field, func(t *testing.T) {
			m, dir := fakeManager(t, map[string]string{pidsMax: "max\n"})
			r.AllowAllDevices, r.PidsLimit = true, 5
			err := m.Set(config(&r))
			if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), field) {
				t.Errorf("got %v, want ErrUnsupported for %s", err, field)
			}
			if got := readFile(t, filepath.Join(dir, pidsMax)); got != "max" {
				t.Errorf("and yet pids.max was set to %q", got)
			}
		})
	}
	// What asks for nothing passes, as it does in the classic default.
	m, _ := fakeManager(t, nil)
	if err := m.Set(config(&configs.Resources{AllowAllDevices: true, MemorySwappiness: -1, KernelMemory: -1, CpuRtRuntime: -1})); err != nil {
		t.Error(err)
	}
}
