package libcontainer

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/image"
	"github.com/libcontainer/libcontainer/internal/launch"
	"github.com/libcontainer/libcontainer/internal/program"
)

// runScript has a process of the init image execute a list that gets the files, and
// returns what fails. The plan knows the process's descriptors.
func runScript(t *testing.T, files []*os.File, build func(s *script, plan *initPlan, regs []program.Reg)) error {
	t.Helper()
	plan := &initPlan{regs: program.NewRegisters(), pipe: 3, scratch: 4}
	s := newScript(plan.regs)
	build(s, plan, s.Files(files...))
	list, err := s.Build()
	if err != nil {
		t.Fatal(err)
	}
	conn, p := spawnInit(t, plan)
	defer func() {
		conn.Close()
		_ = p.Kill()
		_, _ = p.Wait()
	}()
	if err := conn.Bound(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := conn.Send(list); err != nil {
		return err
	}
	if err := conn.Serve(); !errors.Is(err, launch.ErrClosed) {
		return err
	}
	if state, err := p.Wait(); err != nil || !state.Success() {
		t.Errorf("the process ended with %v, error %v", state, err)
	}
	return nil
}

func spawnInit(t *testing.T, plan *initPlan) (*launch.Conn, *os.Process) {
	t.Helper()
	pipe, child, err := launch.NewPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer child.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	exe, err := image.New(plan.pipe)
	if err != nil {
		t.Fatal(err)
	}
	defer exe.Close()
	p, err := launch.Spawn(exe, []string{"init of " + t.Name()}, nil, []*os.File{null, os.Stderr, os.Stderr, child, child}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return launch.NewConn(t.Context(), pipe), p
}

// openPlace opens a file as a place.
func openPlace(t *testing.T, name string) *os.File {
	t.Helper()
	fd, err := unix.Open(name, unix.O_PATH|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), filepath.Base(name))
	t.Cleanup(func() { f.Close() })
	return f
}
