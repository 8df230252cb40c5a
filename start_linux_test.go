package libcontainer

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
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
