package lives

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// recorder is a factory and a container that write down what is asked of them. What they do not
// implement panics.
type recorder struct {
	libcontainer.Factory
	libcontainer.Container
	calls []string
}

func (r *recorder) Create(_ string, config *configs.Config) (libcontainer.Container, error) {
	r.calls = append(r.calls, "Create "+config.Rootfs)
	return recorded{r}, nil
}

type recorded struct{ *recorder }

func (r recorded) Start(p *libcontainer.Process) error {
	r.calls = append(r.calls, "Start "+strings.Join(p.Args, " "))
	return nil
}

func (r recorded) Destroy() error {
	r.calls = append(r.calls, "Destroy")
	return nil
}

// A life is what all figures and promises are about: it may not become less by and by. That there was a
// Wait is known from its error, for this process was not started.
func TestLifeIsCreateStartWaitDestroy(t *testing.T) {
	r := new(recorder)
	maker := &Maker{factory: r, config: Config, rootfs: "/rootfs", use: "test", null: os.Stdin}
	for name, do := range map[string]func() (Sample, error){"life": maker.Life, "start": maker.Start} {
		r.calls = nil
		_, err := do()
		if !errors.Is(err, libcontainer.ProcessNotExecuted) || !strings.HasPrefix(err.Error(), "wait: ") {
			t.Errorf("%s: error %v, want that of Wait", name, err)
		}
		if want := []string{"Create /rootfs", "Start /bin/true", "Destroy"}; !slices.Equal(r.calls, want) {
			t.Errorf("%s: calls %q, want %q", name, r.calls, want)
		}
	}
}

// As DESIGN says: new mount, pid, net, ipc and uts namespaces, the usual mounts, masks, devices and
// cgroups with limits.
func TestContainerIsWhole(t *testing.T) {
	config := Config("/rootfs", "name")
	usual := configs.Default()
	if len(config.Mounts) != len(usual.Mounts) || len(config.Devices) != len(usual.Devices) ||
		len(config.MaskPaths) != len(usual.MaskPaths) || len(config.ReadonlyPaths) != len(usual.ReadonlyPaths) {
		t.Errorf("something that is usual is missing: %+v", config)
	}
	if c := config.Cgroups; c.Memory == 0 || c.CpuShares == 0 || c.PidsLimit == 0 || c.Name != "name" {
		t.Errorf("a limit is missing: %+v", c)
	}
}

func TestCPUTimeCountsThisProcess(t *testing.T) {
	sample, err := Measure(func() error {
		for end := CPUTime() + 20*time.Millisecond; CPUTime() < end; {
		}
		return nil
	})
	if err != nil || sample.CPU < 20*time.Millisecond || sample.Wall <= 0 {
		t.Errorf("sample %+v, error %v, after 20 ms of CPU time", sample, err)
	}
}

func TestCPUTimeCountsChildren(t *testing.T) {
	var child time.Duration
	sample, err := Measure(func() error {
		cmd := exec.Command("/bin/sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done")
		err := cmd.Run()
		child = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		return err
	})
	if err != nil || child == 0 || sample.CPU < child {
		t.Errorf("sample %+v, error %v, of a child with %v", sample, err, child)
	}
}

func TestParseStatus(t *testing.T) {
	memory, threads, err := parseStatus("Name:\tplain\nVmRSS:\t    8500 kB\nThreads:\t6\nCpus_allowed:\t3\n")
	if err != nil || memory != 8500 || threads != 6 {
		t.Errorf("memory %d, threads %d, error %v", memory, threads, err)
	}
	for _, text := range []string{"", "VmRSS:\t8500 kB\n", "VmRSS:\tmuch\nThreads:\t6\n"} {
		if _, _, err := parseStatus(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestServeAnswers(t *testing.T) {
	h := &host{answer: map[string]func() ([]string, error){
		"":     func() ([]string, error) { return microseconds(Sample{Wall: 1500, CPU: time.Millisecond}, nil) },
		"size": footprint,
	}}
	var out strings.Builder
	err := h.serve(strings.NewReader("\nsize\n"), &out)
	lines := strings.Split(out.String(), "\n")
	if err != nil || len(lines) != 3 || lines[0] != "1.5 1000.0" || len(strings.Fields(lines[1])) != 3 {
		t.Errorf("answers %q, error %v", lines, err)
	}
	if err := h.serve(strings.NewReader("dance\n"), &out); err == nil {
		t.Error("an unknown request was taken")
	}
}
