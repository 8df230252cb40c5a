// The host's side: LinuxFactory, its options, Create and Load.

package libcontainer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/configs/validate"
	"github.com/libcontainer/libcontainer/internal/idpool"
	"github.com/libcontainer/libcontainer/internal/launch"
	"github.com/libcontainer/libcontainer/internal/program"
	"github.com/libcontainer/libcontainer/internal/statedir"
	"github.com/libcontainer/libcontainer/nsenter/preamble"
)

const (
	maxIDLen = 1024
	selfExe  = "/proc/self/exe"
	// nsenterImport is what error messages tell a caller to import.
	nsenterImport = "github.com/libcontainer/libcontainer/nsenter"
)

// LinuxFactory implements the default factory interface for linux based systems. New
// makes one; a literal with Root alone is as good: a field that has its zero value means
// the default. The fields must not be changed once the factory is used.
type LinuxFactory struct {
	// Root directory for the factory to store state. Create makes it if it does not
	// exist.
	Root string

	// InitPath is the absolute path to an init program of one's own, which must
	// import package nsenter or call StartInitialization. The default,
	// /proc/self/exe, stands for the library's own, see ClassicInit.
	InitPath string

	// InitArgs are arguments for calling the init responsibilities for spawning
	// a container, by default the path of the program and "init".
	InitArgs []string

	// CriuPath is the path to the criu binary used for checkpoint and restore of
	// containers.
	CriuPath string

	// Validator provides validation to container configurations, by default
	// validate.New().
	Validator validate.Validator

	// NewCgroupsManager returns an initialized cgroups manager for a single
	// container. New sets it to what makes those of Cgroupfs. Who leaves it so, or
	// nil, can Load containers of SystemdCgroups, too: State.CgroupManager says which
	// manager made them. The manager of another function is used for all containers.
	NewCgroupsManager func(config *configs.Cgroup, paths map[string]string) cgroups.Manager

	// ResctrlRoot is where the kernel's resctrl file system is mounted, see
	// configs.IntelRdt. By default it is looked for among the mounts.
	ResctrlRoot string

	// Logger gets warnings: errors that end nothing, such as those of Poststart
	// and Poststop hooks. With nil they are dropped; the library never uses slog's
	// default logger.
	Logger *slog.Logger

	// OnWarning is called with each warning, besides. It may be called by several
	// goroutines at once, and must not wait for a method of a container.
	OnWarning func(error)

	// Observer is told what happens to the containers, see WithObserver.
	Observer Observer

	observedPressure []PressureLevel

	// ownInit makes this program itself, with its own init functions, the init of its
	// containers.
	ownInit bool

	exe         sealedCopies // of InitPath
	spawnerOnce sync.Once
	spawnThread *launch.Spawner
	programs    programs
	patterns    patterns
	family      family
}

// New returns a linux based container factory based in the root directory and
// configures the factory with the provided option funcs. The directory is made
// if it does not exist, for its owner alone. One that is there must belong to this
// program's user or to root, and nobody else may write to it, and so with the directory
// of each container that is loaded: whoever can write there has this program run what
// he likes, as a hook. An empty root makes a factory that
// is good for StartInitialization only.
func New(root string, options ...func(*LinuxFactory) error) (Factory, error) {
	l, err := newFactory(root, options)
	if err != nil {
		return nil, err
	}
	return l, nil
}

func newFactory(root string, options []func(*LinuxFactory) error) (*LinuxFactory, error) {
	if root != "" {
		abs, err := filepath.Abs(root)
		if err != nil {
			return nil, newSystemError(fmt.Errorf("factory root: %w", err))
		}
		root = abs
		if err := os.MkdirAll(root, 0o700); err != nil {
			return nil, newSystemError(fmt.Errorf("make factory root: %w", err))
		}
	}
	l := &LinuxFactory{
		Root:      root,
		InitPath:  selfExe,
		CriuPath:  "criu",
		Validator: validate.New(),

		NewCgroupsManager: defaultManager,
	}
	defaults := []func(*LinuxFactory) error{InitArgs(os.Args[0], "init")}
	for _, option := range append(defaults, options...) {
		if option == nil {
			continue
		}
		if err := option(l); err != nil {
			return nil, newSystemError(err)
		}
	}
	if root != "" {
		if _, err := l.root("make factory"); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func unsafeState(step string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", step, err)
	if unsafe := new(statedir.UnsafeError); errors.As(err, &unsafe) {
		return newError(err, ConfigInvalid)
	}
	return newSystemError(err)
}

// InitArgs returns an options func to configure a LinuxFactory with the provided
// init arguments. A relative path in the first is made absolute.
func InitArgs(args ...string) func(*LinuxFactory) error {
	return func(l *LinuxFactory) error {
		args := append([]string(nil), args...)
		if len(args) > 0 && strings.Contains(args[0], "/") {
			abs, err := filepath.Abs(args[0])
			if err != nil {
				return fmt.Errorf("init argument %q: %w", args[0], err)
			}
			args[0] = abs
		}
		l.InitArgs = args
		return nil
	}
}

// InitPath returns an options func to configure a LinuxFactory with the provided
// absolute path to the init binary and arguments.
func InitPath(path string, args ...string) func(*LinuxFactory) error {
	return func(l *LinuxFactory) error {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("init path %q is not absolute", path)
		}
		l.InitPath = path
		l.InitArgs = append([]string(nil), args...)
		return nil
	}
}

// CriuPath returns an options func to configure a LinuxFactory with the path of the criu
// binary, or its name if it is to be looked for in PATH.
func CriuPath(path string) func(*LinuxFactory) error {
	return func(l *LinuxFactory) error {
		l.CriuPath = path
		return nil
	}
}

// ClassicInit is an options func to configure a LinuxFactory to execute the calling
// program itself as the init of its containers, as the classic library did: the program
// runs up to its call of StartInitialization, or of the init function of package nsenter,
// inside of each new container's namespaces. Without it, or another InitPath, init is a
// small program of the library's own, which starts faster and shares nothing with the
// container. It needs cgo.
//
// All starts execute one copy of the program. Whoever is root in a container, with no user
// namespace, can get hold of that copy: reads it, and opens it for writing, or takes a lease
// on it, which changes nothing in it, but as long as he does so later starts fail or wait.
func ClassicInit(l *LinuxFactory) error {
	l.ownInit = true
	return nil
}

// classic tells whether init is a program that boots Go.
func (l *LinuxFactory) classic() bool {
	return l.ownInit || l.initPath() != selfExe
}

// spawner is the thread that starts processes which are to get a signal when this
// program ends.
func (l *LinuxFactory) spawner() *launch.Spawner {
	l.spawnerOnce.Do(func() { l.spawnThread = launch.NewSpawner() })
	return l.spawnThread
}

// The defaults of the fields, which a factory has that New did not make.

func (l *LinuxFactory) initPath() string { return cmp.Or(l.InitPath, selfExe) }

func (l *LinuxFactory) initArgv() []string {
	switch {
	case len(l.InitArgs) > 0:
		return l.InitArgs
	case l.initPath() == selfExe:
		return []string{os.Args[0], "init"}
	}
	return []string{l.InitPath, "init"}
}

func (l *LinuxFactory) validate(config *configs.Config) error {
	if l.Validator == nil {
		return validate.New().Validate(config)
	}
	return l.Validator.Validate(config)
}

// root returns the absolute path of the root directory, which is to be used for a step.
func (l *LinuxFactory) root(step string) (string, error) {
	if l.Root == "" {
		return "", errorf(ConfigInvalid, "%s: the factory has no root directory", step)
	}
	root, err := filepath.Abs(l.Root)
	if err != nil {
		return "", newSystemError(fmt.Errorf("%s: root of the factory: %w", step, err))
	}
	if err := statedir.CheckParent(root); !errors.Is(err, os.ErrNotExist) {
		return root, unsafeState(step, err)
	}
	return root, nil // Create makes it
}

// TmpfsRoot is an option func to mount LinuxFactory.Root to tmpfs, unless it is
// one already. The mount stays: it holds the state of all containers.
func TmpfsRoot(l *LinuxFactory) error {
	if l.Root == "" {
		return errors.New("mount tmpfs on factory root: there is no root")
	}
	var st unix.Statfs_t
	if err := unix.Statfs(l.Root, &st); err != nil {
		return fmt.Errorf("statfs %s: %w", l.Root, err)
	}
	if st.Type == unix.TMPFS_MAGIC {
		return nil
	}
	if err := unix.Mount("tmpfs", l.Root, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0700"); err != nil {
		return fmt.Errorf("mount tmpfs on %s: %w", l.Root, err)
	}
	return nil
}

// Logger returns an options func that makes a LinuxFactory log warnings.
func Logger(logger *slog.Logger) func(*LinuxFactory) error {
	return func(l *LinuxFactory) error {
		l.Logger = logger
		return nil
	}
}

// OnWarning returns an options func that makes a LinuxFactory call a function with each
// warning, see LinuxFactory.OnWarning.
func OnWarning(call func(error)) func(*LinuxFactory) error {
	return func(l *LinuxFactory) error {
		l.OnWarning = call
		return nil
	}
}

// Type returns "libcontainer".
func (l *LinuxFactory) Type() string { return "libcontainer" }

// Create makes a new container, see Factory.
func (l *LinuxFactory) Create(id string, config *configs.Config) (Container, error) {
	return asContainer(l.create(context.Background(), id, config, nil))
}

// asContainer makes no Container of a nil pointer.
func asContainer(c *Instance, err error) (Container, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

// CreateWithRecord is Create, and keeps a record with the container: bytes that mean
// nothing to the library and all that the embedding program wants to find again, such as
// who the container belongs to. The record is there from the moment on at which the id is
// in use, Instance.Record gives it to every program that loads the container, and
// it goes with the container. It takes a file system for the factory's root that knows
// RENAME_NOREPLACE of renameat2(2), as tmpfs, ext4, XFS and Btrfs do.
//
// errors: those of Create.
func (l *LinuxFactory) CreateWithRecord(id string, config *configs.Config, record []byte) (Container, error) {
	return asContainer(l.create(context.Background(), id, config, append([]byte{}, record...)))
}

// create makes a container, with a record unless that is nil.
func (l *LinuxFactory) create(ctx context.Context, id string, config *configs.Config, record []byte) (*Instance, error) {
	if err := checkHost(); err != nil {
		return nil, err
	}
	root, err := l.root(fmt.Sprintf("create container %q", id))
	if err != nil {
		return nil, err
	}
	if err := checkID(id); err != nil {
		return nil, err
	}
	if err := l.checkConfig(config); err != nil {
		return nil, newError(fmt.Errorf("create container %q: %w", id, err), ConfigInvalid)
	}
	dir, err := createDir(root, id, record)
	switch {
	case errors.Is(err, os.ErrExist):
		return nil, errorf(IdInUse, "create container %q: the id is in use: %w", id, err)
	case errors.Is(err, syscall.ENAMETOOLONG):
		return nil, errorf(InvalidIdFormat, "create container: id of %d characters: %w", len(id), err)
	case err != nil:
		return nil, newSystemError(fmt.Errorf("create container %q: %w", id, err))
	}
	complete := completeConfig(id, config)
	if err := assignIDs(ctx, dir, complete); err != nil {
		err = newSystemError(fmt.Errorf("create container %q: %w", id, err))
		return nil, withCleanUp(err, removeDir(ctx, dir))
	}
	return l.newContainer(id, dir, complete), nil
}

// checkConfig refuses what could not be started.
func (l *LinuxFactory) checkConfig(config *configs.Config) error {
	if config == nil {
		return errors.New("no config")
	}
	if err := l.validate(config); err != nil {
		return err
	}
	if err := cmp.Or(checkLabels(config), checkSysctls(config)); err != nil {
		return err
	}
	_, err := l.programs.compileFor(config)
	return err
}

// createDir makes a container's directory, and the root of the factory if that is not
// there, which New did not make then.
func createDir(root, id string, record []byte) (*statedir.Dir, error) {
	create := func() (*statedir.Dir, error) {
		if record != nil {
			return statedir.CreateWith(filepath.Join(root, id), recordFile, record)
		}
		return statedir.Create(filepath.Join(root, id))
	}
	dir, err := create()
	if !errors.Is(err, os.ErrNotExist) {
		return dir, err
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("make factory root: %w", err)
	}
	return create()
}

// Load finds an existing container, see Factory.
func (l *LinuxFactory) Load(id string) (Container, error) { return asContainer(l.load(id)) }

func (l *LinuxFactory) load(id string) (*Instance, error) {
	if err := checkHost(); err != nil {
		return nil, err
	}
	step := fmt.Sprintf("load container %q", id)
	root, err := l.root(step)
	if err != nil {
		return nil, err
	}
	if err := checkID(id); err != nil {
		return nil, err
	}
	dir, err := statedir.Open(filepath.Join(root, id))
	if err != nil {
		return nil, newSystemError(fmt.Errorf("%s: %w", step, err))
	}
	if err := unsafeState(step, dir.CheckTrust()); err != nil {
		return nil, err
	}
	c := l.newContainer(id, dir, completeConfig(id, new(configs.Config)))
	// One that was claimed and not started has no state: there is nothing but
	// the directory.
	exists, err := c.refresh("load")
	if err == nil && !exists {
		err = errorf(ContainerNotExists, "load: container %q does not exist", id)
	}
	if err != nil {
		return nil, err
	}
	c.tryEndDumping()
	return c, nil
}

// List returns the ids of the containers in the factory's root, sorted, whoever
// made them and in whatever state they are. Load gives each, unless it has been
// destroyed meanwhile.
//
// errors:
// ConfigInvalid - the factory has no root directory,
// SystemError - System error.
func (l *LinuxFactory) List() ([]string, error) {
	root, err := l.root("list containers")
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, os.ErrNotExist) { // Create would make it
		return nil, newSystemError(fmt.Errorf("list containers: %w", err))
	}
	var ids, others []string
	for _, e := range entries {
		switch {
		case !e.IsDir():
		case checkID(e.Name()) == nil:
			ids = append(ids, e.Name())
		default:
			others = append(others, e.Name())
		}
	}
	// What a program has left that was killed while it claimed an id, or gave up a
	// container's ids, nobody loads.
	err = statedir.RemovePending(root, others)
	if slices.Contains(others, idsDir) {
		err = errors.Join(err, idpool.Sweep(filepath.Join(root, idsDir)))
	}
	if err != nil {
		return nil, newSystemError(fmt.Errorf("list containers: %w", err))
	}
	return ids, nil
}

// StartInitialization sets up the container in the re-executed program, see
// Factory. A program that imports package nsenter need not call it.
func (l *LinuxFactory) StartInitialization() (err error) {
	fd := preamble.InitPipe()
	if fd < 0 {
		return errorf(SystemError, "start initialization: this process was not started as a container's init")
	}
	base, size := preamble.Helper()
	return newSystemError(program.Run(fd, program.Memory{Base: base, Size: size}))
}

func (l *LinuxFactory) newContainer(id string, dir *statedir.Dir, config *configs.Config) *Instance {
	c := &Instance{
		id:      id,
		root:    dir.Path(),
		dir:     dir,
		factory: l,
	}
	c.children.dir, c.children.family = dir, &l.family
	first := &view{c: c, config: config, cgroups: c.newDriver(config, nil, ""), created: dir.Created()}
	first.life, first.end = context.WithCancelCause(context.Background())
	c.replace(first)
	return c
}

// warn tells of an error that ends nothing.
func (c *Instance) warn(err error) {
	err = fmt.Errorf("container %q: %w", c.id, err)
	if c.factory.Logger != nil {
		c.factory.Logger.Warn(err.Error(), "container", c.id)
	}
	if c.factory.OnWarning != nil {
		c.factory.OnWarning(err)
	}
}

// checkHost refuses to work in the init process of a container: the program's
// main function runs there only if nothing called StartInitialization. The error
// should end the program, and the one that waits for it tells the same.
func checkHost() error {
	if preamble.InitPipe() < 0 {
		return nil
	}
	return errorf(SystemError, "this process is a container's init: the program must import %q, "+
		"or call StartInitialization in an init function", nsenterImport)
}

func checkID(id string) error {
	if id == "" || len(id) > maxIDLen {
		return errorf(InvalidIdFormat, "container id has %d characters, must have 1 to %d", len(id), maxIDLen)
	}
	if id == "." || id == ".." {
		return errorf(InvalidIdFormat, "container id %q is not a name", id)
	}
	for _, r := range id {
		ok := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_.+-", r)
		if !ok {
			return errorf(InvalidIdFormat, "container id %q holds %q; letters, digits and _.+- are allowed", id, r)
		}
	}
	return nil
}

// completeConfig returns a copy of the configuration in which there is always a
// cgroup with a name and resources.
func completeConfig(id string, config *configs.Config) *configs.Config {
	c := *config
	cg := configs.Cgroup{}
	if config.Cgroups != nil {
		cg = *config.Cgroups
	}
	if cg.Name == "" && cg.Path == "" {
		cg.Name = id
	}
	if cg.Resources == nil {
		cg.Resources = &configs.Resources{AllowAllDevices: true, MemorySwappiness: -1}
	}
	c.Cgroups = &cg
	return &c
}
