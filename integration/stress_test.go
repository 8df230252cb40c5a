package integration

import (
	"sync"
	"testing"

	"github.com/libcontainer/libcontainer"
)

// life is a whole life of a container.
func life(factory libcontainer.Factory, rootfs, id string) error {
	config := configFor(rootfs, id)
	container, err := factory.Create(id, config)
	if err != nil {
		return err
	}
	p := &libcontainer.Process{Args: []string{"/bin/true"}}
	if err := container.Start(p); err != nil {
		container.Destroy()
		return err
	}
	if _, err := p.Wait(); err != nil {
		container.Destroy()
		return err
	}
	return container.Destroy()
}

func lives(t *testing.T, full int) int {
	t.Helper()
	if testing.Short() {
		return full / 10
	}
	return full
}

func TestLivesOneAfterAnother(t *testing.T) {
	checkLeaks(t)
	factory, rootfs := newFactory(t), newRootfs(t)
	for i := range lives(t, 1000) {
		if err := life(factory, rootfs, "life"); err != nil {
			t.Fatalf("life %d: %v", i, err)
		}
	}
}

func TestLivesAtOnce(t *testing.T) {
	checkLeaks(t)
	factory, rootfs := newFactory(t), newRootfs(t)
	ids := make(chan string)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for id := range ids {
				if err := life(factory, rootfs, id); err != nil {
					t.Errorf("life %s: %v", id, err)
				}
			}
		})
	}
	for i := range lives(t, 200) {
		ids <- "life-" + itoa(i)
	}
	close(ids)
	wg.Wait()
}
