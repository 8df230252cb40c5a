# Sourced by the scripts of this directory: the arguments, and namespaces in which all goes on.
#
#   [--user] [RUNTIME [PATTERN]]
#
# RUNTIME is a path or the name of a command, by default .cache/nsinit; PATTERN, an extended regular
# expression, chooses cases by their names. The script needs root; with --user it can have the engine
# run by a user without privileges. All is in namespaces of its own, with files in memory: nothing of
# it is left on the machine, nor anything of the machine's engine used.
#
# What is sourced sets $engine before, and $needs if the command it needs has another name; afterwards
# there are $runtime, $pattern, $called (the runtime's name), $work (a directory), $cgroup (below which
# containers are to be), and $user.

user=${ENGINES_USER:-}
if [ "${1:-}" = --user ]; then
	user=engines
	shift
fi
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
runtime=${1:-$top/.cache/nsinit}
pattern=${2:-.}
runtime=$(command -v "$runtime") || { echo "no runtime ${1:-$top/.cache/nsinit}: build it, or name another" >&2; exit 2; }
runtime=$(realpath "$runtime")
called=${runtime##*/}
[ "$(id -u)" = 0 ] || [ "$user" = "$(id -un)" ] || { echo "this needs root" >&2; exit 2; }
command -v "${needs:-$engine}" >/dev/null || { echo "${needs:-$engine} is not installed" >&2; exit 2; }

# cgroup_dirs lists the directories of $cgroup: one, or one in each hierarchy.
cgroup_dirs() { printf '%s\n' /sys/fs/cgroup{,/*}"$cgroup" | while read -r dir; do [ ! -d "$dir" ] || echo "$dir"; done; }

if [ -z "${ENGINES_INSIDE:-}" ]; then
	cgroup=/nsinit-$engine-$$
	work=$(mktemp -d "${TMPDIR:-/tmp}/nsinit-$engine.XXXXXX")
	inside=
	finish() {
		[ -z "$inside" ] || kill -KILL "$inside" 2>/dev/null
		wait
		cgroup_dirs | while read -r dir; do find "$dir" -depth -type d -exec rmdir {} \;; done
		rmdir "$work"
	}
	trap finish EXIT
	trap 'exit 130' INT TERM
	ENGINES_INSIDE=1 ENGINES_WORK=$work ENGINES_CGROUP=$cgroup ENGINES_USER=$user XDG_RUNTIME_DIR= \
		unshare --mount --net --pid --ipc --uts --fork --kill-child --mount-proc "$0" "$runtime" "$pattern" &
	inside=$!
	wait "$inside"
	status=$?
	inside=
	exit "$status"
fi

work=$ENGINES_WORK
cgroup=$ENGINES_CGROUP
export called cgroup work
[ -z "${LIBCONTAINER_CRIU:-}" ] || export PATH="${LIBCONTAINER_CRIU%/*}:$PATH"

# set_up makes what is the same for all engines: file systems, and the root file system of a container.
set_up() {
	ip link set lo up &&
		mount -t tmpfs -o mode=755 engines "$work" &&
		mount -t tmpfs -o mode=755 engines /run &&
		mount -t tmpfs -o mode=1777 engines /dev/shm &&
		mkdir -p /run/lock &&
		in_memory /etc && in_memory /var/lib && in_memory /opt &&
		"$top/scripts/mkrootfs.sh" "$work/rootfs" >/dev/null &&
		tar -C "$work/rootfs" -cf "$work/rootfs.tar" .
}

# in_memory lets all that is written to a directory go with the namespaces.
in_memory() {
	[ -d "$1" ] || return 0
	mkdir -p "/run/engines/upper$1" "/run/engines/work$1" &&
		mount -t overlay -o "lowerdir=$1,upperdir=/run/engines/upper$1,workdir=/run/engines/work$1" engines "$1"
}

# become_user starts the script again as a user that only this mount namespace knows, and who owns
# all that set_up has made.
become_user() {
	local id=54321
	mkdir -p "$work/home" "/run/user/$id" &&
		echo "$user:x:$id:$id::$work/home:/bin/bash" >>/etc/passwd &&
		echo "$user:x:$id:" >>/etc/group &&
		echo "$user:200000:65536" | tee -a /etc/subuid >>/etc/subgid &&
		chown -R "$id:$id" "$work" "/run/user/$id" &&
		exec setpriv --reuid "$id" --regid "$id" --clear-groups --inh-caps=-all env ENGINES_INSIDE=user \
			HOME="$work/home" USER="$user" XDG_RUNTIME_DIR="/run/user/$id" "$0" "$runtime" "$pattern"
}

hierarchies() { findmnt -rno TARGET -t cgroup,cgroup2 | grep '^/sys/fs/cgroup'; }

# in_cgroup_namespace starts the script again in a cgroup namespace whose root is $cgroup, for what makes
# cgroups elsewhere. There narrow_cgroups is to come first.
in_cgroup_namespace() {
	local dir
	for dir in $(hierarchies); do
		mkdir "$dir$cgroup" || return
		[ ! -e "$dir/cpuset.cpus" ] ||
			{ cat "$dir/cpuset.cpus" >"$dir$cgroup/cpuset.cpus" && cat "$dir/cpuset.mems" >"$dir$cgroup/cpuset.mems"; } || return
		echo $$ >"$dir$cgroup/cgroup.procs" || return
	done
	ENGINES_INSIDE=cgroup exec unshare --cgroup "$0" "$runtime" "$pattern"
}

# narrow_cgroups lets each hierarchy begin with $cgroup, in this mount namespace, which is private. With
# cgroup v2 the script leaves it: there a cgroup with processes has no controllers for others.
narrow_cgroups() {
	local dir
	mkdir "$work/narrow" || return
	for dir in $(hierarchies); do
		mount --bind "$dir$cgroup" "$work/narrow" && umount "$dir" && mount --move "$work/narrow" "$dir" &&
			{ [ ! -e "$dir/cgroup.controllers" ] || { mkdir "$dir/script" && echo $$ >"$dir/script/cgroup.procs"; }; } || return
	done
}

# at_terminal COMMAND... has a terminal of 33 lines and 99 columns.
at_terminal() {
	local command
	printf -v command '%q ' "$@"
	[ -p "$work/silent" ] || mkfifo "$work/silent"
	script -qefc "stty rows 33 cols 99; $command" /dev/null <>"$work/silent" # where nothing comes from
}

# in_cgroup CONTROLLER FILE V2FILE is a command that reads a file of the container's cgroup.
in_cgroup() {
	printf 'cat %s 2>/dev/null || ' "/sys/fs/cgroup/$1/$2" "/sys/fs/cgroup/$3"
	echo false
}
