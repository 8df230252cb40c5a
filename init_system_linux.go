// What belongs to a namespace but not to its files, as operations of init.

package libcontainer

import (
	"encoding/binary"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/program"
)

func (p *initPlan) setUpSystem(s *script) error {
	if p.creates(configs.NEWNET) {
		p.setUpLoopback(s)
	}
	if name := p.config.Hostname; name != "" {
		s.Do(fmt.Sprintf("set hostname %q", name), unix.SYS_SETHOSTNAME, s.String(name), num(len(name)))
	}
	if name := p.config.Domainname; name != "" {
		s.Do(fmt.Sprintf("set domain name %q", name), unix.SYS_SETDOMAINNAME, s.String(name), num(len(name)))
	}
	return p.writeSysctls(s)
}

// setUpLoopback brings the interface lo up if the configuration has a network of
// type loopback. The kernel gives it 127.0.0.1/8 and ::1/128 by itself.
func (p *initPlan) setUpLoopback(s *script) {
	if !slices.ContainsFunc(p.config.Networks, func(n *configs.Network) bool { return n.Type == "loopback" }) {
		return
	}
	out := s.In("bring up lo")
	defer out()
	// netdevice(7): any socket gives access to interface configuration.
	fd := s.Get("socket", unix.SYS_SOCKET, num(unix.AF_UNIX), num(unix.SOCK_DGRAM|unix.SOCK_CLOEXEC), num(0))
	req := make([]byte, 40) // struct ifreq
	copy(req, "lo")
	// A new namespace's lo has no other flag that can be set.
	binary.NativeEndian.PutUint16(req[unix.IFNAMSIZ:], unix.IFF_UP|unix.IFF_LOOPBACK)
	s.Do("SIOCSIFFLAGS", unix.SYS_IOCTL, fd.Arg(), num(unix.SIOCSIFFLAGS), s.Bytes(req))
	s.Close(fd)
}

// writeSysctls sets kernel parameters of the container's namespaces through a procfs of
// our own, which nobody else can have mounted over. The validator has made sure that
// each key belongs to a namespace of the container. What is general comes before what
// is special, since some of the general ones set all special ones.
func (p *initPlan) writeSysctls(s *script) error {
	if len(p.config.Sysctl) == 0 {
		return nil
	}
	out := s.In("open private procfs")
	fs := s.Get("fsopen", unix.SYS_FSOPEN, s.String("proc"), num(unix.FSOPEN_CLOEXEC))
	p.choosePidNamespace(s, fs)
	s.Do("fsconfig", unix.SYS_FSCONFIG, fs.Arg(), num(unix.FSCONFIG_CMD_CREATE), num(0), num(0), num(0))
	proc := s.Get("fsmount", unix.SYS_FSMOUNT, fs.Arg(), num(unix.FSMOUNT_CLOEXEC),
		num(unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC))
	s.Close(fs)
	out()
	for _, key := range sortedSysctls(p.config.Sysctl) {
		if err := s.writeSysctl(proc, key, p.config.Sysctl[key]); err != nil {
			return err
		}
	}
	s.Close(proc)
	return nil
}

func (s *script) writeSysctl(proc program.Reg, key, value string) error {
	name := "sys/" + sysctlPath(key)
	what := fmt.Sprintf("set sysctl %s to %q", key, value)
	if path.Clean(name) != name {
		return invalid(fmt.Errorf("%s: not a clean name: %w", what, unix.EINVAL))
	}
	how := s.Words(unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0,
		unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_XDEV)
	fd := s.Get(what, unix.SYS_OPENAT2, proc.Arg(), s.String(name), how, num(sizeofOpenHow))
	s.Hint(sysctlHints)
	s.Do(what, unix.SYS_WRITE, fd.Arg(), s.String(value), num(len(value)))
	s.Hint(sysctlHints)
	s.Close(fd)
	return nil
}

// checkSysctls refuses what the kernel at hand would do to the whole machine, though newer
// ones have it for each namespace.
func checkSysctls(config *configs.Config) error {
	for key := range config.Sysctl {
		if sysctlPath(key) == "kernel/pid_max" && !pidMaxIsNamespaced() {
			return fmt.Errorf("%s would change the host: each pid namespace has its own since Linux 6.14", fmt.Sprintf("Sysctl[%q]", key))
		}
	}
	return nil
}

// pidMaxIsNamespaced tells whether each pid namespace has a maximum of its own (Linux
// 6.14, commit 7863dcc72d0f).
func pidMaxIsNamespaced() bool {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return false
	}
	return releaseAtLeast(unix.ByteSliceToString(name.Release[:]), 6, 14)
}

// releaseAtLeast compares the release of a kernel with a version.
func releaseAtLeast(release string, major, minor int) bool {
	var a, b int
	if n, _ := fmt.Sscanf(release, "%d.%d", &a, &b); n != 2 {
		return false
	}
	return a > major || a == major && b >= minor
}

// sortedSysctls gives the keys in the order in which they are written: ip_forward before
// all others of IPv4, which it resets (the kernel's document networking/ip-sysctl), then
// those of all interfaces, of the default and of single ones, and else by name.
func sortedSysctls(sysctls map[string]string) []string {
	keys := make([]string, 0, len(sysctls))
	for key := range sysctls {
		keys = append(keys, key)
	}
	rank := func(key string) int {
		name := sysctlPath(key)
		switch {
		case name == "net/ipv4/ip_forward":
			return 0
		case strings.Contains(name, "/conf/all/"):
			return 1
		case strings.Contains(name, "/conf/default/"):
			return 2
		}
		return 3
	}
	slices.SortFunc(keys, func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return keys
}

// sysctlPath gives the path below /proc/sys of a key in either of the forms that
// sysctl(8) takes: whichever of "." and "/" comes first separates, and the other
// one stands for it within a component (net.ipv4.conf.eth0/100.forwarding).
func sysctlPath(key string) string {
	i := strings.IndexAny(key, "./")
	if i < 0 || key[i] == '/' {
		return key
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case '.':
			return '/'
		case '/':
			return '.'
		}
		return r
	}, key)
}
