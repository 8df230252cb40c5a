// Bench measures the library beside a straightforward C program that makes the same kernel calls, and
// beside runc and crun where they are installed. Its tables:
//
//   - life: Create, Start of /bin/true, Wait and Destroy, with new mount, PID, network, IPC and UTS
//     namespaces, the usual mounts, masks and devices, and cgroups with limits; against floor.c, and
//     the other runtimes' run on an equivalent bundle;
//   - exec: Start of /bin/true in a container of that kind that runs, and Wait; against floor-exec.c,
//     which joins and executes, and the other runtimes' exec;
//   - user: the lives with a new user namespace, too; the floor's has one as well;
//   - hosts: the lives in three host programs: one that has nothing but the library, one with a
//     dependency that is initialized first and sleeps 50 ms, one that is very big;
//   - throughput: lives a second while 1, 8 and 64 of them go on at the same time;
//   - beside: the lives again, the library's and floor.c's, while 0, 100 and 500 containers run;
//   - command: nsinit, the library's command, beside runc and crun, as engines call them: run; create, start
//     and delete; exec;
//   - checkpoint: Checkpoint and Restore of a container with 10 MB and 500 MB of memory, and how long it
//     was frozen; against runc's, where runc and criu work together;
//   - scale: memory, descriptors and threads of a host program, and the time of Start, Stats, List and
//     Load in it, while 10, 100 and 1,000 of its containers run.
//
// The floor is a program that does one thing after the other, as one would write it first. It is no
// limit of what is possible: who does some things at the same time, or keeps some ready, may be faster.
//
// Before it measures, bench lets the floor's container and the library's describe themselves, and reads
// the limits of their cgroups: if they are not the same in all that was asked for, there are no figures.
// Which way a path is hidden is not compared.
//
// CPU time is that of the process that does it and of the children that it has waited for: of this
// process, or of the floor's or the host program's own. What the kernel does later on threads of its own,
// as the end of a network namespace, is in no column.
//
// In the table beside the ratio to the floor, which has the same neighbours, tells what the library adds.
// The floor itself grows with them, as perf(1) shows: to mount sysfs the kernel looks at all mounted
// instances of it (sget_fc), in pivot_root(2) at all tasks (chroot_fs_refs), when a cpuset of cgroup v1
// is written at all those beside it (validate_change), and when a memory cgroup is removed at the lists
// of all mounted file systems (memcg_reparent_list_lrus).
//
// The candidates of life, exec, user and hosts take turns, once each a round, and those of throughput
// once each a batch of lives. The table beside is measured up and down several times, for 500 containers
// are not started for each life.
//
// On a hybrid machine all are in its cgroup v2 mount, too. Only crun, which refuses to run beside it, is
// measured in a mount namespace without it; what that saves is seen at the floor's second row in life.
//
// A machine that does one thing after the other is not like most. With -pause=150ms it idles before
// each measurement, as `make bench BENCHFLAGS=-pause=150ms` does: then whoever moves another process to
// a cgroup waits for an RCU grace period.
//
// Only the ratios say something, and only within one run: machines are noisy. `make bench` builds and
// runs it as root, and writes a .md and a .svg for each table.
package main
