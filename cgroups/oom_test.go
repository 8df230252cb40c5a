//go:build linux

package cgroups

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestOOMKills(t *testing.T) {
	const v1, v2 = "memory.oom_control", "memory.events"
	for name, test := range map[string]struct {
		files map[string]string
		want  uint64
		err   error
	}{
		"v1":                {map[string]string{v1: "oom_kill_disable 0\nunder_oom 1\noom_kill 2\n"}, 2, nil},
		"v1, sub-cgroups":   {map[string]string{v1: "oom_kill 2\n", "a/" + v1: "oom_kill 3\n", "a/b/" + v1: "oom_kill 40\n"}, 45, nil},
		"v1, one removed":   {map[string]string{v1: "oom_kill 2\n", "a/x": ""}, 2, nil},
		"old kernel":        {map[string]string{v1: "oom_kill_disable 0\nunder_oom 0\n"}, 0, errors.ErrUnsupported},
		"v2":                {map[string]string{v2: "oom 9\noom_kill 5\noom_group_kill 1\n", "a/" + v2: "oom_kill 4\n"}, 5, nil},
		"no controller":     {map[string]string{"cgroup.procs": ""}, 0, fs.ErrNotExist},
		"a strange content": {map[string]string{v2: "oom_kill x\n"}, 0, errAny},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, content := range test.files {
				path := filepath.Join(dir, file)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			got, err := OOMKills(dir)
			if got != test.want || (err != nil) != (test.err != nil) || test.err != errAny && !errors.Is(err, test.err) {
				t.Errorf("got %d, %v; want %d, %v", got, err, test.want, test.err)
			}
		})
	}
}

// errAny stands for any error.
var errAny = errors.New("any error")
