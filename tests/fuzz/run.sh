#!/bin/sh
# run.sh BUILD SECONDS - runs every fuzz target of a build directory for so long, from the seeds beside this file.
# What it learns stays in BUILD/corpus, what it finds in BUILD/found.
set -u
build=$1 seconds=$2
seeds=$(dirname "$0")/seeds
passed=0 failed=0
mkdir -p "$build/found"
for target in "$build"/tests/fuzz/fuzz_*; do
	[ -x "$target" ] && [ -f "$target" ] || continue
	name=$(basename "$target")
	mkdir -p "$build/corpus/$name"
	echo "   $name"
	if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -verbosity=0 -print_final_stats=1 \
		-artifact_prefix="$build/found/$name-" "$build/corpus/$name" $([ -d "$seeds/$name" ] && echo "$seeds/$name"); then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
