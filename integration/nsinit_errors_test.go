//world:any

package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// What the command line gets wrong is named, and nothing is made.
func TestNsinitMistakes(t *testing.T) {
	n := newNsinit(t)
	bundle := bundleOf(t, "true", nil)
	for _, test := range []struct {
		args  []string
		texts []string
	}{
		{[]string{"dance"}, []string{`no command \"dance\"`, "--help"}},
		{[]string{"create", "--dance", "x"}, []string{"nsinit create", "-dance", "--help"}},
		{[]string{"create", "--bundle"}, []string{"--bundle"}},
		{[]string{"create", "--bundle", bundle}, []string{"no container id"}},
		{[]string{"state"}, []string{"nsinit state", "no container id"}},
		{[]string{"state", "a", "b"}, []string{"too many", `\"b\"`}},
		{[]string{"list", "a"}, []string{`\"a\"`}},
		{[]string{"spec", "a"}, []string{`\"a\"`}},
		{[]string{"create", "--bundle", bundle, "a/b"}, []string{"a/b"}},
		{[]string{"create", "--bundle", bundle + "/none", "x"}, []string{bundle + "/none/config.json"}},
		{[]string{"create", "--bundle", bundle, "--preserve-fds", "1", "x"}, []string{"--preserve-fds", "descriptor 3"}},
		{[]string{"create", "--bundle", bundle, "--preserve-fds", "-1", "x"}, []string{"--preserve-fds", "negative"}},
		{[]string{"create", "--bundle", bundle, "--preserve-fds", "many", "x"}, []string{"preserve-fds", "many"}},
		{[]string{"create", "--bundle", bundle, "--console-socket", bundle + "/none", "x"}, []string{"--console-socket", "no terminal"}},
		{[]string{"create", "--bundle", bundle, "--pid-file", bundle + "/none/pid", "x"}, []string{"--pid-file", "/none/"}},
		{[]string{"create", "--bundle", bundle, "--pidfd-socket", bundle + "/none", "x"}, []string{"--pidfd-socket", "/none", "no such file"}},
		{[]string{"kill", "x"}, []string{"container does not exist"}},
		{[]string{"kill", "x", "LOUD"}, []string{"LOUD"}},
		{[]string{"kill", "x", "65"}, []string{"65"}},
		{[]string{"events", "--interval", "0s", "x"}, []string{"--interval"}},
		{[]string{"update", "--memory", "much", "x"}, []string{"container does not exist"}},
		{[]string{"--log-format", "xml", "list"}, []string{"--log-format", "xml"}},
		{[]string{"--log", bundle + "/none/log", "list"}, []string{"--log", "/none/log"}},
		{[]string{"--rootless", "maybe", "list"}, []string{"--rootless", "maybe"}},
		{[]string{"--root", "", "list"}, []string{"--root"}},
	} {
		n.fails(t, 1, test.texts, test.args...)
	}
	if _, err := os.Stat(n.root); err == nil {
		if entries, _ := os.ReadDir(n.root); len(entries) > 0 {
			t.Errorf("the root has %v", entries)
		}
	}
}

// Commands that only look do not make the root.
func TestNsinitMakesNoRoot(t *testing.T) {
	n := newNsinit(t)
	n.fails(t, 1, []string{"does not exist"}, "state", "x")
	n.must(t, "delete", "--force", "x")
	if out := n.must(t, "list", "--format", "json"); out != "[]\n" {
		t.Errorf("list says %q", out)
	}
	n.must(t, "features")
	if _, err := os.Stat(n.root); !os.IsNotExist(err) {
		t.Errorf("the root is there: %v", err)
	}
}

// Engines match these texts, and want them from create.
func TestNsinitProgramsThatCannotRun(t *testing.T) {
	n := newNsinit(t)
	for program, text := range map[string]string{
		"nosuch":        "executable file not found in $PATH",
		"/bin/nosuch":   "no such file or directory",
		"plain":         "permission denied",
		"/etc/passwd":   "permission denied",
		"/etc":          "permission denied",
		"/etc/passwd/x": "not a directory",
	} {
		bundle := bundleOf(t, "", func(spec *specs.Spec) { spec.Process.Args = []string{program, "argument"} })
		if err := os.WriteFile(filepath.Join(bundle, "rootfs", "bin", "plain"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		n.fails(t, 1, []string{text, program}, "create", "--bundle", bundle, "x")
		n.fails(t, 1, []string{text, program}, "run", "--bundle", bundle, "x")
	}
	bundle := bundleOf(t, "exec sleep 100000", nil)
	n.deleteLater(t, "x")
	n.must(t, "run", "--detach", "--bundle", bundle, "x")
	n.fails(t, 255, []string{"executable file not found in $PATH", "nosuch"}, "exec", "x", "nosuch")
	n.fails(t, 255, []string{"permission denied", "/etc/passwd"}, "exec", "x", "/etc/passwd")
	n.fails(t, 255, []string{"container does not exist"}, "exec", "y", "true")
	n.must(t, "kill", "x", "KILL")
	n.waitFor(t, "x", "stopped")
	n.fails(t, 255, []string{"container not running", "stopped"}, "exec", "x", "true")
}

// The log has a line for each error and warning, in the form that was asked for.
func TestNsinitLog(t *testing.T) {
	n := newNsinit(t)
	bundle := bundleOf(t, "true", func(spec *specs.Spec) {
		spec.Process.Capabilities.Bounding = append(spec.Process.Capabilities.Bounding, "CAP_OF_TOMORROW")
	})
	log := filepath.Join(bundle, "log")
	read := func(t *testing.T) []string {
		t.Helper()
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(log); err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	}
	t.Run("text", func(t *testing.T) {
		stdout, stderr, code := n.run(t, "--log", log, "state", "x")
		if code != 1 || stdout != "" || !regexp.MustCompile(`^container does not exist: [^\n]*"x"[^\n]*\n$`).MatchString(stderr) {
			t.Errorf("status %d, stdout %q, stderr %q", code, stdout, stderr)
		}
		lines := read(t)
		if len(lines) != 1 || !regexp.MustCompile(`^time="20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\S*" level=error msg="container does not exist: .*\\"x\\".*"$`).MatchString(lines[0]) {
			t.Errorf("log %q", lines)
		}
	})
	t.Run("JSON", func(t *testing.T) {
		n.run(t, "--log", log, "--log-format", "json", "state", "x")
		n.run(t, "--log", log, "--log-format=json", "create", "--dance", "x")
		lines := read(t)
		if len(lines) != 2 {
			t.Fatalf("log %q", lines)
		}
		for i, want := range []string{"container does not exist", "-dance"} {
			var entry struct{ Level, Msg, Time string }
			decodeStrict(t, lines[i], &entry)
			if _, err := time.Parse(time.RFC3339, entry.Time); err != nil || entry.Level != "error" || !strings.Contains(entry.Msg, want) {
				t.Errorf("log %q, error %v", lines[i], err)
			}
		}
	})
	t.Run("warnings", func(t *testing.T) {
		stdout, stderr, code := n.run(t, "--log", log, "run", "--bundle", bundle, "x")
		if code != 0 || stdout != "" || stderr != "" {
			t.Errorf("status %d, stdout %q, stderr %q", code, stdout, stderr)
		}
		if lines := read(t); len(lines) != 1 || !strings.Contains(lines[0], "level=warning") || !strings.Contains(lines[0], "bounding[3]") {
			t.Errorf("log %q", lines)
		}
	})
	t.Run("debug", func(t *testing.T) {
		n.run(t, "--debug", "--log", log, "run", "--bundle", bundle, "x")
		if lines := read(t); len(lines) != 2 || !strings.Contains(lines[1], "level=debug") {
			t.Errorf("log %q", lines)
		}
	})
}

// A bundle that is wrong is refused with the property's name.
func TestNsinitBadBundles(t *testing.T) {
	n := newNsinit(t)
	for text, edit := range map[string]func(*specs.Spec){
		"root.path":                func(s *specs.Spec) { s.Root.Path = "nowhere" },
		"ociVersion":               func(s *specs.Spec) { s.Version = "2.0.0" },
		"linux.namespaces[0].type": func(s *specs.Spec) { s.Linux.Namespaces[0].Type = "dreams" },
		"process.cwd":              func(s *specs.Spec) { s.Process.Cwd = "here" },
		"process.args":             func(s *specs.Spec) { s.Process.Args = nil },
		"linux.seccomp":            func(s *specs.Spec) { s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: "SCMP_ACT_GUESS"} },
		"process.rlimits[0].type":  func(s *specs.Spec) { s.Process.Rlimits[0].Type = "RLIMIT_JOY" },
		"/dev/none-such": func(s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/mnt", Type: "bind", Source: "/dev/none-such", Options: []string{"bind"}})
		},
		"createRuntime hook 0": func(s *specs.Spec) { s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/false"}}} },
		"hooks.prestart[0].path": func(s *specs.Spec) {
			//lint:ignore SA1019 old bundles have it
			s.Hooks = &specs.Hooks{Prestart: []specs.Hook{{Path: "bin/false"}}}
		},
		"linux.resources.pids.limit": func(s *specs.Spec) { least := int64(-2); s.Linux.Resources.Pids = &specs.LinuxPids{Limit: &least} },
	} {
		bundle := bundleOf(t, "true", edit)
		n.fails(t, 1, []string{text}, "create", "--bundle", bundle, "x")
	}
	bundle := bundleOf(t, "true", nil)
	for text, content := range map[string]string{"line 2": "{\n]", "null": "null", "process.args": `{"process": {"args": 1}}`} {
		if err := os.WriteFile(filepath.Join(bundle, "config.json"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		n.fails(t, 1, []string{text, "config.json"}, "run", "--bundle", bundle, "x")
	}
}

// A bundle without a process can be created, and not be started.
func TestNsinitWithoutAProcess(t *testing.T) {
	n := newNsinit(t)
	bundle := bundleOf(t, "", func(s *specs.Spec) { s.Process = nil })
	n.fails(t, 1, []string{"process is missing"}, "run", "--bundle", bundle, "x")
	n.deleteLater(t, "x")
	n.must(t, "create", "--bundle", bundle, "x")
	if s := n.state(t, "x"); s.Status != "created" || s.Pid != 0 {
		t.Errorf("state %+v", s)
	}
	n.fails(t, 1, []string{"process is missing"}, "start", "x")
	n.must(t, "delete", "x")
}

// A start that fails leaves a container that has stopped.
func TestNsinitStartThatFails(t *testing.T) {
	n := newNsinit(t)
	bundle := bundleOf(t, "true", func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{StartContainer: []specs.Hook{{Path: "/bin/false"}}}
	})
	n.deleteLater(t, "x")
	n.must(t, "create", "--bundle", bundle, "x")
	n.fails(t, 1, []string{"startContainer hook 0", "x"}, "start", "x")
	if s := n.state(t, "x"); s.Status != "stopped" || s.Pid != 0 {
		t.Errorf("state %+v", s)
	}
	n.fails(t, 1, []string{"stopped"}, "start", "x")
	n.must(t, "delete", "x")
}

// What nsinit tells of itself.
func TestNsinitTellsOfItself(t *testing.T) {
	n := newNsinit(t)
	if out := n.must(t, "--version"); !regexp.MustCompile(`^nsinit version \S+\n(commit: \S+\n)?spec: ` + regexp.QuoteMeta(specs.Version) + `\ngo: go1\.\S+\n$`).MatchString(out) {
		t.Errorf("version %q", out)
	}
	for verb, flags := range nsinitFlags {
		out := n.must(t, verb, "--help")
		for _, flag := range strings.Fields(flags) {
			if !strings.Contains(out, "--"+flag) {
				t.Errorf("nsinit %s --help does not tell of --%s:\n%s", verb, flag, out)
			}
		}
	}
	manual := n.must(t, "man")
	for verb := range nsinitFlags {
		if !strings.Contains(manual, ".SS nsinit "+verb+" ") {
			t.Errorf("the manual page has no %s", verb)
		}
	}
	if out := n.must(t, "completion", "bash"); !strings.Contains(out, "nsinit") {
		t.Errorf("completion for bash: %q", out)
	}
	var features map[string]any
	if err := json.Unmarshal([]byte(n.must(t, "features")), &features); err != nil || features["ociVersionMax"] != specs.Version {
		t.Errorf("features: %v, error %v", features, err)
	}
}

// nsinitFlags are the flags that engines use.
var nsinitFlags = map[string]string{
	"create":     "bundle console-socket pidfd-socket pid-file no-pivot no-new-keyring preserve-fds",
	"start":      "help",
	"run":        "bundle console-socket pidfd-socket pid-file no-pivot no-new-keyring preserve-fds detach keep no-subreaper",
	"exec":       "console-socket pidfd-socket cwd env tty user additional-gids process detach pid-file process-label apparmor no-new-privs cap preserve-fds cgroup ignore-paused",
	"kill":       "all",
	"delete":     "force",
	"state":      "help",
	"list":       "format quiet",
	"ps":         "format",
	"events":     "interval stats",
	"pause":      "help",
	"resume":     "help",
	"update":     "resources blkio-weight cpu-period cpu-quota cpu-burst cpu-share cpu-rt-period cpu-rt-runtime cpuset-cpus cpuset-mems memory memory-reservation memory-swap kernel-memory-tcp pids-limit l3-cache-schema mem-bw-schema cpu-idle",
	"checkpoint": "image-path work-path parent-path leave-running tcp-established tcp-skip-in-flight link-remap ext-unix-sk shell-job lazy-pages status-fd page-server file-locks pre-dump manage-cgroups-mode empty-ns auto-dedup",
	"restore":    "console-socket image-path work-path tcp-established ext-unix-sk shell-job file-locks manage-cgroups-mode bundle detach pid-file no-subreaper no-pivot empty-ns auto-dedup lazy-pages lsm-profile lsm-mount-context",
	"spec":       "bundle rootless",
	"features":   "help",
}
