package launch

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/program"
)

// newTestConn returns a connection, and the other end of its pipe.
func newTestConn(t testing.TB, ctx context.Context) (*Conn, *os.File) {
	t.Helper()
	host, child, err := NewPipe()
	if err != nil {
		t.Fatal(err)
	}
	c := NewConn(ctx, host)
	t.Cleanup(func() {
		c.Close()
		child.Close()
	})
	if err := c.Bound(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return c, child
}

// message is one that the other end sends.
func message(kind uint32, payload ...byte) []byte {
	b := words(kind, uint32(len(payload)))
	return append(b, payload...)
}

func words(w ...uint32) (b []byte) {
	for _, v := range w {
		b = binary.NativeEndian.AppendUint32(b, v)
	}
	return b
}

func ask(seq, id uint32, payload string) []byte {
	return message(program.KindAsk, append(words(seq, id), payload...)...)
}

func failure(errno, seq, index uint32) []byte {
	return message(program.KindFailed, words(errno, seq, index)...)
}

// list builds a list with one operation, and a request.
func list(t *testing.T, h program.Handler) *program.Program {
	t.Helper()
	b := program.NewBuilder(program.NewRegisters())
	b.Do("get pid", unix.SYS_GETPID)
	b.Ask("ask", h, b.String(""), program.Num(0))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestServe(t *testing.T) {
	const known = program.Known | 7
	var got []string
	note := func(payload []byte, fds []int) (*program.Program, error) {
		closeAll(fds)
		got = append(got, string(payload))
		return nil, nil
	}
	long := strings.Repeat("long", 50000)
	for name, tt := range map[string]struct {
		sent [][]byte
		got  []string
		is   error
		text string
	}{
		"nothing":           {is: ErrClosed},
		"requests":          {sent: [][]byte{ask(1, 0, "a"), ask(1, 0, ""), ask(1, 0, long)}, got: []string{"a", "", long}, is: ErrClosed},
		"known":             {sent: [][]byte{ask(99, known, "k")}, got: []string{"k"}, is: ErrClosed},
		"failure":           {sent: [][]byte{ask(1, 0, "a"), failure(2, 1, 0)}, got: []string{"a"}, is: unix.ENOENT, text: "get pid: "},
		"of no list":        {sent: [][]byte{failure(2, 5, 0)}, is: unix.ENOENT, text: "list 5"},
		"of no operation":   {sent: [][]byte{failure(2, 1, 77)}, is: unix.ENOENT, text: "operation 77"},
		"no error number":   {sent: [][]byte{failure(4096, 1, 0)}, is: unix.EINVAL},
		"long failure":      {sent: [][]byte{message(program.KindFailed, make([]byte, 13)...)}, text: "unexpected message of kind 1 and 13 bytes"},
		"short request":     {sent: [][]byte{message(program.KindAsk, make([]byte, 7)...)}, text: "unexpected message of kind 2 and 7 bytes"},
		"unknown kind":      {sent: [][]byte{message(3)}, text: "unexpected message of kind 3"},
		"unknown request":   {sent: [][]byte{ask(1, 1, "")}, text: "unexpected request 1 of list 1"},
		"of unknown list":   {sent: [][]byte{ask(2, 0, "")}, text: "unexpected request 0 of list 2"},
		"unknown known one": {sent: [][]byte{ask(1, program.Known, "")}, text: "unexpected request"},
		"too long":          {sent: [][]byte{words(program.KindAsk, maxMessage+1)}, text: "over the limit"},
		"much too long":     {sent: [][]byte{words(program.KindAsk, 1<<32-1)}, text: "over the limit"},
		"cut off":           {sent: [][]byte{ask(1, 0, "abc")[:17]}, is: ErrClosed},
		"half a header":     {sent: [][]byte{ask(1, 0, "")[:3]}, is: ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			got = nil
			c, child := newTestConn(t, t.Context())
			if err := c.Send(list(t, note)); err != nil {
				t.Fatal(err)
			}
			c.Handle(known, note)
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				for _, b := range tt.sent {
					_, _ = child.Write(b)
				}
				child.Close()
			}()
			err := c.Serve()
			c.Close() // it reads no more
			<-sent
			if tt.is != nil && !errors.Is(err, tt.is) || err == nil || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %v, want %v, %q", err, tt.is, tt.text)
			}
			if len(got) != len(tt.got) || strings.Join(got, "|") != strings.Join(tt.got, "|") {
				t.Errorf("%d payloads, want %d", len(got), len(tt.got))
			}
		})
	}
}

// A handler ends Serve, or has it answer.
func TestAnswers(t *testing.T) {
	c, child := newTestConn(t, t.Context())
	answer := list(t, func([]byte, []int) (*program.Program, error) { return nil, ErrStop })
	if err := c.Send(list(t, func([]byte, []int) (*program.Program, error) { return answer, nil })); err != nil {
		t.Fatal(err)
	}
	if _, err := child.Write(append(ask(1, 0, ""), ask(2, 0, "")...)); err != nil {
		t.Fatal(err)
	}
	if err := c.Serve(); err != nil {
		t.Error(err)
	}
	if c.Seq() != 2 {
		t.Errorf("%d lists were sent", c.Seq())
	}
	for seq := uint32(1); seq <= 2; seq++ {
		head := make([]byte, 16)
		if _, err := io.ReadFull(child, head); err != nil {
			t.Fatal(err)
		}
		size, got := binary.NativeEndian.Uint32(head), binary.NativeEndian.Uint32(head[8:])
		if got != seq {
			t.Errorf("list %d came, want %d", got, seq)
		}
		if _, err := io.CopyN(io.Discard, child, int64(size)-16); err != nil {
			t.Fatal(err)
		}
	}
}

// What a process has said before it closed its end is the error, not that it is closed.
func TestSendToWhoHasFailed(t *testing.T) {
	c, child := newTestConn(t, t.Context())
	if err := c.Send(list(t, nil)); err != nil {
		t.Fatal(err)
	}
	readList(t, child)
	if _, err := child.Write(failure(uint32(unix.EPERM), 1, 0)); err != nil {
		t.Fatal(err)
	}
	child.Close()
	if err := c.Send(list(t, nil)); !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "get pid") {
		t.Errorf("error %v", err)
	}
	if err := c.Send(list(t, nil)); !errors.Is(err, ErrClosed) {
		t.Errorf("then: error %v", err)
	}
}

// readList reads a list, the first word of which is its size.
func readList(t *testing.T, child io.Reader) {
	t.Helper()
	head := make([]byte, 4)
	if _, err := io.ReadFull(child, head); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, child, int64(binary.NativeEndian.Uint32(head))-4); err != nil {
		t.Fatal(err)
	}
}

func TestContextEndsWhatWaits(t *testing.T) {
	cause := errors.New("the cause")
	ctx, cancel := context.WithCancelCause(t.Context())
	c, child := newTestConn(t, ctx)
	defer c.Watch()()
	if _, err := child.Write(ask(1, 0, "")[:5]); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(10*time.Millisecond, func() { cancel(cause) })
	if err := c.Serve(); !errors.Is(err, cause) {
		t.Errorf("error %v", err)
	}
	if err := c.Bound(time.Time{}); !errors.Is(err, cause) {
		t.Errorf("another bound: %v", err)
	}
}

// A deadline may pass in the middle of a message, and the rest comes later.
func TestDeadlineKeepsWhatCame(t *testing.T) {
	c, child := newTestConn(t, t.Context())
	var got string
	c.Handle(program.Known, func(payload []byte, _ []int) (*program.Program, error) {
		got = string(payload)
		return nil, ErrStop
	})
	b := ask(0, program.Known, "payload")
	for _, part := range [][]byte{b[:3], b[3:11], b[11:18]} {
		if _, err := child.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := c.Bound(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if err := c.Serve(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("error %v", err)
		}
	}
	if err := c.Bound(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := child.Write(b[18:]); err != nil {
		t.Fatal(err)
	}
	if err := c.Serve(); err != nil || got != "payload" {
		t.Errorf("%q, error %v", got, err)
	}
}

// send sends a message with descriptors.
func send(t *testing.T, to *os.File, b []byte, files ...*os.File) {
	t.Helper()
	var fds []int
	for _, f := range files {
		fds = append(fds, int(f.Fd()))
	}
	if err := unix.Sendmsg(int(to.Fd()), b, unix.UnixRights(fds...), nil, 0); err != nil {
		t.Fatal(err)
	}
}

func TestDescriptorsComeWithTheirMessage(t *testing.T) {
	c, child := newTestConn(t, t.Context())
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	var counts []int
	c.Handle(program.Known, func(_ []byte, fds []int) (*program.Program, error) {
		for _, fd := range fds {
			if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("flags %#x, %v; want close-on-exec", flags, err)
			}
		}
		closeAll(fds)
		counts = append(counts, len(fds))
		return nil, nil
	})
	b := ask(0, program.Known, "x")
	send(t, child, b)
	send(t, child, b, null)
	send(t, child, b, null, null, null)
	send(t, child, b)
	child.Close()
	if err := c.Serve(); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if want := []int{0, 1, 3, 0}; len(counts) != 4 || counts[1] != want[1] || counts[2] != want[2] || counts[3] != want[3] {
		t.Errorf("%v descriptors, want %v", counts, want)
	}
}

// Descriptors with a message that is not understood, or too many, are closed.
func TestDescriptorsOfBadMessages(t *testing.T) {
	for name, tt := range map[string]struct {
		b     []byte
		files int
	}{
		"unknown":  {ask(1, 1, ""), 2},
		"bad":      {message(9), 1},
		"failure":  {failure(1, 1, 1), 1},
		"too many": {ask(0, program.Known, ""), maxPassed + 1},
		"cut off":  {ask(0, program.Known, "")[:10], 1},
	} {
		t.Run(name, func(t *testing.T) {
			c, child := newTestConn(t, t.Context())
			c.Handle(program.Known, func([]byte, []int) (*program.Program, error) { return nil, nil })
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			files := make([]*os.File, tt.files)
			for i := range files {
				files[i] = w
			}
			send(t, child, tt.b, files...)
			child.Close()
			w.Close()
			if err := c.Serve(); err == nil {
				t.Error("no error")
			}
			c.Close()
			// Nobody has the pipe's other end any more.
			if err := r.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("a descriptor stays open: %v", err)
			}
		})
	}
}

// Drain serves whatever there is to the end.
func TestDrain(t *testing.T) {
	c, child := newTestConn(t, t.Context())
	n := 0
	c.Handle(program.Known, func([]byte, []int) (*program.Program, error) {
		n++
		return nil, syscall.EIO
	})
	for _, b := range [][]byte{ask(0, program.Known, ""), failure(1, 1, 1), ask(0, program.Known, "")} {
		if _, err := child.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	child.Close()
	if c.Drain(time.Now().Add(time.Minute)); n != 2 {
		t.Errorf("%d messages", n)
	}
}

// A program that has no descriptor free still learns what a message says.
func TestNoFreeDescriptor(t *testing.T) {
	c, child := newTestConn(t, t.Context())
	if err := unix.Sendmsg(int(child.Fd()), ask(0, program.Known, "payload"), unix.UnixRights(0, 1, 2), nil, 0); err != nil {
		t.Fatal(err)
	}
	var got string
	c.Handle(program.Known, func(payload []byte, fds []int) (*program.Program, error) {
		got = string(payload)
		if len(fds) > 0 {
			t.Errorf("descriptors %v", fds)
		}
		return nil, nil
	})
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1, Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	err := c.Serve()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Error(err)
	}
	if got != "payload" || !errors.Is(err, syscall.EMFILE) {
		t.Errorf("the handler got %q, error %v; want EMFILE", got, err)
	}
}

// FuzzServe has the other end say anything.
func FuzzServe(f *testing.F) {
	f.Add([]byte{})
	f.Add(ask(1, 0, "payload"))
	f.Add(append(ask(3, program.Known, ""), failure(1, 1, 0)...))
	f.Add(words(program.KindAsk, maxMessage+1))
	f.Add(message(3, 1, 2, 3))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return // more than the socket holds
		}
		c, child := newTestConn(t, t.Context())
		defer child.Close()
		defer c.Close()
		var payloads int
		c.Handle(program.Known, func(payload []byte, fds []int) (*program.Program, error) {
			if payloads += len(payload); len(fds) > 0 || !bytes.Contains(data, payload) {
				t.Errorf("%d descriptors and %q came from nowhere", len(fds), payload)
			}
			return nil, nil
		})
		if _, err := child.Write(data); err != nil {
			t.Fatal(err)
		}
		child.Close()
		if err := c.Serve(); err == nil || payloads > len(data) {
			t.Errorf("%d of %d bytes, error %v", payloads, len(data), err)
		}
	})
}

// What has come before a deadline is there for the next call.
func TestFill(t *testing.T) {
	c, child := newTestConn(t, t.Context())
	if _, err := child.WriteString("he"); err != nil {
		t.Fatal(err)
	}
	b, err := c.Fill(nil, 2)
	if err != nil || string(b) != "he" {
		t.Fatalf("%q, %v", b, err)
	}
	c.Until(time.Unix(1, 0))
	if b, err = c.Fill(b, 5); !errors.Is(err, os.ErrDeadlineExceeded) || string(b) != "he" {
		t.Fatalf("%q, %v; want a deadline", b, err)
	}
	if _, err := child.WriteString("llo"); err != nil {
		t.Fatal(err)
	}
	c.Until(time.Now().Add(time.Minute))
	if b, err = c.Fill(b, 5); err != nil || string(b) != "hello" {
		t.Fatalf("%q, %v", b, err)
	}
	child.Close()
	if _, err = c.Fill(nil, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("at the end: %v", err)
	}
}
