//go:build linux

package fs

import (
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
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

// markedParents returns the marked directories between the container's cgroups
// and the ones that its configuration starts from, each before what is in it.
func (m *Manager) markedParents(leaves []string) (parents []string) {
	names, _, err := containerNames(m.Cgroups)
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
