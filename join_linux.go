// The host's side: letting a process enter its cgroups by itself.

package libcontainer

import (
	"os"

	"github.com/libcontainer/libcontainer/cgroups"
)

// joinFiles are the files to which a process writes in order to enter its cgroups,
// see cgroups.Driver. Without any the host moves it.
type joinFiles struct {
	setup, exec []*os.File
}

func (j *joinFiles) all() []*os.File { return append(j.setup[:len(j.setup):len(j.setup)], j.exec...) }

func (j *joinFiles) close() {
	for _, f := range j.all() {
		f.Close()
	}
}

// openCgroups opens them where the process can do the whole of the work, or what
// is left of it: it must be in the cgroup of version 2, if there is one, already.
// A host without privileges moves it, since what may fail for it and what may not
// is for the manager to say.
func (l *launch) openCgroups() (err error) {
	if _, unified := l.c.cgroups.GetPaths()[""]; unified && !l.born {
		return nil
	}
	if os.Geteuid() != 0 || l.config.Cgroups.Optional {
		return nil
	}
	if l.joins.setup, err = l.c.cgroups.EntryFiles(cgroups.StageSetup); err != nil {
		return err
	}
	l.joins.exec, err = l.c.cgroups.EntryFiles(cgroups.StageExec)
	return err
}

func names(files []*os.File) []string {
	var list []string
	for _, f := range files {
		list = append(list, f.Name())
	}
	return list
}
