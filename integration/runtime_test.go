package integration

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

// TestRuntime has what an embedder needs without a type assertion, and meets the classic types.
func TestRuntime(t *testing.T) {
	checkLeaks(t)
	ctx := t.Context()
	root := filepath.Join(publicTempDir(t), "state")
	runtime, err := libcontainer.Open(root, tested.Manager)
	if err != nil {
		t.Fatal(err)
	}
	first, err := runtime.CreateWithRecord(ctx, "a", newConfig(t), []byte("mine"))
	if err != nil {
		t.Fatal(err)
	}
	handles := []libcontainer.Container{first}
	defer func() {
		for _, c := range handles { // each gives up what it holds
			if err := c.Destroy(); err != nil {
				t.Error(err)
			}
		}
	}()
	if _, err := runtime.Create(ctx, "a", newConfig(t)); !errors.Is(err, libcontainer.IdInUse) {
		t.Errorf("an id twice: %v", err)
	}
	startBlocked(t, first)
	config := newConfig(t)
	config.Cgroups.Name += "-b"
	if _, err := runtime.Create(ctx, "b", config); err != nil {
		t.Fatal(err)
	}
	classic, err := runtime.Factory().Load("a")
	if err != nil {
		t.Fatal(err)
	}
	handles = append(handles, classic)
	if c, ok := libcontainer.From(classic); !ok || c.ID() != "a" {
		t.Errorf("a Container of the factory is %v, %v", c, ok)
	}
	other, err := libcontainer.New(root, tested.Manager)
	if err != nil {
		t.Fatal(err)
	}
	again, err := other.Load("a")
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := runtime.Load(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	handles = append(handles, again, loaded)
	wantStatus(t, loaded, libcontainer.Running)
	if record, err := loaded.Record(); string(record) != "mine" || err != nil {
		t.Errorf("record %q, %v", record, err)
	}
	list, err := runtime.List(ctx)
	for _, c := range list {
		handles = append(handles, c)
	}
	if err != nil || len(list) != 2 || list[0].ID() != "a" || list[1].ID() != "b" {
		t.Errorf("list %v, %v", list, err)
	}
	// What cannot be loaded hides nothing else.
	if err := os.WriteFile(filepath.Join(root, "b", "state.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err = runtime.List(ctx)
	for _, c := range list {
		handles = append(handles, c)
	}
	if err == nil || len(list) != 1 || list[0].ID() != "a" {
		t.Errorf("with a broken state: list %v, %v", list, err)
	}
	checkError(t, err, libcontainer.SystemError, filepath.Join(root, "b"))
	if err := os.RemoveAll(filepath.Join(root, "b")); err != nil {
		t.Fatal(err)
	}
	if _, err := runtime.Load(ctx, "b"); !errors.Is(err, libcontainer.ContainerNotExists) {
		t.Errorf("load what is not there: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, createErr := runtime.Create(ended, "c", config)
	_, loadErr := runtime.Load(ended, "a")
	_, listErr := runtime.List(ended)
	for name, err := range map[string]error{"create": createErr, "load": loadErr, "list": listErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a context that has ended: %v", name, err)
		}
	}
	if c, ok := libcontainer.From(nil); ok || c != nil {
		t.Errorf("of no container: %v, %v", c, ok)
	}
}

func TestOpenFails(t *testing.T) {
	root := filepath.Join(publicTempDir(t), "state")
	if err := os.Mkdir(root, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(root, 0o777); err != nil {
		t.Fatal(err)
	}
	if r, err := libcontainer.Open(root); r != nil || !errors.Is(err, libcontainer.ConfigInvalid) {
		t.Errorf("a root that others may write to: %v, %v", r, err)
	}
	why := errors.New("no")
	if r, err := libcontainer.Open(root, func(*libcontainer.LinuxFactory) error { return why }); r != nil || !errors.Is(err, why) {
		t.Errorf("an option that fails: %v, %v", r, err)
	}
}
