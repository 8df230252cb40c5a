// Dies is a host that kills itself while it checkpoints or restores a container:
//
//	dies ROOTFS STATE CGROUP dump IMAGES STAGE      starts a container that counts, and dumps it
//	dies ROOTFS STATE CGROUP restore IMAGES STAGE   restores a container of these images
//
// The container writes to the standard output. Criu is that of LIBCONTAINER_CRIU.
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
	"github.com/libcontainer/libcontainer/integration/testdata/hosts/internal/run"
	_ "github.com/libcontainer/libcontainer/nsenter"
)

func main() {
	err := checkpointOrRestore(os.Args[4], os.Args[5], os.Args[6])
	fmt.Fprintln(os.Stderr, "it has not died:", err)
	os.Exit(1)
}

func checkpointOrRestore(what, images, stage string) error {
	factory, err := libcontainer.New(os.Args[2], tested.Manager, func(l *libcontainer.LinuxFactory) error {
		l.CriuPath = cmp.Or(os.Getenv("LIBCONTAINER_CRIU"), "criu")
		return nil
	})
	if err != nil {
		return err
	}
	container, err := factory.Create("dies", run.Config())
	if err != nil {
		return err
	}
	c := container.(libcontainer.LinuxContainer)
	opts := &libcontainer.CriuOpts{ImagesDirectory: images, LeaveRunning: true, Progress: func(p libcontainer.CriuProgress) {
		if p.Stage == stage {
			if err := unix.Kill(os.Getpid(), unix.SIGKILL); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
			select {}
		}
	}}
	if what == "restore" {
		return c.RestoreContext(context.Background(), &libcontainer.Process{Stdout: os.Stdout}, opts)
	}
	p := &libcontainer.Process{
		Args:   []string{"/bin/sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; usleep 20000; done"},
		Env:    []string{"PATH=/bin:/usr/bin"},
		Stdout: os.Stdout,
	}
	if err := c.Start(p); err != nil {
		return err
	}
	return c.CheckpointContext(context.Background(), opts)
}
