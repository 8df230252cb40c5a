//world:any

package integration

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
	"github.com/libcontainer/libcontainer/seccomp"
)

// withCalls gives a configuration whose root file system has the programs of
// testdata/calls in /bin.
func withCalls(t *testing.T, profile *configs.Seccomp) *configs.Config {
	t.Helper()
	config := newConfig(t)
	for _, name := range []string{"calls", "bare", "threads"} {
		if err := os.Link(buildProgram(t, name), filepath.Join(config.Rootfs, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	config.NoNewPrivileges = true
	config.Seccomp = profile
	return config
}

func calls(args string) (*libcontainer.Process, *output) {
	return command(append([]string{"/bin/calls"}, strings.Fields(args)...)...)
}

// ppid is a call that looks at no argument, so that rules can.
var ppid = fmt.Sprint(unix.SYS_GETPPID)

func rule(name string, action configs.Action, args ...*configs.Arg) *configs.Syscall {
	return &configs.Syscall{Name: name, Action: action, Args: args}
}

// allowBut lets all through but what the rules say.
func allowBut(rules ...*configs.Syscall) *configs.Seccomp {
	return &configs.Seccomp{DefaultAction: configs.Allow, Syscalls: rules}
}

// only lets the named calls through.
func only(action configs.Action, names ...string) *configs.Seccomp {
	profile := &configs.Seccomp{DefaultAction: action}
	for _, name := range names {
		profile.Syscalls = append(profile.Syscalls, rule(name, configs.Allow))
	}
	return profile
}

func waitStatus(t *testing.T, p *libcontainer.Process) syscall.WaitStatus {
	t.Helper()
	state, err := p.Wait()
	if state == nil {
		t.Fatal(err)
	}
	return state.Sys().(syscall.WaitStatus)
}

func TestSeccompActions(t *testing.T) {
	zero, notTTY := uint(0), uint(unix.ENOTTY)
	for _, tt := range []struct {
		action configs.Action
		ret    *uint
		how    string
		want   string
		signal syscall.Signal
	}{
		{configs.Errno, nil, "call", "-1 1\n", 0},
		{configs.Errno, &notTTY, "call", "-1 25\n", 0},
		{configs.Errno, &zero, "call", "0 0\n", 0},
		{configs.Allow, nil, "call", "0 0\n", 0},
		{configs.Log, nil, "call", "0 0\n", 0},
		{configs.Trace, nil, "call", "-1 38\n", 0},
		{configs.Trap, nil, "trap", "trapped " + ppid + "\n", 0},
		{configs.Trap, nil, "call", "", unix.SIGSYS},
		{configs.Kill, nil, "call", "", unix.SIGSYS},
		{configs.Kill, nil, "thread", "goes on\n", 0},
		{configs.KillThread, nil, "thread", "goes on\n", 0},
		{configs.KillProcess, nil, "call", "", unix.SIGSYS},
		{configs.KillProcess, nil, "thread", "", unix.SIGSYS},
	} {
		t.Run(fmt.Sprint(tt.action, tt.how), func(t *testing.T) {
			r := rule("getppid", tt.action)
			r.ErrnoRet = tt.ret
			container := newContainer(t, withCalls(t, allowBut(r)))
			p, out := calls(tt.how + " " + ppid)
			if err := container.Start(p); err != nil {
				t.Fatal(err)
			}
			status := waitStatus(t, p)
			if tt.signal != 0 && (!status.Signaled() || status.Signal() != tt.signal) || tt.signal == 0 && status != 0 {
				t.Errorf("status %#x", status)
			}
			if got := out.stdout.String(); got != tt.want {
				t.Errorf("output %q, want %q", got, tt.want)
			}
		})
	}
}

// TestSeccompConditions runs in one container what the conditions let through, and
// what not.
func TestSeccompConditions(t *testing.T) {
	arg := func(index uint, op configs.Operator, values ...uint64) *configs.Arg {
		a := &configs.Arg{Index: index, Op: op, Value: values[0]}
		if len(values) > 1 {
			a.ValueTwo = values[1]
		}
		return a
	}
	type args []*configs.Arg
	const big = 1<<32 + 5
	for name, tt := range map[string]struct {
		args    args
		yes, no []string
	}{
		"equal":          {args{arg(0, configs.EqualTo, big)}, []string{"0x100000005"}, []string{"5", "0x100000000", "0x200000005"}},
		"not equal":      {args{arg(0, configs.NotEqualTo, big)}, []string{"5", "0x100000000", "0x200000005"}, []string{"0x100000005"}},
		"greater":        {args{arg(0, configs.GreaterThan, big)}, []string{"0x100000006", "0x200000000", "-1"}, []string{"0x100000005", "6", "0"}},
		"greater, equal": {args{arg(0, configs.GreaterThanOrEqualTo, big)}, []string{"0x100000005", "0x200000000"}, []string{"0x100000004", "6"}},
		"less":           {args{arg(0, configs.LessThan, big)}, []string{"0x100000004", "0xffffffff"}, []string{"0x100000005", "0x200000000"}},
		"less, equal":    {args{arg(0, configs.LessThanOrEqualTo, big)}, []string{"0x100000005", "6"}, []string{"0x100000006", "-1"}},
		"masked":         {args{arg(0, configs.MaskEqualTo, 0x1_0000_00f0, 0x1_0000_0050)}, []string{"0x100000050", "0x30000005f"}, []string{"0x50", "0x100000040"}},
		"last argument":  {args{arg(5, configs.EqualTo, 3)}, []string{"0 0 0 0 0 3"}, []string{"3 3 3 3 3 0"}},
		"two arguments":  {args{arg(0, configs.EqualTo, 1), arg(1, configs.EqualTo, 2)}, []string{"1 2"}, []string{"1 1", "2 2"}},
		"outside of a range": {
			args{arg(0, configs.LessThan, 10), arg(0, configs.GreaterThan, 20)},
			[]string{"9", "21", "0x10000000f"}, []string{"10", "15", "20"},
		},
		"several values": {args{arg(2, configs.EqualTo, 1), arg(2, configs.EqualTo, big)}, []string{"0 0 1", "0 0 0x100000005"}, []string{"1 1 0", "0 0 5"}},
		"several of two": {
			args{arg(0, configs.EqualTo, 1), arg(1, configs.MaskEqualTo, 1, 0), arg(0, configs.EqualTo, 2), arg(1, configs.GreaterThan, big)},
			[]string{"1 6", "2 4", "2 0x100000007"}, []string{"1 7", "3 4", "0x100000001 6"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var script []string
			want := ""
			for _, list := range []struct {
				calls []string
				want  string
			}{{tt.yes, "-1 25\n"}, {tt.no, "0 0\n"}} {
				for _, c := range list.calls {
					script = append(script, "call "+ppid+" "+c)
					want += list.want
				}
			}
			r, notTTY := rule("getppid", configs.Errno, tt.args...), uint(unix.ENOTTY)
			r.ErrnoRet = &notTTY
			p, out := calls(strings.Join(script, " -- "))
			if got := runProcess(t, withCalls(t, allowBut(r)), p, out); got+"\n" != want {
				t.Errorf("%s: %q, want %q", script, got, want)
			}
		})
	}
}

func TestSeccompUnknownCalls(t *testing.T) {
	ret := uint(unix.EACCES)
	profile := seccomp.Default()
	profile.DefaultErrnoRet = &ret
	p, out := calls(fmt.Sprintf("call 1000 -- call %d -- call %d", unix.SYS_MOUNT, unix.SYS_CLONE3))
	if got := runProcess(t, withCalls(t, profile), p, out); got != "-1 38\n-1 13\n-1 38" {
		t.Errorf("an unknown call, mount, clone3: %q", got)
	}
}

func TestSeccompForeignArchitecture(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("only x86-64 can call through the entry of another architecture")
	}
	const getpid32 = "compat 20"
	for name, tt := range map[string]struct {
		architectures []string
		call, want    string
	}{
		"not listed":     {nil, getpid32, ""},
		"listed":         {[]string{"SCMP_ARCH_X86"}, getpid32, "1\n"},
		"x32 not listed": {[]string{"x86"}, "call 0x40000027", ""},
		"x32 listed":     {[]string{"x32"}, "call 0x4000006e", "-1 1\n"},
	} {
		t.Run(name, func(t *testing.T) {
			profile := allowBut(rule("getppid", configs.Errno))
			profile.Architectures = tt.architectures
			container := newContainer(t, withCalls(t, profile))
			p, out := calls(tt.call)
			if err := container.Start(p); err != nil {
				t.Fatal(err)
			}
			status := waitStatus(t, p)
			if killed := status.Signaled() && status.Signal() == unix.SIGSYS; killed != (tt.want == "") {
				t.Errorf("status %#x", status)
			}
			if got := out.stdout.String(); got != tt.want {
				t.Errorf("output %q, want %q", got, tt.want)
			}
		})
	}
}

// TestSeccompLetsLittleThrough: nothing that the library does needs to be allowed but
// execve, also where it gives up privileges after the filter needed them.
func TestSeccompLetsLittleThrough(t *testing.T) {
	for _, action := range []configs.Action{configs.KillProcess, configs.Errno, configs.Trap, configs.Kill} {
		for name, edit := range map[string]func(*configs.Config, *libcontainer.Process){
			"no new privileges": func(*configs.Config, *libcontainer.Process) {},
			"privileges":        func(c *configs.Config, _ *libcontainer.Process) { c.NoNewPrivileges = false },
			"another user": func(c *configs.Config, p *libcontainer.Process) {
				c.NoNewPrivileges = false
				p.User = "daemon"
			},
			"user namespace": func(c *configs.Config, _ *libcontainer.Process) {
				c.NoNewPrivileges = false
				withUserNS(t, c, 100000)
			},
		} {
			t.Run(fmt.Sprint(action, " ", name), func(t *testing.T) {
				config := withCalls(t, only(action, "execve", "exit_group"))
				p, _ := command("/bin/bare")
				edit(config, p)
				container := newContainer(t, config)
				for range 5 { // init, and joining processes while another init runs
					q := *p
					if err := container.Start(&q); err != nil {
						t.Fatal(err)
					}
					if status := waitStatus(t, &q); status.ExitStatus() != 42 {
						t.Fatalf("status %#x", status)
					}
				}
			})
		}
	}
}

// TestSeccompJoins: further processes get the filter too.
func TestSeccompJoins(t *testing.T) {
	config := withCalls(t, allowBut(rule("getppid", configs.Errno)))
	container := newContainer(t, config)
	startBlocked(t, container)
	p, out := calls("call " + ppid)
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil || out.stdout.String() != "-1 1\n" {
		t.Errorf("output %q, error %v", out.stdout.String(), err)
	}
	p, out = command("grep", "^Seccomp", "/proc/self/status", "/proc/1/status")
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	_, err := p.Wait()
	if got := out.stdout.String(); err != nil || strings.Count(got, "Seccomp:\t2\n") != 2 || strings.Count(got, "Seccomp_filters:\t1\n") != 2 {
		t.Errorf("output %q, error %v", got, err)
	}
	// A program that does not exist leaves the container as it is.
	p, _ = command("/no/such/program")
	err = container.Start(p)
	checkError(t, err, libcontainer.ConfigInvalid, "/no/such/program", "no such file")
	if !errors.Is(err, unix.ENOENT) {
		t.Errorf("error %v is not ENOENT", err)
	}
	wantStatus(t, linux(container), libcontainer.Running)
}

// TestSeccompKeepsState: what execve does without a filter it does with one.
func TestSeccompKeepsState(t *testing.T) {
	sets := &configs.CapabilitySets{
		Bounding:    []string{"CAP_NET_BIND_SERVICE"},
		Effective:   []string{"CAP_NET_BIND_SERVICE"},
		Permitted:   []string{"CAP_NET_BIND_SERVICE"},
		Inheritable: []string{"CAP_NET_BIND_SERVICE"},
		Ambient:     []string{"CAP_NET_BIND_SERVICE"},
	}
	const script = "grep -E '^(Cap|NoNew|Sig[^Q]|Shd|Threads)' /proc/self/status; ulimit -Sn; ls -l /proc/self/fd | wc -l"
	for _, user := range []string{"", "daemon"} {
		for _, noNewPrivileges := range []bool{true, false} {
			for name, sets := range map[string]*configs.CapabilitySets{"flat": nil, "ambient": sets} {
				t.Run(fmt.Sprint(user, noNewPrivileges, name), func(t *testing.T) {
					var got [2]string
					for i, profile := range []*configs.Seccomp{nil, seccomp.Default()} {
						config := newConfig(t)
						config.NoNewPrivileges, config.CapabilitySets, config.Seccomp = noNewPrivileges, sets, profile
						p, out := shell(script)
						p.User = user
						// Each of the two cleans up before the next one.
						t.Run("", func(t *testing.T) { got[i] = runProcess(t, config, p, out) })
					}
					if got[0] != got[1] || !strings.Contains(got[0], "CapPrm") {
						t.Errorf("without and with a filter:\n%s\n%s", got[0], got[1])
					}
				})
			}
		}
	}
}

func TestSeccompForbidsExec(t *testing.T) {
	// The compiler cannot know that path is never NULL.
	always := &configs.Arg{Index: 0, Op: configs.NotEqualTo, Value: 0}
	with := func(r *configs.Syscall, errno uint) *configs.Syscall {
		r.ErrnoRet = &errno
		return r
	}
	for name, tt := range map[string]struct {
		profile *configs.Seccomp
		program string
		want    string
	}{
		"not allowed":     {only(configs.Errno, "read", "write", "exit_group"), "/bin/bare", "must allow execve"},
		"killed":          {only(configs.Kill, "exit_group"), "/bin/bare", "must allow execve"},
		"errno":           {allowBut(with(rule("execve", configs.Errno, always), uint(unix.ENOMSG))), "/bin/bare", "no message of desired type"},
		"success":         {allowBut(with(rule("execve", configs.Errno, always), 0)), "/bin/bare", "return without an error"},
		"kill process":    {allowBut(rule("execve", configs.KillProcess, always)), "/bin/bare", "SIGSYS"},
		"kill thread":     {allowBut(rule("execve", configs.KillThread, always)), "/bin/bare", "SIGSYS"},
		"trap":            {allowBut(rule("execve", configs.Trap, always)), "/bin/bare", "SIGSYS"},
		"trace":           {allowBut(rule("execve", configs.Trace, always)), "/bin/bare", "function not implemented"},
		"no program":      {only(configs.KillProcess, "execve", "exit_group"), "/bin/nothing", "no such file"},
		"bad program":     {only(configs.KillProcess, "execve", "exit_group"), "/bin/bad", "no such file"},
		"no exit, killed": {only(configs.KillProcess, "execve"), "/bin/bad", "SIGSYS"},
		"no exit, thread": {only(configs.Kill, "execve"), "/bin/bad", "SIGSYS"},
		"no exit, errno":  {only(configs.Errno, "execve"), "/bin/bad", "illegal instruction"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, noNewPrivileges := range []bool{true, false} {
				config := withCalls(t, tt.profile)
				config.NoNewPrivileges = noNewPrivileges
				// What is wrong with this one only execve finds out.
				bad := write(t, "#!/no/such/interpreter\n", config.Rootfs, "bin/bad")
				if err := os.Chmod(bad, 0o755); err != nil {
					t.Fatal(err)
				}
				p, _ := command(tt.program)
				code := libcontainer.ConfigInvalid
				want := tt.want
				if name == "no exit, errno" {
					code = libcontainer.SystemError
					if tested.Classic() {
						want = "segmentation fault"
					}
				}
				t.Run(fmt.Sprint(noNewPrivileges), func(t *testing.T) { startFails(t, config, p, code, want) })
			}
		})
	}
}

func TestSeccompFlags(t *testing.T) {
	profile := seccomp.Default()
	profile.Flags = []string{"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC"}
	config := newConfig(t)
	config.Seccomp = profile
	if got := runShell(t, config, "grep Seccomp: /proc/self/status"); got != "Seccomp:\t2" {
		t.Errorf("%q", got)
	}
}

func TestSeccompBadProfiles(t *testing.T) {
	for text, edit := range map[string]func(*configs.Seccomp){
		"vax":             func(s *configs.Seccomp) { s.Architectures = []string{"vax"} },
		"DefaultAction 0": func(s *configs.Seccomp) { s.DefaultAction = 0 },
		"Flags[0]":        func(s *configs.Seccomp) { s.Flags = []string{"SECCOMP_FILTER_FLAG_NEW_LISTENER"} },
		"ListenerPath":    func(s *configs.Seccomp) { s.Syscalls = append(s.Syscalls, rule("mount", configs.Notify)) },
	} {
		t.Run(text, func(t *testing.T) {
			config := newConfig(t)
			config.Seccomp = seccomp.Default()
			edit(config.Seccomp)
			createFails(t, config, text)
		})
	}
}

// TestSeccompDefault runs programs of all kinds below the default profile.
func TestSeccompDefault(t *testing.T) {
	config := withCalls(t, seccomp.Default())
	script := `
		set -e
		threads
		calls thread ` + ppid + ` >/dev/null
		echo a b | tr a-z A-Z | cat
		(sleep 0.01; echo slept) & wait
		mkdir /tmp/d && touch /tmp/d/f && chmod 600 /tmp/d/f && mv /tmp/d/f /tmp/d/g && ls /tmp/d && rm -r /tmp/d
		ping -c 1 -W 1 127.0.0.1 >/dev/null && echo pinged
		for denied in 'mount -t tmpfs t /mnt' 'unshare -U true' 'unshare -n true' 'swapoff -a' 'chroot /x' 'hostname x'; do
			if $denied 2>/dev/null; then echo "$denied: allowed"; fi
		done`
	if got := runShell(t, config, script); got != "done\nA B\nslept\ng\npinged" {
		t.Errorf("%q", got)
	}
}

// TestSeccompDefaultWithCapabilities gives a container capabilities, and the default
// profile the same ones or none.
func TestSeccompDefaultWithCapabilities(t *testing.T) {
	const script = `
		for try in 'chroot / true' 'mount -t tmpfs t /mnt' 'unshare -n true'; do
			if $try 2>/dev/null; then echo "$try"; fi
		done`
	for _, tt := range []struct{ capability, want string }{
		{"CAP_SYS_CHROOT", "chroot / true"},
		{"CAP_SYS_ADMIN", "mount -t tmpfs t /mnt\nunshare -n true"},
	} {
		t.Run(tt.capability, func(t *testing.T) {
			config := newConfig(t)
			config.Capabilities = []string{"CAP_CHOWN", tt.capability}
			config.Seccomp = seccomp.Default(config.Capabilities...)
			if got := runShell(t, config, script); got != tt.want {
				t.Errorf("the profile knows the capability: %q, want %q", got, tt.want)
			}
			config = newConfig(t)
			config.Capabilities = []string{"CAP_CHOWN", tt.capability}
			config.Seccomp = seccomp.Default()
			if got := runShell(t, config, script); got != "" {
				t.Errorf("the profile does not know the capability: %q", got)
			}
		})
	}
}
