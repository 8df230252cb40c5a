// Package specconv turns bundles of the OCI runtime specification, version 1.3, into what
// the library runs: config.json into a configs.Config and a libcontainer.Process, process.json
// into a further Process, and resources into configs.Resources. FromConfig is the way back.
//
// Nothing that a bundle asks for gets lost without a word. What the library cannot do is an
// error, a *FieldError that names the property as in "process.user.username". What
// the specification wants passed over is a warning in Result.Warnings: capabilities that
// nobody can grant, and properties that it calls deprecated. Properties that it does not
// know are ignored, as it says. Values that can be judged by themselves are left to package
// configs/validate, whose errors have the names of configs.Config.
//
// # What the specification leaves open
//
//   - A new network namespace has its loopback up.
//   - A limit of memory or CPU time that is 0 leaves the kernel's default, which is what
//     engines mean by it. A pids.limit of 0 is one of 1: what is over the limit cannot fork
//     with either, and with 0 no first process could be started.
//   - Rules for devices are applied in their order, to nothing allowed at first. After them
//     come rules that allow the default devices, terminals, and mknod of any device.
//   - If several conditions of a seccomp rule are about the same argument, one of all its
//     conditions is enough, as libseccomp's users have it. Otherwise all have to hold.
//   - A working directory that does not exist is made.
//   - The terminal is the caller's business: see Result.Terminal.
//   - A bind mount ignores options of a file system, which is worth a warning.
//   - Annotations are what hooks are told, and set nothing, unless
//     Options.AllowSystemdAnnotations lets those of org.systemd.property do so.
package specconv
