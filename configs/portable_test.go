package configs_test

import (
	"os"
	"os/exec"
	"testing"
)

// What a client of a program with containers imports to write and read their
// configurations and statistics, wherever it runs.
var portable = []string{
	"configs", "configs/validate", "seccomp", "cgroups", "utils", "user", "label", "selinux", "apparmor",
}

func TestPlainDataCompilesEverywhere(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip(err)
	}
	args := []string{"build"}
	for _, pkg := range portable {
		args = append(args, "github.com/libcontainer/libcontainer/"+pkg)
	}
	for _, system := range []string{"darwin", "windows", "freebsd"} {
		cmd := exec.Command(goTool, args...)
		cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=-mod=readonly")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", system, err, out)
		}
	}
}
