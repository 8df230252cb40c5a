package seccomp

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestCallsAreSorted(t *testing.T) {
	if !slices.IsSortedFunc(calls[:], func(a, b numbers) int { return strings.Compare(a.name, b.name) }) {
		t.Error("the table is not in the order of its names, so that names are not found")
	}
	for _, a := range slices.Concat(machine("amd64"), machine("arm64")) {
		seen := make(map[uint32]string)
		for _, n := range calls {
			nr, ok := a.number(n.name)
			if ok != (n.by[a.column] != none) {
				t.Errorf("%s of %s is not found", n.name, a.name)
			}
			if !ok {
				continue
			}
			if other, twice := seen[nr]; twice {
				t.Errorf("%s and %s of %s have the number %d", n.name, other, a.name, nr)
			}
			seen[nr] = n.name
		}
	}
}

// compare says in what a column of the table differs from what should be there.
func compare(t *testing.T, arch string, want map[string]uint32) {
	t.Helper()
	a := architecture(arch)
	for name, nr := range want {
		if got, ok := a.number(name); !ok || got != nr {
			t.Errorf("%s of %s: %#x, known %t, want %#x", name, arch, got, ok, nr)
		}
	}
	for _, n := range calls {
		if _, ok := want[n.name]; !ok && n.by[a.column] != none {
			t.Errorf("%s of %s: %d, but it should not exist", n.name, arch, n.by[a.column])
		}
	}
}

// TestCallsOfUnix compares with the constants of golang.org/x/sys/unix, of all
// architectures that it has. After an update of that module, go generate makes them
// equal again.
func TestCallsOfUnix(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", "golang.org/x/sys/unix").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := strings.TrimSpace(string(out))
	for arch, goarch := range map[string]string{"x86_64": "amd64", "x86": "386", "aarch64": "arm64", "arm": "arm"} {
		want := constants(t, filepath.Join(dir, "zsysnum_linux_"+goarch+".go"))
		// These are no calls.
		delete(want, "arch_specific_syscall")
		delete(want, "syscall_mask")
		if arch == "arm" {
			// Its private calls have no constants there: <asm/unistd.h>, __ARM_NR_BASE.
			for i, name := range []string{"breakpoint", "cacheflush", "usr26", "usr32", "set_tls", "get_tls"} {
				want[name] = 0x0f0000 + 1 + uint32(i)
			}
		}
		compare(t, arch, want)
	}
}

// constants gives the numbers of a file of golang.org/x/sys/unix.
func constants(t *testing.T, path string) map[string]uint32 {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]uint32)
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		lit, ok := spec.Values[0].(*ast.BasicLit)
		name, isCall := strings.CutPrefix(spec.Names[0].Name, "SYS_")
		if !ok || !isCall {
			t.Fatalf("%s: %s has no number", path, spec.Names[0].Name)
		}
		nr, exact := constant.Uint64Val(constant.MakeFromLiteral(lit.Value, lit.Kind, 0))
		if !exact {
			t.Fatalf("%s: %s is %s", path, name, lit.Value)
		}
		found[strings.ToLower(name)] = uint32(nr)
		return true
	})
	return found
}

var nrMacro = regexp.MustCompile(`(?m)^#define __NR_(\w+) (?:\(__X32_SYSCALL_BIT \+ (\d+)\)|(\d+))$`)

// TestCallsOfHeaders compares with the kernel's headers of this machine, which may be
// older than the table: x32 has no constants elsewhere.
func TestCallsOfHeaders(t *testing.T) {
	files, err := filepath.Glob("/usr/include/x86_64-linux-gnu/asm/unistd_*.h")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("there are no headers of x86-64's kernel in /usr/include/x86_64-linux-gnu")
	}
	macros := make(map[string]map[string]string)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		list := make(map[string]string)
		for _, m := range nrMacro.FindAllStringSubmatch(string(text), -1) {
			list[m[1]] = m[2] + m[3]
		}
		macros[filepath.Base(file)] = list
	}
	for file, arch := range map[string]string{"unistd_64.h": "x86_64", "unistd_32.h": "x86", "unistd_x32.h": "x32"} {
		a, list := architecture(arch), maps.Clone(macros[file])
		if len(list) < 300 {
			t.Fatalf("%s has only %d numbers", file, len(list))
		}
		for _, n := range calls {
			nr, ok := list[n.name]
			switch {
			case ok && nr != strconv.Itoa(int(n.by[a.column])):
				t.Errorf("%s of %s: %d, %s says %s", n.name, arch, n.by[a.column], file, nr)
			case !ok && n.by[a.column] != none && macros["unistd_64.h"][n.name] != "":
				// The headers know the name, so they are not too old.
				t.Errorf("%s of %s: %d, but %s has none", n.name, arch, n.by[a.column], file)
			}
			delete(list, n.name)
		}
		for name := range list {
			t.Errorf("%s of %s is not in the table", name, arch)
		}
	}
}
