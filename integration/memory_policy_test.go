//world:any

package integration

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

func TestMemoryPolicy(t *testing.T) {
	if _, err := os.Stat("/proc/self/numa_maps"); err != nil {
		t.Skipf("the kernel does not know NUMA: %v", err)
	}
	bind := &configs.MemoryPolicy{Mode: "MPOL_BIND", Nodes: "0", Flags: []string{"MPOL_F_STATIC_NODES"}}
	local := &configs.MemoryPolicy{Mode: "MPOL_LOCAL"}
	for name, tt := range map[string]struct {
		config, process *configs.MemoryPolicy
		want            string // of proc_pid_numa_maps(5)
	}{
		"none":                 {nil, nil, "default"},
		"of the configuration": {bind, nil, "bind=static:0"},
		"of the process":       {nil, &configs.MemoryPolicy{Mode: "MPOL_INTERLEAVE", Nodes: "0"}, "interleave:0"},
		"of both":              {bind, local, "local"},
		"default":              {bind, &configs.MemoryPolicy{Mode: "MPOL_DEFAULT"}, "default"},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			config.MemoryPolicy = tt.config
			bothKinds(t, config, func() (*libcontainer.Process, *output) {
				p, out := command("head", "-n1", "/proc/self/numa_maps")
				p.MemoryPolicy, p.User = tt.process, "1000:1000"
				return p, out
			}, func(t *testing.T, out string) {
				if fields := strings.Fields(out); len(fields) < 2 || fields[1] != tt.want {
					t.Errorf("the policy is %q, want %q", out, tt.want)
				}
			})
		})
	}
	p, _ := command("true")
	p.MemoryPolicy = &configs.MemoryPolicy{Mode: "MPOL_BIND", Nodes: "1023"}
	startFails(t, newConfig(t), p, libcontainer.ConfigInvalid, `set memory policy MPOL_BIND of the nodes "1023"`, "invalid argument")
	p, _ = command("true")
	p.MemoryPolicy = &configs.MemoryPolicy{Mode: "MPOL_BIND"}
	startFails(t, newConfig(t), p, libcontainer.ConfigInvalid, "MemoryPolicy.Nodes")
}

func TestPersonality(t *testing.T) {
	fixed := &configs.Personality{Domain: "LINUX", Flags: []string{"ADDR_NO_RANDOMIZE"}}
	for name, tt := range map[string]struct {
		config, process *configs.Personality
		want            string
	}{
		"none":                 {nil, nil, "00000000"},
		"of the configuration": {fixed, nil, "00040000"},
		"of the process":       {nil, fixed, "00040000"},
		"of both":              {fixed, &configs.Personality{Domain: "LINUX"}, "00000000"},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			config.Personality = tt.config
			bothKinds(t, config, func() (*libcontainer.Process, *output) {
				p, out := command("cat", "/proc/self/personality")
				p.Personality = tt.process
				return p, out
			}, func(t *testing.T, out string) { wantOutput(t, out, tt.want) })
		})
	}
	t.Run("32-bit", func(t *testing.T) {
		config := newConfig(t)
		config.Personality = &configs.Personality{Domain: "LINUX32"}
		p, out := command("uname", "-m")
		if runtime.GOARCH != "amd64" {
			// Not every machine runs programs of 32 bits.
			container := newContainer(t, config)
			if err := container.Start(p); err != nil {
				checkError(t, err, libcontainer.ConfigInvalid, "set personality LINUX32")
				return
			}
			if _, err := p.Wait(); err != nil {
				t.Fatal(err)
			}
			wantOutput(t, out.stdout.String(), "armv8l\n")
			return
		}
		wantOutput(t, runProcess(t, config, p, out), "i686")
	})
	own, err := os.ReadFile("/proc/self/personality")
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.TrimSpace(string(own)); text != "00000000" {
		t.Errorf("this program's own personality is %s", text)
	}
	p, _ := command("true")
	p.Personality = &configs.Personality{Domain: "LINUX64"}
	startFails(t, newConfig(t), p, libcontainer.ConfigInvalid, `Personality.Domain "LINUX64"`)
}
