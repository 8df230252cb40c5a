package lives

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// Sample is what something took. CPU is user and system time of the process that did it and of the
// children that it has waited for. What the kernel does later on threads of its own is in neither.
type Sample struct {
	Wall, CPU time.Duration
}

// Measure gives what do took, which is of use only if it returns nil.
func Measure(do func() error) (Sample, error) {
	cpu, start := CPUTime(), time.Now()
	err := do()
	wall := time.Since(start)
	return Sample{Wall: wall, CPU: CPUTime() - cpu}, err
}

// CPUTime is that of this process and of the children that it has waited for, so far.
func CPUTime() time.Duration {
	var sum int64
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var usage unix.Rusage
		if err := unix.Getrusage(who, &usage); err != nil {
			panic(err) // it fails for a bad argument only
		}
		sum += usage.Utime.Nano() + usage.Stime.Nano()
	}
	return time.Duration(sum)
}

// Maker makes one container after the other, or several at once, in this very process, as a program
// that embeds the library does.
type Maker struct {
	factory libcontainer.Factory
	config  func(rootfs, cgroup string) *configs.Config
	rootfs  string
	use     string
	null    *os.File
	count   atomic.Int64
}

// NewMaker takes Config or UserConfig. The state is below work.
func NewMaker(work, rootfs, use string, config func(rootfs, cgroup string) *configs.Config) (*Maker, error) {
	factory, err := NewFactory(work)
	if err != nil {
		return nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &Maker{factory: factory, config: config, rootfs: rootfs, use: use, null: null}, nil
}

// Life is one whole life: Create, Start of Program, Wait, Destroy, and nothing before or after it.
func (m *Maker) Life() (Sample, error) {
	id := NewID(m.use, int(m.count.Add(1)))
	config, process := m.config(m.rootfs, id), NewProcess(m.null)
	return Measure(func() error {
		container, err := m.factory.Create(id, config)
		if err != nil {
			return fmt.Errorf("create: %w", err)
		}
		err = StartAndWait(container, process)
		return errors.Join(err, container.Destroy())
	})
}

// Start is the same, but Start alone is measured.
func (m *Maker) Start() (sample Sample, err error) {
	id := NewID(m.use, int(m.count.Add(1)))
	container, err := m.factory.Create(id, m.config(m.rootfs, id))
	if err != nil {
		return sample, fmt.Errorf("create: %w", err)
	}
	defer func() { err = errors.Join(err, container.Destroy()) }()
	process := NewProcess(m.null)
	sample, err = Measure(func() error { return container.Start(process) })
	if err != nil {
		return sample, fmt.Errorf("start: %w", err)
	}
	return sample, wait(process)
}

// Close closes what the maker keeps.
func (m *Maker) Close() error { return m.null.Close() }

// NewProcess is the program that is measured, with null as its standard descriptors.
func NewProcess(null *os.File) *libcontainer.Process {
	return &libcontainer.Process{
		Args:   Program,
		Env:    Environment,
		User:   "0:0",
		Cwd:    "/",
		Stdin:  null,
		Stdout: null,
		Stderr: null,
	}
}

// StartAndWait runs a process to its end, which must be a success.
func StartAndWait(container libcontainer.Container, process *libcontainer.Process) error {
	if err := container.Start(process); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	return wait(process)
}

func wait(process *libcontainer.Process) error {
	state, err := process.Wait()
	if err != nil {
		return fmt.Errorf("wait: %w", err)
	}
	if !state.Success() {
		return fmt.Errorf("wait: %s: %s", process.Args[0], state)
	}
	return nil
}
