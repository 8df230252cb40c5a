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
