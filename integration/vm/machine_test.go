package main

import (
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadControl(t *testing.T) {
	for _, tt := range []struct {
		said    string
		started bool
		status  int
		works   bool
	}{
		{"started\nexited 0\n", true, 0, true},
		{"started\nexited 137\n", true, 137, true},
		{"started\n", true, 0, false},
		{"started\nexited x\n", true, 0, false},
		{"", false, 0, false},
	} {
		calls := 0
		started, status, err := readControl(iotest.OneByteReader(strings.NewReader(tt.said)), func() { calls++ })
		if started != tt.started || status != tt.status || (err == nil) != tt.works || (calls == 1) != tt.started {
			t.Errorf("%q: started %v, status %d, error %v, %d calls", tt.said, started, status, err, calls)
		}
	}
}

func TestStart(t *testing.T) {
	wait, err := start(exec.Command("sh", "-c", "exit 3"))
	if err != nil {
		t.Fatal(err)
	}
	if exit, ok := wait().(*exec.ExitError); !ok || exit.ExitCode() != 3 {
		t.Errorf("it ended with %v", exit)
	}
	if _, err := start(exec.Command("/nosuch/program")); err == nil {
		t.Error("a program that is not there was started")
	}
}

func TestSocketPair(t *testing.T) {
	own, other, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	cmd := exec.Command("sh", "-c", "echo text >&3")
	cmd.ExtraFiles = []*os.File{other}
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(own); err != nil || string(got) != "text\n" {
		t.Errorf("%q, error %v", got, err)
	}
}

func TestQemuArgs(t *testing.T) {
	j := job{image: image{"/cache/a,b"}, world: worlds[1], cpus: 1, source: "/source,1", console: "/logs/console"}
	args := j.qemuArgs("/job")
	for _, want := range []string{
		"/cache/a,b/bookworm.kernel", "/cache/a,b/bookworm.initramfs", "file:/logs/console",
		"if=virtio,format=raw,snapshot=on,cache=unsafe,file=/cache/a,,b/root.ext4",
		"local,readonly=on,security_model=none,multidevs=remap,mount_tag=src,path=/source,,1",
	} {
		if !slices.Contains(args, want) {
			t.Errorf("no argument %q in %q", want, args)
		}
	}
}

func TestWorlds(t *testing.T) {
	all, err := findWorlds("all")
	if err != nil || len(all) != 3 {
		t.Errorf("all worlds are %v, error %v", all, err)
	}
	for name, texts := range map[string][3]bool{ // an old kernel, v1's hierarchies, none of v2
		"v2": {false, false, false}, "v1": {true, true, true}, "hybrid": {true, true, false},
	} {
		found, err := findWorlds(name)
		if err != nil || len(found) != 1 {
			t.Fatalf("worlds %v, error %v", found, err)
		}
		w, line := found[0], found[0].kernelCommandLine()
		got := [3]bool{
			w.suite == oldSuite,
			strings.Contains(line, "unified_cgroup_hierarchy=0 "),
			strings.HasSuffix(line, " systemd.legacy_systemd_cgroup_controller=1"),
		}
		if got != texts {
			t.Errorf("%s: kernel of %s, command line %q", name, w.suite, line)
		}
	}
	if _, err := findWorlds("v3"); err == nil {
		t.Error("there is a world v3")
	}
}
