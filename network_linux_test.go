package libcontainer

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/libcontainer/libcontainer/configs"
)

func TestNameNetworks(t *testing.T) {
	config := &configs.Config{
		Networks: []*configs.Network{
			nil, // a state file may hold anything
			{Type: "loopback"},
			{Type: "veth", Address: "192.0.2.1/24"},
			{Type: "veth", Name: "eth1", HostInterfaceName: "given"},
			{Type: "veth"},
		},
		NetDevices: map[string]*configs.NetDevice{"eth0": {Name: "x"}, "host": {Name: "eth2"}, "eth3": {}, "eth9": nil},
	}
	named := nameNetworks(config)
	var names, hostNames []string
	for _, n := range named[1:] {
		names, hostNames = append(names, n.Name), append(hostNames, n.HostInterfaceName)
	}
	if diff := cmp.Diff([]string{"", "eth0", "eth1", "eth4"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if hostNames[0] != "" || hostNames[2] != "given" {
		t.Errorf("host's names %q", hostNames)
	}
	for _, i := range []int{1, 3} {
		if name := hostNames[i]; !strings.HasPrefix(name, "veth") || len(name) != 15 {
			t.Errorf("name %q was made up", name)
		}
	}
	if hostNames[1] == hostNames[3] {
		t.Errorf("the same name %q twice", hostNames[1])
	}
	if named[2].Address != "192.0.2.1/24" {
		t.Errorf("the address has become %q", named[2].Address)
	}
	if config.Networks[2].Name != "" || config.Networks[4].HostInterfaceName != "" {
		t.Error("the caller's configuration was changed")
	}
}

func TestCheckNetworks(t *testing.T) {
	had := func() *configs.Config {
		return &configs.Config{
			Networks: []*configs.Network{
				{Type: "loopback"},
				{Type: "veth", Name: "eth0", HostInterfaceName: "vethmadeup", Address: "192.0.2.1/24"},
			},
			NetDevices: map[string]*configs.NetDevice{"a": {Name: "b"}},
			Routes:     []*configs.Route{{Gateway: "192.0.2.9", InterfaceName: "eth0"}},
		}
	}
	for name, test := range map[string]struct {
		edit func(*configs.Config)
		ok   bool
	}{
		"same":             {func(*configs.Config) {}, true},
		"no names":         {func(c *configs.Config) { c.Networks[1].Name, c.Networks[1].HostInterfaceName = "", "" }, true},
		"other name":       {func(c *configs.Config) { c.Networks[1].Name = "eth1" }, false},
		"other host name":  {func(c *configs.Config) { c.Networks[1].HostInterfaceName = "v" }, false},
		"other address":    {func(c *configs.Config) { c.Networks[1].Address = "192.0.2.2/24" }, false},
		"one less":         {func(c *configs.Config) { c.Networks = c.Networks[:1] }, false},
		"nil":              {func(c *configs.Config) { c.Networks[1] = nil }, false},
		"other type":       {func(c *configs.Config) { c.Networks[0].Type = "veth" }, false},
		"other gateway":    {func(c *configs.Config) { c.Routes[0].Gateway = "192.0.2.8" }, false},
		"no routes":        {func(c *configs.Config) { c.Routes = nil }, false},
		"nil route":        {func(c *configs.Config) { c.Routes[0] = nil }, false},
		"other device":     {func(c *configs.Config) { c.NetDevices["a"].Name = "c" }, false},
		"nil device":       {func(c *configs.Config) { c.NetDevices["a"] = nil }, false},
		"one more device":  {func(c *configs.Config) { c.NetDevices["x"] = &configs.NetDevice{} }, false},
		"device of a name": {func(c *configs.Config) { c.NetDevices = map[string]*configs.NetDevice{"x": {Name: "b"}} }, false},
	} {
		v := &view{c: &Instance{id: "test"}, config: had(), phase: phaseStarting}
		next := had()
		test.edit(next)
		err := v.checkNetworks(next)
		if test.ok != (err == nil) || err != nil && !errors.Is(err, ConfigInvalid) {
			t.Errorf("%s: error %v", name, err)
		}
		if test.ok && next.Networks[1].HostInterfaceName != "vethmadeup" {
			t.Errorf("%s: the name on the host has become %q", name, next.Networks[1].HostInterfaceName)
		}
		v.phase = phaseClaimed
		if err := v.checkNetworks(next); err != nil {
			t.Errorf("%s, not started: %v", name, err)
		}
	}
}
