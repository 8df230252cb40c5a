// The container's side: entering the cgroups.

package initproc

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// cgroupFiles are the open files of cgroups of version 1 to which a thread writes in
// order to enter; see cgroups.Joiner for what is won by that. They are closed one by
// one, and execve closes those of a start that fails.
type cgroupFiles []int

// enter takes the first of the files, whose names are given, and moves the calling
// thread. That is the one that calls execve, at which all others end; what they do
// until then is no more the container's than their memory is.
func (f *cgroupFiles) enter(names []string) error {
	if len(names) > len(*f) {
		return fmt.Errorf("enter cgroups: the host has sent %d files, too few for %q", len(*f), names)
	}
	for i, name := range names {
		fd := (*f)[i]
		if err := writeThread(fd); err != nil {
			return fmt.Errorf("enter cgroup: write %s: %w", name, err)
		}
		if err := unix.Close(fd); err != nil {
			return fmt.Errorf("enter cgroup: close %s: %w", name, err)
		}
	}
	*f = (*f)[len(names):]
	return nil
}

// writeThread writes 0, which means whoever writes.
func writeThread(fd int) error {
	for {
		_, err := unix.Write(fd, []byte("0"))
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// filesReader reads from the init pipe and keeps the descriptors that come with what
// it reads (SCM_RIGHTS, unix(7)), which a plain read(2) would throw away.
type filesReader struct {
	pipe
	files cgroupFiles
}

// maxFiles is how many can come in one message: SCM_MAX_FD of the kernel.
const maxFiles = 253

func (r *filesReader) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	oob := make([]byte, unix.CmsgSpace(4*maxFiles))
	for {
		n, oobn, flags, _, err := unix.Recvmsg(int(r.pipe), b, oob, unix.MSG_CMSG_CLOEXEC)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, err
		case flags&unix.MSG_CTRUNC != 0:
			return 0, errors.New("descriptors from the host were lost")
		case n == 0:
			return 0, io.EOF
		}
		return n, r.keep(oob[:oobn])
	}
}

func (r *filesReader) keep(oob []byte) error {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return fmt.Errorf("parse descriptors from the host: %w", err)
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return fmt.Errorf("parse descriptors from the host: %w", err)
		}
		r.files = append(r.files, fds...)
	}
	return nil
}
