# Cases of podman.sh about what a container is given.

case_user() {
	got '1:1' once --user daemon busybox sh -c 'echo $(id -u):$(id -g)'
	got '5:6' once --user 5:6 busybox sh -c 'echo $(id -u):$(id -g)'
	has 'groups=.*5.*77' once --user 1 --group-add 77 --group-add tty busybox id
}

case_hostname_env_workdir() {
	got box once --hostname box busybox hostname
	got 'a b' once -e 'A=a b' busybox sh -c 'echo "$A"'
	got /var/tmp once --workdir /var/tmp busybox pwd
	ends 126 'does not exist' once --workdir /new/dir busybox pwd # which podman says by itself
	got /new/dir once --workdir /new/dir -v "$work/rootfs:/new" busybox pwd
	ends 126 'not a directory' once --workdir /etc/passwd busybox pwd
}

case_umask() {
	got 0077 once --umask 0077 busybox sh -c umask
}

case_entrypoint() {
	got 'a b' once --entrypoint '["echo", "a"]' busybox b
}

case_volume() {
	mkdir -p "$work/vol"
	echo shared >"$work/vol/file"
	got shared once -v "$work/vol:/vol:ro" busybox cat /vol/file
	ends 1 'Read-only file system' once -v "$work/vol:/vol:ro" busybox touch /vol/new
	once -v "$work/vol:/vol" busybox touch /vol/new
	[ -e "$work/vol/new" ]
	has 'nosuid.*nodev.*noexec|noexec.*nosuid' once -v "$work/vol:/vol:nosuid,nodev,noexec" busybox grep ' /vol ' /proc/self/mounts
	got shared once -v "$work/vol/file:/etc/motd" busybox cat /etc/motd
}

case_volume_named() {
	once -v data:/tmp busybox sh -c 'echo kept >/tmp/kept'
	got kept once -v data:/data busybox cat /data/kept
	pm volume rm data
}

case_volume_owner() {
	mkdir -p "$work/owned"
	once -u 7:8 -v "$work/owned:/vol:U" busybox touch /vol/file
	got 7:8 once -v "$work/owned:/vol" busybox stat -c %u:%g /vol/file
}

case_volume_propagation() {
	[ -z "$user" ] || skip 'a user cannot mount anything outside'
	mkdir -p "$work/prop"
	mount --bind "$work/prop" "$work/prop"
	mount --make-shared "$work/prop"
	mkdir -p "$work/prop/late" "$work/prop/inner"
	up slave -v "$work/prop:/vol:rslave" busybox sleep 100
	up private -v "$work/prop:/vol:rprivate" busybox sleep 100
	up shared --privileged -v "$work/prop:/vol:rshared" busybox sleep 100
	mount -t tmpfs late "$work/prop/late"
	pm exec slave grep -q ' /vol/late ' /proc/self/mounts
	ends 1 '' pm exec private grep -q ' /vol/late ' /proc/self/mounts
	pm exec shared mount -t tmpfs inner /vol/inner
	grep -q " $work/prop/inner " /proc/self/mounts
	pm rm -f -t 0 slave private shared
	umount "$work/prop/late" "$work/prop/inner" "$work/prop"
}

case_tmpfs() {
	has 'tmpfs.*size=1024k' once --tmpfs /scratch:size=1m busybox grep ' /scratch ' /proc/self/mounts
	has 'tmpfs.*nosuid' once --mount type=tmpfs,destination=/scratch,tmpfs-mode=700 busybox grep ' /scratch ' /proc/self/mounts
	got 700 once --mount type=tmpfs,destination=/scratch,tmpfs-mode=700 busybox stat -c %a /scratch
	has 'No space left' eval '! once --tmpfs /scratch:size=1m busybox dd if=/dev/zero of=/scratch/x bs=1M count=2'
}

case_tmpfs_copyup() {
	has passwd once --tmpfs /etc busybox ls /etc
}

case_read_only() {
	ends 1 'Read-only file system' once --read-only busybox touch /file
	ends 0 '' once --read-only busybox touch /tmp/file
	ends 1 'Read-only file system' once --read-only --read-only-tmpfs=false busybox touch /tmp/file
}

case_rootfs() {
	got hello once --rootfs "$work/rootfs" echo hello
}

case_image_volume() {
	has passwd once --mount type=image,source=busybox,destination=/image busybox ls /image/etc
}

case_secret() {
	printf hidden | pm secret create s - >/dev/null
	got hidden once --secret s busybox cat /run/secrets/s
	pm secret rm s
}

case_capabilities() {
	has 'CapEff:.0000000000000000' once --cap-drop all busybox grep CapEff /proc/self/status
	has 'CapEff:.0000000000000400' once --cap-drop all --cap-add net_bind_service busybox grep CapEff /proc/self/status
	ends 1 '' once --cap-drop chown busybox chown 1 /tmp
	has 'CapBnd:.0000000000000400' once --user 1 --cap-drop all --cap-add net_bind_service busybox grep CapBnd /proc/self/status
	has 'CapAmb:.0000000000000400' once --user 1 --cap-drop all --cap-add net_bind_service busybox grep CapAmb /proc/self/status
}

case_no_new_privileges() {
	has 'NoNewPrivs:.0' once busybox grep NoNewPrivs /proc/self/status
	has 'NoNewPrivs:.1' once --security-opt no-new-privileges busybox grep NoNewPrivs /proc/self/status
}

case_seccomp() {
	has 'Seccomp:.2' once busybox grep Seccomp: /proc/self/status
	has 'Seccomp:.0' once --security-opt seccomp=unconfined busybox grep Seccomp: /proc/self/status
	echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}' >"$work/profile.json"
	ends 1 'Operation not supported' once --security-opt seccomp="$work/profile.json" busybox mkdir /tmp/dir
}

case_mask() {
	got 0 once busybox sh -c 'wc -c </proc/keys'
	ends 0 '' once --security-opt unmask=ALL busybox sh -c 'cat /proc/timer_list >/dev/null; test -w /proc/sys/kernel/hostname'
	got 0 once --security-opt mask=/etc busybox sh -c 'ls /etc | wc -l'
}

case_limits() {
	got 67108864 once --memory 64m busybox sh -c "$(in_cgroup memory memory.limit_in_bytes memory.max)"
	got 50 once --pids-limit 50 busybox sh -c "$(in_cgroup pids pids.max pids.max)"
	has '^(50000|50000 100000)$' once --cpus 0.5 busybox sh -c "$(in_cgroup cpu cpu.cfs_quota_us cpu.max)"
	got 0 once --cpuset-cpus 0 busybox sh -c "$(in_cgroup cpuset cpuset.cpus cpuset.cpus)"
	has '^(512|20)$' once --cpu-shares 512 busybox sh -c "$(in_cgroup cpu cpu.shares cpu.weight)"
	ends 0 '' once --memory 64m --memory-swap -1 busybox true
	ends 0 '' once --memory 64m --memory-reservation 32m --memory-swap 128m busybox true
	ends 2 'fork' once --pids-limit 3 busybox sh -c 'sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait'
}

case_limits_io() {
	local device
	device=$(awk '$3 ~ /^(vd|sd|nvme|loop)/ { print "/dev/" $3; exit }' /proc/diskstats)
	[ -b "$device" ] || skip 'no block device'
	has ' 1048576' once --device-read-bps "$device:1mb" busybox sh -c "$(in_cgroup blkio blkio.throttle.read_bps_device io.max)"
}

case_update() {
	up c --memory 64m --pids-limit 50 busybox sleep 100
	pm update --memory 32m --cpus 0.25 c
	got 33554432 pm exec c sh -c "$(in_cgroup memory memory.limit_in_bytes memory.max)"
	has '^(25000|25000 100000)$' pm exec c sh -c "$(in_cgroup cpu cpu.cfs_quota_us cpu.max)"
	got 50 pm exec c sh -c "$(in_cgroup pids pids.max pids.max)"
	pm update --cpus 0.75 c
	got 33554432 pm exec c sh -c "$(in_cgroup memory memory.limit_in_bytes memory.max)"
}

case_ulimit_oom_score() {
	local processes
	processes=$(ulimit -Hu) # podman's own default is higher than what root without CAP_SYS_RESOURCE may set
	got "$(printf '100\n200')" once --ulimit nofile=100:200 --ulimit "nproc=$processes:$processes" busybox sh -c 'ulimit -Sn; ulimit -Hn'
	got 321 once --oom-score-adj 321 busybox cat /proc/self/oom_score_adj
}

case_sysctl() {
	got 1 once --sysctl net.ipv4.ip_forward=1 busybox cat /proc/sys/net/ipv4/ip_forward
	got 12345 once --sysctl kernel.msgmax=12345 busybox cat /proc/sys/kernel/msgmax
}

case_devices() {
	got 'crw-rw-rw- 1,3' once --device /dev/null:/dev/nothing:r busybox stat -c '%A %t,%T' /dev/nothing
	once --device /dev/null:/dev/nothing:r busybox cat /dev/nothing
	[ -w /dev/fuse ] || skip '/dev/fuse is not there for the rest'
	ends 0 '' once --device /dev/fuse:/dev/mine:r busybox sh -c ': </dev/mine'
	ends 1 'Operation not permitted' once --device /dev/fuse:/dev/mine:r busybox sh -c ': >/dev/mine'
	ends 1 'Operation not permitted' once --cap-add mknod busybox sh -c 'mknod /tmp/fuse c 10 229 && : </tmp/fuse'
	ends 0 '' once --cap-add mknod --device-cgroup-rule 'c 10:229 rmw' busybox sh -c 'mknod /tmp/fuse c 10 229 && : </tmp/fuse'
}

case_privileged() {
	got "$(as_owner grep CapEff /proc/self/status)" once --privileged busybox grep CapEff /proc/self/status
	has 'Seccomp:.0' once --privileged busybox grep Seccomp: /proc/self/status
	ends 0 '' once --privileged busybox sh -c 'mount -t tmpfs x /mnt && test -e /dev/kmsg && test -w /proc/sys/kernel/hostname'
	[ -n "$user" ] || ends 0 '' once --privileged busybox mount -o remount,rw /sys
}

case_pid() {
	got 1 once busybox sh -c 'echo $$'
	has 'podman' once --pid host busybox ps
	up c busybox sleep 321
	has 'sleep 321' once --pid container:c busybox ps
}

case_pid_host_remove() {
	up c --pid host busybox sh -c 'sleep 4321 & sleep 4321'
	pm rm -f -t 0 c
	ends 1 '' pgrep -f '^sleep 4321'
}

case_ipc() {
	[ -d /dev/mqueue ] || [ -z "$user" ] || skip '/dev/mqueue is not there'
	[ "$(once --ipc host busybox readlink /proc/self/ns/ipc)" = "$(readlink /proc/self/ns/ipc)" ]
	[ "$(once busybox readlink /proc/self/ns/ipc)" != "$(readlink /proc/self/ns/ipc)" ]
	up c --ipc shareable busybox sh -c 'echo x >/dev/shm/x; sleep 100'
	soon pm exec c test -s /dev/shm/x
	got x once --ipc container:c busybox cat /dev/shm/x
	has 'size=2048k' once --shm-size 2m busybox grep /dev/shm /proc/self/mounts
}

case_uts() {
	got "$(hostname)" once --uts host busybox hostname
}

case_cgroup_namespace() {
	[ "$(once --cgroupns host busybox readlink /proc/self/ns/cgroup)" = "$(readlink /proc/self/ns/cgroup)" ]
	[ "$(once --cgroupns private busybox readlink /proc/self/ns/cgroup)" != "$(readlink /proc/self/ns/cgroup)" ]
	has '^[0-9]+:(memory)?:/$' once --cgroupns private busybox cat /proc/self/cgroup
}

case_cgroups_disabled() {
	got hello pm run --rm --cgroups disabled busybox echo hello
	pm run -d --name c --cgroups disabled busybox sleep 100
	pm exec c true
	pm kill c
	got 137 pm wait c
}

case_network_none() {
	got 'lo:' once --network none busybox sh -c 'tail -n +3 /proc/net/dev | tr -d " " | cut -d: -f1 | sed s/$/:/'
	has 'UP' once --network none busybox ip link show lo
}

case_network_host() {
	[ "$(once --network host busybox readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" ]
}

case_network_joined() {
	up c --network none busybox sleep 100
	[ "$(once --network container:c busybox readlink /proc/self/ns/net)" = "$(pm exec c readlink /proc/self/ns/net)" ]
	[ "$(once --network "ns:/proc/$(inspect c '{{.State.Pid}}')/ns/net" busybox readlink /proc/self/ns/net)" = "$(pm exec c readlink /proc/self/ns/net)" ]
}

case_network_bridge() {
	[ -x /usr/lib/cni/bridge ] || skip 'the network plugins (containernetworking-plugins) are not installed'
	command -v iptables >/dev/null || skip 'iptables is not installed'
	[ -z "$user" ] || command -v slirp4netns >/dev/null || skip 'slirp4netns is not installed'
	pm network create --subnet 10.98.76.0/24 br
	up server --network br --ip 10.98.76.5 -p 18080:80 busybox sh -c 'mkdir /www; echo served >/www/index.html; httpd -f -h /www'
	got served once --network br busybox sh -c 'until wget -qO- http://10.98.76.5/; do sleep 0.1; done 2>/dev/null'
	pm rm -f -t 0 server
	pm network rm br
}

case_userns() {
	has "^ +0 +$low +5000\$" once --uidmap 0:$low:5000 --gidmap 0:$((low + 5000)):5000 busybox cat /proc/self/uid_map
	got 0:0 once --uidmap 0:$low:5000 --gidmap 0:$((low + 5000)):5000 busybox sh -c 'touch /tmp/x && stat -c %u:%g /tmp/x'
	up c --uidmap 0:$low:5000 --gidmap 0:$((low + 5000)):5000 --user 3 busybox sleep 100
	[ -n "$user" ] || got "$((low + 3))" ps -o uid= -p "$(inspect c '{{.State.Pid}}')"
	got 3 pm exec c id -u
	got 0 pm exec -u 0 c id -u
	pm stop -t 0 c
	pm start c
	pm exec c true
}

case_userns_terminal() {
	got "$(printf '/dev/pts/0\n33 99')" at_terminal "$(type -P bash)" -c 'run --rm -it --uidmap 0:'"$low"':5000 --user 3 busybox sh -c "tty; stty size; : <>/dev/tty"'
}

case_userns_volume() {
	mkdir -p "$work/mapped"
	as_owner chown "$((low + 5)):$((low + 5005))" "$work/mapped"
	got 5:5 once --uidmap 0:$low:5000 --gidmap 0:$((low + 5000)):5000 -v "$work/mapped:/vol" busybox stat -c %u:%g /vol
}

case_pod() {
	pm pod create --name p $parent --infra-image busybox --infra-command 'sleep 1000' --hostname pod
	run -d --pod p --name a busybox sleep 100
	run -d --pod p --name b busybox sleep 100
	got pod pm exec a hostname
	for ns in net ipc uts; do
		[ "$(pm exec a readlink "/proc/self/ns/$ns")" = "$(pm exec b readlink "/proc/self/ns/$ns")" ]
	done
	[ "$(pm exec a readlink /proc/self/ns/pid)" != "$(pm exec b readlink /proc/self/ns/pid)" ]
	has 'Running' pm pod ps
	pm pod stop -t 0 p
	pm pod start p
	got pod pm exec b hostname
	pm pod rm -f -t 0 p
}

case_pod_pause() {
	pm pod create --name p $parent --infra-image busybox --infra-command 'sleep 1000'
	run -d --pod p --name a busybox sleep 100
	pm pod pause p
	got paused inspect a '{{.State.Status}}'
	pm pod unpause p
	pm exec a true
}

case_pod_pid() {
	pm pod create --name p $parent --infra-image busybox --infra-command 'sleep 1000' --share pid,uts
	run -d --pod p --name a busybox sleep 321
	has 'sleep 1000' run --rm --pod p busybox ps
	pm pod rm -f -t 0 p
}

case_pod_without_infra() {
	pm pod create --name p $parent --infra=false --share none
	run -d --pod p --name a busybox sleep 100
	pm exec a true
	pm pod rm -f -t 0 p
}

case_systemd_mounts() {
	has 'tmpfs' once --systemd always busybox grep ' /run/lock ' /proc/self/mounts
	got podman once --systemd always busybox sh -c 'echo $container'
	has ' rw[, ]' once --systemd always busybox grep -E '^[^ ]+ /sys/fs/cgroup(/systemd)? (cgroup|cgroup2) ' /proc/self/mounts
}

case_sdnotify() {
	[ -z "$user" ] || skip 'a user cannot have the host as a root file system, with which a program comes that sends'
	local socket=$work/notify.sock listener
	perl -MSocket -e 'socket(S, AF_UNIX, SOCK_DGRAM, 0) and bind(S, sockaddr_un($ARGV[0])) or die "$!";
		while (1) { recv(S, my $text, 4096, 0); syswrite(STDOUT, $text) }' "$socket" >"$work/notified" &
	listener=$!
	soon test -S "$socket"
	NOTIFY_SOCKET=$socket run -d --name c --sdnotify container --rootfs /:O perl -MSocket -e '
		socket(S, AF_UNIX, SOCK_DGRAM, 0) and send(S, "READY=1", 0, sockaddr_un($ENV{NOTIFY_SOCKET})) or die "$!"; sleep 100'
	soon grep -q READY=1 "$work/notified"
	kill "$listener"
	has '^MAINPID=[0-9]+' cat "$work/notified"
}

case_hooks() {
	local stage hooks=$work/hooks.d
	mkdir -p "$hooks"
	for stage in prestart createRuntime poststart poststop; do
		printf '#!/bin/sh\ncat >%s\n' "$work/hook-$stage" >"$work/hook-$stage.sh"
		chmod 755 "$work/hook-$stage.sh"
		printf '{"version": "1.0.0", "hook": {"path": "%s"}, "when": {"always": true}, "stages": ["%s"]}' \
			"$work/hook-$stage.sh" "$stage" >"$hooks/$stage.json"
	done
	pm --hooks-dir "$hooks" run $parent --name c --annotation a=b busybox true
	for stage in prestart createRuntime poststart; do
		[ -s "$work/hook-$stage" ] || { echo "$stage has not run"; return 1; }
	done
	has '"status": ?"creating"' cat "$work/hook-prestart"
	has '"a": ?"b"' cat "$work/hook-createRuntime"
	has '"status": ?"running"' cat "$work/hook-poststart"
	pm rm c
	soon test -s "$work/hook-poststop"
	has '"status": ?"stopped"' cat "$work/hook-poststop"
}
