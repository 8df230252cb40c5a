package libcontainer

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

func TestInt32msgSerialize(t *testing.T) {
	msg := &Int32msg{Type: cloneFlagsAttr, Value: 0x7c020000}
	b := msg.Serialize()
	if len(b) != 8 || msg.Len() != 8 {
		t.Fatalf("serialized to %d bytes, Len %d; want 8", len(b), msg.Len())
	}
	if l, typ, v := binary.NativeEndian.Uint16(b), binary.NativeEndian.Uint16(b[2:]), binary.NativeEndian.Uint32(b[4:]); l != 8 || typ != cloneFlagsAttr || v != 0x7c020000 {
		t.Errorf("len %d type %d value %#x", l, typ, v)
	}
}

func TestBytemsgSerialize(t *testing.T) {
	for value, padded := range map[string]int{"": 8, "abc": 8, "abcd": 12, "/proc/1/ns/net": 20} {
		msg := &Bytemsg{Type: netNsAttr, Value: []byte(value)}
		b := msg.Serialize()
		if len(b) != padded {
			t.Errorf("%q: %d bytes, want %d", value, len(b), padded)
		}
		if l := int(binary.NativeEndian.Uint16(b)); l != 4+len(value)+1 || l != msg.Len() {
			t.Errorf("%q: length field %d, Len %d", value, l, msg.Len())
		}
		if rest := string(b[4:]); rest != value+strings.Repeat("\x00", padded-4-len(value)) {
			t.Errorf("%q: value %q", value, rest)
		}
	}
}

func TestBootstrapMessage(t *testing.T) {
	config := &configs.Config{
		Namespaces: configs.Namespaces{
			{Type: configs.NEWNS}, {Type: configs.NEWUSER}, {Type: configs.NEWTIME},
			{Type: configs.NEWNET, Path: "/run/netns/a"},
		},
		TimeOffsets: map[string]configs.TimeOffset{"boottime": {Secs: -5}, "monotonic": {Secs: 7, Nanosecs: 1}},
	}
	b, err := bootstrapFor(config)
	if err != nil {
		t.Fatal(err)
	}
	if int(binary.NativeEndian.Uint32(b)) != len(b) || binary.NativeEndian.Uint16(b[4:]) != InitMsg {
		t.Fatalf("header %v of a message of %d bytes", b[:unix.NLMSG_HDRLEN], len(b))
	}
	got := map[uint16]string{}
	for off := unix.NLMSG_HDRLEN; off < len(b); {
		l := int(binary.NativeEndian.Uint16(b[off:]))
		got[binary.NativeEndian.Uint16(b[off+2:])] = string(b[off+4 : off+l])
		off += (l + 3) &^ 3
	}
	flags := binary.NativeEndian.AppendUint32(nil, unix.CLONE_NEWNS|unix.CLONE_NEWUSER|unix.CLONE_NEWTIME)
	want := map[uint16]string{
		cloneFlagsAttr:  string(flags),
		mapIDsAttr:      string(binary.NativeEndian.AppendUint32(nil, 1)),
		timeOffsetsAttr: "monotonic 7 1\nboottime -5 0\n\x00",
		netNsAttr:       "/run/netns/a\x00",
	}
	if len(got) != len(want) {
		t.Errorf("attributes %v, want %v", got, want)
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("attribute %d is %q, want %q", k, got[k], v)
		}
	}
}

func TestBootstrapRefusesLongPath(t *testing.T) {
	config := &configs.Config{Namespaces: configs.Namespaces{{Type: configs.NEWNET, Path: "/" + strings.Repeat("a", 1<<16)}}}
	if _, err := bootstrapFor(config); err == nil {
		t.Error("a path that no attribute can hold was accepted")
	}
	config.Namespaces[0].Type = "NEWFOO"
	config.Namespaces[0].Path = "/x"
	if _, err := bootstrapFor(config); err == nil || !strings.Contains(err.Error(), "NEWFOO") {
		t.Errorf("unknown namespace type: error %v", err)
	}
}

func TestErrorCodes(t *testing.T) {
	err := newError(errors.Join(errors.New("mkdir"), unix.EEXIST), IdInUse)
	var e Error
	if !errors.As(err, &e) || e.Code() != IdInUse {
		t.Fatalf("not an Error of code IdInUse: %#v", err)
	}
	if !errors.Is(err, IdInUse) || errors.Is(err, SystemError) || !errors.Is(err, unix.EEXIST) {
		t.Error("errors.Is does not see the code and the cause, and only these")
	}
	if outer := newSystemError(err); !errors.Is(outer, IdInUse) || errors.Is(outer, SystemError) {
		t.Error("wrapping an error changed its code")
	}
	var b strings.Builder
	if err := e.Detail(&b); err != nil || !strings.Contains(b.String(), "TestErrorCodes") {
		t.Errorf("detail %q, error %v: the stack is missing", b.String(), err)
	}
	if newSystemError(nil) != nil {
		t.Error("no error became one")
	}
}

func TestCheckID(t *testing.T) {
	for _, id := range []string{"a", "A_b-c+d.e", "...", strings.Repeat("x", 1024)} {
		if err := checkID(id); err != nil {
			t.Errorf("%.20q: %v", id, err)
		}
	}
	for _, id := range []string{"", ".", "..", "a/b", "a b", "ä", "a\x00", strings.Repeat("x", 1025)} {
		if err := checkID(id); !errors.Is(err, InvalidIdFormat) {
			t.Errorf("%.20q: error %v, want InvalidIdFormat", id, err)
		}
	}
}
