package libcontainer

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/program"
)

func TestEnvironment(t *testing.T) {
	for _, tt := range []struct {
		name      string
		env, want []string
	}{
		{"empty", nil, []string{"HOME=/home/u"}},
		{"order", []string{"B=1", "A=2"}, []string{"B=1", "A=2", "HOME=/home/u"}},
		{"the last one counts", []string{"A=1", "B=2", "A=3"}, []string{"B=2", "A=3", "HOME=/home/u"}},
		{"home is set", []string{"HOME=/x", "A=1"}, []string{"HOME=/x", "A=1"}},
		{"home is empty", []string{"HOME=", "A=1"}, []string{"A=1", "HOME=/home/u"}},
		{"home is emptied", []string{"HOME=/x", "HOME="}, []string{"HOME=/home/u"}},
		{"home is set last", []string{"HOME=", "HOME=/x"}, []string{"HOME=/x"}},
		{"equals signs", []string{"A=b=c", "A=d=e"}, []string{"A=d=e", "HOME=/home/u"}},
		{"empty value", []string{"A="}, []string{"A=", "HOME=/home/u"}},
	} {
		if got := environment(tt.env, "/home/u"); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// makePrograms makes files: "name" executable, "name-" not, "name/" a directory.
func makePrograms(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		full := filepath.Join(dir, strings.TrimSuffix(name, "-"))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o755)
		if strings.HasSuffix(name, "-") {
			mode = 0o644
		}
		var err error
		if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(full, mode)
		} else {
			err = os.WriteFile(full, nil, mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// lookUp has init look a program up, in a working directory.
func lookUp(t *testing.T, dir, file string, env []string) (string, error) {
	t.Helper()
	var found string
	err := runScript(t, nil, func(s *script, plan *initPlan, _ []program.Reg) {
		plan.config, plan.process = new(configs.Config), &Process{Args: []string{file}, Env: env}
		s.Do("chdir", unix.SYS_CHDIR, s.String(dir))
		args := plan.lookUpProgram(s, new(execUser))
		s.Space(unix.PathMax) // more is sent than the name
		s.Tell("tell", func(name []byte, _ []int) (*program.Program, error) {
			found, _, _ = strings.Cut(string(name), "\x00")
			return nil, nil
		}, args.name.Arg(), num(unix.PathMax))
	})
	return found, err
}

func TestLookUpProgram(t *testing.T) {
	dir := makePrograms(t, "a/x", "b/x", "a/y-", "b/y", "a/z-", "b/d/", "a/only")
	path := "PATH=" + strings.ReplaceAll("$/none:$/a:$/b", "$", dir)
	for _, tt := range []struct {
		name, file string
		env        []string
		want       string
		err        error
	}{
		{"first", "x", []string{path}, dir + "/a/x", nil},
		{"not executable", "y", []string{path}, dir + "/b/y", nil},
		{"only not executable", "z", []string{path}, "", unix.EACCES},
		{"directory", "d", []string{path}, "", unix.EACCES},
		{"missing", "no", []string{path}, "", unix.ENOENT},
		{"missing, for package exec", "no", []string{path}, "", exec.ErrNotFound},
		{"with a slash", "./no", []string{path}, "", exec.ErrNotFound},
		{"with a slash, there", "./y", []string{path}, "./y", nil},
		{"with a slash, not executable", "../a/y", []string{path}, "", unix.EACCES},
		{"with a slash, a directory", "./d", []string{path}, "", unix.EACCES},
		{"absolute", "/no", []string{path}, "", unix.ENOENT},
		{"empty element", "y", []string{"PATH=:" + dir + "/a"}, "./y", nil},
		{"last PATH", "x", []string{path, "PATH=" + dir + "/b"}, dir + "/b/x", nil},
		{"not in the current directory", "y", []string{"PATH=" + dir + "/a"}, "", unix.EACCES},
		{"default", "sh", nil, "", nil},
		{"below a file", "x", []string{"PATH=" + dir + "/a/x"}, "", unix.ENOENT},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := lookUp(t, dir+"/b", tt.file, tt.env)
			if !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if tt.err != nil {
				var failure *program.Failure
				if !errors.As(err, &failure) || !failure.Invalid || !strings.Contains(err.Error(), tt.file) {
					t.Errorf("error %q is not about the request for %s", err, tt.file)
				}
				return
			}
			if tt.want == "" {
				if filepath.Base(got) != tt.file || !strings.Contains(defaultPath, filepath.Dir(got)) {
					t.Errorf("found %q", got)
				}
			} else if got != tt.want {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}

// Files of cgroups are written, in their order, and closed.
func TestEnterCgroups(t *testing.T) {
	dir := t.TempDir()
	var files []*os.File
	for _, name := range []string{"cpu", "freezer", "memory"} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	err := runScript(t, files, func(s *script, _ *initPlan, regs []program.Reg) {
		enterCgroups(s, files, regs)
		for _, r := range regs {
			r := s.Get("flags", unix.SYS_FCNTL, r.Arg(), num(unix.F_GETFD), num(0))
			s.Ignore(unix.EBADF)
			s.Check("it is closed", r.Arg(), num(-1), num(-int(unix.EBADF)), unix.EMFILE)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if data, err := os.ReadFile(f.Name()); err != nil || string(data) != "0" {
			t.Errorf("%s holds %q, error %v", f.Name(), data, err)
		}
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	err = runScript(t, []*os.File{full}, func(s *script, _ *initPlan, regs []program.Reg) { enterCgroups(s, []*os.File{full}, regs) })
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "/dev/full") {
		t.Errorf("a cgroup that takes nobody: error %v", err)
	}
}
