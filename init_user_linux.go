// Who the program runs as: init reads the container's user databases, and the host
// reads in them. So a path of the container is never followed by the host, and nothing
// that an image holds is parsed by a process with privileges inside.

package libcontainer

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/program"
	"github.com/libcontainer/libcontainer/internal/userdb"
)

const (
	databaseChunk = 4096               // what is read of a database at once
	databaseMax   = 16 << 20           // and at most
	databaseMore  = program.MaxPayload // and at once of a large one
)

var databases = [...]string{"/etc/passwd", "/etc/group"}

// execUser is who a program runs as.
type execUser struct {
	userdb.User

	fds []program.Reg // of the databases, still open
}

// databaseReader collects the databases of one start.
type databaseReader struct {
	plan *initPlan
	text [len(databases)][]byte
	fds  []program.Reg
	next func(*execUser) (*program.Program, error)
}

// askUser reads the user databases, and goes on with the list that next makes when it
// is known who the program's user is. It must be called after the root has changed, so
// that a symbolic link in the container's /etc leads to nothing of the host.
func (p *initPlan) askUser(s *script, next func(*execUser) (*program.Program, error)) {
	d := &databaseReader{plan: p, next: next}
	const head = 8 * len(databases)
	report := s.Space(head + databaseChunk*len(databases))
	for i, name := range databases {
		fd := s.openDatabase(name)
		d.fds = append(d.fds, fd)
		absent := s.Label()
		n := s.Reg()
		s.Add(n, num(-1), num(0))
		s.Less(num(-1), fd.Arg(), absent)
		s.Set(n, "read "+name+" of the container", unix.SYS_READ, fd.Arg(), report.At(head+databaseChunk*i), num(databaseChunk))
		s.Bind(absent)
		s.Store(report.At(8*i), n.Arg(), 8)
		s.Free(n)
	}
	s.Ask("look up the user", d.first, report, num(head+databaseChunk*len(databases)))
}

// openDatabase opens a file of the container that need not be there; then, or if it is
// masked, the register is negative. Anything but a regular file is refused, and before
// it is opened: a fifo would hold us for ever, and to open a device can do things (think
// of watchdogs) while the cgroup does not restrict us yet. So is a file of procfs or
// sysfs, to read which may block, or tell of somebody else.
func (s *script) openDatabase(name string) program.Reg {
	const flags = unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	notRegular := name + " of the container is not a regular file"
	fd, mode := s.Reg(), s.Reg()
	done, other, device := s.Label(), s.Label(), s.Label()
	st := s.Space(sizeofStatx)
	s.Set(fd, "stat "+name+" of the container", unix.SYS_STATX, num(unix.AT_FDCWD), s.String(name), num(0),
		num(unix.STATX_BASIC_STATS), st)
	s.Or(done, unix.ENOENT, unix.ENOTDIR)
	s.LoadInto(mode, st.At(statxMode), 2)
	s.Test(mode.Arg(), num(unix.S_IFMT), num(unix.S_IFREG), other)
	s.Set(fd, "open "+name+" of the container", unix.SYS_OPENAT, num(unix.AT_FDCWD), s.String(name), num(flags), num(0))
	// It may have been replaced meanwhile.
	s.LoadInto(mode, s.stat(fd).At(statxMode), 2)
	s.Check(notRegular, mode.Arg(), num(unix.S_IFMT), num(unix.S_IFREG), unix.EINVAL)
	for _, magic := range []int64{unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC} {
		typ := s.fsType(fd)
		ok := s.Label()
		s.Test(typ.Arg(), num(-1), num(magic), ok)
		s.Fail(name+" of the container is a file of the kernel's", unix.EINVAL)
		s.Bind(ok)
		s.Free(typ)
	}
	s.Bind(done)
	s.Later(func() {
		s.Bind(other)
		s.Test(mode.Arg(), num(unix.S_IFMT), num(unix.S_IFCHR), device)
		rdev := s.Load(st.At(statxRdevMajor), 4)
		s.Test(rdev.Arg(), num(-1), num(nullMajor), device)
		s.LoadInto(rdev, st.At(statxRdevMinor), 4)
		s.Test(rdev.Arg(), num(-1), num(nullMinor), device)
		s.Add(fd, num(-int(unix.ENOENT)), num(0)) // masked
		s.Free(rdev)
		s.Jump(done)
		s.Bind(device)
		s.Fail(notRegular, unix.EINVAL)
	})
	s.Free(mode)
	return fd
}

// first takes the beginning of the databases, which as a rule is all of them.
func (d *databaseReader) first(payload []byte, _ []int) (*program.Program, error) {
	const head = 8 * len(databases)
	if len(payload) != head+databaseChunk*len(databases) {
		return nil, fmt.Errorf("read user databases: %d bytes came: %w", len(payload), unix.EBADMSG)
	}
	var large []int
	for i := range databases {
		n := int64(getUint64(payload[8*i:]))
		if n < 0 {
			continue
		}
		if n > databaseChunk {
			return nil, fmt.Errorf("read %s of the container: %d bytes came: %w", databases[i], n, unix.EBADMSG)
		}
		d.text[i] = append([]byte{}, payload[head+databaseChunk*i:][:n]...)
		if n == databaseChunk {
			large = append(large, i)
		}
	}
	if len(large) == 0 {
		return d.finish()
	}
	s := newScript(d.plan.regs)
	for _, i := range large {
		name := databases[i]
		buf := s.Space(databaseMore)
		n := s.Reg()
		done := s.Label()
		again := s.Here()
		s.Set(n, "read "+name+" of the container", unix.SYS_READ, d.fds[i].Arg(), buf, num(databaseMore))
		s.Less(num(0), n.Arg(), done)
		s.Tell("read "+name+" of the container", func(chunk []byte, _ []int) (*program.Program, error) {
			if d.text[i] = append(d.text[i], chunk...); len(d.text[i]) > databaseMax {
				return nil, invalid(fmt.Errorf("%s of the container is larger than %d bytes: %w", name, databaseMax, unix.EFBIG))
			}
			return nil, nil
		}, buf, n.Arg())
		s.Jump(again)
		s.Bind(done)
		s.Free(n)
	}
	s.Ask("look up the user", func([]byte, []int) (*program.Program, error) { return d.finish() }, s.String(""), num(0))
	return s.Build()
}

func (d *databaseReader) finish() (*program.Program, error) {
	p := d.plan.process
	groups := p.AdditionalGroups
	if !p.ReplaceGroups {
		groups = append(append([]string(nil), d.plan.config.AdditionalGroups...), groups...)
	}
	u, err := userdb.Lookup(p.User, groups, d.text[0], d.text[1])
	if err != nil {
		return nil, invalid(err)
	}
	if err := checkUser(u, d.plan.config); err != nil {
		return nil, invalid(err)
	}
	user := &execUser{User: *u, fds: d.fds}
	if err := d.plan.host.ready(user); err != nil {
		return nil, err
	}
	return d.next(user)
}

// closeDatabases closes what askUser has opened.
func (u *execUser) closeDatabases(s *script) {
	for _, fd := range u.fds {
		s.Do("close", unix.SYS_CLOSE, fd.Arg())
		s.IgnoreAll() // one that was not there
		s.Free(fd)
	}
}

// maxGroups is NGROUPS_MAX, see getgroups(2).
const maxGroups = 65536

// checkUser names what the kernel would refuse as an invalid argument: ids that the user
// namespace does not have, and too many groups.
func checkUser(u *userdb.User, config *configs.Config) error {
	if len(u.Groups) > maxGroups {
		return fmt.Errorf("the process has %d supplementary groups, and the kernel takes %d: %w", len(u.Groups), maxGroups, unix.EINVAL)
	}
	// Of a user namespace that is joined without mappings in the configuration the kernel tells.
	if !config.Namespaces.Contains(configs.NEWUSER) {
		return nil
	}
	unmapped := func(what string, id uint32, field string) error {
		return fmt.Errorf("%s %d is not mapped in the container's user namespace: add it to %s: %w", what, id, field, unix.EINVAL)
	}
	if len(config.UidMappings) > 0 {
		if _, err := config.HostUIDFor(int(u.UID)); err != nil {
			return unmapped("user", u.UID, "UidMappings")
		}
	}
	if len(config.GidMappings) == 0 {
		return nil
	}
	for _, gid := range append([]uint32{u.GID}, u.Groups...) {
		if _, err := config.HostGIDFor(int(gid)); err != nil {
			return unmapped("group", gid, "GidMappings")
		}
	}
	return nil
}

// describeGroups is for messages, which a list of thousands would fill.
func describeGroups(groups []uint32) string {
	const some = 16
	if len(groups) <= some {
		return fmt.Sprint(groups)
	}
	return fmt.Sprintf("%v and %d more", groups[:some], len(groups)-some)
}
