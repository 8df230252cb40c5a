// The host's side: letting a process enter its cgroups by itself.

package libcontainer

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
)

// joinFiles are the files to which a process writes in order to enter its cgroups,
// see cgroups.Joiner. Without any the host moves it.
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
	joiner, ok := l.c.cgroups.(cgroups.Joiner)
	if _, unified := l.c.cgroups.GetPaths()[""]; !ok || unified && !l.born {
		return nil
	}
	if os.Geteuid() != 0 || l.config.Cgroups.Optional {
		return nil
	}
	if l.joins.setup, err = joiner.JoinFiles(cgroups.StageSetup); err != nil {
		return err
	}
	l.joins.exec, err = joiner.JoinFiles(cgroups.StageExec)
	return err
}

func names(files []*os.File) []string {
	var list []string
	for _, f := range files {
		list = append(list, f.Name())
	}
	return list
}

// filesWriter writes to a socket, with the first bytes the files (SCM_RIGHTS, unix(7)).
type filesWriter struct {
	socket *os.File
	files  []*os.File
}

func (w *filesWriter) Write(b []byte) (int, error) {
	if len(w.files) == 0 {
		return w.socket.Write(b)
	}
	n, err := w.send(b)
	if err != nil {
		return n, err
	}
	w.files = nil
	rest, err := w.socket.Write(b[n:])
	return n + rest, err
}

func (w *filesWriter) send(b []byte) (n int, err error) {
	conn, err := w.socket.SyscallConn()
	if err != nil {
		return 0, err
	}
	fds := make([]int, len(w.files))
	for i, f := range w.files {
		fds[i] = int(f.Fd())
	}
	var sendErr error
	err = conn.Write(func(fd uintptr) bool {
		for {
			n, sendErr = unix.SendmsgN(int(fd), b, unix.UnixRights(fds...), nil, unix.MSG_NOSIGNAL)
			if !errors.Is(sendErr, unix.EINTR) {
				return !errors.Is(sendErr, unix.EAGAIN)
			}
		}
	})
	if err = errors.Join(err, sendErr); err != nil {
		return 0, fmt.Errorf("send descriptors: %w", err)
	}
	return n, nil
}
