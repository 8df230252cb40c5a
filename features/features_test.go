package features

import (
	"reflect"
	"slices"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/configs/validate"
)

// No list is empty, and none has a name twice, but that of what the kernel supports.
func TestKnown(t *testing.T) {
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		for i := range v.NumField() {
			field, name := v.Field(i), path+v.Type().Field(i).Name
			if field.Kind() == reflect.Struct {
				walk(name+".", field)
				continue
			}
			seen := make(map[string]bool)
			for j := range field.Len() {
				text := field.Index(j).String()
				if seen[text] || text == "" {
					t.Errorf("%s has %q twice", name, text)
				}
				seen[text] = true
			}
			if len(seen) == 0 && name != "Seccomp.SupportedFlags" {
				t.Errorf("%s is empty", name)
			}
		}
	}
	known := Known()
	walk("", reflect.ValueOf(known))
	want := []string{"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}
	if !slices.Equal(known.Hooks, want) {
		t.Errorf("hooks are %q", known.Hooks)
	}
	for _, flag := range known.Seccomp.SupportedFlags {
		if !slices.Contains(known.Seccomp.KnownFlags, flag) {
			t.Errorf("%s is supported, and not known", flag)
		}
	}
}

// What is known passes the validation.
func TestKnownIsValid(t *testing.T) {
	known := Known()
	sets := &configs.CapabilitySets{Bounding: known.Capabilities, Permitted: known.Capabilities}
	if err := validate.CapabilitySets(sets); err != nil {
		t.Error(err)
	}
	for _, class := range known.IOPriorityClasses {
		if err := validate.IOPriority(&configs.IOPriority{Class: class}); err != nil {
			t.Error(err)
		}
	}
	for _, domain := range known.Personality.Domains {
		if err := validate.Personality(&configs.Personality{Domain: domain, Flags: known.Personality.Flags}); err != nil {
			t.Error(err)
		}
	}
	for _, name := range known.Rlimits {
		typ, ok := configs.RlimitType(name)
		if err := validate.Rlimits([]configs.Rlimit{{Type: typ}}); err != nil || !ok {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
	for _, mode := range known.MemoryPolicy.Modes {
		p := &configs.MemoryPolicy{Mode: mode, Nodes: "0"}
		if mode == "MPOL_DEFAULT" || mode == "MPOL_LOCAL" {
			p.Nodes = ""
		}
		if err := validate.MemoryPolicy(p); err != nil {
			t.Error(err)
		}
	}
	for _, flag := range known.MemoryPolicy.Flags {
		if err := validate.MemoryPolicy(&configs.MemoryPolicy{Mode: "MPOL_BIND", Nodes: "0", Flags: []string{flag}}); err != nil {
			t.Error(err)
		}
	}
	for _, policy := range known.Scheduler.Policies {
		s := &configs.Scheduler{Policy: policy, Flags: known.Scheduler.Flags}
		switch policy {
		case "SCHED_FIFO", "SCHED_RR":
			s.Priority = 1
		case "SCHED_DEADLINE":
			s.Runtime, s.Deadline = 1<<20, 1<<20
		}
		if err := validate.Scheduler(s); err != nil {
			t.Error(err)
		}
	}
}
