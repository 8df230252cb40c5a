//world:one

package integration

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/libcontainer/libcontainer"
)

// Criu obeys no file but that of the options, and leaves no descriptor to the container.
func TestCriuConfiguration(t *testing.T) {
	dir := publicTempDir(t)
	marker, script := filepath.Join(dir, "marker"), filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho $CRTOOLS_SCRIPT_ACTION >>"+marker+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, ".criu", "default.conf")
	if err := os.Mkdir(filepath.Dir(conf), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(conf, []byte("action-script "+script+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", dir)
	t.Setenv("CRIU_CONFIG_FILE", conf)
	c := startCounting(t, newConfig(t))
	for _, file := range []string{"", conf} {
		before := descriptorsIn(t, procPath(t, c, "fd"))
		opts := &libcontainer.CriuOpts{ImagesDirectory: filepath.Join(publicTempDir(t), "images"), ConfigFile: file}
		if err := c.Checkpoint(opts); err != nil {
			t.Fatal(err)
		}
		c.restore(t, opts)
		if after := descriptorsIn(t, procPath(t, c, "fd")); len(after) != len(before) {
			t.Errorf("init had the descriptors %v, and has %v", before, after)
		}
		data, err := os.ReadFile(marker)
		switch {
		case file == "" && !errors.Is(err, os.ErrNotExist):
			t.Errorf("an action script was run at %q, error %v", data, err)
		case file != "" && !bytes.Contains(data, []byte("post-dump")): // at a restore criu has a /tmp of its own
			t.Errorf("the action script of the options was run at %q, error %v", data, err)
		}
	}
}

// descriptorsIn lists what descriptors are of.
func descriptorsIn(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e.Name()+" "+target)
	}
	return list
}
