// The interpreter of lists of system calls, for amd64. See doc.go, and package
// internal/program for the format.
//
// It runs alone in its process: there is no Go runtime, no stack in use, no signal
// handler. All its state is in the page at STATE and in registers, which the kernel
// keeps over system calls but for AX, CX and R11:
//
//	BX  the list            R12 the state
//	R13 the operation       R15 the end of the operations
//
// It may hold no address of anything outside, no 64-bit constant and no jump table:
// its bytes are copied to another place.

#include "textflag.h"
#include "layout.h"

#define SYS_read 0
#define SYS_close 3
#define SYS_mmap 9
#define SYS_munmap 11
#define SYS_sendto 44
#define SYS_recvmsg 47
#define SYS_exit_group 231

// ARG loads argument i of the operation, or the register that it names.
#define ARG(i, reg) \
	MOVQ (OP_ARGS+8*i)(R13), reg \
	BTL $i, R14 \
	JCC 3(PC) \
	MOVBLZX reg, reg \
	MOVQ (R12)(reg*8), reg

// func codeAddr() uintptr
TEXT ·codeAddr(SB), NOSPLIT, $0-8
	LEAQ ·interpreter(SB), AX
	MOVQ AX, ret+0(FP)
	RET

TEXT ·interpreter(SB), NOSPLIT|NOFRAME, $0
	MOVL $STATE, R12
	LEAQ S_NOLIST(R12), BX
	LEAQ HEADER(BX), R13
	MOVQ R13, R15
	MOVQ (R12), DI // register 0: the init pipe
	JMP  next

loop:
	CMPQ    R13, R15
	JAE     return
	MOVBLZX OP_REGS(R13), R14
	ARG(0, DI)
	ARG(1, SI)
	ARG(2, DX)
	ARG(3, R10)
	ARG(4, R8)
	ARG(5, R9)
	MOVL OP_NUMBER(R13), AX
	CMPL AX, $SPECIAL
	JAE  special
	SYSCALL
	CMPQ AX, $-4095
	JCC  failed

store:
	MOVWLZX OP_RESULT(R13), CX
	CMPL    CX, $REGISTERS
	JAE     advance
	MOVQ    AX, (R12)(CX*8)

advance:
	ADDQ $OP_SIZE, R13
	JMP  loop

// AX is a negative error.
failed:
	CMPQ AX, $-4 // EINTR
	JNE  error
	CMPL OP_NUMBER(R13), $SYS_close
	JNE  loop // again
	XORL AX, AX
	JMP  store

error:
	MOVL AX, CX
	NEGL CX
	CMPW CX, (OP_ERRNOS+0)(R13)
	JEQ  tolerated
	CMPW CX, (OP_ERRNOS+2)(R13)
	JEQ  tolerated
	CMPW CX, (OP_ERRNOS+4)(R13)
	JEQ  tolerated
	CMPW CX, (OP_ERRNOS+6)(R13)
	JEQ  tolerated
	CMPW (OP_ERRNOS+0)(R13), $ANY_ERROR
	JEQ  tolerated

// CX is the error that ends the process. The host is told first.
die:
	MOVL $KIND_FAILED, S_FRAME(R12)
	MOVL $12, (S_FRAME+4)(R12)
	MOVL CX, (S_FRAME+8)(R12)
	MOVL HDR_SEQ(BX), AX
	MOVL AX, (S_FRAME+12)(R12)
	MOVL CX, R14
	MOVQ R13, AX
	SUBQ BX, AX
	SUBQ $HEADER, AX
	XORL DX, DX
	MOVL $OP_SIZE, CX
	DIVQ CX
	MOVL AX, (S_FRAME+16)(R12)

tell:
	MOVL $SYS_sendto, AX
	MOVQ (R12), DI
	LEAQ S_FRAME(R12), SI
	MOVL $20, DX
	MOVL $MSG_NOSIGNAL, R10
	XORL R8, R8
	XORL R9, R9
	SYSCALL
	CMPQ AX, $-4
	JEQ  tell
	MOVL R14, DI
	JMP  exit

exit0:
	XORL DI, DI

exit:
	MOVL $SYS_exit_group, AX
	SYSCALL
	// A filter may refuse even that.
	UD2

tolerated:
	MOVWLZX OP_RESULT(R13), CX
	CMPL    CX, $REGISTERS
	JAE     goto
	MOVQ    AX, (R12)(CX*8)

goto:
	MOVL  OP_GOTO(R13), CX
	TESTL CX, CX
	JEQ   advance
	CMPL  CX, HDR_OPS(BX)
	JHI   astray
	IMULQ $OP_SIZE, CX
	LEAQ  HEADER(BX)(CX*1), R13
	JMP   loop

// Nobody tolerates that: it would go on at the same place again.
astray:
	MOVL $74, CX // EBADMSG
	JMP  die

bad:
	MOVQ $-74, AX // EBADMSG
	JMP  error

special:
	CMPL AX, $DO_TEST
	JEQ  test
	CMPL AX, $DO_LESS
	JEQ  less
	CMPL AX, $DO_LOAD
	JEQ  load
	CMPL AX, $DO_STORE
	JEQ  put
	CMPL AX, $DO_ADD
	JEQ  add
	CMPL AX, $DO_JUMP
	JEQ  goto
	CMPL AX, $DO_NEXT
	JEQ  next
	CMPL AX, $DO_RETURN
	JEQ  return
	JMP  bad

test:
	ANDQ SI, DI
	CMPQ DI, DX
	JEQ  advance
	JMP  otherwise

less:
	CMPQ DI, SI
	JLT  advance

otherwise:
	CMPL  OP_GOTO(R13), $0
	JNE   goto
	MOVL  R10, CX
	TESTL CX, CX
	JPL   die
	NEGL  CX // the result of an operation that has failed
	JMP   die

load:
	CMPQ    SI, $8
	JEQ     load8
	CMPQ    SI, $4
	JEQ     load4
	CMPQ    SI, $2
	JEQ     load2
	CMPQ    SI, $1
	JNE     bad
	MOVBQZX (DI), AX
	JMP     store

load8:
	MOVQ (DI), AX
	JMP  store

load4:
	MOVL (DI), AX
	JMP  store

load2:
	MOVWQZX (DI), AX
	JMP     store

put:
	CMPQ DX, $8
	JEQ  put8
	CMPQ DX, $4
	JEQ  put4
	CMPQ DX, $2
	JEQ  put2
	CMPQ DX, $1
	JNE  bad
	MOVB SI, (DI)
	JMP  advance

put8:
	MOVQ SI, (DI)
	JMP  advance

put4:
	MOVL SI, (DI)
	JMP  advance

put2:
	MOVW SI, (DI)
	JMP  advance

add:
	LEAQ (DI)(SI*1), AX
	SUBQ DX, AX
	JMP  store

// Reads a list from the descriptor DI: its header with the descriptors that come
// with it, then the rest.
next:
	MOVQ DI, R14
	XORL AX, AX
	MOVQ AX, (S_MSG+0)(R12)
	MOVQ AX, (S_MSG+8)(R12)
	LEAQ S_IOV(R12), CX
	MOVQ CX, (S_MSG+16)(R12)
	MOVQ $1, (S_MSG+24)(R12)
	LEAQ S_CONTROL(R12), CX
	MOVQ CX, (S_MSG+32)(R12)
	LEAQ S_HEADER(R12), CX
	MOVQ CX, S_IOV(R12)
	MOVQ $HEADER, (S_IOV+8)(R12)

receive:
	MOVQ  $CONTROL_SIZE, (S_MSG+40)(R12)
	MOVQ  $0, (S_MSG+48)(R12)
	MOVL  $SYS_recvmsg, AX
	MOVQ  R14, DI
	LEAQ  S_MSG(R12), SI
	MOVL  $RECV_FLAGS, DX
	SYSCALL
	CMPQ  AX, $-4
	JEQ   receive
	CMPQ  AX, $-4095
	JCC   error
	TESTQ AX, AX
	JEQ   ended
	CMPQ  AX, $HEADER
	JNE   bad
	TESTL $MSG_CTRUNC, (S_MSG+48)(R12)
	JNE   bad

	// The header must be of a list, and have room for what it tells.
	MOVWLZX (S_HEADER+HDR_TYPE)(R12), CX
	CMPL    CX, $MSG_TYPE
	JNE     bad
	MOVL    (S_HEADER+HDR_SIZE)(R12), BP
	CMPL    BP, $MAX_SIZE
	JHI     bad
	MOVL    (S_HEADER+HDR_OPS)(R12), CX
	CMPL    CX, $MAX_OPS
	JHI     bad
	IMULQ   $OP_SIZE, CX
	MOVL    (S_HEADER+HDR_RELOCS)(R12), DX
	CMPL    DX, $MAX_RELOCS
	JHI     bad
	LEAQ    HEADER(CX)(DX*4), CX
	CMPQ    CX, BP
	JHI     bad

	MOVL $SYS_mmap, AX
	XORL DI, DI
	MOVQ BP, SI
	MOVL $3, DX    // PROT_READ|PROT_WRITE
	MOVL $0x22, R10 // MAP_PRIVATE|MAP_ANONYMOUS
	MOVQ $-1, R8
	XORL R9, R9
	SYSCALL
	CMPQ AX, $-4095
	JCC  error
	MOVQ AX, R8
	MOVQ (S_HEADER+0)(R12), CX
	MOVQ CX, 0(R8)
	MOVQ (S_HEADER+8)(R12), CX
	MOVQ CX, 8(R8)
	MOVQ (S_HEADER+16)(R12), CX
	MOVQ CX, 16(R8)
	MOVQ (S_HEADER+24)(R12), CX
	MOVQ CX, 24(R8)
	MOVL $HEADER, R9

read:
	CMPQ  R9, BP
	JEQ   relocate
	MOVL  $SYS_read, AX
	MOVQ  R14, DI
	LEAQ  (R8)(R9*1), SI
	MOVQ  BP, DX
	SUBQ  R9, DX
	SYSCALL
	CMPQ  AX, $-4
	JEQ   read
	CMPQ  AX, $-4095
	JCC   error
	TESTQ AX, AX
	JEQ   ended
	ADDQ  AX, R9
	JMP   read

ended:
	MOVQ $-32, AX // EPIPE
	JMP  error

relocate:
	MOVL  HDR_OPS(R8), CX
	IMULQ $OP_SIZE, CX
	LEAQ  HEADER(R8)(CX*1), SI
	MOVQ  SI, R10 // the end of the operations
	MOVL  HDR_RELOCS(R8), DX

relocate1:
	TESTL DX, DX
	JEQ   files
	MOVL  (SI), CX
	ADDQ  $4, SI
	CMPL  CX, $HEADER // which has been checked
	JCS   bad
	LEAQ  8(CX), DI
	CMPQ  DI, BP
	JHI   bad
	ADDQ  R8, (R8)(CX*1)
	DECL  DX
	JMP   relocate1

files:
	MOVL  HDR_FILES(R8), DX
	TESTL DX, DX
	JEQ   switch
	CMPL  DX, $MAX_FILES
	JHI   bad
	CMPQ  (S_MSG+40)(R12), $16
	JCS   bad
	LEAQ  16(DX*4), CX
	CMPQ  CX, S_CONTROL(R12)
	JNE   bad
	CMPL  (S_CONTROL+8)(R12), $1 // SOL_SOCKET
	JNE   bad
	CMPL  (S_CONTROL+12)(R12), $1 // SCM_RIGHTS
	JNE   bad
	MOVL  HDR_REG(R8), CX
	CMPL  CX, $REGISTERS
	JHI   bad
	LEAQ  (CX)(DX*1), DI
	CMPQ  DI, $REGISTERS
	JHI   bad
	LEAQ  (S_CONTROL+16)(R12), SI

file:
	MOVLQSX (SI), AX
	MOVQ    AX, (R12)(CX*8)
	ADDQ    $4, SI
	INCL    CX
	DECL    DX
	JNE     file

switch:
	LEAQ S_NOLIST(R12), CX
	CMPQ BX, CX
	JEQ  start // there is nothing to return to
	MOVQ S_DEPTH(R12), CX
	CMPQ CX, $MAX_DEPTH
	JCC  bad
	INCQ S_DEPTH(R12)
	SHLQ $4, CX
	MOVQ BX, S_STACK(R12)(CX*1)
	MOVQ R13, (S_STACK+8)(R12)(CX*1)

start:
	MOVQ R8, BX
	MOVQ R10, R15
	LEAQ HEADER(BX), R13
	JMP  loop

// The list has ended: on with the one that has read it, if any.
return:
	MOVQ  S_DEPTH(R12), CX
	TESTQ CX, CX
	JEQ   exit0
	DECQ  S_DEPTH(R12)
	MOVL  $SYS_munmap, AX
	MOVQ  BX, DI
	MOVL  HDR_SIZE(BX), SI
	SYSCALL
	MOVQ  S_DEPTH(R12), CX
	SHLQ  $4, CX
	MOVQ  S_STACK(R12)(CX*1), BX
	MOVQ  (S_STACK+8)(R12)(CX*1), R13
	MOVL  HDR_OPS(BX), CX
	IMULQ $OP_SIZE, CX
	LEAQ  HEADER(BX)(CX*1), R15
	JMP   advance

	// The marker by which the end of the code is found.
	BYTE $'l'; BYTE $'i'; BYTE $'b'; BYTE $'c'; BYTE $'o'; BYTE $'n'; BYTE $'t'; BYTE $'a'
	BYTE $'i'; BYTE $'n'; BYTE $'e'; BYTE $'r'; BYTE $' '; BYTE $'e'; BYTE $'n'; BYTE $'d'
