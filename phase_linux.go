// The host's side: the phases of a container's life, and the view of it that a handle has.

package libcontainer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/pidfd"
	"github.com/libcontainer/libcontainer/internal/statedir"
)

// phase is how far a container has come in its life.
//
//	claimed     the directory is there, and nothing else
//	starting    a start is recorded, which may have made cgroups and devices; no init
//	prepared    init waits to be released
//	running     init is alive; until Start returns it may still set the container up
//	ended       init has ended; cgroups and devices may still be there
//	destroying  Destroy of this handle has ended all processes, and removes the directory
//	gone        there is no such container any more
//
// A view keeps claimed, starting, running, destroying and gone. That init is prepared or
// has ended nobody tells a handle: view.observe asks the kernel.
//
// The calls that are allowed in a phase, and the codes with which the others fail:
//
//	            claimed     starting    prepared    running     ended       destroying  gone
//	Start       ok          ok          ok          ok          ok          NotExists   NotExists
//	Start again NotRunning  NotRunning  NotRunning  ok          NotRunning  NotExists   NotExists
//	Prepare     ok          ok          NotStopped  NotStopped  ok          NotExists   NotExists
//	Release     NotRunning  NotRunning  ok          NotRunning  NotRunning  NotExists   NotExists
//	Restore     ok          ok          NotStopped  NotStopped  ok          NotExists   NotExists
//	Pause       NotRunning  NotRunning  NotRunning  ok          NotRunning  NotExists   NotExists
//	Signal      NotRunning  NotRunning  ok          ok          NotRunning  NotRunning  NotRunning
//	SignalAll   NotRunning  NotRunning  ok          ok          ok          NotRunning  NotRunning
//	Set         ok          ok          ok          ok          ok          NotExists   NotExists
//	Stats       ok          ok          ok          ok          ok          NotExists   NotExists
//	Processes   ok          ok          ok          ok          ok          NotExists   NotExists
//	Notify      NotRunning  ok          ok          ok          ok          NotExists   NotExists
//	Wait        NotRunning  NotRunning  ok          ok          ok          NotExists   NotExists
//	Destroy     ok          ok          ok          ok          ok          ok          NotExists
//
// "Start again" is a Start that has waited until a paused container was resumed. Start
// makes an init in the phases claimed, starting and ended, and a further process in the
// others; in the phase running it is up to the freezer, too, see Instance.tryRun.
// Checkpoint and Resume are as Pause, NotifyOOM and NotifyMemoryPressure are Notify, Record
// is Stats and SetRecord is Set. SignalAll of an ended container fails with NotRunning if
// there is no process, see signalAll.
// Destroy of what is gone is no error for its caller. ID, Config, State and Status always
// answer.
//
// A call that needs the lock of the directory (Start, Prepare, Release, Pause, Resume,
// Set, Destroy) never meets the phase destroying: who destroys has the lock.
type phase int

const (
	phaseClaimed phase = iota
	phaseStarting
	phasePrepared
	phaseRunning
	phaseEnded
	phaseDestroying
	phaseGone
	phaseCount
)

// String returns the name of the phase.
func (p phase) String() string {
	return [phaseCount]string{"claimed", "starting", "prepared", "running", "ended", "destroying", "gone"}[p]
}

// call is a call, or a group of calls, that is not allowed in each phase.
type call int

const (
	callStart call = iota
	callStartAgain
	callPrepare
	callRelease
	callRestore
	callPause
	callSignal
	callSignalAll
	callSet
	callStats
	callProcesses
	callNotify
	callWait
	callDestroy
	callCount
)

// refusal is why a call is not allowed; the zero refusal allows it. The text is a format
// of fmt: argument 1 is the caller's step, 2 the id, 3 the status.
type refusal struct {
	code ErrorCode
	text string
}

// The refusals, by what is wrong.
var (
	notThere        = refusal{ContainerNotExists, "%[1]s: container %[2]q does not exist"}
	notStarted      = refusal{ContainerNotRunning, "%[1]s: container %[2]q has not been started"}
	notPrepared     = refusal{ContainerNotRunning, "%[1]s: container %[2]q has no prepared process"}
	releasedBefore  = refusal{ContainerNotRunning, "%[1]s: the process of container %[2]q has been released before"}
	preparedAlready = refusal{ContainerNotStopped, "%[1]s: container %[2]q is prepared already"}
	notStopped      = refusal{ContainerNotStopped, "%[1]s: container %[2]q is %[3]s"}
	endedPaused     = refusal{ContainerNotRunning, "%[1]s: container %[2]q has ended while it was paused"}
	notPausable     = refusal{ContainerNotRunning, "%[1]s container %[2]q: it is %[3]s"}
	noReceiver      = refusal{ContainerNotRunning, "%[1]s %[2]q: it does not run"}
	goneReceiver    = refusal{ContainerNotRunning, "%[1]s %[2]q: it does not exist"}
)

// refusals has what the comment of phase says.
var refusals = [callCount][phaseCount]refusal{
	callStart: {phaseDestroying: notThere, phaseGone: notThere},
	callStartAgain: {phaseClaimed: endedPaused, phaseStarting: endedPaused, phasePrepared: endedPaused, phaseEnded: endedPaused,
		phaseDestroying: notThere, phaseGone: notThere},
	callPrepare: {phasePrepared: preparedAlready, phaseRunning: notStopped, phaseDestroying: notThere, phaseGone: notThere},
	callRelease: {phaseClaimed: notPrepared, phaseStarting: notPrepared, phaseRunning: releasedBefore, phaseEnded: notPrepared,
		phaseDestroying: notThere, phaseGone: notThere},
	callRestore: {phasePrepared: notStopped, phaseRunning: notStopped, phaseDestroying: notThere, phaseGone: notThere},
	callPause: {phaseClaimed: notPausable, phaseStarting: notPausable, phasePrepared: notPausable, phaseEnded: notPausable,
		phaseDestroying: notThere, phaseGone: notThere},
	callSignal: {phaseClaimed: noReceiver, phaseStarting: noReceiver, phaseEnded: noReceiver, phaseDestroying: noReceiver,
		phaseGone: goneReceiver},
	callSignalAll: {phaseClaimed: noReceiver, phaseStarting: noReceiver, phaseDestroying: noReceiver, phaseGone: goneReceiver},
	callSet:       {phaseDestroying: notThere, phaseGone: notThere},
	callStats:     {phaseDestroying: notThere, phaseGone: notThere},
	callProcesses: {phaseDestroying: notThere, phaseGone: notThere},
	callNotify:    {phaseClaimed: notStarted, phaseDestroying: notThere, phaseGone: notThere},
	callWait:      {phaseClaimed: notStarted, phaseStarting: notStarted, phaseDestroying: notThere, phaseGone: notThere},
	callDestroy:   {phaseGone: notThere},
}

// The order of locks. Who has one takes only those that stand below it.
//
//   - The lock of the container's directory (statedir.Dir.Lock), which excludes all other
//     handles, in this program and in others. Who changes the container has it exclusively,
//     who starts a further process shares it, until all is known that the start needs of the
//     container. It may be held for as long as a start or a hook takes. What only looks at
//     the container does not take it, and so never waits for these.
//   - Instance.mu, while a new view is made and put in its place together with the
//     state file that it is of. Nobody waits for a process or for the network under it.
//   - The locks of the driver, of children and of pidfd.Process, which are held for their
//     own work only, and under which none of the above is taken.

// view is what a handle knows of its container. It never changes: what happens makes a
// new view of it, which Instance.change or refresh puts in its place. So who has a
// view needs no lock to read it. The driver is the one thing in it that has a state of its
// own, and locks for that.
//
// The view that is in place owns its reference to init; the next one takes it over, or
// closes it. A reader has a copy of the view with a reference of its own, from acquire or
// look, and closes it. Who holds the lock of the directory may use the view that is in
// place as it is, from Instance.view: without the lock nobody changes its init.
type view struct {
	c *Instance

	phase      phase
	config     *configs.Config
	cgroups    cgroups.Driver
	saved      statedir.Version // the state file that this view is of
	init       *pidfd.Process   // nil in the phases claimed and starting, and after Destroy
	initRun    *runningProcess  // nil if another handle has started init
	netDevices []MovedDevice    // the host's devices that are, or were to be, moved in
	groups     *ResctrlGroups   // nil if the container has none
	created    time.Time        // when the id was claimed
	pausing    bool             // Pause of this handle is at work

	checkpointed bool // a checkpoint has ended it
	restorer     restorer
	dumping      bool // a checkpoint has frozen it
	restored     bool // its init has been restored, and has a time namespace of its own

	// locks are criu's tables of nftables in the network namespace that the container had
	// joined: they keep the connections of a checkpointed container until it is restored.
	locks []string

	// life ends when Destroy begins, and with it the starts that are under way.
	life context.Context
	end  context.CancelCauseFunc
}

// restorer is the criu that restores the container.
type restorer struct {
	pid   int // 0 if none does
	start string
}

// close gives up a reader's copy.
func (v *view) close() { v.init.Close() }

// allow refuses a call that is not allowed in a phase.
func (v *view) allow(call call, p phase, step string) error {
	r := refusals[call][p]
	if r == (refusal{}) {
		return nil
	}
	var status any
	if r == notStopped || r == notPausable {
		status, _ = v.statusIn(p)
	}
	return errorf(r.code, r.text, step, v.c.id, status)
}

// started tells whether a start has been recorded: there may be cgroups.
func (v *view) started() bool { return v.phase != phaseClaimed }

// lives is the view's phase, or ended if init has. An init that is alive may be prepared.
func (v *view) lives() (phase, error) {
	if v.phase != phaseRunning {
		return v.phase, nil
	}
	alive, err := v.init.Alive()
	if err == nil && !alive {
		return phaseEnded, nil
	}
	return phaseRunning, err
}

// observe is the phase at this moment.
func (v *view) observe() (phase, error) {
	p, err := v.lives()
	if err != nil || p != phaseRunning {
		return p, err
	}
	waits, err := v.c.isPrepared()
	if waits {
		p = phasePrepared
	}
	return p, err
}

// status gives the phase, too, at which it looks.
func (v *view) status() (Status, phase, error) {
	p, err := v.observe()
	if err != nil {
		return Destroyed, p, err
	}
	status, err := v.statusIn(p)
	if p == phaseRunning && status == Destroyed {
		p = phaseEnded
	}
	return status, p, err
}

func (v *view) statusIn(p phase) (Status, error) {
	switch p {
	case phaseClaimed, phaseStarting, phasePrepared:
		if v.checkpointed { // a restore has been broken off
			return Checkpointed, nil
		}
		return Created, nil
	case phaseRunning:
		status, err := v.freezerStatus()
		if err != nil && v.init.Ended() {
			return Destroyed, nil // and its cgroup, too, meanwhile
		}
		return status, err
	}
	if v.checkpointed {
		return Checkpointed, nil
	}
	return Destroyed, nil
}

// freezerStatus asks the kernel, since another process may have paused the
// container.
func (v *view) freezerStatus() (Status, error) {
	state, err := v.cgroups.FreezerState()
	if errors.Is(err, errors.ErrUnsupported) {
		return Running, nil
	}
	if err != nil {
		return Running, err
	}
	switch {
	case state == configs.Frozen:
		return Paused, nil
	case state == configs.Freezing, v.pausing:
		return Pausing, nil
	}
	return Running, nil
}

// state is what the state file is to say.
func (v *view) state() *State {
	s := &State{
		BaseState:      BaseState{ID: v.c.id, Config: *v.config},
		Created:        v.created,
		CgroupPaths:    v.cgroups.GetPaths(),
		CgroupManager:  managerName(v.cgroups),
		CgroupParents:  v.cgroups.MadeParents(),
		NamespacePaths: make(map[configs.NamespaceType]string),
		Hooks:          saveHooks(v.config.Hooks),
		NetDevices:     slices.Clone(v.netDevices),
		Checkpointed:   v.checkpointed,
		Restored:       v.restored,
		Dumping:        v.dumping,

		RestorerPid: v.restorer.pid, RestorerStartTime: v.restorer.start,
		IntelRdt:     v.groups,
		NetworkLocks: slices.Clone(v.locks),
	}
	if v.init != nil {
		s.InitProcessPid = v.init.Pid()
		s.InitProcessStartTime = v.init.StartTime()
		s.NamespacePaths = namespacePaths(v.init.Pid())
	}
	return s
}

// save writes the state file of a view that is being made.
func (v *view) save(state *State) error {
	data, err := v.encode(state)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	v.saved, err = v.c.dir.Save(data)
	return err
}

// encode gives the text of a state file. The configuration, which is most of it and seldom
// changes, is encoded once.
func (v *view) encode(state *State) ([]byte, error) {
	known := &v.c.encoded
	if known.config != v.config {
		text, err := json.Marshal(v.config)
		if err != nil {
			return nil, err
		}
		known.config, known.text = v.config, text
	}
	return json.Marshal(struct {
		*State
		Config json.RawMessage `json:"config"`
	}{state, known.text})
}

// forget makes the view that of a container which was never started. The driver stays.
func (v *view) forget() {
	v.dropInit()
	v.phase, v.saved, v.groups = phaseClaimed, statedir.Version{}, nil
	v.checkpointed, v.restored, v.dumping, v.locks = false, false, false, nil
}

// dropInit is for an init that has ended. Among the children it stays until it has been
// reaped.
func (v *view) dropInit() {
	v.init, v.initRun = nil, nil
	if v.phase == phaseRunning {
		v.phase = phaseStarting
	}
}

// adopt makes the view the one that a state file describes.
func (v *view) adopt(state *State) error {
	if state.ID != v.c.id {
		return fmt.Errorf("it is the state of %q", state.ID)
	}
	if err := v.c.factory.checkManager(state.CgroupManager); err != nil {
		return err
	}
	hooks := state.Hooks.load()
	if v.config.Hooks != nil {
		hooks = v.config.Hooks // among them may be functions, which no file keeps
	}
	state.Config.Hooks = hooks
	v.config = completeConfig(v.c.id, &state.Config)
	v.netDevices = state.NetDevices
	v.checkpointed, v.restored, v.dumping = state.Checkpointed, state.Restored, state.Dumping
	v.restorer = restorer{state.RestorerPid, state.RestorerStartTime}
	v.groups = state.IntelRdt
	v.checkpointed, v.restored, v.locks = state.Checkpointed, state.Restored, state.NetworkLocks
	if !state.Created.IsZero() {
		v.created = state.Created
	}
	v.cgroups = v.c.newDriver(v.config, state.CgroupPaths, state.CgroupManager)
	if managerName(v.cgroups) != "" {
		if err := checkCgroupPaths(state); err != nil {
			return err
		}
	}
	v.cgroups.AdoptParents(state.CgroupParents)
	pid, start := state.InitProcessPid, state.InitProcessStartTime
	if v.init.Is(pid, start) {
		return nil
	}
	v.dropInit()
	v.phase = phaseStarting
	if pid == 0 {
		return nil
	}
	init, err := pidfd.Find(pid, start)
	if err != nil {
		return err
	}
	v.init, v.phase = init, phaseRunning
	return nil
}
