# Sourced by the scripts of this directory: cases, what they use to check, and the report.
#
# A case is a function case_NAME; it runs in a subshell that ends at the first command that fails.
# The report is that of the Test Anything Protocol. A case that fails for a known
# reason, as a rule the engine's or the machine's, is run all the same and says it: "not ok ... #
# TODO reason" does not count as a failure. The reason comes from the function excuse, or from a line
# "TODO reason" of the case's output. What the machine lacks is "ok ... # SKIP reason".

passed=0 failed=0 excused=0 skipped=0 number=0
failures=()

# got WANT COMMAND... compares what the command writes to standard output.
got() {
	local want=$1 out status=0
	shift
	out=$("$@" | tr -d '\r'; exit "${PIPESTATUS[0]}") || status=$?
	if [ "$status" != 0 ] || [ "$out" != "$want" ]; then
		echo "$*: exit status $status, output: $out"
		echo "want: $want"
		return 1
	fi
}

# has PATTERN COMMAND... looks for an extended regular expression in all that the command writes.
has() {
	local want=$1 out status=0
	shift
	out=$("$@" 2>&1) || status=$?
	if [ "$status" != 0 ] || ! grep -Eq -- "$want" <<<"$out"; then
		echo "$*: exit status $status, output: $out"
		echo "want a line with: $want"
		return 1
	fi
}

# ends STATUS PATTERN COMMAND... wants this exit status, and the expression in the output unless it is "".
ends() {
	local want=$1 pattern=$2 out status=0
	shift 2
	out=$("$@" 2>&1) || status=$?
	if [ "$status" != "$want" ] || ! grep -Eq -- "$pattern" <<<"$out"; then
		echo "$*: exit status $status, output: $out"
		echo "want: exit status $want, a line with: $pattern"
		return 1
	fi
}

# soon COMMAND... tries again until the command succeeds, for ten seconds.
soon() {
	local end=$((SECONDS + 10))
	until "$@" >/dev/null 2>&1; do
		if [ "$SECONDS" -ge "$end" ]; then
			echo "not within ten seconds: $*"
			"$@"
			return 1
		fi
		sleep 0.05
	done
}

# skip REASON ends a case that this machine cannot run.
skip() {
	echo "SKIP $*"
	exit 77
}

# run_case NAME EXCUSE runs a case and reports it.
run_case() {
	local name=$1 excuse=$2 out="$work/output" status=0 start=$EPOCHREALTIME seconds
	number=$((number + 1))
	(
		set -e
		"case_$name"
	) >"$out" 2>&1 </dev/null
	status=$?
	if ! after_case >>"$out" 2>&1 && [ "$status" = 0 ]; then
		status=1
	fi
	[ -n "$excuse" ] || excuse=$(sed -n 's/^TODO //p' "$out" | paste -sd ' ')
	seconds=$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $start }")
	case "$status:$excuse" in
	77:*)
		skipped=$((skipped + 1))
		echo "ok $number - $name # SKIP $(sed -n 's/^SKIP //p' "$out")"
		;;
	0:)
		passed=$((passed + 1))
		echo "ok $number - $name (${seconds}s)"
		;;
	0:*)
		passed=$((passed + 1))
		echo "ok $number - $name # TODO $excuse: but here it succeeds"
		;;
	*:)
		failed=$((failed + 1))
		failures+=("$name")
		echo "not ok $number - $name (${seconds}s)"
		sed 's/^/    # /' "$out"
		;;
	*)
		excused=$((excused + 1))
		echo "not ok $number - $name # TODO $excuse"
		sed '/^TODO /d; s/^/    # /' "$out"
		;;
	esac
}

# run_cases PATTERN runs those whose names match, in the order of the files.
run_cases() {
	local pattern=$1 names name
	mapfile -t names < <(grep -hoE '^case_[a-z0-9_]+' "${case_files[@]}" | sed 's/^case_//' | grep -E -- "$pattern")
	echo "1..${#names[@]}"
	for name in "${names[@]}"; do
		run_case "$name" "$(excuse "$name")"
	done
	echo "# $runtime: $passed passed, $failed failed, $excused failed for a known reason, $skipped skipped, in ${SECONDS}s"
	if [ "$failed" != 0 ]; then
		echo "# failed: ${failures[*]}"
		return 1
	fi
	[ "$number" -gt 0 ] || echo "# no case matches $pattern"
}
