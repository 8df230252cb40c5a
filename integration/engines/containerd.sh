#!/usr/bin/env bash
# Runs containers of containerd on an OCI runtime by ctr, and checks what its users would see. The
# arguments are in surroundings.sh; --user is podman's alone.
set -uo pipefail

engine=containerd
. "$(dirname "$0")/surroundings.sh"
case_files=("$here"/containerd-*.sh)

start_containerd() {
	cat >"$work/config.toml" <<-END
		version = 2
		root = "$work/containerd"
		state = "/run/containerd"
		disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
			"io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.internal.v1.opt"]
	END
	mkdir "$work/bin" && ln -s "$runtime" "$work/bin/runc" || return # for what takes no name of a runtime
	PATH="$work/bin:$PATH" containerd --config "$work/config.toml" >"$work/containerd.log" 2>&1 &
	soon c version || { cat "$work/containerd.log"; return 1; }
}

# make_image imports the root file system as docker-archive(5) has images.
make_image() {
	local layer
	mkdir "$work/image"
	layer=$(sha256sum <"$work/rootfs.tar" | cut -d ' ' -f 1)
	cp "$work/rootfs.tar" "$work/image/layer.tar"
	cat >"$work/image/config.json" <<-END
		{"architecture": "$(dpkg --print-architecture)", "os": "linux", "config": {"Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], "Cmd": ["sh"]},
		"rootfs": {"type": "layers", "diff_ids": ["sha256:$layer"]}}
	END
	echo '[{"Config": "config.json", "RepoTags": ["localhost/busybox:1"], "Layers": ["layer.tar"]}]' >"$work/image/manifest.json"
	tar -C "$work/image" -cf "$work/image.tar" . && c image import "$work/image.tar" >/dev/null
}

image=localhost/busybox:1
c() { timeout --foreground -k 5 60 ctr "$@"; }
# run ID [FLAG...] -- PROGRAM... runs a container and removes it; up ID ... lets it stay.
run() { run_as --rm "$@"; }
up() { run_as -d "$@" </dev/null >"$work/up" 2>&1 || { cat "$work/up"; return 1; }; }
run_as() {
	local how=$1 id=$2 flags=()
	shift 2
	while [ "$1" != -- ]; do
		flags+=("$1")
		shift
	done
	c run "$how" --runc-binary "$runtime" --cgroup "$cgroup/$id" "${flags[@]}" "$image" "$id" "${@:2}"
}
in_container() { c task exec --exec-id "e$RANDOM$RANDOM" "$@"; }
status_of() { c task ls | awk -v id="$1" '$1 == id { print $3 }'; }
is() { [ "$(status_of "$1")" = "$2" ]; }

after_case() {
	local status=0 left id
	for id in $(c task ls -q); do c task rm -f "$id" >/dev/null || status=1; done
	for id in $(c container ls -q); do c container rm "$id" >/dev/null || status=1; done
	left=$("$runtime" --root /run/containerd/runc/default list -q)
	[ -z "$left" ] || { echo "the runtime still has the containers $left"; status=1; }
	left=$(cgroup_dirs | while read -r dir; do find "$dir" -mindepth 1 -type d; done)
	[ -z "$left" ] || { echo "cgroups are left: $left"; status=1; }
	return "$status"
}

excuse() {
	case "$called:$1" in
	crun:*) [ ! -d /sys/fs/cgroup/unified ] || echo 'crun does not run on the hybrid layout of cgroups' ;;
	esac
}

# removed ID STATUS removes a container that has ended with that status.
removed() {
	has "exit code $2" c task rm "$1"
}

export -f c run up run_as in_container
export runtime image

. "$here/report.sh"
for file in "${case_files[@]}"; do
	. "$file"
done
set_up && start_containerd && make_image || { echo "Bail out! the surroundings cannot be made"; exit 2; }
echo "# $(containerd --version), $("$runtime" --version | head -1)"
run_cases "$pattern"
