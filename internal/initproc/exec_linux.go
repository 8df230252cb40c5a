// The container's side: the last steps, and the user's program.

package initproc

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// defaultPath is searched when the environment has no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func becomeProgram(p pipe, c *Config, u *user.ExecUser, l labels) error {
	if err := chownStdio(c.OwnStdio, u); err != nil {
		return err
	}
	cwdErr := changeDir(c.Cwd)
	if cwdErr != nil && !errors.Is(cwdErr, unix.EACCES) {
		return cwdErr
	}
	if err := setRlimits(c.Container.Rlimits); err != nil {
		return err
	}
	if err := setCredentials(c, u); err != nil {
		return err
	}
	if cwdErr != nil { // root may lack what the user has, as on NFS
		if err := changeDir(c.Cwd); err != nil {
			return err
		}
	}
	env := environment(c.Env, u.Home)
	name, err := lookPath(c.Args[0], env)
	if err != nil {
		return err
	}
	if err := unix.CloseRange(uint(c.FdLimit), ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("close_range from %d: %w", c.FdLimit, err)
	}
	if c.ReleaseFd > 0 {
		if err := awaitRelease(p, c.ReleaseFd); err != nil {
			return err
		}
	}
	if err := runHooks("startContainer", c.StartContainer, c.HookState); err != nil {
		return err
	}
	if err := l.set(); err != nil {
		return err
	}
	// The kernel clears it at each change of credentials, so it comes last. If
	// the host is dead already, the frame below says so.
	if sig := c.Container.ParentDeathSignal; sig > 0 {
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(sig), 0, 0, 0); err != nil {
			return fmt.Errorf("set parent death signal %d: %w", sig, err)
		}
	}
	if err := WriteFrame(p, KindExec, nil); err != nil {
		return fmt.Errorf("report exec: %w", err)
	}
	if !c.Filter.none() {
		return execFiltered(p, &c.Filter, name, c.Args, env)
	}
	// Not a raw execve: this one restores the soft limit of open files that
	// Go's runtime raised, unless setRlimits has set it.
	err = syscall.Exec(name, c.Args, env)
	return invalidError{fmt.Errorf("exec %s: %w", name, err)}
}

func setCredentials(c *Config, u *user.ExecUser) error {
	if err := dropBounding(c.Capabilities.Bounding); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl PR_SET_KEEPCAPS: %w", err)
	}
	if err := setUser(c, u); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl PR_SET_KEEPCAPS: %w", err)
	}
	if err := setCapabilities(c.heldCapabilities()); err != nil {
		return err
	}
	// Changing credentials may have made the process dumpable.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl PR_SET_DUMPABLE: %w", err)
	}
	if !c.Container.NoNewPrivileges {
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl PR_SET_NO_NEW_PRIVS: %w", err)
	}
	return nil
}

// chownStdio gives the pipes that the library made to the program's user, so
// that it can open /dev/stdout and its like again. What the caller passed as a
// file of its own is not ours to change.
func chownStdio(mask int, u *user.ExecUser) error {
	for fd := range 3 {
		if mask&(1<<fd) == 0 {
			continue
		}
		if err := unix.Fchown(fd, u.Uid, u.Gid); err != nil {
			return fmt.Errorf("chown standard descriptor %d to %d:%d: %w", fd, u.Uid, u.Gid, err)
		}
	}
	return nil
}

// changeDir enters the working directory and makes sure that it lies inside the
// root: getcwd(2) gives a path that does not begin with "/" if it does not, as
// when the path leads through a descriptor that leaked in.
func changeDir(dir string) error {
	if dir == "" {
		dir = "/"
	}
	if err := unix.Chdir(dir); err != nil {
		return invalidError{fmt.Errorf("change to working directory %q: %w", dir, err)}
	}
	cwd := make([]byte, unix.PathMax)
	n, err := unix.Getcwd(cwd)
	if err != nil {
		return invalidError{fmt.Errorf("get working directory %q: %w", dir, err)}
	}
	if n == 0 || cwd[0] != '/' {
		return invalidError{fmt.Errorf("working directory %q lies outside of the container's root: %w", dir, unix.EXDEV)}
	}
	return nil
}

func setRlimits(limits []configs.Rlimit) error {
	for _, l := range limits {
		lim := syscall.Rlimit{Cur: l.Soft, Max: l.Hard}
		if err := syscall.Setrlimit(l.Type, &lim); err != nil {
			return fmt.Errorf("set rlimit %d to %d:%d: %w", l.Type, l.Soft, l.Hard, err)
		}
	}
	return nil
}

// environment gives the program's environment: of several values for a name the
// last one counts, and HOME is the user's unless it is set.
func environment(env []string, home string) []string {
	last := make(map[string]int, len(env))
	for i, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		last[name] = i
	}
	out := make([]string, 0, len(env)+1)
	for i, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		if last[name] != i || name == "HOME" && value == "" {
			continue
		}
		out = append(out, kv)
	}
	if i, ok := last["HOME"]; !ok || env[i] == "HOME=" {
		out = append(out, "HOME="+home)
	}
	return out
}

// lookPath finds the program as execvp(3) does, in the container's files and
// with the rights of the program's user.
func lookPath(file string, env []string) (string, error) {
	if strings.Contains(file, "/") {
		return file, nil // execve says what is wrong with it
	}
	path := defaultPath
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = v
		}
	}
	var denied error
	for dir := range strings.SplitSeq(path, ":") {
		if dir == "" {
			dir = "."
		}
		name := dir + "/" + file
		err := executable(name)
		if err == nil {
			return name, nil
		}
		if errors.Is(err, unix.EACCES) {
			denied = err
		}
	}
	if denied != nil {
		return "", invalidError{fmt.Errorf("find %q in PATH %q: %w", file, path, denied)}
	}
	return "", invalidError{fmt.Errorf("find %q in PATH %q: %w", file, path, unix.ENOENT)}
}

func executable(name string) error {
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return unix.EACCES
	}
	return unix.Faccessat(unix.AT_FDCWD, name, unix.X_OK, unix.AT_EACCESS)
}
