//world:any

package integration

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/libcontainer/libcontainer"
)

// An embedding program's own record goes with the container, from the claim of its id to
// the end.
func TestRecord(t *testing.T) {
	checkLeaks(t)
	factory := newFactory(t).(*libcontainer.LinuxFactory)
	root := factory.Root
	mustRecord := func(c libcontainer.Container, want string) {
		t.Helper()
		got, err := linux(c).Record()
		if err != nil || string(got) != want || (got == nil) != (want == "") {
			t.Errorf("record %q, error %v; want %q", got, err, want)
		}
	}
	config := newConfig(t)
	text := []byte("owner: me")
	c, err := factory.CreateWithRecord("test", config, text)
	if err != nil {
		t.Fatal(err)
	}
	text[0] = 'X' // it is the caller's again
	destroyLater(t, c)
	mustRecord(c, "owner: me")
	other := loadAgain(t, c, root)
	mustRecord(other, "owner: me")
	_, err = factory.CreateWithRecord("test", config, nil)
	checkError(t, err, libcontainer.IdInUse, "test")
	_, err = factory.CreateWithRecord("te/st", config, nil)
	checkError(t, err, libcontainer.InvalidIdFormat)
	config.Rootfs = ""
	_, err = factory.CreateWithRecord("test2", config, nil)
	checkError(t, err, libcontainer.ConfigInvalid, "Rootfs")

	_, release := startBlocked(t, c)
	mustRecord(other, "owner: me")
	if err := other.SetRecord(t.Context(), []byte("changed")); err != nil {
		t.Error(err)
	}
	mustRecord(c, "changed")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	err = linux(c).SetRecord(cancelled, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("set with a context that has ended: %v", err)
	}
	release()
	mustRecord(c, "changed")
	if err := c.Destroy(); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []libcontainer.Container{c, other} {
		_, err := linux(gone).Record()
		checkError(t, err, libcontainer.ContainerNotExists, "test")
		err = linux(gone).SetRecord(t.Context(), nil)
		checkError(t, err, libcontainer.ContainerNotExists, "test")
	}
}

func TestNoRecord(t *testing.T) {
	c, root := newContainerIn(t, newConfig(t))
	if got, err := c.Record(); got != nil || err != nil {
		t.Errorf("record %q, error %v", got, err)
	}
	if err := c.SetRecord(t.Context(), []byte("late")); err != nil {
		t.Error(err)
	}
	if got, err := loadAgain(t, c, root).Record(); string(got) != "late" || err != nil {
		t.Errorf("record %q, error %v", got, err)
	}
}

// What a program has left that was killed while it claimed an id is no container.
func TestListRemovesAbandonedClaims(t *testing.T) {
	factory := newFactory(t).(*libcontainer.LinuxFactory)
	root := factory.Root
	abandoned := filepath.Join(root, "~claim")
	if err := os.Mkdir(abandoned, 0o700); err != nil {
		t.Fatal(err)
	}
	if ids, err := factory.List(); err != nil || len(ids) != 0 {
		t.Errorf("list: %q, %v", ids, err)
	}
	if _, err := os.Lstat(abandoned); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestTimeOfCreation(t *testing.T) {
	before := time.Now().Add(-time.Second)
	c, root := newContainerIn(t, newConfig(t))
	created := func(c libcontainer.Container) time.Time {
		t.Helper()
		state, err := c.State()
		if err != nil {
			t.Fatal(err)
		}
		return state.Created
	}
	first := created(c)
	if first.Before(before) || first.After(time.Now().Add(time.Second)) || first.Location() != time.UTC {
		t.Errorf("created at %v", first)
	}
	if got := created(loadAgain(t, c, root)); !got.Equal(first) {
		t.Errorf("another handle says %v, want %v", got, first)
	}
	startBlocked(t, c)
	for _, c := range []libcontainer.Container{c, loadAgain(t, c, root)} {
		if got := created(c); !got.Equal(first) {
			t.Errorf("it was created at %v, want %v", got, first)
		}
	}
}
