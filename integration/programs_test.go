//world:any

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// A program is one that tests run: how it is compiled, but for the output.
type program struct {
	compiler []string
	source   string
	env      []string
}

var (
	goBuild = []string{"go", "build", "-buildvcs=false"}
	gcc     = []string{"gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-static"}
	noCgo   = []string{"CGO_ENABLED=0"}
)

// goBuildIn builds in the directory of another module.
func goBuildIn(dir string) []string { return []string{"go", "build", "-C", dir, "-buildvcs=false"} }

// programs are all that there are, by name.
var programs = map[string]program{
	"quickstart":      {goBuild, "../examples/quickstart", nil},
	"classic":         {goBuild, "../examples/classic", nil},
	"shell":           {goBuild, "../examples/shell", nil},
	"supervisor":      {goBuild, "../examples/supervisor", nil},
	"sandbox":         {goBuild, "../examples/sandbox", nil},
	"server":          {goBuild, "../examples/server", nil},
	"steps":           {goBuild, "../examples/steps", nil},
	"executor":        {goBuild, "../examples/executor", nil},
	"metrics":         {goBuildIn("../examples/metrics"), ".", nil},
	"migrate":         {goBuild, "../examples/migrate", nil},
	"examples":        {[]string{"go", "test", "-c"}, "..", nil},
	"image":           {goBuildIn("../examples/image"), ".", nil},
	"cni":             {goBuildIn("../examples/cni"), ".", nil},
	"nsinit":          {goBuild, "../cmd/nsinit", noCgo},
	"engine":          {goBuild, "./testdata/hosts/engine", nil},
	"notifies":        {goBuild, "./testdata/calls/notifies", noCgo},
	"chaos":           {goBuild, "./chaos", nil},
	"imports":         {goBuild, "./testdata/hosts/imports", nil},
	"imports-without": {goBuild, "./testdata/hosts/imports", noCgo},
	"faults":          {goBuild, "./testdata/hosts/faults", nil},
	"contends":        {goBuild, "./testdata/hosts/contends", nil},
	"hook":            {goBuild, "./testdata/hosts/hook", nil},
	"neither":         {goBuild, "./testdata/hosts/neither", nil},
	"daemon":          {goBuild, "./testdata/hosts/daemon", nil},
	"layers":          {goBuild, "./testdata/hosts/layers", nil},
	"pdeathsig":       {goBuild, "./testdata/hosts/pdeathsig", nil},
	"threadends":      {goBuild, "./testdata/hosts/threadends", nil},
	"slowinit":        {goBuild, "./testdata/hosts/slowinit", nil},
	"freezes":         {goBuild, "./testdata/hosts/freezes", nil},
	"reaper":          {goBuild, "./testdata/hosts/reaper", nil},
	"rootless":        {goBuild, "./testdata/hosts/rootless", nil},
	"starts":          {goBuild, "./testdata/hosts/starts", nil},
	"attaches":        {goBuild, "./testdata/hosts/attaches", noCgo},
	"loader": {append(gcc, "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fPIE", "-static-pie"),
		"testdata/attacks/loader.c", nil},
	"oldcriu": {goBuild, "./testdata/checkpoint/oldcriu", noCgo},
	"dies":    {goBuild, "./testdata/hosts/dies", nil},
	"uring":   {gcc, "testdata/checkpoint/uring.c", nil},
	"odd":     {gcc, "testdata/checkpoint/odd.c", nil},
	"everything": {append(gcc, "-pthread", "testdata/checkpoint/everything/files.c", "testdata/checkpoint/everything/memories.c",
		"testdata/checkpoint/everything/networks.c", "testdata/checkpoint/everything/pipes.c",
		"testdata/checkpoint/everything/processes.c", "testdata/checkpoint/everything/timers.c"),
		"testdata/checkpoint/everything/main.c", nil},
	"holder":  {gcc, "testdata/attacks/holder.c", nil},
	"hunter":  {gcc, "testdata/attacks/hunter.c", nil},
	"recycle": {gcc, "testdata/attacks/recycle.c", nil},
	"keyring": {gcc, "testdata/attacks/keyring.c", nil},
	"threads": {goBuild, "./testdata/calls/threads", noCgo},
	"calls":   {append(gcc, "-pthread"), "testdata/calls/calls.c", nil},
	"bare":    {append(gcc, "-nostdlib", "-ffreestanding"), "testdata/calls/bare.c", nil},
}

func (p program) build(dest string) error {
	args := append(p.compiler[1:len(p.compiler):len(p.compiler)], "-o", dest, p.source)
	cmd := exec.Command(p.compiler[0], args...)
	cmd.Env = append(os.Environ(), p.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", cmd, err, out)
	}
	return nil
}

// buildAll builds all programs into a directory, for a machine that has no
// compilers. The tests take them from there with LCTEST_PROGRAMS=DIR.
func buildAll(dir string) error {
	for name, p := range programs {
		if err := p.build(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// builtPrograms remembers what this run has built.
var builtPrograms sync.Map

// buildProgram gives the file of a program, which is built when it is first asked
// for. It lies in the file system of the root file systems, so that it can be
// linked into them.
func buildProgram(t *testing.T, name string) string {
	t.Helper()
	p, ok := programs[name]
	if !ok {
		t.Fatalf("there is no program %q", name)
	}
	if dir := os.Getenv("LCTEST_PROGRAMS"); dir != "" {
		return filepath.Join(dir, name)
	}
	dest := filepath.Join(filepath.Dir(baseRootfs), name+"-program")
	build, _ := builtPrograms.LoadOrStore(name, sync.OnceValue(func() error { return p.build(dest) }))
	if err := build.(func() error)(); err != nil {
		t.Fatal(err)
	}
	return dest
}
