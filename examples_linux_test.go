package libcontainer_test

import (
	"embed"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/libcontainer/libcontainer"
)

// examples are all examples of this package. What each prints is written in its body, below "Prints:".
// With the go command's own directive, Output, each `go test` would run them, and they need root and a
// root file system.
var examples = map[string]func(){
	"Example":                         Example,
	"Example_deadline":                Example_deadline,
	"Example_devices":                 Example_devices,
	"Example_hooks":                   Example_hooks,
	"Example_landlock":                Example_landlock,
	"Example_limits":                  Example_limits,
	"Example_network":                 Example_network,
	"Example_overlay":                 Example_overlay,
	"Example_readOnly":                Example_readOnly,
	"Example_sandbox":                 Example_sandbox,
	"Example_seccomp":                 Example_seccomp,
	"Example_sharedNamespaces":        Example_sharedNamespaces,
	"Example_streams":                 Example_streams,
	"Example_userNamespace":           Example_userNamespace,
	"Example_volumes":                 Example_volumes,
	"ExampleErrorCode":                ExampleErrorCode,
	"ExampleExitCode":                 ExampleExitCode,
	"ExampleFrom":                     ExampleFrom,
	"ExampleInstance_Checkpoint":      ExampleInstance_Checkpoint,
	"ExampleInstance_NotifyOOM":       ExampleInstance_NotifyOOM,
	"ExampleInstance_Pause":           ExampleInstance_Pause,
	"ExampleInstance_Prepare":         ExampleInstance_Prepare,
	"ExampleInstance_Run":             ExampleInstance_Run,
	"ExampleInstance_Set":             ExampleInstance_Set,
	"ExampleInstance_SignalAll":       ExampleInstance_SignalAll,
	"ExampleInstance_Start":           ExampleInstance_Start,
	"ExampleInstance_Stats":           ExampleInstance_Stats,
	"ExampleInstance_Stop":            ExampleInstance_Stop,
	"ExampleInstance_Wait":            ExampleInstance_Wait,
	"ExampleLimits":                   ExampleLimits,
	"ExampleNew":                      ExampleNew,
	"ExampleOnWarning":                ExampleOnWarning,
	"ExampleProcess":                  ExampleProcess,
	"ExampleProcess_NewTerminal":      ExampleProcess_NewTerminal,
	"ExampleRuntime_CreateWithRecord": ExampleRuntime_CreateWithRecord,
	"ExampleWithObserver":             ExampleWithObserver,
	"ExampleRuntime_List":             ExampleRuntime_List,
}

//go:embed example_*_linux_test.go
var exampleSources embed.FS

// promised reads from the sources what each example says that it prints.
func promised(t *testing.T) map[string]string {
	t.Helper()
	names, err := exampleSources.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	prints := make(map[string]string)
	for _, name := range names {
		source, err := exampleSources.ReadFile(name.Name())
		if err != nil {
			t.Fatal(err)
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name.Name(), source, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(f.Name.Name, "Example") {
				continue
			}
			prints[f.Name.Name] = ""
			for _, comment := range file.Comments {
				what, ok := strings.CutPrefix(comment.Text(), "Prints:\n")
				if !ok || comment.Pos() < f.Body.Pos() || comment.End() > f.Body.End() {
					continue
				}
				prints[f.Name.Name] = what
				if lines := files.Position(comment.Pos()).Line - files.Position(f.Pos()).Line; lines > 30 {
					t.Errorf("%s has %d lines: nobody pastes so many", f.Name.Name, lines)
				}
			}
		}
	}
	return prints
}

// Every example is in the table, and so is run by TestExamples, and says what it prints.
func TestExamplesAreListed(t *testing.T) {
	prints := promised(t)
	for name, text := range prints {
		if examples[name] == nil {
			t.Errorf("%s is not in the table: nothing runs it", name)
		}
		if text == "" {
			t.Errorf("%s has no comment that begins with Prints:", name)
		}
	}
	for name := range examples {
		if _, ok := prints[name]; !ok {
			t.Errorf("%s is in no file example_*_linux_test.go", name)
		}
	}
}

// TestExamples runs them all, as root, with the root file system that LIBCONTAINER_EXAMPLES names at
// /srv/rootfs. The integration tests do that.
func TestExamples(t *testing.T) {
	rootfs := os.Getenv("LIBCONTAINER_EXAMPLES")
	if rootfs == "" {
		t.Skip("LIBCONTAINER_EXAMPLES names no root file system: the integration tests run this with one")
	}
	const inside = "LIBCONTAINER_EXAMPLES_INSIDE"
	if os.Getenv(inside) == "" {
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestExamples$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("in a mount namespace of its own: %v", err)
		}
		t.Logf("%s", out)
		return
	}
	furnish(t, rootfs)
	prints := promised(t)
	for _, name := range slices.Sorted(maps.Keys(examples)) {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath("criu"); err != nil && name == "ExampleInstance_Checkpoint" {
				t.Skip(err)
			}
			if got := printed(t, examples[name]); got != prints[name] {
				t.Errorf("it printed\n%sand promises\n%s", got, prints[name])
			}
			destroyLeft(t)
		})
	}
}

// furnish makes the paths that the examples name, in this mount namespace.
func furnish(t *testing.T, rootfs string) {
	t.Helper()
	dir, err := os.Open(rootfs)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	source := fmt.Sprintf("/proc/self/fd/%d", dir.Fd())
	err = errors.Join(
		syscall.Mount("tmpfs", "/srv", "tmpfs", 0, "mode=755"),
		syscall.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"),
		os.MkdirAll("/srv/rootfs", 0o755),
		os.MkdirAll("/srv/data", 0o755),
		os.WriteFile("/srv/data/file", []byte("content\n"), 0o644),
		syscall.Mount(source, "/srv/rootfs", "", syscall.MS_BIND, ""),
	)
	if err != nil {
		t.Fatal(err)
	}
	if criu := os.Getenv("LIBCONTAINER_CRIU"); criu != "" {
		t.Setenv("PATH", filepath.Dir(criu)+":"+os.Getenv("PATH"))
	}
}

// printed runs an example and gives its standard output.
func printed(t *testing.T, example func()) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "stdout")
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	func() {
		stdout := os.Stdout
		defer func() {
			os.Stdout = stdout
			if err := recover(); err != nil {
				t.Errorf("it gave up: %v", err)
			}
		}()
		os.Stdout = file
		example()
	}()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// destroyLeft removes containers that an example has left, for they would be left on the host.
func destroyLeft(t *testing.T) {
	t.Helper()
	runtime, err := libcontainer.Open("/run/example")
	if err != nil {
		t.Fatal(err)
	}
	containers, err := runtime.List(t.Context())
	if err != nil {
		t.Error(err)
	}
	for _, container := range containers {
		t.Errorf("it has left container %s", container.ID())
		if err := container.Destroy(); err != nil {
			t.Error(err)
		}
	}
}
