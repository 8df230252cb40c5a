// The host's side: what criu locks the network with at a checkpoint, and leaves there.

package libcontainer

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/netsetup"
)

// unlockNetwork removes what criu has left in the container's network namespace to lock it: if
// it was killed, or if the namespace outlives the container, packets would be dropped for ever.
// Established connections that are to be restored there are the exception, since without a lock
// the kernel would refuse what comes for them: the names of the tables are returned.
func (d *dump) unlockNetwork(gone bool) (kept []string, err error) {
	if gone && d.v.config.Namespaces.Creates(configs.NEWNET) {
		return nil, nil // it goes with the namespace; until then nobody is there to answer a packet but the kernel
	}
	tables, err := lockTables(d.network, d.work, dumpLog, d.v.init.Pid())
	if err != nil {
		return nil, err
	}
	if gone && d.opts.TcpEstablished {
		return tables, nil
	}
	return nil, removeTables(d.network, tables)
}

// cutOff removes the host's ends of the veth pairs of a network namespace that ends with the
// container, as long as that and criu's lock in it are still there. The kernel takes both down
// later, in an order in which it may answer a packet in between, and so reset a connection that
// is to be restored.
func (d *dump) cutOff() error {
	if !d.v.config.Namespaces.Creates(configs.NEWNET) {
		return nil
	}
	return netsetup.RemoveVeths(d.c.root, vethNames(d.v.config))
}

// removeLocks removes the locks of a checkpoint from which nothing has been restored.
func (v *view) removeLocks() error {
	if len(v.locks) == 0 {
		return nil
	}
	ns, err := os.Open(sharedNetwork(v.config))
	if err != nil {
		return nil //nolint:nilerr // it has gone, and they with it
	}
	defer ns.Close()
	return removeTables(ns, v.locks)
}

// sharedNetwork is the path of the network namespace of a container that has none of its own.
func sharedNetwork(config *configs.Config) string {
	return cmp.Or(config.Namespaces.PathOf(configs.NEWNET), "/proc/thread-self/ns/net")
}

func removeTables(ns *os.File, names []string) error {
	for _, name := range names {
		if err := netsetup.RemoveTable(ns, name); err != nil {
			return fmt.Errorf("remove the network lock %s: %w", name, err)
		}
	}
	return nil
}

// lockTables lists the tables of nftables that are in a network namespace and by which a criu
// has locked it that has written this log: they have the number of a run, which is in the log, or
// before version 4.2 a pid of the first process. Others are another criu's.
func lockTables(ns, work *os.File, log string, pids ...int) ([]string, error) {
	tables, err := netsetup.CriuTables(ns)
	if err != nil || len(tables) == 0 {
		return nil, err
	}
	names := lockNames(work, log, pids)
	return slices.DeleteFunc(tables, func(table string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return isLockTable(table, name) })
	}), nil
}

// isLockTable tells whether a table has that name: criu cuts a number of a run, which has 36
// characters, off after 21.
func isLockTable(table, name string) bool {
	const cut = len(netsetup.CriuTable) + 21
	return table == name || len(table) >= cut && strings.HasPrefix(name, table)
}

func lockNames(work *os.File, log string, pids []int) (names []string) {
	for _, pid := range pids {
		names = append(names, netsetup.CriuTable+strconv.Itoa(pid))
	}
	fd, err := unix.Openat(int(work.Fd()), log, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return names
	}
	f := os.NewFile(uintptr(fd), log)
	defer f.Close()
	const begin = 64 << 10 // the numbers are in its first lines
	data, _ := io.ReadAll(io.LimitReader(f, begin))
	for line := range strings.Lines(string(data)) {
		if _, run, ok := strings.Cut(line, "CRIU run id = "); ok {
			names = append(names, netsetup.CriuTable+strings.TrimSpace(run))
		}
	}
	return names
}
