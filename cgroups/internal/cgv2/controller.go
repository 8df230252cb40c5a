//go:build linux

package cgv2

import (
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cglimit"
	"github.com/libcontainer/libcontainer/configs"
)

// What a configuration asks of a controller.
type request = cglimit.Request

const (
	nothing  = cglimit.Nothing
	welcome  = cglimit.Welcome
	required = cglimit.Required
)

// controller knows all there is to know about one cgroup v2 controller. A type that
// embeds plain has only to define what is special about it.
type controller interface {
	// name is the controller's, as in cgroup.controllers.
	name() string

	// asks tells what r asks of the controller, and by which field.
	asks(r *configs.Resources) (request, string)

	// v1Only returns a field that r sets and that the controller has nothing for, and
	// what takes its place. The field is "" if there is none.
	v1Only(r *configs.Resources) (field, advice string)

	// v2Only returns a field that r sets and that the same controller of cgroup v1 has
	// nothing for, "" if there is none.
	v2Only(r *configs.Resources) string

	// late lists the files of limits that the set-up of a container could meet.
	late() []string

	// keyed tells whether a file of the controller has a line a key, and what brings
	// a line back to its default.
	keyed(file string) (reset string, ok bool)

	// set writes what r asks for.
	set(s *setter, r *configs.Resources) error

	// stats reads the controller's part of stats. It is called only where the
	// controller is enabled.
	stats(c *Cgroup, stats *cgroups.Stats) error
}

// controllers returns the controllers in the order in which limits are set.
func controllers() []controller {
	return []controller{cpuset{}, cpu{}, memory{}, pids{}, hugetlb{}, io{}, rdma{}, misc{}, dmem{}}
}

// plain is a controller that nothing is asked of and that counts nothing.
type plain struct{}

func (plain) asks(*configs.Resources) (request, string) { return nothing, "" }

func (plain) v1Only(*configs.Resources) (field, advice string) { return "", "" }

func (plain) v2Only(*configs.Resources) string { return "" }

func (plain) late() []string { return nil }

func (plain) keyed(string) (reset string, ok bool) { return "", false }

func (plain) set(*setter, *configs.Resources) error { return nil }

func (plain) stats(*Cgroup, *cgroups.Stats) error { return nil }

// controllerOf returns the name of the controller that a file is of.
func controllerOf(file string) string {
	name, _, _ := strings.Cut(file, ".")
	return name
}

// keyed tells whether a file has a line a key, and what brings a line back to its
// default.
func keyed(file string) (reset string, ok bool) {
	for _, c := range controllers() {
		if c.name() == controllerOf(file) {
			return c.keyed(file)
		}
	}
	return "", false
}

// LateFiles lists the files of limits that the set-up of a container could meet.
func LateFiles() (files []string) {
	for _, c := range controllers() {
		files = append(files, c.late()...)
	}
	return files
}
