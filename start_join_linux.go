// Starting a further process of a container: the host's side of its way into the container.

package libcontainer

import (
	"os"

	"golang.org/x/sys/unix"
)

// joinContainer leads a further process to the program.
func (st *starting) joinContainer() error {
	st.init = st.c.view().init.Clone()
	if err := st.chownStdio(st.init.Pid()); err != nil {
		return err
	}
	if err := st.openCgroups(); err != nil {
		return err
	}
	if st.plan.classic {
		return st.joinClassic()
	}
	init, err := st.openInit()
	if err != nil {
		return err
	}
	list, err := st.plan.joinStage(init, st.joinFlags())
	if err != nil {
		return err
	}
	if err := st.conn.Send(list); err != nil {
		return err
	}
	st.unlock()
	return st.serve()
}

// openInit opens a pidfd of the init of a container that a further process joins.
func (st *starting) openInit() (*os.File, error) {
	init, err := st.c.view().init.File()
	if err != nil {
		return nil, err
	}
	if init == nil {
		return nil, unix.ESRCH
	}
	st.closers = append(st.closers, init)
	return init, nil
}

// joinFlags gives the namespaces that a further process joins: all that the container
// has of its own.
func (st *starting) joinFlags() (flags uintptr) {
	for i := range st.config.Namespaces {
		flags |= uintptr(st.config.Namespaces[i].Syscall())
	}
	if st.c.view().restored {
		flags |= unix.CLONE_NEWTIME
	}
	if flags&unix.CLONE_NEWUSER == 0 {
		return flags
	}
	var theirs unix.Stat_t
	if unix.Stat(procFile(st.c.view().init.Pid(), "ns/user"), &theirs) == nil && sameUserns(&theirs) {
		flags &^= unix.CLONE_NEWUSER
	}
	return flags
}
