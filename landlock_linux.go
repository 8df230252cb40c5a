// Landlock: what a container's processes are denied by the kernel beside permissions.

package libcontainer

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/program"
)

// Of <linux/landlock.h>.
const (
	landlockPathBeneath = 1 // LANDLOCK_RULE_PATH_BENEATH
	landlockNetPort     = 2 // LANDLOCK_RULE_NET_PORT

	// landlockOfFiles are the rights that a rule for a file may have.
	landlockOfFiles = configs.LandlockExecute | configs.LandlockWriteFile | configs.LandlockReadFile |
		configs.LandlockTruncate | configs.LandlockIoctlDev
)

// landlockVersions tells from which version of the kernel's interface on rights exist.
var landlockVersions = [...]struct {
	version int
	access  configs.LandlockAccess
	name    string
}{
	{1, configs.LandlockRefer - 1, "files"},
	{2, configs.LandlockRefer, "links and renames between directories"},
	{3, configs.LandlockTruncate, "truncation of files"},
	{5, configs.LandlockIoctlDev, "ioctl on devices"},
}

const (
	landlockTCP    = 4 // the version from which on there are rules for TCP
	landlockScopes = 6 // and scopes
)

// landlockVersion asks the kernel which version of the interface it has; 0 is none.
var landlockVersion = sync.OnceValue(func() int {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(version)
})

// landlockRules are what the kernel can be asked for.
type landlockRules struct {
	version       int
	access        configs.LandlockAccess
	net, scopes   uint64
	paths         []configs.LandlockPath
	bind, connect []uint16
}

// landlockOf gives the rules of a configuration that a kernel with this version has; nil if
// there are none. missing names what it cannot deny.
func landlockOf(l *configs.Landlock, version int) (rules *landlockRules, missing []string) {
	if l == nil {
		return nil, nil
	}
	rules = &landlockRules{version: version, paths: l.Paths}
	denied := l.DeniedAccess()
	for _, v := range landlockVersions {
		switch {
		case denied&v.access == 0:
		case version < v.version:
			missing = append(missing, v.name)
		default:
			rules.access |= denied & v.access
		}
	}
	if l.TCP != nil {
		if version < landlockTCP {
			missing = append(missing, "TCP")
		} else {
			rules.net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
			rules.bind, rules.connect = l.TCP.Bind, l.TCP.Connect
		}
	}
	for _, scope := range []struct {
		wanted bool
		bit    uint64
		name   string
	}{
		{l.NoAbstractSockets, unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, "abstract unix sockets"},
		{l.NoSignals, unix.LANDLOCK_SCOPE_SIGNAL, "signals"},
	} {
		switch {
		case !scope.wanted:
		case version < landlockScopes:
			missing = append(missing, scope.name)
		default:
			rules.scopes |= scope.bit
		}
	}
	if rules.access == 0 && rules.net == 0 && rules.scopes == 0 {
		rules = nil
	}
	return rules, missing
}

// landlock decides what init asks the kernel for.
func (st *starting) landlock() (*landlockRules, error) {
	l := st.config.Landlock
	rules, missing := landlockOf(l, landlockVersion())
	if len(missing) == 0 {
		return rules, nil
	}
	err := fmt.Errorf("this kernel's Landlock (version %d) cannot deny %s: %w", landlockVersion(), strings.Join(missing, ", "), errors.ErrUnsupported)
	if !l.BestEffort {
		return nil, invalid(fmt.Errorf("%w; set Landlock.BestEffort to start without that", err))
	}
	st.c.warn(err)
	return rules, nil
}

// restrictSelf denies the process, and the program that it becomes, what the rules do not
// allow.
func (p *initPlan) restrictSelf(s *script) {
	r := p.landlock
	if r == nil {
		return
	}
	defer s.In("Landlock")()
	attr := s.Words(uint64(r.access), r.net, r.scopes)
	size := 24 // struct landlock_ruleset_attr has grown
	switch {
	case r.version < landlockTCP:
		size = 8
	case r.version < landlockScopes:
		size = 16
	}
	ruleset := s.Get("create ruleset", unix.SYS_LANDLOCK_CREATE_RULESET, attr, num(size), num(0))
	s.Blame(true)
	for _, path := range r.paths {
		p.allowPath(s, ruleset, path.Path, path.Access&r.access)
	}
	s.Blame(false)
	p.allowPorts(s, ruleset, "bind", unix.LANDLOCK_ACCESS_NET_BIND_TCP, r.bind)
	p.allowPorts(s, ruleset, "connect to", unix.LANDLOCK_ACCESS_NET_CONNECT_TCP, r.connect)
	s.Do("restrict the process", unix.SYS_LANDLOCK_RESTRICT_SELF, ruleset.Arg(), num(0))
	s.Close(ruleset)
}

func (p *initPlan) allowPorts(s *script, ruleset program.Reg, what string, access uint64, ports []uint16) {
	for _, port := range ports {
		s.Do(fmt.Sprintf("allow to %s port %d", what, port), unix.SYS_LANDLOCK_ADD_RULE, ruleset.Arg(), num(landlockNetPort),
			s.Words(access, uint64(port)), num(0)) // struct landlock_net_port_attr
	}
}

// allowPath allows access to a path as it is seen by the process.
func (p *initPlan) allowPath(s *script, ruleset program.Reg, path string, access configs.LandlockAccess) {
	if access == 0 {
		return // the kernel has nothing of it
	}
	fd := s.Get("open "+path, unix.SYS_OPENAT, num(unix.AT_FDCWD), s.String(path), num(unix.O_PATH|unix.O_CLOEXEC), num(0))
	s.Hint(landlockHints)
	// struct landlock_path_beneath_attr is packed.
	attr := s.Words(uint64(access), 0)
	s.Store(attr.At(8), fd.Arg(), 4)
	add := func() {
		s.Do("allow "+path, unix.SYS_LANDLOCK_ADD_RULE, ruleset.Arg(), num(landlockPathBeneath), attr, num(0))
	}
	file, done := s.Label(), s.Label()
	s.isDir(fd, file)
	add()
	s.Jump(done)
	s.Bind(file)
	if of := access & landlockOfFiles; of != 0 {
		s.Store(attr, num(of), 8)
		add()
	}
	s.Bind(done)
	s.Close(fd)
}
