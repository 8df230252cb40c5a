// The host's side: what a checkpoint keeps of a container beside criu's images, as the
// kernel has it and not as the configuration asked for it.

package libcontainer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// checkpointRecord is the Record of the images' manifest.
type checkpointRecord struct {
	ID  string `json:"id"`
	Pid int    `json:"pid"` // of init, on the machine of the checkpoint

	// Config has the SHA-256 of each field of the configuration that a container must have
	// in common with that of the images in order to be restored from them.
	Config map[string]string `json:"config"`

	// Stdio are criu's names of what init has as descriptors 0 to 2, "" for what is the
	// container's own.
	Stdio [stdioCount]string `json:"stdio"`

	// Terminal is the path in the container of the terminal that init has as its standard
	// input, "" if it has none of the container's own.
	Terminal string `json:"terminal,omitempty"`

	// Mounts are the container's, in the order of mountinfo: each after what it lies on.
	Mounts []checkpointMount `json:"mounts"`

	// Network is criu's name of the network namespace if that was joined, or "".
	Network string `json:"network,omitempty"`

	Processes int `json:"processes"`

	// Threads has the settings of threads by their numbers in the container, of those that
	// have any. It is complete when the container is frozen.
	Threads map[int]threadSettings `json:"threads,omitempty"`

	// Sysctls has the values of the parameters that the configuration sets.
	Sysctls map[string]string `json:"sysctls,omitempty"`

	inetSockets bool
	hostGroups  map[int]bool // the peer groups of the host's mounts, and those that they are slaves of
}

// checkpointMount is a mount.
type checkpointMount struct {
	Point    string   `json:"point"`
	Type     string   `json:"type"`
	Root     string   `json:"root"`
	Options  []string `json:"options"`         // of the mount, sorted
	Super    string   `json:"super,omitempty"` // of a hierarchy of cgroup v1
	External bool     `json:"external,omitempty"`

	// Peer tells whether it is in a peer group of the host's, Slave whether it is a slave of one.
	Peer  bool `json:"peer,omitempty"`
	Slave bool `json:"slave,omitempty"`
}

// externalKey is the name by which criu asks for an external mount.
func externalKey(i int) string { return "mount-" + strconv.Itoa(i) }

// networkKey is that of a network namespace that the container has joined.
const networkKey = "network"

// describe looks at a container that runs.
func (v *view) describe() (*checkpointRecord, error) {
	r := &checkpointRecord{ID: v.c.id, Pid: v.init.Pid()}
	var err error
	if r.Config, err = configDigests(v.config); err != nil {
		return nil, err
	}
	if err := v.checkCheckpointable(); err != nil {
		return nil, err
	}
	mounts, err := readMounts(v.init.Pid())
	if err != nil {
		return nil, err
	}
	host, err := readMounts(os.Getpid())
	if err != nil {
		return nil, err
	}
	r.hostGroups = peerGroups(host)
	if r.Mounts, err = describeMounts(mounts, host, r.hostGroups); err != nil {
		return nil, err
	}
	if r.Network, err = v.joinedNetwork(); err != nil {
		return nil, err
	}
	if r.Sysctls, err = v.describeSysctls(); err != nil {
		return nil, err
	}
	return r, v.describeDescriptors(r, mounts)
}

// checkCheckpointable refuses what criu cannot give back as it was.
func (v *view) checkCheckpointable() error {
	for _, t := range configs.NamespaceTypes() {
		if t != configs.NEWNET && v.config.Namespaces.PathOf(t) != "" {
			return fmt.Errorf("it has joined a %s namespace by its path, and criu saves only network namespaces by path: %w",
				nsName(t), errors.ErrUnsupported)
		}
	}
	if !v.config.Namespaces.Creates(configs.NEWNS) {
		return fmt.Errorf("it has no mount namespace of its own: %w", errors.ErrUnsupported)
	}
	if v.config.NoPivotRoot {
		return fmt.Errorf("it has the host's mounts below its own (NoPivotRoot): %w", errors.ErrUnsupported)
	}
	if v.config.Landlock != nil {
		return fmt.Errorf("what is restored would be free of Landlock, which criu does not save: %w", errors.ErrUnsupported)
	}
	return checkRestorableRoot(v.config)
}

// checkRestorableRoot refuses a root file system that criu could not be given again: it takes
// a directory of the host's.
func checkRestorableRoot(config *configs.Config) error {
	if config.Overlay != nil {
		return fmt.Errorf("its root is made of layers in its own mount namespace (Overlay), and criu restores a root that is "+
			"a directory of the host's: %w", errors.ErrUnsupported)
	}
	if config.RootIDMapping != configs.IDMapNone {
		return fmt.Errorf("its root is an idmapped mount (RootIDMapping), and criu restores none: %w", errors.ErrUnsupported)
	}
	return nil
}

// joinedNetwork is criu's name of a network namespace that was joined.
func (v *view) joinedNetwork() (string, error) {
	if v.config.Namespaces.PathOf(configs.NEWNET) == "" {
		return "", nil
	}
	ino, err := inodeOf(procFile(v.init.Pid(), "ns/net"))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("net[%d]:%s", ino, networkKey), nil
}

func inodeOf(name string) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil {
		return 0, &os.PathError{Op: "stat", Path: name, Err: err}
	}
	return st.Ino, nil
}

func readMounts(pid int) ([]*mountinfo.Info, error) {
	return readMountsFile(procFile(pid, "mountinfo"))
}

// readThreadMounts reads those of the calling thread.
func readThreadMounts() ([]*mountinfo.Info, error) {
	return readMountsFile("/proc/thread-self/mountinfo")
}

func readMountsFile(name string) ([]*mountinfo.Info, error) {
	data, err := pidfd.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read mounts: %w", err)
	}
	list, err := mountinfo.GetMountsFromReader(bytes.NewReader(data), nil)
	if err != nil {
		return nil, fmt.Errorf("read mounts: %s: %w", name, err)
	}
	return list, nil
}

// device is that of a file system, as mountinfo has it.
type device struct{ major, minor int }

func deviceOf(m *mountinfo.Info) device { return device{m.Major, m.Minor} }

// describeMounts tells which mounts are external: criu saves what is in a file system of
// the container's own, and those of the host's must be given to it again. The host's are those
// that the host has mounted, too, but what is bound from the container's root is the container's.
func describeMounts(mounts, host []*mountinfo.Info, groups map[int]bool) ([]checkpointMount, error) {
	hosts := make(map[device]bool)
	for _, m := range host {
		hosts[deviceOf(m)] = true
	}
	var root *mountinfo.Info
	var out []checkpointMount
	at := make(map[string]int) // the uppermost mount of a point, in out
	for i, m := range mounts {
		if m.Mountpoint == "/" {
			root = m
		}
		d := checkpointMount{
			Point: m.Mountpoint, Type: m.FSType, Root: m.Root, Options: mountOptions(m),
			External: m.Mountpoint != "/" && hosts[deviceOf(m)] && !isBoundFrom(m, root),
		}
		peers, master := groupsOf(m)
		d.Peer, d.Slave = groups[peers], groups[master]
		if m.FSType == "cgroup" {
			d.Super = m.VFSOptions
		}
		if strings.HasSuffix(m.Root, "//deleted") {
			return nil, fmt.Errorf("mount %s: what is mounted there has been deleted: %w", m.Mountpoint, errors.ErrUnsupported)
		}
		if below, ok := at[m.Mountpoint]; ok && (d.External || out[below].External) && !sameMounted(m, mounts[below]) {
			return nil, fmt.Errorf("there are two different mounts on %s, %s of the host's: criu would restore one of them twice: %w",
				m.Mountpoint, hostsOf(d.External, out[below].External), errors.ErrUnsupported)
		}
		at[m.Mountpoint] = i
		out = append(out, d)
	}
	if root == nil {
		return nil, fmt.Errorf("it has no root mount: %w", errors.ErrUnsupported)
	}
	return out, nil
}

// groupsOf gives the peer group of a mount, and the one that it is a slave of, or 0.
func groupsOf(m *mountinfo.Info) (peers, master int) {
	for _, field := range strings.Fields(m.Optional) {
		if text, ok := strings.CutPrefix(field, "shared:"); ok {
			peers, _ = strconv.Atoi(text)
		} else if text, ok := strings.CutPrefix(field, "master:"); ok {
			master, _ = strconv.Atoi(text)
		}
	}
	return peers, master
}

// peerGroups are those of the mounts.
func peerGroups(mounts []*mountinfo.Info) map[int]bool {
	groups := make(map[int]bool)
	for _, m := range mounts {
		peers, master := groupsOf(m)
		groups[peers], groups[master] = true, true
	}
	delete(groups, 0)
	return groups
}

// sameMounted tells whether two mounts are of the same directory or file.
func sameMounted(a, b *mountinfo.Info) bool { return deviceOf(a) == deviceOf(b) && a.Root == b.Root }

func hostsOf(upper, lower bool) string {
	switch {
	case !lower:
		return "the upper one"
	case !upper:
		return "the lower one"
	}
	return "both"
}

func isBoundFrom(m, root *mountinfo.Info) bool {
	if root == nil || deviceOf(m) != deviceOf(root) {
		return false
	}
	return root.Root == "/" || m.Root == root.Root || strings.HasPrefix(m.Root, root.Root+"/")
}

func mountOptions(m *mountinfo.Info) []string {
	options := strings.Split(m.Options, ",")
	slices.Sort(options)
	return options
}

// externals are the things of the host's that criu is not to save.
func (r *checkpointRecord) externals() (out []string) {
	for i, m := range r.Mounts {
		if m.External {
			out = append(out, "mnt["+m.Point+"]:"+externalKey(i))
		}
	}
	if r.Network != "" {
		out = append(out, r.Network)
	}
	for _, key := range r.Stdio {
		if key != "" && !strings.HasPrefix(key, "pipe:") && !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	return out
}

// describeDescriptors finds what processes have open that is the host's.
func (v *view) describeDescriptors(r *checkpointRecord, mounts []*mountinfo.Info) error {
	own := make(map[string]bool)
	for _, m := range mounts {
		own[strconv.Itoa(m.ID)] = true
	}
	pids, err := v.everyPid()
	if err != nil {
		return err
	}
	r.Processes = len(pids)
	if err := v.checkLimits(pids); err != nil {
		return err
	}
	for i := range r.Stdio {
		d, err := readDescriptor(v.init.Pid(), strconv.Itoa(i))
		if errors.Is(err, fs.ErrNotExist) {
			continue // init has closed it
		}
		if err != nil {
			return err
		}
		if r.Stdio[i], err = d.external(own); err != nil {
			return err
		}
		if r.Stdio[i] == "" && isTerminal(d.stat.Rdev) {
			r.Terminal = d.link
		}
	}
	for _, pid := range pids {
		if err := r.describeProcess(pid, own); err != nil {
			return err
		}
	}
	return nil
}

// checkLimits refuses processes whose resource limits criu may not read. Those of other users
// need a capability that this program may be without, see prlimit(2).
func (v *view) checkLimits(pids []int) error {
	if v.config.Namespaces.Creates(configs.NEWUSER) {
		return nil // its creator has all capabilities in it
	}
	own, err := readStatus("/proc/thread-self/status")
	if err != nil {
		return err
	}
	caps, err := strconv.ParseUint(own["CapEff"], 16, 64)
	if err != nil {
		return fmt.Errorf("read this program's capabilities: %w", err)
	}
	if caps&(1<<unix.CAP_SYS_RESOURCE) != 0 {
		return nil
	}
	mine := fmt.Sprint(os.Getuid(), os.Getgid())
	for _, pid := range pids {
		status, err := readStatus(procFile(pid, "status"))
		if err != nil || strings.HasPrefix(status["State"], "Z") {
			continue // it has ended
		}
		uid, gid := strings.Fields(status["Uid"]), strings.Fields(status["Gid"])
		for i := range min(3, len(uid), len(gid)) { // real, effective, saved
			if uid[i]+" "+gid[i] != mine {
				return fmt.Errorf("process %d (%s) is of user %s and group %s: criu needs CAP_SYS_RESOURCE, which this program has not, "+
					"to read the resource limits of others: %w", pid, commOf(pid), uid[i], gid[i], errors.ErrUnsupported)
			}
		}
	}
	return nil
}

// describeProcess refuses a process with files of the host's that nobody could give it
// again: they are not among init's standard descriptors.
func (r *checkpointRecord) describeProcess(pid int, own map[string]bool) error {
	entries, err := os.ReadDir(procFile(pid, "fd"))
	if err != nil {
		return nil //nolint:nilerr // it has ended
	}
	for _, e := range entries {
		d, err := readDescriptor(pid, e.Name())
		if err != nil {
			continue // it has been closed
		}
		if err := d.checkSaved(pid, e.Name()); err != nil {
			return err
		}
		if strings.HasPrefix(d.link, "socket:") {
			r.inetSockets = true // there is no telling of which kind
			continue
		}
		key, err := d.external(own)
		if err != nil {
			return err
		}
		if key == "" || strings.HasPrefix(key, "pipe:") || slices.Contains(r.Stdio[:], key) {
			continue
		}
		return fmt.Errorf("process %d (%s) has a file of the host's open as descriptor %s, %s, which is none of init's standard descriptors: %w",
			pid, commOf(pid), e.Name(), d.link, errors.ErrUnsupported)
	}
	return nil
}

func commOf(pid int) string {
	comm, _ := pidfd.ReadFile(procFile(pid, "comm"))
	return strings.TrimSpace(string(comm))
}

// openFile is an open file of another process.
type openFile struct {
	link  string // what /proc/[pid]/fd says
	mount string // the id of its mount
	stat  unix.Stat_t
}

func readDescriptor(pid int, fd string) (d openFile, err error) {
	name := procFile(pid, "fd/"+fd)
	if d.link, err = os.Readlink(name); err != nil {
		return d, err
	}
	if !strings.HasPrefix(d.link, "/") {
		return d, nil
	}
	// Through the link, which opens nothing.
	if err := unix.Stat(name, &d.stat); err != nil {
		return d, &os.PathError{Op: "stat", Path: name, Err: err}
	}
	info, err := pidfd.ReadFile(procFile(pid, "fdinfo/"+fd))
	if err != nil {
		return d, err
	}
	for line := range strings.Lines(string(info)) {
		if id, ok := strings.CutPrefix(line, "mnt_id:"); ok {
			d.mount = strings.TrimSpace(id)
		}
	}
	return d, nil
}

// external is criu's name of what is the host's, "" of what is the container's own. Of a pipe
// nobody can say: criu takes the name only if it is asked to put another one in its place.
func (d *openFile) external(own map[string]bool) (string, error) {
	switch {
	case strings.HasPrefix(d.link, "pipe:"):
		return d.link, nil
	case !strings.HasPrefix(d.link, "/"), own[d.mount], strings.HasPrefix(d.link, "/memfd:"):
		return "", nil
	case d.stat.Mode&unix.S_IFMT == unix.S_IFCHR && isTerminal(d.stat.Rdev):
		return fmt.Sprintf("tty[%x:%x]", d.stat.Rdev, d.stat.Dev), nil
	}
	id, err := strconv.ParseUint(d.mount, 10, 32)
	if err != nil {
		return "", fmt.Errorf("descriptor of %s: mount id %q: %w", d.link, d.mount, err)
	}
	return fmt.Sprintf("file[%x:%x]", id, d.stat.Ino), nil
}

// isTerminal tells whether a device is the slave of a pseudo terminal, see the kernel's
// admin-guide/devices.
func isTerminal(rdev uint64) bool {
	major := unix.Major(rdev)
	return major >= 136 && major <= 143
}

// othersConfig are the fields of a configuration that need not be the same in a container
// that is restored: where it is, what it is called on the host, and what the host does for it.
var othersConfig = []string{
	"version", "rootfs", "pivot_dir", "bundle", "annotations", "cgroups", "hooks", "networks", "routes", "net_devices",
	"parent_death_signal", "ids",
}

// configDigests gives the digests of the fields that must be.
func configDigests(config *configs.Config) (map[string]string, error) {
	plain := *config
	plain.Hooks = nil // functions cannot be encoded
	plain.Mounts = nil
	data, err := json.Marshal(&plain)
	if err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	for _, name := range othersConfig {
		delete(fields, name)
	}
	if fields["mounts"], err = json.Marshal(mountsInCommon(config)); err != nil {
		return nil, fmt.Errorf("encode mounts: %w", err)
	}
	if fields["namespaces"], err = json.Marshal(namespacesInCommon(config)); err != nil {
		return nil, fmt.Errorf("encode namespaces: %w", err)
	}
	out := make(map[string]string, len(fields))
	for name, data := range fields {
		sum := sha256.Sum256(data)
		out[name] = hex.EncodeToString(sum[:])
	}
	return out, nil
}

// mountsInCommon are the mounts without what they are of on the host. Their order is that of
// their destinations, and whether their propagation is that of mounts below, too, is left out:
// engines write both anew for each container. How they were is in the record and in criu's images.
func mountsInCommon(config *configs.Config) (out []configs.Mount) {
	for _, m := range config.Mounts {
		plain := *m
		if m.IsBind() {
			plain.Source = ""
		}
		plain.PremountCmds, plain.PostmountCmds = nil, nil
		plain.PropagationFlags = slices.Clone(m.PropagationFlags)
		for i := range plain.PropagationFlags {
			plain.PropagationFlags[i] &^= unix.MS_REC
		}
		out = append(out, plain)
	}
	slices.SortStableFunc(out, func(a, b configs.Mount) int { return strings.Compare(a.Destination, b.Destination) })
	return out
}

func namespacesInCommon(config *configs.Config) (out []string) {
	for _, ns := range config.Namespaces {
		out = append(out, fmt.Sprintf("%s %t", ns.Type, ns.Path != ""))
	}
	slices.Sort(out)
	return out
}

// differences lists the fields whose digests differ.
func differences(had, want map[string]string) (out []string) {
	for name := range had {
		if had[name] != want[name] {
			out = append(out, name)
		}
	}
	for name := range want {
		if _, ok := had[name]; !ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
