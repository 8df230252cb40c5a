//world:any

package integration

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// A mistake is what a person does wrong, what he is told, and what he shall do. docs/errors.md
// is made of them.
type mistake struct {
	what    string // one line
	message string // which he gets; … stands for what differs from case to case
	remedy  string
	make    func(t *testing.T) error
}

type change = func(t *testing.T, c *configs.Config, p *libcontainer.Process)

// started makes a container's configuration and process, has them edited, and starts.
func started(changes ...change) func(t *testing.T) error {
	return func(t *testing.T) error {
		config := newConfig(t)
		p, _ := command("/bin/true")
		for _, change := range changes {
			change(t, config, p)
		}
		factory := newFactory(t)
		checkLeaks(t)
		return liveOnce(factory, config, p)
	}
}

// liveOnce makes a container, runs its process to the end, and destroys it.
func liveOnce(factory libcontainer.Factory, config *configs.Config, p *libcontainer.Process) error {
	container, err := factory.Create("test", config)
	if err != nil {
		return err
	}
	defer container.Destroy()
	if err := container.Start(p); err != nil {
		return err
	}
	_, err = p.Wait()
	return err
}

// inRootfs makes a file of the container's root file system, which is not one of those that
// all tests share.
func inRootfs(t *testing.T, c *configs.Config, name string, mode os.FileMode, text string) {
	t.Helper()
	path := filepath.Join(c.Rootfs, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writeNew(path, text, mode); err != nil {
		t.Fatal(err)
	}
}

func writeNew(path, text string, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// runs writes a file and makes it the program.
func runs(name string, mode os.FileMode, text string) change {
	return func(t *testing.T, c *configs.Config, p *libcontainer.Process) {
		inRootfs(t, c, name, mode, text)
		p.Args = []string{"/" + name}
	}
}

func args(args ...string) change {
	return func(_ *testing.T, _ *configs.Config, p *libcontainer.Process) { p.Args = args }
}

// withoutCapabilities is a user without capabilities.
func withoutCapabilities(_ *testing.T, _ *configs.Config, p *libcontainer.Process) {
	p.User, p.Capabilities = "1000:1000", []string{}
}

func user(user string) change {
	return func(_ *testing.T, _ *configs.Config, p *libcontainer.Process) { p.User = user }
}

func mounted(m *configs.Mount) change {
	return func(_ *testing.T, c *configs.Config, _ *libcontainer.Process) { c.Mounts = append(c.Mounts, m) }
}

func configured(set func(c *configs.Config)) change {
	return func(_ *testing.T, c *configs.Config, _ *libcontainer.Process) { set(c) }
}

func limited(set func(r *configs.Resources)) change {
	return func(_ *testing.T, c *configs.Config, _ *libcontainer.Process) { set(c.Cgroups.Resources) }
}

func mapped(ids ...configs.IDMap) change {
	return func(_ *testing.T, c *configs.Config, _ *libcontainer.Process) {
		c.Namespaces.Add(configs.NEWUSER, "")
		c.UidMappings, c.GidMappings = ids, ids
	}
}

var usual = configs.IDMap{ContainerID: 0, HostID: 100000, Size: 65536}

// elfProgram is the head of a program for a machine, with an interpreter if there is one.
func elfProgram(machine uint16, interpreter string) string {
	b := make([]byte, 64+56)
	copy(b, "\x7fELF\x02\x01\x01")
	le := binary.LittleEndian
	le.PutUint16(b[16:], 2) // ET_EXEC
	le.PutUint16(b[18:], machine)
	le.PutUint32(b[20:], 1)
	le.PutUint64(b[32:], 64) // program headers
	le.PutUint16(b[52:], 64)
	le.PutUint16(b[54:], 56)
	le.PutUint16(b[56:], 1)
	le.PutUint32(b[64:], 3) // PT_INTERP
	le.PutUint64(b[64+8:], uint64(len(b)))
	le.PutUint64(b[64+32:], uint64(len(interpreter)+1))
	return string(b) + interpreter + "\x00"
}

// thisMachine is the machine's own number in ELF files.
var thisMachine = map[string]uint16{"amd64": 62, "arm64": 183}[runtime.GOARCH]

var mistakes = []struct {
	about string
	list  []mistake
}{
	{"The program", programMistakes},
	{"Users and capabilities", userMistakes},
	{"Files and mounts", fileMistakes},
	{"The container, its limits and networks", limitMistakes},
	{"The program that starts containers", hostMistakes},
}

// TestMistakes makes all of them, and looks for the message: it names the thing, and where
// there is one the way out.
func TestMistakes(t *testing.T) {
	for _, group := range mistakes {
		for _, m := range group.list {
			t.Run(strings.ReplaceAll(m.what, "/", "|"), func(t *testing.T) {
				err := m.make(t)
				if err == nil {
					t.Fatal("no error")
				}
				rest := err.Error()
				for part := range strings.SplitSeq(m.message, "…") {
					_, after, ok := strings.Cut(rest, part)
					if !ok {
						t.Fatalf("the message is\n\t%v\nand should be\n\t%s", err, m.message)
					}
					rest = after
				}
			})
		}
	}
}

const errorsDocument = "../docs/errors.md"

// TestErrorsDocument compares docs/errors.md with the list. LCTEST_UPDATE=1 writes it.
func TestErrorsDocument(t *testing.T) {
	var doc strings.Builder
	doc.WriteString(`# What an error means, and what to do

These are common mistakes, the message that each one ends in (… stands for what differs), and what to do.
The integration test TestMistakes makes all of them, and TestErrorsDocument writes this page.

Before the message there is what the library was doing: ` + "`" + `create container "web":` + "`" + `, ` + "`" + `start container "web":` + "`" + `.
What the kernel says comes last, and in parentheses what it means where its words do not tell. For a program
there is ` + "`" + `errors.Is` + "`" + `, with the codes of package libcontainer and the kernel's error numbers.
`)
	count := 0
	for _, group := range mistakes {
		fmt.Fprintf(&doc, "\n## %s\n\n| mistake | message | what to do |\n| --- | --- | --- |\n", group.about)
		for _, m := range group.list {
			if m.message == "" || m.remedy == "" {
				t.Errorf("%s: no message or no remedy", m.what)
			}
			fmt.Fprintf(&doc, "| %s | `%s` | %s |\n", m.what, strings.ReplaceAll(m.message, "|", "\\|"), m.remedy)
			count++
		}
	}
	if count < 30 {
		t.Errorf("there are only %d mistakes", count)
	}
	if os.Getenv("LCTEST_UPDATE") != "" {
		if err := os.WriteFile(errorsDocument, []byte(doc.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(errorsDocument)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(doc.String(), string(text)); diff != "" {
		t.Errorf("docs/errors.md is not what the list says; LCTEST_UPDATE=1 writes it:\n%s", diff)
	}
}
