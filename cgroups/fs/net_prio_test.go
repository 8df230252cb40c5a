//go:build linux

package fs

import (
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestNetPrioSet(t *testing.T) {
	files := map[string]string{"net_prio.ifpriomap": "lo 0\n"}
	prio := func(name string, prio int64) configs.Resources {
		return configs.Resources{NetPrioIfpriomap: []*configs.IfPrioMap{{Interface: name, Priority: prio}}}
	}
	runSetTests(t, "net_prio", []setTest{
		{"one", files, prio("eth0", 5), map[string]string{"net_prio.ifpriomap": "eth0 5"}, ""},
		{"no name", files, prio("", 5), map[string]string{"net_prio.ifpriomap": "lo 0"}, "not the name of an interface"},
		{"two words", files, prio("a b", 5), nil, "not the name of an interface"},
		{"negative", files, prio("eth0", -1), nil, "priority -1"},
		{"too large", files, prio("eth0", 1<<32), nil, "priority 4294967296"},
		{"nil", files, configs.Resources{NetPrioIfpriomap: []*configs.IfPrioMap{nil}}, nil, "NetPrioIfpriomap[0] is nil"},
	})
}
