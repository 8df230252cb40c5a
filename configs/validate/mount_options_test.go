package validate

import (
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

// What options stand for is valid, whatever they are combined with, but for two that say
// for themselves what they need.
func TestMountOptionsAreValid(t *testing.T) {
	for _, first := range configs.MountOptions() {
		for _, second := range configs.MountOptions() {
			m := &configs.Mount{Source: "/", Destination: "/mnt", Device: "tmpfs"}
			m.SetOptions([]string{"bind", first, second})
			if m.IDMapping != configs.IDMapNone || m.CopyUp {
				continue
			}
			if err := mount("Mounts[0]", m); err != nil {
				t.Errorf("bind,%s,%s: %v", first, second, err)
			}
		}
	}
}
