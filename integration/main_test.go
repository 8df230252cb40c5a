package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	_ "github.com/libcontainer/libcontainer/nsenter"
)

// baseRootfs is the busybox root file system, which tests link from.
var baseRootfs string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	if dir := os.Getenv("LCTEST_BUILD"); dir != "" {
		if err := buildAll(dir); err != nil {
			fmt.Println(err)
			return 1
		}
		return 0
	}
	if host := os.Getenv(hostMistake); host != "" {
		fmt.Print(mistakenHosts[host](os.Getenv("LCTEST_ROOTFS"), os.Getenv("LCTEST_STATE")))
		return 0
	}
	if os.Geteuid() != 0 {
		fmt.Println("integration tests need root: run them with sudo, or `make test` as root")
		return 1
	}
	dir, err := os.MkdirTemp("", "libcontainer-integration-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // user namespaces look at it as others
		fmt.Println(err)
		return 1
	}
	baseRootfs = filepath.Join(dir, "rootfs")
	out, err := exec.Command("../scripts/mkrootfs.sh", baseRootfs).CombinedOutput()
	if err != nil {
		fmt.Printf("make root file system: %v: %s\n", err, out)
		return 1
	}
	if err := warmUp(dir); err != nil {
		fmt.Println("first container:", err)
		return 1
	}
	return m.Run()
}
