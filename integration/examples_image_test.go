//world:any

package integration

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// imageExample gives a store that is not there yet, and a command of the example with it.
func imageExample(t *testing.T, args ...string) (cmd *exec.Cmd, store string) {
	t.Helper()
	needsOverlay(t)
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
read in out size </proc/self/uid_map; [ $out -ge 1048576 ] && echo $in $size`

var geteuid = itoa(unix.SYS_GETEUID)

const seenInside = `. .. again busybox calls file hard opaque replaced soft sticky 
again: . .. new  opaque: . .. new 
newtexttexttext
. 0:0 755 1
replaced 1000:1001 600 1
opaque 2:3 750 2
sticky 0:0 1777 2
hard 0:0 644 2
calls 0:0 4755 1
0 0
0 0
CapPrm:	0000000000000000
CapPrm:	0000000000002000
0 65536`

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
			cmd, store := imageExample(t, file, "exit 7")
			var before []os.FileInfo
			for range 2 { // the second time nothing is unpacked
				wantFailure(t, exec.Command(cmd.Path, cmd.Args[1:]...), 7, "")
				var after []os.FileInfo
				for _, name := range wantWholeStore(t, store) {
					info, err := os.Stat(filepath.Join(store, "layers", name))
					if err != nil {
						t.Fatal(err)
					}
					after = append(after, info)
				}
				if len(after) != 4 || before != nil && !slices.EqualFunc(before, after, os.SameFile) {
					t.Errorf("the store has %d layers, want the same 4", len(after))
				}
				before = after
			}
		})
	}
	config["config"] = object{}
	wantOutput(t, runImage(t, l.finish(l.image(config, layers...)), "/bin/sh", "-c", inside), seenInside)
}

// Layers may be compressed otherwise, or not at all, and be of docker's types, in indexes too.
func TestImageExampleCompression(t *testing.T) {
	checkLeaks(t)
	const docker = "application/vnd.docker."
	l := newLayout(t)
	base, plain, zstd := baseLayer(t), layerOf(t, fileEntry("plain", 0o644, "1")), layerOf(t, fileEntry("zstd", 0o644, "2"))
	config := imageConfig(object{"Cmd": []string{"cat", "/plain", "/zstd"}}, base, plain, zstd, plain)
	image := l.manifest(config, l.blob(typeLayer, zstdOf(base)), l.blob("application/vnd.oci.image.layer.v1.tar", plain),
		l.blob("application/vnd.oci.image.layer.v1.tar+zstd", zstdOf(zstd)), l.blob(docker+"image.rootfs.diff.tar.gzip", gzipped(t, plain)))
	image["mediaType"] = docker + "distribution.manifest.v2+json"
	list := l.nested(image)
	list["mediaType"] = docker + "distribution.manifest.list.v2+json"
	wantOutput(t, runImage(t, l.finish(list)), "12")
}

// What the container changes is kept for the next one, which has other ids, and no other one sees it.
func TestImageExampleKeepsChanges(t *testing.T) {
	checkLeaks(t)
	l := newLayout(t)
	base := baseLayer(t)
	dir := l.finish(l.image(imageConfig(object{}, base), base))
	changes := filepath.Join(publicTempDir(t), "changes")
	runImage(t, "-changes", changes, dir, "sh", "-c", "rm /etc/group; mkdir /new; echo text >/new/file; chown 7:8 /new/file")
	const look = "ls /etc | grep group; cat /new/file; stat -c %u:%g /new/file"
	wantOutput(t, runImage(t, "-changes", changes, dir, "sh", "-c", look), "text\n7:8")
	wantOutput(t, runImage(t, dir, "sh", "-c", "ls / | grep new; ls /etc/group"), "/etc/group")
	if info, err := os.Stat(changes); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the changes are open to others: %v, error %v", info, err)
	}
}

func TestImageExampleChooses(t *testing.T) {
	checkLeaks(t)
	l := newLayout(t)
	base := baseLayer(t)
	image := func(arch, text string) object {
		config := imageConfig(object{"Cmd": []string{"echo", text}}, base)
		config["architecture"] = arch
		return l.image(config, base)
	}
	on := func(arch string, d object) object {
		d["platform"] = object{"os": "linux", "architecture": arch}
		return d
	}
	named := func(name string, d object) object {
		d["annotations"] = object{refName: name}
		return d
	}
	about := l.manifest(object{"os": "unknown", "architecture": "unknown"}, l.blob("application/vnd.in-toto+json", []byte("{}")))
	about["platform"] = object{"os": "unknown", "architecture": "unknown"}
	two := l.nested(on("amd64", image("amd64", "first")), on("arm64", image("arm64", "second")), about)
	dir := l.finish(named("1.0", two), named("2.0", image("amd64", "third")), named("latest", image("amd64", "third")))
	wantOutput(t, runImage(t, "-name", "1.0", dir), "first")
	wantOutput(t, runImage(t, "-platform", "linux/arm64", dir), "second")
	wantOutput(t, runImage(t, "-name", "2.0", dir), "third")
	wantOutput(t, runImage(t, "-name", "latest", dir), "third")
	saved := savedOf(t, "test:2", imageConfig(object{"Cmd": []string{"echo", "saved"}}, base), base)
	wantOutput(t, runImage(t, "-name", "test:2", saved), "saved")

	only := func(config object) string {
		l := newLayout(t)
		return l.finish(l.image(imageConfig(config, base), base))
	}
	for _, test := range []struct {
		args []string
		why  string
	}{
		{[]string{dir}, "2 images for linux/amd64"},
		{[]string{"-name", "3.0", dir}, `0 images for linux/amd64 with the name "3.0"`},
		{[]string{"-platform", "linux/riscv64", dir}, "0 images for linux/riscv64"},
		{[]string{"-platform", "linux/riscv64", "-name", "1.0", dir}, `"linux/arm64"`},
		{[]string{"-name", "test:3", saved}, `"test:2"`},
		{[]string{"-platform", "linux/arm64", saved}, `"linux/amd64"`},
		{[]string{"-platform", "a/b/c/d", dir}, "a/b/c/d"},
		{[]string{"/nosuch"}, "/nosuch"},
		{[]string{publicTempDir(t)}, "manifest.json"},
		{[]string{buildProgram(t, "calls")}, "invalid tar header"},
		{[]string{"-name", "2.0", dir, "nosuch"}, "nosuch"},
		{[]string{only(object{"StopSignal": "SIGNO"})}, "SIGNO"},
		{[]string{only(object{})}, "Args"},
		{[]string{only(object{"User": "nobodyatall"}), "true"}, "nobodyatall"},
	} {
		cmd, store := imageExample(t, test.args...)
		wantFailure(t, cmd, 1, test.why)
		wantWholeStore(t, store)
	}
	cmd, _ := imageExample(t)
	wantFailure(t, cmd, 2, "-platform")
}

// Several of them want the same image at the same time, and their containers run at the same time.
func TestImageExampleAtOnce(t *testing.T) {
	checkLeaks(t)
	config, layers := fullImage(t)
	l := newLayout(t)
	file := write(t, string(archiveOf(t, l.finish(l.image(config, layers...)))), publicTempDir(t), "image.tar")
	first, store := imageExample(t, file, "read in out size </proc/self/uid_map; echo $out; cat; cat /data/file")
	type running struct {
		*exec.Cmd
		in  io.Closer
		out *bufio.Scanner
	}
	var all []running
	for range 4 {
		cmd := exec.Command(first.Path, first.Args[1:]...)
		cmd.Stderr = os.Stderr
		in, inErr := cmd.StdinPipe()
		out, outErr := cmd.StdoutPipe()
		if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() }) // if the test failed half-way
		all = append(all, running{cmd, in, bufio.NewScanner(out)})
	}
	var ids []string
	for _, r := range all {
		if !r.out.Scan() || slices.Contains(ids, r.out.Text()) {
			t.Errorf("the container has the ids from %q on, the others those from %q", r.out.Text(), ids)
		}
		ids = append(ids, r.out.Text())
	}
	for _, r := range all {
		r.in.Close()
		wantLine(t, r.out, "text")
		if err := r.Wait(); err != nil {
			t.Error(err)
		}
	}
	if layers := wantWholeStore(t, store); len(layers) != 4 {
		t.Errorf("the store has %d layers, want 4: %q", len(layers), layers)
	}
}

// What a killed one has unpacked half is unpacked again.
func TestImageExampleKilled(t *testing.T) {
	checkLeaks(t)
	config, layers := fullImage(t)
	layers = append(layers, layerOf(t, fileEntry("big", 0o644, strings.Repeat("0123456789abcdef", 4<<20))))
	config["rootfs"] = imageConfig(object{}, layers...)["rootfs"]
	l := newLayout(t)
	cmd, store := imageExample(t, l.finish(l.image(config, layers...)), "tail -c 8 /big")
	again := exec.Command(cmd.Path, cmd.Args[1:]...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; runtime.Gosched() {
		if _, err := os.Stat(filepath.Join(store, "layers/unpacking/big")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing is unpacked")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("it was not killed")
	}
	left, err := os.ReadDir(filepath.Join(store, "layers"))
	if err != nil || len(left) != 1 || left[0].Name() != "unpacking" {
		t.Fatalf("a killed one has left %v, error %v", left, err)
	}
	out, err := again.CombinedOutput()
	if err != nil {
		t.Error(err)
	}
	wantOutput(t, string(out), "89abcdef")
	wantWholeStore(t, store)
}

func TestImageExampleOnTerminal(t *testing.T) {
	checkLeaks(t)
	config, layers := fullImage(t)
	l := newLayout(t)
	cmd, _ := imageExample(t, l.finish(l.image(config, layers...)), "test ! -t 0 && test ! -t 1 && echo done")
	term := startOnTerminal(t, cmd)
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // if the test failed half-way
	var lines strings.Builder
	for term.Scan() {
		lines.WriteString(term.Text() + "\n")
	}
	said := lines.String()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"\runpack  ", "% |", "done"} {
		if !strings.Contains(said, text) {
			t.Errorf("on a terminal there is no %q: %q", text, said)
		}
	}
}

// A signal reaches the program as the one that its image wants.
func TestImageExampleStops(t *testing.T) {
	checkLeaks(t)
	l := newLayout(t)
	base := baseLayer(t)
	config := imageConfig(object{"StopSignal": "SIGRTMIN+3", "Cmd": []string{"sh", "-c", "trap 'exit 9' 37; echo ready; while :; do sleep 1; done"}}, base)
	cmd, store := imageExample(t, l.finish(l.image(config, base)))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // if the test failed half-way
	wantLine(t, bufio.NewScanner(out), "ready")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 9 {
		t.Errorf("error %v, want exit status 9", err)
	}
	wantWholeStore(t, store)
}
