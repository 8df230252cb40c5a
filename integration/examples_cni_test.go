//world:any

package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
)

const cniPlugins = "/usr/lib/cni"

// writeConflist writes a network for CNI plugins whose last one is of that type.
func writeConflist(t *testing.T, dir, bridge, last string) string {
	t.Helper()
	return write(t, fmt.Sprintf(`{"cniVersion": "1.0.0", "name": "lct", "plugins": [
		{"type": "bridge", "bridge": %q, "isGateway": true, "ipMasq": true, "ipam": {
			"type": "host-local", "dataDir": %q, "ranges": [[{"subnet": "198.18.2.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
		{"type": %q, "capabilities": {"portMappings": true}}]}`, bridge, filepath.Join(dir, "ipam"), last), dir, last+".conflist")
}

// cniLeft looks for what plugins have not removed: addresses, rules and veth pairs. The bridge they leave.
func cniLeft(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "ipam/lct/198.*"))
	if err != nil || len(files) != 0 {
		t.Errorf("addresses in use: %q, error %v", files, err)
	}
	rules, err := exec.Command("iptables-save").Output()
	if err != nil || strings.Contains(string(rules), "198.18.2.") {
		t.Errorf("rules of iptables: error %v, %s", err, rules)
	}
	for _, device := range netDevices(t) {
		if strings.Contains(device, " veth") {
			t.Errorf("network device left: %s", device)
		}
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "cni-*")); err != nil || len(left) != 0 {
		t.Errorf("directories %q, error %v", left, err)
	}
}

func TestCNIExample(t *testing.T) {
	for _, plugin := range []string{"bridge", "host-local", "portmap"} {
		if _, err := os.Stat(filepath.Join(cniPlugins, plugin)); errors.Is(err, os.ErrNotExist) {
			t.Skipf("the CNI plugin %q is not in %s: install containernetworking-plugins", plugin, cniPlugins)
		}
	}
	if _, err := exec.LookPath("iptables"); err != nil {
		t.Skip("the CNI plugin portmap needs iptables, which is not installed")
	}
	if !inOwnNetwork(t) {
		return
	}
	checkLeaks(t)
	t.Setenv("TMPDIR", publicTempDir(t))
	outside := newOutside(t)
	answer(t, outside, ":80", "outside")
	dir, rootfs, bridge := publicTempDir(t), newRootfs(t), deviceName("br")
	write(t, "hello", rootfs, "page")
	t.Cleanup(func() {
		if err := netlink.LinkDel(hostLink(t, bridge)); err != nil {
			t.Error(err)
		}
	})
	cmd := exec.Command(buildProgram(t, "cni"), "-plugins", cniPlugins, "-p", "8080:80", writeConflist(t, dir, bridge, "portmap"), rootfs,
		"sh", "-c", "ip -4 -o addr show dev eth0; nc "+outside4+" 80 </dev/null; httpd -p 80 -h / && read x; exit 7")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // if the test failed half-way
	if got := page(t, "http://"+uplink4+":8080/page"); got != "hello" {
		t.Errorf("the published port says %q", got)
	}
	in.Close()
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("error %v, want exit status 7", err)
	}
	for _, want := range []string{"has address 198.18.2.2\n", "inet 198.18.2.2/24", "outside for " + uplink4} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output %q, want %q", &out, want)
		}
	}
	cniLeft(t, dir)

	bin := buildProgram(t, "cni")
	wantFailure(t, exec.Command(bin, rootfs), 2, "HOSTPORT:PORT")
	wantFailure(t, exec.Command(bin, "/nosuch.conflist", rootfs, "true"), 1, "/nosuch.conflist")
	wantFailure(t, exec.Command(bin, writeConflist(t, dir, bridge, "lct-none"), rootfs, "true"), 1, "lct-none")
	wantFailure(t, exec.Command(bin, writeConflist(t, dir, bridge, "portmap"), rootfs, "/nosuch"), 1, "/nosuch")
	cniLeft(t, dir)
}
