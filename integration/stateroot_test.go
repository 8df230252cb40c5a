//world:any

package integration

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// Whoever can put a directory where the state is has his hook run as root, by a program that
// loads and destroys what it finds. So a state root that others can write to is refused, and
// a container that is another's.
func TestStateOfOthers(t *testing.T) {
	checkLeaks(t)
	root := filepath.Join(publicTempDir(t), "state")
	factory, err := newFactoryIn(root)
	if err != nil {
		t.Fatal(err)
	}
	config := newConfig(t)
	ran := filepath.Join(publicTempDir(t), "ran")
	config.Hooks = &configs.Hooks{Poststop: []configs.Hook{
		configs.NewCommandHook(configs.Command{Path: "/bin/touch", Args: []string{"touch", ran}}),
	}}
	container, err := factory.Create("planted", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := container.Destroy(); err != nil {
			t.Error(err)
		}
	})
	p, _ := command("/bin/true")
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, "planted")
	loadAndDestroy := func() error {
		loaded, err := factory.Load("planted")
		if err != nil {
			return err
		}
		return loaded.Destroy()
	}
	chmod := func(path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	chown := func(path string, uid int) {
		t.Helper()
		if err := os.Chown(path, uid, -1); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(err error) {
		t.Helper()
		checkError(t, err, libcontainer.ConfigInvalid, root, "is not safe")
	}
	for _, world := range []os.FileMode{0o777 | os.ModeSticky, 0o770} {
		chmod(root, world)
		refused(loadAndDestroy())
		_, err = factory.Create("another", config)
		refused(err)
		_, err = newFactoryIn(root)
		refused(err)
	}
	chmod(root, 0o700)
	chown(root, 12345)
	refused(loadAndDestroy())
	chown(root, 0)
	chown(dir, 12345)
	refused(loadAndDestroy())
	chown(dir, 0)
	chmod(dir, 0o777)
	refused(loadAndDestroy())
	if _, err := os.Stat(ran); err == nil {
		t.Fatal("the hook ran")
	}
	chmod(dir, 0o700)
	if err := loadAndDestroy(); err != nil {
		t.Errorf("its own container: %v", err)
	}
	if _, err := os.Stat(ran); err != nil {
		t.Errorf("the hook of its own container: %v", err)
	}
}
