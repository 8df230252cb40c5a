package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v3"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/specconv"
)

// A limit is a flag of update.
type limit struct {
	name, usage string
	set         func(r *specs.LinuxResources, value int64)
	least       int64
	bytes       bool // the value may have a unit
}

func limits() []limit {
	unsigned := func(field **uint64, value int64) { n := uint64(value); *field = &n }
	return []limit{
		{name: "blkio-weight", usage: "share of block I/O, 10 to 1000", set: func(r *specs.LinuxResources, v int64) {
			weight := uint16(min(v, math.MaxUint16))
			r.BlockIO = &specs.LinuxBlockIO{Weight: &weight}
		}},
		{name: "cpu-period", usage: "period of --cpu-quota in microseconds", set: func(r *specs.LinuxResources, v int64) { unsigned(&r.CPU.Period, v) }},
		{name: "cpu-quota", usage: "CPU time in microseconds for each period, -1 for no limit", least: -1,
			set: func(r *specs.LinuxResources, v int64) { r.CPU.Quota = &v }},
		{name: "cpu-burst", usage: "CPU time in microseconds that may be saved up", set: func(r *specs.LinuxResources, v int64) { unsigned(&r.CPU.Burst, v) }},
		{name: "cpu-share", usage: "share of CPU time, 2 to 262144", set: func(r *specs.LinuxResources, v int64) { unsigned(&r.CPU.Shares, v) }},
		{name: "cpu-rt-period", usage: "period of --cpu-rt-runtime in microseconds",
			set: func(r *specs.LinuxResources, v int64) { unsigned(&r.CPU.RealtimePeriod, v) }},
		{name: "cpu-rt-runtime", usage: "CPU time in microseconds for realtime processes in each period", least: -1,
			set: func(r *specs.LinuxResources, v int64) { r.CPU.RealtimeRuntime = &v }},
		{name: "cpu-idle", usage: "1 for CPU time that nobody else wants, 0 to end that", set: func(r *specs.LinuxResources, v int64) { r.CPU.Idle = &v }},
		{name: "memory", usage: "limit of memory, such as 64m; -1 for none", least: -1, bytes: true,
			set: func(r *specs.LinuxResources, v int64) { r.Memory.Limit = &v }},
		{name: "memory-reservation", usage: "memory to which the container is pushed back when it is scarce", least: -1, bytes: true,
			set: func(r *specs.LinuxResources, v int64) { r.Memory.Reservation = &v }},
		{name: "memory-swap", usage: "limit of memory and swap together; -1 for none", least: -1, bytes: true,
			set: func(r *specs.LinuxResources, v int64) { r.Memory.Swap = &v }},
		{name: "kernel-memory-tcp", usage: "limit of the kernel's buffers of TCP connections, -1 for none; cgroup v1 only", least: -1, bytes: true,
			set: func(r *specs.LinuxResources, v int64) { r.Memory.KernelTCP = &v }},
		{name: "pids-limit", usage: "limit of processes and threads, -1 for none", least: -1,
			set: func(r *specs.LinuxResources, v int64) { r.Pids = &specs.LinuxPids{Limit: &v} }},
	}
}

func updateCommand(a *app) *cli.Command {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "resources", Aliases: []string{"r"},
			Usage: "`FILE` with what linux.resources of a config.json has, - for standard input; other limits are left out then"},
		&cli.StringFlag{Name: "cpuset-cpus", Usage: "`CPUS` that may be used, such as 0-3,7"},
		&cli.StringFlag{Name: "cpuset-mems", Usage: "memory `NODES` that may be used, such as 0"},
		&cli.StringFlag{Name: "l3-cache-schema", Usage: "`LINE` of the schemata of resctrl for L3 cache"},
		&cli.StringFlag{Name: "mem-bw-schema", Usage: "`LINE` of the schemata of resctrl for memory bandwidth"},
		&cli.StringFlag{Name: "kernel-memory", Hidden: true, Usage: "ignored: kernels have no such limit any more"},
	}
	for _, l := range limits() {
		flags = append(flags, &cli.StringFlag{Name: l.name, Usage: "`N`: " + l.usage})
	}
	return &cli.Command{
		Name:        "update",
		Usage:       "change limits of a container",
		ArgsUsage:   "ID",
		Description: "What is not given stays as it is.",
		Flags:       flags,
		Action:      withID(0, a.update),
	}
}

func (a *app) update(_ context.Context, cmd *cli.Command, id string) error {
	c, err := a.load(id)
	if err != nil {
		return err
	}
	given, err := givenResources(cmd)
	if err != nil {
		return err
	}
	change, warnings, err := specconv.ToResources(given)
	if err != nil {
		return err
	}
	for _, warning := range warnings {
		a.log.warn(warning)
	}
	config := c.Config()
	if config.Cgroups == nil {
		config.Cgroups = new(configs.Cgroup)
	}
	merged := new(configs.Resources)
	if config.Cgroups.Resources != nil {
		*merged = *config.Cgroups.Resources
	}
	mergeResources(merged, change)
	cgroup := *config.Cgroups
	cgroup.Resources = merged
	config.Cgroups = &cgroup
	if err := schemata(cmd, &config); err != nil {
		return err
	}
	return engineError(c.Set(config))
}

// givenResources is what --resources or the other flags say.
func givenResources(cmd *cli.Command) (*specs.LinuxResources, error) {
	switch file := cmd.String("resources"); file {
	case "":
	case "-":
		r := new(specs.LinuxResources)
		text, err := io.ReadAll(os.Stdin)
		if err == nil {
			err = json.Unmarshal(text, r)
		}
		if err != nil {
			return nil, fmt.Errorf("--resources: read standard input: %w", err)
		}
		return r, nil
	default:
		r, err := specconv.LoadResources(file)
		if err != nil {
			return nil, fmt.Errorf("--resources: %w", err)
		}
		return r, nil
	}
	r := &specs.LinuxResources{CPU: new(specs.LinuxCPU), Memory: new(specs.LinuxMemory)}
	r.CPU.Cpus, r.CPU.Mems = cmd.String("cpuset-cpus"), cmd.String("cpuset-mems")
	for _, l := range limits() {
		text := cmd.String(l.name)
		if text == "" {
			continue
		}
		value, err := l.parse(text)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", l.name, err)
		}
		l.set(r, value)
	}
	return r, nil
}

func (l *limit) parse(text string) (int64, error) {
	number, unit := text, int64(1)
	if l.bytes {
		number = strings.TrimSuffix(strings.ToLower(text), "b")
		if i := len(number) - 1; i > 0 && number[0] != '-' && strings.Contains("kmgt", number[i:]) {
			unit = 1 << (10 * (1 + strings.Index("kmgt", number[i:])))
			number = number[:i]
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a number", text)
	case n < l.least:
		return 0, fmt.Errorf("%s is less than %d", text, l.least)
	case n > math.MaxInt64/unit:
		return 0, fmt.Errorf("%s is too large", text)
	}
	return n * unit, nil
}

// mergeResources puts what a change sets in the place of what there was: fields that are not zero,
// since zero leaves a limit alone, but for those with a rule of their own.
func mergeResources(merged, change *configs.Resources) {
	had := *merged
	to, from := reflect.ValueOf(merged).Elem(), reflect.ValueOf(change).Elem()
	for i := range from.NumField() {
		if !from.Field(i).IsZero() {
			to.Field(i).Set(from.Field(i))
		}
	}
	merged.Unified = mergeMaps(had.Unified, change.Unified)
	merged.Rdma = mergeMaps(had.Rdma, change.Rdma)
	merged.Misc = mergeMaps(had.Misc, change.Misc)
	if merged.MemorySwappiness = change.MemorySwappiness; change.MemorySwappiness == -1 { // not given
		merged.MemorySwappiness = had.MemorySwappiness
	}
	if change.SkipDevices { // no rules given
		merged.SkipDevices = had.SkipDevices
	}
}

func mergeMaps[V any](had, change map[string]V) map[string]V {
	if len(change) == 0 {
		return had
	}
	merged := make(map[string]V)
	maps.Copy(merged, had)
	maps.Copy(merged, change)
	return merged
}

// schemata changes what is in the container's class of resctrl: lines for the same resource are
// replaced.
func schemata(cmd *cli.Command, config *configs.Config) error {
	var given []string
	for _, flag := range []string{"l3-cache-schema", "mem-bw-schema"} {
		for line := range strings.Lines(cmd.String(flag)) {
			given = append(given, strings.TrimSpace(line))
		}
	}
	if len(given) == 0 {
		return nil
	}
	if config.IntelRdt == nil {
		return errors.New("--l3-cache-schema, --mem-bw-schema: the container has no linux.intelRdt")
	}
	rdt := *config.IntelRdt
	rdt.Schemata = slices.Clone(rdt.Schemata)
	for _, line := range given {
		resource, _, _ := strings.Cut(line, ":")
		rdt.Schemata = slices.DeleteFunc(rdt.Schemata, func(old string) bool { return strings.HasPrefix(old, resource+":") })
	}
	rdt.Schemata = append(rdt.Schemata, given...)
	config.IntelRdt = &rdt
	return nil
}
