package criurpc

import (
	"regexp"
	"strings"
	"sync"
	"syscall"
)

// oldest is the first CRIU that is taken for good enough. Version 3.17, the last before, fails
// on today's kernels.
var oldest = Version{Major: 4}

// advices are what to do about errors, by what criu's log says of them. The first that fits is
// taken: what criu tells by the way stands below.
var advices = []struct{ text, advice string }{
	{"Can't get 1:16 opt", "criu before 4.2 cannot dump inet and packet sockets on Linux 6.16 or later: install a newer one"},
	{"Consider using --shell-job", "set shell_job, or start the process as the leader of a session"},
	{"Connected TCP socket", "set tcp_established to keep the connections, or tcp_close to drop them"},
	{"In-flight connection", "set tcp_skip_in_flight to drop connections that are just being made"},
	{"disable MPTCP", `criu knows no MPTCP: start Go programs with GODEBUG=multipathtcp=0`},
	{"couldn't restore veth interface", "criu cannot restore a veth pair of a user namespace where a device of the host has the same " +
		"number (ifindex) as the container's: restore in a network namespace that has no such device"},
	{"without peer", "a unix socket is connected with one in another network namespace, which criu cannot dump: close it"},
	{"External socket is used", "a unix socket is connected with a process outside: set ext_unix_sk"},
	{"External socket found in image", "set ext_unix_sk, as it was for the dump"},
	{"Some file locks are hold", "set file_locks"},
	{"Use link-remap option", "set link_remap"},
	{"increase limit", "a deleted file is still open and is larger than ghost_limit: raise that"},
	{"io_uring", "criu cannot dump io_uring: end what uses it"},
	{"/secretmem", "criu cannot dump memory of memfd_secret(2): end what uses it"},
	{"Can't make FS id", "criu cannot dump processes that share their working directory (CLONE_FS): end one of them"},
	{"ctty inheritance detected", "a process has /dev/tty open, and another process of the tree the other end of that terminal: " +
		"criu cannot dump both, close one of them"},
	{"userfaultfd", "criu cannot dump userfaultfd: end what uses it"},
	{"MADV_GUARD_INSTALL", "criu and the kernel do not agree about guard pages (MADV_GUARD_INSTALL): install a newer criu"},
	{"Tracking memory is not available", "the kernel lacks CONFIG_MEM_SOFT_DIRTY: do without pre-dumps and track_mem"},
	{"is autodetected external mount", "name the mount in external, or set auto_ext_mnt"},
	{"enable-external-masters", "set ext_masters"},
	{"iptables-restore returned", "choose the network lock method nftables, or install iptables and its kernel modules"},
	{"has bad size", "a file has another size than at the dump: bring it back as it was"},
	{"has bad mode", "a file has other permissions than at the dump: bring it back as it was, or set skip_file_rwx_check"},
	{"has bad build-ID", "a program or library is another one than at the dump: bring it back as it was"},
	{"Unexpected rt vDSO area bounds", "this criu is too old for the kernel: install a newer one"},
	{"Kernel reports more capabilities", "install a newer criu"},
	{"uprobes vma", "set the option allow-uprobes"},
	{"Unable to freeze cgroup", "processes of the cgroup cannot be frozen: raise timeout, or freeze the cgroup before"},
}

// notFound is what criu logs if it misses a program.
var notFound = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`execvp\("([^"]+)", .*No such file or directory`)
})

var errnoAdvices = map[syscall.Errno]string{
	syscall.EEXIST:  "a process, or something else of the images, exists already: is the pid in use?",
	syscall.EBADRQC: "this criu does not know the request: install a newer one",
}

// advise tells what to do about an error, "" if nothing is known.
func advise(errno syscall.Errno, log []string) string {
	for _, a := range advices {
		for _, line := range log {
			if strings.Contains(line, a.text) {
				return a.advice
			}
		}
	}
	for _, line := range log {
		if m := notFound().FindStringSubmatch(line); m != nil {
			return "install " + m[1] + ", or put it in criu's PATH"
		}
	}
	return errnoAdvices[errno]
}
