package libcontainer

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestNoCLibrary makes sure that a program that embeds the library needs no C library
// but libc when it is built and when it runs, and that the classic door alone needs cgo.
func TestNoCLibrary(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Standard,CgoFiles,CgoLDFLAGS,CgoPkgConfig", "./...")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	const door = "github.com/libcontainer/libcontainer/nsenter"
	found := false
	for decoder := json.NewDecoder(out); ; {
		var p struct {
			ImportPath               string
			Standard                 bool
			CgoFiles                 []string
			CgoLDFLAGS, CgoPkgConfig []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Standard || len(p.CgoFiles) == 0 {
			continue
		}
		if p.ImportPath == door || strings.HasPrefix(p.ImportPath, door+"/") {
			found = true
		} else {
			t.Errorf("%s needs cgo", p.ImportPath)
		}
		libraries := slices.DeleteFunc(p.CgoLDFLAGS, func(flag string) bool { return !strings.HasPrefix(flag, "-l") })
		if len(p.CgoPkgConfig)+len(libraries) > 0 {
			t.Errorf("%s needs the C libraries %q %q", p.ImportPath, p.CgoPkgConfig, libraries)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if !found {
		t.Errorf("no package below %s needs cgo: the list is wrong", door)
	}
}

// TestNetworkApart makes sure that who needs no network does not get what makes firewalls into his program.
func TestNetworkApart(t *testing.T) {
	deps := func(pkg string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", pkg).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	const own, nftables = "github.com/libcontainer/libcontainer/network\n", "github.com/google/nftables\n"
	if got := deps("./network"); !strings.Contains(got, own) || !strings.Contains(got, nftables) {
		t.Errorf("package network imports %q", got)
	}
	for _, pkg := range []string{".", "./cmd/nsinit", "./specconv"} {
		if got := deps(pkg); strings.Contains(got, own) || strings.Contains(got, nftables) {
			t.Errorf("%s needs package network, or nftables", pkg)
		}
	}
	if got := deps("./network"); strings.Contains(got, "github.com/libcontainer/libcontainer\n") {
		t.Error("package network needs the root package")
	}
}
