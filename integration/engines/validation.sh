#!/usr/bin/env bash
# Runs the programs that validate runtimes for the OCI runtime specification, those of
# github.com/opencontainers/runtime-tools. The arguments are in surroundings.sh, without --user.
#
# Each program is a case. Failures that are known are in validation/known.txt, with the reasons; any
# other fails the case.
set -uo pipefail

engine=validation needs=${GO:-go}
tools=github.com/opencontainers/runtime-tools
here=$(cd "$(dirname "$0")" && pwd)
programs=$(cd "$here/../.." && pwd)/.cache/validation
in_module() { "${GO:-go}" "$1" -C "$here/validation" "${@:2}"; }
if [ -z "${ENGINES_INSIDE:-}" ]; then # where there is a network, for the modules
	build() { CGO_ENABLED=0 in_module build -buildvcs=false -trimpath -ldflags '-s -w' -o "$programs/" "$@"; }
	mkdir -p "$programs" && build "$tools/validation/..." "$tools/cmd/runtimetest" &&
		cp -f "$(in_module list -m -f '{{.Dir}}' "$tools")"/rootfs-*.tar.gz "$programs" ||
		{ echo "the validation programs cannot be built" >&2; exit 2; }
fi
. "$here/surroundings.sh"
. "$here/report.sh"

# prepare makes the directory in which the programs run. One of them, misc_props, wants to execute
# runtimetest, but does not copy it into the root file system, as others do: so it is there already.
prepare() {
	local archive=rootfs-$(in_module env GOARCH).tar
	umount /etc && # of which mounts makes bind mounts: it expects no mount there
		mkdir "$work/run" "$work/tmp" && cp "$programs/runtimetest" "$work/run" &&
		gunzip <"$programs/$archive.gz" >"$work/run/$archive" &&
		tar -C "$programs" -rf "$work/run/$archive" --transform 's|^|./|' runtimetest && gzip -1 "$work/run/$archive" &&
		ip link add eth0 type veth peer name eth1 && # linux_cgroups_network wants a second interface
		in_module list -f '{{if eq .Name "main"}}{{.ImportPath}}{{end}}' "$tools/validation/..." |
		sed 's|.*/\(.*\)|case_\1() { validate \1; }|' >"$work/cases.sh" && [ -s "$work/cases.sh" ]
}

# The conditions of known.txt.
lacks_capability() { ! setpriv --dump | grep '^Capability bounding set' | grep -qw "$1"; }
lacks_controller() { [ ! -d "/sys/fs/cgroup/$1" ]; } # of cgroup v1
lacks_file() { [ ! -e "/sys/fs/cgroup/$1" ]; }
lacks_selinux() { [ ! -e /sys/fs/selinux/enforce ]; }
lacks_apparmor_profile() { ! grep -q "^$1 " /sys/kernel/security/apparmor/profiles 2>/dev/null; }
since_linux() { printf '%s\n' "$1" "$(uname -r)" | sort -CV; }
has_cgroup_v2_alone() { [ -e /sys/fs/cgroup/cgroup.controllers ]; }

# known_of PROGRAM writes what is known of it here, each as an expression, a tab and the reason.
known_of() {
	local condition expression reason
	awk -v program="$1" '
		function flush(i) {
			if (mine) for (i = 0; i < n; i++) print condition "\001" fails[i] "\001" reason
			mine = n = 0; condition = reason = ""
		}
		/^#/ { next }
		/^$/ { flush(); next }
		/^programs: / { for (i = 2; i <= NF; i++) if ($i == program) mine = 1; next }
		/^if: / { condition = substr($0, 5); next }
		/^fails: / { fails[n++] = substr($0, 8); next }
		{ reason = reason (reason == "" ? "" : " ") $0 }
		END { flush() }' "$here/validation/known.txt" |
		while IFS=$'\001' read -r condition expression reason; do
			if ${condition:-true}; then printf '%s\t%s\n' "$expression" "$reason"; fi
		done
}

# failures STATUS reads from the program's output what has failed, a line each, with the diagnosis. Most
# programs say "not ok"; some only write a diagnosis, or end with a status. What the container's
# program has said is a string in the output of some. A line about a command's status has the messages
# beside it, if no diagnosis has them.
failures() {
	{
		awk '
			function flush() { if (said != "") print said (error != "" ? ": " error (message != "" ? ": " message : "") : ""); said = error = message = "" }
			function text() { sub(/^ *"[a-z]+": "/, ""); sub(/",?$/, ""); return $0 }
			/^(not )?ok [0-9]/ { flush(); tests = 1 }
			/^not ok / { sub(/^not ok [0-9]+( - )?/, ""); said = $0 }
			/^    "error": / { error = text(); if (!tests) said = "no test" }
			/^    "stderr": / { message = text() }
			END { flush() }' "$work/tap"
		{ grep -oE '\\nnot ok [0-9]+ - [^\\]*' "$work/tap" || :; } | sed -E 's/^\\nnot ok [0-9]+ - /in the container: /'
		[ "$1" = 0 ] || echo "exit status $1"
	} | sed -E 's/(\\n|time=\\"[^"]*" )//g' | sort | uniq -c | while read -r times line; do
		case "$line" in
		*"exit status "[0-9]) line="$line: $(sed -E '/^(exit status|failed to create|$)/d; s/^time="[^"]*" //' "$work/err" | head -n 8 | sort -u | paste -sd ' ')" ;;
		esac
		[ "$times" = 1 ] || line="$times times: $line"
		echo "$line"
	done
}

# validate PROGRAM runs it, and compares what fails with what is known.
validate() {
	local status=0 line expression reason new=0
	local -A known=() reasons=() met=()
	case "$1" in
	linux_cgroups_*) ! has_cgroup_v2_alone || skip "the program knows cgroup v1 alone" ;;
	esac
	known_of "$1" >"$work/known"
	while IFS=$'\t' read -r expression reason; do
		known[$expression]=$reason
		reasons[$reason]=1
	done <"$work/known"
	(cd "$work/run" && RUNTIME=$runtime TMPDIR=$work/tmp timeout -k 5 120 "$programs/$1") >"$work/tap" 2>"$work/err" || status=$?
	failures "$status" >"$work/failures"
	while read -r line; do
		for expression in "${!known[@]}"; do
			if grep -qxE -- "$expression" <<<"$line"; then
				met[$expression]=1
				echo "known: $line"
				continue 2
			fi
		done
		echo "fails: $line"
		new=1
	done <"$work/failures"
	for expression in "${!known[@]}"; do
		[ -n "${met[$expression]:-}" ] || echo "does not fail here: $expression"
	done
	[ "$new" = 0 ] || return 1
	[ ${#known[@]} = 0 ] || printf 'TODO %s\n' "${!reasons[@]}"
	[ ${#met[@]} = 0 ]
}

# after_case removes what the programs leave. Of the runtime's there may be no cgroup but those above a
# container's, and no mount.
after_case() {
	local status=0 id left
	for id in $("$runtime" list -q); do "$runtime" delete --force "$id" || status=1; done
	left=$(find /sys/fs/cgroup/ -mindepth 1 -type d -not -path '*/script' \( -name container -o -not -path '*/testdir*' \) |
		grep -vxF "$(hierarchies)")
	[ -z "$left" ] || { echo "cgroups are left: $left"; status=1; }
	find /sys/fs/cgroup/ -depth -type d -path '*/testdir*' -exec rmdir {} +
	left=$(findmnt -rno TARGET | grep "^$work/tmp/")
	[ -z "$left" ] || { echo "mounts are left: $left"; umount -l $left; status=1; }
	rm -rf "$work/tmp" && mkdir "$work/tmp" || status=1
	return "$status"
}

# excuse is about other runtimes, to compare; of nsinit validate says it.
excuse() {
	case "$called:$1" in
	runc:hooks_stdin) echo 'runc 1.1 says created to hooks of poststart' ;;
	runc:linux_cgroups*_memory) echo 'runc 1.1 does not set the limit for buffers of TCP connections' ;;
	runc:linux_ns_itype) echo 'runc 1.1 makes the mounts in the mount namespace of the host, and leaves them there' ;;
	runc:linux_seccomp) echo 'runc 1.1 calls getcwd itself after it has installed the filter' ;;
	runc:misc_props) echo 'runc 1.1 takes any version' ;;
	runc:poststart) echo 'runc 1.1 calls poststart hooks in create' ;;
	runc:poststart_fail | runc:poststop_fail) echo 'runc 1.1 ends when a hook fails' ;;
	runc:start) echo 'runc 1.1 creates no container without a process' ;;
	esac
}

case "$ENGINES_INSIDE" in
1) set_up && in_cgroup_namespace ;; # the programs name cgroups of their own, such as /cgrouptest
cgroup) narrow_cgroups && prepare ;;
esac || { echo "Bail out! the surroundings cannot be made"; exit 2; }
case_files=("$work/cases.sh")
. "$work/cases.sh"
echo "# runtime-tools $(in_module list -m -f '{{.Version}}' "$tools"), $("$runtime" --version | head -1)"
run_cases "$pattern"
