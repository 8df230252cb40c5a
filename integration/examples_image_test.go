package integration

import (
	"archive/tar"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// imageExample gives a store that is not there yet, and a command of the example with it.
func imageExample(t *testing.T, args ...string) (cmd *exec.Cmd, store string) {
	t.Helper()
	store = filepath.Join(publicTempDir(t), "store")
	return exec.Command(buildProgram(t, "image"), append([]string{"-store", store, "-platform", "linux/amd64"}, args...)...), store
}

// runImage runs the example until it has ended, which is to be with success, and gives the output.
func runImage(t *testing.T, args ...string) string {
	t.Helper()
	cmd, store := imageExample(t, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Errorf("%q: error %v, it says %q", args, err, &stderr)
	}
	wantWholeStore(t, store)
	return strings.TrimSuffix(string(out), "\n")
}

// wantWholeStore checks that nothing half-made is in a store, nor a container, and gives its layers.
func wantWholeStore(t *testing.T, store string) (layers []string) {
	t.Helper()
	for _, dir := range []string{"layers", "containers"} {
		entries, err := os.ReadDir(filepath.Join(store, dir))
		if err != nil && !os.IsNotExist(err) {
			t.Error(err)
		}
		for _, e := range entries {
			if dir == "layers" && strings.HasPrefix(e.Name(), "sha256-") {
				layers = append(layers, e.Name())
			} else {
				t.Errorf("there is %s/%s left", dir, e.Name())
			}
		}
	}
	return layers
}

// baseLayer is busybox.
func baseLayer(t *testing.T) []byte {
	t.Helper()
	return archiveOf(t, baseRootfs)
}

// fileCapability is the extended attribute of a program that gets CAP_NET_RAW, see capabilities(7).
const fileCapability = "\x01\x00\x00\x02" + "\x00\x20\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"

// fullImage is an image in whose layers there is about all that layers can have.
func fullImage(t *testing.T) (config object, layers [][]byte) {
	t.Helper()
	read := func(name string) string {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	busybox, calls := read(filepath.Join(baseRootfs, "bin/busybox")), read(buildProgram(t, "calls"))
	layers = [][]byte{baseLayer(t), layerOf(t,
		dirEntry("data/", 0o755),
		fileEntry("data/deleted", 0o644, "x"),
		fileEntry("data/replaced", 0o644, "old"),
		dirEntry("data/opaque/", 0o755),
		fileEntry("data/opaque/old", 0o644, "x"),
		dirEntry("data/gone/", 0o755),
		fileEntry("data/gone/old", 0o644, "x"),
		dirEntry("data/again/", 0o755),
		fileEntry("data/again/old", 0o644, "x"),
	), layerOf(t), // which only the layers above say what becomes of
		layerOf(t,
			dirEntry("data/", 0o755),
			fileEntry("data/.wh.deleted", 0o644, ""),
			fileEntry("data/replaced", 0o600, "new").ownedBy(1000, 1001),
			dirEntry("data/opaque/", 0o750).ownedBy(2, 3),
			fileEntry("data/opaque/.wh..wh..opq", 0o644, ""),
			fileEntry("data/opaque/new", 0o644, "x"),
			fileEntry("data/.wh.gone", 0o644, ""),
			fileEntry("data/.wh.again", 0o644, ""),
			fileEntry("data/again/new", 0o644, "x"),
			dirEntry("data/sticky/", 0o1777),
			fileEntry("data/file", 0o644, "text").withXattr("user.test", "value"),
			linkEntry(tar.TypeLink, "data/hard", "data/file"),
			linkEntry(tar.TypeSymlink, "data/soft", "/data/file"),
			fileEntry("data/calls", 0o4755, calls),
			fileEntry("data/busybox", 0o755, busybox).withXattr("security.capability", fileCapability),
		), layerOf(t)}
	return imageConfig(object{
		"Env":        []string{"GREETING=hello", "PATH=/bin:/usr/bin"},
		"Entrypoint": []string{"/bin/sh", "-c"},
		"Cmd":        []string{`echo "$GREETING $(id -un) $(pwd) $HOME"`},
		"User":       "daemon",
		"WorkingDir": "/work/here",
	}, layers...), layers
}

// inside tells what of fullImage is to be seen in a container.
var inside = `cd /data; ls -a | tr "\n" " "; echo; ls -a opaque again | tr "\n" " "; echo
cat replaced file hard soft; echo
stat -c "%n %u:%g %a %h" . replaced opaque sticky hard calls
find / -xdev -name ".wh.*"
./calls call ` + geteuid + `; su daemon -c "/data/calls call ` + geteuid + `"
su daemon -c "grep CapPrm /proc/self/status; /data/busybox grep -E CapPrm /proc/self/status"
head -1 /proc/self/uid_map | tr -s " "`

var geteuid = itoa(unix.SYS_GETEUID)

const seenInside = `. .. again busybox calls file hard opaque replaced soft sticky 
again: . .. new  opaque: . .. new 
newtexttexttext
. 0:0 755 5
replaced 1000:1001 600 1
opaque 2:3 750 2
sticky 0:0 1777 2
hard 0:0 644 2
calls 0:0 4755 1
0 0
0 0
CapPrm:	0000000000000000
CapPrm:	0000000000002000
 0 1048576 65536`

func TestImageExample(t *testing.T) {
	checkLeaks(t)
	config, layers := fullImage(t)
	l := newLayout(t)
	dir := l.finish(l.image(config, layers...))
	archive := write(t, string(archiveOf(t, dir)), publicTempDir(t), "image.tar")
	saved := savedOf(t, "test:latest", config, layers...)
	for name, file := range map[string]string{"layout": dir, "archive": archive, "docker save": saved} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			wantOutput(t, runImage(t, file), "hello daemon /work/here /usr/sbin")
			cmd, store := imageExample(t, file, "exec sh -c 'exit 7'")
			for range 2 { // the second time nothing is unpacked
				wantFailure(t, exec.Command(cmd.Path, cmd.Args[1:]...), 7, "")
				if layers := wantWholeStore(t, store); len(layers) != 4 {
					t.Errorf("the store has %d layers, want 4: %q", len(layers), layers)
				}
				if err := os.Rename(file, file+"-"); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(file+"-", file); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	config["config"] = object{}
	wantOutput(t, runImage(t, l.finish(l.image(config, layers...)), "/bin/sh", "-c", inside), seenInside)
}
