package integration

// These run with the kernels of all worlds: older ones take an overlay's layers in another way.

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOverlayRoot(t *testing.T) {
	image, top := newImage(t), publicTempDir(t)
	write(t, "of the top", top, "etc", "layered")
	write(t, "of the top", top, "tmp", "removed")
	unchanged(t, top)
	for _, memory := range []bool{true, false} {
		t.Run(map[bool]string{true: "memory", false: "disk"}[memory], func(t *testing.T) {
			config := overlayConfig(t, top, image)
			upper := ""
			if !memory {
				upper = onDisk(t, config, 0)
			}
			got := runShell(t, config, rootLine+"; cat /etc/layered; echo; rm /tmp/removed /bin/vi; ls /bin/vi 2>&1; ls /tmp; "+
				"rm -r /etc; mkdir /etc; ls /etc; echo new >/etc/new; cat /etc/new; grep -c '^' /proc/self/mountinfo | grep -q '^[0-9]'; "+
				"grep -c "+image+" /proc/self/mountinfo; stat -c '%a %u:%g' /")
			lines := strings.Split(got, "\n")
			if !strings.HasPrefix(lines[0], "overlay rw,") {
				t.Errorf("the root is %q", lines[0])
			}
			want := []string{"of the top", "ls: /bin/vi: No such file or directory", "new", "0", "755 0:0"}
			if !slices.Equal(lines[1:], want) {
				t.Errorf("inside %q, want %q", lines[1:], want)
			}
			if memory {
				return
			}
			data, err := os.ReadFile(filepath.Join(upper, "etc/new"))
			if err != nil || string(data) != "new\n" {
				t.Errorf("the upper layer has %q, %v", data, err)
			}
			var st unix.Stat_t
			if err := unix.Lstat(filepath.Join(upper, "tmp/removed"), &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != 0 {
				t.Errorf("what was removed is no whiteout: mode %#o, device %d, error %v", st.Mode, st.Rdev, err)
			}
			// A later container goes on with it.
			if got := runShell(t, config, "cat /etc/new; ls /tmp | wc -l"); got != "new\n0" {
				t.Errorf("the next container sees %q", got)
			}
		})
	}
}

// As many layers as the kernel takes, and names with what separates options elsewhere.
func TestOverlayRootLayers(t *testing.T) {
	const count = 499
	dir := publicTempDir(t)
	var layers []string
	for i := range count {
		name := filepath.Join(dir, `a,b:c\d "`+strings.Repeat("x", 200)+itoa(i))
		write(t, itoa(i), name, "layers", itoa(i))
		write(t, itoa(i), name, "top")
		layers = append(layers, name)
	}
	config := overlayConfig(t, append(layers, newImage(t))...)
	upper := onDisk(t, config, 0)
	strange := filepath.Join(filepath.Dir(upper), `u,v:w\x=y`)
	if err := os.Rename(upper, strange); err != nil {
		t.Fatal(err)
	}
	config.Overlay.Upper = strange
	if got := runShell(t, config, "ls /layers | wc -l; cat /top; cat /layers/"+itoa(count-1)+"; echo >/new"); got != itoa(count)+"\n0"+itoa(count-1) {
		t.Errorf("got %q", got)
	}
	if _, err := os.Stat(filepath.Join(strange, "new")); err != nil {
		t.Error(err)
	}
}
