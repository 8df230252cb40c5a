//go:build linux

package cgv2

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

const typeFile = "cgroup.type"

// FillThreaded makes threaded what the kernel has made below a threaded cgroup: a
// process could not enter it as it is. See "Threads" in cgroup-v2. It is for
// cgtree.Target.
func FillThreaded(_, dir *cgdir.Dir, made bool) error {
	if !made {
		return nil
	}
	text, err := dir.ReadFile(typeFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if strings.TrimSpace(text) != "domain invalid" {
		return nil
	}
	return dir.WriteFile(typeFile, "threaded")
}

// describeType tells what a threaded cgroup is, see "Threads" in cgroup-v2.rst.
func describeType(dir *cgdir.Dir) string {
	text, err := dir.ReadFile(typeFile)
	kind := strings.TrimSpace(text)
	switch {
	case err != nil, kind == "domain":
		return "the kernel does not support it there"
	case kind == "domain threaded":
		return "it is the root of threaded cgroups (cgroup.type is \"domain threaded\"), and below it there are only controllers that tell threads apart"
	}
	return fmt.Sprintf("it is among threaded cgroups (cgroup.type is %q), where there are only controllers that tell threads apart", kind)
}
