package cgroups

import (
	"reflect"
	"strings"
	"testing"
)

const hybridMountinfo = `21 1 0:5 / /proc rw - proc proc rw
29 21 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw
30 29 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
31 29 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
32 29 0:32 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
33 29 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate
`

const hybridCgroup = "3:cpu,cpuacct:/a\n2:memory:/a/b\n1:name=systemd:/\n0::/u\n"

func newSnapshot(t *testing.T, mountinfo, cgroup string) *Snapshot {
	t.Helper()
	s, err := NewSnapshot(strings.NewReader(mountinfo), strings.NewReader(cgroup))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSnapshotHybrid(t *testing.T) {
	s := newSnapshot(t, hybridMountinfo, hybridCgroup)
	const dir = DefaultMountpoint
	want := []Hierarchy{
		{Keys: []string{"cpu", "cpuacct"}, Mountpoint: dir + "/cpu,cpuacct", Root: "/", Own: dir + "/cpu,cpuacct/a", Version: 1},
		{Keys: []string{"memory"}, Mountpoint: dir + "/memory", Root: "/", Own: dir + "/memory/a/b", Version: 1},
		{Keys: []string{"name=systemd"}, Mountpoint: dir + "/systemd", Root: "/", Own: dir + "/systemd", Version: 1},
		{Keys: []string{""}, Mountpoint: dir + "/unified", Root: "/", Own: dir + "/unified/u", Version: 2},
	}
	if got := s.Hierarchies(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if s.Layout() != LayoutHybrid {
		t.Errorf("the layout is %v, want hybrid", s.Layout())
	}
	if h, err := s.Find("cpuacct"); err != nil || !reflect.DeepEqual(h, want[0]) {
		t.Errorf("Find gives %+v, %v", h, err)
	}
	if h, err := s.Find("blkio"); !IsNotFound(err) {
		t.Errorf("Find gives %+v, %v, want a NotFoundError", h, err)
	}
	for i, stage := range []Stage{StageSetup, StageExec, StageSetup, StageSetup} {
		if got := want[i].Stage(); got != stage {
			t.Errorf("the stage of %v is %v, want %v", want[i].Keys, got, stage)
		}
	}
}

func TestSnapshotOwn(t *testing.T) {
	for _, test := range []struct{ name, root, own, want string }{
		{"root", "/", "/", "/m"},
		{"below the root", "/", "/a/b", "/m/a/b"},
		{"the mount's root", "/a", "/a", "/m"},
		{"below the mount's root", "/a", "/a/b", "/m/b"},
		{"beside the mount's root", "/a", "/ab", ""},
		{"above the mount's root", "/a/b", "/a", ""},
		{"in a cgroup namespace, mount from outside", "/..", "/", ""},
		{"mount and process from outside", "/../..", "/../../x", "/m/x"},
		{"only the process from outside", "/", "/../x", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSnapshot(t, "30 1 0:30 "+test.root+" /m rw - cgroup cgroup rw,cpu\n", "1:cpu:"+test.own+"\n")
			if got := s.Hierarchies()[0].Own; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Of two mounts of a hierarchy the one that shows the own cgroup is used.
func TestSnapshotTwoMounts(t *testing.T) {
	s := newSnapshot(t, "30 1 0:30 /other /m rw - cgroup cgroup rw,cpu\n31 1 0:30 / /n rw - cgroup cgroup rw,cpu\n", "1:cpu:/a\n")
	if got := s.Hierarchies(); len(got) != 1 || got[0].Own != "/n/a" {
		t.Errorf("got %+v, want /n/a alone", got)
	}
	if len(s.mounts) != 2 {
		t.Errorf("the mounts are %+v, want both", s.mounts)
	}
}

func TestLayout(t *testing.T) {
	const (
		v1      = "30 1 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
		v2      = "31 1 0:31 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
		unified = "31 1 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
		other   = "32 1 0:32 / /elsewhere rw - cgroup cgroup rw,cpu\n"
	)
	for _, test := range []struct {
		mountinfo string
		want      Layout
		name      string
	}{
		{"", 0, "no cgroups"},
		{v1, LayoutV1, "v1"},
		{v1 + unified, LayoutHybrid, "hybrid"},
		{unified, LayoutV2, "v2"},
		{v2, LayoutV2, "v2"},
		{other + v2, LayoutV2, "v2"},
	} {
		got := newSnapshot(t, test.mountinfo, "1:cpu:/\n0::/\n").Layout()
		if got != test.want || got.String() != test.name {
			t.Errorf("%q: got %v, want %v", test.mountinfo, got, test.name)
		}
	}
}
