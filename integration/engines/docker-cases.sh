# Cases of docker.sh.

case_run_output() {
	got out once busybox sh -c 'echo out; echo err >&2'
	has '^err$' once busybox sh -c 'echo err >&2'
}

case_run_status() {
	ends 0 '' once busybox true
	ends 3 '' once busybox sh -c 'exit 3'
	ends 126 'permission denied' once busybox /etc/passwd
	ends 127 'not found|no such file' once busybox nowhere
	ends 127 'not found|no such file' once busybox /nowhere
	ends 125 'No such image|not found|Unable to find' once --pull never nowhere true
}

case_run_stdin() {
	got 'got a line' once -i busybox sh -c 'read x; echo got $x' <<<'a line'
}

case_run_terminal() {
	got "$(printf '/dev/pts/0\n33 99')" at_terminal "$(type -P bash)" -c 'once -it busybox sh -c "sleep 1; tty; stty size"'
}

case_logs_attach() {
	up one -i busybox sh -c 'echo out; read x; echo got $x; sleep 1' # docker loses what comes just before the end
	soon eval 'd logs one | grep out'
	has 'got a line' d attach one <<<'a line'
	has 'got a line' d logs one
}

case_exec() {
	up one -e A=of-run busybox sleep 100
	got of-run d exec one sh -c 'echo $A'
	got "$(printf '1\n/tmp\nof-exec')" d exec -u 1 -w /tmp -e A=of-exec one sh -c 'id -u; pwd; echo $A'
	ends 4 '' d exec one sh -c 'exit 4'
	got 'a line' d exec -i one cat <<<'a line'
	ends 126 'permission denied' d exec one /etc/passwd
	ends 126 'not found|no such file' d exec one nowhere
	has 'CapEff:.000000[13]f[0-9a-f]*$' d exec --privileged one grep CapEff /proc/self/status
	d exec -d one touch /tmp/mark
	soon d exec one test -e /tmp/mark
}

case_exec_terminal() {
	up one busybox sleep 100
	got "$(printf '/dev/pts/0\n33 99')" at_terminal "$(type -P bash)" -c 'd exec -it one sh -c "sleep 1; tty; stty size"'
}

case_stop_kill() {
	up one busybox sh -c 'trap "exit 7" TERM; touch /tmp/ready; while :; do sleep 0.1; done'
	soon d exec one test -e /tmp/ready
	d stop -t 9 one
	got 7 inspect one '{{.State.ExitCode}}'
	up two busybox sleep 100
	d kill two
	got 137 d wait two
}

case_restart() {
	up one busybox sh -c 'echo start >>/log; sleep 100'
	soon d exec one test -s /log
	d restart -t 0 one
	soon eval '[ "$(d exec one grep -c start /log)" = 2 ]'
	up two --restart on-failure:2 busybox sh -c 'exit 1'
	soon eval '[ "$(inspect two "{{.RestartCount}} {{.State.Status}}")" = "2 exited" ]'
}

case_pause_update() {
	up one --memory 64m --pids-limit 50 busybox sleep 100
	d pause one
	got paused inspect one '{{.State.Status}}'
	d unpause one
	d update --memory 32m --memory-swap 32m --cpus 0.25 one
	got 33554432 d exec one sh -c "$(in_cgroup memory memory.limit_in_bytes memory.max)"
	has '^(25000|25000 100000)$' d exec one sh -c "$(in_cgroup cpu cpu.cfs_quota_us cpu.max)"
	got 50 d exec one sh -c "$(in_cgroup pids pids.max pids.max)"
}

case_stats_top() {
	up one --memory 64m busybox sleep 100
	has 'one .*/ 64MiB' d stats --no-stream --format '{{.Name}} {{.MemUsage}}' one
	has 'sleep 100' d top one
}

case_oom() {
	up one --memory 16m --memory-swap 16m busybox sh -c 'tail /dev/zero; sleep 1; exit 5'
	got 5 d wait one
	got true inspect one '{{.State.OOMKilled}}'
}

case_health() {
	up one --health-cmd 'test -e /tmp/well' --health-interval 1s --health-retries 1 busybox sleep 100
	soon eval '[ "$(inspect one "{{.State.Health.Status}}")" = unhealthy ]'
	d exec one touch /tmp/well
	soon eval '[ "$(inspect one "{{.State.Health.Status}}")" = healthy ]'
}

case_init() {
	command -v docker-init >/dev/null || skip 'docker-init (tini) is not installed'
	has 'init' once --init busybox cat /proc/1/cmdline
}

case_settings() {
	got '5:6' once --user 5:6 busybox sh -c 'echo $(id -u):$(id -g)'
	got box once --hostname box busybox hostname
	got /new/dir once --workdir /new/dir busybox pwd
	ends 1 'Read-only file system' once --read-only busybox touch /file
	has 'CapEff:.0000000000000400' once --cap-drop all --cap-add net_bind_service busybox grep CapEff /proc/self/status
	has 'NoNewPrivs:.1' once --security-opt no-new-privileges busybox grep NoNewPrivs /proc/self/status
	has 'Seccomp:.2' once busybox grep Seccomp: /proc/self/status
	has 'Seccomp:.0' once --security-opt seccomp=unconfined busybox grep Seccomp: /proc/self/status
	got 100 once --ulimit nofile=100:200 busybox sh -c 'ulimit -n'
	got 12345 once --sysctl kernel.msgmax=12345 busybox cat /proc/sys/kernel/msgmax
	once --privileged busybox mount -t tmpfs x /mnt
	has dockerd once --pid host busybox ps
	[ "$(once --ipc host busybox readlink /proc/self/ns/ipc)" = "$(readlink /proc/self/ns/ipc)" ]
	has 'size=2048k' once --shm-size 2m busybox grep /dev/shm /proc/self/mounts
}

case_volumes() {
	mkdir -p "$work/vol"
	echo shared >"$work/vol/file"
	got shared once -v "$work/vol:/vol:ro" busybox cat /vol/file
	ends 1 'Read-only file system' once -v "$work/vol:/vol:ro" busybox touch /vol/new
	has 'size=1024k' once --tmpfs /scratch:size=1m busybox grep ' /scratch ' /proc/self/mounts
	once -v data:/data busybox sh -c 'echo kept >/data/kept'
	got kept once -v data:/data busybox cat /data/kept
	d volume rm data
}

case_network() {
	[ "$(d run --rm --network host busybox readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" ]
	up one busybox sleep 100
	[ "$(d run --rm --network container:one busybox readlink /proc/self/ns/net)" = "$(d exec one readlink /proc/self/ns/net)" ]
	d network create -d bridge --subnet 10.98.75.0/24 -o com.docker.network.bridge.name=engines0 br
	d run -d --name two --network br --ip 10.98.75.5 busybox sh -c 'mkdir /www; echo served >/www/index.html; httpd -f -h /www'
	got served d run --rm --network br busybox sh -c 'until wget -qO- http://10.98.75.5/; do sleep 0.1; done 2>/dev/null'
	d rm -f two
	d network rm br
}

case_copy_commit() {
	up one busybox sleep 100
	echo there >"$work/there"
	d cp "$work/there" one:/tmp/there
	got there d exec one cat /tmp/there
	d commit one kept
	got there once kept cat /tmp/there
	d rmi kept
}

case_build() {
	mkdir -p "$work/build"
	printf 'FROM busybox\nRUN echo built >/built && id -u >>/built\nUSER 1\nWORKDIR /tmp/work\nCMD cat /built; id -u; pwd\n' >"$work/build/Dockerfile"
	DOCKER_BUILDKIT=0 d build -q --network none -t built "$work/build"
	got "$(printf 'built\n0\n1\n/tmp/work')" once built
	d rmi built
}

case_checkpoint() {
	command -v criu >/dev/null || skip 'criu is not installed (LIBCONTAINER_CRIU names one)'
	up one --security-opt seccomp=unconfined busybox sh -c 'n=0; while :; do echo $n >/n; n=$((n + 1)); sleep 0.1; done'
	soon eval '[ "$(d exec one cat /n)" -gt 3 ]'
	d checkpoint create one first
	soon eval '[ "$(inspect one "{{.State.Status}}")" = exited ]'
	d start --checkpoint first one
	[ "$(d exec one cat /n)" -ge 3 ]
}
