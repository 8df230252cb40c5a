//go:build linux

package fs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

func TestFreeze(t *testing.T) {
	m, dir := fakeManager(t, "freezer", map[string]string{freezerFile: "THAWED\n"})
	for _, state := range []configs.FreezerState{configs.Frozen, configs.Thawed} {
		if err := m.Freeze(state); err != nil {
			t.Fatal(err)
		}
		if got := readFile(t, filepath.Join(dir, freezerFile)); got != string(state) {
			t.Errorf("got %q, want %q", got, state)
		}
	}
	for _, state := range []configs.FreezerState{configs.Undefined, "FREEZING", "frozen"} {
		if err := m.Freeze(state); err == nil {
			t.Errorf("the state %q was accepted", state)
		}
	}
	if err := os.Remove(filepath.Join(dir, freezerFile)); err != nil {
		t.Fatal(err)
	}
	if err := m.Freeze(configs.Frozen); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the file: %v", err)
	}
	other, _ := fakeManager(t, "memory", nil)
	if err := other.Freeze(configs.Frozen); !cgroups.IsNotFound(err) {
		t.Errorf("without the hierarchy: %v", err)
	}
}

func TestFreezerSet(t *testing.T) {
	files := map[string]string{freezerFile: "THAWED\n"}
	runSetTests(t, "freezer", []setTest{
		{"frozen", files, configs.Resources{Freezer: configs.Frozen}, map[string]string{freezerFile: "FROZEN"}, ""},
		{"undefined", files, configs.Resources{}, map[string]string{freezerFile: "THAWED"}, ""},
		{"nonsense", files, configs.Resources{Freezer: "x"}, map[string]string{freezerFile: "THAWED"}, "freezer state"},
	})
}

// fakeFreezer reads as what reads says, one after the other, the last of them
// again and again, and as thawed after thawing.
type fakeFreezer struct {
	reads   []configs.FreezerState
	err     error
	written []configs.FreezerState
}

func (f *fakeFreezer) write(state configs.FreezerState) (configs.FreezerState, error) {
	f.written = append(f.written, state)
	if state == configs.Thawed {
		return state, nil
	}
	read := f.reads[0]
	if len(f.reads) > 1 {
		f.reads = f.reads[1:]
	}
	return read, f.err
}

func TestFreezeWaits(t *testing.T) {
	f := fakeFreezer{reads: []configs.FreezerState{"FREEZING", "FREEZING", configs.Frozen}}
	if err := freeze(t.Context(), f.write, time.Minute); err != nil {
		t.Fatal(err)
	}
	if want := []configs.FreezerState{configs.Frozen, configs.Frozen, configs.Frozen}; !slices.Equal(f.written, want) {
		t.Errorf("wrote %v, want %v", f.written, want)
	}
}

// After a failure the processes are thawed.
func TestFreezeFails(t *testing.T) {
	for name, test := range map[string]struct {
		f    fakeFreezer
		want string
	}{
		"timeout": {fakeFreezer{reads: []configs.FreezerState{"FREEZING"}}, "not all processes froze"},
		"error":   {fakeFreezer{reads: []configs.FreezerState{""}, err: fs.ErrPermission}, "permission"},
	} {
		t.Run(name, func(t *testing.T) {
			err := freeze(t.Context(), test.f.write, time.Millisecond)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
			if last := test.f.written[len(test.f.written)-1]; last != configs.Thawed {
				t.Errorf("the last state written was %q, want THAWED", last)
			}
		})
	}
}

// Who gave a deadline is told when it is over, and the processes are thawed.
func TestFreezeWithDeadline(t *testing.T) {
	over := errors.New("time is over")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, over)
	defer cancel()
	f := fakeFreezer{reads: []configs.FreezerState{"FREEZING"}}
	if err := freeze(ctx, f.write, time.Hour); !errors.Is(err, over) {
		t.Errorf("freeze: %v", err)
	}
	if last := f.written[len(f.written)-1]; last != configs.Thawed {
		t.Errorf("the last state written was %q, want THAWED", last)
	}
}

func TestThawBelowFrozen(t *testing.T) {
	err := thaw(func(configs.FreezerState) (configs.FreezerState, error) { return configs.Frozen, nil })
	if err == nil || !strings.Contains(err.Error(), "a cgroup above is frozen") {
		t.Errorf("got %v", err)
	}
}
