//world:any

package integration

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

// testPool has ids for three containers.
var testPool = configs.IDPool{First: 400000, Size: 65536, Count: 3}

// pooledConfig gives a configuration of a container on that root file system with ids of the pool.
func pooledConfig(rootfs, name string) *configs.Config {
	config := configFor(rootfs, name)
	config.Namespaces.Add(configs.NEWUSER, "")
	config.RootIDMapping = configs.IDMapMount
	pool := testPool
	config.IDs = &pool
	return config
}

func openRuntime(t *testing.T, root string) *libcontainer.Runtime {
	t.Helper()
	runtime, err := libcontainer.Open(root, tested.Manager)
	if err != nil {
		t.Fatal(err)
	}
	return runtime
}

// wantEmpty checks that nothing is left in the root of a factory.
func wantEmpty(t *testing.T, root string) {
	t.Helper()
	entries, err := os.ReadDir(root)
	if err != nil || len(entries) > 0 {
		t.Errorf("left in the factory's root: %v, error %v", entries, err)
	}
}

// Containers of one pool and one image have ids of their own each, which are free again when
// they have been destroyed, and no others.
func TestIDsOfAPool(t *testing.T) {
	checkLeaks(t)
	rootfs, root := newRootfs(t), filepath.Join(publicTempDir(t), "state")
	runtimes := []*libcontainer.Runtime{openRuntime(t, root), openRuntime(t, root)}
	var containers []*libcontainer.Instance
	defer func() {
		for _, c := range containers {
			if err := c.Destroy(); err != nil {
				t.Error(err)
			}
		}
		wantEmpty(t, root)
	}()
	create := func(id string) (*libcontainer.Instance, error) {
		c, err := runtimes[len(containers)%2].Create(t.Context(), id, pooledConfig(rootfs, t.Name()+id))
		if err == nil {
			containers = append(containers, c)
		}
		return c, err
	}
	seen := make(map[int]bool)
	for _, id := range []string{"a", "b", "c"} {
		c, err := create(id)
		if err != nil {
			t.Fatal(err)
		}
		m := c.Config().UidMappings
		if len(m) != 1 || !slices.Equal(m, c.Config().GidMappings) || m[0].ContainerID != 0 || m[0].Size != testPool.Size || seen[m[0].HostID] {
			t.Fatalf("%s has the mapping %v; others have %v", id, m, seen)
		}
		seen[m[0].HostID] = true
		p, out := shell("awk '{print $1, $2, $3}' /proc/self/uid_map /proc/self/gid_map; stat -c %u /bin; touch /tmp/" + id)
		if err := c.Start(p); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Wait(); err != nil {
			t.Fatal(err, out.stderr.String())
		}
		line := "0 " + itoa(m[0].HostID) + " " + itoa(testPool.Size) + "\n"
		wantOutput(t, out.stdout.String(), line+line+"0\n")
		wantOwner(t, filepath.Join(rootfs, "tmp", id), 0, 0)
	}
	_, err := create("d")
	checkError(t, err, libcontainer.SystemError, `create container "d"`, "all ranges of ids are in use", "3 ranges of 65536 ids from 400000 on")
	if !errors.Is(err, libcontainer.ErrIDsExhausted) {
		t.Errorf("error %q is not ErrIDsExhausted", err)
	}
	if ids := list(t, root); len(ids) != 3 {
		t.Errorf("containers are %v", ids)
	}
	// Another program loads one and destroys it.
	freed := containers[1].Config().UidMappings
	loaded, err := openRuntime(t, root).Load(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	if got := loaded.Config().UidMappings; !slices.Equal(got, freed) || *loaded.Config().IDs != testPool {
		t.Errorf("loaded: the mappings are %v, were %v; the pool is %v", got, freed, loaded.Config().IDs)
	}
	if err := loaded.Destroy(); err != nil {
		t.Fatal(err)
	}
	d, err := create("d")
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Config().UidMappings; !slices.Equal(got, freed) {
		t.Errorf("got %v, and %v alone was free", got, freed)
	}
}

// A configuration with mappings, such as that of another container, gets ids of its own.
func TestIDsOfACopiedConfig(t *testing.T) {
	checkLeaks(t)
	root := filepath.Join(publicTempDir(t), "state")
	runtime := openRuntime(t, root)
	config := pooledConfig(newRootfs(t), t.Name())
	a, err := runtime.Create(t.Context(), "a", config)
	if err != nil {
		t.Fatal(err)
	}
	copied := a.Config()
	b, err := runtime.Create(t.Context(), "b", &copied)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(a.Config().UidMappings, b.Config().UidMappings) {
		t.Errorf("both have %v", b.Config().UidMappings)
	}
	// Set keeps those that it has.
	before := b.Config()
	set := before
	set.UidMappings, set.Hostname = nil, "other"
	if err := b.Set(set); err != nil {
		t.Fatal(err)
	}
	if got := b.Config(); got.Hostname != "other" || !slices.Equal(got.UidMappings, before.UidMappings) {
		t.Errorf("Set has made of %v: %v", before.UidMappings, got.UidMappings)
	}
	// Ids of the same range, but by another pool, would be those of two.
	other := *config
	other.IDs = &configs.IDPool{First: testPool.First + 5, Size: 10, Count: 5}
	_, err = runtime.Create(t.Context(), "c", &other)
	checkError(t, err, libcontainer.ConfigInvalid, "overlaps", testPool.String())
	for _, c := range []*libcontainer.Instance{a, b} {
		if err := c.Destroy(); err != nil {
			t.Error(err)
		}
	}
	wantEmpty(t, root)
}

// Many at once, from several factories: never do two that exist have the same ids.
func TestIDsUnderLoad(t *testing.T) {
	checkLeaks(t)
	root := filepath.Join(publicTempDir(t), "state")
	rootfs := newRootfs(t)
	var mu sync.Mutex
	used := make(map[int]string)
	var wg sync.WaitGroup
	for g := range testPool.Count {
		runtime := openRuntime(t, root)
		wg.Go(func() {
			for i := range 10 {
				id := itoa(g) + "-" + itoa(i)
				c, err := runtime.Create(context.Background(), id, pooledConfig(rootfs, "load"+id))
				if err != nil {
					t.Error(err)
					return
				}
				first := c.Config().UidMappings[0].HostID
				mu.Lock()
				if used[first] != "" {
					t.Errorf("%s and %s have the ids from %d on", id, used[first], first)
				}
				used[first] = id
				mu.Unlock()
				p, _ := shell("true")
				if _, err := c.Run(context.Background(), p); err != nil {
					t.Error(err)
				}
				mu.Lock()
				delete(used, first)
				mu.Unlock()
				if err := c.Destroy(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	wantEmpty(t, root)
}

// What a killed program had is found, and destroyed as ever: the ids with the container. No
// mount and no directory of its overlay is left.
func TestKilledHostLeavesNoIDsAndLayers(t *testing.T) {
	needsOverlay(t)
	checkLeaks(t)
	root := filepath.Join(publicTempDir(t), "state")
	image := newImage(t)
	for range testPool.Count + 1 { // one more than there are ids
		host, stdout := startHost(t, "layers", root, image, cgroupParent)
		if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "started\n" {
			t.Fatalf("the host said %q, error %v", line, err)
		}
		killHost(t, host)
		if ids := list(t, root); !slices.Equal(ids, []string{"test"}) {
			t.Fatalf("containers are %v", ids)
		}
		c, err := openRuntime(t, root).Load(t.Context(), "test")
		if err != nil {
			t.Fatal(err)
		}
		config := c.Config()
		if config.Overlay == nil || config.Overlay.Lower[0] != image || len(config.UidMappings) != 1 || config.RootIDMapping != configs.IDMapMount {
			t.Errorf("the state has the overlay %v, mappings %v, id mapping %q", config.Overlay, config.UidMappings, config.RootIDMapping)
		}
		exec, out := shell(rootLine)
		if err := c.Start(exec); err != nil { // its init lives on
			t.Fatal(err)
		}
		if _, err := exec.Wait(); err != nil || !strings.HasPrefix(out.stdout.String(), "overlay rw,") {
			t.Errorf("a further process: %q, error %v", out.stdout.String(), err)
		}
		if err := c.Destroy(); err != nil {
			t.Fatal(err)
		}
	}
	wantEmpty(t, root)
}
