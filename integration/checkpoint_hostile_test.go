//world:one

package integration

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/criurpc"
	"github.com/libcontainer/libcontainer/internal/criuimage"
)

// checkpointed makes images of a container that counts, and another container of the same
// configuration, which somebody may try to restore from them.
func checkpointed(t *testing.T, config *configs.Config, opts *libcontainer.CriuOpts) (c *counting, victim libcontainer.LinuxContainer) {
	t.Helper()
	c = startCounting(t, config)
	if opts.ImagesDirectory == "" {
		opts.ImagesDirectory = filepath.Join(publicTempDir(t), "images")
	}
	if err := c.Checkpoint(opts); err != nil {
		t.Fatal(err)
	}
	return c, sameContainer(t, c.factory, config, "victim")
}

func sameContainer(t *testing.T, factory *libcontainer.LinuxFactory, config *configs.Config, id string) libcontainer.LinuxContainer {
	t.Helper()
	other := *config
	cgroup := *config.Cgroups
	cgroup.Name += "-" + id
	other.Cgroups = &cgroup
	victim, err := factory.Create(id, &other)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := victim.Destroy(); err != nil {
			t.Errorf("destroy: %v", err)
		}
	})
	return linux(victim)
}

// refused tries to restore a container, and checks that nothing is left of it, nor has run. It
// returns the stages that criu has reached.
func refused(t *testing.T, c libcontainer.LinuxContainer, opts libcontainer.CriuOpts, texts ...string) (stages []string, err error) {
	t.Helper()
	before := takeSnapshot(t)
	out := new(bytes.Buffer)
	opts.Progress = func(p libcontainer.CriuProgress) { stages = append(stages, p.Stage) }
	err = c.RestoreContext(context.Background(), &libcontainer.Process{Stdout: out}, &opts)
	if err == nil {
		t.Error("it was restored")
		return stages, nil
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
	if out.Len() > 0 {
		t.Errorf("a process has run and written %q", out)
	}
	nothingLeft(t, c, before)
	wantStatus(t, c, libcontainer.Created)
	return stages, err
}

// nothingLeft checks what a failed restore may leave.
func nothingLeft(t *testing.T, c libcontainer.LinuxContainer, before snapshot) {
	t.Helper()
	if pids, err := c.Processes(); err != nil || len(pids) > 0 {
		t.Errorf("processes are left: %v, error %v", pids, err)
	}
	for what, left := range map[string][]string{
		"children":    added(before.children, children(t)),
		"descriptors": added(before.fds, openFds(t)),
		"mounts":      added(before.mounts, lines(t, "/proc/self/mountinfo")),
		"cgroups":     added(before.cgroups, ownCgroups(t)),
	} {
		if len(left) > 0 {
			t.Errorf("%s are left: %v", what, left)
		}
	}
}

// copyImages copies a folder, for one to spoil.
func copyImages(t *testing.T, images string) string {
	t.Helper()
	to := filepath.Join(publicTempDir(t), "images")
	if out, err := exec.Command("cp", "-a", images, to).CombinedOutput(); err != nil {
		t.Fatalf("copy images: %v: %s", err, out)
	}
	return to
}

// What is not as it was written, or may have been written by others, is refused before there
// is a process.
func TestRestoreOfUntrustedImages(t *testing.T) {
	opts := new(libcontainer.CriuOpts)
	c, victim := checkpointed(t, newConfig(t), opts)
	other := copyImages(t, opts.ImagesDirectory)
	for name, tt := range map[string]struct {
		spoil func(dir string) error
		texts []string
	}{
		"fifo": {func(dir string) error {
			name := filepath.Join(dir, "core-1.img")
			return errors.Join(os.Remove(name), unix.Mkfifo(name, 0o600))
		}, []string{"core-1.img", "fifo"}},
		"link": {func(dir string) error {
			name := filepath.Join(dir, "core-1.img")
			return errors.Join(os.Remove(name), os.Symlink(filepath.Join(other, "core-1.img"), name))
		}, []string{"core-1.img", "symbolic link"}},
		"hard link": {func(dir string) error {
			return os.Link(filepath.Join(dir, "core-1.img"), filepath.Join(filepath.Dir(dir), "core-1.img"))
		}, []string{"core-1.img", "2 names"}},
		"directory": {func(dir string) error { return os.Mkdir(filepath.Join(dir, "images"), 0o700) }, []string{"directory"}},
		"truncated": {func(dir string) error { return os.Truncate(filepath.Join(dir, "pages-1.img"), 4096) },
			[]string{"pages-1.img has 4096 bytes"}},
		"changed": {func(dir string) error {
			f, err := os.OpenFile(filepath.Join(dir, "pages-1.img"), os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte("changed"), 4096)
			return errors.Join(err, f.Close())
		}, []string{"pages-1.img has been changed"}},
		"exchanged": {func(dir string) error {
			return os.Rename(filepath.Join(dir, "fs-1.img"), filepath.Join(dir, "mm-1.img"))
		}, []string{"the images are not to be trusted"}},
		"missing":   {func(dir string) error { return os.Remove(filepath.Join(dir, "inventory.img")) }, []string{"inventory.img is missing"}},
		"more":      {func(dir string) error { return os.WriteFile(filepath.Join(dir, "core-7.img"), nil, 0o600) }, []string{"core-7.img is not in"}},
		"no longer": {func(dir string) error { return os.Remove(filepath.Join(dir, "manifest.json")) }, []string{"has no manifest.json"}},
		"folder writable": {func(dir string) error { return os.Chmod(dir, 0o770) },
			[]string{"mode 0770", "others than its owner may write it"}},
		"file writable": {func(dir string) error { return os.Chmod(filepath.Join(dir, "mm-1.img"), 0o666) },
			[]string{"mm-1.img has mode 0666"}},
		"folder of another user": {func(dir string) error { return os.Chown(dir, 1, 1) }, []string{"belongs to user 1"}},
		"file of another user": {func(dir string) error { return os.Chown(filepath.Join(dir, "mm-1.img"), 1, 1) },
			[]string{"mm-1.img belongs to user 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			dir := copyImages(t, opts.ImagesDirectory)
			if err := tt.spoil(dir); err != nil {
				t.Fatal(err)
			}
			stages, err := refused(t, victim, libcontainer.CriuOpts{ImagesDirectory: dir}, tt.texts...)
			if !errors.Is(err, criuimage.ErrUntrusted) || len(stages) > 0 {
				t.Errorf("criu has reached %v, error %v", stages, err)
			}
		})
	}
	t.Run("work directory of everybody's", func(t *testing.T) {
		work := t.TempDir()
		if err := os.Chmod(work, 0o777); err != nil {
			t.Fatal(err)
		}
		refused(t, victim, libcontainer.CriuOpts{ImagesDirectory: opts.ImagesDirectory, WorkDirectory: work}, "work directory")
	})
	// One of another configuration is told what is different.
	config := *newConfig(t)
	config.Hostname = "another"
	config.NoNewPrivileges = !config.NoNewPrivileges
	different := sameContainer(t, c.factory, &config, "different")
	stages, err := refused(t, different, libcontainer.CriuOpts{ImagesDirectory: opts.ImagesDirectory}, "hostname, no_new_privileges")
	if !errors.Is(err, libcontainer.ConfigInvalid) || len(stages) > 0 {
		t.Errorf("criu has reached %v, error %v", stages, err)
	}
}

// Images that were written with a key are restored with it only.
func TestRestoreWithKey(t *testing.T) {
	opts := &libcontainer.CriuOpts{Key: []byte("secret")}
	c, victim := checkpointed(t, newConfig(t), opts)
	for key, text := range map[string]string{"": "none is given", "public": "not written with this key"} {
		stages, _ := refused(t, victim, libcontainer.CriuOpts{ImagesDirectory: opts.ImagesDirectory, Key: []byte(key)}, text)
		if len(stages) > 0 {
			t.Errorf("criu has reached %v", stages)
		}
	}
	c.restore(t, opts)
}

// restore restores the container, and checks that it goes on.
func (c *counting) restore(t *testing.T, opts *libcontainer.CriuOpts) {
	t.Helper()
	q := new(libcontainer.Process)
	n := newNumbers(t, q)
	if err := c.Restore(q, opts); err != nil {
		t.Fatal(err)
	}
	c.numbers = n
	n.next()
	c.goesOn(t)
}

// images are those of somebody who can write the manifest, too.
type forged struct {
	t        *testing.T
	dir      string
	manifest *criuimage.Manifest
}

func forge(t *testing.T, images string) *forged {
	t.Helper()
	f := &forged{t: t, dir: copyImages(t, images)}
	folder, err := criuimage.Open(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if f.manifest, err = folder.Verify(nil); err != nil {
		t.Fatal(err)
	}
	return f
}

// seal writes the manifest.
func (f *forged) seal() {
	f.t.Helper()
	if err := os.Remove(filepath.Join(f.dir, criuimage.ManifestName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		f.t.Fatal(err)
	}
	folder, err := criuimage.Open(f.dir)
	if err != nil {
		f.t.Fatal(err)
	}
	defer folder.Close()
	if err := folder.Write(f.manifest, nil); err != nil {
		f.t.Fatal(err)
	}
}

// edit changes each message of the images of such names; one that becomes nil is left out.
func (f *forged) edit(pattern string, magics int, edit func(message []byte) []byte) {
	f.t.Helper()
	names, err := filepath.Glob(filepath.Join(f.dir, pattern))
	if err != nil || len(names) == 0 {
		f.t.Fatalf("images %s: %v, error %v", pattern, names, err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.t.Fatal(err)
		}
		out := slices.Clone(data[:4*magics])
		for data = data[4*magics:]; len(data) > 0; {
			size := binary.LittleEndian.Uint32(data)
			if m := edit(data[4 : 4+size]); m != nil {
				out = append(binary.LittleEndian.AppendUint32(out, uint32(len(m))), m...)
			}
			data = data[4+size:]
		}
		if err := os.WriteFile(name, out, 0o600); err != nil {
			f.t.Fatal(err)
		}
	}
}

// eachField calls a function for each field of a message, and collects what it returns
// instead.
func eachField(message []byte, edit func(field protowire.Number, raw []byte) []byte) (out []byte) {
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		n += protowire.ConsumeFieldValue(field, kind, message[n:])
		out = append(out, edit(field, message[:n])...)
		message = message[n:]
	}
	return out
}

// within edits a message in a field of a message.
func within(message []byte, field protowire.Number, edit func([]byte) []byte) []byte {
	return eachField(message, func(got protowire.Number, raw []byte) []byte {
		if got != field {
			return raw
		}
		_, _, n := protowire.ConsumeTag(raw)
		inner, _ := protowire.ConsumeBytes(raw[n:])
		return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), edit(inner))
	})
}

// setNumbers gives a field these numbers, and no others.
func setNumbers(message []byte, field protowire.Number, numbers ...uint64) []byte {
	out := eachField(message, func(got protowire.Number, raw []byte) []byte {
		if got == field {
			return nil
		}
		return raw
	})
	for _, number := range numbers {
		out = protowire.AppendVarint(protowire.AppendTag(out, field, protowire.VarintType), number)
	}
	return out
}

// The fields of images: criu-core.proto, creds.proto, mnt.proto, inventory.proto, pstree.proto of the
// module go-criu.
const (
	coreTask, coreThread           = 3, 5
	taskOldSeccompMode             = 11
	threadCreds, threadSeccompMode = 10, 11
	threadSeccompFilter            = 12
	credsInh, credsPrm, credsEff   = 9, 10, 11
	credsBnd, credsNoNewPrivs      = 12, 18
	mountFlagsField                = 5
	inventoryRootIDs               = 3
	pstreePid, pstreeThreads       = 1, 5
	pstreePgid, pstreeSid          = 3, 4
)

// Whoever can write the manifest, too, still makes no process that is more than the container's.
func TestRestoreOfForgedImages(t *testing.T) {
	opts := new(libcontainer.CriuOpts)
	config := newConfig(t)
	c, victim := checkpointed(t, config, opts)
	thread := func(edit func([]byte) []byte) func(*forged) {
		return func(f *forged) {
			f.edit("core-*.img", 2, func(m []byte) []byte { return within(m, coreThread, edit) })
		}
	}
	creds := func(edit func([]byte) []byte) func(*forged) {
		return thread(func(m []byte) []byte { return within(m, threadCreds, edit) })
	}
	const all = 1<<32 - 1
	own := ownBound(t)
	for name, tt := range map[string]struct {
		spoil func(f *forged)
		texts []string
	}{
		"all capabilities": {creds(func(m []byte) []byte {
			for _, field := range []protowire.Number{credsInh, credsPrm, credsEff, credsBnd} {
				m = setNumbers(m, field, own&all, own>>32)
			}
			return m
		}), []string{"not the container", "capabilities that the container has not", "CAP_SYS_ADMIN"}},
		"bounding set": {creds(func(m []byte) []byte { return setNumbers(m, credsBnd, own&all, own>>32) }),
			[]string{"not the container", "CapBnd"}},
		// Criu waits for ever then, for a process that cannot end before criu has reaped another.
		"capabilities that nobody has": {creds(func(m []byte) []byte { return setNumbers(m, credsInh, all, all) }), nil},
		"no_new_privs": {creds(func(m []byte) []byte { return setNumbers(m, credsNoNewPrivs, 0) }),
			[]string{"not the container", "no_new_privs"}},
		"no filter": {func(f *forged) {
			f.edit("core-*.img", 2, func(m []byte) []byte {
				m = within(m, coreThread, func(m []byte) []byte {
					return setNumbers(setNumbers(m, threadSeccompMode, 0), threadSeccompFilter)
				})
				return within(m, coreTask, func(m []byte) []byte { return setNumbers(m, taskOldSeccompMode) })
			})
		}, []string{"not the container", "seccomp"}},
		"a mask is missing": {func(f *forged) {
			f.edit("mountpoints-*.img", 2, func(m []byte) []byte {
				if bytes.Contains(m, []byte("/proc/keys")) {
					return nil
				}
				return m
			})
		}, []string{"/proc/keys", "missing"}},
		"in the host's network":   {func(f *forged) { f.hostIDs(6) }, []string{"host's net namespace"}},
		"in the host's mounts":    {func(f *forged) { f.hostIDs(9) }, []string{"host's mnt namespace"}},
		"in the host's processes": {func(f *forged) { f.hostIDs(5) }, []string{"host's pid namespace"}},
	} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			f := forge(t, opts.ImagesDirectory)
			tt.spoil(f)
			f.seal()
			refused(t, victim, libcontainer.CriuOpts{ImagesDirectory: f.dir}, tt.texts...)
		})
	}
	t.Run("mounts without flags", func(t *testing.T) {
		checkLeaks(t)
		f := forge(t, opts.ImagesDirectory)
		f.edit("mountpoints-*.img", 2, func(m []byte) []byte { return setNumbers(m, mountFlagsField, 0) })
		f.seal()
		victim := sameContainer(t, c.factory, config, "flags")
		q, read := new(libcontainer.Process), (*numbers)(nil)
		read = newNumbers(t, q)
		err := victim.Restore(q, &libcontainer.CriuOpts{ImagesDirectory: f.dir})
		if err != nil {
			// Where another mount lies on one it cannot be mended.
			if !strings.Contains(err.Error(), "not the container") {
				t.Errorf("error %v", err)
			}
			return
		}
		read.next()
		state, err := victim.State()
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines(t, fmt.Sprintf("/proc/%d/mountinfo", state.InitProcessPid)) {
			if fields := strings.Fields(line); fields[4] == "/proc/sys" && !strings.HasPrefix(fields[5], "ro,") {
				t.Errorf("a read-only path is writable: %s", line)
			}
		}
		if err := victim.Destroy(); err != nil {
			t.Error(err)
		}
	})
}

// ownBound is the bounding set of this program.
func ownBound(t *testing.T) uint64 {
	t.Helper()
	for _, line := range lines(t, "/proc/self/status") {
		if set, ok := strings.CutPrefix(line, "CapBnd:\t"); ok {
			bound, err := strconv.ParseUint(set, 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			return bound
		}
	}
	t.Fatal("there is no bounding set")
	return 0
}

// hostIDs gives the processes the host's namespace of a type.
func (f *forged) hostIDs(field protowire.Number) {
	f.t.Helper()
	var host uint64
	f.edit("inventory.img", 1, func(m []byte) []byte {
		return within(m, inventoryRootIDs, func(ids []byte) []byte {
			eachField(ids, func(got protowire.Number, raw []byte) []byte {
				if got == field {
					_, _, n := protowire.ConsumeTag(raw)
					host, _ = protowire.ConsumeVarint(raw[n:])
				}
				return nil
			})
			return ids
		})
	})
	if host == 0 {
		f.t.Fatal("the inventory has no such namespace")
	}
	f.edit("ids-*.img", 2, func(m []byte) []byte { return setNumbers(m, field, host) })
}

// Images of a process of the host's, with a manifest as that of a container, make no process.
func TestRestoreOfAHostProcess(t *testing.T) {
	opts := new(libcontainer.CriuOpts)
	c, victim := checkpointed(t, newConfig(t), opts)
	f := forge(t, opts.ImagesDirectory)
	pid := f.dumpHostProcess(c.factory.CriuPath)
	f.seal()
	stages, err := refused(t, victim, libcontainer.CriuOpts{ImagesDirectory: f.dir}, "and not 1")
	if !errors.Is(err, criuimage.ErrUntrusted) || len(stages) > 0 {
		t.Errorf("criu has reached %v, error %v", stages, err)
	}
	// With the pid of a container's first process.
	f.rename(pid)
	f.seal()
	stages, err = refused(t, victim, libcontainer.CriuOpts{ImagesDirectory: f.dir}, "process 1 in them is in the host's")
	if !errors.Is(err, criuimage.ErrUntrusted) || len(stages) > 0 {
		t.Errorf("criu has reached %v, error %v", stages, err)
	}
	// And as if the host's namespaces had been others: criu misses what these would have.
	f.edit("inventory.img", 1, func(m []byte) []byte {
		return within(m, inventoryRootIDs, func(ids []byte) []byte {
			for field := protowire.Number(5); field <= 12; field++ {
				ids = setNumbers(ids, field, 1000+uint64(field))
			}
			return ids
		})
	})
	f.seal()
	refused(t, victim, libcontainer.CriuOpts{ImagesDirectory: f.dir})
}

// dumpHostProcess replaces the images by those of a process that is in no container.
func (f *forged) dumpHostProcess(criu string) (pid int) {
	f.t.Helper()
	folder, err := criuimage.Open(f.dir)
	if err != nil {
		f.t.Fatal(err)
	}
	defer folder.Close()
	if err := folder.Discard(); err != nil {
		f.t.Fatal(err)
	}
	// What this program has inherited itself is no business of the process.
	if err := unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		f.t.Fatal(err)
	}
	cmd := exec.Command("sleep", "1000")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	pid = cmd.Process.Pid
	err = (&criurpc.Criu{Path: criu}).Dump(context.Background(), &criurpc.Request{
		Opts: &rpc.CriuOpts{
			Pid: proto.Int32(int32(pid)), LeaveRunning: proto.Bool(true), LogFile: proto.String("dump.log"), LogLevel: proto.Int32(4),
		},
		Images: folder.File(),
	})
	if err := cmd.Process.Kill(); err != nil {
		f.t.Error(err)
	}
	_ = cmd.Wait()
	if err != nil {
		f.t.Fatal(err)
	}
	return pid
}

// rename makes a process the one with pid 1.
func (f *forged) rename(pid int) {
	f.t.Helper()
	f.edit("pstree.img", 2, func(m []byte) []byte {
		for _, field := range []protowire.Number{pstreePid, pstreePgid, pstreeSid, pstreeThreads} {
			m = setNumbers(m, field, 1)
		}
		return m
	})
	names, err := filepath.Glob(filepath.Join(f.dir, "*-"+itoa(pid)+".img"))
	if err != nil || len(names) == 0 {
		f.t.Fatalf("images %v, error %v", names, err)
	}
	for _, name := range names {
		if err := os.Rename(name, strings.TrimSuffix(name, "-"+itoa(pid)+".img")+"-1.img"); err != nil {
			f.t.Fatal(err)
		}
	}
}
