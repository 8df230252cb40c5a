package cgroups

// Layout says which versions of cgroups a machine has mounted.
type Layout int

const (
	// LayoutV1 has only cgroup v1 hierarchies, one or more controllers each.
	LayoutV1 Layout = iota + 1

	// LayoutHybrid has v1 hierarchies with the controllers, and a cgroup v2
	// mount beside them, with few controllers or none.
	LayoutHybrid

	// LayoutV2 has a single cgroup v2 hierarchy with all controllers.
	LayoutV2
)

// DefaultMountpoint is where the cgroup file systems are mounted by
// convention: cgroup v2 there, v1 hierarchies one directory deeper.
const DefaultMountpoint = "/sys/fs/cgroup"

// String returns the layout's name.
func (l Layout) String() string {
	switch l {
	case LayoutV1:
		return "v1"
	case LayoutHybrid:
		return "hybrid"
	case LayoutV2:
		return "v2"
	}
	return "no cgroups"
}

// DetectLayout returns the layout of the machine, from CurrentSnapshot. If no
// cgroup file system is mounted the error is a NotFoundError.
func DetectLayout() (Layout, error) {
	s, err := CurrentSnapshot()
	if err != nil {
		return 0, err
	}
	if s.layout == 0 {
		return 0, NewNotFoundError("")
	}
	return s.layout, nil
}

// detectLayout finds the layout from the mounts. A cgroup v2 mount on
// DefaultMountpoint itself makes the layout v2, even if somebody has mounted a
// v1 hierarchy elsewhere. It returns 0 if there are no mounts.
func detectLayout(entries []mountEntry) Layout {
	v1, v2 := false, false
	for _, e := range entries {
		if e.fsType == fsTypeV1 {
			v1 = true
			continue
		}
		if e.mountpoint == DefaultMountpoint {
			return LayoutV2
		}
		v2 = true
	}
	switch {
	case v1 && v2:
		return LayoutHybrid
	case v1:
		return LayoutV1
	case v2:
		return LayoutV2
	}
	return 0
}
