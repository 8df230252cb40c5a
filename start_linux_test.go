package libcontainer

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/descriptor"
	"github.com/libcontainer/libcontainer/internal/launch"
)

// Another handle's Destroy kills the process that is about to clone a further one, since
// it is in the container's cgroups already. Then there is no reference to any process.
func TestStageIsKilledBeforeItClones(t *testing.T) {
	pipe, child, err := launch.NewPipe()
	if err != nil {
		t.Fatal(err)
	}
	st := &starting{
		ctx: context.Background(), config: &configs.Config{}, plan: &initPlan{join: true},
		conn: launch.NewConn(t.Context(), pipe),
	}
	defer st.conn.Close()
	if st.stage, err = os.StartProcess("/bin/sleep", []string{"sleep", "1000"}, new(os.ProcAttr)); err != nil {
		t.Fatal(err)
	}
	if err := st.stage.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	child.Close()
	err = st.serve()
	if err == nil {
		t.Fatal("no error")
	}
	if got := st.explain(err).Error(); !strings.Contains(got, "the init process died (signal: killed) before it could join the container") {
		t.Errorf("error %q", got)
	}
	if st.stage != nil {
		t.Error("the stage was not reaped")
	}
}

// The process that clones an init last of all, and that init, write to one pipe: whichever
// comes first, the conversation goes on until both have been heard.
func TestPreparedInitIsKnown(t *testing.T) {
	for name, waitsFirst := range map[string]bool{"announced first": false, "ready first": true} {
		t.Run(name, func(t *testing.T) {
			c := newTestContainer(t)
			process := startIdle(t)
			st := &starting{c: c, config: &configs.Config{}, plan: &initPlan{latePid: true, prepare: true}}
			waits := func(want error) {
				t.Helper()
				if err := st.awaitsRelease(); !errors.Is(err, want) {
					t.Errorf("it waits: %v, want %v", err, want)
				}
			}
			announced := func(want error) {
				t.Helper()
				file, err := process.File()
				if err != nil {
					t.Fatal(err)
				}
				fd, err := descriptor.Duplicate(file)
				file.Close()
				if err != nil {
					t.Fatal(err)
				}
				if err := st.cloned(process.Pid(), fd, false); !errors.Is(err, want) {
					t.Errorf("it is announced: %v, want %v", err, want)
				}
			}
			if waitsFirst {
				waits(nil)
				announced(errPrepared)
			} else {
				announced(nil)
				waits(errPrepared)
			}
			defer st.ref.Close()
			if state, err := c.State(); err != nil || state.InitProcessPid != process.Pid() {
				t.Errorf("the state has the pid %d, want %d; error %v", state.InitProcessPid, process.Pid(), err)
			}
			c.set((*view).dropInit)
		})
	}
}
