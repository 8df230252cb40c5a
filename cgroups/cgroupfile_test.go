package cgroups

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseCgroupFile(t *testing.T) {
	dir := t.TempDir()
	for name, test := range map[string]struct {
		text    string
		want    map[string]string
		wantErr string
	}{
		"empty": {"", map[string]string{}, ""},
		"all kinds": {"11:cpu,cpuacct:/a\n4:name=systemd:/user.slice/x:y\n0::/b\n",
			map[string]string{"cpu": "/a", "cpuacct": "/a", "name=systemd": "/user.slice/x:y", "": "/b"}, ""},
		"no newline at the end": {"0::/", map[string]string{"": "/"}, ""},
		"no colon":              {"0::/\nx\n", nil, "line 2"},
		"one colon":             {"0:x\n", nil, "line 1"},
		"relative":              {"0::x\n", nil, "line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, name)
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := ParseCgroupFile(file)
			if test.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErr) || !strings.Contains(err.Error(), file) {
					t.Fatalf("got %v, %v, want an error with %q and the file", got, err, test.wantErr)
				}
				return
			}
			if err != nil || !maps.Equal(got, test.want) {
				t.Errorf("got %v, %v, want %v", got, err, test.want)
			}
		})
	}
	if _, err := ParseCgroupFile(dir + "/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// What is parsed, written in the kernel's format, is parsed as the same.
func FuzzParseCgroup(f *testing.F) {
	f.Add("11:cpu,cpuacct:/a\n4:name=systemd:/user.slice/x:y\n0::/b\n")
	f.Fuzz(func(t *testing.T, text string) {
		own, err := parseCgroup(strings.NewReader(text))
		if err != nil {
			return
		}
		var again strings.Builder
		for key, path := range own {
			fmt.Fprintf(&again, "1:%s:%s\n", key, path)
		}
		if got, err := parseCgroup(strings.NewReader(again.String())); err != nil || !maps.Equal(got, own) {
			t.Errorf("%q: got %v, then %v, %v", text, own, got, err)
		}
	})
}
