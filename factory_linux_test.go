package libcontainer

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

// A factory that is a literal, with its root alone, is one with the defaults.
func TestLiteralFactory(t *testing.T) {
	t.Chdir(t.TempDir())
	factory := &LinuxFactory{Root: "new/root"}
	if ids, err := factory.List(); err != nil || len(ids) != 0 {
		t.Errorf("list before there is a root: %q, error %v", ids, err)
	}
	if _, err := factory.Load("some"); !errors.Is(err, ContainerNotExists) {
		t.Errorf("load before there is a root: error %v", err)
	}
	if _, err := factory.Create("some", new(configs.Config)); !errors.Is(err, ConfigInvalid) {
		t.Errorf("create with an empty configuration: error %v", err)
	}
	config := &configs.Config{Rootfs: t.TempDir(), Namespaces: configs.Namespaces{{Type: configs.NEWNS}}}
	container, err := factory.Create("some", config)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat("new/root"); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("the root: %v, error %v", st, err)
	}
	if root := container.(*Instance).root; !filepath.IsAbs(root) {
		t.Errorf("the container is in %q, which depends on the working directory", root)
	}
	if ids, err := factory.List(); err != nil || !slices.Equal(ids, []string{"some"}) {
		t.Errorf("list: %q, error %v", ids, err)
	}
	loaded, err := factory.Load("some")
	if err != nil {
		t.Fatal(err)
	}
	if err := container.Set(*config); err != nil {
		t.Errorf("set: %v", err)
	}
	if err := container.Set(configs.Config{}); !errors.Is(err, ConfigInvalid) {
		t.Errorf("set an empty configuration: error %v", err)
	}
	if status, err := loaded.Status(); err != nil || status != Created {
		t.Errorf("status %v, error %v", status, err)
	}
	if err := loaded.Destroy(); err != nil {
		t.Errorf("destroy: %v", err)
	}
	made, err := New(filepath.Join(t.TempDir(), "root"))
	if err != nil {
		t.Fatal(err)
	}
	if is := made.(*LinuxFactory); factory.initPath() != is.initPath() || len(factory.initArgv()) != len(is.initArgv()) ||
		factory.classic() != is.classic() {
		t.Errorf("init is %q %q, of New %q %q", factory.initPath(), factory.initArgv(), is.initPath(), is.initArgv())
	}
}
