package network

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func newState(subnets ...string) *state {
	return &state{Name: "blue", Bridge: "br", Subnets: prefixes(subnets...), Endpoints: make(map[string]*endpoint)}
}

func TestPoolGivesEachOnce(t *testing.T) {
	s := newState("10.0.0.0/29", "fd00::/64")
	seen := make(map[netip.Addr]bool)
	for i := range 5 {
		e, err := s.add(fmt.Sprint(i), "h", nil)
		if err != nil {
			t.Fatal(err)
		}
		for j, a := range e.Addresses {
			if seen[a] || !s.Subnets[j].Contains(a) {
				t.Errorf("address %v of %v, seen %v", a, s.Subnets[j], seen[a])
			}
			seen[a] = true
		}
	}
	for _, not := range []string{"10.0.0.0", "10.0.0.1", "10.0.0.7", "fd00::", "fd00::1"} {
		if seen[netip.MustParseAddr(not)] {
			t.Errorf("a container has %s", not)
		}
	}
	if _, err := s.add("6", "h", nil); !errors.Is(err, ErrExhausted) || !strings.Contains(err.Error(), "10.0.0.0/29") || s.Endpoints["6"] != nil {
		t.Errorf("%v, %+v", err, s.Endpoints["6"])
	}
	had := s.Endpoints["2"].Addresses[0]
	delete(s.Endpoints, "2")
	if e, err := s.add("7", "h", nil); err != nil || e.Addresses[0] != had {
		t.Errorf("%+v, error %v; %v alone was free", e, err, had)
	}
}

// An address that has been given up is the last one to be given again.
func TestPoolTakesTurns(t *testing.T) {
	for _, subnet := range []string{"10.0.0.0/29", "fd00::/125", "255.255.255.248/29", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:fff8/125", "10.0.0.0/30"} {
		p := netip.MustParsePrefix(subnet)
		want := 1<<(p.Addr().BitLen()-p.Bits()) - 2
		if p.Addr().Is4() {
			want--
		}
		var last netip.Addr
		seen := make(map[netip.Addr]bool)
		for i := range 2 * want {
			a, err := nextAddress(p, last, nil)
			if err != nil || i < want == seen[a] {
				t.Fatalf("%v, number %d: %v, error %v", p, i, a, err)
			}
			seen[a], last = true, a
		}
	}
}

func TestPortsAreOnesOwn(t *testing.T) {
	s := newState("10.0.0.0/24")
	one := []Port{{Protocol: "tcp", HostPort: 80, ContainerPort: 80, HostAddress: netip.MustParseAddr("192.0.2.1")}}
	all := []Port{{Protocol: "tcp", HostPort: 80, ContainerPort: 81}}
	if _, err := s.add("web", "web", one); err != nil {
		t.Fatal(err)
	}
	if _, err := s.add("b", "b", all); !errors.Is(err, ErrPortInUse) || !strings.Contains(err.Error(), `"web"`) {
		t.Errorf("a port twice: %v", err)
	}
	delete(s.Endpoints, "web")
	if _, err := s.add("b", "b", all); err != nil {
		t.Error(err)
	}
}

func TestAbandoned(t *testing.T) {
	s := newState("10.0.0.0/24")
	e, err := s.add("a", "a", nil)
	if err != nil || e.abandoned() {
		t.Errorf("ours: %v, error %v", e.abandoned(), err)
	}
	for name, other := range map[string]*endpoint{
		"another process of that number": {PID: e.PID, Start: e.Start + "1"},
		"no process":                     {PID: 1 << 30, Start: e.Start},
	} {
		if !other.abandoned() {
			t.Errorf("%s: not abandoned", name)
		}
	}
}
