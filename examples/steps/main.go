// Steps runs the steps of a job, one after the other, as a continuous-integration service does:
//
//	steps [-state DIR] job.json
//
//	{"rootfs": "/srv/rootfs", "workspace": "/home/me/project", "env": ["CI=true"], "memory_mib": 512, "steps": [
//	   {"name": "tools", "run": "apk add make"},
//	   {"name": "test",  "run": "make test", "timeout": "5m"}]}
//
// What a step changes in the root file system is there for the next one, and gone after the job; the
// image is never changed. The workspace is the host's directory, as the image's root sees it. The
// first step that fails ends the job, with its exit code.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

type job struct {
	Rootfs    string   `json:"rootfs"`
	Workspace string   `json:"workspace"`
	Env       []string `json:"env"`
	MemoryMiB int64    `json:"memory_mib"`
	Steps     []step   `json:"steps"`
}

type step struct {
	Name    string `json:"name"`
	Run     string `json:"run"`
	Timeout string `json:"timeout"` // 10m if it is empty
}

func main() {
	state := flag.String("state", "/var/lib/steps", "`directory` of the containers' state, and of what steps change")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: steps [-state DIR] job.json")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	code, err := run(ctx, *state, flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "steps:", err)
		code = cmp.Or(code, 1)
	}
	os.Exit(code)
}

func read(file string) (*job, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	j := new(job)
	if err := json.Unmarshal(text, j); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return j, nil
}

func run(ctx context.Context, state, file string) (code int, err error) {
	j, err := read(file)
	if err != nil {
		return 0, err
	}
	runtime, err := libcontainer.Open(state)
	if err != nil {
		return 0, err
	}
	changes, err := os.MkdirTemp("", "steps-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(changes)) }()
	config, err := j.config(changes)
	if err != nil {
		return 0, err
	}
	container, err := runtime.Create(ctx, fmt.Sprintf("job-%d", os.Getpid()), config)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, container.Destroy()) }()
	for i, s := range j.Steps {
		if code, err := j.step(ctx, container, i, s); code != 0 || err != nil {
			return code, err
		}
	}
	return 0, nil
}

// config has the job's layers, its workspace, and ids that belong to no other job.
func (j *job) config(changes string) (*configs.Config, error) {
	config := configs.Default()
	config.Overlay = &configs.Overlay{Lower: []string{j.Rootfs}, Upper: filepath.Join(changes, "upper"), Work: filepath.Join(changes, "work")}
	config.Namespaces.Add(configs.NEWUSER, "")
	config.IDs = &configs.IDPool{First: 1 << 30, Size: 1 << 16, Count: 1000}
	config.RootIDMapping = configs.IDMapMount
	config.Hostname = "job"
	config.Cgroups.Memory = cmp.Or(j.MemoryMiB, 1024) << 20
	config.Cgroups.PidsLimit = 1000
	config.Mounts = append(config.Mounts, &configs.Mount{
		Source: j.Workspace, Destination: "/workspace", Device: "bind", Flags: syscall.MS_BIND, IDMapping: configs.IDMapMount,
	})
	return config, errors.Join(os.Mkdir(config.Overlay.Upper, 0o755), os.Mkdir(config.Overlay.Work, 0o755))
}

// step runs one, and says what it has taken.
func (j *job) step(ctx context.Context, container *libcontainer.Instance, i int, s step) (code int, err error) {
	limit, err := time.ParseDuration(cmp.Or(s.Timeout, "10m"))
	if err != nil {
		return 0, fmt.Errorf("step %q: timeout: %w", s.Name, err)
	}
	fmt.Printf("== %d/%d %s\n", i+1, len(j.Steps), s.Name)
	result, err := container.Run(ctx, &libcontainer.Process{
		Args:   []string{"/bin/sh", "-ec", s.Run},
		Env:    append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}, j.Env...),
		Cwd:    "/workspace",
		Stdout: os.Stdout,
		Stderr: os.Stderr,
		Limits: &libcontainer.Limits{Wall: limit},
	})
	if err != nil {
		return 0, fmt.Errorf("step %q: %w", s.Name, err)
	}
	fmt.Printf("== %s: exit code %d, %v, CPU %v, memory at most %d MiB\n", s.Name, result.ExitCode,
		result.Wall.Round(time.Millisecond), result.CPU.Round(time.Millisecond), result.PeakMemory>>20)
	if result.OOMKilled {
		err = fmt.Errorf("step %q: more than %d MiB of memory", s.Name, cmp.Or(j.MemoryMiB, 1024))
	} else if result.Killed != nil {
		err = fmt.Errorf("step %q was killed: %w", s.Name, result.Killed)
	}
	return result.ExitCode, err
}
