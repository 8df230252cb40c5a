// Package validate decides whether a [configs.Config] makes sense before
// anything is made from it. It is asked by every factory and can be asked by
// programs that take configurations from elsewhere.
//
// It checks what can be told from the configuration itself: that values are in
// the range the kernel accepts, that what needs a namespace of its own has one,
// that no path leads elsewhere. A container with, say, a sysctl of a namespace
// that it shares with the host would change the host.
//
// Beside Config.Rootfs, or the directories of Config.Overlay, which must exist, it looks at no
// file but those of namespaces that are to be joined, to see whether they are the host's own.
// Whether the kernel has a feature and whether the caller may use it shows when
// the container starts.
package validate
