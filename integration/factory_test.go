//world:any

package integration

import (
	"path/filepath"
	"testing"

	"github.com/libcontainer/libcontainer"
)

// A factory that New did not make starts containers, too.
func TestLiteralFactoryStarts(t *testing.T) {
	checkLeaks(t)
	factory := &libcontainer.LinuxFactory{Root: filepath.Join(publicTempDir(t), "state")}
	container, err := factory.Create("test", newConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := container.Destroy(); err != nil {
			t.Error(err)
		}
	}()
	p, out := command("echo", "hello")
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Errorf("wait: %v: %s", err, &out.stderr)
	}
	if got := out.stdout.String(); got != "hello\n" {
		t.Errorf("it said %q", got)
	}
}
