package configs_test

import (
	"fmt"

	"github.com/libcontainer/libcontainer/configs"
)

// A container of an image that others use, too: it gets ids that no other container has, sees
// the image's files as root's own, and keeps what it changes in memory.
func ExampleOverlay() {
	config := configs.Default()
	config.Overlay = &configs.Overlay{
		Lower:  []string{"/srv/images/web/top", "/srv/images/web/base"},
		Memory: 64 << 20,
	}
	config.Namespaces.Add(configs.NEWUSER, "")
	config.IDs = &configs.IDPool{First: 1 << 20, Size: 65536, Count: 10000}
	config.RootIDMapping = configs.IDMapMount
	fmt.Println(config.IDs)
	// Output: 10000 ranges of 65536 ids from 1048576 on
}

// The changes of this one outlive it, and belong on disk to the ids that it sees, so that the next
// one may have others.
func ExampleOverlay_kept() {
	config := configs.Default()
	config.Overlay = &configs.Overlay{
		Lower: []string{"/srv/images/web/base"},
		Upper: "/srv/web/changes",
		Work:  "/srv/web/work",
	}
	config.Namespaces.Add(configs.NEWUSER, "")
	config.IDs = &configs.IDPool{First: 1 << 20, Size: 65536, Count: 10000}
	config.RootIDMapping = configs.IDMapMount
	fmt.Println(config.HasRoot())
	// Output: true
}
