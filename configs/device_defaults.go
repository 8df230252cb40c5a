package configs

// The default devices are shared by the whole program: copy what is to be
// changed. [Default] returns copies.
var (
	// DefaultSimpleDevices are the devices that every container should have, in
	// its /dev and usable.
	DefaultSimpleDevices = []*Device{
		{Path: "/dev/null", Type: 'c', Major: 1, Minor: 3, Permissions: "rwm", FileMode: 0666},
		{Path: "/dev/zero", Type: 'c', Major: 1, Minor: 5, Permissions: "rwm", FileMode: 0666},
		{Path: "/dev/full", Type: 'c', Major: 1, Minor: 7, Permissions: "rwm", FileMode: 0666},
		{Path: "/dev/tty", Type: 'c', Major: 5, Minor: 0, Permissions: "rwm", FileMode: 0666},
		{Path: "/dev/urandom", Type: 'c', Major: 1, Minor: 9, Permissions: "rwm", FileMode: 0666},
		{Path: "/dev/random", Type: 'c', Major: 1, Minor: 8, Permissions: "rwm", FileMode: 0666},
	}

	// DefaultAllowedDevices are the rules of a container's device cgroup: any
	// node may be made, but only consoles, terminals, tun and
	// DefaultSimpleDevices used.
	DefaultAllowedDevices = append([]*Device{
		// mknod of any device
		{Type: 'c', Major: Wildcard, Minor: Wildcard, Permissions: "m"},
		{Type: 'b', Major: Wildcard, Minor: Wildcard, Permissions: "m"},

		{Path: "/dev/console", Type: 'c', Major: 5, Minor: 1, Permissions: "rwm"},
		// /dev/pts/*
		{Path: "", Type: 'c', Major: 136, Minor: Wildcard, Permissions: "rwm"},
		// /dev/pts/ptmx
		{Path: "", Type: 'c', Major: 5, Minor: 2, Permissions: "rwm"},
		// /dev/net/tun
		{Path: "", Type: 'c', Major: 10, Minor: 200, Permissions: "rwm"},
	}, DefaultSimpleDevices...)

	// DefaultAutoCreatedDevices are DefaultSimpleDevices and /dev/fuse, whose
	// node alone gives no access to it.
	DefaultAutoCreatedDevices = append([]*Device{
		{Path: "/dev/fuse", Type: 'c', Major: 10, Minor: 229, Permissions: "rwm"},
	}, DefaultSimpleDevices...)
)
