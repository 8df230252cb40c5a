# Cases of podman.sh about a container's life.

case_run_output() {
	got hello once busybox echo hello
	got out once busybox sh -c 'echo out; echo err >&2'
	has '^err$' once busybox sh -c 'echo out; echo err >&2'
}

case_run_status() {
	ends 0 '' once busybox true
	ends 3 '' once busybox sh -c 'exit 3'
}

case_run_killed_status() {
	up c busybox sh -c 'sleep 100 & wait'
	pm kill c
	got 137 pm wait c
}

case_run_125() {
	ends 125 'image not known' once --pull never nowhere true
}

case_run_126() {
	ends 126 'permission denied' once busybox /etc/passwd
	ends 126 'permission denied' once busybox /etc
}

case_run_127() {
	ends 127 'attempted to invoke a command that was not found' once busybox /nowhere
	ends 127 'attempted to invoke a command that was not found' once busybox nowhere
}

case_run_stdin() {
	got 'got a line' once -i busybox sh -c 'read x; echo got $x' <<<'a line'
}

case_run_much_output() {
	got 10000000 sh -c 'timeout 60 podman --tmpdir $tmpdir --runtime $called run $parent --rm busybox head -c 10000000 /dev/zero | wc -c'
}

case_detach_logs() {
	up c busybox sh -c 'echo out; echo err >&2'
	got 0 pm wait c
	got out pm logs c 2>/dev/null
	has err pm logs c
}

case_run_terminal() {
	got "$(printf '/dev/pts/0\n33 99')" at_terminal "$(type -P bash)" -c 'run --rm -it busybox sh -c "tty; stty size"'
}

case_terminal_detached() {
	up c -t busybox sh -c 'tty; stty size'
	pm wait c
	has /dev/pts/0 pm logs c
}

case_exec() {
	up c -e A=of-run busybox sleep 100
	got of-run pm exec c sh -c 'echo $A'
	got "$(printf '1\n/tmp\nof-exec')" pm exec -u 1 -w /tmp -e A=of-exec c sh -c 'id -u; pwd; echo $A'
	ends 4 '' pm exec c sh -c 'exit 4'
	got 'a line' pm exec -i c cat <<<'a line'
}

case_exec_failures() {
	up c busybox sleep 100
	ends 126 'permission denied' pm exec c /etc/passwd
	ends 127 'not found' pm exec c nowhere
	pm kill c && pm wait c
	ends 255 'can only create exec sessions on running containers' pm exec c true
}

case_exec_terminal() {
	up c busybox sleep 100
	got "$(printf '/dev/pts/0\n33 99')" at_terminal "$(type -P bash)" -c 'pm exec -it c sh -c "tty; stty size"'
}

case_exec_detached() {
	up c busybox sleep 100
	pm exec -d c sh -c 'echo done >/tmp/mark'
	soon pm exec c grep -q done /tmp/mark
}

case_exec_privileged() {
	up c busybox sleep 100
	has '^CapEff:.*00000000$' pm exec -u 1 c grep CapEff /proc/self/status
	has '^CapEff:.*[1-9a-f]' pm exec --privileged c grep CapEff /proc/self/status
	pm exec --privileged c sh -c 'mount -t tmpfs x /mnt'
}

case_exec_hundred() {
	local n
	up c busybox sleep 1000
	for n in $(seq 100); do
		[ "$(pm exec c echo "$n")" = "$n" ] || return
	done
	got 'PID   USER     COMMAND' pm exec c sh -c 'ps | head -1'
	got 1 sh -c "ps -eo args | grep -c '[s]leep 1000'"
}

case_exec_at_once() {
	local n pids=()
	up c busybox sleep 1000
	for n in $(seq 10); do
		{ [ "$(pm exec c echo "$n")" = "$n" ]; } &
		pids+=($!)
	done
	for n in "${pids[@]}"; do wait "$n"; done
}

case_preserve_fds() {
	got passed once --preserve-fds 1 busybox sh -c 'cat <&3' 3<<<passed
	up c busybox sleep 100
	got passed pm exec --preserve-fds 1 c sh -c 'cat <&3' 3<<<passed
}

case_attach() {
	up c -i busybox sh -c 'read x; echo got $x'
	got 'got a line' pm attach c <<<'a line'
}

case_attach_terminal() {
	up c -it busybox sh -c 'read x; echo got $x $(tty)'
	has 'got a line /dev/pts/0' at_terminal "$(type -P bash)" -c 'echo a line | pm attach --sig-proxy=false c; pm wait c; pm logs c'
}

case_init_start() {
	create --name c busybox echo hello >/dev/null
	pm init c
	got initialized inspect c '{{.State.Status}}'
	got hello pm start -a c
	got hello pm start -a c
}

case_inspect_state() {
	up c busybox sleep 100
	got 'running true false 0' inspect c '{{.State.Status}} {{.State.Running}} {{.State.Paused}} {{.State.ExitCode}}'
	[ -d "/proc/$(inspect c '{{.State.Pid}}')" ]
	got "$called" inspect c '{{.OCIRuntime}}'
	pm kill c && pm wait c
	got 'exited false 137' inspect c '{{.State.Status}} {{.State.Running}} {{.State.ExitCode}}'
}

case_stats() {
	up c --memory 64m busybox sleep 100
	got 'c 1' pm stats --no-stream --format '{{.Name}} {{.PIDS}}' c
	has '/ 67' pm stats --no-stream --format '{{.MemUsage}}' c
}

case_top() {
	up c busybox sleep 100
	has 'root +1 +sleep 100' pm top c user pid args
	has 'sleep 100' pm top c -o pid,args
}

case_pause() {
	up c busybox sleep 100
	pm pause c
	got paused inspect c '{{.State.Status}}'
	ends 255 'can only create exec sessions on running containers' pm exec c true
	pm unpause c
	got running inspect c '{{.State.Status}}'
	pm exec c true
}

case_stop() {
	up c busybox sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done'
	pm stop -t 9 c
	got 7 inspect c '{{.State.ExitCode}}'
	up d busybox sleep 100
	pm stop -t 0 d
	got 137 inspect d '{{.State.ExitCode}}'
}

case_stop_signal() {
	up c --stop-signal USR1 busybox sh -c 'trap "exit 8" USR1; while :; do sleep 0.1; done'
	pm stop -t 9 c
	got 8 inspect c '{{.State.ExitCode}}'
}

case_kill_signals() {
	up c busybox sh -c 'trap "echo usr2" USR2; trap "exit 9" HUP; echo ready; while :; do sleep 0.1; done'
	soon eval 'pm logs c | grep ready'
	pm kill -s USR2 c
	soon eval 'pm logs c | grep usr2'
	pm kill -s 1 c
	got 9 pm wait c
	ends 125 'can only kill running containers' pm kill c
}

# podman passes signals on from a moment after the start.
case_signal_proxy() {
	local client
	podman --tmpdir $tmpdir --runtime "$called" run $parent --name c busybox \
		sh -c 'trap "exit 6" TERM; sleep 1; echo ready; while :; do sleep 0.1; done' &
	client=$!
	soon eval 'pm logs c | grep ready'
	kill -TERM "$client"
	wait "$client" || [ "$?" = 6 ]
	got 6 inspect c '{{.State.ExitCode}}'
}

case_restart() {
	up c busybox sh -c 'echo start >>/log; sleep 100'
	soon pm exec c test -s /log
	pm restart -t 0 c
	soon eval '[ "$(pm exec c grep -c start /log)" = 2 ]'
	pm stop -t 0 c
	pm start c
	soon eval '[ "$(pm exec c grep -c start /log)" = 3 ]'
}

case_restart_policy() {
	up c --restart on-failure:2 busybox sh -c 'echo start; exit 1'
	soon eval '[ "$(pm logs c | grep -c start)" = 3 ]'
	soon eval '[ "$(inspect c "{{.State.Status}}")" = exited ]'
	got 2 inspect c '{{.RestartCount}}'
}

case_remove() {
	up c busybox sleep 100
	ends 2 'cannot remove container' pm rm c
	pm rm -f -t 0 c
	ends 125 'no such container' pm container inspect c
	up c busybox true
	pm wait c
	pm rm c
}

case_remove_paused() {
	up c busybox sleep 100
	pm pause c
	pm rm -f -t 0 c
}

case_health() {
	up c --health-cmd 'test -e /tmp/well' --health-interval disable --health-retries 1 busybox sleep 100
	ends 1 '' pm healthcheck run c
	got unhealthy inspect c '{{.State.Health.Status}}'
	pm exec c touch /tmp/well
	ends 0 '' pm healthcheck run c
	got healthy inspect c '{{.State.Health.Status}}'
}

case_init() {
	[ -x /usr/libexec/podman/catatonit ] || skip 'catatonit is not installed'
	up c --init busybox sh -c 'sleep 1000 & sleep 100'
	has 'init' pm exec c cat /proc/1/cmdline
	got 143 sh -c 'timeout 60 podman --tmpdir $tmpdir stop -t 9 c >/dev/null; timeout 60 podman --tmpdir $tmpdir wait c'
}

case_events() {
	local since
	since=$(date +%s)
	up c busybox true
	pm wait c
	pm rm c
	has 'start' pm events --stream=false --since "$since" --filter container=c --format '{{.Status}}'
	has 'died' pm events --stream=false --since "$since" --filter container=c --format '{{.Status}}'
}

case_oom() {
	up c --memory 16m --memory-swap 16m busybox sh -c 'tail /dev/zero; sleep 1; exit 5'
	got 5 pm wait c
	got true inspect c '{{.State.OOMKilled}}'
}

case_copy() {
	up c busybox sleep 100
	echo there >"$work/there"
	pm cp "$work/there" c:/tmp/there
	got there pm exec c cat /tmp/there
	pm exec c sh -c 'echo back >/tmp/back'
	pm cp c:/tmp/back "$work/back"
	got back cat "$work/back"
	got 'A /tmp/back' sh -c 'timeout 60 podman --tmpdir $tmpdir diff c | grep back'
}

case_commit() {
	up c busybox sh -c 'echo kept >/kept; sleep 100'
	soon pm exec c test -s /kept
	pm commit -q c kept
	got kept once kept cat /kept
	pm rm -f -t 0 c
	pm rmi kept
}

case_build() {
	mkdir -p "$work/build"
	printf 'FROM busybox\nRUN echo built >/built && id -u >>/built\nUSER 1\nWORKDIR /tmp/work\nCMD cat /built; id -u; pwd\n' >"$work/build/Containerfile"
	pm build -q ${parent:+$parent/build} --isolation oci --network none -t built "$work/build"
	got "$(printf 'built\n0\n1\n/tmp/work')" once built
	pm rmi built
}

case_clone_rename() {
	up c busybox sleep 100
	pm rename c d
	got running inspect d '{{.State.Status}}'
	pm exec d true
}
