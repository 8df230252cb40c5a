package initproc

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
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

// programs makes files: "name" executable, "name-" not, "name/" a directory.
func programs(t *testing.T, names ...string) string {
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

func TestLookPath(t *testing.T) {
	dir := programs(t, "a/x", "b/x", "a/y-", "b/y", "a/z-", "b/d/", "a/only")
	t.Chdir(dir + "/b")
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
		{"with a slash", "./no", []string{path}, "./no", nil},
		{"absolute", "/no", []string{path}, "/no", nil},
		{"empty element", "y", []string{"PATH=:" + dir + "/a"}, "./y", nil},
		{"last PATH", "x", []string{path, "PATH=" + dir + "/b"}, dir + "/b/x", nil},
		{"not in the current directory", "y", []string{"PATH=" + dir + "/a"}, "", unix.EACCES},
		{"default", "sh", nil, "", nil},
		{"below a file", "x", []string{"PATH=" + dir + "/a/x"}, "", unix.ENOENT},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := lookPath(tt.file, tt.env)
			if !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if tt.err != nil {
				var invalid invalidError
				if !errors.As(err, &invalid) || !strings.Contains(err.Error(), tt.file) {
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
