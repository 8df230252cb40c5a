# Cases of podman.sh about checkpoints.

need_criu() {
	command -v criu >/dev/null || skip 'criu is not installed (LIBCONTAINER_CRIU names one)'
}

# counting NAME FLAG... starts a container that counts.
counting() {
	up "$@" busybox sh -c 'n=0; while :; do echo $n >/tmp/n; n=$((n + 1)); sleep 0.1; done'
	soon eval "[ \"\$(pm exec $1 cat /tmp/n)\" -gt 3 ]"
}

case_checkpoint() {
	local before
	need_criu
	counting c
	pm container checkpoint c
	got 'exited true' inspect c '{{.State.Status}} {{.State.Checkpointed}}'
	pm container restore c
	got running inspect c '{{.State.Status}}'
	[ "$(pm exec c cat /tmp/n)" -ge 3 ]
	pm kill c
	got 137 pm wait c
}

case_checkpoint_keep() {
	need_criu
	counting c
	pm container checkpoint --leave-running --keep c
	got running inspect c '{{.State.Status}}'
	pm exec c true
}

case_checkpoint_export() {
	need_criu
	counting c
	pm exec c sh -c 'echo kept >/kept'
	pm container checkpoint --export "$work/checkpoint.tar.gz" c
	pm rm -f -t 0 c
	pm container restore --import "$work/checkpoint.tar.gz" --name d
	got kept pm exec d cat /kept
	[ "$(pm exec d cat /tmp/n)" -ge 3 ]
}

case_checkpoint_precopy() {
	need_criu
	criu check --feature mem_dirty_track >/dev/null 2>&1 || skip 'the kernel does not track changes of memory (CONFIG_MEM_SOFT_DIRTY)'
	counting c
	pm container checkpoint --pre-checkpoint --export "$work/pre.tar.gz" c
	pm container checkpoint --with-previous --export "$work/rest.tar.gz" c
	pm rm -f -t 0 c
	pm container restore --import-previous "$work/pre.tar.gz" --import "$work/rest.tar.gz"
	[ "$(pm exec c cat /tmp/n)" -ge 3 ]
}

case_checkpoint_terminal() {
	need_criu
	counting c -t
	pm container checkpoint c
	pm container restore c
	[ "$(pm exec c cat /tmp/n)" -ge 3 ]
}
