package libcontainer

import (
	"errors"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestCheckProcessValues(t *testing.T) {
	number := func(n int) *int { return &n }
	mask := func(n uint32) *uint32 { return &n }
	for name, tt := range map[string]struct {
		process Process
		want    string // "" if it is valid
	}{
		"nothing": {Process{}, ""},
		"all": {Process{
			CapabilitySets: &configs.CapabilitySets{Bounding: []string{"CAP_CHOWN"}}, AllowNewPrivileges: true,
			ReplaceGroups: true, Unlabeled: true, OomScoreAdj: number(-1000), Umask: mask(0o777),
			Scheduler: &configs.Scheduler{Policy: "SCHED_BATCH"}, IOPriority: &configs.IOPriority{Class: "IOPRIO_CLASS_IDLE"},
			CPUAffinity: &configs.CPUAffinity{Initial: "0", Final: "0"},
			SubCgroup:   "a/b", SubCgroups: map[string]string{"cpu": "c"},
		}, ""},
		"capabilities": {Process{CapabilitySets: &configs.CapabilitySets{Effective: []string{"CAP_CHOWN"}}},
			"CapabilitySets.Effective[0]"},
		"privileges":   {Process{NoNewPrivileges: true, AllowNewPrivileges: true}, "NoNewPrivileges and AllowNewPrivileges"},
		"label":        {Process{Unlabeled: true, Label: "x"}, `Unlabeled, and Label is "x"`},
		"profile":      {Process{Unlabeled: true, AppArmorProfile: "unconfined"}, `AppArmorProfile "unconfined"`},
		"oom":          {Process{OomScoreAdj: number(1001)}, "OomScoreAdj 1001"},
		"umask":        {Process{Umask: mask(0o1000)}, "Umask 01000"},
		"scheduler":    {Process{Scheduler: &configs.Scheduler{}}, "Scheduler.Policy"},
		"io priority":  {Process{IOPriority: &configs.IOPriority{}}, "IOPriority.Class"},
		"cpu affinity": {Process{CPUAffinity: &configs.CPUAffinity{Final: "x"}}, "CPUAffinity.Final"},
		"sub-cgroup":   {Process{SubCgroup: "../other"}, `SubCgroup "../other"`},
		"sub-cgroups":  {Process{SubCgroups: map[string]string{"cpu": "/x"}}, `SubCgroups["cpu"] "/x"`},
		"console size": {Process{ConsoleSize: &configs.ConsoleSize{Height: 24, Width: 80}}, "ConsoleSize is set"},
		"rlimits":      {Process{Rlimits: []configs.Rlimit{{Type: 99}}}, "Rlimits[0].Type 99"},
	} {
		t.Run(name, func(t *testing.T) {
			err := checkProcessValues(&tt.process)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestSubCgroups(t *testing.T) {
	paths := map[string]string{"": "/v2/c", "cpu": "/cpu/c", "cpuacct": "/cpu/c", "pids": "/pids/c"}
	for name, tt := range map[string]struct {
		process Process
		want    map[string]string
		err     string
	}{
		"all":       {Process{SubCgroup: "a"}, map[string]string{"/v2/c": "a", "/cpu/c": "a", "/pids/c": "a"}, ""},
		"one":       {Process{SubCgroups: map[string]string{"cpuacct": "b"}}, map[string]string{"/v2/c": "", "/cpu/c": "b", "/pids/c": ""}, ""},
		"but one":   {Process{SubCgroup: "a", SubCgroups: map[string]string{"": "b"}}, map[string]string{"/v2/c": "b", "/cpu/c": "a", "/pids/c": "a"}, ""},
		"the same":  {Process{SubCgroups: map[string]string{"cpu": "b", "cpuacct": "b"}}, map[string]string{"/v2/c": "", "/cpu/c": "b", "/pids/c": ""}, ""},
		"unknown":   {Process{SubCgroups: map[string]string{"rdma": "b"}}, nil, `SubCgroups["rdma"]`},
		"different": {Process{SubCgroups: map[string]string{"cpu": "b", "cpuacct": "c"}}, nil, `SubCgroups["cpuacct"] is "c"`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tt.process.subCgroups(paths)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil || !maps.Equal(got, tt.want) {
				t.Errorf("%v, error %v; want %v", got, err, tt.want)
			}
		})
	}
}

// A process that is refused is as over as one that has failed: nobody else knows of
// the ends of its pipes, or of its terminal.
func TestRefusedProcessKeepsNothingOpen(t *testing.T) {
	for name, refuse := range map[string]func(*Process) error{
		"start":   new(Instance).Start,
		"prepare": func(p *Process) error { return new(Instance).Prepare(t.Context(), p) },
		"restore": func(p *Process) error { return new(Instance).Restore(p, nil) },
	} {
		p := &Process{Args: []string{"true"}, Cwd: "relative"}
		mine, err := p.InitializeIO(os.Getuid())
		if err != nil {
			t.Fatal(err)
		}
		defer mine.Stdin.Close()
		defer mine.Stdout.Close()
		defer mine.Stderr.Close()
		files := p.closeAfterStart
		if len(files) != 3 {
			t.Fatalf("InitializeIO notes %d files, want 3", len(files))
		}
		if err := refuse(p); err == nil {
			t.Errorf("%s: no error", name)
		}
		for i, f := range files {
			if err := f.Close(); !errors.Is(err, os.ErrClosed) {
				t.Errorf("%s: descriptor %d is open still: %v", name, i, err)
			}
		}
		if err := refuse(nil); err == nil {
			t.Errorf("%s of nothing: no error", name)
		}
	}
}
