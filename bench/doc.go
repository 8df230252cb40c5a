// Bench times whole lives of a container: Create, Start of /bin/true, Wait and Destroy, with new
// mount, PID, network, IPC and UTS namespaces, the usual mounts, masks and devices, and cgroups with
// limits. Four ways are taken in turn, one life each a round, in one run:
//
//   - floor: floor.c, a bare C program that makes the kernel calls and does nothing else;
//   - library: this library, in this process;
//   - runc and crun: the run command on an equivalent bundle, when they are installed.
//
// Only the ratios say something, and only within one run: machines are noisy. `make bench` builds
// and runs it as root, and writes life.md and life.svg.
package main
