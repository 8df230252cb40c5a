package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v3"

	"github.com/libcontainer/libcontainer"
)

// app is what the global flags say.
type app struct {
	log      *logger
	root     string
	criu     string
	systemd  bool
	rootless *bool // nil is auto
}

// setUp takes in the global flags.
func (a *app) setUp(cmd *cli.Command) error {
	if err := a.log.open(cmd.String("log"), cmd.String("log-format"), cmd.Bool("debug")); err != nil {
		return err
	}
	switch value := cmd.String("rootless"); value {
	case "auto":
	case "true", "false":
		rootless := value == "true"
		a.rootless = &rootless
	default:
		return fmt.Errorf("--rootless %q is neither true, false nor auto", value)
	}
	if cmd.String("root") == "" {
		return errors.New("--root is empty")
	}
	root, err := filepath.Abs(cmd.String("root"))
	if err != nil {
		return fmt.Errorf("--root: %w", err)
	}
	a.root, a.criu, a.systemd = root, cmd.String("criu"), cmd.Bool("systemd-cgroup")
	return nil
}

// defaultRoot is below /run for the machine's root, and for others in their own directory.
func defaultRoot() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" && unprivileged() {
		return filepath.Join(dir, "nsinit")
	}
	return "/run/nsinit"
}

// unprivileged tells whether this is another user than root, or root of a user namespace.
func unprivileged() bool {
	if os.Geteuid() != 0 {
		return true
	}
	text, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && !slices.Equal(strings.Fields(string(text)), []string{"0", "0", "4294967295"})
}

// factory makes no directory: Create does.
func (a *app) factory() *libcontainer.LinuxFactory {
	return &libcontainer.LinuxFactory{Root: a.root, CriuPath: a.criu, OnWarning: a.log.warn}
}

// newFactory is for containers that are created now.
func (a *app) newFactory() (*libcontainer.LinuxFactory, error) {
	factory := a.factory()
	if !a.systemd {
		return factory, nil
	}
	return factory, libcontainer.SystemdCgroups(factory)
}

// load finds a container. Its manager of cgroups is the one that it was created with.
func (a *app) load(id string) (*libcontainer.Instance, error) {
	return instance(a.factory().Load(id))
}

// instance gives the whole of a container of a factory's.
func instance(c libcontainer.Container, err error) (*libcontainer.Instance, error) {
	if err != nil {
		return nil, engineError(err)
	}
	whole, _ := libcontainer.From(c)
	return whole, nil
}

// engineError puts before an error what engines look for in its text.
func engineError(err error) error {
	text := ""
	switch {
	case err == nil:
	case errors.Is(err, libcontainer.ContainerNotExists):
		text = "container does not exist"
	case errors.Is(err, libcontainer.ContainerNotRunning):
		text = "container not running"
	case errors.Is(err, libcontainer.IdInUse):
		text = "container with given ID already exists"
	}
	if text == "" || strings.Contains(err.Error(), text) {
		return err
	}
	return fmt.Errorf("%s: %w", text, err)
}

// release is the version that make builds; go install knows it without.
var release string

// version is what nsinit --version prints after the name: engines parse its lines.
func version() string {
	text := release
	if info, ok := debug.ReadBuildInfo(); ok && text == "" {
		text = info.Main.Version
	}
	return text + "\nspec: " + specs.Version + "\ngo: " + runtime.Version()
}
