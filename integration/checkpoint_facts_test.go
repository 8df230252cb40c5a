package integration

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
)

// facts are what can be seen of a container, by name.
type facts map[string]string

// factsOf looks at a container that runs, from outside and then, by a further process, from
// inside.
func factsOf(t *testing.T, container libcontainer.Container, init int) facts {
	t.Helper()
	f := make(facts)
	f.mounts(t, init)
	f.status(t, init)
	f.namespaces(t, init)
	f.scheduling(t, init)
	for _, name := range []string{
		"limits", "oom_score_adj", "uid_map", "gid_map", "setgroups", "environ", "cmdline", "comm", "personality",
		"timerslack_ns", "coredump_filter", "attr/current", "loginuid",
	} {
		data, err := os.ReadFile(filepath.Join("/proc", itoa(init), name))
		if err == nil {
			f[name] = string(data)
		}
	}
	for _, name := range []string{"cwd", "root", "exe"} {
		link, err := os.Readlink(filepath.Join("/proc", itoa(init), name))
		if err != nil {
			t.Errorf("facts: %v", err)
		}
		f[name] = strings.TrimPrefix(link, container.Config().Rootfs)
	}
	f.descriptors(t, init)
	f.limits(t, container)
	f.inside(t, container)
	return f
}

// mounts are compared by what they are, and not by the numbers of mounts, of file systems of
// the container's own, and of groups of peers that the host is no member of.
func (f facts) mounts(t *testing.T, init int) {
	t.Helper()
	devices, groups := make(map[string]bool), make(map[string]bool)
	for _, line := range lines(t, "/proc/self/mountinfo") {
		fields := strings.Fields(line)
		devices[fields[2]] = true
		for _, option := range fields[6:slices.Index(fields, "-")] {
			if group, ok := strings.CutPrefix(option, "shared:"); ok {
				groups[group] = true
			}
		}
	}
	seen := make(map[string]int)
	for _, line := range lines(t, fmt.Sprintf("/proc/%d/mountinfo", init)) {
		fields := strings.Fields(line)
		dash := slices.Index(fields, "-")
		device := "own"
		if devices[fields[2]] {
			device = fields[2]
		}
		var options []string
		for _, option := range fields[6:dash] {
			kind, group, _ := strings.Cut(option, ":")
			if groups[group] {
				kind = option
			}
			options = append(options, kind)
		}
		point := fields[4]
		name := fmt.Sprintf("mount %s %d", point, seen[point])
		seen[point]++
		f[name+" device"] = device
		f[name+" root"] = fields[3]
		if strings.HasPrefix(fields[dash+1], "cgroup") { // from outside, where the container's cgroup is another one
			_, below, _ := strings.Cut(fields[3], filepath.Base(cgroupOf(t, init)))
			f[name+" root"] = "that of the container" + below
		}
		f[name+" flags"] = sorted(fields[5])
		f[name+" propagation"] = strings.Join(options, " ")
		f[name+" type"] = fields[dash+1]
		f[name+" source"] = fields[dash+2]
		f[name+" options"] = sorted(fields[dash+3])
	}
}

// cgroupOf is the path of a process's cgroup in any hierarchy, from outside.
func cgroupOf(t *testing.T, pid int) string {
	t.Helper()
	for _, path := range cgroupsOf(t, pid) {
		return path
	}
	t.Fatalf("process %d has no cgroup", pid)
	return ""
}

func sorted(list string) string {
	out := strings.Split(list, ",")
	slices.Sort(out)
	return strings.Join(out, ",")
}

// statusFacts are those of proc_pid_status(5) that do not tell what a process has used so far.
var statusFacts = regexp.MustCompile(`^(Name|Umask|Uid|Gid|Groups|NSpid|NSpgid|NSsid|Kthread|Threads|SigPnd|ShdPnd|SigBlk|SigIgn|SigCgt|` +
	`Cap.*|NoNewPrivs|Seccomp.*|Specul.*|Cpus_allowed|Mems_allowed|CoreDumping|THP_enabled|untag_mask|TracerPid)$`)

func (f facts) status(t *testing.T, init int) {
	t.Helper()
	for _, line := range statusAsleep(t, init) {
		name, value, _ := strings.Cut(line, ":")
		if statusFacts.MatchString(name) {
			// In the container: the numbers of the host's are others.
			if strings.HasPrefix(name, "NS") {
				fields := strings.Fields(value)
				value = fields[len(fields)-1]
			}
			f["status "+name] = strings.TrimSpace(value)
		}
	}
}

// statusAsleep is the status of a shell that waits for a child. When it forks one it blocks all signals for a
// moment, and when one ends it has SIGCHLD. What does not end is its own.
func statusAsleep(t *testing.T, init int) (status []string) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); {
		status = lines(t, fmt.Sprintf("/proc/%d/status", init))
		if slices.Contains(status, "State:\tS (sleeping)") && slices.Contains(status, "ShdPnd:\t0000000000000000") {
			break
		}
	}
	return status
}

func (f facts) namespaces(t *testing.T, init int) {
	t.Helper()
	for _, name := range []string{"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user", "uts"} {
		its, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", init, name))
		hosts, herr := os.Readlink("/proc/self/ns/" + name)
		if err != nil || herr != nil {
			t.Errorf("facts: %v, %v", err, herr)
		}
		f["namespace "+name] = map[bool]string{true: "the host's", false: "its own"}[its == hosts]
	}
}

func (f facts) scheduling(t *testing.T, init int) {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", init))
	if err != nil {
		t.Fatal(err)
	}
	// After the name, which may have blanks: see proc_pid_stat(5).
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	for name, i := range map[string]int{"priority": 18, "nice": 19, "exit_signal": 38, "rt_priority": 40, "policy": 41} {
		f["stat "+name] = fields[i-3]
	}
	tty, _ := strconv.Atoi(fields[7-3])
	f["stat tty"] = fmt.Sprint(tty != 0)
	prio, _, errno := unix.Syscall(unix.SYS_IOPRIO_GET, 1, uintptr(init), 0)
	f["ioprio"] = fmt.Sprintf("%#x %v", prio, errno)
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(init, &set); err != nil {
		t.Error(err)
	}
	f["affinity"] = fmt.Sprint(set)
	attr, err := unix.SchedGetAttr(init, 0)
	if err != nil {
		t.Fatal(err)
	}
	f["sched"] = fmt.Sprintf("%+v", *attr)
	memory, err := os.ReadFile(fmt.Sprintf("/proc/%d/numa_maps", init))
	if err == nil {
		policies := make(map[string]bool)
		for line := range strings.Lines(string(memory)) {
			policies[strings.Fields(line)[1]] = true
		}
		f["memory policies"] = fmt.Sprint(slices.Sorted(maps.Keys(policies)))
	}
}

func (f facts) descriptors(t *testing.T, init int) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", init)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		link, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil {
			continue
		}
		kind, _, _ := strings.Cut(link, ":[")
		info := lines(t, fmt.Sprintf("/proc/%d/fdinfo/%s", init, e.Name()))
		flags, err := strconv.ParseUint(strings.TrimSpace(strings.TrimPrefix(info[1], "flags:")), 8, 64)
		if err != nil {
			t.Error(err)
		}
		// Criu opens things anew, by a call that sets the flag O_LARGEFILE of 64-bit systems,
		// which has no effect there.
		if strings.HasPrefix(kind, "/dev/pts/") {
			flags &^= unix.O_CLOEXEC // TIOCGPTPEER leaves it in the file, where it means nothing
		}
		f["descriptor "+e.Name()] = fmt.Sprintf("%s %#o", kind, flags&^0o100000)
	}
}

// limitFiles are those of a cgroup by which it is limited.
var limitFiles = regexp.MustCompile(`^(pids\.max|memory\.(limit_in_bytes|max|min|low|high|swap\.max|memsw\.limit_in_bytes|soft_limit_in_bytes|swappiness|` +
	`use_hierarchy|oom\.group)|cpu\.(shares|weight|max|cfs_.*_us|idle)|cpuset\.(cpus|mems)|devices\.list|blkio\.weight|io\.(max|weight|bfq\.weight)|` +
	`hugetlb.*limit_in_bytes|hugetlb.*\.max|net_cls\.classid|net_prio\.ifpriomap|cgroup\.subtree_control)$`)

func (f facts) limits(t *testing.T, container libcontainer.Container) {
	t.Helper()
	state, err := container.State()
	if err != nil {
		t.Fatal(err)
	}
	for subsystem, dir := range state.CgroupPaths {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Error(err)
		}
		for _, e := range entries {
			if limitFiles.MatchString(e.Name()) {
				data, _ := os.ReadFile(filepath.Join(dir, e.Name()))
				f["cgroup "+subsystem+" "+e.Name()] = string(data)
			}
		}
	}
}

// look prints what a further process sees, each thing behind its name.
const look = `
fact() { echo "=== $1"; shift; "$@" 2>&1; }
fact hostname hostname
fact domainname cat /proc/sys/kernel/domainname
fact "own status" grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|Umask|Sig[A-P]|Shd)' /proc/self/status
fact "own cgroup" cat /proc/self/cgroup
fact "cgroup of init" cat /proc/1/cgroup
fact "own limits" cat /proc/self/limits
fact "own working directory" pwd
fact "own oom" cat /proc/self/oom_score_adj
fact "names in /proc" sh -c 'ls -d /proc/[a-z]*'
fact namespaces sh -c 'for i in cgroup ipc mnt net pid time user uts; do test /proc/self/ns/$i -ef /proc/1/ns/$i && echo $i is that of init; done'
fact devices sh -c 'find /dev -exec stat -c "%n %F %a %u %g %t %T" {} + | sort'
fact links sh -c 'ls -l /dev | sed -n "s/.* \([^ ]* -> .*\)/\1/p"'
fact files sh -c 'find / -xdev \( -path /proc -o -path /sys \) -prune -o -exec stat -c "%n %F %a %u %g" {} + | sort'
fact contents sh -c 'for d in /mnt /run /var/tmp; do find $d -type f -exec md5sum {} + ; done | sort'
fact tmpfs sh -c 'cut -d" " -f5 /proc/self/mountinfo | sort -u | grep -v "^/proc" | while read m; do test -d "$m" && ls -la "$m" | wc -l | sed "s,^,$m ,"; done'
fact masks sh -c 'for f in /proc/kcore /proc/keys /proc/timer_list; do test -s $f && echo $f has content; done; ls /proc/acpi /proc/scsi /sys/firmware'
fact "read-only" sh -c 'for f in /proc/sys/kernel/domainname /proc/sysrq-trigger /proc/irq/default_smp_affinity /sys/kernel/mm/ksm/run; do [ -w $f ] && echo $f is writable; done'
fact interfaces sh -c 'ip addr | sed "s/^[0-9]*: //; s/@if[0-9]*//; s/valid_lft.*//; s/link-netnsid .*//; s/ tentative//"'
fact routes sh -c 'ip route; ip -6 route'
fact sysctl sh -c 'sysctl -a 2>/dev/null | grep -E "^(net|kernel.(shm|msg|sem|host|domain|auto_msgmni)|fs.mqueue|user)" | grep -vE "netdev_rss_key|dst_entries|nf_conntrack_count"'
`

func (f facts) inside(t *testing.T, container libcontainer.Container) {
	t.Helper()
	p, out := shell(look)
	if err := container.Start(p); err != nil {
		t.Fatalf("start a further process: %v", err)
	}
	if _, err := p.Wait(); err != nil {
		t.Logf("look: %v", err)
	}
	if out.stderr.Len() > 0 {
		t.Logf("look: %s", out.stderr.String())
	}
	name := ""
	for line := range strings.Lines(out.stdout.String()) {
		if next, ok := strings.CutPrefix(line, "=== "); ok {
			name = "inside: " + strings.TrimSpace(next)
			f[name] = ""
			continue
		}
		f[name] += line
	}
}

// difference is one that is known, with its reason.
type difference struct {
	fact string // a regular expression of its name
	why  string
}

// compareFacts fails for each difference that is not known.
func compareFacts(t *testing.T, before, after facts, known []difference) {
	t.Helper()
	names := slices.Sorted(maps.Keys(before))
	for name := range after {
		if _, ok := before[name]; !ok {
			names = append(names, name)
		}
	}
	for _, name := range names {
		was, is := before[name], after[name]
		// In a user namespace the directory of message queues is root's if the ids were mapped before the
		// IPC namespace was made, which depends on the way that init was made. Criu makes both at once.
		is = strings.ReplaceAll(is, "/dev/mqueue directory 1777 65534 65534 ", "/dev/mqueue directory 1777 0 0 ")
		was = strings.ReplaceAll(was, "/dev/mqueue directory 1777 65534 65534 ", "/dev/mqueue directory 1777 0 0 ")
		if was == is || slices.ContainsFunc(known, func(d difference) bool { return regexp.MustCompile("^(" + d.fact + ")$").MatchString(name) }) {
			continue
		}
		a, b := strings.Split(was, "\n"), strings.Split(is, "\n")
		t.Errorf("%s differs: was %q, is %q", name, added(b, a), added(a, b))
	}
}
