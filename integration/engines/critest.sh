#!/usr/bin/env bash
# Runs the tests for Kubernetes' container runtime interface, critest of sigs.k8s.io/cri-tools, against
# containerd on an OCI runtime. The arguments are in surroundings.sh, without --user. No registry can be
# reached from here: all images are made of busybox, and what wants others is left out.
set -uo pipefail

engine=containerd
here=$(cd "$(dirname "$0")" && pwd)
critest=$(cd "$here/../.." && pwd)/.cache/critest/critest
if [ -z "${ENGINES_INSIDE:-}" ]; then # where there is a network, for the modules
	CGO_ENABLED=0 "${GO:-go}" test -C "$here/critest" -c -o "$critest" -trimpath -ldflags '-s -w' sigs.k8s.io/cri-tools/cmd/critest ||
		{ echo "critest cannot be built" >&2; exit 2; }
fi
. "$here/surroundings.sh"
. "$here/report.sh"
case_files=("$here/critest-cases.sh")
. "${case_files[0]}"

# make_runtime is the runtime with other cgroups: critest names a slice of systemd's, unless the engine
# tells that it has none, which containerd does since 2.0. The runtime refuses that.
make_runtime() {
	cat >"$work/runtime" <<-'END'
		#!/usr/bin/env bash
		for ((i = 1; i < $#; i++)); do
			next=$((i + 1))
			[ "${!i}" != --bundle ] || sed -i 's|"cgroupsPath":"test.slice:cri-containerd:|"cgroupsPath":"/pods/|' "${!next}/config.json"
		done
	END
	printf 'exec %q "$@"\n' "$runtime" >>"$work/runtime" && chmod +x "$work/runtime"
}

# start_containerd lets the oom_score_adj be, which only CAP_SYS_RESOURCE may lower.
start_containerd() {
	cat >"$work/config.toml" <<-END
		version = 2
		root = "$work/containerd"
		state = "/run/containerd"
		disabled_plugins = ["io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
			"io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.internal.v1.opt"]
		[plugins."io.containerd.grpc.v1.cri"]
		sandbox_image = "localhost/pause:1"
		restrict_oom_score_adj = true
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
		runtime_type = "io.containerd.runc.v2"
		options = { BinaryName = "$work/runtime" }
		[plugins."io.containerd.grpc.v1.cri".cni]
		bin_dir = "/usr/lib/cni"
		conf_dir = "$work/cni"
	END
	mkdir "$work/cni" && cat >"$work/cni/10-pods.conflist" <<-END
		{"cniVersion": "0.4.0", "name": "pods", "plugins": [
		{"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true,
		"ipam": {"type": "host-local", "dataDir": "$work/ipam", "ranges": [[{"subnet": "10.88.0.0/16"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
		{"type": "portmap", "capabilities": {"portMappings": true}}]}
	END
	containerd --config "$work/config.toml" >"$work/containerd.log" 2>&1 &
	soon c version || { cat "$work/containerd.log"; return 1; }
}

# make_layer has all of busybox's programs as hard links: one test masks a single one of them. Debian's has
# no pgrep and ipcs.
make_layer() {
	local root=$work/layer name
	mkdir -p "$root"/{bin,dev,etc,proc,sys,tmp,var,www} "$work/image" && cp "$(command -v busybox)" "$root/bin/busybox" || return
	for name in $("$root/bin/busybox" --list); do
		[ "$name" = busybox ] || ln "$root/bin/busybox" "$root/bin/$name" || return
	done
	cat >"$root/bin/pgrep" <<-'END'
		#!/bin/sh
		for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" != "$1" ] || echo "${p#/proc/}"; done
	END
	printf '#!/bin/sh\ncat /proc/sysvipc/shm\n' >"$root/bin/ipcs" && chmod +x "$root/bin/pgrep" "$root/bin/ipcs" || return
	printf '%s\n' 'root:x:0:0::/:/bin/sh' 'nobody:x:65534:65534::/:/bin/false' >"$root/etc/passwd" && echo 'root:x:0:' >"$root/etc/group" && echo hello >"$root/www/index.html" &&
		chmod 1777 "$root/tmp" && tar -C "$root" -cf "$work/image/layer.tar" .
}

# make_image NAME COMMAND imports that layer as docker-archive(5) has images; COMMAND is JSON.
make_image() {
	local layer
	layer=$(sha256sum <"$work/image/layer.tar" | cut -d ' ' -f 1)
	cat >"$work/image/config.json" <<-END
		{"architecture": "$(dpkg --print-architecture)", "os": "linux", "config": {"Env": ["PATH=/bin"], "Cmd": $2},
		"rootfs": {"type": "layers", "diff_ids": ["sha256:$layer"]}}
	END
	echo '[{"Config": "config.json", "RepoTags": ["'"$1"'"], "Layers": ["layer.tar"]}]' >"$work/image/manifest.json"
	tar -C "$work/image" -cf "$work/image.tar" . && c image import "$work/image.tar" >/dev/null
}

c() { timeout --foreground -k 5 60 ctr -n k8s.io "$@"; }

after_case() {
	local left
	left=$("$runtime" --root /run/containerd/runc/k8s.io list -q)
	[ -z "$left" ] || { echo "the runtime still has the containers $left"; return 1; }
	left=$(find /sys/fs/cgroup/ -path '*/pods/*' -type d)
	[ -z "$left" ] || { echo "cgroups are left: $left"; return 1; }
}

excuse() { :; }

case "$ENGINES_INSIDE" in
1) set_up && in_cgroup_namespace ;;
cgroup) narrow_cgroups && make_runtime && start_containerd && make_layer && make_image localhost/pause:1 '["tail", "-f", "/dev/null"]' &&
	make_image localhost/busybox:1 '["sh"]' && make_image localhost/web:1 '["httpd", "-f", "-p", "80", "-h", "/www"]' ;;
esac || { echo "Bail out! the surroundings cannot be made"; exit 2; }
echo "# critest, $(containerd --version), $("$runtime" --version | head -1)"
run_cases "$pattern"
