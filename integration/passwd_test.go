//world:any

package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// withUsers gives a configuration whose passwd and group files have more lines.
func withUsers(t *testing.T, passwd, group string) *configs.Config {
	t.Helper()
	config := newConfig(t)
	appendFile(t, filepath.Join(config.Rootfs, "etc/passwd"), passwd)
	appendFile(t, filepath.Join(config.Rootfs, "etc/group"), group)
	return config
}

const badUser = "bob"

// A line that gives no id gives no root: it is quoted to whoever asks for it, and is
// nothing to all others.
func TestLinesWithoutAnID(t *testing.T) {
	for _, id := range []string{" 12", "12 ", "1OOO", "", "-1", "+5", "4294967295", "4294967296", "99999999999999999999", "0x10", "1e3", "1:x"} {
		for where, lines := range map[string]struct{ passwd, group, user string }{
			"user":         {badUser + ":x:" + id + ":7::/:/bin/sh\n", "", badUser},
			"user's group": {badUser + ":x:7:" + id + "::/:/bin/sh\n", "", badUser},
			"group":        {"", badUser + ":x:" + id + ":\n", "daemon:" + badUser},
		} {
			if id == "1:x" && where != "user's group" {
				continue // a line with one field more is as good as any
			}
			t.Run(fmt.Sprintf("%s %q", where, id), func(t *testing.T) {
				config := withUsers(t, lines.passwd, lines.group)
				if id == "1:x" { // the group field is "1", and all is well
					p, out := shell("id -u; id -g")
					p.User = badUser
					wantOutput(t, runProcess(t, config, p, out), "7\n1")
					return
				}
				p, _ := command("true")
				p.User = lines.user
				startFails(t, config, p, libcontainer.ConfigInvalid, strings.TrimSpace(lines.passwd+lines.group))
				q, out := shell("id -u")
				q.User = "daemon"
				wantOutput(t, runProcess(t, config, q, out), "1")
			})
		}
	}
}

// Ids up to 2^32-2 are ids, in files and as numbers.
func TestLargestIDs(t *testing.T) {
	const largest = "4294967294"
	config := withUsers(t, "big:x:"+largest+":"+largest+"::/:/bin/sh\n", "big:x:"+largest+":\nlast:x:4294967293:big\n")
	for user, want := range map[string]string{
		"big":                     strings.Repeat(largest+" ", 2) + "4294967293",
		largest:                   strings.Repeat(largest+" ", 2) + "4294967293",
		largest + ":" + largest:   largest + " " + largest + " ",
		"daemon:last":             "1 4294967293 ",
		"2147483648:2147483649":   "2147483648 2147483649 ",
		largest + ":4294967293":   largest + " 4294967293 ",
		"5000:" + largest:         "5000 " + largest + " ",
		"daemon:" + largest + " ": "",
	} {
		t.Run("user "+user, func(t *testing.T) {
			p, out := command("cat", "/proc/self/status")
			p.User = user
			if want == "" {
				startFails(t, config, p, libcontainer.ConfigInvalid, user)
				return
			}
			s := status(runProcess(t, config, p, out))
			uid, _, _ := strings.Cut(s["Uid"], " ")
			gid, _, _ := strings.Cut(s["Gid"], " ")
			if got := uid + " " + gid + " "; got != want[:strings.LastIndexByte(want, ' ')+1] {
				t.Errorf("ids %q, want %q", got, want)
			}
			if extra := want[strings.LastIndexByte(want, ' ')+1:]; extra != "" && !strings.Contains(s["Groups"], extra) {
				t.Errorf("groups %q, want %s among them", s["Groups"], extra)
			}
		})
	}
	for _, user := range []string{"4294967295", "0:4294967295", "4294967296", "-1", "0:-1"} {
		t.Run("bad "+user, func(t *testing.T) {
			p, _ := command("true")
			p.User = user
			startFails(t, config, p, libcontainer.ConfigInvalid, user)
		})
	}
}

// Names that look like numbers are not looked up, though they would make somebody root.
func TestNumbersAreNoNames(t *testing.T) {
	config := withUsers(t, "1000:x:0:0:root by a number:/root:/bin/sh\n2000:x:0:2000::/:/bin/sh\n", "1000:x:0:\n2000:x:0:\n")
	for user, want := range map[string]string{"1000": "1000 0", "1000:1000": "1000 1000", "2000:2000": "2000 2000", "0:1000": "0 1000"} {
		t.Run(user, func(t *testing.T) {
			bothKinds(t, config, func() (*libcontainer.Process, *output) {
				p, out := shell("echo $(id -u) $(id -g); id -G")
				p.User, p.AdditionalGroups = user, []string{"2000"}
				return p, out
			}, func(t *testing.T, out string) {
				ids, groups, _ := strings.Cut(out, "\n")
				wantOutput(t, ids, want)
				if !strings.Contains(" "+groups+" ", " 2000 ") {
					t.Errorf("groups %q", groups)
				}
			})
		})
	}
}

// A group of thousands has a line that is longer than many a buffer.
func TestLongLines(t *testing.T) {
	var members []string
	for i := range 20000 {
		members = append(members, "user-of-a-long-name-"+itoa(i))
	}
	long := "crowd:x:900:" + strings.Join(members, ",")
	config := withUsers(t, "last:x:3000:3001:"+strings.Repeat("y", 100000)+":/home:/bin/sh\n", long+",daemon\nafter:x:901:daemon\n")
	p, out := shell("id -G")
	p.User = "daemon"
	wantOutput(t, runProcess(t, config, p, out), "1 900 901")
	p, out = shell("echo $(id -u) $HOME")
	p.User = "last"
	wantOutput(t, runProcess(t, config, p, out), "3000 /home")
}

// A home that is empty is none.
func TestEmptyHome(t *testing.T) {
	config := withUsers(t, "homeless:x:3000:3000:::/bin/sh\n", "")
	bothKinds(t, config, func() (*libcontainer.Process, *output) {
		p, out := command("env")
		p.User, p.Env = "homeless", nil
		return p, out
	}, func(t *testing.T, out string) { wantOutput(t, out, "HOME=/") })
}

// What is no regular file of the image is not read: a file of procfs could hold up its
// reader, one of hundreds of megabytes fill the host.
func TestPasswdThatIsNoUserFile(t *testing.T) {
	for _, name := range []string{"passwd", "group"} {
		for kind, prepare := range map[string]func(t *testing.T, file string, config *configs.Config){
			"procfs": func(t *testing.T, file string, _ *configs.Config) { link(t, "/proc/version", file) },
			"sysfs":  func(t *testing.T, file string, _ *configs.Config) { link(t, "/sys/kernel/notes", file) },
			"of a process": func(t *testing.T, file string, _ *configs.Config) {
				link(t, "/proc/self/status", file)
			},
			"bound from procfs": func(t *testing.T, file string, config *configs.Config) {
				addMount(config, bindOn("/proc/version", "/etc/"+filepath.Base(file), 0))
			},
			"300 MB": func(t *testing.T, file string, _ *configs.Config) {
				write(t, "", file)
				if err := os.Truncate(file, 300<<20); err != nil {
					t.Fatal(err)
				}
			},
			"fifo":   func(t *testing.T, file string, _ *configs.Config) { mknod(t, unix.S_IFIFO|0o666, 0, file) },
			"socket": func(t *testing.T, file string, _ *configs.Config) { mknod(t, unix.S_IFSOCK|0o666, 0, file) },
		} {
			t.Run(name+" "+kind, func(t *testing.T) {
				config := newConfig(t)
				prepare(t, filepath.Join(config.Rootfs, "etc", name), config)
				p, _ := command("true")
				p.User = "daemon:tty"
				container := newContainer(t, config)
				if err := container.Start(p); err == nil {
					_, _ = p.Wait()
					t.Error("start succeeded")
				} else if !strings.Contains(err.Error(), "/etc/"+name) {
					t.Errorf("error %q does not name the file", err)
				}
			})
		}
	}
}

// Another container on the same volume exchanges the file for a fifo while processes
// start: each of them starts, or says what is wrong, and none hangs.
func TestPasswdRace(t *testing.T) {
	config := newConfig(t)
	file, fifo := filepath.Join(config.Rootfs, "etc/passwd"), filepath.Join(config.Rootfs, "etc/fifo")
	mknod(t, unix.S_IFIFO|0o666, 0, fifo)
	container := newContainer(t, config)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	exchanged := make(chan error, 1)
	go func() { exchanged <- exchange(ctx, file, fifo) }()
	for i := range lives(t, 60) {
		p, out := command("cat", "/proc/self/status") // which looks nobody up itself
		p.User = "daemon"
		bounded, cancel := context.WithTimeout(t.Context(), time.Minute)
		err := linux(container).StartContext(bounded, p)
		cancel()
		if err != nil {
			if !strings.Contains(err.Error(), "/etc/passwd") {
				t.Errorf("start %d: %v", i, err)
			}
			continue
		}
		if _, err := p.Wait(); err != nil || status(out.stdout.String())["Uid"] != "1 1 1 1" {
			t.Errorf("run %d: user %q, error %v", i, status(out.stdout.String())["Uid"], err)
		}
	}
	stop()
	if err := <-exchanged; err != nil {
		t.Error(err)
	}
}
