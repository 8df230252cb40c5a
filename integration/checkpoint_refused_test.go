//world:one

package integration

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/netsetup"
)

// counting is a container whose process counts, and writes the numbers.
type counting struct {
	libcontainer.LinuxContainer
	factory *libcontainer.LinuxFactory
	process *libcontainer.Process
	numbers *numbers
}

// startCounting starts one. Nothing of it, or of criu, may be left in the end.
func startCounting(t *testing.T, config *configs.Config) *counting {
	t.Helper()
	p, _ := shell(counter)
	return startCountingBy(t, config, p)
}

func startCountingBy(t *testing.T, config *configs.Config, p *libcontainer.Process) *counting {
	t.Helper()
	checkLeaks(t)
	checkCriuLeaks(t)
	factory := newCriuFactory(t)
	c := &counting{factory: factory.(*libcontainer.LinuxFactory), process: p, numbers: newNumbers(t, p)}
	container, err := factory.Create("counting", config)
	if err != nil {
		t.Fatal(err)
	}
	c.LinuxContainer = linux(container)
	t.Cleanup(func() {
		if err := c.Destroy(); err != nil {
			t.Errorf("destroy: %v", err)
		}
	})
	if err := c.Start(p); err != nil {
		t.Fatal(err)
	}
	c.numbers.next()
	return c
}

// goesOn checks that the container runs: it writes numbers that are not in the pipe yet.
func (c *counting) goesOn(t *testing.T) {
	t.Helper()
	wantStatus(t, c, libcontainer.Running)
	c.numbers.fresh()
	ns, err := os.Open(procPath(t, c, "ns/net"))
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	if names, err := netsetup.CriuTables(ns); err != nil || len(names) > 0 {
		t.Errorf("the network is locked by %v, error %v", names, err)
	}
}

// staysPaused checks that the container is paused, and that it goes on when it is resumed. It
// is paused again then.
func (c *counting) staysPaused(t *testing.T) {
	t.Helper()
	wantStatus(t, c, libcontainer.Paused)
	if err := c.Resume(); err != nil {
		t.Fatal(err)
	}
	c.goesOn(t)
	if err := c.Pause(); err != nil {
		t.Fatal(err)
	}
}

func procPath(t *testing.T, c libcontainer.LinuxContainer, name string) string {
	t.Helper()
	state, err := c.State()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join("/proc", itoa(state.InitProcessPid), name)
}

// fresh reads what has been written, and then numbers that come after that.
func (n *numbers) fresh() {
	n.t.Helper()
	if err := n.read.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		n.t.Fatal(err)
	}
	conn, err := n.read.SyscallConn()
	if err != nil {
		n.t.Fatal(err)
	}
	var pending int
	if err := conn.Control(func(fd uintptr) { pending, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }); err != nil {
		n.t.Fatal(err)
	}
	if err != nil {
		n.t.Fatal(err)
	}
	for written := pending + n.in.Buffered(); written > 0; {
		n.next()
		written -= len(itoa(n.last)) + 1
	}
	for range 3 {
		n.next()
	}
}

// checkCriuLeaks registers a check that criu has left nothing: what it leaves is neither
// a process nor a descriptor of this program.
func checkCriuLeaks(t *testing.T) {
	t.Helper()
	look := func() (left []string) {
		t.Helper()
		left, err := filepath.Glob("/tmp/.criu*")
		if err != nil {
			t.Fatal(err)
		}
		ns, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			t.Fatal(err)
		}
		defer ns.Close()
		tables, err := netsetup.CriuTables(ns)
		if err != nil {
			t.Fatal(err)
		}
		return append(left, tables...)
	}
	before := look()
	t.Cleanup(func() {
		for _, left := range added(before, look()) {
			t.Errorf("criu has left %s", left)
		}
	})
}

// onlyLogs checks that a failed dump has left no images.
func onlyLogs(t *testing.T, images string) {
	t.Helper()
	entries, err := os.ReadDir(images)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".log") {
			t.Errorf("a failed dump has left %s", e.Name())
		}
	}
}

// What cannot be saved, or not here, is refused, and the container goes on as if it had not
// been tried.
func TestCheckpointRefused(t *testing.T) {
	c := startCounting(t, newConfig(t))
	criu := c.factory.CriuPath
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, opts *libcontainer.CriuOpts)
		code    libcontainer.ErrorCode
		texts   []string
	}{
		"no criu": {func(t *testing.T, _ *libcontainer.CriuOpts) { c.factory.CriuPath = "/nosuch/criu" },
			libcontainer.SystemError, []string{"/nosuch/criu", "install CRIU 4.0 or later"}},
		"criu 3.17": {func(t *testing.T, _ *libcontainer.CriuOpts) { c.factory.CriuPath = buildProgram(t, "oldcriu") },
			libcontainer.SystemError, []string{"criu is version 3.17", "install CRIU 4.0 or later"}},
		"no tar": {func(t *testing.T, _ *libcontainer.CriuOpts) { t.Setenv("PATH", pathWith(t, "ip", "gzip")) },
			libcontainer.SystemError, []string{"no program tar in criu's PATH", "install tar"}},
		"no gzip, no ip": {func(t *testing.T, _ *libcontainer.CriuOpts) { t.Setenv("PATH", pathWith(t, "tar")) },
			libcontainer.SystemError, []string{"install gzip", "install ip"}},
		"images there": {func(t *testing.T, opts *libcontainer.CriuOpts) {
			if err := os.Mkdir(opts.ImagesDirectory, 0o755); err != nil {
				t.Fatal(err)
			}
			name := filepath.Join(opts.ImagesDirectory, "core-1.log.img")
			if err := os.WriteFile(name, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { // what was there stays there
				if err := os.Remove(name); err != nil {
					t.Error(err)
				}
			})
		}, libcontainer.SystemError, []string{"core-1.log.img", "directory not empty"}},
		"images are a file": {func(t *testing.T, opts *libcontainer.CriuOpts) {
			opts.ImagesDirectory = filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(opts.ImagesDirectory, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { opts.ImagesDirectory = filepath.Dir(opts.ImagesDirectory) })
		}, libcontainer.SystemError, []string{"not a directory"}},
		"images on a read-only file system": {func(t *testing.T, opts *libcontainer.CriuOpts) {
			opts.ImagesDirectory = filepath.Join(mountForImages(t, unix.MS_RDONLY, ""), "images")
		}, libcontainer.SystemError, []string{"read-only file system"}},
		"images in what is missing": {func(t *testing.T, opts *libcontainer.CriuOpts) {
			opts.ImagesDirectory += "/missing/images"
		}, libcontainer.SystemError, []string{"missing/images", "no such file"}},
		"no room for images": {func(t *testing.T, opts *libcontainer.CriuOpts) {
			opts.ImagesDirectory = filepath.Join(mountForImages(t, 0, "size=64k"), "images")
		}, libcontainer.SystemError, []string{"criu dump"}},
		"no parent": {func(t *testing.T, opts *libcontainer.CriuOpts) { opts.ParentImage = "../nosuch" },
			libcontainer.SystemError, []string{"ParentImage", "/nosuch: no such file"}},
		"a parent that is none": {func(t *testing.T, opts *libcontainer.CriuOpts) { opts.ParentImage = ".." },
			libcontainer.SystemError, []string{"ParentImage", "manifest.json"}},
		"no work directory": {func(t *testing.T, opts *libcontainer.CriuOpts) { opts.WorkDirectory = "/nosuch/work" },
			libcontainer.SystemError, []string{"work directory", "/nosuch/work"}},
		"work directory of everybody's": {func(t *testing.T, opts *libcontainer.CriuOpts) {
			opts.WorkDirectory = t.TempDir()
			if err := os.Chmod(opts.WorkDirectory, 0o777); err != nil {
				t.Fatal(err)
			}
		}, libcontainer.SystemError, []string{"work directory", "others than its owner may write it"}},
		"no config file": {func(t *testing.T, opts *libcontainer.CriuOpts) { opts.ConfigFile = "/nosuch/criu.conf" },
			libcontainer.SystemError, []string{"/nosuch/criu.conf"}},
	} {
		t.Run(name, func(t *testing.T) {
			opts := &libcontainer.CriuOpts{ImagesDirectory: filepath.Join(publicTempDir(t), "images")}
			tt.prepare(t, opts)
			checkLeaks(t)
			err := c.Checkpoint(opts)
			c.factory.CriuPath = criu
			checkError(t, err, tt.code, tt.texts...)
			c.goesOn(t)
			if name != "images there" && name != "images are a file" {
				onlyLogs(t, opts.ImagesDirectory)
			}
		})
	}
	t.Run("options", func(t *testing.T) {
		for text, opts := range map[string]*libcontainer.CriuOpts{
			"no options":               nil,
			"ImagesDirectory is empty": {},
			"ManageCgroupsMode 1":      {ManageCgroupsMode: 1},
			"ManageCgroupsMode 99":     {ManageCgroupsMode: 99},
			"NetworkLock -1":           {NetworkLock: -1},
			"Timeout -1s":              {Timeout: -time.Second},
			`ConfigFile "criu.conf"`:   {ConfigFile: "criu.conf"},
			`ParentImage "/parent"`:    {ParentImage: "/parent"},
			"PreDump and LazyPages":    {PreDump: true, LazyPages: true},
			"no Address":               {PageServer: libcontainer.CriuPageServerInfo{Port: 1}},
			"Port 0":                   {PageServer: libcontainer.CriuPageServerInfo{Address: "127.0.0.1"}},
			"Port 65536":               {PageServer: libcontainer.CriuPageServerInfo{Address: "127.0.0.1", Port: 65536}},
		} {
			if opts != nil && text != "ImagesDirectory is empty" {
				opts.ImagesDirectory = filepath.Join(t.TempDir(), "images")
			}
			checkError(t, c.Checkpoint(opts), libcontainer.ConfigInvalid, text)
			c.goesOn(t)
		}
	})
	t.Run("restore of what runs", func(t *testing.T) {
		opts := &libcontainer.CriuOpts{ImagesDirectory: t.TempDir()}
		checkError(t, c.Restore(new(libcontainer.Process), opts), libcontainer.ContainerNotStopped, "running")
		c.goesOn(t)
	})
	// Another dump into a folder with the log of one that has failed.
	images := filepath.Join(publicTempDir(t), "images")
	opts := &libcontainer.CriuOpts{ImagesDirectory: images, LeaveRunning: true}
	ctx, cancel := context.WithCancel(context.Background())
	opts.Progress = func(libcontainer.CriuProgress) { cancel() }
	if err := c.CheckpointContext(ctx, opts); !errors.Is(err, context.Canceled) {
		t.Errorf("a dump that was cancelled: %v", err)
	}
	c.goesOn(t)
	opts.Progress = nil
	if err := c.Checkpoint(opts); err != nil {
		t.Error(err)
	}
	c.goesOn(t)
}

// pathWith makes a PATH in which there are only these of the programs that criu calls.
func pathWith(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range append(names, "sh", "dirname", "readlink") { // criu may be a script
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// mountForImages mounts a tmpfs for the time of the test.
func mountForImages(t *testing.T, flags uintptr, options string) string {
	t.Helper()
	dir := publicTempDir(t)
	if err := unix.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// When all images are there, but what has to be written then cannot be, the container goes on.
func TestCheckpointUnfinished(t *testing.T) {
	c := startCounting(t, newConfig(t))
	for _, paused := range []bool{false, true} {
		if paused {
			if err := c.Pause(); err != nil {
				t.Fatal(err)
			}
		}
		for name, tt := range map[string]struct {
			spoil func(t *testing.T, images string)
			is    error
		}{
			"disk full": {func(t *testing.T, images string) {
				f, err := os.Create(filepath.Join(filepath.Dir(images), "filler"))
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				for _, size := range []int{1 << 16, 1} {
					for err = nil; err == nil; {
						_, err = f.Write(make([]byte, size))
					}
					if !errors.Is(err, unix.ENOSPC) {
						t.Fatal(err)
					}
				}
			}, unix.ENOSPC},
			"manifest there": {func(t *testing.T, images string) {
				if err := os.WriteFile(filepath.Join(images, "manifest.json"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}, unix.EEXIST},
		} {
			t.Run(name, func(t *testing.T) {
				images := filepath.Join(mountForImages(t, 0, "size=64m"), "images")
				checkLeaks(t)
				opts := &libcontainer.CriuOpts{ImagesDirectory: images}
				opts.Progress = func(p libcontainer.CriuProgress) {
					if p.Stage == "post-dump" {
						tt.spoil(t, images)
					}
				}
				err := c.Checkpoint(opts)
				checkError(t, err, libcontainer.SystemError, "complete the images", "refused at post-dump")
				if !errors.Is(err, tt.is) {
					t.Errorf("error %v is no %v", err, tt.is)
				}
				if paused {
					c.staysPaused(t)
				} else {
					c.goesOn(t)
				}
				onlyLogs(t, images)
			})
		}
	}
	// Of a container that goes on the manifest is written when it does.
	t.Run("container that goes on", func(t *testing.T) {
		images := filepath.Join(mountForImages(t, 0, "size=64m"), "images")
		opts := &libcontainer.CriuOpts{ImagesDirectory: images, LeaveRunning: true}
		opts.Progress = func(p libcontainer.CriuProgress) {
			if p.Stage == "network-unlock" {
				if err := os.WriteFile(filepath.Join(images, "manifest.json"), nil, 0o600); err != nil {
					t.Error(err)
				}
			}
		}
		checkError(t, c.Checkpoint(opts), libcontainer.SystemError, "complete the images")
		c.staysPaused(t)
		onlyLogs(t, images)
	})
	// And paused it stays when all is well.
	images := filepath.Join(publicTempDir(t), "images")
	if err := c.Checkpoint(&libcontainer.CriuOpts{ImagesDirectory: images, LeaveRunning: true}); err != nil {
		t.Fatal(err)
	}
	c.staysPaused(t)
}

// A container in another state than running is refused before criu is asked for.
func TestCheckpointOfWhatDoesNotRun(t *testing.T) {
	checkLeaks(t)
	checkCriuLeaks(t)
	factory := newCriuFactory(t)
	container, err := factory.Create("test", newConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer container.Destroy()
	images := filepath.Join(publicTempDir(t), "images")
	refused := func(texts ...string) {
		t.Helper()
		err := container.Checkpoint(&libcontainer.CriuOpts{ImagesDirectory: images})
		checkError(t, err, libcontainer.ContainerNotRunning, texts...)
		if _, err := os.Stat(images); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("there is a directory of images, error %v", err)
		}
	}
	refused("created")
	p, _ := command("true")
	if err := linux(container).Prepare(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	refused("created")
	if err := linux(container).Release(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	refused("destroyed")
	if err := container.Destroy(); err != nil {
		t.Fatal(err)
	}
	err = container.Checkpoint(&libcontainer.CriuOpts{ImagesDirectory: images})
	checkError(t, err, libcontainer.ContainerNotExists)
}

// Processes that were started beside init are named, or ended if the caller says so.
func TestCheckpointOfOthers(t *testing.T) {
	c := startCounting(t, newConfig(t))
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	// Its child is orphaned, and becomes one of init's, when it ends.
	other, _ := shell("sleep 1000 & cat; true")
	other.Stdin = r
	if err := c.Start(other); err != nil {
		t.Fatal(err)
	}
	pid, err := other.Pid()
	if err != nil {
		t.Fatal(err)
	}
	opts := &libcontainer.CriuOpts{ImagesDirectory: filepath.Join(publicTempDir(t), "images"), LeaveRunning: true}
	err = c.Checkpoint(opts)
	checkError(t, err, libcontainer.SystemError, itoa(pid)+" (sh)", "EndOthers")
	if !errors.Is(err, unix.EBUSY) {
		t.Errorf("error %v is no EBUSY", err)
	}
	c.goesOn(t)
	onlyLogs(t, opts.ImagesDirectory)
	if err := other.Signal(unix.Signal(0)); err != nil {
		t.Errorf("the other process has ended: %v", err)
	}
	opts.EndOthers = true
	if err := c.Checkpoint(opts); err != nil {
		t.Error(err)
	}
	if state, err := other.Wait(); state == nil || state.Sys().(syscall.WaitStatus).Signal() != unix.SIGKILL {
		t.Errorf("the other process has ended with %v, error %v", state, err)
	}
	c.goesOn(t)
}

// Criu cannot save an io_uring; it says so, and the program goes on with it.
func TestCheckpointOfIoUring(t *testing.T) {
	config := newConfig(t)
	config.DefaultSeccomp = false
	if err := os.Link(buildProgram(t, "uring"), filepath.Join(config.Rootfs, "bin/uring")); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile("/proc/sys/kernel/io_uring_disabled"); err == nil && strings.TrimSpace(string(data)) == "2" {
		t.Skip("kernel.io_uring_disabled is 2")
	}
	p, _ := command("/bin/uring")
	c := startCountingBy(t, config, p)
	images := filepath.Join(publicTempDir(t), "images")
	err := c.Checkpoint(&libcontainer.CriuOpts{ImagesDirectory: images})
	checkError(t, err, libcontainer.SystemError, "criu cannot dump io_uring")
	c.goesOn(t)
	onlyLogs(t, images)
}
