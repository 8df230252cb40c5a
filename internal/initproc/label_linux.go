// The container's side: the security labels that the program gets from AppArmor
// and SELinux.

package initproc

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// labels are the attributes of this thread that say what execve(2) makes of it,
// see proc_pid_attr(5). They are opened while /proc is the host's, so that a
// container cannot put others in their place, and as files, from which no path
// leads anywhere. The kernel lets only the thread itself write them.
type labels struct {
	apparmor, selinux label
}

type label struct {
	fd    int // -1: there is nothing to write
	what  string
	value string
}

// attrDir is where the kernel has the attributes.
const attrDir = "/proc/thread-self/attr/"

func openLabels(c *Config) (l labels, err error) {
	// The files of the process as such are those of the module that comes first.
	l.apparmor, err = openLabel("AppArmor profile", c.AppArmorProfile, "exec "+c.AppArmorProfile,
		attrDir+"apparmor/exec", attrDir+"exec")
	if err != nil {
		return l, err
	}
	l.selinux, err = openLabel("SELinux label", c.ProcessLabel, c.ProcessLabel, attrDir+"exec")
	return l, err
}

// openLabel opens the first of the files that exists.
func openLabel(kind, name, value string, files ...string) (label, error) {
	l := label{fd: -1, what: fmt.Sprintf("%s %q", kind, name), value: value}
	if name == "" {
		return l, nil
	}
	var err error
	for _, file := range files {
		l.fd, err = unix.Open(file, unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			return l, l.verify(file)
		}
		err = fmt.Errorf("set %s: open %s: %w", l.what, file, err)
		if !errors.Is(err, unix.ENOENT) {
			break
		}
	}
	return l, err
}

func (l *label) verify(file string) error {
	typ, err := fsType(l.fd)
	if err == nil && typ != unix.PROC_SUPER_MAGIC {
		err = unix.EINVAL
	}
	if err != nil {
		return fmt.Errorf("set %s: %s is not of procfs: %w", l.what, file, err)
	}
	return nil
}

// set makes the next execve of this thread give the program its labels. Programs
// that are forked off before it would get them too.
func (l *labels) set() error {
	if err := l.apparmor.write(); err != nil {
		return err
	}
	return l.selinux.write()
}

func (l *label) write() error {
	if l.fd < 0 {
		return nil
	}
	n, err := unix.Write(l.fd, []byte(l.value))
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EINVAL):
		return invalidError{fmt.Errorf("set %s: the kernel does not know it: %w", l.what, err)}
	case err != nil:
		return fmt.Errorf("set %s: %w", l.what, err)
	case n != len(l.value):
		return fmt.Errorf("set %s: the kernel took %d of %d bytes", l.what, n, len(l.value))
	}
	return nil
}
