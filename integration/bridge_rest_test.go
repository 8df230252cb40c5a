//world:any

package integration

import (
	"errors"
	"testing"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// nftTables lists the tables of nftables of this network namespace.
func nftTables(t *testing.T) (names []string) {
	t.Helper()
	conn, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	tables, err := conn.ListTables()
	for errors.Is(err, unix.EINTR) {
		tables, err = conn.ListTables()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		names = append(names, table.Name)
	}
	return names
}
