// Package devices is the model of rules for devices that cgroup managers put in
// force: cgroups/fs as the lists of the cgroup v1 controller, cgroups/fs2 as an
// eBPF program attached to a cgroup v2 directory.
//
// # Rules
//
// Rules are what the kernel's cgroup-v1/devices.rst describes: all is forbidden but
// exceptions, or all is allowed but exceptions. The program decides as the lists
// do, also where that surprises:
//
//   - The order of rules does not matter. Rules that have one are Ordered.
//   - Opening a device for reading and writing is one access. If it is not allowed by
//     one exception, then not by two together; if it is denied, then by an exception
//     of either.
//   - A node may be looked at, and opened with O_PATH, whatever the rules are.
//     access(2) obeys them, also with F_OK.
//   - Making the node c 0:0, a whiteout of overlayfs, is always allowed.
//
// Rules.Allows and Ordered.Allows are the reference. On a machine with both versions of cgroups the
// tests compare it with the answers of both to processes in them.
//
// # The program
//
// The program is a search by type, major and minor number. Its length is limited to
// 15000 comparisons: one for each major number with rules of its own, and one for
// each minor number of these, where the minor numbers in rules for every major count
// for each again. So 7000 rules fit, whatever they are, unless such rules are among
// them. Attach refuses more with an error.
//
// It has no helper functions and no maps, is not pinned and not a link: the kernel
// drops it with the cgroup, and nothing is left to clean up. All that it takes came
// with Linux 5.6, the replacement of an attached program (BPF_F_REPLACE) last.
//
// # Why not with cilium/ebpf
//
// Every start of a container runs the host's program again as its init process, and
// pays for the initialisation of all that is linked in. Measured with version 0.22:
// importing it makes a program 1.7 MB larger and its boot 0.13 ms longer, in the host
// and in init, and the first load of a program takes 0.3 ms longer than all of
// Attach, as it probes the kernel by making maps and programs, and reads mountinfo.
// Attach needs six commands of bpf(2) and ten instructions; they are written down
// here. The tests let cilium/ebpf decode and inspect the results.
package devices
