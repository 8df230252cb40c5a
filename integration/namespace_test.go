//world:any

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

var nsFiles = map[configs.NamespaceType]string{
	configs.NEWNS: "mnt", configs.NEWPID: "pid", configs.NEWNET: "net", configs.NEWIPC: "ipc",
	configs.NEWUTS: "uts", configs.NEWUSER: "user", configs.NEWCGROUP: "cgroup", configs.NEWTIME: "time",
}

// insideNamespaces gives the namespaces that a container's program sees itself in.
func insideNamespaces(t *testing.T, config *configs.Config) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, ns := range strings.Fields(runShell(t, config, listNamespaces)) {
		name, _, _ := strings.Cut(ns, ":")
		got[name] = ns
	}
	return got
}

func hostNamespace(t *testing.T, name string) string {
	t.Helper()
	ns, err := os.Readlink("/proc/self/ns/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return ns
}

func TestNamespacesCreated(t *testing.T) {
	for name, edit := range map[string]func(*configs.Config){
		"default": func(*configs.Config) {},
		"all":     func(c *configs.Config) { withUserNS(t, c, 100000); c.Namespaces.Add(configs.NEWTIME, "") },
		"mount alone": func(c *configs.Config) {
			c.Namespaces = configs.Namespaces{{Type: configs.NEWNS}}
			c.Networks = nil
		},
		"mount and user": func(c *configs.Config) {
			c.Namespaces = configs.Namespaces{{Type: configs.NEWNS}, {Type: configs.NEWPID}}
			withUserNS(t, c, 100000)
			c.Networks = nil
			// The host's message queues are not for a foreign user namespace.
			c.Mounts = withoutMount(c.Mounts, "/dev/mqueue")
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			edit(config)
			inside := insideNamespaces(t, config)
			for typ, file := range nsFiles {
				same := inside[file] == hostNamespace(t, file)
				if created := config.Namespaces.Contains(typ); created == same {
					t.Errorf("%s: inside %s, host %s, created %v", file, inside[file], hostNamespace(t, file), created)
				}
			}
		})
	}
}

func withoutMount(mounts []*configs.Mount, dest string) (rest []*configs.Mount) {
	for _, m := range mounts {
		if m.Destination != dest {
			rest = append(rest, m)
		}
	}
	return rest
}

// Each type of namespace of a running container is joined by another one.
func TestNamespacesJoined(t *testing.T) {
	checkLeaks(t)
	factory := newFactory(t)
	first := newConfig(t)
	first.Namespaces.Add(configs.NEWTIME, "")
	withUserNS(t, first, 100000)
	owner, err := factory.Create("owner", first)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = owner.Destroy() })
	startBlocked(t, owner)
	state, err := owner.State()
	if err != nil {
		t.Fatal(err)
	}
	for typ, file := range nsFiles {
		if typ == configs.NEWNS {
			continue // below: a root file system of its own needs one of its own
		}
		t.Run(string(typ), func(t *testing.T) {
			config := newConfig(t)
			config.Networks = nil
			config.Namespaces.Add(typ, state.NamespacePaths[typ])
			want, err := os.Readlink(state.NamespacePaths[typ])
			if err != nil {
				t.Fatal(err)
			}
			if got := insideNamespaces(t, config)[file]; got != want {
				t.Errorf("inside %s, want that of the other container, %s", got, want)
			}
		})
	}
	t.Run("user with all that it owns", func(t *testing.T) {
		config := newConfig(t)
		config.Networks = nil
		for _, typ := range []configs.NamespaceType{configs.NEWUSER, configs.NEWNET, configs.NEWIPC, configs.NEWUTS, configs.NEWTIME, configs.NEWPID} {
			config.Namespaces.Add(typ, state.NamespacePaths[typ])
		}
		inside := insideNamespaces(t, config)
		for _, ns := range config.Namespaces {
			if ns.Path == "" {
				continue
			}
			if want, _ := os.Readlink(ns.Path); inside[nsFiles[ns.Type]] != want {
				t.Errorf("inside %s, want %s", inside[nsFiles[ns.Type]], want)
			}
		}
	})
}

func TestNamespacePathErrors(t *testing.T) {
	dir := publicTempDir(t)
	file, fifo := filepath.Join(dir, "file"), filepath.Join(dir, "fifo")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"missing": filepath.Join(dir, "nosuch"), "regular file": file, "fifo": fifo, "other type": "/proc/self/ns/net",
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			config.Namespaces.Add(configs.NEWIPC, path)
			p, _ := shell("true")
			startFails(t, config, p, libcontainer.SystemError, path)
		})
	}
}

func TestTimeNamespaceOffsets(t *testing.T) {
	config := newConfig(t)
	config.Namespaces.Add(configs.NEWTIME, "")
	config.TimeOffsets = map[string]configs.TimeOffset{"boottime": {Secs: 1000000}, "monotonic": {Secs: 5, Nanosecs: 7}}
	got := strings.Fields(runShell(t, config, "cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets"))
	if len(got) != 7 || len(got[0]) < 7 {
		t.Fatalf("uptime and offsets %q", got)
	}
	if offsets := strings.Join(got[1:], " "); offsets != "monotonic 5 7 boottime 1000000 0" {
		t.Errorf("offsets %q", offsets)
	}
}

func TestHostnameAndDomainname(t *testing.T) {
	before, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	config := newConfig(t)
	config.Hostname, config.Domainname = "inner", "example.org"
	if got := runShell(t, config, "hostname; cat /proc/sys/kernel/domainname"); got != "inner\nexample.org" {
		t.Errorf("inside %q", got)
	}
	if after, err := os.Hostname(); err != nil || after != before {
		t.Errorf("the host's name was %q and is %q, error %v", before, after, err)
	}
}

func TestSysctls(t *testing.T) {
	config := newConfig(t)
	config.Sysctl = map[string]string{
		"net.ipv4.ip_forward": "1", "net/ipv4/ip_default_ttl": "33", "kernel.shmmni": "77", "fs.mqueue.msg_max": "11",
	}
	before, err := os.ReadFile("/proc/sys/kernel/shmmni")
	if err != nil {
		t.Fatal(err)
	}
	got := runShell(t, config, "cd /proc/sys; cat net/ipv4/ip_forward net/ipv4/ip_default_ttl kernel/shmmni fs/mqueue/msg_max")
	if got != "1\n33\n77\n11" {
		t.Errorf("inside %q", got)
	}
	if after, _ := os.ReadFile("/proc/sys/kernel/shmmni"); string(after) != string(before) {
		t.Errorf("the host's shmmni was %s and is %s", before, after)
	}
	for key, text := range map[string]string{"kernel.shmmni": "not a number", "net.nosuch": "1"} {
		t.Run("bad "+key, func(t *testing.T) {
			config := newConfig(t)
			config.Sysctl = map[string]string{key: text}
			p, _ := shell("true")
			startFails(t, config, p, libcontainer.SystemError, key)
		})
	}
}

func TestLoopback(t *testing.T) {
	if got := runShell(t, newConfig(t), "ping -c1 -W5 127.0.0.1 >/dev/null && echo up; ls /sys/class/net"); got != "up\nlo" {
		t.Errorf("with a loopback network: %q", got)
	}
	config := newConfig(t)
	config.Networks = nil
	if got := runShell(t, config, "cat /sys/class/net/lo/flags"); got != "0x8" {
		t.Errorf("flags of lo without networks: %s, want that it is down", got)
	}
}
