// Bench measures the library beside a bare C program, which makes the kernel calls and does nothing
// else, and beside runc and crun where they are installed. It makes three tables:
//
//   - life: Create, Start of /bin/true, Wait and Destroy, with new mount, PID, network, IPC and UTS
//     namespaces, the usual mounts, masks and devices, and cgroups with limits; against floor.c, and
//     the other runtimes' run on an equivalent bundle;
//   - exec: Start of /bin/true in a container of that kind that runs, and Wait; against floor-exec.c,
//     which joins and executes, and the other runtimes' exec;
//   - beside: the lives again, the library's and floor.c's, while 0, 100 and 500 containers run. Here
//     the ratios are to those beside 0; what grows for the floor too is the kernel's.
//
// The candidates of the first two take turns, once each a round. The third is measured up and down
// several times, for 500 containers are not started for each life.
//
// Only the ratios say something, and only within one run: machines are noisy. `make bench` builds and
// runs it as root, and writes a .md and a .svg for each table.
package main
