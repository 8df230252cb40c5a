package libcontainer

import (
	"testing"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/program"
)

// BenchmarkSetUp builds the list with which a usual container is set up, and tells how
// long it is.
func BenchmarkSetUp(b *testing.B) {
	config := configs.Default()
	config.Rootfs = "/some/root"
	config = completeConfig("bench", config)
	process := &Process{Args: []string{"/bin/true"}}
	b.ReportAllocs()
	var operations, bytes int
	for b.Loop() {
		plan := &initPlan{config: config, process: process, regs: program.NewRegisters(), masks: distinct(config.MaskPaths), pipe: 3, scratch: 4}
		list, err := plan.setUp()
		if err != nil {
			b.Fatal(err)
		}
		if operations == 0 {
			message, _ := list.Message(1)
			operations, bytes = len(list.Steps()), len(message)
		}
		list.Sent()
		list.Forget()
	}
	b.ReportMetric(float64(operations), "operations")
	b.ReportMetric(float64(bytes), "bytes")
}
