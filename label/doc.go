// Package label is the classic library's name of the labels of SELinux in
// github.com/opencontainers/selinux. Without SELinux its functions do nothing.
//
// Deprecated: use github.com/opencontainers/selinux/go-selinux/label, and go-selinux. A
// container gets Config.ProcessLabel and Config.MountLabel.
package label
