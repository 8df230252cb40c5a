package initproc

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

type CgroupMount struct {
	Mountpoint string
	Subsystems []string
	V2         bool
}
type Rootfs struct {
	Config       *configs.Config
	CgroupPaths  map[string]string
	CgroupMounts []CgroupMount
	InUserNS     bool
	WaitCgroups  func() error
}

func (r *Rootfs) Prepare() error {
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return err
	}
	root := r.Config.Rootfs
	if err := unix.Mount(root, root, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	for _, m := range r.Config.Mounts {
		os.MkdirAll(root+m.Destination, 0o755)
		if err := unix.Mount(m.Source, root+m.Destination, m.Device, uintptr(m.Flags), m.Data); err != nil {
			return err
		}
	}
	for _, d := range r.Config.Devices {
		if err := unix.Mknod(root+d.Path, unix.S_IFCHR|0o666, d.Mkdev()); err != nil {
			return err
		}
	}
	unix.Chdir(root)
	if err := unix.PivotRoot(".", "."); err != nil {
		return err
	}
	unix.Unmount(".", unix.MNT_DETACH)
	return unix.Chdir("/")
}
func (r *Rootfs) Finish() error { return nil }
