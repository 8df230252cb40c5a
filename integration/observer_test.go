//world:any

package integration

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

// A recorder writes down what it observes.
type recorder struct {
	mu     sync.Mutex
	events []libcontainer.Event
	oom    chan struct{} // nil, or closed by the first one
}

func (r *recorder) Observe(e libcontainer.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	if _, ok := e.(libcontainer.OOMEvent); ok && r.oom != nil {
		close(r.oom)
		r.oom = nil
	}
}

// take gives what has been observed, each event in a few words, and forgets it.
func (r *recorder) take(t *testing.T) (list []string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		switch e := e.(type) {
		case libcontainer.StartEvent:
			list = append(list, fmt.Sprintf("%s %s %v", e.Container, e.Kind, e.Err == nil))
			var sum time.Duration
			var names []string
			for _, s := range e.Steps {
				sum, names = sum+s.Took, append(names, s.Name)
			}
			if e.Took <= 0 || sum > e.Took || (e.Pid > 0) != (e.Err == nil) {
				t.Errorf("%+v", e)
			}
			if e.Kind == libcontainer.StartFirst && e.Err == nil && strings.Join(names, " ") != "lock plan spawn cgroups namespaces networks program" {
				t.Errorf("the steps are %v", e.Steps)
			}
		case libcontainer.ExitEvent:
			list = append(list, fmt.Sprintf("%s exit %d first %v %s", e.Container, libcontainer.ExitCode(e.Status), e.First, e.Args[0]))
			if e.Ran <= 0 || e.Pid <= 0 || e.Err != nil {
				t.Errorf("%+v", e)
			}
		case libcontainer.OOMEvent:
			list = append(list, e.Container+" oom")
		case libcontainer.DestroyEvent:
			list = append(list, fmt.Sprintf("%s destroyed %v", e.Container, e.Err == nil))
			if e.Took <= 0 {
				t.Errorf("%+v", e)
			}
		default:
			list = append(list, fmt.Sprintf("%+v", e))
		}
	}
	r.events = nil
	return list
}

func observed(t *testing.T, r *recorder) *libcontainer.Runtime {
	t.Helper()
	runtime, err := libcontainer.Open(t.TempDir(), tested.Manager, libcontainer.WithObserver(r),
		libcontainer.OnWarning(func(err error) { t.Errorf("warning: %v", err) }))
	if err != nil {
		t.Fatal(err)
	}
	return runtime
}

func TestObserver(t *testing.T) {
	checkLeaks(t)
	r := &recorder{}
	runtime := observed(t, r)
	want := func(events ...string) {
		t.Helper()
		if got := r.take(t); !slices.Equal(got, events) {
			t.Errorf("observed\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(events, "\n"))
		}
	}
	c, err := runtime.Create(t.Context(), "c", newConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Destroy()
	p, _ := shell("exit 3") // faster than its start is told, perhaps
	mustRun(t, c, p)
	want("c first true", "c exit 3 first true /bin/sh")

	p, _ = command("/nosuch")
	if err := c.Start(p); err == nil {
		t.Error("a program that does not exist was started")
	}
	want("c first false")

	in, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	p, _ = command("cat")
	p.Stdin = in
	if err := c.Prepare(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	want("c prepared true")
	if err := c.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	want("c released true")
	hold.Close()
	_, _ = p.Wait()
	want("c exit 0 first true cat")

	startUntilReady(t, c, "echo ready; exec sleep 1000")
	p, _ = command("false")
	mustRun(t, c, p)
	want("c first true", "c further true", "c exit 1 first false false")
	if err := c.Destroy(); err != nil {
		t.Fatal(err)
	}
	want("c exit 137 first true sh", "c destroyed true")
	if err := c.Destroy(); err != nil {
		t.Fatal(err)
	}
	want()
}

func TestObserverOfMemory(t *testing.T) {
	checkLeaks(t)
	r := &recorder{oom: make(chan struct{})}
	oom := r.oom
	config := newConfig(t)
	config.Cgroups.Memory = 16 << 20
	c, err := observed(t, r).Create(t.Context(), "c", config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Destroy()
	p, _ := shell("tail /dev/zero; exit 0")
	if result, err := c.Run(t.Context(), p); err != nil || !result.OOMKilled {
		t.Fatalf("%+v, error %v", result, err)
	}
	<-oom
	if got := r.take(t); !slices.Contains(got, "c oom") {
		t.Errorf("observed %q", got)
	}
}

func TestObserverRefuses(t *testing.T) {
	_, err := libcontainer.Open(t.TempDir(), libcontainer.WithObserver(&recorder{}, 77))
	checkError(t, err, libcontainer.ConfigInvalid, "unknown level", "77")
}
