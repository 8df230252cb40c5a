//world:any

package integration

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

// One parameter changes others: what is general is written before what is specific, so
// that each has the value that was asked for, whatever the order of a map is.
func TestOrderOfSysctls(t *testing.T) {
	config := newConfig(t)
	config.Sysctl = map[string]string{
		"net.ipv4.ip_forward":                       "1",
		"net.ipv4.conf.all.accept_redirects":        "1",
		"net.ipv4.conf.default.accept_redirects":    "1",
		"net.ipv4.conf.lo.accept_redirects":         "1",
		"net.ipv4.conf.lo.forwarding":               "0",
		"net.ipv4.conf.default.forwarding":          "0",
		"net.ipv4.conf.default.rp_filter":           "0",
		"net.ipv4.conf.all.rp_filter":               "2",
		"net/ipv4/conf/lo/rp_filter":                "1",
		"net.ipv4.conf.all.send_redirects":          "0",
		"net.ipv4.conf.default.send_redirects":      "0",
		"net.ipv4.conf.lo.send_redirects":           "0",
		"net.ipv4.conf.all.accept_source_route":     "0",
		"net.ipv4.conf.lo.accept_source_route":      "1",
		"net.ipv4.conf.default.arp_filter":          "1",
		"net.ipv4.conf.lo.arp_filter":               "0",
		"net.ipv4.conf.all.arp_filter":              "0",
		"net.ipv4.conf.default.accept_local":        "1",
		"net.ipv4.conf.lo.accept_local":             "0",
		"net.ipv4.conf.all.secure_redirects":        "1",
		"net.ipv4.conf.lo.secure_redirects":         "0",
		"net.ipv4.conf.default.secure_redirects":    "0",
		"net.ipv4.conf.default.log_martians":        "1",
		"net.ipv4.conf.lo.log_martians":             "0",
		"net.ipv4.conf.all.log_martians":            "0",
		"net.ipv4.ping_group_range":                 "0\t5",
		"net.ipv4.ip_unprivileged_port_start":       "79",
		"net.ipv4.ip_local_port_range":              "2000\t3000",
		"kernel.shmmax":                             "12345678",
		"kernel.shmall":                             "54321",
		"net.ipv4.conf.all.shared_media":            "1",
		"net.ipv4.conf.lo.shared_media":             "0",
		"net.ipv4.conf.default.shared_media":        "0",
		"net.ipv4.conf.lo.promote_secondaries":      "1",
		"net.ipv4.conf.all.promote_secondaries":     "0",
		"net.ipv4.conf.default.drop_gratuitous_arp": "1",
	}
	script, want := "", ""
	for name, value := range config.Sysctl {
		file := "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
		script += "echo " + name + " $(cat " + file + ")\n"
		want += name + " " + strings.ReplaceAll(value, "\t", " ") + "\n"
	}
	container := newContainer(t, config)
	for range 10 {
		p, out := shell(script)
		if err := container.Start(p); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Wait(); err != nil {
			t.Fatal(err, out.stderr.String())
		}
		if got := out.stdout.String(); got != want {
			t.Fatalf("values\n got %v\nwant %v", added(strings.Split(want, "\n"), strings.Split(got, "\n")), added(strings.Split(got, "\n"), strings.Split(want, "\n")))
		}
	}
}

// The clocks of a new time namespace can be set where there is a new user namespace too.
func TestTimeOffsetsInAUserNamespace(t *testing.T) {
	config := newConfig(t)
	config.Namespaces.Add(configs.NEWTIME, "")
	withUserNS(t, config, 100000)
	config.TimeOffsets = map[string]configs.TimeOffset{"boottime": {Secs: 100000000}, "monotonic": {Secs: 200000000, Nanosecs: 5}}
	got := runShell(t, config, `cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets`)
	uptime, offsets, _ := strings.Cut(got, "\n")
	if atoi(t, uptime) < 100000000 {
		t.Errorf("the container is up for %s seconds", uptime)
	}
	if f := strings.Join(strings.Fields(offsets), " "); f != "monotonic 200000000 5 boottime 100000000 0" {
		t.Errorf("offsets %q", f)
	}
}

// Of these each namespace has its own, and the host's stay as they are.
func TestSysctlsOfNamespaces(t *testing.T) {
	values := map[string]string{
		"kernel.msg_next_id": "77", "kernel.sem_next_id": "78", "kernel.shm_next_id": "79",
	}
	if own, err := os.ReadFile("/proc/sys/kernel/osrelease"); err != nil {
		t.Fatal(err)
	} else if release := strings.Split(string(own), "."); atoi(t, release[0])*100+atoi(t, strings.SplitN(release[1], "-", 2)[0]) >= 614 {
		values["kernel.pid_max"] = "4321"
	}
	for _, userNS := range []bool{false, true} {
		t.Run(fmt.Sprintf("user namespace %t", userNS), func(t *testing.T) {
			config := newConfig(t)
			if userNS {
				withUserNS(t, config, 100000)
			}
			config.Sysctl = values
			script, want := "", ""
			host := make(map[string]string)
			for _, name := range slices.Sorted(maps.Keys(values)) {
				file := "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
				script += "cat " + file + "\n"
				want += values[name] + "\n"
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				host[file] = string(text)
			}
			if got := runShell(t, config, script); got+"\n" != want {
				t.Errorf("values %q, want %q", got, want)
			}
			for file, before := range host {
				if after, err := os.ReadFile(file); err != nil || string(after) != before {
					t.Errorf("%s of the host was %q, and is %q, error %v", file, before, after, err)
				}
			}
		})
	}
}
