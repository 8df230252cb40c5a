package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/bench/internal/lives"
	"github.com/libcontainer/libcontainer/configs"
)

// describeScript is run in the container, and writes lines that begin with what they are about. Then it
// waits, so that its cgroups can be read. The library looks up a HOME that nobody has asked for, and the
// shell adds variables of its own.
const describeScript = `
say() { while read -r line; do echo "$1 $line"; done; }
id -u | say user
id -g | say group
hostname | say hostname
pwd | say directory
grep -E '^(Groups|Cap|NoNewPrivs|Seccomp|Seccomp_filters):' /proc/self/status | say status
umask | say umask
env | grep -vE '^(HOME|PWD|SHLVL|OLDPWD|_)=' | say environment
ls -1 /proc/self/fd | say descriptor
echo "pid $$"
cat /sys/class/net/lo/flags | say loopback
for n in mnt pid net ipc uts user cgroup time; do echo "namespace $n $(readlink /proc/self/ns/$n)"; done
find /dev -exec stat -c '%n %F %t:%T' {} + | say device
say mount </proc/self/mountinfo
say cgroup </proc/self/cgroup
echo end
cat >/dev/null
`

// limitFiles are what of a container's cgroups is compared.
var limitFiles = []string{
	"memory.limit_in_bytes", "cpu.shares", "pids.max", "devices.list", // cgroup v1
	"memory.max", "cpu.weight", // cgroup v2
}

// checkContainers compares the container that the floor makes with the library's, as they see
// themselves and as their cgroups are, with and without a user namespace: figures of different things
// are not to be compared.
func checkContainers(ctx context.Context, opts options, work string) error {
	check := new(table)
	rootfs, err := check.reachableRootfs(opts.rootfs, work)
	if err != nil {
		return err
	}
	err = errors.Join(
		sameContainer(ctx, "containers", opts.floor, nil, rootfs, work, lives.Config),
		sameContainer(ctx, "containers with a user namespace", opts.floor, []string{"-u"}, rootfs, work, lives.UserConfig))
	for _, c := range check.closers {
		err = errors.Join(err, c())
	}
	return err
}

func sameContainer(ctx context.Context, what, floor string, args []string, rootfs, work string, config configFunc) error {
	fromFloor, err := describe(func(stdin, stdout *os.File) (func() error, error) {
		cmd := exec.CommandContext(ctx, floor, slices.Concat(args, []string{"-n", "1", "-c", describeScript, rootfs})...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, os.Stderr
		return cmd.Wait, cmd.Start()
	})
	if err != nil {
		return fmt.Errorf("look into the floor's %s: %w", what, err)
	}
	fromLibrary, err := describe(func(stdin, stdout *os.File) (func() error, error) {
		return startDescribed(rootfs, work, config, stdin, stdout)
	})
	if err != nil {
		return fmt.Errorf("look into the library's %s: %w", what, err)
	}
	if differences := compare(fromFloor, fromLibrary); len(differences) > 0 {
		return fmt.Errorf("the floor and the library make different %s:\n  %s", what, strings.Join(differences, "\n  "))
	}
	return nil
}

// startDescribed is the library's container; the function given waits for it and destroys it.
func startDescribed(rootfs, work string, config configFunc, stdin, stdout *os.File) (func() error, error) {
	factory, err := lives.NewFactory(work)
	if err != nil {
		return nil, err
	}
	id := lives.NewID("described", 0)
	container, err := factory.Create(id, config(rootfs, id))
	if err != nil {
		return nil, err
	}
	process := &libcontainer.Process{
		Args: []string{"/bin/sh", "-c", describeScript}, Env: lives.Environment,
		User: "0:0", Cwd: "/", Stdin: stdin, Stdout: stdout, Stderr: os.Stderr,
	}
	if err := container.Start(process); err != nil {
		return nil, errors.Join(err, container.Destroy())
	}
	return func() error {
		_, err := process.Wait()
		return errors.Join(err, container.Destroy(), nothingLeft(id))
	}, nil
}

// nothingLeft tells whether a destroyed container has left a cgroup: then its life was not a whole one.
func nothingLeft(id string) error {
	if left := cgroupFiles(id, ""); len(left) > 0 {
		return fmt.Errorf("the destroyed container has left %s", strings.Join(left, ", "))
	}
	return nil
}

// describe starts a container with the script and gives what it and its cgroups say.
func describe(start func(stdin, stdout *os.File) (wait func() error, err error)) ([]string, error) {
	stdin, hold, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	output, stdout, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, stdin.Close(), hold.Close())
	}
	defer output.Close()
	wait, err := start(stdin, stdout)
	err = errors.Join(err, stdin.Close(), stdout.Close())
	if err != nil {
		return nil, errors.Join(err, hold.Close())
	}
	lines, err := readDescription(output)
	if err == nil {
		var limits []string
		limits, err = readLimits(lines)
		lines = append(lines, limits...)
	}
	return normalized(lines, hostNamespaces()), errors.Join(err, hold.Close(), wait())
}

// readDescription reads until the script says that it is at its end.
func readDescription(output io.Reader) ([]string, error) {
	var lines []string
	for scanner := bufio.NewScanner(output); scanner.Scan(); {
		if scanner.Text() == "end" {
			return lines, nil
		}
		lines = append(lines, scanner.Text())
	}
	return nil, fmt.Errorf("the container has not described itself to the end, only: %q", lines)
}

// readLimits reads the files of the cgroups that the description names.
func readLimits(lines []string) ([]string, error) {
	name := cgroupName(lines)
	if name == "" {
		return nil, errors.New("the container is in no cgroup of its own")
	}
	var limits []string
	for _, file := range limitFiles {
		for _, path := range cgroupFiles(name, file) {
			data, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			for line := range strings.Lines(string(data)) {
				limits = append(limits, "limit "+path+" "+strings.TrimSpace(line))
			}
		}
	}
	return limits, nil
}

// cgroupFiles gives the paths of a file in the cgroups of that name in all hierarchies.
func cgroupFiles(name, file string) []string {
	var paths []string
	for _, root := range []string{cgroupRoot, cgroupRoot + "/*"} {
		found, err := filepath.Glob(filepath.Join(root, name, file))
		if err != nil {
			panic(err) // the pattern is malformed, which no name makes it
		}
		paths = append(paths, found...)
	}
	return paths
}

// cgroupName is the last element of the paths in proc_pid_cgroup(5).
func cgroupName(lines []string) string {
	for _, line := range lines {
		if path, ok := strings.CutPrefix(line, "cgroup "); ok {
			if name := filepath.Base(path); strings.HasPrefix(name, "lctest-") {
				return name
			}
		}
	}
	return ""
}

func hostNamespaces() map[string]string {
	namespaces := make(map[string]string)
	for _, name := range []string{"mnt", "pid", "net", "ipc", "uts", "user", "cgroup", "time"} {
		// What cannot be read is no namespace of the kernel's, and is none in the container.
		namespaces[name], _ = os.Readlink("/proc/self/ns/" + name)
	}
	return namespaces
}

// normalized takes out of a description what is different in every container, and sorts it.
func normalized(lines []string, host map[string]string) []string {
	name := cgroupName(lines)
	var normal []string
	for _, line := range lines {
		if name != "" {
			line = strings.ReplaceAll(line, name, "NAME")
		}
		fields := strings.Fields(line)
		switch {
		case fields[0] == "mount" && len(fields) > 6:
			line = normalMount(fields)
		case fields[0] == "namespace" && len(fields) == 3:
			whose := "its own"
			if fields[2] == host[fields[1]] {
				whose = "the host's"
			}
			line = fmt.Sprintf("namespace %s %s", fields[1], whose)
		}
		normal = append(normal, line)
	}
	slices.Sort(normal)
	return normal
}

// normalMount gives root, mount point, options and type of a line of proc_pid_mountinfo(5), and of one
// that hides a path only that: there are several ways to hide, and which is used is part of the contest.
func normalMount(fields []string) string {
	root, point, options := fields[4], fields[5], fields[6]
	if slices.Contains(configs.Default().MaskPaths, point) {
		return "mount that hides " + point
	}
	kind := ""
	if separator := slices.Index(fields, "-"); separator > 0 && separator+1 < len(fields) {
		kind = fields[separator+1]
	}
	return strings.Join([]string{"mount", root, point, options, kind}, " ")
}

// compare gives what is only in one of two sorted lists.
func compare(floor, library []string) []string {
	var differences []string
	for _, line := range floor {
		if count(floor, line) > count(library, line) {
			differences = append(differences, "only the floor: "+line)
		}
	}
	for _, line := range library {
		if count(library, line) > count(floor, line) {
			differences = append(differences, "only the library: "+line)
		}
	}
	return slices.Compact(differences)
}

func count(list []string, text string) (n int) {
	for _, line := range list {
		if line == text {
			n++
		}
	}
	return n
}
