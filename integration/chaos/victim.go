// The victim: a program that works with containers until it is killed.

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// reportFd is where the victim and the collector report to the supervisor.
const reportFd = 3

// report writes lines to the supervisor, which reads all of them.
type report struct{ file *os.File }

func newReport() report {
	syscall.CloseOnExec(reportFd) // the library's children have no business with it
	return report{os.NewFile(reportFd, "report")}
}

func (r report) say(line string) error {
	_, err := r.file.WriteString(line + "\n")
	return err
}

type victim struct {
	round
	report  report
	random  *rand.Rand
	factory libcontainer.Factory
	slots   [slots]*slot
	step    string // what is being done
	writers []*os.File
}

// slot is a container that is there or not.
type slot struct {
	number    int
	container libcontainer.LinuxContainer
	phase     phase
	init      *libcontainer.Process
}

// phase is how far a container is in its life.
type phase int

const (
	absent phase = iota
	created
	prepared
	running
	paused
	ended
)

// An action is what can be done to a container, and how likely, by weight.
type action struct {
	name   string
	weight int
	do     func(*victim, *slot) error
}

// actions are what can be done to a container in each phase.
var actions = map[phase][]action{
	absent:   {{"create", 1, (*victim).create}},
	created:  {{"start", 6, (*victim).start}, {"prepare", 3, (*victim).prepare}, {"set", 1, (*victim).set}, {"destroy", 1, (*victim).destroy}},
	prepared: {{"release", 4, (*victim).release}, {"destroy", 1, (*victim).destroy}},
	running: {
		{"exec", 4, (*victim).exec}, {"exec in background", 1, (*victim).execInBackground},
		{"load and exec", 1, (*victim).loadAndExec},
		{"pause", 2, (*victim).pause}, {"set", 2, (*victim).set}, {"look", 1, (*victim).look},
		{"kill", 1, (*victim).kill}, {"destroy", 4, (*victim).destroy},
	},
	paused: {{"resume", 3, (*victim).resume}, {"set", 1, (*victim).set}, {"destroy", 2, (*victim).destroy}},
	ended:  {{"start", 1, (*victim).start}, {"destroy", 1, (*victim).destroy}},
}

func beVictim(r round) error {
	factory, err := r.newFactory()
	if err != nil {
		return err
	}
	v := &victim{round: r, report: newReport(), random: r.random("victim"), factory: factory}
	for i := range v.slots {
		v.slots[i] = &slot{number: i}
	}
	for {
		s := v.slots[v.random.IntN(len(v.slots))]
		a := choose(v.random, actions[s.phase])
		if err := v.begin(a.name); err != nil {
			return err
		}
		if err := a.do(v, s); err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
	}
}

func choose(random *rand.Rand, from []action) action {
	total := 0
	for _, a := range from {
		total += a.weight
	}
	n := random.IntN(total)
	for _, a := range from {
		if n -= a.weight; n < 0 {
			return a
		}
	}
	panic("unreachable")
}

// begin says what comes next.
func (v *victim) begin(step string) error {
	v.step = step
	return v.report.say(step)
}

// hook says how far a start or a destruction has come.
func (v *victim) hook(kind string) configs.Hook {
	return configs.NewFunctionHook(func(configs.HookState) error {
		return v.report.say(v.step + ", after " + kind)
	})
}

func (v *victim) create(s *slot) error {
	config := v.config(s.number, v.random)
	h := config.Hooks
	h.Prestart = append(h.Prestart, v.hook("prestart"))
	h.CreateRuntime = append(h.CreateRuntime, v.hook("createRuntime"))
	h.Poststart = append(h.Poststart, v.hook("poststart"))
	h.Poststop = append(h.Poststop, v.hook("poststop"))
	container, err := v.factory.Create(id(s.number), config)
	if err != nil {
		return err
	}
	s.container, s.phase = container.(libcontainer.LinuxContainer), created
	return nil
}

// initProgram is what the containers run: with and without children, and ending or
// not when its standard input does, as that comes from the victim.
func (v *victim) initProgram() (p *libcontainer.Process, closeInput func(), err error) {
	scripts := []string{"exec sleep 1000000", "sleep 1000000 & setsid sleep 1000000 & wait", "exec cat", "cat & exec sleep 1000000"}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	v.writers = append(v.writers, w) // open as long as this process lives
	return shell(scripts[v.random.IntN(len(scripts))], r), func() { r.Close() }, nil
}

func (v *victim) start(s *slot) error {
	p, closeInput, err := v.initProgram()
	if err != nil {
		return err
	}
	defer closeInput()
	if err := s.container.Start(p); err != nil {
		return err
	}
	s.phase, s.init = running, p
	return nil
}

func (v *victim) prepare(s *slot) error {
	p, closeInput, err := v.initProgram()
	if err != nil {
		return err
	}
	defer closeInput()
	if err := s.container.Prepare(context.Background(), p); err != nil {
		return err
	}
	s.phase, s.init = prepared, p
	return nil
}

func (v *victim) release(s *slot) error {
	s.phase = running
	return s.container.Release(context.Background())
}

func (v *victim) exec(s *slot) error { return execIn(s.container, v.random.IntN(200)) }

func (v *victim) execInBackground(s *slot) error {
	return s.container.Start(shell("sleep 1000000", nil))
}

func (v *victim) loadAndExec(s *slot) error {
	loaded, err := v.factory.Load(id(s.number))
	if err != nil {
		return err
	}
	return execIn(loaded, v.random.IntN(200))
}

func (v *victim) pause(s *slot) error {
	s.phase = paused
	return s.container.Pause()
}

func (v *victim) resume(s *slot) error {
	s.phase = running
	return s.container.Resume()
}

func (v *victim) set(s *slot) error {
	config := s.container.Config()
	cgroup := *config.Cgroups
	resources := *cgroup.Resources
	resources.Memory = int64(64+v.random.IntN(64)) << 20
	resources.PidsLimit = int64(500 + v.random.IntN(500))
	cgroup.Resources, config.Cgroups = &resources, &cgroup
	return s.container.Set(config)
}

func (v *victim) look(s *slot) error {
	_, stats := s.container.Stats()
	pids, err := s.container.Processes()
	if err == nil && len(pids) == 0 {
		err = errors.New("the container runs and has no processes")
	}
	return errors.Join(stats, err)
}

func (v *victim) kill(s *slot) error {
	if err := s.container.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	status, err := s.container.Wait(context.Background())
	if err == nil && status.Signal() != syscall.SIGKILL {
		err = fmt.Errorf("the killed container has wait status %#x", uint32(status))
	}
	s.phase = ended
	return err
}

func (v *victim) destroy(s *slot) error {
	if err := s.container.Destroy(); err != nil {
		return err
	}
	s.phase, s.container, s.init = absent, nil, nil
	return nil
}
