//world:any

package integration

import (
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

const (
	noCaps = "0000000000000000"
	// The godoc's 14 capabilities.
	defaultCaps = "00000000a80425fb"
	netBind     = "0000000000000400"
)

// capStatus runs a program that shows its capability sets.
func capStatus(t *testing.T, config *configs.Config, user string, caps []string) map[string]string {
	t.Helper()
	p, out := command("grep", "-E", "^(Cap|NoNewPrivs)", "/proc/self/status")
	p.User, p.Capabilities = user, caps
	got := map[string]string{}
	for line := range strings.Lines(runProcess(t, config, p, out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":\t")
		got[name] = value
	}
	return got
}

func TestCapabilities(t *testing.T) {
	sets := &configs.CapabilitySets{
		Bounding:    []string{"CAP_NET_BIND_SERVICE"},
		Effective:   []string{"CAP_NET_BIND_SERVICE"},
		Permitted:   []string{"CAP_NET_BIND_SERVICE"},
		Inheritable: []string{"CAP_NET_BIND_SERVICE"},
		Ambient:     []string{"CAP_NET_BIND_SERVICE"},
	}
	for name, tt := range map[string]struct {
		user                    string
		caps                    []string
		sets                    *configs.CapabilitySets
		prm, eff, bnd, inh, amb string
	}{
		"default":        {prm: defaultCaps, eff: defaultCaps, bnd: defaultCaps, inh: noCaps, amb: noCaps},
		"of the process": {caps: []string{"CAP_NET_BIND_SERVICE"}, prm: netBind, eff: netBind, bnd: netBind, inh: noCaps, amb: noCaps},
		"none":           {caps: []string{}, prm: noCaps, eff: noCaps, bnd: noCaps, inh: noCaps, amb: noCaps},
		"another user":   {user: "daemon", prm: noCaps, eff: noCaps, bnd: defaultCaps, inh: noCaps, amb: noCaps},
		"ambient":        {user: "daemon", sets: sets, prm: netBind, eff: netBind, bnd: netBind, inh: netBind, amb: netBind},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			config.CapabilitySets = tt.sets
			got := capStatus(t, config, tt.user, tt.caps)
			for set, want := range map[string]string{"CapPrm": tt.prm, "CapEff": tt.eff, "CapBnd": tt.bnd, "CapInh": tt.inh, "CapAmb": tt.amb} {
				if got[set] != want {
					t.Errorf("%s is %s, want %s", set, got[set], want)
				}
			}
		})
	}
}

func TestBadCapabilities(t *testing.T) {
	p, _ := shell("true")
	p.Capabilities = []string{"CAP_NOSUCH"}
	startFails(t, newConfig(t), p, libcontainer.ConfigInvalid, "CAP_NOSUCH")
}

func TestNoNewPrivileges(t *testing.T) {
	for want, on := range map[string]bool{"0": false, "1": true} {
		config := newConfig(t)
		config.NoNewPrivileges = on
		t.Run(want, func(t *testing.T) {
			if got := capStatus(t, config, "", nil)["NoNewPrivs"]; got != want {
				t.Errorf("NoNewPrivs is %s, want %s", got, want)
			}
		})
	}
}
