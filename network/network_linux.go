package network

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/statedir"
)

// Network is a network that is there. Its methods are safe for concurrent use, and exclude those of
// other programs that have opened the same one: by a lock on its directory, for which they wait until
// their context ends.
type Network struct {
	dir    *statedir.Dir
	config Config
	mark   string // the directory: in the name of the table and the address of the bridge
}

// Open makes a network, or finds the one that a directory is of, and completes that: after a crash, or
// a boot. The directory is made. It must be writable for nobody else, and is not the root of
// containers' state. The bridge, the subnets and the name of a network that is there cannot be changed.
func Open(ctx context.Context, dir string, config Config) (*Network, error) {
	config, err := config.complete()
	if err == nil {
		dir, err = resolve(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open network %q: %w", config.Name, err)
	}
	d, unlock, err := statedir.Enter(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("open network %q: %w", config.Name, err)
	}
	defer unlock()
	n := &Network{dir: d, config: config, mark: dir}
	if err := n.open(); err != nil {
		return nil, fmt.Errorf("open network %q in %s: %w", config.Name, dir, err)
	}
	return n, nil
}

// resolve gives a directory the one path by which all programs know it, and makes those above.
func resolve(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return "", err
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(dir))
	return filepath.Join(parent, filepath.Base(dir)), err
}

// open makes what is not there. Of a network that never was nothing is left if that fails.
func (n *Network) open() error {
	if err := n.dir.CheckTrust(); err != nil {
		return err
	}
	s, err := load(n.dir, n.config)
	isNew := errors.Is(err, os.ErrNotExist)
	if isNew {
		s = &state{Name: n.config.Name, Bridge: n.config.Bridge, Subnets: n.config.Subnets}
		err = s.save(n.dir)
	}
	if err != nil {
		return err
	}
	if err := n.makeAll(s); err != nil {
		if isNew {
			err = errors.Join(err, n.removeAll())
		}
		return err
	}
	n.warn()
	return nil
}

func (n *Network) makeAll(s *state) error {
	if err := n.makeBridge(); err != nil {
		return err
	}
	return n.setRules(s)
}

// enter locks the network and reads its state.
func (n *Network) enter(ctx context.Context) (s *state, unlock func(), err error) {
	unlock, err = n.dir.Lock(ctx, true)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, ErrRemoved
	}
	if err != nil {
		return nil, nil, err
	}
	exists, err := n.dir.Exists()
	if err == nil && !exists {
		err = ErrRemoved
	}
	if err == nil {
		s, err = load(n.dir, n.config)
	}
	if errors.Is(err, os.ErrNotExist) { // the directory has stayed, for something else is in it
		err = ErrRemoved
	}
	if err != nil {
		unlock()
		return nil, nil, err
	}
	return s, unlock, nil
}

// Attach gives the container of that id addresses of the network, and its configuration what it
// needs: an interface in Networks, whose name is the first eth0, eth1, ... that is free; mounts of
// hosts, hostname and resolv.conf, where it has none of these in Mounts, on files of /etc that have to
// exist where the container's root cannot make them; and the id as Hostname, if that is empty. The configuration needs a mount and a network namespace, and is to be that of a container
// that is not created yet. It is left as it was if there is an error.
//
// The files of hosts of all containers of the network name all of them by their ids, from then on.
// The ports are open when Attach returns. That of the host's loopback address leads to the container
// for IPv4 alone, since the kernel has no way for ::1.
//
// What Attach gives belongs to the id until Detach, or until a Collect after the program has ended.
func (n *Network) Attach(ctx context.Context, id string, config *configs.Config, ports ...Port) (*Endpoint, error) {
	fail := func(err error) (*Endpoint, error) {
		return nil, fmt.Errorf("attach %q to network %q: %w", id, n.config.Name, err)
	}
	ports, err := n.checkAttach(id, config, ports)
	if err != nil {
		return fail(err)
	}
	s, unlock, err := n.enter(ctx)
	if err != nil {
		return fail(err)
	}
	defer unlock()
	if s.Endpoints[id] != nil {
		return fail(fmt.Errorf("it is %w already", ErrAttached))
	}
	hostname := config.Hostname
	if hostname == "" {
		hostname = id
	}
	e, err := s.add(id, hostname, ports)
	if err == nil {
		err = listenable(ports, s.Subnets)
	}
	if err != nil {
		return fail(err)
	}
	if err := n.attach(s, id, e); err != nil {
		return fail(errors.Join(err, n.detach(s, id)))
	}
	n.edit(config, s, id)
	return n.endpoint(id, e), nil
}

func (n *Network) checkAttach(id string, config *configs.Config, ports []Port) ([]Port, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	if config == nil {
		return nil, invalidf("there is no configuration")
	}
	for _, kind := range []configs.NamespaceType{configs.NEWNET, configs.NEWNS} {
		if !config.Namespaces.Contains(kind) {
			return nil, invalidf("the configuration has no namespace of type %s", kind)
		}
	}
	switch {
	case config.Hostname == "" && len(id) > 64:
		return nil, invalidf("an id of %d bytes is too long for a Hostname: the configuration needs one", len(id))
	case config.Hostname != "" && !isHostname(config.Hostname):
		return nil, invalidf("Hostname %q: 1 to 64 bytes, without white space and #", config.Hostname)
	}
	return checkPorts(ports, n.config.Subnets)
}

// attach makes what belongs to an endpoint, after its record.
func (n *Network) attach(s *state, id string, e *endpoint) error {
	if err := s.save(n.dir); err != nil {
		return err
	}
	if err := n.writeFiles(s, id); err != nil {
		return err
	}
	if err := n.writeHosts(s, id); err != nil {
		return err
	}
	if len(e.Ports) == 0 {
		return nil
	}
	if err := n.setRules(s); err != nil {
		return err
	}
	if err := n.checkOthers(e); err != nil {
		return err
	}
	return forgetFlows(e)
}

func (n *Network) edit(config *configs.Config, s *state, id string) {
	e := s.Endpoints[id]
	link := &configs.Network{
		Type:   "veth",
		Bridge: n.config.Bridge,
		Mtu:    n.config.MTU,
		// For a container that uses a port of the host that leads to itself.
		HairpinMode: len(e.Ports) > 0,
	}
	for i, a := range e.Addresses {
		subnet := s.Subnets[i]
		address := fmt.Sprintf("%v/%d", a, subnet.Bits())
		if a.Is4() {
			link.Address, link.Gateway = address, gateway(subnet).String()
		} else {
			link.IPv6Address, link.IPv6Gateway = address, gateway(subnet).String()
		}
	}
	config.Networks = append(config.Networks, link)
	if config.Namespaces.Creates(configs.NEWUTS) {
		config.Hostname = e.Hostname
	}
	addMounts(config, n.endpointDir(id))
}

func (n *Network) endpoint(id string, e *endpoint) *Endpoint {
	return &Endpoint{
		ID: id, IPv4: e.address(true), IPv6: e.address(false),
		Ports: slices.Clone(e.Ports), Dir: n.endpointDir(id),
	}
}

// List gives what containers have of the network, in the order of their ids.
func (n *Network) List(ctx context.Context) ([]*Endpoint, error) {
	s, unlock, err := n.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("list network %q: %w", n.config.Name, err)
	}
	defer unlock()
	var list []*Endpoint
	for _, id := range s.ids() {
		list = append(list, n.endpoint(id, s.Endpoints[id]))
	}
	return list, nil
}

// Detach takes back what Attach has given: call it when the container has been destroyed. That an id has
// nothing is no error.
func (n *Network) Detach(ctx context.Context, id string) error {
	s, unlock, err := n.enter(ctx)
	if errors.Is(err, ErrRemoved) {
		return nil
	}
	if err == nil {
		defer unlock()
		err = n.detach(s, id)
	}
	if err != nil {
		return fmt.Errorf("detach %q from network %q: %w", id, n.config.Name, err)
	}
	return nil
}

// Collect takes back what belongs to none of these ids, but for what a process that still runs has
// attached: that may be about to create its container. Call it with the ids of the containers that exist, when a
// program starts; an earlier one may have died between Attach and Detach.
func (n *Network) Collect(ctx context.Context, live []string) error {
	s, unlock, err := n.enter(ctx)
	if err == nil {
		defer unlock()
		var gone []string
		for id, e := range s.Endpoints {
			if !slices.Contains(live, id) && e.abandoned() {
				gone = append(gone, id)
			}
		}
		err = n.detach(s, gone...)
	}
	if err != nil {
		return fmt.Errorf("collect what is left in network %q: %w", n.config.Name, err)
	}
	return nil
}

// detach removes what belongs to endpoints, and last their record: then nobody else can get it before
// it is free.
func (n *Network) detach(s *state, ids ...string) error {
	gone := make(map[string]*endpoint)
	for _, id := range ids {
		if e := s.Endpoints[id]; e != nil {
			gone[id] = e
			delete(s.Endpoints, id)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	list := slices.Collect(maps.Values(gone))
	if hasPorts(list) {
		if err := n.setRules(s); err != nil {
			return err
		}
		if err := forgetFlows(list...); err != nil {
			return err
		}
	}
	for id := range gone {
		if err := os.RemoveAll(n.endpointDir(id)); err != nil {
			return err
		}
	}
	if err := n.writeHosts(s, ""); err != nil {
		return err
	}
	return s.save(n.dir)
}

// Remove removes the network: its table of nftables, its bridge and its directory. It refuses that as
// long as a container is attached. That it has been removed is no error.
func (n *Network) Remove(ctx context.Context) error {
	s, unlock, err := n.enter(ctx)
	if errors.Is(err, ErrRemoved) {
		return nil
	}
	if err == nil {
		defer unlock()
		if len(s.Endpoints) > 0 {
			err = fmt.Errorf("%s still %w", strings.Join(s.ids(), ", "), ErrAttached)
		} else {
			err = n.removeAll()
		}
	}
	if err != nil {
		return fmt.Errorf("remove network %q: %w", n.config.Name, err)
	}
	return nil
}

// removeAll removes the record last: as long as it is there, one who opens the network finds what is
// left. The directory stays if the caller has something else in it.
func (n *Network) removeAll() error {
	if err := n.removeRules(); err != nil {
		return err
	}
	if err := n.removeBridge(); err != nil {
		return err
	}
	if err := os.RemoveAll(n.dir.File(endpointsDir)); err != nil {
		return err
	}
	if err := n.dir.Forget(); err != nil {
		return err
	}
	if err := os.Remove(n.dir.Path()); err != nil && !errors.Is(err, os.ErrExist) { // which is ENOTEMPTY, too
		return err
	}
	return nil
}
