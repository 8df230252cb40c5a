package initproc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func frame(kind Kind, length uint32, payload string) []byte {
	buf := binary.NativeEndian.AppendUint32(nil, uint32(kind))
	buf = binary.NativeEndian.AppendUint32(buf, length)
	return append(buf, payload...)
}

func TestFrameRoundTrip(t *testing.T) {
	payloads := []string{"", "x", strings.Repeat("long", 1<<18)}
	var stream bytes.Buffer
	for i, p := range payloads {
		if err := WriteFrame(&stream, Kind(i), []byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	r := iotest.HalfReader(&stream) // reads come in parts
	for i, want := range payloads {
		kind, payload, err := ReadFrame(r)
		if err != nil || kind != Kind(i) || string(payload) != want {
			t.Errorf("frame %d: kind %d, %d bytes, %v; want %d bytes", i, kind, len(payload), err, len(want))
		}
	}
	if _, _, err := ReadFrame(r); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v, want EOF", err)
	}
}

func TestReadFrameErrors(t *testing.T) {
	whole := frame(KindGo, 5, "abcde")
	for n := 1; n < len(whole); n++ {
		if _, _, err := ReadFrame(bytes.NewReader(whole[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d of %d bytes: %v, want an unexpected end", n, len(whole), err)
		}
	}
	for _, n := range []uint32{maxFrame + 1, 1<<32 - 1} {
		_, _, err := ReadFrame(bytes.NewReader(frame(KindGo, n, "")))
		if err == nil || !strings.Contains(err.Error(), "over the limit") {
			t.Errorf("length %d: %v", n, err)
		}
	}
	broken := errors.New("broken")
	if _, _, err := ReadFrame(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("error of the reader: %v", err)
	}
}

// writes counts calls and fails all if err is set.
type writes struct {
	n   int
	err error
}

func (w *writes) Write(p []byte) (int, error) {
	w.n++
	return len(p), w.err
}

func TestWriteFrame(t *testing.T) {
	w := new(writes)
	if err := WriteFrame(w, KindGo, []byte("payload")); err != nil || w.n != 1 {
		t.Errorf("%d writes, %v; want one", w.n, err)
	}
	w = new(writes)
	if err := WriteFrame(w, KindGo, make([]byte, maxFrame+1)); err == nil || w.n != 0 {
		t.Errorf("over-long frame: %v, %d writes", err, w.n)
	}
	if err := WriteFrame(&writes{err: io.ErrClosedPipe}, KindGo, nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error of the writer: %v", err)
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{})
	f.Add(frame(KindGo, 0, ""))
	f.Add(frame(KindConfig, 3, "abcd"))
	f.Add(frame(KindError, 4, "abc"))
	f.Add(frame(^Kind(0), maxFrame+1, ""))
	f.Fuzz(func(t *testing.T, data []byte) {
		kind, payload, err := ReadFrame(bytes.NewReader(data))
		if err != nil {
			if len(data) >= 8 && uint64(binary.NativeEndian.Uint32(data[4:]))+8 <= uint64(len(data)) {
				t.Errorf("a whole frame is refused: %v", err)
			}
			return
		}
		var again bytes.Buffer
		if err := WriteFrame(&again, kind, payload); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), data[:again.Len()]) {
			t.Errorf("%x was read as kind %d, payload %x", data, kind, payload)
		}
	})
}
