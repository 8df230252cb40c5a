// Bench measures the library beside a bare C program, which makes the kernel calls and does nothing
// else, and beside runc and crun where they are installed. It makes three tables:
//
//   - life: Create, Start of /bin/true, Wait and Destroy, with new mount, PID, network, IPC and UTS
//     namespaces, the usual mounts, masks and devices, and cgroups with limits; against floor.c, and
//     the other runtimes' run on an equivalent bundle;
//   - exec: Start of /bin/true in a container of that kind that runs, and Wait; against floor-exec.c,
//     which joins and executes, and the other runtimes' exec;
//   - beside: the lives again, the library's and floor.c's, while 0, 100 and 500 containers run.
//
// In the last table the ratio to the floor, which has the same neighbours, tells what the library adds.
// The floor itself grows with them, as perf(1) shows: to mount sysfs the kernel looks at all mounted
// instances of it (sget_fc), in pivot_root(2) at all tasks (chroot_fs_refs), when a cpuset of cgroup v1
// is written at all those beside it (validate_change), and when a memory cgroup is removed at the lists
// of all mounted file systems (memcg_reparent_list_lrus).
//
// The candidates of the first two take turns, once each a round. The third is measured up and down
// several times, for 500 containers are not started for each life.
//
// A machine that does one thing after the other is not like most. With -pause=150ms it idles before
// each measurement, as `make bench BENCHFLAGS=-pause=150ms` does: then whoever moves another process to
// a cgroup waits for an RCU grace period, see cgroups.Driver.
//
// Only the ratios say something, and only within one run: machines are noisy. `make bench` builds and
// runs it as root, and writes a .md and a .svg for each table.
package main
