#!/usr/bin/env bash
# Runs podman on an OCI runtime, and checks what its users would see. The arguments are in
# surroundings.sh. LIBCONTAINER_CRIU is the criu of the cases about checkpoints.
set -uo pipefail

engine=podman
. "$(dirname "$0")/surroundings.sh"
case_files=("$here"/podman-*.sh)

configure() {
	mkdir "$work/cni" || return
	cat >"$work/containers.conf" <<-END
		[containers]
		log_driver = "k8s-file"
		netns = "none"
		seccomp_profile = "$(seccomp_profile)"
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		runtime_supports_json = ["$called"]
		runtime_supports_nocgroup = ["crun"] # as podman 4.3 calls it
		runtime_supports_nocgroups = ["crun"]
		[engine.runtimes]
		$called = ["$runtime"]
		[network]
		network_backend = "cni"
		network_config_dir = "$work/cni"
	END
	cat >"$work/storage.conf" <<-END
		[storage]
		driver = "overlay"
		graphroot = "$work/storage"
		runroot = "${XDG_RUNTIME_DIR:-/run}/storage"
	END
	pm import -q "$work/rootfs.tar" busybox >/dev/null
}

# The profile that comes with podman may be for an older version of its own.
seccomp_profile() {
	local file
	for file in /usr/share/containers/seccomp.json /etc/containers/seccomp.json; do
		[ ! -e "$file" ] || { echo "$file"; return; }
	done
}

export CONTAINERS_CONF=$work/containers.conf CONTAINERS_STORAGE_CONF=$work/storage.conf
tmpdir=${XDG_RUNTIME_DIR:-/run}/libpod
parent="--cgroup-parent $cgroup" # of all containers
low=100000                       # the first id of user namespaces
if [ -n "$user" ]; then
	parent= # which podman chooses if it can make cgroups at all
	low=1000 # of those that are the user's
fi

pm() { timeout --foreground -k 5 60 podman --tmpdir "$tmpdir" --runtime "$called" "$@"; }
run() { pm run $parent "$@"; }
create() { pm create $parent "$@"; }
# up NAME FLAG... is a container that stays; its image and a program end the flags.
up() { run -d --name "$1" "${@:2}" >/dev/null; }
# once FLAG... removes the container when it ends.
once() { run --rm "$@"; }
inspect() { pm inspect --format "$2" "$1"; }
# as_owner COMMAND... may do with files what containers may.
as_owner() { if [ -n "$user" ]; then pm unshare "$@"; else "$@"; fi; }
export -f pm run create
export tmpdir parent

# after_case removes what the case has made, and complains of what podman cannot remove.
after_case() {
	local status=0 left
	soon pm pod rm -af -t 0 || status=1
	soon pm rm -af -t 0 || status=1 # again if that meets podman's own cleaning up after the container's end
	left=$("$runtime" list -q)
	[ -z "$left" ] || { echo "the runtime still has the containers $left"; status=1; }
	left=$(cgroup_dirs | while read -r dir; do find "$dir" -type d -name 'libpod-*' -not -name 'libpod-conmon*'; done)
	[ -z "$left" ] || { echo "cgroups are left: $left"; status=1; }
	left=$(findmnt -rno TARGET | grep -E "$work/storage/overlay/.*/merged|/run/netns/|/run/storage/overlay-containers/.*/shm")
	[ -z "$left" ] || { echo "mounts are left: $left"; status=1; }
	return "$status"
}

excuse() {
	local v1=yes
	[ ! -e /sys/fs/cgroup/cgroup.controllers ] || v1=no
	case "$called:$v1:$user:$1" in
	crun:yes:*) [ ! -d /sys/fs/cgroup/unified ] || echo 'crun does not run on the hybrid layout of cgroups' ;;
	nsinit:*:cgroups_disabled | runc:*:cgroups_disabled) echo 'it has no containers without cgroups, nor a flag --cgroup-manager' ;;
	runc:*:hooks) echo 'runc 1.1 says created to hooks of poststart' ;;
	runc:*:userns_terminal) echo 'podman and runc show a NUL byte first, now and then' ;;
	*:engines:checkpoint*) echo 'podman makes checkpoints as root alone' ;;
	*:yes:engines:stats | *:yes:engines:*pause* | *:yes:engines:remove_paused | *:yes:engines:pod_pause) echo 'podman has no cgroups for users on cgroup v1' ;;
	*:yes:engines:pid_host_remove) echo 'without cgroups nobody finds what outlives the first process in the host'"'"'s pid namespace' ;;
	*:yes:engines:limits* | *:yes:engines:update) echo 'podman has no cgroups for users on cgroup v1' ;;
	*:yes:*:oom) echo 'conmon does not hear of it on cgroup v1' ;;
	esac
}

. "$here/report.sh"
for file in "${case_files[@]}"; do
	. "$file"
done
if [ "$ENGINES_INSIDE" = 1 ]; then
	set_up || { echo "Bail out! the surroundings cannot be made"; exit 2; }
	[ -z "$user" ] || become_user
fi
configure || { echo "Bail out! podman has no image"; exit 2; }
echo "# $(podman --version), $("$runtime" --version | head -1)${user:+, as a user}"
run_cases "$pattern"
