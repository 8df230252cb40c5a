#!/usr/bin/env bash
# Fuzzes everything that parses foreign bytes: the C preamble's parser (libFuzzer with
# AddressSanitizer and UndefinedBehaviorSanitizer) for FUZZTIME, then the Go fuzz targets for FUZZTIME
# together (seconds, with or without an s; 600s by default), and the tests of random input once,
# with a seed of their own each time (LCTEST_SEED has an old one again).
#
# What is found stays: C crashes under .cache/fuzz/, Go ones in the package's testdata/fuzz/.
set -euo pipefail

cd "$(dirname "$0")/.."
go=${GO:-go}
total=${FUZZTIME:-600s}
total=${total%s}
case "$total" in
'' | *[!0-9]*) echo "FUZZTIME must be a number of seconds, such as 600s" >&2 && exit 1 ;;
esac

cache=$PWD/.cache/fuzz
mkdir -p "$cache"

fuzzer_works() {
	echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return d == 0 && n > 9; }' |
		clang -x c -fsanitize=fuzzer,address -o "$cache/probe" - 2>/dev/null
}

# libFuzzer and the sanitizers' runtimes are a package of their own, named after clang's version.
install_clang() {
	scripts/need.sh clang=clang
	fuzzer_works && return
	local major
	major=$(clang -dumpversion | cut -d. -f1)
	scripts/need.sh "libclang-rt-$major-dev"
	fuzzer_works
}

fuzz_c() {
	local target=$1 seconds=$2 dir name corpus
	dir=$(dirname "$target")
	name=$(basename "$target" .c)
	corpus=$cache/$name.corpus
	mkdir -p "$corpus"
	echo "== C fuzz target $name for ${seconds}s"
	# shellcheck disable=SC2046
	clang -g -O1 -std=gnu11 -D_GNU_SOURCE -fno-sanitize-recover=all \
		-fsanitize=fuzzer,address,undefined -I"$dir/.." \
		-o "$cache/$name" "$target" $(c_sources "$target")
	"$cache/$name" -max_total_time="$seconds" -timeout=10 -use_value_profile=1 -print_final_stats=1 \
		-artifact_prefix="$cache/$name-" "$corpus"
}

# The sources beside a target's parent that it doesn't already take in with #include.
c_sources() {
	local source
	for source in "$(dirname "$1")"/../bootstrap*.c; do
		grep -q "#include.*$(basename "$source")" "$1" || echo "$source"
	done
}

shopt -s nullglob
c_targets=(nsenter/preamble/fuzz/*.c)

go_targets=()
while read -r target; do
	go_targets+=("$target")
done < <(grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . |
	sed -E 's|^(.*)/[^/]*:func (Fuzz.*)$|\1 \2|' | sort)

echo "fuzzing ${#c_targets[@]} C and ${#go_targets[@]} Go targets, ${total}s each kind"

if [ ${#c_targets[@]} -gt 0 ]; then
	install_clang
	each=$((total / ${#c_targets[@]}))
	for target in "${c_targets[@]}"; do
		fuzz_c "$target" $((each > 0 ? each : 1))
	done
fi

# The random tests have a fixed seed elsewhere.
LCTEST_SEED=${LCTEST_SEED:-$(od -An -N8 -tu8 /dev/urandom | tr -d ' ')}
export LCTEST_SEED
echo "== random tests with LCTEST_SEED=$LCTEST_SEED"
"$go" test -count=1 -run '^(TestProgramRandom|TestRandomOrdered|TestRootRandomRules|TestRootOrdered|TestMeaning)$' ./cgroups/devices ./seccomp

if [ ${#go_targets[@]} -gt 0 ]; then
	each=$((total / ${#go_targets[@]}))
	for target in "${go_targets[@]}"; do
		read -r package name <<<"$target"
		echo "== Go fuzz target $name in $package for ${each}s"
		"$go" test -run '^$' -fuzz "^$name\$" -fuzztime "$((each > 0 ? each : 1))s" \
			-fuzzminimizetime 2s "$package" # of each input that is new: 60s by default
	done
fi
