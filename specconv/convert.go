package specconv

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// Options are what a bundle does not say.
type Options struct {
	// ID is the container's id, which names its cgroup if linux.cgroupsPath does not.
	ID string

	// Bundle is the bundle's directory, to which root.path and the sources of bind mounts
	// are relative. Empty is the working directory.
	Bundle string

	// SystemdCgroup reads linux.cgroupsPath as systemd's, which is "slice:prefix:name". The
	// caller chooses the manager to go with it, see libcontainer.SystemdCgroups.
	SystemdCgroup bool

	// CgroupRoot is the cgroup that a linux.cgroupsPath which is relative, or is not there,
	// is below; for systemd the slice of a cgroupsPath without one. Empty is the cgroup of
	// the calling process, and system.slice, or user.slice if Rootless.
	CgroupRoot string

	// NoPivotRoot and NoNewKeyring are NoPivotRoot and KeepKeyring of configs.Config.
	NoPivotRoot  bool
	NoNewKeyring bool

	// Rootless lets the container run without those cgroups that the calling process may
	// not make, and without rules for devices, which take privileges. Nil looks
	// whether the calling process is another user than root, or in a user namespace.
	Rootless *bool

	// AllowSystemdAnnotations lets annotations such as
	// "org.systemd.property.TimeoutStopUSec" set properties of the container's systemd unit.
	// Whoever writes them can have systemd run programs as root.
	AllowSystemdAnnotations bool
}

// Result is what Convert makes of a bundle.
type Result struct {
	// Config is the container.
	Config *configs.Config

	// Process is its first process, without standard streams. It is nil if the bundle has
	// no process.
	Process *libcontainer.Process

	// Terminal tells that the process is to have a terminal, which the caller gives it, by
	// NewTerminal or the like, before it is started: process.terminal. Process.ConsoleSize
	// is only set then.
	Terminal bool

	// ExecCPUAffinity is process.execCPUAffinity, which is for further processes alone: for
	// the CPUAffinity of those that have none of their own.
	ExecCPUAffinity *configs.CPUAffinity

	// Warnings are *FieldErrors about what is passed over, as the specification wants it.
	Warnings []error
}

// converter is one conversion.
type converter struct {
	notes
	opts     Options
	rootless bool
	granter  func(*configs.Config) granter
	config   *configs.Config
}

// Convert makes a container of a bundle's configuration. The file system is looked at for
// root.path, and the calling process for what it may grant.
func Convert(spec *specs.Spec, opts *Options) (*Result, error) {
	c := &converter{granter: newGranter}
	if opts != nil {
		c.opts = *opts
	}
	return c.convert(spec)
}

func (c *converter) convert(spec *specs.Spec) (*Result, error) {
	if spec == nil {
		return nil, &FieldError{ConfigFile, os.ErrInvalid}
	}
	var err error
	if c.opts.Bundle, err = filepath.Abs(c.opts.Bundle); err != nil {
		return nil, &FieldError{"bundle", err}
	}
	c.rootless = isRootless(c.opts.Rootless)
	c.otherSystems(spec)
	c.version(spec.Version)
	c.config = &configs.Config{
		Version:      spec.Version,
		Bundle:       c.opts.Bundle,
		Hostname:     spec.Hostname,
		Domainname:   spec.Domainname,
		NoPivotRoot:  c.opts.NoPivotRoot,
		KeepKeyring:  c.opts.NoNewKeyring,
		KeepOomScore: true,
		Annotations:  c.annotations(spec.Annotations),
		Hooks:        c.hooks(spec.Hooks),
	}
	c.root(spec.Root)
	linux := spec.Linux
	if linux == nil {
		linux = &specs.Linux{}
	}
	c.linux(linux) // the namespaces say what else means
	for i := range spec.Mounts {
		c.config.Mounts = append(c.config.Mounts, c.mount(index("mounts", i), &spec.Mounts[i]))
	}
	result := &Result{Config: c.config}
	if spec.Process != nil {
		c.process(spec.Process, result)
	}
	c.systemdProperties(spec.Annotations)
	if c.err != nil {
		return nil, c.err
	}
	result.Warnings = c.warnings
	return result, nil
}

func (c *converter) otherSystems(spec *specs.Spec) {
	for _, section := range []struct {
		name  string
		given bool
	}{
		{"solaris", spec.Solaris != nil},
		{"windows", spec.Windows != nil},
		{"vm", spec.VM != nil},
		{"zos", spec.ZOS != nil},
		{"freebsd", spec.FreeBSD != nil},
	} {
		if section.given {
			c.fail(section.name, "%w", errOtherSystem)
		}
	}
}

// version accepts what complies with version 1 of the specification. Of a newer one there
// may be properties that this library does not know.
func (c *converter) version(text string) {
	major, minor, ok := parseVersion(text)
	switch {
	case !ok:
		c.fail("ociVersion", "%q is not a version such as %q", text, specs.Version)
	case major != specs.VersionMajor:
		c.fail("ociVersion", "%q is not of version %d of the specification", text, specs.VersionMajor)
	case minor > specs.VersionMinor:
		c.warn("ociVersion", "%q is newer than %q, what is new in it is ignored", text, specs.Version)
	}
}

func (c *converter) annotations(annotations map[string]string) map[string]string {
	if _, ok := annotations[""]; ok {
		c.fail("annotations", "a name is empty")
	}
	return maps.Clone(annotations)
}

// root finds the directory that is meant, so that it is named without symbolic links.
func (c *converter) root(root *specs.Root) {
	if root == nil {
		c.fail("root", "is missing")
		return
	}
	c.config.Readonlyfs = root.Readonly
	if root.Path == "" {
		c.fail("root.path", "is empty")
		return
	}
	dir, err := filepath.EvalSymlinks(c.absolute(root.Path))
	if err != nil {
		c.fail("root.path", "%w", err)
		return
	}
	if info, err := os.Stat(dir); err != nil {
		c.fail("root.path", "%w", err)
	} else if !info.IsDir() {
		c.fail("root.path", "%s is not a directory", dir)
	}
	c.config.Rootfs = dir
}

// absolute gives a path of the host that may be relative to the bundle.
func (c *converter) absolute(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(c.opts.Bundle, name)
}

// insidePaths checks a list of absolute paths in the container, and leaves each once.
func (c *converter) insidePaths(list string, paths []string) []string {
	var clean []string
	for i, name := range paths {
		if !path.IsAbs(name) {
			c.fail(index(list, i), "%q is not absolute", name)
			continue
		}
		if name = path.Clean(name); !slices.Contains(clean, name) {
			clean = append(clean, name)
		}
	}
	return clean
}

// isRootless tells what Options.Rootless stands for.
func isRootless(given *bool) bool {
	if given != nil {
		return *given
	}
	if os.Geteuid() != 0 {
		return true
	}
	// The kernel's initial user namespace, and that alone, maps all ids to themselves.
	text, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && !slices.Equal(strings.Fields(string(text)), []string{"0", "0", "4294967295"})
}
