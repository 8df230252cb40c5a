package configs

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/internal/linux"
)

func TestSetOptions(t *testing.T) {
	const bind, rec, remount = linux.MS_BIND, linux.MS_REC, linux.MS_REMOUNT
	for options, want := range map[string]Mount{
		"":                          {},
		"defaults":                  {},
		"nosuid,noexec,nodev":       {Flags: linux.MS_NOSUID | linux.MS_NOEXEC | linux.MS_NODEV},
		"ro,size=64k,mode=755":      {Flags: linux.MS_RDONLY, Data: "size=64k,mode=755"},
		"rbind,rprivate":            {Flags: bind | rec, PropagationFlags: []int{linux.MS_PRIVATE | rec}},
		"shared,rslave":             {PropagationFlags: []int{linux.MS_SHARED, linux.MS_SLAVE | rec}},
		"ro,rw":                     {},
		"bind,ro,rw":                {Flags: bind, FlagsClear: linux.MS_RDONLY},
		"bind,rw,ro":                {Flags: bind | linux.MS_RDONLY},
		"exec,suid,dev,rbind":       {Flags: bind | rec, FlagsClear: linux.MS_NOEXEC | linux.MS_NOSUID | linux.MS_NODEV},
		"bind,exec,noexec":          {Flags: bind | linux.MS_NOEXEC},
		"bind,remount,rw":           {Flags: bind | remount},
		"exec":                      {},
		"noatime,relatime":          {Flags: linux.MS_RELATIME},
		"bind,noatime,atime":        {Flags: bind, FlagsClear: linux.MS_NOATIME},
		"bind,nostrictatime":        {Flags: bind, FlagsClear: linux.MS_STRICTATIME},
		"bind,diratime,symfollow":   {Flags: bind, FlagsClear: linux.MS_NODIRATIME | linux.MS_NOSYMFOLLOW},
		"sync,dirsync,mand,silent":  {Flags: linux.MS_SYNCHRONOUS | linux.MS_DIRSYNC | linux.MS_MANDLOCK | linux.MS_SILENT},
		"sync,async,bind":           {Flags: bind},
		"lazytime,nolazytime":       {},
		"rro,rnosuid":               {RecAttrSet: linux.MOUNT_ATTR_RDONLY | linux.MOUNT_ATTR_NOSUID},
		"rro,rrw":                   {RecAttrClear: linux.MOUNT_ATTR_RDONLY},
		"rrw,rro":                   {RecAttrSet: linux.MOUNT_ATTR_RDONLY},
		"rnoatime":                  {RecAttrSet: linux.MOUNT_ATTR_NOATIME, RecAttrClear: linux.MOUNT_ATTR__ATIME},
		"rnoatime,rrelatime":        {RecAttrClear: linux.MOUNT_ATTR__ATIME},
		"rnoatime,rstrictatime,rro": {RecAttrSet: linux.MOUNT_ATTR_STRICTATIME | linux.MOUNT_ATTR_RDONLY, RecAttrClear: linux.MOUNT_ATTR__ATIME},
		"rdev,rexec,rsuid":          {RecAttrClear: linux.MOUNT_ATTR_NODEV | linux.MOUNT_ATTR_NOEXEC | linux.MOUNT_ATTR_NOSUID},
		"bind,idmap":                {Flags: bind, IDMapping: IDMapMount},
		"rbind,idmap,ridmap":        {Flags: bind | rec, IDMapping: IDMapRecursive},
		"tmpcopyup,nr_inodes=7":     {CopyUp: true, Data: "nr_inodes=7"},
		"iversion,RO,unknown":       {Data: "iversion,RO,unknown"},
	} {
		t.Run(options, func(t *testing.T) {
			want.Source, want.Destination, want.Device = "/source", "/destination", "tmpfs"
			got := Mount{
				Source: "/source", Destination: "/destination", Device: "tmpfs", Flags: linux.MS_RDONLY, FlagsClear: linux.MS_NODEV,
				PropagationFlags: []int{1}, RecAttrSet: 1, RecAttrClear: 1, Data: "old", IDMapping: IDMapMount, CopyUp: true,
			}
			var list []string
			if options != "" {
				list = strings.Split(options, ",")
			}
			got.SetOptions(list)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%+v\nwant %+v", got, want)
			}
		})
	}
}

func TestMountOptions(t *testing.T) {
	names := MountOptions()
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("not sorted, or some are there twice: %q", names)
	}
	for _, name := range names {
		var m Mount
		m.SetOptions([]string{name})
		if m.Data != "" {
			t.Errorf("%s is not known: %+v", name, m)
		}
		// What takes something back does so for a bind mount, or for what came before.
		m.SetOptions([]string{"bind", name})
		if alone := (Mount{Flags: linux.MS_BIND}); reflect.DeepEqual(m, alone) &&
			!slices.Contains([]string{"async", "bind", "defaults", "loud", "nolazytime", "nomand"}, name) {
			t.Errorf("%s does nothing", name)
		}
	}
}

// What Options writes SetOptions reads: of every option, and of every two of them.
func TestOptions(t *testing.T) {
	names := append(MountOptions(), "size=5m", "mode=700")
	for _, first := range names {
		for _, second := range names {
			var m, again Mount
			m.SetOptions([]string{"bind", first, second})
			again.SetOptions(m.Options())
			if !reflect.DeepEqual(m, again) {
				t.Errorf("%s,%s is written as %q, and read so: %+v, not %+v", first, second, m.Options(), again, m)
			}
		}
	}
	rec := Mount{Flags: linux.MS_BIND | linux.MS_REC}
	if got := rec.Options(); !slices.Equal(got, []string{"rbind"}) {
		t.Errorf("a recursive bind mount is %q", got)
	}
}
