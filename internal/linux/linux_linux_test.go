package linux

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestNumbers(t *testing.T) {
	for name, n := range map[string][2]uint64{
		"MS_BIND":                {MS_BIND, unix.MS_BIND},
		"MS_DIRSYNC":             {MS_DIRSYNC, unix.MS_DIRSYNC},
		"MS_LAZYTIME":            {MS_LAZYTIME, unix.MS_LAZYTIME},
		"MS_MANDLOCK":            {MS_MANDLOCK, unix.MS_MANDLOCK},
		"MS_SYNCHRONOUS":         {MS_SYNCHRONOUS, unix.MS_SYNCHRONOUS},
		"MS_NOATIME":             {MS_NOATIME, unix.MS_NOATIME},
		"MS_NODEV":               {MS_NODEV, unix.MS_NODEV},
		"MS_NODIRATIME":          {MS_NODIRATIME, unix.MS_NODIRATIME},
		"MS_NOEXEC":              {MS_NOEXEC, unix.MS_NOEXEC},
		"MS_NOSUID":              {MS_NOSUID, unix.MS_NOSUID},
		"MS_NOSYMFOLLOW":         {MS_NOSYMFOLLOW, unix.MS_NOSYMFOLLOW},
		"MS_PRIVATE":             {MS_PRIVATE, unix.MS_PRIVATE},
		"MS_RDONLY":              {MS_RDONLY, unix.MS_RDONLY},
		"MS_REC":                 {MS_REC, unix.MS_REC},
		"MS_RELATIME":            {MS_RELATIME, unix.MS_RELATIME},
		"MS_REMOUNT":             {MS_REMOUNT, unix.MS_REMOUNT},
		"MS_SHARED":              {MS_SHARED, unix.MS_SHARED},
		"MS_SILENT":              {MS_SILENT, unix.MS_SILENT},
		"MS_SLAVE":               {MS_SLAVE, unix.MS_SLAVE},
		"MS_STRICTATIME":         {MS_STRICTATIME, unix.MS_STRICTATIME},
		"MS_UNBINDABLE":          {MS_UNBINDABLE, unix.MS_UNBINDABLE},
		"MOUNT_ATTR_NOATIME":     {MOUNT_ATTR_NOATIME, unix.MOUNT_ATTR_NOATIME},
		"MOUNT_ATTR_NODEV":       {MOUNT_ATTR_NODEV, unix.MOUNT_ATTR_NODEV},
		"MOUNT_ATTR_NODIRATIME":  {MOUNT_ATTR_NODIRATIME, unix.MOUNT_ATTR_NODIRATIME},
		"MOUNT_ATTR_NOEXEC":      {MOUNT_ATTR_NOEXEC, unix.MOUNT_ATTR_NOEXEC},
		"MOUNT_ATTR_NOSUID":      {MOUNT_ATTR_NOSUID, unix.MOUNT_ATTR_NOSUID},
		"MOUNT_ATTR_NOSYMFOLLOW": {MOUNT_ATTR_NOSYMFOLLOW, unix.MOUNT_ATTR_NOSYMFOLLOW},
		"MOUNT_ATTR_RDONLY":      {MOUNT_ATTR_RDONLY, unix.MOUNT_ATTR_RDONLY},
		"MOUNT_ATTR_RELATIME":    {MOUNT_ATTR_RELATIME, unix.MOUNT_ATTR_RELATIME},
		"MOUNT_ATTR_STRICTATIME": {MOUNT_ATTR_STRICTATIME, unix.MOUNT_ATTR_STRICTATIME},
		"MOUNT_ATTR__ATIME":      {MOUNT_ATTR__ATIME, unix.MOUNT_ATTR__ATIME},
		"CLONE_NEWCGROUP":        {CLONE_NEWCGROUP, unix.CLONE_NEWCGROUP},
		"CLONE_NEWIPC":           {CLONE_NEWIPC, unix.CLONE_NEWIPC},
		"CLONE_NEWNET":           {CLONE_NEWNET, unix.CLONE_NEWNET},
		"CLONE_NEWNS":            {CLONE_NEWNS, unix.CLONE_NEWNS},
		"CLONE_NEWPID":           {CLONE_NEWPID, unix.CLONE_NEWPID},
		"CLONE_NEWTIME":          {CLONE_NEWTIME, unix.CLONE_NEWTIME},
		"CLONE_NEWUSER":          {CLONE_NEWUSER, unix.CLONE_NEWUSER},
		"CLONE_NEWUTS":           {CLONE_NEWUTS, unix.CLONE_NEWUTS},
	} {
		if n[0] != n[1] {
			t.Errorf("%s is %#x, want %#x", name, n[0], n[1])
		}
	}
	for _, dev := range [][2]uint32{{0, 0}, {1, 3}, {136, 255}, {4095, 256}, {4096, 1 << 20}, {1<<32 - 1, 1<<32 - 1}} {
		if got, want := Mkdev(dev[0], dev[1]), unix.Mkdev(dev[0], dev[1]); got != want {
			t.Errorf("device %v is %#x, want %#x", dev, got, want)
		}
	}
}
