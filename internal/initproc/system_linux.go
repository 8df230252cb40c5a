// The container's side: what belongs to a namespace but not to its files.

package initproc

import (
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

func setUpSystem(c *Config) error {
	if c.creates(configs.NEWNET) {
		if err := setUpLoopback(c.Container.Networks); err != nil {
			return err
		}
	}
	if name := c.Container.Hostname; name != "" {
		if err := unix.Sethostname([]byte(name)); err != nil {
			return fmt.Errorf("set hostname %q: %w", name, err)
		}
	}
	if name := c.Container.Domainname; name != "" {
		if err := unix.Setdomainname([]byte(name)); err != nil {
			return fmt.Errorf("set domain name %q: %w", name, err)
		}
	}
	return writeSysctls(c.Container.Sysctl)
}

// setUpLoopback brings the interface lo up if the configuration has a network of
// type loopback. The kernel gives it 127.0.0.1/8 and ::1/128 by itself.
func setUpLoopback(networks []*configs.Network) error {
	wanted := false
	for _, n := range networks {
		wanted = wanted || n.Type == "loopback"
	}
	if !wanted {
		return nil
	}
	// netdevice(7): any socket gives access to interface configuration.
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("bring up lo: socket: %w", err)
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("bring up lo: %w", err)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, req); err != nil {
		return fmt.Errorf("bring up lo: SIOCGIFFLAGS: %w", err)
	}
	req.SetUint16(req.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req); err != nil {
		return fmt.Errorf("bring up lo: SIOCSIFFLAGS: %w", err)
	}
	return nil
}

// writeSysctls sets kernel parameters of the container's namespaces through a
// procfs of our own, which nobody else can have mounted over. The validator has
// made sure that each key belongs to a namespace of the container.
func writeSysctls(sysctls map[string]string) error {
	if len(sysctls) == 0 {
		return nil
	}
	proc, err := openProcfs()
	if err != nil {
		return err
	}
	defer unix.Close(proc)
	for key, value := range sysctls {
		if err := writeSysctl(proc, key, value); err != nil {
			return fmt.Errorf("set sysctl %s to %q: %w", key, value, err)
		}
	}
	return nil
}

func writeSysctl(proc int, key, value string) error {
	name := "sys/" + SysctlPath(key)
	if path.Clean(name) != name {
		return invalidError{fmt.Errorf("not a clean name: %w", unix.EINVAL)}
	}
	fd, err := unix.Openat2(proc, name, &unix.OpenHow{
		Flags:   unix.O_WRONLY | unix.O_CLOEXEC | unix.O_NOFOLLOW,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	})
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte(value))
	return err
}

// SysctlPath gives the path below /proc/sys of a key in either of the forms that
// sysctl(8) takes: whichever of "." and "/" comes first separates, and the other
// one stands for it within a component (net.ipv4.conf.eth0/100.forwarding).
func SysctlPath(key string) string {
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

// openProcfs mounts a procfs that is attached nowhere and returns its root.
func openProcfs() (int, error) {
	fs, err := unix.Fsopen("proc", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("open private procfs: fsopen: %w", err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, fmt.Errorf("open private procfs: fsconfig: %w", err)
	}
	attr := unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	mnt, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, attr)
	if err != nil {
		return -1, fmt.Errorf("open private procfs: fsmount: %w", err)
	}
	return mnt, nil
}
