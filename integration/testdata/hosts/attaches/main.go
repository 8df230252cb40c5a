// Attaches is one of several hosts that use one network without knowing of each other:
// attaches DIRECTORY BRIDGE USED ROUNDS. In each round it has an address and a port for a moment, and
// a name in the directory USED for each, that nobody else may have then. With 0 rounds it attaches
// "lost" and "runs" and is killed.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/network"
)

func main() {
	if err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir, bridge, used string) error {
	rounds, err := strconv.Atoi(os.Args[4])
	if err != nil {
		return err
	}
	n, err := network.Open(ctx, dir, network.Config{
		Name: "blue", Bridge: bridge, Subnets: []netip.Prefix{netip.MustParsePrefix("198.18.0.0/29")},
	})
	if err != nil {
		return err
	}
	if rounds == 0 {
		for i, id := range []string{"lost", "runs"} {
			if _, err := n.Attach(ctx, id, configs.Default(), network.Port{HostPort: uint16(8080 + i)}); err != nil {
				return err
			}
		}
		return syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	for i := range rounds {
		if err := round(ctx, n, used, fmt.Sprintf("%d-%d", os.Getpid(), i)); err != nil {
			return fmt.Errorf("round %d: %w", i, err)
		}
	}
	return nil
}

// round may find the one port in use.
func round(ctx context.Context, n *network.Network, used, id string) error {
	names := []string{"port"}
	e, err := n.Attach(ctx, id, configs.Default(), network.Port{HostPort: 8080})
	if errors.Is(err, network.ErrPortInUse) {
		names = nil
		e, err = n.Attach(ctx, id, configs.Default())
	}
	if err != nil {
		return err
	}
	for _, name := range append(names, e.IPv4.String()) {
		if err := os.Symlink(id, filepath.Join(used, name)); err != nil {
			return fmt.Errorf("two have it: %w", err)
		}
	}
	// Collect leaves alone what a process has that runs.
	if err := n.Collect(ctx, nil); err != nil {
		return err
	}
	list, err := n.List(ctx)
	if err != nil {
		return err
	}
	for _, other := range list {
		if other.ID == id {
			for _, name := range append(names, e.IPv4.String()) {
				if err := os.Remove(filepath.Join(used, name)); err != nil {
					return err
				}
			}
			return n.Detach(ctx, id)
		}
	}
	return fmt.Errorf("%s is attached no more", id)
}
