package unixsock

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func pair(t *testing.T, kind int) (a, b *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, b = os.NewFile(uintptr(fds[0]), "a"), os.NewFile(uintptr(fds[1]), "b")
	t.Cleanup(func() {
		a.Close()
		b.Close()
	})
	return a, b
}

// openFiles lists this program's descriptors.
func openFiles(t *testing.T) (list []string) {
	t.Helper()
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		t.Fatal(err)
	}
	own := strconv.Itoa(int(dir.Fd()))
	names = slices.DeleteFunc(names, func(name string) bool { return name == own })
	slices.Sort(names)
	return names
}

func tempFile(t *testing.T, text string) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	return f
}

// More data than a socket takes at once, with descriptors.
func TestSendAndRecv(t *testing.T) {
	for _, count := range []int{0, 1, 2, 3, 253} {
		a, b := pair(t, unix.SOCK_STREAM)
		files := make([]*os.File, count)
		for i := range files {
			files[i] = tempFile(t, strconv.Itoa(i))
		}
		data := bytes.Repeat([]byte("0123456789"), 200_000)
		sent := make(chan error, 1)
		go func() { sent <- Send(t.Context(), a, data, files...) }()
		var got []byte
		var came []*os.File
		for len(got) < len(data) {
			buf := make([]byte, 100_000)
			n, files, err := Recv(t.Context(), b, buf, count)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) > 0 && len(files) > 0 {
				t.Error("descriptors came later than the first byte")
			}
			got, came = append(got, buf[:n]...), append(came, files...)
		}
		if err := <-sent; err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes have come, %d were sent, error %v", len(got), len(data), err)
		}
		if len(came) != count {
			t.Fatalf("%d descriptors have come, %d were sent", len(came), count)
		}
		for i, f := range came {
			text := make([]byte, 10)
			n, err := f.ReadAt(text, 0)
			if want := strconv.Itoa(i); string(text[:n]) != want || !errors.Is(err, io.EOF) {
				t.Errorf("descriptor %d is that of a file with %q", i, text[:n])
			}
			if flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("descriptor %d stays open after execve: flags %#x, error %v", i, flags, err)
			}
			f.Close()
		}
	}
}

// Whatever comes too much is refused as a whole, and nothing of it stays open.
func TestRecvLosesNothing(t *testing.T) {
	file := tempFile(t, "")
	for name, test := range map[string]struct {
		sent, most int
		data       string
		kind       int
	}{
		"one too many":       {2, 1, "x", unix.SOCK_STREAM},
		"many too many":      {250, 3, "x", unix.SOCK_STREAM},
		"none wanted":        {2, 0, "x", unix.SOCK_STREAM},
		"too much data":      {1, 1, "xxxxx", unix.SOCK_SEQPACKET},
		"both":               {3, 1, "xxxxx", unix.SOCK_SEQPACKET},
		"odd room, one more": {4, 3, "x", unix.SOCK_STREAM},
	} {
		a, b := pair(t, test.kind)
		if err := Send(t.Context(), a, []byte(test.data), slices.Repeat([]*os.File{file}, test.sent)...); err != nil {
			t.Fatal(err)
		}
		before := openFiles(t)
		n, files, err := Recv(t.Context(), b, make([]byte, 1), test.most)
		if !errors.Is(err, ErrTruncated) || n != 0 || files != nil {
			t.Errorf("%s: %d bytes, %d files, error %v", name, n, len(files), err)
		}
		if after := openFiles(t); !slices.Equal(after, before) {
			t.Errorf("%s: open descriptors %v, were %v", name, after, before)
		}
	}
}

func TestEnds(t *testing.T) {
	a, b := pair(t, unix.SOCK_STREAM)
	b.Close()
	if err := Send(t.Context(), a, []byte("x")); !errors.Is(err, unix.EPIPE) {
		t.Errorf("send to nobody: %v", err)
	}
	if _, _, err := Recv(t.Context(), a, make([]byte, 1), 1); !errors.Is(err, io.EOF) {
		t.Errorf("receive from nobody: %v", err)
	}
	closed := tempFile(t, "")
	closed.Close()
	if err := Send(t.Context(), a, []byte("x"), closed); err == nil || !strings.Contains(err.Error(), closed.Name()) {
		t.Errorf("send a closed file: %v", err)
	}
}

func TestContextEnds(t *testing.T) {
	reason := errors.New("no patience")
	for _, early := range []bool{true, false} {
		a, b := pair(t, unix.SOCK_STREAM)
		ctx, cancel := context.WithCancelCause(t.Context())
		if early {
			cancel(reason)
		} else {
			defer cancel(nil)
		}
		got := make(chan error, 2)
		go func() {
			_, _, err := Recv(ctx, b, make([]byte, 1), 1)
			got <- err
		}()
		go func() { got <- Send(ctx, b, make([]byte, 10<<20)) }()
		if !early {
			// The sender waits when the socket is full.
			fd := int(a.Fd())
			for full, last := 0, -1; full == 0 || full != last; {
				last = full
				n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
				if err != nil {
					t.Fatal(err)
				}
				full = n
			}
			cancel(reason)
		}
		for range 2 {
			if err := <-got; !errors.Is(err, reason) {
				t.Errorf("early %v: %v", early, err)
			}
		}
	}
}

// listen makes a socket that has a queue of one connection.
func listen(t *testing.T) (path string, fd int) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "socket")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	return path, fd
}

func accept(t *testing.T, listener int) *os.File {
	t.Helper()
	fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	conn := os.NewFile(uintptr(fd), "connection")
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestSendTo(t *testing.T) {
	path, listener := listen(t)
	file := tempFile(t, "hello")
	if err := SendTo(t.Context(), path, []byte("first"), file); err != nil {
		t.Fatal(err)
	}
	// The queue is full: the next one waits for its place, or gives up.
	ctx, cancel := context.WithTimeout(t.Context(), 2*connectSlice)
	defer cancel()
	if err := SendTo(ctx, path, []byte("x"), file); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), path) {
		t.Errorf("full queue: %v", err)
	}
	second := make(chan error, 1)
	go func() { second <- SendTo(t.Context(), path, []byte("second"), file) }()
	for _, want := range []string{"first", "second"} {
		buf := make([]byte, 100)
		n, files, err := Recv(t.Context(), accept(t, listener), buf, 1)
		if err != nil || string(buf[:n]) != want || len(files) != 1 {
			t.Fatalf("got %q and %d files, error %v, want %q and one", buf[:n], len(files), err, want)
		}
		text := make([]byte, 10)
		if n, _ := files[0].ReadAt(text, 0); string(text[:n]) != "hello" {
			t.Errorf("the file holds %q", text[:n])
		}
		files[0].Close()
	}
	if err := <-second; err != nil {
		t.Error(err)
	}
	before := openFiles(t)
	for _, missing := range []string{path + "x", strings.Repeat("x", 200)} {
		if err := SendTo(t.Context(), missing, []byte("x"), file); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("no socket: %v", err)
		}
	}
	if after := openFiles(t); !slices.Equal(after, before) {
		t.Errorf("open descriptors %v, were %v", after, before)
	}
}

// One that accepts and does not read is given up with the context.
func TestSendToSlowReader(t *testing.T) {
	path, listener := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error, 1)
	go func() { got <- SendTo(ctx, path, make([]byte, 10<<20), tempFile(t, "")) }()
	conn := accept(t, listener)
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, files, err := Recv(t.Context(), conn, make([]byte, 1), 1); err != nil || len(files) != 1 {
		t.Errorf("%d files, error %v", len(files), err)
	}
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}
