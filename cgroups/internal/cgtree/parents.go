//go:build linux

package cgtree

import (
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// markName is the extended attribute on directories that were made as parents of
// containers' cgroups. Whoever destroys the last of these containers, perhaps
// another process, removes the parents with it, and leaves those alone that
// somebody made for a purpose.
//
// Without privileges it cannot be set (xattr(7)); then a parent is removed only
// by the container that it was made for.
const markName = "trusted.libcontainer"

// mark marks a parent. A failure does not matter: the record of the container
// has the parent, too.
func mark(dir string) { _ = unix.Lsetxattr(dir, markName, []byte("1"), 0) }

func marked(dir string) bool {
	n, err := unix.Lgetxattr(dir, markName, make([]byte, 8))
	return err == nil && n > 0
}

// Marked returns the marked directories between a container's cgroups, leaves,
// and the ones that its configuration starts from, each before what is in it.
func Marked(cg *configs.Cgroup, leaves []string) (parents []string) {
	names, _, err := Names(cg)
	if err != nil {
		return nil
	}
	for _, leaf := range leaves {
		dir, ok := strings.CutSuffix(leaf, "/"+strings.Join(names, "/"))
		if !ok {
			continue // recorded under another configuration
		}
		for _, name := range names[:len(names)-1] {
			dir = path.Join(dir, name)
			if marked(dir) && !slices.Contains(parents, dir) {
				parents = append(parents, dir)
			}
		}
	}
	return parents
}

// Parents returns those of made that are not leaves.
func Parents(made, leaves []string) []string {
	return slices.DeleteFunc(slices.Clone(made), func(path string) bool { return slices.Contains(leaves, path) })
}

// Above returns those of paths that lead to a leaf.
func Above(paths, leaves []string) (above []string) {
	for _, parent := range paths {
		if slices.ContainsFunc(leaves, func(leaf string) bool { return strings.HasPrefix(leaf, parent+"/") }) {
			above = append(above, parent)
		}
	}
	return above
}

// RemoveMade removes directories in the reverse of the order they were made
// in. One that is used by others stays; one that is gone does not matter.
func RemoveMade(made []string) {
	for _, path := range slices.Backward(made) {
		// Not RemovePaths: what is below belongs to somebody else.
		_ = unix.Rmdir(path)
	}
}
