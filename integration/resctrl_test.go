//world:any

package integration

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// newResctrl makes directories and files as resctrl has them: no machine that the tests
// run on has it.
func newResctrl(t *testing.T) string {
	t.Helper()
	root := publicTempDir(t)
	for name, text := range map[string]string{
		"tasks": "", "schemata": "L3:0=fffff\n", "mon_groups/.keep": "", "gold/tasks": "", "gold/schemata": "    L3:0=000ff\n",
	} {
		write(t, text, root, name)
	}
	return root
}

// A container's processes are in its class of service and its monitoring group, which is
// removed with it.
func TestIntelRdt(t *testing.T) {
	checkLeaks(t)
	root := newResctrl(t)
	factory := newFactory(t, func(l *libcontainer.LinuxFactory) error {
		l.ResctrlRoot = root
		return nil
	})
	config := newConfig(t)
	config.IntelRdt = &configs.IntelRdt{ClosID: "/", EnableMonitoring: true}
	monitor := filepath.Join(root, "mon_groups", "test")
	// What the kernel makes in a new directory of resctrl.
	config.Hooks = &configs.Hooks{Prestart: []configs.Hook{configs.NewFunctionHook(func(configs.HookState) error {
		write(t, "", monitor, "tasks")
		write(t, "1234\n", monitor, "mon_data/mon_L3_00/llc_occupancy")
		return nil
	})}}
	container, err := factory.Create("test", config)
	if err != nil {
		t.Fatal(err)
	}
	destroyLater(t, container)
	first, _ := startBlocked(t, container)
	further, _ := command("sleep", "1000000")
	if err := container.Start(further); err != nil {
		t.Fatal(err)
	}
	pid, err := first.Pid()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{root, monitor} {
		tasks := lines(t, filepath.Join(dir, "tasks"))
		// Of a further process it is the one that clones it.
		if len(tasks) != 2 || tasks[0] != itoa(pid) || tasks[1] == "" {
			t.Errorf("%s has the tasks %q, want %d and another one", dir, tasks, pid)
		}
	}
	stats, err := container.Stats()
	if err != nil {
		t.Fatal(err)
	}
	rdt := stats.IntelRdt
	if rdt == nil || !slices.Equal(rdt.Schemata, []string{"L3:0=fffff"}) || len(rdt.Counters) != 1 ||
		rdt.Counters[0].Domain != "L3_00" || rdt.Counters[0].Occupancy == nil || *rdt.Counters[0].Occupancy != 1234 {
		t.Errorf("statistics %+v", rdt)
	}
	state := stateOf(t, container)
	if want := (libcontainer.ResctrlGroups{Control: root, Monitor: monitor}); state.IntelRdt == nil || *state.IntelRdt != want {
		t.Errorf("the state has %+v, want %+v", state.IntelRdt, want)
	}
	next := container.Config()
	next.IntelRdt = &configs.IntelRdt{ClosID: "gold", EnableMonitoring: true}
	checkError(t, container.Set(next), libcontainer.ConfigInvalid, "of IntelRdt only Schemata can change")
	next.IntelRdt = &configs.IntelRdt{ClosID: "/", EnableMonitoring: true, Schemata: []string{"L3:0=f"}}
	if err := container.Set(next); err != nil {
		t.Error(err)
	}
	if got := lines(t, filepath.Join(root, "schemata")); !slices.Contains(got, "L3:0=f") {
		t.Errorf("the schemata are %q", got)
	}
	// resctrl removes a directory with what the kernel has made in it.
	if err := errors.Join(os.Remove(monitor+"/tasks"), os.RemoveAll(monitor+"/mon_data")); err != nil {
		t.Fatal(err)
	}
	if err := container.Destroy(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(monitor); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the monitoring group is still there: %v", err)
	}
}

func TestIntelRdtFails(t *testing.T) {
	for name, tt := range map[string]struct {
		rdt   configs.IntelRdt
		code  libcontainer.ErrorCode
		texts []string
	}{
		"other schemata": {configs.IntelRdt{ClosID: "gold", Schemata: []string{"L3:0=f"}}, libcontainer.ConfigInvalid,
			[]string{"class of service", "L3:0=ff, not f"}},
		"no such class": {configs.IntelRdt{ClosID: "silver"}, libcontainer.ConfigInvalid, []string{"no class of service", "silver"}},
		"no monitoring": {configs.IntelRdt{ClosID: "gold", EnableMonitoring: true}, libcontainer.SystemError, []string{"no monitoring"}},
		// The fake has no files in what is new, so nothing can be written there.
		"cannot be written": {configs.IntelRdt{Schemata: []string{"L3:0=f"}}, libcontainer.SystemError, []string{"write schemata", "no such file"}},
		"cannot be entered": {configs.IntelRdt{}, libcontainer.SystemError, []string{"enter resctrl group", "test/tasks"}},
	} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			root := newResctrl(t)
			before := below(t, root)
			factory := newFactory(t, func(l *libcontainer.LinuxFactory) error {
				l.ResctrlRoot = root
				return nil
			})
			config := newConfig(t)
			config.IntelRdt = &tt.rdt
			container, err := factory.Create("test", config)
			if err != nil {
				t.Fatal(err)
			}
			destroyLater(t, container)
			p, _ := command("true")
			checkError(t, container.Start(p), tt.code, tt.texts...)
			if after := below(t, root); !slices.Equal(after, before) {
				t.Errorf("there is %q, before it was %q", after, before)
			}
		})
	}
	t.Run("not mounted", func(t *testing.T) {
		mounts := mustRead(t, "/proc/self/mountinfo")
		if strings.Contains(string(mounts), " - resctrl ") {
			t.Skip("resctrl is mounted on this machine")
		}
		config := newConfig(t)
		config.IntelRdt = &configs.IntelRdt{}
		p, _ := command("true")
		startFails(t, config, p, libcontainer.SystemError, "resctrl is not mounted")
	})
}

// below gives the names of all that is below a directory.
func below(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, _ os.DirEntry, err error) error {
		names = append(names, strings.TrimPrefix(name, dir))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
