package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tree makes files with a text, the executable ones scripts.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The script finds all by its own path, wherever the directory is moved to.
func TestWrapper(t *testing.T) {
	for _, arch := range [][2]string{
		{"usr/lib64/ld-linux-x86-64.so.2", "x86_64-linux-gnu"},
		{"usr/lib/ld-linux-aarch64.so.1", "aarch64-linux-gnu"},
	} {
		dir := tree(t, map[string]string{
			"root/" + arch[0]:                        "#!/bin/sh\nprintf '%s\\n' \"$0\" \"$@\"\n",
			"root/usr/lib/" + arch[1] + "/libc.so.6": "",
			"root/usr/sbin/criu":                     "",
		})
		script, err := wrapper(filepath.Join(dir, "root"))
		if err != nil {
			t.Fatal(err)
		}
		moved := filepath.Join(t.TempDir(), "with a blank")
		if err := os.Rename(dir, moved); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(moved, "criu"), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), filepath.Join(moved, "criu"), "swrk", "a b").Output()
		root := moved + "/root/"
		want := []string{
			root + arch[0], "--library-path", root + "usr/lib/" + arch[1], "--argv0", "criu", root + "usr/sbin/criu", "swrk", "a b", "",
		}
		if err != nil || string(out) != strings.Join(want, "\n") {
			t.Errorf("it executes %q, error %v, want %q", out, err, want)
		}
	}
	if script, err := wrapper(t.TempDir()); err == nil {
		t.Errorf("without a criu there is the script %q", script)
	}
}

// What runs is not fetched again.
func TestFetchOnce(t *testing.T) {
	dir := tree(t, map[string]string{"criu": "#!/bin/sh\necho 'Version: 7.7'\n"})
	t.Setenv("PATH", "/nowhere")
	if err := fetch(t.Context(), dir); err != nil {
		t.Error(err)
	}
	if got, err := version(t.Context(), dir); got != "7.7" || err != nil {
		t.Errorf("version %q, error %v", got, err)
	}
}
