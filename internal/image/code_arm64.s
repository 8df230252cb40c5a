// The interpreter of lists of system calls, for arm64. See doc.go, package
// internal/program for the format, and code_amd64.s, which it follows line by line.
//
// It runs alone in its process: there is no Go runtime, no stack in use, no signal
// handler. All its state is in the page at STATE and in registers, which the kernel
// keeps over system calls but for R0:
//
//	R19 the list            R20 the state
//	R21 the operation       R22 the end of the operations
//	R23 which arguments are registers, then whatever lasts over a system call
//
// R8 is the number of a call, R9 to R15 are for the moment, R24 to R26 for reading a
// list. R18 is the platform's and R27 the assembler's.
//
// It may hold no address of anything outside, no jump table, and no constant that the
// assembler puts into a pool behind the code: its bytes are copied to another place.

#include "textflag.h"
#include "layout.h"

#define SYS_close 57
#define SYS_read 63
#define SYS_exit_group 94
#define SYS_sendto 206
#define SYS_recvmsg 212
#define SYS_munmap 215
#define SYS_mmap 222

// ARG loads argument i of the operation, or the register that it names.
#define ARG(i, reg) \
	MOVD (OP_ARGS+8*i)(R21), reg \
	TBZ  $i, R23, 3(PC) \
	AND  $0xff, reg \
	MOVD (R20)(reg<<3), reg

// ERRNO sets the flags: GE unsigned (CS) if R0 is an error.
#define ERRNO \
	CMN $4095, R0

// func codeAddr() uintptr
TEXT ·codeAddr(SB), NOSPLIT, $0-8
	MOVD $·interpreter(SB), R0
	MOVD R0, ret+0(FP)
	RET

TEXT ·interpreter(SB), NOSPLIT|NOFRAME, $0
	MOVD $STATE, R20
	ADD  $S_NOLIST, R20, R19
	ADD  $HEADER, R19, R21
	MOVD R21, R22
	MOVD (R20), R0 // register 0: the init pipe
	B    next

loop:
	CMP   R22, R21
	BHS   return
	MOVBU OP_REGS(R21), R23
	ARG(0, R0)
	ARG(1, R1)
	ARG(2, R2)
	ARG(3, R3)
	ARG(4, R4)
	ARG(5, R5)
	MOVWU OP_NUMBER(R21), R8
	MOVD  $SPECIAL, R9
	CMP   R9, R8
	BHS   special
	SVC
	ERRNO
	BHS   failed

store:
	MOVHU OP_RESULT(R21), R9
	CMP   $REGISTERS, R9
	BHS   advance
	MOVD  R0, (R20)(R9<<3)

advance:
	ADD $OP_SIZE, R21
	B   loop

// R0 is a negative error.
failed:
	CMN   $4, R0 // EINTR
	BNE   error
	MOVWU OP_NUMBER(R21), R9
	CMP   $SYS_close, R9
	BNE   loop // again
	MOVD  ZR, R0
	B     store

error:
	NEGW  R0, R9
	AND   $0xffff, R9, R10
	MOVHU (OP_ERRNOS+0)(R21), R11
	CMP   R10, R11
	BEQ   tolerated
	MOVHU (OP_ERRNOS+2)(R21), R12
	CMP   R10, R12
	BEQ   tolerated
	MOVHU (OP_ERRNOS+4)(R21), R12
	CMP   R10, R12
	BEQ   tolerated
	MOVHU (OP_ERRNOS+6)(R21), R12
	CMP   R10, R12
	BEQ   tolerated
	MOVD  $(ANY_ERROR&0xffff), R12
	CMP   R12, R11
	BEQ   tolerated

// R9 is the error that ends the process. The host is told first.
die:
	MOVD  $KIND_FAILED, R10
	MOVW  R10, (S_FRAME+0)(R20)
	MOVD  $12, R10
	MOVW  R10, (S_FRAME+4)(R20)
	MOVW  R9, (S_FRAME+8)(R20)
	MOVWU HDR_SEQ(R19), R10
	MOVW  R10, (S_FRAME+12)(R20)
	MOVWU R9, R23
	SUB   R19, R21, R10
	SUB   $HEADER, R10
	MOVD  $OP_SIZE, R11
	UDIV  R11, R10
	MOVW  R10, (S_FRAME+16)(R20)

tell:
	MOVD $SYS_sendto, R8
	MOVD (R20), R0
	ADD  $S_FRAME, R20, R1
	MOVD $20, R2
	MOVD $MSG_NOSIGNAL, R3
	MOVD ZR, R4
	MOVD ZR, R5
	SVC
	CMN  $4, R0
	BEQ  tell
	MOVD R23, R0
	B    exit

exit0:
	MOVD ZR, R0

exit:
	MOVD $SYS_exit_group, R8
	SVC
	// A filter may refuse even that.
	UNDEF

tolerated:
	MOVHU OP_RESULT(R21), R9
	CMP   $REGISTERS, R9
	BHS   goto
	MOVD  R0, (R20)(R9<<3)

goto:
	MOVWU OP_GOTO(R21), R9
	CBZ   R9, advance
	MOVWU HDR_OPS(R19), R10
	CMP   R10, R9
	BHI   astray
	MOVD  $OP_SIZE, R10
	MUL   R10, R9
	ADD   R19, R9
	ADD   $HEADER, R9, R21
	B     loop

// Nobody tolerates that: it would go on at the same place again.
astray:
	MOVD $74, R9 // EBADMSG
	B    die

bad:
	MOVD $-74, R0 // EBADMSG
	B    error

special:
	SUB R9, R8
	CMP $(DO_TEST-SPECIAL), R8
	BEQ test
	CMP $(DO_LESS-SPECIAL), R8
	BEQ less
	CMP $(DO_LOAD-SPECIAL), R8
	BEQ load
	CMP $(DO_STORE-SPECIAL), R8
	BEQ put
	CMP $(DO_ADD-SPECIAL), R8
	BEQ add
	CMP $(DO_JUMP-SPECIAL), R8
	BEQ goto
	CMP $(DO_NEXT-SPECIAL), R8
	BEQ next
	CMP $(DO_RETURN-SPECIAL), R8
	BEQ return
	B   bad

test:
	AND R1, R0
	CMP R2, R0
	BEQ advance
	B   otherwise

less:
	CMP R1, R0
	BLT advance

otherwise:
	MOVWU OP_GOTO(R21), R9
	CBNZ  R9, goto
	MOVWU R3, R9
	TBZ   $31, R9, die
	NEGW  R9, R9 // the result of an operation that has failed
	B     die

load:
	CMP   $8, R1
	BEQ   load8
	CMP   $4, R1
	BEQ   load4
	CMP   $2, R1
	BEQ   load2
	CMP   $1, R1
	BNE   bad
	MOVBU (R0), R0
	B     store

load8:
	MOVD (R0), R0
	B    store

load4:
	MOVWU (R0), R0
	B     store

load2:
	MOVHU (R0), R0
	B     store

put:
	CMP  $8, R2
	BEQ  put8
	CMP  $4, R2
	BEQ  put4
	CMP  $2, R2
	BEQ  put2
	CMP  $1, R2
	BNE  bad
	MOVB R1, (R0)
	B    advance

put8:
	MOVD R1, (R0)
	B    advance

put4:
	MOVW R1, (R0)
	B    advance

put2:
	MOVH R1, (R0)
	B    advance

add:
	ADD R1, R0
	SUB R2, R0
	B   store

// Reads a list from the descriptor R0: its header with the descriptors that come
// with it, then the rest.
next:
	MOVD R0, R23
	MOVD ZR, (S_MSG+0)(R20)
	MOVD ZR, (S_MSG+8)(R20)
	ADD  $S_IOV, R20, R9
	MOVD R9, (S_MSG+16)(R20)
	MOVD $1, R9
	MOVD R9, (S_MSG+24)(R20)
	ADD  $S_CONTROL, R20, R9
	MOVD R9, (S_MSG+32)(R20)
	ADD  $S_HEADER, R20, R9
	MOVD R9, (S_IOV+0)(R20)
	MOVD $HEADER, R9
	MOVD R9, (S_IOV+8)(R20)

receive:
	MOVD  $CONTROL_SIZE, R9
	MOVD  R9, (S_MSG+40)(R20)
	MOVD  ZR, (S_MSG+48)(R20)
	MOVD  $SYS_recvmsg, R8
	MOVD  R23, R0
	ADD   $S_MSG, R20, R1
	MOVD  $RECV_FLAGS, R2
	SVC
	CMN   $4, R0
	BEQ   receive
	ERRNO
	BHS   error
	CBZ   R0, ended
	CMP   $HEADER, R0
	BNE   bad
	MOVWU (S_MSG+48)(R20), R9
	TST   $MSG_CTRUNC, R9
	BNE   bad

	// The header must be of a list, and have room for what it tells.
	MOVHU (S_HEADER+HDR_TYPE)(R20), R9
	MOVD  $MSG_TYPE, R10
	CMP   R10, R9
	BNE   bad
	MOVWU (S_HEADER+HDR_SIZE)(R20), R24 // the size
	MOVD  $MAX_SIZE, R10
	CMP   R10, R24
	BHI   bad
	MOVWU (S_HEADER+HDR_OPS)(R20), R9
	MOVD  $MAX_OPS, R10
	CMP   R10, R9
	BHI   bad
	MOVD  $OP_SIZE, R10
	MUL   R10, R9
	MOVWU (S_HEADER+HDR_RELOCS)(R20), R11
	MOVD  $MAX_RELOCS, R10
	CMP   R10, R11
	BHI   bad
	ADD   R11<<2, R9
	ADD   $HEADER, R9
	CMP   R24, R9
	BHI   bad

	MOVD $SYS_mmap, R8
	MOVD ZR, R0
	MOVD R24, R1
	MOVD $3, R2    // PROT_READ|PROT_WRITE
	MOVD $0x22, R3 // MAP_PRIVATE|MAP_ANONYMOUS
	MOVD $-1, R4
	MOVD ZR, R5
	SVC
	ERRNO
	BHS  error
	MOVD R0, R25 // the list that is read
	MOVD (S_HEADER+0)(R20), R9
	MOVD R9, 0(R25)
	MOVD (S_HEADER+8)(R20), R9
	MOVD R9, 8(R25)
	MOVD (S_HEADER+16)(R20), R9
	MOVD R9, 16(R25)
	MOVD (S_HEADER+24)(R20), R9
	MOVD R9, 24(R25)
	MOVD $HEADER, R26 // how much of it has been read

read:
	CMP  R24, R26
	BEQ  relocate
	MOVD $SYS_read, R8
	MOVD R23, R0
	ADD  R25, R26, R1
	SUB  R26, R24, R2
	SVC
	CMN  $4, R0
	BEQ  read
	ERRNO
	BHS  error
	CBZ  R0, ended
	ADD  R0, R26
	B    read

ended:
	MOVD $-32, R0 // EPIPE
	B    error

relocate:
	MOVWU HDR_OPS(R25), R9
	MOVD  $OP_SIZE, R10
	MUL   R10, R9
	ADD   R25, R9
	ADD   $HEADER, R9, R26 // the end of the operations
	MOVD  R26, R9
	MOVWU HDR_RELOCS(R25), R10

relocate1:
	CBZ   R10, files
	MOVWU (R9), R11
	ADD   $4, R9
	CMP   $HEADER, R11 // which has been checked
	BLO   bad
	ADD   $8, R11, R12
	CMP   R24, R12
	BHI   bad
	ADD   R25, R11
	MOVD  (R11), R12
	ADD   R25, R12
	MOVD  R12, (R11)
	SUB   $1, R10
	B     relocate1

files:
	MOVWU HDR_FILES(R25), R10
	CBZ   R10, switch
	CMP   $MAX_FILES, R10
	BHI   bad
	MOVD  (S_MSG+40)(R20), R9
	CMP   $16, R9
	BLO   bad
	LSL   $2, R10, R9
	ADD   $16, R9
	MOVD  S_CONTROL(R20), R11
	CMP   R11, R9
	BNE   bad
	MOVWU (S_CONTROL+8)(R20), R9
	CMP   $1, R9 // SOL_SOCKET
	BNE   bad
	MOVWU (S_CONTROL+12)(R20), R9
	CMP   $1, R9 // SCM_RIGHTS
	BNE   bad
	MOVWU HDR_REG(R25), R9
	ADD   R9, R10, R11
	CMP   $REGISTERS, R11
	BHI   bad
	ADD   R9<<3, R20, R9
	ADD   $(S_CONTROL+16), R20, R11

file:
	MOVW (R11), R12
	MOVD R12, (R9)
	ADD  $4, R11
	ADD  $8, R9
	SUB  $1, R10
	CBNZ R10, file

switch:
	ADD  $S_NOLIST, R20, R9
	CMP  R9, R19
	BEQ  start // there is nothing to return to
	MOVD S_DEPTH(R20), R9
	CMP  $MAX_DEPTH, R9
	BHS  bad
	ADD  $1, R9, R10
	MOVD R10, S_DEPTH(R20)
	ADD  R9<<4, R20, R9
	MOVD R19, (S_STACK+0)(R9)
	MOVD R21, (S_STACK+8)(R9)

start:
	MOVD R25, R19
	MOVD R26, R22
	ADD  $HEADER, R19, R21
	B    loop

// The list has ended: on with the one that has read it, if any.
return:
	MOVD  S_DEPTH(R20), R23
	CBZ   R23, exit0
	SUB   $1, R23
	MOVD  R23, S_DEPTH(R20)
	MOVD  $SYS_munmap, R8
	MOVD  R19, R0
	MOVWU HDR_SIZE(R19), R1
	SVC
	ADD   R23<<4, R20, R9
	MOVD  (S_STACK+0)(R9), R19
	MOVD  (S_STACK+8)(R9), R21
	MOVWU HDR_OPS(R19), R9
	MOVD  $OP_SIZE, R10
	MUL   R10, R9
	ADD   R19, R9
	ADD   $HEADER, R9, R22
	B     advance

	// The marker by which the end of the code is found.
	WORD $0x6362696c // "libc"
	WORD $0x61746e6f // "onta"
	WORD $0x72656e69 // "iner"
	WORD $0x646e6520 // " end"
