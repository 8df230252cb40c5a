package network

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"

	"github.com/libcontainer/libcontainer/internal/pidfd"
	"github.com/libcontainer/libcontainer/internal/statedir"
)

// state is what the state file of a network says: what is there, or is being made or removed.
type state struct {
	Name    string         `json:"name"`
	Bridge  string         `json:"bridge"`
	Subnets []netip.Prefix `json:"subnets"`

	// Last are the addresses that have been given last, one for each subnet.
	Last []netip.Addr `json:"last"`

	Endpoints map[string]*endpoint `json:"endpoints"`
}

// endpoint is what a container has.
type endpoint struct {
	Hostname  string       `json:"hostname"`
	Addresses []netip.Addr `json:"addresses"` // one for each subnet
	Ports     []Port       `json:"ports,omitempty"`

	// Until a container has the id, nobody but the process that attaches it can say that it is
	// to stay.
	PID   int    `json:"pid"`
	Start string `json:"start"` // of that process, see pidfd.Stat
}

// load reads the state. If there is none, the error is os.ErrNotExist.
func load(dir *statedir.Dir, config Config) (*state, error) {
	data, _, err := dir.Load()
	if err != nil {
		return nil, err
	}
	s := new(state)
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("decode %s: %w", dir.StateFile(), err)
	}
	if s.Endpoints == nil {
		s.Endpoints = make(map[string]*endpoint)
	}
	return s, s.check(dir, config)
}

// check refuses what is not the network that the caller means, and what would lead elsewhere.
func (s *state) check(dir *statedir.Dir, config Config) error {
	if s.Name != config.Name || s.Bridge != config.Bridge || !slices.Equal(s.Subnets, config.Subnets) {
		return invalidf("%s is that of network %q with bridge %q and subnets %v, not of %q with %q and %v: Remove that first",
			dir.Path(), s.Name, s.Bridge, s.Subnets, config.Name, config.Bridge, config.Subnets)
	}
	for id, e := range s.Endpoints {
		if checkID(id) != nil || e == nil || len(e.Addresses) != len(s.Subnets) || !isHostname(e.Hostname) {
			return fmt.Errorf("%s: endpoint %q is none", dir.StateFile(), id)
		}
		for i, a := range e.Addresses {
			if !usable(s.Subnets[i], a) {
				return fmt.Errorf("%s: endpoint %q has address %v outside of %v", dir.StateFile(), id, a, s.Subnets[i])
			}
		}
	}
	return nil
}

func (s *state) save(dir *statedir.Dir) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode the network's state: %w", err)
	}
	_, err = dir.Save(data)
	return err
}

// ids gives those of all endpoints in order.
func (s *state) ids() []string { return slices.Sorted(maps.Keys(s.Endpoints)) }

// add gives an id its addresses.
func (s *state) add(id, hostname string, ports []Port) (*endpoint, error) {
	used := make(map[netip.Addr]bool)
	for other, e := range s.Endpoints {
		for _, a := range e.Addresses {
			used[a] = true
		}
		for _, p := range ports {
			if i := slices.IndexFunc(e.Ports, p.clashes); i >= 0 {
				return nil, fmt.Errorf("%v: %w by %q", p, ErrPortInUse, other)
			}
		}
	}
	self, err := pidfd.ReadStat(os.Getpid())
	if err != nil {
		return nil, err
	}
	e := &endpoint{Hostname: hostname, Ports: ports, PID: os.Getpid(), Start: self.StartTime}
	for i, subnet := range s.Subnets {
		var last netip.Addr
		if i < len(s.Last) {
			last = s.Last[i]
		}
		a, err := nextAddress(subnet, last, used)
		if err != nil {
			return nil, err
		}
		e.Addresses = append(e.Addresses, a)
	}
	s.Last = e.Addresses
	s.Endpoints[id] = e
	return e, nil
}

// abandoned tells whether the process that has attached a container has ended.
func (e *endpoint) abandoned() bool {
	p, err := pidfd.Find(e.PID, e.Start)
	if err != nil {
		return false // it is not known
	}
	defer p.Close()
	return p.Ended()
}

// address gives that of IPv4, or of IPv6; the zero Addr if there is none.
func (e *endpoint) address(v4 bool) netip.Addr {
	for _, a := range e.Addresses {
		if a.Is4() == v4 {
			return a
		}
	}
	return netip.Addr{}
}

// hasPorts tells whether any of the endpoints has ports.
func hasPorts(list []*endpoint) bool {
	return slices.ContainsFunc(list, func(e *endpoint) bool { return len(e.Ports) > 0 })
}
