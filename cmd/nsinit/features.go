package main

import (
	"context"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	specfeatures "github.com/opencontainers/runtime-spec/specs-go/features"
	"github.com/urfave/cli/v3"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/features"
)

// oldestSpec is the oldest version of the specification whose bundles are run.
const oldestSpec = "1.0.0"

func featuresCommand(*app) *cli.Command {
	return &cli.Command{
		Name:        "features",
		Usage:       "write what this runtime knows as JSON",
		Description: "It is the features structure of the specification. A name in a list does not say that the kernel knows it.",
		Action: func(_ context.Context, cmd *cli.Command) error {
			return writeJSON(cmd.Root().Writer, featuresOf(features.Known()))
		},
	}
}

func featuresOf(known features.Features) *specfeatures.Features {
	yes := true
	all := func() *bool { return &yes }
	linux := &specfeatures.Linux{
		Capabilities: known.Capabilities,
		Cgroup:       &specfeatures.Cgroup{V1: all(), V2: all(), Systemd: all(), SystemdUser: all(), Rdma: all()},
		Seccomp: &specfeatures.Seccomp{
			Enabled: all(), Actions: known.Seccomp.Actions, Operators: known.Seccomp.Operators, Archs: known.Seccomp.Architectures,
			KnownFlags: known.Seccomp.KnownFlags, SupportedFlags: known.Seccomp.SupportedFlags,
		},
		Apparmor:        &specfeatures.Apparmor{Enabled: all()},
		Selinux:         &specfeatures.Selinux{Enabled: all()},
		IntelRdt:        &specfeatures.IntelRdt{Enabled: all(), Schemata: all(), Monitoring: all()},
		MemoryPolicy:    &specfeatures.MemoryPolicy{Modes: known.MemoryPolicy.Modes, Flags: known.MemoryPolicy.Flags},
		MountExtensions: &specfeatures.MountExtensions{IDMap: &specfeatures.IDMap{Enabled: all()}},
		NetDevices:      &specfeatures.NetDevices{Enabled: all()},
	}
	for _, namespace := range known.Namespaces {
		linux.Namespaces = append(linux.Namespaces, namespaceName(namespace))
	}
	return &specfeatures.Features{
		OCIVersionMin: oldestSpec,
		OCIVersionMax: specs.Version,
		Hooks:         known.Hooks,
		MountOptions:  known.MountOptions,
		Linux:         linux,
	}
}

// namespaceName is the specification's name of a type.
func namespaceName(t configs.NamespaceType) string {
	switch t {
	case configs.NEWNET:
		return string(specs.NetworkNamespace)
	case configs.NEWNS:
		return string(specs.MountNamespace)
	}
	return strings.ToLower(strings.TrimPrefix(string(t), "NEW"))
}
