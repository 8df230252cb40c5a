package libcontainer

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

// foreignSignal is a signal of no system.
type foreignSignal struct{}

func (foreignSignal) Signal()        {}
func (foreignSignal) String() string { return "foreign" }

// Callers of the classic library look at the type of the error itself.
func TestErrorsAreErrors(t *testing.T) {
	c := newTestContainer(t)
	factory, config := c.factory, c.Config()
	var process Process
	withConsole := new(Process)
	if err := withConsole.NewConsoleSocket(0, "/socket"); err != nil {
		t.Fatal(err)
	}
	failing := func(*LinuxFactory) error { return errAny }
	first := func(_ any, err error) error { return err }
	for name, tt := range map[string]struct {
		err  error
		code ErrorCode
	}{
		"New, option":            {first(New(t.TempDir(), failing)), SystemError},
		"New, InitPath":          {first(New(t.TempDir(), InitPath("relative"))), SystemError},
		"New, TmpfsRoot":         {first(New("", TmpfsRoot)), SystemError},
		"New, root":              {first(New("/dev/null/root")), SystemError},
		"Create, id":             {first(factory.Create("a/b", &config)), InvalidIdFormat},
		"Create, in use":         {first(factory.Create("some", &config)), IdInUse},
		"Create, nil":            {first(factory.Create("new", nil)), ConfigInvalid},
		"Create, empty":          {first(factory.Create("new", new(configs.Config))), ConfigInvalid},
		"Load, id":               {first(factory.Load("..")), InvalidIdFormat},
		"Load, missing":          {first(factory.Load("missing")), ContainerNotExists},
		"List, no root":          {first(new(LinuxFactory).List()), ConfigInvalid},
		"StartInitialization":    {factory.StartInitialization(), SystemError},
		"Start, nil":             {c.Start(nil), ConfigInvalid},
		"Start, empty":           {c.Start(new(Process)), ConfigInvalid},
		"Prepare, Cwd":           {c.Prepare(t.Context(), &Process{Args: []string{"a"}, Cwd: "b"}), ConfigInvalid},
		"Release":                {c.Release(t.Context()), ContainerNotRunning},
		"Pause":                  {c.Pause(), ContainerNotRunning},
		"Resume":                 {c.Resume(), ContainerNotRunning},
		"Signal":                 {c.Signal(syscall.SIGKILL), ContainerNotRunning},
		"SignalAll":              {c.SignalAll(syscall.SIGKILL), ContainerNotRunning},
		"SignalAll, foreign":     {c.SignalAll(foreignSignal{}), ConfigInvalid},
		"Set":                    {c.Set(configs.Config{}), ConfigInvalid},
		"Wait":                   {first(c.Wait(t.Context())), ContainerNotRunning},
		"WaitProcess":            {first(c.WaitProcess(t.Context(), os.Getpid())), ContainerNotRunning},
		"NotifyOOM":              {first(c.NotifyOOM()), ContainerNotRunning},
		"NotifyMemoryPressure":   {first(c.NotifyMemoryPressure(99)), ConfigInvalid},
		"Checkpoint":             {c.Checkpoint(&CriuOpts{ImagesDirectory: t.TempDir()}), ContainerNotRunning},
		"Checkpoint to nowhere":  {c.Checkpoint(new(CriuOpts)), ConfigInvalid},
		"Restore":                {c.Restore(&process, &CriuOpts{ImagesDirectory: t.TempDir()}), SystemError},
		"Restore from nowhere":   {c.Restore(&process, nil), ConfigInvalid},
		"Process.Wait":           {first(process.Wait()), ProcessNotExecuted},
		"Process.Pid":            {first(process.Pid()), ProcessNotExecuted},
		"Process.PidFD":          {first(process.PidFD()), ProcessNotExecuted},
		"Process.NewTerminal":    {withConsole.NewTerminal(func(Console) error { return nil }), ConsoleExists},
		"Process.Signal":         {process.Signal(syscall.SIGKILL), ProcessNotExecuted},
		"Process.NewConsole":     {first(withConsole.NewConsole(0)), ConsoleExists},
		"Process.NewConsoleSock": {withConsole.NewConsoleSocket(0, "/socket"), ConsoleExists},
		"ConsoleFromPath":        {withConsole.ConsoleFromPath("/dev/tty"), ConsoleExists},
	} {
		e, ok := tt.err.(Error)
		if !ok {
			t.Errorf("%s: error %v is a %T, not an Error", name, tt.err, tt.err)
		} else if e.Code() != tt.code {
			t.Errorf("%s: code %v, want %v", name, e.Code(), tt.code)
		}
	}
}

func TestWithCleanUp(t *testing.T) {
	failed := errorf(ConfigInvalid, "start: %w", syscall.ENOENT)
	if err := withCleanUp(failed, nil); err != failed {
		t.Errorf("without an error of the clean-up it is %v, want %v", err, failed)
	}
	err := withCleanUp(failed, newSystemError(syscall.EBUSY))
	e, ok := err.(Error)
	if !ok || e.Code() != ConfigInvalid || !errors.Is(err, syscall.ENOENT) || !errors.Is(err, syscall.EBUSY) {
		t.Errorf("error %v is a %T; want an Error with the first one's code and both causes", err, err)
	}
}
