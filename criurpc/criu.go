package criurpc

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultGrace is what Criu.Grace is if it is 0.
const DefaultGrace = 10 * time.Second

// standardPath is the PATH of a criu whose caller has none.
const standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Criu tells which criu is executed, and how. The zero value is the one in PATH.
// All methods are safe for concurrent use.
type Criu struct {
	// Path is that of the program, "criu" if it is empty. Without a slash it is looked up in
	// the PATH that criu gets.
	Path string

	// Args are options that are put before the command, such as "--libdir". The options of a
	// request are in Request.Opts instead.
	Args []string

	// Env is criu's environment, and that of the programs that it calls: tar, gzip, ip,
	// iptables-restore. PATH is that of this program if there is none here. Elements of PATH
	// that are not absolute are left out: criu works in directories that others may have
	// written.
	Env []string

	// Grace is how long criu may take to answer when the context has ended, or when a stage
	// has been refused, before it is killed. It is DefaultGrace if it is 0. What criu does
	// between two stages, such as writing all the memory, has to fit in.
	Grace time.Duration

	// SameSession leaves criu in this program's session. Shell jobs (the option shell_job)
	// need that if they are to get this program's terminal. Otherwise it has a session of
	// its own: a signal from the terminal does not hit it, and what a failed restore leaves
	// can be found and ended.
	SameSession bool
}

func (c *Criu) grace() time.Duration {
	if c.Grace == 0 {
		return DefaultGrace
	}
	return c.Grace
}

// environment is criu's environment, with a PATH that is safe to use in any directory.
func (c *Criu) environment() []string {
	path, env := standardPath, []string(nil)
	if own, ok := os.LookupEnv("PATH"); ok {
		path = own
	}
	for _, variable := range c.Env {
		if value, ok := strings.CutPrefix(variable, "PATH="); ok {
			path = value
		} else {
			env = append(env, variable)
		}
	}
	return append(env, "PATH="+strings.Join(absolute(path), ":"))
}

func absolute(path string) (dirs []string) {
	for _, dir := range filepath.SplitList(path) {
		if filepath.IsAbs(dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// lookUp gives the path of a program that criu would call by that name.
func (c *Criu) lookUp(name string) (string, error) {
	if strings.Contains(name, "/") {
		path, err := filepath.Abs(name)
		if err == nil {
			err = executable(path)
		}
		if err != nil {
			return "", &exec.Error{Name: name, Err: err}
		}
		return path, nil
	}
	env := c.environment()
	path := strings.TrimPrefix(env[len(env)-1], "PATH=")
	for _, dir := range absolute(path) {
		if path := filepath.Join(dir, name); executable(path) == nil {
			return path, nil
		}
	}
	return "", &exec.Error{Name: name, Err: fmt.Errorf("%w, which is %q: %w", exec.ErrNotFound, path, os.ErrNotExist)}
}

func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return unix.EISDIR
	case info.Mode()&0o111 == 0:
		return os.ErrPermission
	}
	return nil
}

// program gives the path of criu.
func (c *Criu) program() (string, error) {
	name := c.Path
	if name == "" {
		name = "criu"
	}
	path, err := c.lookUp(name)
	if err != nil {
		return "", &Error{
			Op: OpStart, Err: err,
			Advice: fmt.Sprintf("install CRIU %s or later, or set the path of the program", oldest),
		}
	}
	return path, nil
}
