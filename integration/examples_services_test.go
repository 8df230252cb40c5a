package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// startService runs an example that serves HTTP on a socket, until the returned function or the
// end of the test ends it.
func startService(t *testing.T, cmd *exec.Cmd) (end func(os.Signal)) {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	end = func(s os.Signal) {
		once.Do(func() {
			_ = cmd.Process.Signal(s)
			_ = cmd.Wait()
			if t.Failed() && stderr.Len() > 0 {
				t.Logf("%s says: %s", filepath.Base(cmd.Path), &stderr)
			}
		})
	}
	t.Cleanup(func() { end(unix.SIGKILL) })
	return end
}

// An asker asks a service.
type asker struct {
	*http.Client
	base string
}

func (a asker) ask(t *testing.T, method, path string, body any) (code int, answer string) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	for {
		r, err := http.NewRequestWithContext(t.Context(), method, a.base+path, bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		got, err := a.Do(r)
		if isRefused(err) && t.Context().Err() == nil {
			continue // it does not listen yet
		}
		if err != nil {
			t.Fatal(err)
		}
		defer got.Body.Close()
		content, err := io.ReadAll(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		return got.StatusCode, string(content)
	}
}

func isRefused(err error) bool {
	return errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOENT)
}

func (a asker) wants(t *testing.T, code int, method, path string, body any, says ...string) {
	t.Helper()
	got, answer := a.ask(t, method, path, body)
	if got != code {
		t.Errorf("%s %s: %d %q, want %d", method, path, got, answer, code)
	}
	for _, text := range says {
		if !strings.Contains(answer, text) {
			t.Errorf("%s %s: %q does not say %q", method, path, answer, text)
		}
	}
}

func onUnixSocket(name string) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", name)
	}}}
}

// The tasks of the executor go on without it, and the next one knows them.
func TestExecutorExample(t *testing.T) {
	checkLeaks(t)
	dir := t.TempDir()
	start := func() func(os.Signal) {
		return startService(t, exec.Command(buildProgram(t, "executor"), "-state", dir, newRootfs(t)))
	}
	end := start()
	a := asker{onUnixSocket(filepath.Join(dir, "socket")), "http://host/tasks"}
	type task map[string]any
	a.wants(t, 200, "PUT", "/web", task{"args": []string{"sh", "-c", "echo said; exec sleep 100000"}, "memory_mib": 32})
	a.wants(t, 400, "PUT", "/web", task{"args": []string{"true"}}, "in use")
	a.wants(t, 400, "PUT", "/bad..%2fname", task{"args": []string{"true"}}, "id")
	a.wants(t, 400, "PUT", "/none", task{"args": []string{"nosuch"}}, "nosuch")
	a.wants(t, 400, "GET", "/none", nil, "does not exist") // nothing is left of it
	a.wants(t, 200, "GET", "/web", nil, `"status":"running"`, `"memory_mib":32`, `"limit":33554432`)

	end(unix.SIGKILL)
	end = start()
	a.wants(t, 200, "GET", "/web", nil, `"status":"running"`, `"memory_mib":32`)
	a.wants(t, 200, "POST", "/web/exec", task{"args": []string{"sh", "-c", "hostname; exit 3"}}, `"ExitCode":3`, "output")
	a.wants(t, 200, "POST", "/web/stop?grace=1ms", nil, `"exit_code":137`)
	a.wants(t, 200, "GET", "/web/wait", nil, `"exit_code":137`)
	a.wants(t, 200, "DELETE", "/web", nil)
	a.wants(t, 400, "GET", "/web", nil, "does not exist")
	if said, err := os.ReadFile(filepath.Join(dir, "web.log")); err != nil || string(said) != "said\n" {
		t.Errorf("the task's output %q, error %v", said, err)
	}
	end(unix.SIGTERM)
}

// The server's programs run at the same time, and end in time.
func TestServerExample(t *testing.T) {
	checkLeaks(t)
	address, state := freeAddress(t), t.TempDir()
	end := startService(t, exec.Command(buildProgram(t, "server"), "-listen", address, "-state", state, "-parallel", "2", newRootfs(t)))
	a := asker{&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, "http://" + address}
	type program map[string]any
	sh := func(script string) []string { return []string{"sh", "-c", script} }
	a.wants(t, 200, "POST", "/run", program{"args": sh("cat; echo no >&2; exit 3"), "stdin": "yes"},
		`"exit_code":3`, `"stdout":"yes"`, `"stderr":"no\n"`, "cpu_seconds")
	a.wants(t, 200, "POST", "/run", program{"args": sh("sleep 1000"), "seconds": 0.2}, `"exit_code":137`, "deadline")
	a.wants(t, 200, "POST", "/run", program{"args": sh("exec tail /dev/zero"), "seconds": 60}, `"oom_killed":true`)
	a.wants(t, 200, "POST", "/run", program{"args": sh("exec yes"), "seconds": 60}, "output is used up")
	a.wants(t, 400, "POST", "/run", program{"args": []string{"nosuch"}}, "nosuch")
	a.wants(t, 400, "POST", "/run", program{"args": sh("true"), "seconds": 1e9}, "seconds")
	a.wants(t, 400, "POST", "/run", program{}, "args is empty")
	a.wants(t, 400, "POST", "/run", "text")

	// Each has ids of its own, also at the same time.
	var all sync.WaitGroup
	ids := make([]string, 4)
	for i := range ids {
		all.Go(func() {
			_, ids[i] = a.ask(t, "POST", "/run", program{"args": sh("read a b c </proc/self/uid_map; echo =$b=; sleep 0.1")})
		})
	}
	all.Wait()
	for i := range ids {
		if ids[i] = between(ids[i], "="); ids[i] == "" {
			t.Fatalf("the ids are %q", ids)
		}
	}
	if slices.Sort(ids); len(slices.Compact(slices.Clone(ids))) < 2 {
		t.Errorf("all have the ids from %q on", ids[0])
	}
	end(syscall.SIGTERM)
	wantEmpty(t, state)
}

func between(text, mark string) string {
	parts := strings.Split(text, mark)
	if len(parts) != 3 {
		return ""
	}
	return parts[1]
}

// The steps of a job see what those before them have changed, and the image is as before.
func TestStepsExample(t *testing.T) {
	checkLeaks(t)
	bin, rootfs, workspace := buildProgram(t, "steps"), newRootfs(t), publicTempDir(t)
	run := func(steps ...map[string]string) (code int, out string) {
		t.Helper()
		text, err := json.Marshal(map[string]any{
			"rootfs": rootfs, "workspace": workspace, "env": []string{"WORD=hello"}, "memory_mib": 64, "steps": steps,
		})
		if err != nil {
			t.Fatal(err)
		}
		file, state := filepath.Join(t.TempDir(), "job.json"), filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(bin, "-state", state, file)
		said, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		wantEmpty(t, state)
		return cmd.ProcessState.ExitCode(), string(said)
	}
	step := func(name, script string, timeout ...string) map[string]string {
		return map[string]string{"name": name, "run": script, "timeout": strings.Join(timeout, "")}
	}
	code, out := run(step("tools", "echo 'echo $WORD' >/bin/tool; chmod +x /bin/tool"),
		step("build", "sh /bin/tool >result; id -u"), step("test", "exit 7"), step("never", "echo reached"))
	if code != 7 || !strings.Contains(out, "== 2/4 build\n0\n== build: exit code 0") || strings.Contains(out, "reached") {
		t.Errorf("exit code %d, output %s", code, out)
	}
	var st unix.Stat_t
	name := filepath.Join(workspace, "result")
	if text, err := os.ReadFile(name); err != nil || string(text) != "hello\n" || unix.Stat(name, &st) != nil || st.Uid != 0 {
		t.Errorf("the result is %q, of user %d, error %v", text, st.Uid, err)
	}
	if _, err := os.Stat(filepath.Join(rootfs, "bin/tool")); err == nil {
		t.Error("a step has changed the image")
	}
	for want, s := range map[string]map[string]string{
		"was killed: context deadline exceeded": step("slow", "sleep 1000", "200ms"),
		"more than 64 MiB of memory":            step("big", "exec tail /dev/zero"),
		"timeout: time: invalid":                step("wrong", "true", "soon"),
	} {
		if code, out := run(s); code == 0 || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d, output %s", s["name"], code, out)
		}
	}
	out2, err := exec.Command(bin, "-state", t.TempDir(), "/nosuch.json").CombinedOutput()
	if err == nil || !strings.Contains(string(out2), "/nosuch.json") {
		t.Errorf("without a job: %s, error %v", out2, err)
	}
}

// Prometheus is told of starts, ends and kills as they happen, and of what containers use.
func TestMetricsExample(t *testing.T) {
	checkLeaks(t)
	address, state := freeAddress(t), t.TempDir()
	end := startService(t, exec.Command(buildProgram(t, "metrics"), "-listen", address, "-state", state, newRootfs(t),
		"idle=exec sleep 1000", "quick=exit 3", "big=exec tail /dev/zero"))
	a := asker{&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, "http://" + address}
	missing := []string{
		`container_starts_total{kind="first",result="ok"}`, `container_start_step_seconds_count{kind="first",step="namespaces"}`,
		`container_exits_total{code="3",container="quick"}`, `container_exits_total{code="137",container="big"}`,
		`container_oom_kills_total{container="big"}`, `container_processes{container="idle"} 1`,
		`container_cpu_seconds_total{container="idle"}`, `container_memory_bytes{container="idle"}`,
	}
	for len(missing) > 0 && t.Context().Err() == nil {
		code, answer := a.ask(t, "GET", "/metrics", nil)
		if code != 200 {
			t.Fatalf("%d %s", code, answer)
		}
		missing = slices.DeleteFunc(missing, func(line string) bool { return strings.Contains(answer, line) })
	}
	end(syscall.SIGTERM)
	wantEmpty(t, state)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
