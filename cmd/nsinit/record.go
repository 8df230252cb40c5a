package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer"
	"github.com/moby/sys/user"
)

// record is what this command has the library keep with a container.
type record struct {
	Bundle      string            `json:"bundle"`
	Annotations map[string]string `json:"annotations,omitempty"`

	// Process is that of the bundle, on which exec builds; nil if it has none.
	Process *specs.Process `json:"process,omitempty"`

	// Notify is the directory of the socket for sd_notify(3), "" if there is none.
	Notify string `json:"notify,omitempty"`

	// Stage is how far this command has come with the container, which its status alone does not tell.
	Stage stage `json:"stage"`
}

type stage string

const (
	stageCreating stage = "creating" // create is at work, or has died
	stageCreated  stage = "created"  // create has done all that it does
	stageRun      stage = "run"      // run or restore does all at once
	stageFailed   stage = "failed"   // start has failed: the container cannot be started any more
)

func (r *record) encode() ([]byte, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode the record: %w", err)
	}
	return data, nil
}

// save replaces the record that is kept with a container.
func (r *record) save(ctx context.Context, c *libcontainer.Instance) error {
	data, err := r.encode()
	if err != nil {
		return err
	}
	return c.SetRecord(ctx, data)
}

// recordOf also takes a container that another program has created, without a record of ours.
func recordOf(c *libcontainer.Instance) (*record, error) {
	data, err := c.Record()
	if err != nil {
		return nil, engineError(err)
	}
	r := new(record)
	if len(data) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("record of container %q: %w", c.ID(), err)
	}
	return r, nil
}

// containerState is the JSON of state and list: the state of the specification, and more.
type containerState struct {
	Version     string            `json:"ociVersion"`
	ID          string            `json:"id"`
	Pid         int               `json:"pid"`
	Status      string            `json:"status"`
	Bundle      string            `json:"bundle"`
	Rootfs      string            `json:"rootfs"`
	Created     time.Time         `json:"created"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Owner       string            `json:"owner"`
}

const (
	creating = "creating"
	created  = "created"
	running  = "running"
	paused   = "paused"
	stopped  = "stopped"
)

// stateOf looks at a container.
func (a *app) stateOf(c *libcontainer.Instance) (*containerState, error) {
	r, err := recordOf(c)
	if err != nil {
		return nil, err
	}
	state, err := c.State()
	if err != nil {
		return nil, engineError(err)
	}
	status, err := c.Status()
	if err != nil {
		return nil, engineError(err)
	}
	config := &state.Config
	s := &containerState{
		Version:     config.Version,
		ID:          c.ID(),
		Pid:         state.InitProcessPid,
		Status:      statusText(status, r),
		Bundle:      r.Bundle,
		Rootfs:      config.Rootfs,
		Created:     state.Created,
		Annotations: r.Annotations,
		Owner:       owner(filepath.Join(a.root, c.ID())),
	}
	if s.Status == stopped {
		s.Pid = 0
	}
	return s, nil
}

// statusText is the specification's name of a status.
func statusText(status libcontainer.Status, r *record) string {
	switch status {
	case libcontainer.Created:
		switch {
		case r.Stage == stageFailed:
			return stopped
		case r.Stage == stageCreated || r.Process == nil:
			return created
		}
		return creating
	case libcontainer.Running, libcontainer.Pausing:
		if r.Stage == stageCreating { // and when create has died, for the moment until init has noticed
			return creating
		}
		return running
	case libcontainer.Paused:
		return paused
	}
	return stopped
}

// owner is the name of the user that a container belongs to, or his id.
func owner(dir string) string {
	info, err := os.Stat(dir)
	if err != nil {
		return ""
	}
	uid := info.Sys().(*syscall.Stat_t).Uid
	if uid == 0 {
		return "root"
	}
	// Package os/user would call who has no entry what the variable USER says.
	if u, err := user.LookupUid(int(uid)); err == nil {
		return u.Name
	}
	return strconv.FormatUint(uint64(uid), 10)
}
