#!/bin/sh
# run.sh BUILD SECONDS - runs every fuzz target of a build directory for so long, from the seeds beside this file.
# What it learns stays in BUILD/corpus, what it finds in BUILD/found.
set -u
build=$1 seconds=$2
seeds=$(dirname "$0")/seeds
passed=0 failed=0
mkdir -p "$build/found" "$build/log"
for target in "$build"/tests/fuzz/fuzz_*; do
	[ -f "$target" ] || continue
	name=$(basename "$target")
	log=$build/log/$name
	mkdir -p "$build/corpus/$name"
	if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 \
		-artifact_prefix="$build/found/$name-" "$build/corpus/$name" $(ls -d "$seeds/$name" 2>/dev/null) >"$log" 2>&1; then
		passed=$((passed + 1))
		echo "PASS $name, $(awk '/number_of_executed_units/ { print $2 }' "$log") inputs"
	else
		failed=$((failed + 1))
		echo "FAIL $name"
		grep -v '^#' "$log" | tail -n 60
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
