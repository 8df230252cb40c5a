package configs

import (
	"reflect"
	"testing"
)

func TestNamespacesAdd(t *testing.T) {
	var n Namespaces
	n.Add(NEWNET, "")
	n.Add(NEWPID, "/proc/1/ns/pid")
	n.Add(NEWNET, "/proc/1/ns/net")
	want := Namespaces{{NEWNET, "/proc/1/ns/net"}, {NEWPID, "/proc/1/ns/pid"}}
	if !reflect.DeepEqual(n, want) {
		t.Errorf("got %v, want %v", n, want)
	}
	n.Add(NEWNET, "")
	if !n.Creates(NEWNET) {
		t.Error("Add with an empty path does not make the namespace a new one")
	}
}

func TestNamespacesRemove(t *testing.T) {
	n := Namespaces{{Type: NEWNET}, {Type: NEWPID}, {Type: NEWNS}}
	other := n
	if n.Remove(NEWUSER) {
		t.Error("removed what is not there")
	}
	if !n.Remove(NEWPID) {
		t.Error("did not remove NEWPID")
	}
	if n.Remove(NEWPID) {
		t.Error("removed NEWPID twice")
	}
	if want := (Namespaces{{Type: NEWNET}, {Type: NEWNS}}); !reflect.DeepEqual(n, want) {
		t.Errorf("got %v, want %v", n, want)
	}
	if want := (Namespaces{{Type: NEWNET}, {Type: NEWPID}, {Type: NEWNS}}); !reflect.DeepEqual(other, want) {
		t.Errorf("Remove changed a copy: got %v, want %v", other, want)
	}
}

func TestNamespacesQueries(t *testing.T) {
	n := Namespaces{{Type: NEWNET}, {Type: NEWPID, Path: "/p"}}
	tests := []struct {
		t                 NamespaceType
		contains, creates bool
		path              string
	}{
		{NEWNET, true, true, ""},
		{NEWPID, true, false, "/p"},
		{NEWNS, false, false, ""},
	}
	for _, tt := range tests {
		if got := n.Contains(tt.t); got != tt.contains {
			t.Errorf("Contains(%s) = %v", tt.t, got)
		}
		if got := n.Creates(tt.t); got != tt.creates {
			t.Errorf("Creates(%s) = %v", tt.t, got)
		}
		if got := n.PathOf(tt.t); got != tt.path {
			t.Errorf("PathOf(%s) = %q, want %q", tt.t, got, tt.path)
		}
	}
}

func TestNamespaceOfEachType(t *testing.T) {
	tests := map[NamespaceType]struct {
		flag int
		file string
	}{
		NEWNET:    {0x40000000, "/proc/42/ns/net"},
		NEWPID:    {0x20000000, "/proc/42/ns/pid"},
		NEWNS:     {0x00020000, "/proc/42/ns/mnt"},
		NEWUTS:    {0x04000000, "/proc/42/ns/uts"},
		NEWIPC:    {0x08000000, "/proc/42/ns/ipc"},
		NEWUSER:   {0x10000000, "/proc/42/ns/user"},
		NEWCGROUP: {0x02000000, "/proc/42/ns/cgroup"},
		NEWTIME:   {0x00000080, "/proc/42/ns/time"},
	}
	if got := NamespaceTypes(); len(got) != len(tests) {
		t.Errorf("NamespaceTypes() = %v, want %d types", got, len(tests))
	}
	for _, typ := range NamespaceTypes() {
		want, ok := tests[typ]
		if !ok {
			t.Errorf("unexpected type %s", typ)
			continue
		}
		ns := Namespace{Type: typ}
		if got := ns.Syscall(); got != want.flag {
			t.Errorf("%s: Syscall() = %#x, want %#x", typ, got, want.flag)
		}
		if got := ns.GetPath(42); got != want.file {
			t.Errorf("%s: GetPath(42) = %q, want %q", typ, got, want.file)
		}
		ns.Path = "/joined"
		if got := ns.GetPath(42); got != "/joined" {
			t.Errorf("%s: GetPath(42) with a path = %q", typ, got)
		}
	}
	unknown := Namespace{Type: "NEWTHING"}
	if unknown.Syscall() != 0 || unknown.GetPath(42) != "" {
		t.Errorf("unknown type: Syscall() = %#x, GetPath(42) = %q", unknown.Syscall(), unknown.GetPath(42))
	}
}

func TestCloneFlagsOnlyOfNewNamespaces(t *testing.T) {
	n := Namespaces{{Type: NEWNET}, {Type: NEWPID, Path: "/p"}, {Type: NEWTIME}}
	if got, want := n.CloneFlags(), uintptr(0x40000080); got != want {
		t.Errorf("CloneFlags() = %#x, want %#x", got, want)
	}
	var none Namespaces
	if got := none.CloneFlags(); got != 0 {
		t.Errorf("CloneFlags() of none = %#x", got)
	}
}
