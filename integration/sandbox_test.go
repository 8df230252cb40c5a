//world:any

package integration

import (
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

// A sandbox lets a program compute, and nothing else, both the first and a further one.
func TestSandbox(t *testing.T) {
	const may, mayNot = "may ", "may not "
	want := []string{
		may + "cat /etc/passwd", may + "echo x >/tmp/x", may + "mv /tmp/x /tmp/y", may + "echo x >/dev/shm/x",
		may + "cat /dev/zero | head -c 1", may + "cat /proc/self/status", may + "ls /sys",
		mayNot + "echo x >/etc/new", mayNot + "rm /etc/passwd", mayNot + "chmod 700 /etc/passwd", mayNot + "echo x >/dev/new",
		mayNot + "cp /bin/busybox /tmp/sh && /tmp/sh true", mayNot + "mount -t tmpfs x /tmp", mayNot + "mount -o remount,rw /",
		mayNot + "unshare -U true", mayNot + "unshare -m true", mayNot + "chroot / true", mayNot + "hostname other",
		mayNot + "mknod /tmp/null c 1 3", mayNot + "ip link set lo up", mayNot + "nc -l -p 8080", mayNot + "nc 127.0.0.1 1",
		mayNot + "echo 1 >/proc/sys/kernel/pid_max", mayNot + "dmesg", mayNot + "ulimit -n 2048", mayNot + "ulimit -c 1",
		mayNot + "head -c 65m /dev/zero >/tmp/big", mayNot + "nice -n -1 true", mayNot + "chown 1 /tmp/y",
		mayNot + "cat /proc/kcore | grep .", mayNot + "echo c >/proc/sysrq-trigger",
	}
	var commands []string
	for _, line := range want {
		commands = append(commands, strings.TrimPrefix(strings.TrimPrefix(line, mayNot), may))
	}
	checkLeaks(t)
	c := newInstance(t, sandbox(t))
	for _, kind := range []string{"first", "further"} {
		if kind == "further" {
			startBlocked(t, c)
		}
		p, out := shell(try(commands...) + `
rm -f /tmp/* /dev/shm/*
grep -E '^(Cap...|NoNewPrivs|Seccomp):' /proc/self/status | tr '\t' ' '
read first host size </proc/self/uid_map; echo $first $((host >= 0x70000000)) $size`)
		mustRun(t, c, p)
		wants := append(want, "CapInh: 0000000000000000", "CapPrm: 0000000000000000", "CapEff: 0000000000000000",
			"CapBnd: 0000000000000000", "CapAmb: 0000000000000000", "NoNewPrivs: 1", "Seccomp: 2", "0 1 65536")
		got := strings.Split(strings.TrimSuffix(out.stdout.String(), "\n"), "\n")
		for i := range max(len(got), len(wants)) {
			if i >= len(got) || i >= len(wants) || got[i] != wants[i] {
				t.Fatalf("%s process, line %d of\n%s\nwant\n%s\nstandard error %s", kind, i+1,
					strings.Join(got, "\n"), strings.Join(wants, "\n"), out.stderr.String())
			}
		}
	}
}

// What it may use has its limits.
func TestSandboxLimits(t *testing.T) {
	checkLeaks(t)
	c := newInstance(t, sandbox(t))
	p, _ := shell("exec tail /dev/zero")
	if r, err := c.Run(t.Context(), p); err != nil || !r.OOMKilled || r.PeakMemory > 256<<20 {
		t.Errorf("a program that wants all memory: %+v, error %v", r, err)
	}
	p, out := shell("i=0; while [ $i -lt 100 ]; do sleep 1000 & i=$((i+1)); done 2>/dev/null; echo not reached")
	if r := mustRun(t, c, p); r.ExitCode == 0 || out.stdout.String() != "" {
		t.Errorf("a hundred processes: %+v, output %q", r, out.stdout.String())
	}
}

// sandbox is the configuration of configs.Sandbox where tests have their containers.
func sandbox(t *testing.T) *configs.Config {
	t.Helper()
	config := configs.Sandbox()
	usual := newConfig(t)
	config.Rootfs = usual.Rootfs
	config.Cgroups.Name, config.Cgroups.Parent = usual.Cgroups.Name, usual.Cgroups.Parent
	return config
}
