// Package seccomp compiles a profile of system calls, [configs.Seccomp], to the
// program that the kernel runs at each call, see seccomp(2) and bpf(4). It is for
// package libcontainer, which compiles each distinct profile once and gives init the
// program, and for embedders that want a profile to begin with: [Default].
//
// It needs no C library. The names and numbers of the system calls of each
// architecture are in a table, which go generate makes of golang.org/x/sys/unix, and
// so of the kernel's headers: a call that is newer than the table has no name here.
//
// # Why not libseccomp
//
// Its generator cannot express what a profile may say:
//
//   - with rules of different actions for one call, which of them counts depends on
//     the tree it builds: an unconditional Allow hides a conditional Errno;
//   - of several rules with comparisons of the same argument of a call it makes
//     programs that match what no rule does (2.5.4: argument < 0x7fffffff, argument >
//     0x318ea3919 and another rule with argument > 1<<63 together match 1<<31);
//   - it has no notion of system calls that are newer than the profile;
//   - it refuses a rule with two conditions on one argument (seccomp_rule_add(3)).
//
// Here a rule holds if of each argument that it has conditions for at least one does,
// each an exact comparison of 64 bits, and the rules of a call are tried from the
// strictest action to the most lenient one: the first that matches is the strictest
// that does. So a program is never more lenient than one of its rules, in whatever
// order they come. Numbers are found by binary search, which uses only instructions
// that let the kernel remember the calls that are always allowed (commit
// 8e01b51a31a1, Linux 5.11).
//
// # Architectures
//
// A program tells calls apart by the architecture they are made for. A call of one
// that the profile does not list (the machine's own always is) kills the process.
// That goes for x32 too, whose calls have bit 30 set beside the x86-64 architecture.
//
// 32-bit x86 has socket and System V IPC calls twice: as system calls of their own
// (Linux 4.3 and 5.1), and as functions of socketcall(2) and ipc(2), whose arguments
// no filter can see. A rule for one of these names is about both. Where it has
// conditions, the function cannot be told from one whose arguments meet them, and is
// treated as the stricter way: an Allow does not allow it, an Errno refuses it.
//
// # Unknown system calls
//
// Below a DefaultAction of Errno, a number above the highest one that a rule names
// gets ENOSYS, per architecture. System calls are numbered as they are added, so these
// are the ones that the profile's author cannot have known, and a C library that gets
// EPERM from them does not fall back to the older call that the profile allows. Two
// ranges that do not follow that order, 512 to 547 of x32 and the private calls of
// 32-bit ARM from 0xf0000, count neither as the highest number nor as unknown. A
// profile that names no call of an architecture has no such limit there.
package seccomp
