package integration

import (
	"errors"
	"sync"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// life is a whole life of a container.
func life(factory libcontainer.Factory, id string, config *configs.Config, p *libcontainer.Process) error {
	container, err := factory.Create(id, config)
	if err != nil {
		return err
	}
	err = container.Start(p)
	if err == nil {
		_, err = p.Wait()
	}
	return errors.Join(err, container.Destroy())
}

func shortLife(factory libcontainer.Factory, id, rootfs string) error {
	return life(factory, id, configFor(rootfs, id), &libcontainer.Process{Args: []string{"/bin/true"}})
}

func lives(t *testing.T, full int) int {
	t.Helper()
	if testing.Short() {
		return full / 20
	}
	return full
}

func TestLivesOneAfterAnother(t *testing.T) {
	checkLeaks(t)
	factory, rootfs := newFactory(t), newRootfs(t)
	for i := range lives(t, 1000) {
		if err := shortLife(factory, "life", rootfs); err != nil {
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
				if err := shortLife(factory, id, rootfs); err != nil {
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
