//go:build linux

package systemd

import (
	"bufio"
	"encoding/binary"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"
)

// peer is a bus with a systemd on it, which answers as a test says.
type peer struct {
	t        *testing.T
	listener net.Listener

	mu      sync.Mutex
	conns   []net.Conn
	calls   []string
	serial  uint32
	answers map[string]func(call *dbus.Message) answer
}

// answer is the reply to a call: values, an error's name, or none at all. What is to
// follow the reply is done then.
type answer struct {
	values []any
	err    string
	none   bool
	then   func()
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "bus"))
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, listener: listener, answers: map[string]func(*dbus.Message) answer{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.conns = append(p.conns, c)
			p.mu.Unlock()
			serving.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		p.hangUp()
		serving.Wait()
	})
	return p
}

// bus gives a bus that dials the peer, closed when the test ends.
func (p *peer) bus() *systemBus {
	b := &systemBus{dial: func() (*link, error) {
		return dialFirst([]address{{name: "unix:path=" + p.listener.Addr().String()}}, 0, false)
	}}
	p.t.Cleanup(func() {
		if b.link != nil {
			b.link.close()
		}
	})
	return b
}

// hangUp drops all connections.
func (p *peer) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

// authenticate is the server's side of the protocol's first part, see
// "Authentication Protocol" in the D-Bus specification.
func authenticate(in *bufio.Reader, c net.Conn) bool {
	if _, err := in.ReadByte(); err != nil {
		return false
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		reply := "ERROR"
		switch line = strings.TrimSpace(line); {
		case line == "AUTH":
			reply = "REJECTED EXTERNAL"
		case strings.HasPrefix(line, "AUTH EXTERNAL"):
			reply = "OK 0123456789abcdef0123456789abcdef"
		case line == "BEGIN":
			return true
		}
		if _, err := c.Write([]byte(reply + "\r\n")); err != nil {
			return false
		}
	}
}

func (p *peer) serve(c net.Conn) {
	in := bufio.NewReader(c)
	if !authenticate(in, c) {
		return
	}
	for {
		call, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		member, _ := call.Headers[dbus.FieldMember].Value().(string)
		a := p.answer(member, call)
		if !a.none {
			p.reply(c, call, a)
		}
		if a.then != nil {
			a.then()
		}
	}
}

// answer gives what the bus and systemd always answer, or the test's own.
func (p *peer) answer(member string, call *dbus.Message) answer {
	what := member
	if member == "Get" {
		what = call.Body[1].(string)
	}
	p.mu.Lock()
	p.calls = append(p.calls, what)
	own := p.answers[what]
	p.mu.Unlock()
	if own != nil {
		return own(call)
	}
	switch what {
	case "Hello":
		return answer{values: []any{":1.1"}}
	case "Version":
		return answer{values: []any{dbus.MakeVariant("257.8-1")}}
	case "ControlGroup":
		return answer{values: []any{dbus.MakeVariant("/")}}
	case "GetNameOwner":
		return answer{err: "org.freedesktop.DBus.Error.NameHasNoOwner"}
	case "GetUnit":
		return answer{values: []any{dbus.ObjectPath("/org/freedesktop/systemd1/unit/c")}}
	}
	return answer{}
}

func (p *peer) on(what string, own func(*dbus.Message) answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers[what] = own
}

// asked tells how often something was asked.
func (p *peer) asked(what string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, call := range p.calls {
		if call == what {
			n++
		}
	}
	return n
}

func (p *peer) reply(c net.Conn, call *dbus.Message, a answer) {
	msg := &dbus.Message{Type: dbus.TypeMethodReply, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldReplySerial: dbus.MakeVariant(call.Serial()),
	}, Body: a.values}
	if a.err != "" {
		msg.Type = dbus.TypeError
		msg.Headers[dbus.FieldErrorName] = dbus.MakeVariant(a.err)
	}
	p.send(msg, c)
}

// signal sends a signal to all connections.
func (p *peer) signal(path, face, member string, values ...any) {
	p.mu.Lock()
	conns := append([]net.Conn(nil), p.conns...)
	p.mu.Unlock()
	p.send(&dbus.Message{Type: dbus.TypeSignal, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldPath: dbus.MakeVariant(dbus.ObjectPath(path)), dbus.FieldInterface: dbus.MakeVariant(face), dbus.FieldMember: dbus.MakeVariant(member),
	}, Body: values}, conns...)
}

func (p *peer) send(msg *dbus.Message, conns ...net.Conn) {
	if len(msg.Body) > 0 {
		msg.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(msg.Body...))
	}
	for _, c := range conns {
		p.mu.Lock()
		p.serial++
		buf := new(strings.Builder)
		err := encode(msg, p.serial, buf)
		if err == nil {
			_, _ = c.Write([]byte(buf.String())) // it may have hung up
		}
		p.mu.Unlock()
		if err != nil {
			p.t.Errorf("encode %v: %v", msg, err)
		}
	}
}

// encode writes a message with a serial number, which the library gives to what it
// sends itself only: it is the third word of the header.
func encode(msg *dbus.Message, serial uint32, out *strings.Builder) error {
	plain := new(strings.Builder)
	if err := msg.EncodeTo(plain, binary.LittleEndian); err != nil {
		return err
	}
	raw := []byte(plain.String())
	binary.LittleEndian.PutUint32(raw[8:], serial)
	out.Write(raw)
	return nil
}

const (
	jobPath   = dbus.ObjectPath("/org/freedesktop/systemd1/job/7")
	ownerFace = "org.freedesktop.DBus"
)

// ends gives the answer to a call that makes a job which ends with a result.
func (p *peer) ends(result string) func(*dbus.Message) answer {
	return func(*dbus.Message) answer {
		return answer{values: []any{jobPath}, then: func() {
			p.signal(systemdPath, managerFace, "JobRemoved", uint32(7), jobPath, "c.scope", result)
		}}
	}
}

// reborn tells that systemd has come to the bus.
func (p *peer) reborn() {
	p.signal("/org/freedesktop/DBus", ownerFace, "NameOwnerChanged", systemdName, ":1.2", "")
	p.signal("/org/freedesktop/DBus", ownerFace, "NameOwnerChanged", systemdName, "", ":1.3")
}
