#!/usr/bin/env bash
# Runs docker, with a daemon of its own, on an OCI runtime, and checks what its users would see. The
# arguments are in surroundings.sh; --user is podman's alone.
set -uo pipefail

engine=dockerd
. "$(dirname "$0")/surroundings.sh"
case_files=("$here"/docker-*.sh)

start_docker() {
	export DOCKER_HOST=unix:///run/docker.sock
	echo '{}' >"$work/daemon.json"
	dockerd --config-file "$work/daemon.json" --host "$DOCKER_HOST" --data-root "$work/docker" --exec-root /run/docker \
		--pidfile /run/docker.pid --add-runtime "engine=$runtime" --default-runtime engine --cgroup-parent "$cgroup" \
		--exec-opt native.cgroupdriver=cgroupfs --bridge none --iptables=false --ip6tables=false --ip-masq=false \
		--ip-forward=false --storage-driver overlay2 --experimental >"$work/dockerd.log" 2>&1 &
	soon d version && d import "$work/rootfs.tar" busybox >/dev/null || { cat "$work/dockerd.log"; return 1; }
}

d() { timeout --foreground -k 5 60 docker "$@"; }
# once FLAG... removes the container when it ends; up NAME FLAG... is one that stays.
once() { d run --rm --network none "$@"; }
up() { d run -d --network none --name "$1" "${@:2}" >/dev/null; }
inspect() { d inspect --format "$2" "$1"; }
export -f d once

after_case() {
	local status=0 left ids
	ids=$(d ps -aq)
	[ -z "$ids" ] || d rm -f $ids >/dev/null || status=1
	left=$("$runtime" --root /run/docker/runtime-runc/moby list -q)
	[ -z "$left" ] || { echo "the runtime still has the containers $left"; status=1; }
	left=$(cgroup_dirs | while read -r dir; do find "$dir" -mindepth 1 -type d; done)
	[ -z "$left" ] || { echo "cgroups are left: $left"; status=1; }
	return "$status"
}

excuse() {
	case "$called:$1" in
	runc:exec | runc:settings) [ $((0x$(sed -n "s/CapEff:.//p" /proc/self/status) >> 24 & 1)) = 1 ] || echo 'runc refuses capabilities that root here has not' ;;
	crun:*) [ ! -d /sys/fs/cgroup/unified ] || echo 'crun does not run on the hybrid layout of cgroups' ;;
	esac
}

. "$here/report.sh"
for file in "${case_files[@]}"; do
	. "$file"
done
set_up && start_docker || { echo "Bail out! the surroundings cannot be made"; exit 2; }
echo "# $(dockerd --version), $("$runtime" --version | head -1)"
run_cases "$pattern"
