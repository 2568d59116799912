#!/bin/sh
# Measures build/mobiusd beside the reference server in one run. Results: build/bench/results.jsonl, and a table at the end.
#   run.sh            everything, about an hour on two cores
#   run.sh --quick    small sizes, one round: shows that all works
#   run.sh --rounds 3   fewer of them
#   run.sh --only I1,Q
#   run.sh --only storage --minutes 1   what stored rows cost, and the rate that is held for so long
set -eu
bench=$(cd "$(dirname "$0")" && pwd)
make -s -C "$bench" all check writer entities
mkdir -p "$bench/../build/bench"
cd "$bench/../build/bench"
exec "$bench/../.venv/bin/python" "$bench/run.py" "$@"
