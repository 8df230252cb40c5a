package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/integration/internal/tested"
	"github.com/libcontainer/libcontainer/specconv"
)

// bundleSpec edits what specconv.Example returns, so that there is something to be seen of
// each kind of property.
func bundleSpec() *specs.Spec {
	spec := specconv.Example()
	umask, adj, limit, memory := uint32(0o27), 321, int64(33), int64(64<<20)
	p := spec.Process
	p.Terminal = false
	p.User = specs.User{UID: 1234, GID: 2345, Umask: &umask, AdditionalGids: []uint32{77, 88}}
	p.Cwd = "/run/made/here"
	p.Env = append(p.Env, "COLOUR=blue")
	p.OOMScoreAdj = &adj
	p.Scheduler = &specs.Scheduler{Policy: specs.SchedOther, Nice: 7}
	p.Capabilities = &specs.LinuxCapabilities{
		Bounding: []string{"CAP_CHOWN", "CAP_KILL", "CAP_NO_SUCH_THING"}, Permitted: []string{"CAP_KILL"}, Effective: []string{"CAP_KILL"},
		Inheritable: []string{"CAP_KILL"}, Ambient: []string{"CAP_KILL"},
	}
	spec.Hostname, spec.Domainname = "converted", "example"
	spec.Annotations = map[string]string{"com.example.key": "told"}
	spec.Mounts = append(spec.Mounts,
		specs.Mount{Destination: "/run", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "noexec", "size=1m", "mode=755"}},
		specs.Mount{Destination: "/mnt", Type: "none", Source: "volume", Options: []string{"rbind", "ro", "nodev"}})
	linux := spec.Linux
	linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1"}
	linux.Devices = []specs.LinuxDevice{{Path: "/dev/loop77", Type: "b", Major: 7, Minor: 77}}
	linux.Resources.Devices = append(linux.Resources.Devices, specs.LinuxDeviceCgroup{Allow: true, Type: "c", Access: "m"})
	linux.Resources.Pids = &specs.LinuxPids{Limit: &limit}
	linux.Resources.Memory = &specs.LinuxMemory{Limit: &memory}
	linux.Seccomp = &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow,
		Syscalls:      []specs.LinuxSyscall{{Names: []string{"sethostname"}, Action: specs.ActErrno}},
	}
	spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "cat > " + hookFile}}}}
	return spec
}

// hookFile is put in the place of by the path of the file that the hook writes.
const hookFile = "HOOKFILE"

// writeBundle makes a bundle of its own of that configuration, on the tests' root file system.
func writeBundle(t *testing.T, spec *specs.Spec) string {
	t.Helper()
	bundle := filepath.Dir(newRootfs(t))
	if err := os.Mkdir(filepath.Join(bundle, "volume"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bundle, "volume", "file"), []byte("from the bundle\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.ReplaceAll(string(text), hookFile, filepath.Join(bundle, "state")))
	if err := os.WriteFile(filepath.Join(bundle, specconv.ConfigFile), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return bundle
}

// bundleScript writes a line "name=value" for each property.
const bundleScript = `
echo "hostname=$(hostname)"
echo "domainname=$(cat /proc/sys/kernel/domainname)"
echo "user=$(id -u):$(id -g)"
echo "cwd=$(pwd)"
echo "umask=$(umask)"
echo "colour=$COLOUR"
echo "oom=$(cat /proc/self/oom_score_adj)"
echo "nice=$(awk '{print $19}' /proc/self/stat)"
echo "files=$(ulimit -n)"
echo "pid=$$"
echo "volume=$(cat /mnt/file)"
echo "forward=$(cat /proc/sys/net/ipv4/ip_forward)"
echo "lo=$(cat /sys/class/net/lo/operstate)"
echo "device=$(ls -l /dev/loop77 | awk '{print substr($1, 1, 10), $5, $6}')"
echo "null=$(echo x > /dev/null && echo writable)"
echo "masked=$(wc -c < /proc/timer_list)"
for dir in / /mnt /proc/sys; do
	awk -v dir="$dir" '$5 == dir { n = split($6, options, ","); for (i = 1; i <= n; i++) if (options[i] == "ro") ro = 1 }
		END { print "ro " dir "=" (ro ? "yes" : "no") }' /proc/self/mountinfo
done
awk '$5 == "/run" { print "run=" $6 }' /proc/self/mountinfo
cat /proc/self/status
`

// A bundle becomes a container, which has what its configuration says.
func TestBundle(t *testing.T) {
	spec := bundleSpec()
	spec.Process.Args = []string{"sh", "-c", bundleScript}
	name := "bundle-" + strconv.Itoa(os.Getpid())
	if tested.Systemd() {
		spec.Linux.CgroupsPath = cgroupParent + ":test:" + name
	} else {
		spec.Linux.CgroupsPath = cgroupParent + "/" + name
	}
	bundle := writeBundle(t, spec)
	loaded, err := specconv.Load(bundle)
	if err != nil {
		t.Fatal(err)
	}
	rootful := false
	result, err := specconv.Convert(loaded, &specconv.Options{ID: "test", Bundle: bundle, SystemdCgroup: tested.Systemd(), Rootless: &rootful})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0].Error(), "process.capabilities.bounding[2]") {
		t.Errorf("warnings %v, want one about the capability that nobody knows", result.Warnings)
	}
	out := new(output)
	result.Process.Stdout, result.Process.Stderr = &out.stdout, &out.stderr
	text := runProcess(t, result.Config, result.Process, out)
	got := make(map[string]string)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		got[name] = value
	}
	for name, value := range status(text) {
		got[name] = value
	}
	checkBundle(t, got)
	if t.Failed() {
		t.Logf("stdout %s, stderr %s", text, out.stderr.String())
	}
	checkBundleState(t, bundle)
}

// checkBundle looks at what bundleScript has written.
func checkBundle(t *testing.T, got map[string]string) {
	t.Helper()
	for name, want := range map[string]string{
		"hostname": "converted", "domainname": "example", "user": "1234:2345", "cwd": "/run/made/here", "umask": "0027",
		"colour": "blue", "oom": "321", "nice": "7", "files": "1024", "pid": "1", "volume": "from the bundle", "forward": "1",
		"lo": "unknown", "device": "brw-rw-rw- 7, 77", "null": "writable", "masked": "0", "ro /": "yes", "ro /mnt": "yes",
		"ro /proc/sys": "yes", "run": "rw,nosuid,noexec,relatime", "Groups": "77 88", "CapBnd": "21", "CapPrm": "20",
		"CapInh": "20", "CapEff": "20", "CapAmb": "20", "NoNewPrivs": "1", "Seccomp": "2",
	} {
		if strings.HasPrefix(name, "Cap") {
			got[name] = strings.TrimLeft(got[name], "0")
		}
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

// checkBundleState looks at what the hook was told.
func checkBundleState(t *testing.T, bundle string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(bundle, "state"))
	if err != nil {
		t.Fatal(err)
	}
	var state specs.State
	if err := json.Unmarshal(text, &state); err != nil {
		t.Fatal(err)
	}
	if state.ID != "test" || state.Bundle != bundle || state.Annotations["com.example.key"] != "told" {
		t.Errorf("the hook was told %s", text)
	}
}
