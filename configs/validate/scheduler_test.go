package validate

import (
	"testing"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/linux"
)

func TestScheduler(t *testing.T) {
	set := func(s configs.Scheduler) func(*configs.Config) {
		return func(c *configs.Config) { c.Scheduler = &s }
	}
	deadline := func(runtime, deadline, period uint64) func(*configs.Config) {
		return set(configs.Scheduler{Policy: "SCHED_DEADLINE", Runtime: runtime, Deadline: deadline, Period: period})
	}
	run(t, []testCase{
		{"other", set(configs.Scheduler{Policy: "SCHED_OTHER"}), ""},
		{"other, least nice", set(configs.Scheduler{Policy: "SCHED_OTHER", Nice: -20}), ""},
		{"batch, nicest", set(configs.Scheduler{Policy: "SCHED_BATCH", Nice: 19}), ""},
		{"idle", set(configs.Scheduler{Policy: "SCHED_IDLE"}), ""},
		{"fifo", set(configs.Scheduler{Policy: "SCHED_FIFO", Priority: 1, Flags: linux.SchedulerFlags().Texts()}), ""},
		{"rr", set(configs.Scheduler{Policy: "SCHED_RR", Priority: 99}), ""},
		{"deadline", deadline(1024, 1024, 1024), ""},
		{"deadline without period", deadline(1024, 2048, 0), ""},

		{"no policy", set(configs.Scheduler{}), `Scheduler.Policy ""`},
		{"unknown policy", set(configs.Scheduler{Policy: "SCHED_ISO"}), `Scheduler.Policy "SCHED_ISO"`},
		{"too nice", set(configs.Scheduler{Policy: "SCHED_OTHER", Nice: 20}), "Scheduler.Nice 20 is not in the range -20 to 19"},
		{"not nice", set(configs.Scheduler{Policy: "SCHED_BATCH", Nice: -21}), "Scheduler.Nice -21"},
		{"nice fifo", set(configs.Scheduler{Policy: "SCHED_FIFO", Priority: 1, Nice: 1}), "Scheduler.Nice 1 has no meaning for the policy SCHED_FIFO"},
		{"nice idle", set(configs.Scheduler{Policy: "SCHED_IDLE", Nice: 1}), "Scheduler.Nice 1 has no meaning"},
		{"fifo without priority", set(configs.Scheduler{Policy: "SCHED_FIFO"}), "Scheduler.Priority 0 is not in the range 1 to 99"},
		{"rr above", set(configs.Scheduler{Policy: "SCHED_RR", Priority: 100}), "Scheduler.Priority 100"},
		{"other with priority", set(configs.Scheduler{Policy: "SCHED_OTHER", Priority: 1}), "Scheduler.Priority 1 has no meaning"},
		{"unknown flag", set(configs.Scheduler{Policy: "SCHED_OTHER", Flags: []string{"SCHED_FLAG_RECLAIM", "RECLAIM"}}), `Scheduler.Flags[1] "RECLAIM"`},
		{"other with runtime", set(configs.Scheduler{Policy: "SCHED_OTHER", Runtime: 1}), "has no use for Runtime, Deadline and Period"},
		{"rr with period", set(configs.Scheduler{Policy: "SCHED_RR", Priority: 1, Period: 1}), "has no use for Runtime, Deadline and Period"},
		{"deadline without times", deadline(0, 0, 0), "Scheduler.Runtime 0 is less than 1024"},
		{"runtime above deadline", deadline(2000, 1999, 3000), "Scheduler.Runtime 2000 is above Deadline 1999"},
		{"deadline above period", deadline(2000, 3000, 2999), "Scheduler.Deadline 3000 is above Period 2999"},
		{"too long", deadline(2000, 3000, 1<<63), "Scheduler.Period 9223372036854775808 is above"},
		{"deadline too long", deadline(2000, 1<<63, 0), "Scheduler.Period 9223372036854775808 is above"},
	})
}

func TestIOPriority(t *testing.T) {
	set := func(class string, priority int) func(*configs.Config) {
		return func(c *configs.Config) { c.IOPriority = &configs.IOPriority{Class: class, Priority: priority} }
	}
	run(t, []testCase{
		{"realtime", set("IOPRIO_CLASS_RT", 0), ""},
		{"best effort", set("IOPRIO_CLASS_BE", 7), ""},
		{"idle", set("IOPRIO_CLASS_IDLE", 0), ""},
		{"no class", set("", 0), `IOPriority.Class ""`},
		{"class of the kernel alone", set("IOPRIO_CLASS_NONE", 0), `IOPriority.Class "IOPRIO_CLASS_NONE"`},
		{"too low", set("IOPRIO_CLASS_BE", 8), "IOPriority.Priority 8"},
		{"negative", set("IOPRIO_CLASS_BE", -1), "IOPriority.Priority -1"},
	})
}

func TestCPUAffinity(t *testing.T) {
	tests := []struct {
		name     string
		affinity *configs.CPUAffinity
		want     string
	}{
		{"none", nil, ""},
		{"empty", &configs.CPUAffinity{}, ""},
		{"both", &configs.CPUAffinity{Initial: "0", Final: "0-3,7"}, ""},
		{"initial", &configs.CPUAffinity{Initial: "a"}, `CPUAffinity.Initial: list of CPUs "a"`},
		{"final", &configs.CPUAffinity{Final: "3-0"}, `CPUAffinity.Final: list of CPUs "3-0"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { check(t, CPUAffinity(tt.affinity), tt.want) })
	}
}
