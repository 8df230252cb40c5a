//world:one

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer"
)

// A file for a descriptor that was the container's own is refused, or left out if that is asked for.
func TestRestoreWithOptionalStdio(t *testing.T) {
	checkLeaks(t)
	factory := newCriuFactory(t)
	config := newConfig(t)
	c, err := factory.Create("test", config)
	if err != nil {
		t.Fatal(err)
	}
	destroyLater(t, c)
	p, _ := shell("exec </dev/zero; " + counter)
	before := newNumbers(t, p)
	if err := c.Start(p); err != nil {
		t.Fatal(err)
	}
	before.next()
	images := filepath.Join(publicTempDir(t), "images")
	if err := c.Checkpoint(&libcontainer.CriuOpts{ImagesDirectory: images}); err != nil {
		t.Fatal(err)
	}
	p.Stdout.(*os.File).Close()
	before.drain()
	_, _ = p.Wait()
	given := &libcontainer.Process{Stdin: strings.NewReader("")}
	err = c.Restore(given, &libcontainer.CriuOpts{ImagesDirectory: images})
	checkError(t, err, libcontainer.ConfigInvalid, "descriptor 0")
	given = &libcontainer.Process{Stdin: strings.NewReader("")}
	after := newNumbers(t, given)
	after.last = before.last
	if err := c.Restore(given, &libcontainer.CriuOpts{ImagesDirectory: images, OptionalStdio: true}); err != nil {
		t.Fatal(err)
	}
	after.next()
}
