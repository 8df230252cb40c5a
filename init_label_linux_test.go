package libcontainer

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/program"
)

const comm = "/proc/thread-self/comm" // a file of procfs that takes what a label is written with

func TestOpenLabelTakesTheFirstThatExists(t *testing.T) {
	dir := t.TempDir()
	second := filepath.Join(dir, "second")
	if err := os.WriteFile(second, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		file, other string
		err         error
		text        string
	}{
		// It is not procfs, and a container may have mounted anything over that.
		"a plain file":         {filepath.Join(dir, "first"), second, unix.EINVAL, "not of procfs"},
		"no file":              {filepath.Join(dir, "first"), "", unix.ENOENT, "kind: open " + dir + "/first"},
		"neither":              {filepath.Join(dir, "first"), filepath.Join(dir, "third"), unix.ENOENT, "kind: open " + dir + "/third"},
		"a file of procfs":     {comm, "", nil, ""},
		"the second of procfs": {filepath.Join(dir, "first"), comm, nil, ""},
		"the first of procfs":  {comm, second, nil, ""},
	} {
		err := runScript(t, nil, func(s *script, _ *initPlan, _ []program.Reg) { s.openLabel("kind", tt.file, tt.other) })
		if !errors.Is(err, tt.err) || err != nil && !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: error %v, want %v, %q", name, err, tt.err, tt.text)
		}
	}
}

func TestWriteLabel(t *testing.T) {
	var got string
	err := runScript(t, nil, func(s *script, _ *initPlan, _ []program.Reg) {
		s.writeLabel("kind", s.openLabel("kind", comm, ""), "label-test")
		name := s.Space(16)
		s.Do("get name", unix.SYS_PRCTL, num(unix.PR_GET_NAME), name, num(0), num(0), num(0))
		s.Tell("tell", func(b []byte, _ []int) (*program.Program, error) {
			got, _, _ = strings.Cut(string(b), "\x00")
			return nil, nil
		}, name, num(16))
	})
	if err != nil || got != "label-test" {
		t.Errorf("the name is %q, error %v", got, err)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	err = runScript(t, []*os.File{full}, func(s *script, _ *initPlan, regs []program.Reg) {
		s.writeLabel(`kind "name"`, regs[0], "x")
	})
	var failure *program.Failure
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), `kind "name"`) || !errors.As(err, &failure) || !failure.Invalid {
		t.Errorf("a write that fails: %v", err)
	}
}

// A kernel that takes only a part of a label has not set it.
func TestWriteLabelInPart(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "short"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = runScript(t, []*os.File{f}, func(s *script, _ *initPlan, regs []program.Reg) {
		s.Do("limit", unix.SYS_PRLIMIT64, num(0), num(unix.RLIMIT_FSIZE), s.Words(3, 3), num(0))
		s.writeLabel("kind", regs[0], "label")
	})
	if !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "kind: the kernel took only a part") {
		t.Errorf("error %v", err)
	}
}
