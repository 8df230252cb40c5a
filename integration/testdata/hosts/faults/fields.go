package main

import (
	"errors"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// createWithFields makes a container whose configuration uses what Default leaves alone.
func (b *bench) createWithFields() (libcontainer.Container, error) {
	config := b.config()
	umask := uint32(0o027)
	config.Umask = &umask
	config.Scheduler = &configs.Scheduler{Policy: "SCHED_BATCH", Nice: 1}
	config.IOPriority = &configs.IOPriority{Class: "IOPRIO_CLASS_IDLE"}
	config.MemoryPolicy = &configs.MemoryPolicy{Mode: "MPOL_LOCAL"}
	config.Personality = &configs.Personality{Domain: "LINUX", Flags: []string{"ADDR_NO_RANDOMIZE"}}
	config.OomScoreAdj = 100
	// What is made here is missing again the next time.
	scratch := &configs.Mount{Source: "tmpfs", Destination: "/scratch", Device: "tmpfs"}
	scratch.SetOptions([]string{"nosuid", "nodev", "mode=755"})
	config.Mounts = append(config.Mounts, scratch)
	return b.factory.Create("faults", config)
}

// terminal is that of the process that was started last. When it is closed the process is
// hung up, so settle does that.
var terminal libcontainer.Console

// startWith starts a process that uses what others leave alone.
func startWith(c libcontainer.Container, p *libcontainer.Process, cwd string) error {
	p.Cwd, p.MakeCwd, p.User = cwd, true, "5000:6000"
	p.CPUAffinity = &configs.CPUAffinity{Initial: "0", Final: "0"}
	p.ConsoleSize = &configs.ConsoleSize{Height: 24, Width: 80}
	err := p.NewTerminal(func(c libcontainer.Console) error {
		terminal = c
		return nil
	})
	if err != nil {
		return err
	}
	return c.Start(p)
}

func startWithFields(c libcontainer.Container) error {
	return startWith(c, process("/bin/sleep", "1000000"), "/scratch/a/b")
}

func execWithFields(c libcontainer.Container) error {
	execed = process("/bin/true")
	return startWith(c, execed, "/tmp")
}

// thenClose closes the terminal after it has settled something else.
func thenClose(settle func(libcontainer.Container, error) error) func(libcontainer.Container, error) error {
	return func(c libcontainer.Container, err error) error {
		err = settle(c, err)
		if terminal != nil {
			err = errors.Join(err, terminal.Close())
			terminal = nil
		}
		return err
	}
}
