package validate

import (
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestNamespaces(t *testing.T) {
	add := func(list ...configs.Namespace) func(*configs.Config) {
		return func(c *configs.Config) { c.Namespaces = append(c.Namespaces, list...) }
	}
	run(t, []testCase{
		{"all types", func(c *configs.Config) {
			for _, typ := range configs.NamespaceTypes() {
				if typ != configs.NEWUSER {
					c.Namespaces.Add(typ, "")
				}
			}
		}, ""},
		{"path", add(configs.Namespace{Type: configs.NEWTIME, Path: "/proc/1/ns/time"}), ""},
		{"unknown type", add(configs.Namespace{Type: "NEWTHING"}), `Namespaces[6].Type "NEWTHING" is not a known type`},
		{"no type", add(configs.Namespace{}), "is not a known type"},
		{"duplicate", add(configs.Namespace{Type: configs.NEWPID}), `Namespaces[6].Type "NEWPID" is there already`},
		{"relative path", add(configs.Namespace{Type: configs.NEWTIME, Path: "ns/time"}), `Namespaces[6].Path "ns/time" is not absolute`},
		{"mount namespace of the host", func(c *configs.Config) {
			c.Namespaces.Add(configs.NEWNS, "/proc/self/ns/mnt")
		}, "is the host's own mount namespace"},
		{"another mount namespace", func(c *configs.Config) {
			c.Namespaces.Add(configs.NEWNS, "/no/such/namespace")
		}, ""},
		{"NUL in a path", add(configs.Namespace{Type: configs.NEWTIME, Path: "/a\x00"}), "NUL"},
	})
}

func TestTimeOffsets(t *testing.T) {
	set := func(path string, offsets map[string]configs.TimeOffset) func(*configs.Config) {
		return func(c *configs.Config) {
			c.Namespaces.Add(configs.NEWTIME, path)
			c.TimeOffsets = offsets
		}
	}
	good := map[string]configs.TimeOffset{"monotonic": {Secs: -10, Nanosecs: 999999999}, "boottime": {Secs: 1}}
	run(t, []testCase{
		{"both clocks", set("", good), ""},
		{"joined without offsets", set("/proc/1/ns/time", nil), ""},
		{"joined", set("/proc/1/ns/time", good), "new NEWTIME"},
		{"without a namespace", func(c *configs.Config) { c.TimeOffsets = good }, "new NEWTIME"},
		{"unknown clock", set("", map[string]configs.TimeOffset{"realtime": {}}), `TimeOffsets["realtime"]`},
		{"nanoseconds", set("", map[string]configs.TimeOffset{"boottime": {Nanosecs: 1000000000}}), `TimeOffsets["boottime"].Nanosecs 1000000000`},
	})
}

func TestIDMappings(t *testing.T) {
	one := []configs.IDMap{{ContainerID: 0, HostID: 1000, Size: 65536}}
	set := func(path string, uids, gids []configs.IDMap) func(*configs.Config) {
		return func(c *configs.Config) {
			c.Namespaces.Add(configs.NEWUSER, path)
			c.UidMappings, c.GidMappings = uids, gids
		}
	}
	uids := func(list ...configs.IDMap) func(*configs.Config) { return set("", list, one) }
	many := func(n int) []configs.IDMap {
		list := make([]configs.IDMap, n)
		for i := range list {
			list[i] = configs.IDMap{ContainerID: 2 * i, HostID: 3 * i, Size: 1}
		}
		return list
	}
	const maxID = 1<<32 - 1
	run(t, []testCase{
		{"one", set("", one, one), ""},
		{"adjacent", uids(configs.IDMap{ContainerID: 0, HostID: 5, Size: 5}, configs.IDMap{ContainerID: 5, HostID: 0, Size: 5}), ""},
		{"all ids", uids(configs.IDMap{Size: maxID}), ""},
		{"joined with mappings", set("/proc/1/ns/user", one, one), ""},
		{"joined without", set("/proc/1/ns/user", nil, nil), ""},
		{"as many as possible", uids(many(340)...), ""},
		{"no uids", set("", nil, one), "UidMappings are empty"},
		{"no gids", set("", one, nil), "GidMappings are empty"},
		{"uids without a namespace", func(c *configs.Config) { c.UidMappings = one }, "UidMappings need a NEWUSER"},
		{"gids without a namespace", func(c *configs.Config) { c.GidMappings = one }, "GidMappings need a NEWUSER"},
		{"too many", uids(many(341)...), "341 entries"},
		{"size 0", uids(configs.IDMap{}), "UidMappings[0].Size 0"},
		{"negative size", uids(configs.IDMap{Size: -1}), "UidMappings[0].Size -1"},
		{"negative id", uids(configs.IDMap{ContainerID: -1, Size: 1}), "UidMappings[0].ContainerID -1"},
		{"negative host id", uids(configs.IDMap{HostID: -1, Size: 1}), "UidMappings[0].HostID -1"},
		{"past the last id", uids(configs.IDMap{ContainerID: 1, Size: maxID}), "UidMappings[0].ContainerID 1"},
		{"host past the last id", uids(configs.IDMap{HostID: maxID, Size: 1}), "UidMappings[0].HostID"},
		{"huge size", uids(configs.IDMap{Size: 1 << 62}), "UidMappings[0].Size"},
		{"joined and bad", set("/proc/1/ns/user", []configs.IDMap{{}}, nil), "UidMappings[0].Size 0"},
		{"overlap inside", uids(configs.IDMap{ContainerID: 0, HostID: 0, Size: 10}, configs.IDMap{ContainerID: 9, HostID: 100, Size: 1}), "UidMappings[0] and [1] overlap inside"},
		{"overlap on the host", set("", one, []configs.IDMap{{HostID: 5, Size: 5}, {ContainerID: 10, HostID: 3, Size: 3}}), "GidMappings[0] and [1] overlap on the host"},
	})
}

func TestUTSNames(t *testing.T) {
	host := func(name string) func(*configs.Config) {
		return func(c *configs.Config) { c.Hostname = name }
	}
	domain := func(name string) func(*configs.Config) {
		return func(c *configs.Config) { c.Domainname = name }
	}
	in := func(path string, edit func(*configs.Config)) func(*configs.Config) {
		return func(c *configs.Config) {
			c.Namespaces.Add(configs.NEWUTS, path)
			edit(c)
		}
	}
	without := func(edit func(*configs.Config)) func(*configs.Config) {
		return func(c *configs.Config) {
			c.Namespaces.Remove(configs.NEWUTS)
			edit(c)
		}
	}
	run(t, []testCase{
		{"hostname", host("testing"), ""},
		{"longest hostname", host(strings.Repeat("h", 64)), ""},
		{"joined", in("/no/such/namespace", host("testing")), ""},
		{"hostname too long", host(strings.Repeat("h", 65)), "has 65 bytes"},
		{"hostname with NUL", host("a\x00b"), "Hostname"},
		{"hostname without a namespace", without(host("testing")), "Hostname needs a NEWUTS"},
		{"hostname of the host", in("/proc/self/ns/uts", host("testing")), "is the host's own"},
		{"domainname", domain("example.org"), ""},
		{"domainname too long", domain(strings.Repeat("d", 65)), "has 65 bytes"},
		{"domainname without a namespace", without(domain("example.org")), "Domainname needs a NEWUTS"},
		{"no names without a namespace", without(host("")), ""},
	})
}

func TestSysctl(t *testing.T) {
	set := func(key string) func(*configs.Config) {
		return func(c *configs.Config) { c.Sysctl = map[string]string{key: "1"} }
	}
	without := func(typ configs.NamespaceType, key string) func(*configs.Config) {
		return func(c *configs.Config) {
			*c = configs.Config{Rootfs: c.Rootfs, Namespaces: c.Namespaces}
			c.Namespaces.Remove(typ)
			set(key)(c)
		}
	}
	joined := func(typ configs.NamespaceType, path, key string) func(*configs.Config) {
		return func(c *configs.Config) {
			c.Namespaces.Add(typ, path)
			set(key)(c)
		}
	}
	tests := []testCase{
		{"net", set("net.ipv4.ip_forward"), ""},
		{"net with slashes", set("net/ipv4/ip_forward"), ""},
		{"net with a dot in a name", set("net.ipv4.conf.eth0/1.forwarding"), ""},
		{"net with slashes and a dot", set("net/ipv4/conf/eth0.1/forwarding"), ""},
		{"net without a namespace", without(configs.NEWNET, "net.core.somaxconn"), "needs a NEWNET"},
		{"net of another namespace", joined(configs.NEWNET, "/no/such/namespace", "net.core.somaxconn"), ""},
		{"net of the host", joined(configs.NEWNET, "/proc/self/ns/net", "net.core.somaxconn"), "is the host's own"},
		{"mqueue", set("fs.mqueue.msg_max"), ""},
		{"mqueue without a namespace", without(configs.NEWIPC, "fs.mqueue.msg_max"), "needs a NEWIPC"},
		{"mqueue of the host", joined(configs.NEWIPC, "/proc/self/ns/ipc", "fs.mqueue.msg_max"), "is the host's own"},
		{"hostname", set("kernel.hostname"), ""},
		{"domainname", set("kernel/domainname"), ""},
		{"hostname without a namespace", without(configs.NEWUTS, "kernel.hostname"), "needs a NEWUTS"},
		{"hostname twice", func(c *configs.Config) {
			set("kernel.hostname")(c)
			c.Hostname = "testing"
		}, "Hostname"},
		{"domainname twice", func(c *configs.Config) {
			set("kernel.domainname")(c)
			c.Domainname = "example.org"
		}, "Domainname"},
		{"two ways to write one", func(c *configs.Config) {
			c.Sysctl = map[string]string{"net.ipv4.ip_forward": "1", "net/ipv4/ip_forward": "0"}
		}, "is the same as"},
		{"whole machine's, below net", set("net.netfilter.nf_hooks_lwtunnel"), "would change the host"},
		{"whole machine's, with slashes", set("net/netfilter/nf_hooks_lwtunnel"), "would change the host"},
		{"next ids", func(c *configs.Config) {
			c.Sysctl = map[string]string{"kernel.msg_next_id": "1", "kernel.sem_next_id": "2", "kernel/shm_next_id": "3"}
		}, ""},
		{"highest pid", set("kernel.pid_max"), ""},
		{"highest pid of a joined namespace", func(c *configs.Config) {
			c.Namespaces.Add(configs.NEWPID, "/proc/1/ns/pid")
			c.Sysctl = map[string]string{"kernel.pid_max": "1000"}
		}, "needs a new NEWPID namespace"},
		{"namespaces", set("user.max_net_namespaces"), "needs a NEWUSER namespace"},
		{"value with NUL", func(c *configs.Config) { c.Sysctl = map[string]string{"kernel.sem": "1\x00"} }, "NUL"},
	}
	for _, name := range []string{"msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"} {
		tests = append(tests,
			testCase{name, set("kernel." + name), ""},
			testCase{name + " without a namespace", without(configs.NEWIPC, "kernel."+name), "needs a NEWIPC"})
	}
	for _, key := range []string{"kernel.core_pattern", "kernel/core_pattern", "vm.swappiness", "fs.file-max", "net", "network.x", "kernel.shmmax.x", "kernel"} {
		tests = append(tests, testCase{"of the host: " + key, set(key), "would change the host"})
	}
	for _, key := range []string{"", ".", "/", "net..x", "net//x", ".net.x", "/net/x", "net.x.", "net/x/", "net.ipv4."} {
		tests = append(tests, testCase{"empty component: " + key, set(key), "empty component"})
	}
	for _, key := range []string{"net/../kernel/core_pattern", "net.//.kernel", "net/.", "net./.x", "net/x/.."} {
		tests = append(tests, testCase{"dots: " + key, set(key), `." component`})
	}
	tests = append(tests, testCase{"NUL", set("net.\x00"), "NUL"})
	run(t, tests)
}
