package label_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	selinux "github.com/opencontainers/selinux/go-selinux"

	"github.com/libcontainer/libcontainer/label"
)

func TestOptions(t *testing.T) {
	if err := label.Validate("zZ"); !errors.Is(err, label.ErrIncompatibleLabel) {
		t.Errorf("zZ: error %v", err)
	}
	if !label.RelabelNeeded("z") || label.RelabelNeeded("ro") || !label.IsShared("z") || label.IsShared("Z") {
		t.Error("z and Z mean something else")
	}
	if got := label.FormatMountLabel("", ""); got != "" {
		t.Errorf("no label: %q", got)
	}
	if got := label.FormatMountLabel("mode=755", "a:b:c:s0"); got != `mode=755,context="a:b:c:s0"` {
		t.Errorf("the options are %q", got)
	}
	if got := label.DisableSecOpt(); !slices.Equal(got, []string{"disable"}) {
		t.Errorf("to disable: %q", got)
	}
	process, mount, err := label.GenLabels("disable")
	if err != nil || process != "" || mount != "" {
		t.Errorf("disabled labels are %q, %q, error %v", process, mount, err)
	}
}

// Programs call these whether there is SELinux or not.
func TestWithoutSELinux(t *testing.T) {
	if selinux.GetEnabled() {
		t.Skip("this machine has SELinux")
	}
	const some = "system_u:system_r:container_t:s0:c1,c2"
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	label.Init()
	for name, err := range map[string]error{
		"SetProcessLabel": label.SetProcessLabel(""), "SetFileLabel": label.SetFileLabel(path, some),
		"SetFileCreateLabel": label.SetFileCreateLabel(some), "Relabel": label.Relabel(path, some, true),
		"ReserveLabel": label.ReserveLabel(some), "UnreserveLabel": label.UnreserveLabel(some),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if process, mount, err := label.InitLabels(nil); err != nil || process != "" || mount != "" {
		t.Errorf("labels are %q, %q, error %v", process, mount, err)
	}
}
