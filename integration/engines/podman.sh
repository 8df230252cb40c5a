#!/usr/bin/env bash
# Runs podman on an OCI runtime, and checks what its users would see.
#
#   integration/engines/podman.sh [--user] [RUNTIME [PATTERN]]
#
# RUNTIME is a path or the name of a command, by default .cache/nsinit; PATTERN (an extended regular
# expression) chooses cases by their names. It needs root; with --user it runs podman as a user
# without privileges. All is in namespaces of its own, with storage in memory: nothing of it is left
# on the machine, nor anything of the machine's podman used. LIBCONTAINER_CRIU is the criu of the
# cases about checkpoints.
set -uo pipefail

user=${ENGINES_USER:-}
if [ "${1:-}" = --user ]; then
	user=engines
	shift
fi

here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
runtime=${1:-$top/.cache/nsinit}
pattern=${2:-.}
runtime=$(command -v "$runtime") || { echo "no runtime ${1:-$top/.cache/nsinit}: build it, or name another" >&2; exit 2; }
runtime=$(realpath "$runtime")
[ "$(id -u)" = 0 ] || [ "$user" = "$(id -un)" ] || { echo "this needs root" >&2; exit 2; }
command -v podman >/dev/null || { echo "podman is not installed" >&2; exit 2; }

# The part outside: namespaces, and the end of all that is in them.
if [ -z "${ENGINES_INSIDE:-}" ]; then
	cgroup=/nsinit-podman-$$
	work=$(mktemp -d "${TMPDIR:-/tmp}/nsinit-podman.XXXXXX")
	inside=
	finish() {
		[ -z "$inside" ] || kill -KILL "$inside" 2>/dev/null
		wait
		find /sys/fs/cgroup -depth -type d -path "*$cgroup*" -exec rmdir {} \;
		rmdir "$work"
	}
	trap finish EXIT
	trap 'exit 130' INT TERM
	ENGINES_INSIDE=1 ENGINES_WORK=$work ENGINES_CGROUP=$cgroup ENGINES_USER=$user \
		XDG_RUNTIME_DIR= unshare --mount --net --pid --ipc --uts --fork --kill-child --mount-proc "$0" "$runtime" "$pattern" &
	inside=$!
	wait "$inside"
	status=$?
	inside=
	exit "$status"
fi

work=$ENGINES_WORK
cgroup=$ENGINES_CGROUP
called=${runtime##*/} # as podman knows it
case_files=("$here"/podman-*.sh)

set_up() {
	ip link set lo up &&
		mount -t tmpfs -o mode=755 engines "$work" &&
		mount -t tmpfs -o mode=755 engines /run &&
		mount -t tmpfs -o mode=1777 engines /dev/shm &&
		mkdir -p /run/lock "$work/cni" || return
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
		runroot = "/run/storage"
	END
	echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$work/policy.json"
	export CONTAINERS_CONF=$work/containers.conf CONTAINERS_STORAGE_CONF=$work/storage.conf
	export called cgroup work
	[ -z "${LIBCONTAINER_CRIU:-}" ] || export PATH="${LIBCONTAINER_CRIU%/*}:$PATH"
	"$top/scripts/mkrootfs.sh" "$work/rootfs" >/dev/null &&
		tar -C "$work/rootfs" -cf "$work/rootfs.tar" .
}

# become_user goes on as a user that only this mount namespace knows, and who owns the storage.
become_user() {
	local id=54321 file
	mkdir -m 755 "$work/etc" && mkdir -p "$work/home" "/run/user/$id" || return
	for file in passwd group subuid subgid; do
		cat "/etc/$file" >"$work/etc/$file" 2>/dev/null
		case $file in
		passwd) echo "$user:x:$id:$id::$work/home:/bin/bash" ;;
		group) echo "$user:x:$id:" ;;
		*) echo "$user:200000:65536" ;;
		esac >>"$work/etc/$file"
		mount --bind "$work/etc/$file" "/etc/$file" || return
	done
	sed -i "s,/run/storage,/run/user/$id/storage," "$work/storage.conf"
	chown -R "$id:$id" "$work" "/run/user/$id" &&
		exec setpriv --reuid "$id" --regid "$id" --clear-groups --inh-caps=-all env ENGINES_INSIDE=user \
			HOME="$work/home" USER="$user" XDG_RUNTIME_DIR="/run/user/$id" "$0" "$runtime" "$pattern"
}

# The profile that comes with podman is for an older version of its own, or for all.
seccomp_profile() {
	local file
	for file in /usr/share/containers/seccomp.json /etc/containers/seccomp.json; do
		[ ! -e "$file" ] || { echo "$file"; return; }
	done
}

pm() { timeout --foreground -k 5 60 podman --tmpdir "$tmpdir" --runtime "$called" "$@"; }

# Containers are below a cgroup of this script's.
run() { pm run --cgroup-parent "$cgroup" "$@"; }
create() { pm create --cgroup-parent "$cgroup" "$@"; }
# up NAME FLAG... is a container that stays; its image and a program end the flags.
up() { run -d --name "$1" "${@:2}" >/dev/null; }
# once FLAG... removes the container when it ends.
once() { run --rm "$@"; }
inspect() { pm inspect --format "$2" "$1"; }
# at_terminal COMMAND... has a terminal of 33 lines and 99 columns.
at_terminal() {
	local command
	printf -v command '%q ' "$@"
	[ -p "$work/silent" ] || mkfifo "$work/silent"
	script -qefc "stty rows 33 cols 99; $command" /dev/null <>"$work/silent" # where nothing comes from
}

# cgroups lists what is left of containers.
cgroups() { find /sys/fs/cgroup -path "*$cgroup/libpod-*" -not -path '*/libpod-conmon*' -type d 2>/dev/null; }

# after_case removes what the case has made, and complains of what podman cannot remove.
after_case() {
	local status=0 left
	pm pod rm -af -t 0 >/dev/null || status=1
	pm rm -af -t 0 >/dev/null || status=1
	left=$("$runtime" list -q)
	[ -z "$left" ] || { echo "the runtime still has the containers $left"; status=1; }
	left=$(cgroups)
	[ -z "$left" ] || { echo "cgroups are left: $left"; status=1; }
	left=$(findmnt -rno TARGET | grep -E "$work/storage/overlay/.*/merged|/run/netns/|/run/storage/overlay-containers/.*/shm")
	[ -z "$left" ] || { echo "mounts are left: $left"; status=1; }
	return "$status"
}

tmpdir=${XDG_RUNTIME_DIR:-/run}/libpod
export -f pm run create
export tmpdir

excuse() {
	case "$called:$1" in
	nsinit:cgroups_disabled | runc:cgroups_disabled) echo 'it has no containers without cgroups, nor a flag --cgroup-manager' ;;
	runc:hooks) echo 'runc 1.1 says created to hooks of poststart' ;;
	*:oom) [ -e /sys/fs/cgroup/cgroup.controllers ] || echo 'conmon does not hear of it on cgroup v1' ;;
	crun:*) [ ! -d /sys/fs/cgroup/unified ] || echo "crun does not run on the hybrid layout of cgroups" ;;
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
pm import -q "$work/rootfs.tar" busybox >/dev/null || { echo "Bail out! podman has no image"; exit 2; }
echo "# $(podman --version), $("$runtime" --version | head -1)"
run_cases "$pattern"
