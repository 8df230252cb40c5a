// Chaos is a crash test. It kills a program that works with containers at random
// instants, and looks each time whether a fresh process can collect all that is
// left and use the same ids again:
//
//	chaos -rootfs DIR [-kills 500] [-seed N]
//
// It runs itself again in three roles. The supervisor has network and mount
// namespaces of its own, so that nobody else's devices and mounts are in the
// picture, and is the parent of all orphans. The victim makes, uses and destroys
// containers, says each step before it does it, and is killed after a random
// number of them and a random time. The collector then destroys what it finds.
// The choices follow from the seed, but the instants do not: they depend on the
// machine too.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	_ "github.com/libcontainer/libcontainer/nsenter"
)

type options struct {
	Rootfs string
	Kills  int
	Seed   uint64
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) == 3 {
		switch os.Args[1] {
		case "supervisor":
			return withArgument(supervise)
		case "victim":
			return withArgument(beVictim)
		case "collector":
			return withArgument(collect)
		}
	}
	o, err := parseOptions()
	if err != nil {
		return err
	}
	return superviseApart(o)
}

// withArgument runs a role with what the second argument encodes.
func withArgument[T any](role func(T) error) error {
	var arg T
	if err := json.Unmarshal([]byte(os.Args[2]), &arg); err != nil {
		return fmt.Errorf("decode the argument of role %s: %w", os.Args[1], err)
	}
	return role(arg)
}

func parseOptions() (o options, err error) {
	seed := cmp.Or(os.Getenv("SEED"), strconv.FormatUint(rand.Uint64(), 10))
	if o.Seed, err = strconv.ParseUint(seed, 10, 64); err != nil {
		return o, fmt.Errorf("SEED: %w", err)
	}
	flag.StringVar(&o.Rootfs, "rootfs", "", "root file system `directory`, with busybox")
	flag.IntVar(&o.Kills, "kills", 500, "how `many` times to kill")
	flag.Uint64Var(&o.Seed, "seed", o.Seed, "what the random choices follow from; else the variable SEED, or a random one")
	flag.Parse()
	if o.Rootfs == "" || o.Kills < 1 || flag.NArg() > 0 {
		flag.Usage()
		return o, errors.New("-rootfs is needed, and at least one kill")
	}
	o.Rootfs, err = filepath.Abs(o.Rootfs)
	return o, err
}

// superviseApart runs the supervisor in new namespaces. It alone handles the
// signals of the terminal, which reach it too.
func superviseApart(o options) error {
	arg, err := json.Marshal(o)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM)
	cmd := exec.Command("/proc/self/exe", "supervisor", string(arg))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGTERM,
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("supervisor: %w", err)
	}
	return nil
}
