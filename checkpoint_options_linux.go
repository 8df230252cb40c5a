// The host's side: the options of checkpoint and restore, checked and as criu takes them.

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/criurpc"
	"github.com/libcontainer/libcontainer/internal/criuimage"
)

// checkCriuOpts checks what both calls need.
func checkCriuOpts(step string, opts *CriuOpts) error {
	switch {
	case opts == nil:
		return errorf(ConfigInvalid, "%s: no options", step)
	case opts.ImagesDirectory == "":
		return errorf(ConfigInvalid, "%s: ImagesDirectory is empty", step)
	case opts.ManageCgroupsMode != 0 && opts.ManageCgroupsMode < CRIU_CG_MODE_SOFT || opts.ManageCgroupsMode > CRIU_CG_MODE_DEFAULT:
		return errorf(ConfigInvalid, "%s: ManageCgroupsMode %d is not one of CRIU_CG_MODE", step, opts.ManageCgroupsMode)
	case opts.NetworkLock < LockByNftables || opts.NetworkLock > SkipLock:
		return errorf(ConfigInvalid, "%s: NetworkLock %d is unknown", step, opts.NetworkLock)
	case opts.Timeout < 0:
		return errorf(ConfigInvalid, "%s: Timeout %v is negative", step, opts.Timeout)
	case opts.ConfigFile != "" && !filepath.IsAbs(opts.ConfigFile):
		return errorf(ConfigInvalid, "%s: ConfigFile %q is not absolute", step, opts.ConfigFile)
	}
	return nil
}

// checkNetwork checks what is about the container's network.
func (o *CriuOpts) checkNetwork(step string, config *configs.Config) error {
	switch {
	case !o.EmptyNetwork:
	case !config.Namespaces.Creates(configs.NEWNET):
		return errorf(ConfigInvalid, "%s: EmptyNetwork, and the container has no network namespace of its own", step)
	case len(veths(config)) > 0 || len(config.NetDevices) > 0:
		return errorf(ConfigInvalid, "%s: EmptyNetwork, and the container has veth pairs or NetDevices, which would be lost", step)
	}
	return nil
}

func (o *CriuOpts) checkCheckpoint(step string) error {
	switch {
	case o.ParentImage != "" && filepath.IsAbs(o.ParentImage):
		return errorf(ConfigInvalid, "%s: ParentImage %q is not relative to ImagesDirectory", step, o.ParentImage)
	case o.PreDump && o.LazyPages:
		return errorf(ConfigInvalid, "%s: PreDump and LazyPages are both set", step)
	case o.LazyPages && o.PageServer.Address == "":
		return errorf(ConfigInvalid, "%s: LazyPages is set, and there is no PageServer that says where to serve them", step)
	case o.PageServer.Address == "" && o.PageServer.Port != 0:
		return errorf(ConfigInvalid, "%s: PageServer has a Port and no Address", step)
	case o.PageServer.Address != "" && (o.PageServer.Port <= 0 || o.PageServer.Port > 65535):
		return errorf(ConfigInvalid, "%s: PageServer.Port %d is not between 1 and 65535", step, o.PageServer.Port)
	}
	return nil
}

// checkConfigFile makes sure that only root, or this program's user, can tell criu what to do.
func (o *CriuOpts) checkConfigFile() error {
	if o.ConfigFile == "" {
		return nil
	}
	fd, err := unix.Open(o.ConfigFile, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("ConfigFile: %w", &os.PathError{Op: "open", Path: o.ConfigFile, Err: err})
	}
	f := os.NewFile(uintptr(fd), o.ConfigFile)
	defer f.Close()
	if err := criuimage.CheckOwner(f, []int{os.Geteuid(), 0}); err != nil {
		return fmt.Errorf("ConfigFile: %w", err)
	}
	return nil
}

func (n NetworkLock) method() rpc.CriuNetworkLockMethod {
	switch n {
	case LockByIptables:
		return rpc.CriuNetworkLockMethod_IPTABLES
	case SkipLock:
		return rpc.CriuNetworkLockMethod_SKIP
	}
	return rpc.CriuNetworkLockMethod_NFTABLES
}

func (d *dump) options() *rpc.CriuOpts {
	o := d.opts
	out := &rpc.CriuOpts{
		Pid:             proto.Int32(int32(d.v.init.Pid())),
		LogFile:         proto.String(dumpLog),
		LeaveRunning:    proto.Bool(o.LeaveRunning),
		TcpSkipInFlight: proto.Bool(o.TcpSkipInFlight),
		LinkRemap:       proto.Bool(o.LinkRemap),
		TrackMem:        proto.Bool(o.PreDump || o.ParentImage != ""), // else criu does not look at what the parent has
		AutoDedup:       proto.Bool(o.AutoDedup),
		External:        d.record.externals(),
	}
	if path := d.freezeCgroup(); path != "" {
		out.FreezeCgroup = proto.String(path)
	}
	if o.ParentImage != "" {
		out.ParentImg = proto.String(o.ParentImage)
	}
	if o.GhostLimit != 0 {
		out.GhostLimit = proto.Uint32(o.GhostLimit)
	}
	if o.PageServer.Address != "" {
		out.Ps = &rpc.CriuPageServerInfo{Address: proto.String(o.PageServer.Address), Port: proto.Int32(o.PageServer.Port)}
	}
	o.common(out, d.yard)
	return out
}

// common sets what a dump and a restore have in common. yard is that of mountYard.
func (o *CriuOpts) common(out *rpc.CriuOpts, yard string) {
	out.LogLevel = proto.Int32(criuLogLevel)
	out.OrphanPtsMaster, out.NotifyScripts, out.ManageCgroups = proto.Bool(true), proto.Bool(true), proto.Bool(true)
	out.TcpEstablished, out.TcpClose = proto.Bool(o.TcpEstablished), proto.Bool(o.TcpClose)
	out.ExtUnixSk = proto.Bool(o.ExternalUnixConnections)
	out.ShellJob = proto.Bool(o.ShellJob)
	out.FileLocks = proto.Bool(o.FileLocks)
	out.ManageCgroupsMode = o.ManageCgroupsMode.rpc()
	out.NetworkLock = o.NetworkLock.method().Enum()
	out.LazyPages = proto.Bool(o.LazyPages)
	if yard != "" {
		out.CgroupYard = proto.String(yard)
	}
	if o.EmptyNetwork {
		out.EmptyNs = proto.Uint32(unix.CLONE_NEWNET)
	}
	if o.ConfigFile != "" {
		out.ConfigFile = proto.String(o.ConfigFile)
	}
	if o.Timeout > 0 {
		out.Timeout = proto.Uint32(uint32(min((o.Timeout+time.Second-1)/time.Second, 1<<31)))
	}
}

// optionFields are the fields of CriuOpts by criu's names of them, as package criurpc has them in its advice.
var optionFields = strings.NewReplacer(
	"shell_job", "ShellJob", "tcp_established", "TcpEstablished", "tcp_close", "TcpClose", "tcp_skip_in_flight", "TcpSkipInFlight",
	"ext_unix_sk", "ExternalUnixConnections", "file_locks", "FileLocks", "link_remap", "LinkRemap", "ghost_limit", "GhostLimit",
	"raise timeout", "raise Timeout", "network lock method nftables", "NetworkLock LockByNftables", "pre-dumps and track_mem", "PreDump",
	"set skip_file_rwx_check", "put skip-file-rwx-check into ConfigFile", "set the option allow-uprobes", "put allow-uprobes into ConfigFile",
)

// adviseFields makes criu's advice one about fields of CriuOpts.
func adviseFields(err error) error {
	if e := (*criurpc.Error)(nil); errors.As(err, &e) {
		e.Advice = optionFields.Replace(e.Advice)
	}
	return err
}

// rpc is the mode on the wire, where 0 is another one than here.
func (m cg_mode) rpc() *rpc.CriuCgMode {
	switch m {
	case CRIU_CG_MODE_FULL:
		return rpc.CriuCgMode_FULL.Enum()
	case CRIU_CG_MODE_STRICT:
		return rpc.CriuCgMode_STRICT.Enum()
	}
	return rpc.CriuCgMode_SOFT.Enum()
}
