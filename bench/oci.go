package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/bench/internal/lives"
	"github.com/libcontainer/libcontainer/configs"
)

// object is a JSON object of an OCI runtime configuration.
type object = map[string]any

// writeBundle makes an OCI bundle for config in dir, whose container runs args.
func writeBundle(dir string, config *configs.Config, args []string) error {
	spec, err := ociSpec(config, args)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(spec, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "config.json"), data, 0o644)
}

// ociSpec says the same container in the words of the OCI runtime specification. What config asks
// for and this doesn't know is an error, for the runtimes would do less than the library.
func ociSpec(config *configs.Config, args []string) (object, error) {
	namespaces, err := ociNamespaces(config.Namespaces)
	if err != nil {
		return nil, err
	}
	mounts, err := ociMounts(config.Mounts)
	if err != nil {
		return nil, err
	}
	linux := object{
		"namespaces":    namespaces,
		"cgroupsPath":   filepath.Join(config.Cgroups.Parent, config.Cgroups.Name),
		"maskedPaths":   maskedPaths(config.MaskPaths),
		"readonlyPaths": config.ReadonlyPaths,
		"resources": object{
			"memory":  object{"limit": config.Cgroups.Memory},
			"cpu":     object{"shares": config.Cgroups.CpuShares},
			"pids":    object{"limit": config.Cgroups.PidsLimit},
			"devices": ociDeviceRules(config.Cgroups.AllowedDevices),
		},
	}
	if p := profile(config); p != nil {
		if linux["seccomp"], err = ociSeccomp(p); err != nil {
			return nil, err
		}
	}
	return object{
		"ociVersion": "1.0.2",
		"hostname":   config.Hostname,
		"root":       object{"path": config.Rootfs, "readonly": config.Readonlyfs},
		"mounts":     mounts,
		"process": object{
			"terminal":        false,
			"user":            object{"uid": 0, "gid": 0},
			"args":            args,
			"env":             lives.Environment,
			"cwd":             "/",
			"noNewPrivileges": config.NoNewPrivileges,
			"capabilities": object{
				"bounding":  config.Capabilities,
				"effective": config.Capabilities,
				"permitted": config.Capabilities,
			},
		},
		"linux": withMappings(linux, config),
	}, nil
}

// maskedPaths puts what is there in place of patterns, which these runtimes do not know.
func maskedPaths(paths []string) (list []string) {
	for _, p := range paths {
		if !strings.Contains(p, "*") {
			list = append(list, p)
		} else if found, err := filepath.Glob(p); err == nil {
			list = append(list, found...)
		}
	}
	return list
}

// withMappings adds those of a user namespace, if there are any.
func withMappings(linux object, config *configs.Config) object {
	for name, mappings := range map[string][]configs.IDMap{
		"uidMappings": config.UidMappings,
		"gidMappings": config.GidMappings,
	} {
		var list []object
		for _, m := range mappings {
			list = append(list, object{"containerID": m.ContainerID, "hostID": m.HostID, "size": m.Size})
		}
		if list != nil {
			linux[name] = list
		}
	}
	return linux
}

func ociNamespaces(namespaces configs.Namespaces) ([]object, error) {
	names := map[configs.NamespaceType]string{
		configs.NEWNS:     "mount",
		configs.NEWPID:    "pid",
		configs.NEWNET:    "network",
		configs.NEWIPC:    "ipc",
		configs.NEWUTS:    "uts",
		configs.NEWUSER:   "user",
		configs.NEWCGROUP: "cgroup",
	}
	var list []object
	for _, namespace := range namespaces {
		name, ok := names[namespace.Type]
		if !ok || namespace.Path != "" {
			return nil, fmt.Errorf("no OCI words for namespace %+v", namespace)
		}
		list = append(list, object{"type": name})
	}
	return list, nil
}

func ociMounts(mounts []*configs.Mount) ([]object, error) {
	var list []object
	for _, mount := range mounts {
		options, err := ociMountOptions(mount)
		if err != nil {
			return nil, err
		}
		list = append(list, object{
			"destination": mount.Destination,
			"type":        mount.Device,
			"source":      mount.Source,
			"options":     options,
		})
	}
	return list, nil
}

func ociMountOptions(mount *configs.Mount) ([]string, error) {
	names := []struct {
		flag int
		name string
	}{
		{unix.MS_NOSUID, "nosuid"},
		{unix.MS_NOEXEC, "noexec"},
		{unix.MS_NODEV, "nodev"},
		{unix.MS_RDONLY, "ro"},
		{unix.MS_STRICTATIME, "strictatime"},
	}
	options := []string{}
	flags := mount.Flags
	for _, option := range names {
		if flags&option.flag != 0 {
			options = append(options, option.name)
			flags &^= option.flag
		}
	}
	if flags != 0 {
		return nil, fmt.Errorf("no OCI words for the flags %#x of the mount on %s", flags, mount.Destination)
	}
	if mount.Data != "" {
		options = append(options, strings.Split(mount.Data, ",")...)
	}
	return options, nil
}

// ociDeviceRules denies everything but allowed.
func ociDeviceRules(allowed []*configs.Device) []object {
	rules := []object{{"allow": false, "access": "rwm"}}
	for _, device := range allowed {
		rule := object{"allow": true, "type": string(device.Type), "access": device.Permissions}
		if device.Major != configs.Wildcard {
			rule["major"] = device.Major
		}
		if device.Minor != configs.Wildcard {
			rule["minor"] = device.Minor
		}
		rules = append(rules, rule)
	}
	return rules
}
