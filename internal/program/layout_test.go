package program

import (
	"os"
	"regexp"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLayoutOfTheAssembly compares the numbers of the interpreter in assembly with
// those here.
func TestLayoutOfTheAssembly(t *testing.T) {
	text, err := os.ReadFile("../image/layout.h")
	if err != nil {
		t.Fatal(err)
	}
	defined := make(map[string]int64)
	for _, m := range regexp.MustCompile(`(?m)^#define (\w+) (\S+)`).FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.ParseInt(m[2], 0, 64)
		if err != nil {
			t.Errorf("%s: %v", m[0], err)
		}
		defined[m[1]] = n
	}
	for name, want := range map[string]int64{
		"MSG_TYPE": MsgType, "HEADER": headerSize, "HDR_SIZE": hdrSize, "HDR_TYPE": hdrType, "HDR_SEQ": hdrSeq,
		"HDR_OPS": hdrOps, "HDR_RELOCS": hdrRelocs, "HDR_FILES": hdrFiles, "HDR_REG": hdrReg,
		"OP_SIZE": opSize, "OP_NUMBER": opNumber, "OP_RESULT": opResult, "OP_REGS": opRegs,
		"OP_ERRNOS": opErrnos, "OP_GOTO": opGoto, "OP_ARGS": opArgs,
		"MAX_SIZE": maxSize, "MAX_OPS": maxOps, "MAX_RELOCS": maxRelocs, "MAX_FILES": MaxFiles,
		"MAX_DEPTH": maxDepth, "REGISTERS": registers, "SPECIAL": specialBase,
		"DO_TEST": opTest, "DO_LESS": opLess, "DO_LOAD": opLoad, "DO_STORE": opStore, "DO_ADD": opAdd,
		"DO_JUMP": opJump, "DO_NEXT": opNext, "DO_RETURN": opReturn,
		"KIND_FAILED": KindFailed, "ANY_ERROR": int64(int16(anyErrno - 1<<16)),
		"MSG_NOSIGNAL": unix.MSG_NOSIGNAL, "MSG_CTRUNC": unix.MSG_CTRUNC,
		"RECV_FLAGS":   unix.MSG_CMSG_CLOEXEC | unix.MSG_WAITALL,
		"CONTROL_SIZE": int64(unix.CmsgSpace(4 * MaxFiles)),
	} {
		if got, ok := defined[name]; !ok || got != want {
			t.Errorf("layout.h has %s %d, wire.go %d", name, got, want)
		}
	}
	// The parts of the state, in their order, and where the next may begin.
	at := int64(8 * registers)
	for _, part := range []struct {
		name string
		size int64
	}{
		{"S_DEPTH", 8}, {"S_STACK", 16 * maxDepth}, {"S_HEADER", headerSize}, {"S_IOV", 16}, {"S_MSG", 56},
		{"S_FRAME", MessageHeader + 12}, {"S_CONTROL", defined["CONTROL_SIZE"]}, {"S_NOLIST", headerSize + opSize},
	} {
		if defined[part.name] < at || defined[part.name]%8 != 0 {
			t.Errorf("%s is at %d, before %d or not aligned", part.name, defined[part.name], at)
		}
		at = defined[part.name] + part.size
	}
	if at > 4096 {
		t.Errorf("the state ends at %d, behind its page", at)
	}
}
