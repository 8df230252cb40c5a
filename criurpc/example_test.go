package criurpc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/checkpoint-restore/go-criu/v8/rpc"

	"github.com/libcontainer/libcontainer/criurpc"
)

// A process is saved and goes on to run, if that takes less than a minute.
func Example() {
	images, err := os.Open("/var/lib/images")
	if err != nil {
		log.Fatal(err)
	}
	defer images.Close()
	criu := new(criurpc.Criu) // the one in PATH

	features, err := criu.Probe(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	if err := features.Missing(criurpc.Needs{InetSockets: true}); err != nil {
		log.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	pid, yes := int32(4711), true
	err = criu.Dump(ctx, &criurpc.Request{
		Opts:   &rpc.CriuOpts{Pid: &pid, LeaveRunning: &yes, TcpEstablished: &yes},
		Images: images,
		Notify: func(n *criurpc.Notification) error {
			log.Print("criu is at ", n.Stage)
			return nil // an error would let criu take all back
		},
	})
	var failed *criurpc.Error
	if errors.As(err, &failed) {
		log.Fatalf("it failed at stage %q, since %q: %s", failed.Stage, failed.Log, failed.Advice)
	}
	stats, err := criurpc.ReadDumpStats(images)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("it stood still for", stats.Frozen)
}

// A process is restored by a criu that has a mount namespace of its own. The process is a child
// of this program, which waits for it.
func ExampleCriu_Start() {
	images, err := os.Open("/var/lib/images")
	if err != nil {
		log.Fatal(err)
	}
	defer images.Close()
	yes, mode := true, rpc.CriuCgMode_SOFT
	request := &criurpc.Request{
		Opts:    &rpc.CriuOpts{RstSibling: &yes, ManageCgroupsMode: &mode},
		Images:  images,
		Inherit: []criurpc.InheritFd{{Key: "pipe:[4242]", File: os.Stdout}},
	}

	type started struct {
		criu *criurpc.Process
		err  error
	}
	result := make(chan started)
	go func() {
		runtime.LockOSThread() // and not unlocked: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
			result <- started{err: err}
			return
		}
		criu, err := new(criurpc.Criu).Start(request.Files()...)
		result <- started{criu, err}
	}()
	r := <-result
	if r.err != nil {
		log.Fatal(r.err)
	}
	pid, err := r.criu.Restore(context.Background(), request)
	if err != nil {
		log.Fatal(err)
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		log.Fatal(err)
	}
	state, err := process.Wait()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("it has ended with", state)
}
