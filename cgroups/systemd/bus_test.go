//go:build linux

package systemd

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

func startC(b *systemBus) error {
	return b.start(context.Background(), "c.scope", []sd.Property{sd.PropSlice("a.slice")}, auxiliary([]string{"a.slice"}))
}

func TestBusFacts(t *testing.T) {
	p := newPeer(t)
	b := p.bus()
	for range 2 {
		if f, err := b.facts(context.Background()); err != nil || f != (facts{version: 257}) {
			t.Errorf("facts %+v, error %v", f, err)
		}
	}
	if n := p.asked("Version"); n != 1 {
		t.Errorf("the version was asked for %d times", n)
	}
}

func TestBusJobs(t *testing.T) {
	p := newPeer(t)
	b := p.bus()
	p.on("StartTransientUnit", p.ends("done"))
	p.on("StopUnit", p.ends("done"))
	if err := errors.Join(startC(b), b.stop(context.Background(), "c.scope")); err != nil {
		t.Error(err)
	}
	if n := p.asked("ResetFailedUnit"); n != 0 {
		t.Error("a unit that systemd collects was reset")
	}
	p.on("StartTransientUnit", p.ends("failed"))
	wantError(t, startC(b), `ended with "failed"`)
	p.on("StopUnit", func(*dbus.Message) answer { return answer{err: errNoSuchUnit} })
	if err := b.stop(context.Background(), "c.scope"); err != nil {
		t.Errorf("stop what is not loaded: %v", err)
	}
}

// A systemd without CollectMode keeps failed units until they are reset.
func TestBusResetsFailed(t *testing.T) {
	p := newPeer(t)
	b := p.bus()
	p.on("Version", func(*dbus.Message) answer { return answer{values: []any{dbus.MakeVariant("231")}} })
	p.on("StopUnit", p.ends("done"))
	p.on("ResetFailedUnit", func(*dbus.Message) answer { return answer{err: errNoSuchUnit} })
	if err := b.stop(context.Background(), "c.scope"); err != nil || p.asked("ResetFailedUnit") != 1 {
		t.Errorf("error %v, reset %d times", err, p.asked("ResetFailedUnit"))
	}
}

func TestBusCalls(t *testing.T) {
	p := newPeer(t)
	b, ctx := p.bus(), context.Background()
	p.on("StopWhenUnneeded", func(*dbus.Message) answer { return answer{values: []any{dbus.MakeVariant(true)}} })
	if v, err := b.property(ctx, "a.slice", "StopWhenUnneeded"); err != nil || v != true {
		t.Errorf("property %v, error %v", v, err)
	}
	err := errors.Join(b.set(ctx, "c.scope", []sd.Property{sd.PropDescription("x")}), b.attach(ctx, "c.scope", 5),
		b.ref(ctx, "a.slice"), b.unref(ctx, "a.slice"))
	if err != nil {
		t.Error(err)
	}
	for _, method := range []string{"SetUnitProperties", "AttachProcessesToUnit", "RefUnit", "UnrefUnit"} {
		if p.asked(method) != 1 {
			t.Errorf("%s was called %d times", method, p.asked(method))
		}
	}
	p.on("GetUnit", func(*dbus.Message) answer { return answer{err: errNoSuchUnit} })
	if _, err := b.property(ctx, "a.slice", "StopWhenUnneeded"); !isBusError(err, errNoSuchUnit) {
		t.Errorf("a unit that is not there: error %v", err)
	}
	p.on("SetUnitProperties", func(*dbus.Message) answer { return answer{err: "org.freedesktop.DBus.Error.AccessDenied"} })
	if err := b.set(ctx, "c.scope", nil); !denied(err) || p.asked("SetUnitProperties") != 2 {
		t.Errorf("error %v after %d calls", err, p.asked("SetUnitProperties"))
	}
}

// A connection that has dropped is made again, before a call and in one.
func TestBusReconnects(t *testing.T) {
	p := newPeer(t)
	b, ctx := p.bus(), context.Background()
	if err := b.set(ctx, "c.scope", nil); err != nil {
		t.Fatal(err)
	}
	first := b.link
	p.hangUp()
	<-first.raw[0].Context().Done()
	<-first.raw[1].Context().Done()
	if err := b.set(ctx, "c.scope", nil); err != nil {
		t.Errorf("after the connection dropped: %v", err)
	}
	var tries atomic.Int32
	p.on("StartTransientUnit", func(*dbus.Message) answer {
		if tries.Add(1) == 1 {
			return answer{values: []any{jobPath}, then: p.hangUp} // in the middle of the job
		}
		return answer{err: errUnitExists}
	})
	if err := startC(b); !isBusError(err, errUnitExists) || tries.Load() != 2 {
		t.Errorf("error %v after %d tries; want that of the second", err, tries.Load())
	}
	p.on("SetUnitProperties", func(*dbus.Message) answer { return answer{none: true, then: p.hangUp} })
	if err := b.set(ctx, "c.scope", nil); err == nil || p.asked("SetUnitProperties") != 4 {
		t.Errorf("a bus that always drops: error %v, asked %d times", err, p.asked("SetUnitProperties"))
	}
	p.listener.Close()
	p.hangUp()
	if err := b.set(ctx, "c.scope", nil); !errors.Is(err, errNoSystemd) {
		t.Errorf("a bus that is gone: error %v", err)
	}
}

// While systemd executes itself anew nobody answers, and jobs may be forgotten.
func TestBusReexec(t *testing.T) {
	p := newPeer(t)
	b, ctx := p.bus(), context.Background()
	var tries atomic.Int32
	p.on("SetUnitProperties", func(*dbus.Message) answer {
		if tries.Add(1) == 1 {
			return answer{err: "org.freedesktop.DBus.Error.NoReply"}
		}
		return answer{}
	})
	p.on("GetNameOwner", func(*dbus.Message) answer {
		return answer{err: "org.freedesktop.DBus.Error.NameHasNoOwner", then: p.reborn}
	})
	if err := b.set(ctx, "c.scope", nil); err != nil || tries.Load() != 2 {
		t.Errorf("error %v after %d tries", err, tries.Load())
	}
	var state atomic.Value
	var job atomic.Uint32
	state.Store("active")
	p.on("StartTransientUnit", func(*dbus.Message) answer { return answer{values: []any{jobPath}, then: p.reborn} })
	p.on("ActiveState", func(*dbus.Message) answer { return answer{values: []any{dbus.MakeVariant(state.Load())}} })
	p.on("Job", func(*dbus.Message) answer {
		id := job.Load()
		return answer{values: []any{dbus.MakeVariant(struct {
			ID   uint32
			Path dbus.ObjectPath
		}{id, "/"})}, then: func() {
			if id != 0 { // it ends after all
				p.signal(systemdPath, managerFace, "JobRemoved", uint32(7), jobPath, "c.scope", "done")
			}
		}}
	})
	if err := startC(b); err != nil {
		t.Errorf("a job that was done and forgotten: %v", err)
	}
	state.Store("failed")
	wantError(t, startC(b), "the unit is failed, want active")
	job.Store(7)
	if err := startC(b); err != nil {
		t.Errorf("a job that goes on: %v", err)
	}
	p.on("StopUnit", func(*dbus.Message) answer { return answer{values: []any{jobPath}, then: p.reborn} })
	p.on("GetUnit", func(*dbus.Message) answer { return answer{err: errNoSuchUnit} })
	if err := b.stop(ctx, "c.scope"); err != nil {
		t.Errorf("a unit that was stopped meanwhile: %v", err)
	}
}

// A process that is no bus, or a bus without systemd, is passed over.
func TestDialPassesOver(t *testing.T) {
	p, other := newPeer(t), newPeer(t)
	other.on("Version", func(*dbus.Message) answer { return answer{err: "org.freedesktop.DBus.Error.ServiceUnknown"} })
	list := []address{{name: "unix:path=/nosuch"}, {name: "nonsense"}, {name: "unix:path=" + other.listener.Addr().String()}}
	_, err := dialFirst(list, 0, false)
	wantError(t, err, "/nosuch", "nonsense", "ServiceUnknown", "connect to systemd")
	l, err := dialFirst(append(list, address{name: "unix:path=" + p.listener.Addr().String()}), 0, true)
	if err != nil {
		t.Fatal(err)
	}
	if !l.known.user || l.known.version != 257 {
		t.Errorf("facts %+v", l.known)
	}
	l.close()
}
