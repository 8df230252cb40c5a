//world:any

package integration

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// Kernels that do not know overlayfs's parameters, or not that of a single layer, get all
// layers at once, by names that fit into a page.
func TestOverlayRootOfOlderKernels(t *testing.T) {
	needsOverlay(t)
	for name, tt := range map[string]struct {
		pretend func(n *seccompNotif) *seccompResponse
		want    string
	}{
		"Linux 6.4": {func(n *seccompNotif) *seccompResponse {
			if n.number == unix.SYS_FSCONFIG && n.args[1] == unix.FSCONFIG_SET_FLAG {
				return new(seccompResponse) // any parameter is taken
			}
			return nil
		}, "lowerdir=0:1"},
		"Linux 6.6": {unknownAfterFlag(), "lowerdir=0:1"},
		"this":      {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			dir, image := publicTempDir(t), newImage(t)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			s := (&faultSupervisor{pretend: tt.pretend}).start(t, ctx, filepath.Join(dir, "state"), image, cgroupParent,
				"run on layers", itoa(1<<20), "1")
			if err := s.host.Wait(); err != nil {
				t.Fatalf("%v: %s", err, s.host.Stderr)
			}
			out := s.host.Stdout.(*bytes.Buffer).String()
			if !strings.Contains(out, " / / rw,relatime - overlay overlay rw,"+tt.want) || !strings.Contains(out, "0:644\n0:755\n") {
				t.Errorf("it said %q", out)
			}
		})
	}
}

// unknownAfterFlag answers as a kernel that does not know lowerdir+: the parameter that comes
// after the one without a value.
func unknownAfterFlag() func(n *seccompNotif) *seccompResponse {
	flags, refused := make(map[uint32]bool), make(map[uint32]bool) // by pid
	return func(n *seccompNotif) *seccompResponse {
		switch {
		case n.number != unix.SYS_FSCONFIG || refused[n.pid]:
		case n.args[1] == unix.FSCONFIG_SET_FLAG:
			flags[n.pid] = true
		case flags[n.pid] && n.args[1] == unix.FSCONFIG_SET_STRING:
			refused[n.pid] = true
			return &seccompResponse{errno: -int32(unix.EINVAL)}
		}
		return nil
	}
}

// A program without privileges makes roots of layers, too, and gets ids of a pool that it was
// granted. To map the ids of a disk it would need privileges.
func TestRootlessOverlayRoot(t *testing.T) {
	needsOverlay(t)
	for name, tt := range map[string]struct {
		args []string
		want string
		fail bool
	}{
		"own id": {[]string{"layers", "program", rootLine + " | cut -d, -f1; echo new >/new && cat /new; rm -r /tmp && mkdir /tmp && ls -A /tmp"}, "overlay rw\nnew\n", false},
		"a pool": {[]string{"layers", "pool", "program", "awk '{print $1, $3}' /proc/self/uid_map; stat -c %u /bin; echo >/new && stat -c %u /new"}, "0 500\n65534\n0\n", false},
		"mapped": {[]string{"layers", "mapped"}, "map ids of mount", true},
	} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			host := rootlessHost(t, tt.args...)
			if slices.Contains(tt.args, "pool") {
				host = withSubIDs(t, host)
			}
			out, err := host.CombinedOutput()
			if tt.fail != (err != nil) || !strings.Contains(string(out), tt.want) || !tt.fail && string(out) != tt.want {
				t.Errorf("output %q, error %v; want %q", out, err, tt.want)
			}
		})
	}
}

// In a user namespace that is joined the ids are mapped as that one's are.
func TestRootIDMappingOfAJoinedNamespace(t *testing.T) {
	image := newImage(t)
	first := overlayConfig(t, image)
	withUserNS(t, first, 100000)
	first.RootIDMapping = configs.IDMapMount
	container := newContainer(t, first)
	_, release := startTalking(t, container, "cat >/dev/null")
	state, err := container.State()
	if err != nil {
		t.Fatal(err)
	}
	config := overlayConfig(t, image)
	config.Cgroups.Name += "-second"
	config.Namespaces.Add(configs.NEWUSER, state.NamespacePaths[configs.NEWUSER])
	config.RootIDMapping = configs.IDMapMount
	upper := onDisk(t, config, 0)
	if got := runShell(t, config, "stat -c %u /bin; touch /made; stat -c %u /made"); got != "0\n0" {
		t.Errorf("got %q", got)
	}
	wantOwner(t, filepath.Join(upper, "made"), 0, 0)
	release()
}

// Criu could not be given such a root again: a checkpoint says so, and the container goes on.
func TestCheckpointOfRoots(t *testing.T) {
	for name, tt := range map[string]struct {
		config func(t *testing.T) *configs.Config
		text   string
	}{
		"overlay": {func(t *testing.T) *configs.Config { return overlayConfig(t, newImage(t)) }, "(Overlay)"},
		"mapped ids": {func(t *testing.T) *configs.Config {
			config := newConfig(t)
			withUserNS(t, config, 100000)
			config.RootIDMapping = configs.IDMapMount
			return config
		}, "(RootIDMapping)"},
	} {
		t.Run(name, func(t *testing.T) {
			c := startCounting(t, tt.config(t))
			opts := &libcontainer.CriuOpts{ImagesDirectory: filepath.Join(publicTempDir(t), "images")}
			err := c.Checkpoint(opts)
			checkError(t, err, libcontainer.SystemError, tt.text)
			if !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("error %q is not ErrUnsupported", err)
			}
			c.goesOn(t)
			onlyLogs(t, opts.ImagesDirectory)
			if err := c.Signal(unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			_, _ = c.process.Wait()
			err = c.Restore(new(libcontainer.Process), opts)
			checkError(t, err, libcontainer.SystemError, tt.text)
			if !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("error %q is not ErrUnsupported", err)
			}
		})
	}
}
