//world:any

package integration

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

// newHungry gives a container with little memory.
func newHungry(t *testing.T) (c libcontainer.LinuxContainer, root string) {
	t.Helper()
	config := newConfig(t)
	config.Cgroups.Memory = 16 << 20
	config.Cgroups.MemorySwap = 16 << 20
	return newContainerIn(t, config)
}

// runOutOfMemory makes n processes of the container be killed for their memory.
func runOutOfMemory(t *testing.T, c libcontainer.Container, n int) {
	t.Helper()
	for range n {
		p, out := command("dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1")
		if err := c.Start(p); err != nil {
			t.Fatal(err)
		}
		if state, _ := p.Wait(); state == nil || state.String() != "signal: killed" {
			t.Fatalf("state %v, stderr %q; want killed", state, out.stderr.String())
		}
	}
}

func TestNotifyOOM(t *testing.T) {
	c, root := newHungry(t)
	if _, err := c.NotifyOOM(); !errors.Is(err, libcontainer.ContainerNotRunning) {
		t.Errorf("before the start: %v", err)
	}
	if kills, err := c.OOMKills(); kills != 0 || err != nil {
		t.Errorf("before the start: %d kills, %v", kills, err)
	}
	startBlocked(t, c)
	first, err := c.NotifyOOM()
	if err != nil {
		t.Fatal(err)
	}
	runOutOfMemory(t, c, 1)
	<-first
	wantOOMKills(t, c, 1)
	other := loadAgain(t, c, root)
	second, err := c.NotifyOOM()
	if err != nil {
		t.Fatal(err)
	}
	third, err := other.NotifyOOM()
	if err != nil {
		t.Fatal(err)
	}
	// Nobody receives meanwhile, and nobody has to wait.
	runOutOfMemory(t, c, 3)
	all := map[string]<-chan struct{}{"first": first, "second": second, "of another handle": third}
	received := 0
	if tested.Systemd() {
		// It removes the cgroup, and what that has counted, when the last process ends.
		for range 3 {
			for _, ch := range all {
				<-ch
			}
			received++
		}
	}
	wantOOMKills(t, other, 4)
	if err := c.Destroy(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.OOMKills(); !errors.Is(err, libcontainer.ContainerNotExists) {
		t.Errorf("kills of a container that was destroyed: %v", err)
	}
	for name, ch := range all {
		n := received
		for range ch { // until it is closed
			n++
		}
		if n != 3 {
			t.Errorf("%s: %d events, want 3", name, n)
		}
	}
	if _, err := c.NotifyOOM(); !errors.Is(err, libcontainer.ContainerNotExists) {
		t.Errorf("after destroy: %v", err)
	}
}

// wantOOMKills looks at what is told of kills.
func wantOOMKills(t *testing.T, c libcontainer.LinuxContainer, want uint64) {
	t.Helper()
	if kills, err := c.OOMKills(); kills != want || err != nil {
		t.Errorf("%d kills, %v; want %d", kills, err, want)
	}
	stats, err := c.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if got := stats.CgroupStats.MemoryStats.Events.OomKill; got != want {
		t.Errorf("the statistics have %d kills, want %d", got, want)
	}
}

// Whether the kernel has killed the container's only process is known after its end.
func TestOOMKillsAfterWait(t *testing.T) {
	if tested.Systemd() {
		t.Skip("systemd has removed the cgroup by then")
	}
	c, _ := newHungry(t)
	p, _ := command("dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1")
	if err := c.Start(p); err != nil {
		t.Fatal(err)
	}
	if state, _ := p.Wait(); state == nil || state.String() != "signal: killed" {
		t.Fatalf("state %v, want killed", state)
	}
	wantOOMKills(t, c, 1)
}

func TestNoOOM(t *testing.T) {
	c, root := newHungry(t)
	_, release := startBlocked(t, c)
	ch, err := c.NotifyOOM()
	if err != nil {
		t.Fatal(err)
	}
	release()
	if err := loadAgain(t, c, root).Destroy(); err != nil {
		t.Fatal(err)
	}
	if _, ok := <-ch; ok {
		t.Error("an event of a container that had memory enough")
	}
}

func TestNotifyMemoryPressure(t *testing.T) {
	config := newConfig(t)
	config.Cgroups.Memory = 32 << 20
	config.Cgroups.MemorySwap = 32 << 20
	if unifiedOnly(t) {
		config.Cgroups.MemoryHigh = 16 << 20
	}
	c, root := newContainerIn(t, config)
	if _, err := c.NotifyMemoryPressure(libcontainer.LowPressure); !errors.Is(err, libcontainer.ContainerNotRunning) {
		t.Errorf("before the start: %v", err)
	}
	startBlocked(t, c)
	if _, err := c.NotifyMemoryPressure(9); !errors.Is(err, libcontainer.ConfigInvalid) {
		t.Errorf("unknown level: %v", err)
	}
	low, err := c.NotifyMemoryPressure(libcontainer.LowPressure)
	if err != nil {
		t.Fatal(err)
	}
	critical, err := c.NotifyMemoryPressure(libcontainer.CriticalPressure)
	if err != nil {
		t.Fatal(err)
	}
	if unifiedOnly(t) {
		// What cannot be reclaimed, beyond memory.high, is made to wait, unless the
		// shell takes so much at once that it is killed; then it tries again.
		p, _ := shell(`while :; do sh -c 'x=$(head -c 20971520 /dev/zero | tr "\0" x)'; done`)
		if err := c.Start(p); err != nil {
			t.Fatal(err)
		}
		<-low
	} else {
		// The page cache of a file that does not fit must be reclaimed over and over.
		file, err := os.Create(config.Rootfs + "/big")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(file.Truncate(256<<20), file.Close()); err != nil {
			t.Fatal(err)
		}
		p, _ := shell("while :; do cat /big >/dev/null; done")
		if err := c.Start(p); err != nil {
			t.Fatal(err)
		}
		<-low
		runOutOfMemory(t, c, 1) // nothing is left to reclaim
	}
	<-critical
	// Whoever destroys it, the channels are closed.
	if err := loadAgain(t, c, root).Destroy(); err != nil {
		t.Fatal(err)
	}
	for range low {
	}
	for range critical {
	}
}

func TestNotifyWithoutMemoryCgroup(t *testing.T) {
	if unifiedOnly(t) {
		t.Skip("on cgroup v2 there is no cgroup without memory where the controller is enabled")
	}
	dir := filepath.Join("/sys/fs/cgroup/pids", cgroupParent+"-joined")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	config := newConfig(t)
	config.Cgroups.Paths = map[string]string{"pids": dir}
	c, _ := newContainerIn(t, config)
	startBlocked(t, c)
	_, err := c.NotifyOOM()
	checkError(t, err, libcontainer.SystemError, "no memory cgroup")
	_, err = c.NotifyMemoryPressure(libcontainer.LowPressure)
	checkError(t, err, libcontainer.SystemError, "no memory cgroup")
}
