package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/libcontainer/libcontainer/bench/hosts/nap"
)

// newHostsTable compares host programs: what a program has beside the library shall cost nothing.
func newHostsTable(_ context.Context, opts options, work string) *table {
	t := &table{
		name:  "hosts",
		title: "One container's life in different host programs",
		about: lifeText() + ", by programs that embed the library: one with nothing else, one with a dependency " +
			"whose `init` function sleeps and comes before the library's, one that is very big",
		unit:  "lives",
		bases: []string{"plain"},
	}
	for _, host := range []struct{ program, name string }{
		{"plain", "plain"},
		{"asleep", fmt.Sprintf("init sleeps %d ms", nap.Length.Milliseconds())},
		{"big", "big"},
	} {
		path := filepath.Join(opts.hosts, host.program)
		name := host.name
		if stat, err := os.Stat(path); err == nil && host.program != "asleep" {
			name += fmt.Sprintf(", %d MB", stat.Size()>>20)
		}
		r, err := newHost(opts, work, host.program)
		if host.program == "plain" {
			t.bases = []string{name}
		}
		t.add(&candidate{name: name, bases: t.bases}, r, err)
	}
	return t
}

// newHost starts a host program, which has a state directory of its own.
func newHost(opts options, work, program string) (*servant, error) {
	return newServant(filepath.Join(opts.hosts, program), filepath.Join(work, "host-"+program), opts.rootfs)
}
