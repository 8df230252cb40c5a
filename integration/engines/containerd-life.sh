# Cases of containerd.sh.

case_run_output() {
	got out run a -- sh -c 'echo out; echo err >&2'
	has '^err$' run a -- sh -c 'echo err >&2'
}

case_run_status() {
	ends 0 '' run a -- true
	ends 3 '' run a -- sh -c 'exit 3'
}

case_run_stdin() {
	got 'got a line' run a -- sh -c 'read x; echo got $x' <<<'a line'
}

case_not_found() {
	ends 1 'executable file not found|no such file' run a -- nowhere
	ends 1 'permission denied' run a -- /etc/passwd
}

case_run_terminal() {
	got "$(printf '/dev/pts/0\n33 99')" at_terminal "$(type -P bash)" -c 'run a -t -- sh -c "sleep 1; tty; stty size"'
}

case_detached() {
	up a -- sleep 100
	is a RUNNING
	has 'sleep' sh -c 'ps -o args= -p $(ctr task ps a | awk "NR == 2 { print \$1 }")'
	c task kill a
	c task kill -s KILL a
	soon is a STOPPED
	removed a 137
}

case_kill_signals() {
	up a -- sh -c 'trap "exit 9" HUP; trap "touch /tmp/usr1" USR1; touch /tmp/ready; while :; do sleep 0.1; done'
	soon in_container a test -e /tmp/ready
	c task kill -s USR1 a
	soon in_container a test -e /tmp/usr1
	c task kill -s HUP a
	soon is a STOPPED
	removed a 9
}

case_kill_all() {
	up a --with-ns pid:/proc/self/ns/pid -- sh -c 'sleep 4321 & sleep 4321'
	c task kill -a -s KILL a
	soon is a STOPPED
	c task rm a || [ "$?" = 137 ]
	ends 1 '' pgrep -f '^sleep 4321'
}

case_exec() {
	up a --env A=of-run -- sleep 100
	got of-run in_container a sh -c 'echo $A; sleep 0.1'
	got "$(printf '1\n/tmp')" in_container --user 1 --cwd /tmp a sh -c 'id -u; pwd; sleep 0.1'
	ends 4 '' in_container a sh -c 'exit 4'
	got 'a line' in_container a cat <<<'a line'
	ends 1 'not found|no such file' in_container a nowhere
}

case_exec_terminal() {
	up a -- sleep 100
	got "$(printf '/dev/pts/0\n33 99')" at_terminal "$(type -P bash)" -c 'in_container -t a sh -c "sleep 1; tty; stty size"'
}

case_exec_thirty() {
	local n
	up a -- sleep 1000
	for n in $(seq 30); do
		[ "$(in_container a sh -c "echo $n; sleep 0.1")" = "$n" ] || return # ctr loses what comes just before the end
	done
}

case_pause() {
	up a -- sh -c 'while :; do date +%s.%N >/tmp/now; done'
	c task pause a
	is a PAUSED
	c task resume a
	is a RUNNING
	in_container a true
}

case_metrics() {
	up a --memory-limit 67108864 -- sleep 100
	has 'memory' c task metrics a
	has '67108864' c task metrics --format json a
}

case_remove_running() {
	up a -- sleep 100
	c task rm -f a || [ "$?" = 137 ]
	ends 1 'not found' c task kill a
}

case_create_start() {
	c container create "$image" a cat /proc/1/comm
	got cat c task start a
}

case_oom() {
	c events >"$work/events" &
	local events=$!
	up a --memory-limit 16777216 -- sh -c 'sleep 1; tail /dev/zero; exit 5'
	soon is a STOPPED
	removed a 5
	kill "$events"
	has '/tasks/oom' cat "$work/events"
}

case_events() {
	c events >"$work/events" &
	local events=$! topic
	run a -- true
	for topic in create start exit delete; do
		soon grep "/tasks/$topic" "$work/events"
	done
	kill "$events"
}

case_pid_file() {
	up a --pid-file "$work/pid" -- sleep 100
	has sleep cat "/proc/$(cat "$work/pid")/cmdline"
}

case_settings() {
	got /var/tmp run a --cwd /var/tmp -- pwd
	got /new/dir run a --cwd /new/dir -- pwd
	got 'a b' run a --env 'A=a b' -- sh -c 'echo "$A"'
	ends 1 'Read-only file system' run a --read-only -- touch /file
	has 'CapEff:.00000000a80425f[ab]' run a -- grep CapEff /proc/self/status
	has 'CapEff:.00000000a80425f[ab]' run a --cap-drop CAP_SYS_ADMIN -- grep CapEff /proc/self/status
	has 'NoNewPrivs:.1' run a -- grep NoNewPrivs /proc/self/status
	has 'NoNewPrivs:.0' run a --allow-new-privs -- grep NoNewPrivs /proc/self/status
	has 'Seccomp:.2' run a --seccomp -- grep Seccomp: /proc/self/status
	got "$(grep CapEff /proc/self/status)" run a --privileged -- grep CapEff /proc/self/status
}

case_mounts() {
	mkdir -p "$work/vol"
	echo shared >"$work/vol/file"
	got shared run a --mount "type=bind,src=$work/vol,dst=/vol,options=rbind:ro" -- cat /vol/file
	ends 1 'Read-only file system' run a --mount "type=bind,src=$work/vol,dst=/vol,options=rbind:ro" -- touch /vol/new
	run a --mount "type=bind,src=$work/vol,dst=/vol,options=rbind:rw" -- touch /vol/new
	[ -e "$work/vol/new" ]
	has 'size=1024k' run a --mount type=tmpfs,src=tmpfs,dst=/scratch,options=size=1m -- grep ' /scratch ' /proc/self/mounts
}

case_devices() {
	[ -c /dev/fuse ] || skip '/dev/fuse is not there'
	run a --device /dev/fuse -- sh -c ': </dev/fuse'
	ends 1 '' run a -- test -e /dev/fuse
}

case_network() {
	[ "$(run a --net-host -- readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" ]
	[ "$(run a -- readlink /proc/self/ns/net)" != "$(readlink /proc/self/ns/net)" ]
	[ "$(run a --with-ns network:/proc/self/ns/net -- readlink /proc/self/ns/net)" != "" ]
}

# limit CONTROLLER FILE V2FILE reads a file of the cgroup of container a.
limit() {
	cat "/sys/fs/cgroup/$1$cgroup/a/$2" 2>/dev/null || cat "/sys/fs/cgroup$cgroup/a/$3"
}

case_limits() {
	up a --memory-limit 67108864 --cpu-quota 50000 --cpu-period 100000 --cpu-shares 512 -- sleep 100
	got 67108864 limit memory memory.limit_in_bytes memory.max
	has '^(50000|50000 100000)$' limit cpu cpu.cfs_quota_us cpu.max
	has '^(512|20)$' limit cpu cpu.shares cpu.weight
}

case_userns() {
	has '^ +0 +100000 +5000$' run a --remap-labels=false --uidmap 0:100000:5000 --gidmap 0:100000:5000 -- cat /proc/self/uid_map
}

case_rootfs() {
	got hello c run --rm --runc-binary "$runtime" --cgroup "$cgroup/a" --rootfs "$work/rootfs" a /bin/echo hello
}

case_checkpoint() {
	local n
	command -v criu >/dev/null || skip 'criu is not installed (LIBCONTAINER_CRIU names one)'
	up a -- sh -c 'n=0; while :; do echo $n >/tmp/n; n=$((n + 1)); sleep 0.1; done'
	soon eval '[ "$(in_container a cat /tmp/n)" -gt 3 ]'
	c container checkpoint --rw --task --image a localhost/checkpoint:1
	c task rm -f a || [ "$?" = 137 ]
	c container rm a
	c container restore --rw --live a localhost/checkpoint:1
	n=$(in_container a cat /tmp/n)
	[ "$n" -ge 3 ]
	c image rm localhost/checkpoint:1
}
