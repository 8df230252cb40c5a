//world:any

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// takesLayersOneByOne tells whether the kernel has the overlay's parameter lowerdir+
// (Linux 6.5).
func takesLayersOneByOne(t *testing.T) bool {
	t.Helper()
	fs, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		t.Skipf("this kernel has no overlay file system: %v", err)
	}
	defer unix.Close(fs)
	return unix.FsconfigSetString(fs, "lowerdir+", t.TempDir()) == nil
}

// layersOf makes n directories with a file each, and names so long that the overlay's
// options have about that many bytes.
func layersOf(t *testing.T, n, bytes int) (layers []string) {
	t.Helper()
	dir := publicTempDir(t)
	for i := range n {
		name := fmt.Sprintf("%d-", i)
		name += strings.Repeat("x", min(250, max(0, bytes/n-len(dir)-len(name)-2)))
		write(t, "", dir, name, "file"+itoa(i))
		layers = append(layers, filepath.Join(dir, name))
	}
	return layers
}

func overlayOn(destination, data string) configs.Mount {
	return configs.Mount{Source: "overlay", Destination: destination, Device: "overlay", Data: data}
}

// Options that are longer than a page, which mount(2) cuts, are not cut: all layers are
// there, or the start says why not.
func TestOverlayWithLongOptions(t *testing.T) {
	oneByOne := takesLayersOneByOne(t)
	for _, tt := range []struct{ layers, bytes int }{{3, 400}, {20, 3900}, {20, 4060}, {30, 4200}, {60, 6000}, {120, 20000}} {
		t.Run(fmt.Sprintf("%d layers of %d bytes", tt.layers, tt.bytes), func(t *testing.T) {
			config := newConfig(t)
			data := "lowerdir=" + strings.Join(layersOf(t, tt.layers, tt.bytes), ":")
			addMount(config, overlayOn("/mnt", data))
			container := newContainer(t, config)
			p, out := shell("ls /mnt | wc -l; ls /mnt | grep -c -E '^file[0-9]+$'")
			if err := container.Start(p); err != nil {
				if oneByOne || len(data) < 4000 {
					t.Fatalf("start: %v", err)
				}
				if !strings.Contains(err.Error(), "/mnt") || !strings.Contains(err.Error(), "long") {
					t.Errorf("error %q does not say that the options of /mnt are too long", err)
				}
				return
			}
			if _, err := p.Wait(); err != nil {
				t.Fatal(err, out.stderr.String())
			}
			wantOutput(t, out.stdout.String(), fmt.Sprintf("%d\n%[1]d\n", tt.layers))
		})
	}
}

// With a writable layer on top, and what a name may hold that separates options
// elsewhere, written as mount(2) takes it.
func TestOverlayWithCommasInNames(t *testing.T) {
	takesLayersOneByOne(t)
	dir := publicTempDir(t)
	for name, tt := range map[string]struct{ layer, upper string }{
		"commas":      {`a,b,c`, `u,v`},
		"colons":      {`a:b`, "upper"},
		"backslash":   {`a\b`, "upper"},
		"all of them": {`a,b:c\,d`, `u,v`},
		"equals sign": {`a=b,upperdir=x`, "upper=1"},
		"long":        {strings.Repeat("y", 200) + "," + strings.Repeat("z", 40), strings.Repeat("u", 150)},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			top := mkdir(t, dir, strings.ReplaceAll(name, " ", "-"))
			write(t, "of the layer", top, tt.layer, "file")
			mkdir(t, top, "plain")
			escape := strings.NewReplacer(`\`, `\\`, ",", `\,`)
			lower := strings.NewReplacer(`\`, `\\`, ",", `\,`, ":", `\:`)
			addMount(config, overlayOn("/mnt", fmt.Sprintf("lowerdir=%s:%s,upperdir=%s,workdir=%s",
				lower.Replace(filepath.Join(top, tt.layer)), filepath.Join(top, "plain"),
				escape.Replace(mkdir(t, top, tt.upper)), mkdir(t, top, "work"))))
			wantOutput(t, runShell(t, config, "cat /mnt/file; echo new >/mnt/new"), "of the layer")
			if data, err := os.ReadFile(filepath.Join(top, tt.upper, "new")); err != nil || string(data) != "new\n" {
				t.Errorf("the upper layer has %q, %v", data, err)
			}
		})
	}
}

// An option whose value has commas of its own, by the rules of its file system.
func TestMemoryPolicyOfATmpfs(t *testing.T) {
	const data = "mpol=bind:0,0,size=1m,mode=700"
	dir := publicTempDir(t)
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, data); err != nil {
		t.Skipf("this kernel's tmpfs has no memory policy: %v", err)
	}
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	config := newConfig(t)
	m := tmpfsOn("/mnt")
	m.Data = data
	addMount(config, m)
	wantOptions(t, runShell(t, config, mountLine("/mnt")), "mpol=bind:0", "size=1024k", "mode=700")
}
