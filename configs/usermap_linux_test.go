package configs_test

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestHostIDOfJoinedNamespace(t *testing.T) {
	uids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	gids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	if os.Geteuid() == 0 {
		uids = []syscall.SysProcIDMap{{ContainerID: 0, HostID: 100000, Size: 10}, {ContainerID: 10, HostID: 300000, Size: 10}}
		gids = []syscall.SysProcIDMap{{ContainerID: 0, HostID: 200000, Size: 20}}
	}
	holder := exec.Command("cat")
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: uids, GidMappings: gids}
	stdin, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Skipf("no user namespace can be made: %v", err)
	}
	path := "/proc/" + strconv.Itoa(holder.Process.Pid) + "/ns/user"
	kept, err := os.Open(path) // as a bind mount keeps one
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	for _, path := range []string{path, "/proc/self/fd/" + strconv.Itoa(int(kept.Fd()))} {
		config := configs.Config{Namespaces: configs.Namespaces{{Type: configs.NEWUSER, Path: path}}}
		for _, m := range uids {
			last := m.ContainerID + m.Size - 1
			if got, err := config.HostUIDFor(last); err != nil || got != m.HostID+m.Size-1 {
				t.Errorf("user %d in %s is %d on the host, error %v; want %d", last, path, got, err, m.HostID+m.Size-1)
			}
		}
		if got, err := config.HostGID(); err != nil || got != gids[0].HostID {
			t.Errorf("root's group in %s is %d on the host, error %v; want %d", path, got, err, gids[0].HostID)
		}
		if _, err := config.HostUIDFor(1000); err == nil || !strings.Contains(err.Error(), "no user id mapping holds id 1000") {
			t.Errorf("a user whom nothing maps: error %v", err)
		}
	}
	stdin.Close()
	if err := holder.Wait(); err != nil {
		t.Error(err)
	}
	config := configs.Config{Namespaces: configs.Namespaces{{Type: configs.NEWUSER, Path: "/proc/self/fd/" + strconv.Itoa(int(kept.Fd()))}}}
	if _, err := config.HostUID(); err == nil || !strings.Contains(err.Error(), "no process") {
		t.Errorf("nobody is in the namespace: error %v", err)
	}
	config.Namespaces.Add(configs.NEWUSER, path)
	if _, err := config.HostUID(); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("the namespace has gone: error %v", err)
	}
	config.Namespaces.Add(configs.NEWUSER, "/proc/self/ns/user")
	if got, err := config.HostUIDFor(4711); err != nil || got != 4711 {
		t.Errorf("in the host's own namespace user 4711 is %d, error %v", got, err)
	}
}
