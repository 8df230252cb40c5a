package network

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// endpointsDir is the directory with one of each endpoint.
const endpointsDir = "endpoints"

// hostResolv are the files from which the name servers of the host are taken: the first with
// one that containers can reach. systemd-resolved has its own address in the first one, and in the
// second one those that it asks.
var hostResolv = [...]string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"}

// isHostname takes what sethostname(2) takes and a file of hosts can have.
func isHostname(name string) bool {
	return isWord(name) && len(name) <= 64 && !strings.Contains(name, "#")
}

// hostsFile gives the names of all containers of the network, and of the container itself what it calls
// itself.
func (s *state) hostsFile(id string) []byte {
	var out bytes.Buffer
	out.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")
	for _, other := range s.ids() {
		names, e := other, s.Endpoints[other]
		if other == id && e.Hostname != id {
			names = e.Hostname + " " + id
		}
		for _, a := range e.Addresses {
			fmt.Fprintf(&out, "%v\t%s\n", a, names)
		}
	}
	return out.Bytes()
}

// writeHosts writes the files of hosts of all endpoints, but that of one which has none yet.
func (n *Network) writeHosts(s *state, but string) error {
	for id := range s.Endpoints {
		if id == but {
			continue
		}
		err := rewrite(filepath.Join(n.endpointDir(id), "hosts"), s.hostsFile(id))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// rewrite gives a file another content. It stays the file that is mounted in containers, whose programs
// read it at any moment: so what is shorter is filled up with empty lines before the end is cut off,
// and no rest of the old content is ever seen behind the new one.
func rewrite(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	filled := data
	if more := int(info.Size()) - len(data); more > 0 {
		filled = append(slices.Clone(data), bytes.Repeat([]byte{'\n'}, more)...)
	}
	if _, err := f.WriteAt(filled, 0); err != nil {
		return err
	}
	return f.Truncate(int64(len(data)))
}

func (n *Network) endpointDir(id string) string { return filepath.Join(n.dir.Path(), endpointsDir, id) }

// writeFiles makes the directory of an endpoint with its files, which anybody in the container may
// read.
func (n *Network) writeFiles(s *state, id string) error {
	resolv, err := resolvConf(n.config.DNS, s.Subnets, hostResolv[:])
	if err != nil {
		return err
	}
	dir := n.endpointDir(id)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for name, data := range map[string][]byte{
		"hosts":       s.hostsFile(id),
		"hostname":    []byte(s.Endpoints[id].Hostname + "\n"),
		"resolv.conf": resolv,
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return err
		}
		if err := os.Chmod(path, 0o644); err != nil { // whatever the umask is
			return err
		}
	}
	return nil
}

// resolvConf gives the content of resolv.conf.
func resolvConf(d DNS, subnets []netip.Prefix, host []string) ([]byte, error) {
	if len(d.Servers) == 0 {
		found, err := hostDNS(subnets, host)
		if err != nil {
			return nil, err
		}
		d.Servers = found.Servers
		if len(d.Search) == 0 {
			d.Search = found.Search
		}
		d.Options = append(found.Options, d.Options...)
	}
	var out bytes.Buffer
	for _, s := range d.Servers {
		fmt.Fprintf(&out, "nameserver %v\n", s)
	}
	if len(d.Search) > 0 {
		fmt.Fprintf(&out, "search %s\n", strings.Join(d.Search, " "))
	}
	if len(d.Options) > 0 {
		fmt.Fprintf(&out, "options %s\n", strings.Join(d.Options, " "))
	}
	return out.Bytes(), nil
}

// hostDNS reads what the host uses.
func hostDNS(subnets []netip.Prefix, files []string) (d DNS, err error) {
	v6 := slices.ContainsFunc(subnets, func(s netip.Prefix) bool { return s.Addr().Is6() })
	for _, name := range files {
		data, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return d, err
		}
		found := parseResolv(string(data))
		found.Servers = slices.DeleteFunc(found.Servers, func(a netip.Addr) bool {
			return a.IsLoopback() || a.IsUnspecified() || a.Zone() != "" || a.Is6() && !v6
		})
		if len(d.Search)+len(d.Options) == 0 || len(found.Servers) > 0 {
			d = found
		}
		if len(d.Servers) > 0 {
			break
		}
	}
	return d, nil
}

// parseResolv reads what resolv.conf(5) describes: of "search" the last line counts.
func parseResolv(text string) (d DNS) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "nameserver":
			if a, err := netip.ParseAddr(fields[1]); err == nil {
				d.Servers = append(d.Servers, a.Unmap())
			}
		case "search":
			d.Search = fields[1:]
		case "domain":
			d.Search = fields[1:2]
		case "options":
			d.Options = append(d.Options, fields[1:]...)
		}
	}
	return d
}

// addMounts mounts an endpoint's files in the container, unless that has something of its own there.
func addMounts(config *configs.Config, dir string) {
	for _, name := range []string{"hosts", "hostname", "resolv.conf"} {
		dest := "/etc/" + name
		if slices.ContainsFunc(config.Mounts, func(m *configs.Mount) bool {
			return m != nil && filepath.Join("/", m.Destination) == dest
		}) {
			continue
		}
		config.Mounts = append(config.Mounts, &configs.Mount{
			Source: filepath.Join(dir, name), Destination: dest, Device: "bind",
			Flags: unix.MS_BIND | unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC,
		})
	}
}
