// What both architectures' interpreters know: the format of lists, as in
// internal/program/wire.go, and the layout of the state.

#define MSG_TYPE 62001
#define HEADER 32
#define HDR_SIZE 0
#define HDR_TYPE 4
#define HDR_SEQ 8
#define HDR_OPS 16
#define HDR_RELOCS 20
#define HDR_FILES 24
#define HDR_REG 28

#define OP_SIZE 72
#define OP_NUMBER 0
#define OP_RESULT 4
#define OP_REGS 6
#define OP_ERRNOS 8
#define OP_GOTO 16
#define OP_ARGS 24

#define MAX_SIZE 0x4000000
#define MAX_OPS 0x10000
#define MAX_RELOCS 0x100000
#define MAX_FILES 96
#define MAX_DEPTH 64
#define REGISTERS 256

#define SPECIAL 0x10000
#define DO_TEST 0x10000
#define DO_LESS 0x10001
#define DO_LOAD 0x10002
#define DO_STORE 0x10003
#define DO_ADD 0x10004
#define DO_JUMP 0x10005
#define DO_NEXT 0x10006
#define DO_RETURN 0x10007

#define KIND_FAILED 1
#define ANY_ERROR -1 // 0xffff
#define MSG_NOSIGNAL 0x4000
#define MSG_CTRUNC 8
#define RECV_FLAGS 0x40000100 // MSG_CMSG_CLOEXEC|MSG_WAITALL

// The state: at 0 the registers, then
#define STATE 0x20001000
#define S_DEPTH 2048
#define S_STACK 2056
#define S_HEADER 3080
#define S_IOV 3112
#define S_MSG 3128
#define S_FRAME 3184
#define S_CONTROL 3208
#define CONTROL_SIZE 400
// Zeros: the header and the only operation of the list that is executed before there
// is one. It tolerates nothing.
#define S_NOLIST 3608
