#!/bin/bash
# run.sh BUILD - other implementations' clients against the servers of a build directory.
#
# A line a test, and at the end how many passed; logs are in BUILD/conformance/log.
set -u
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
build=$(cd "$root" && realpath "$1")
out=$build/conformance
python=$root/.venv/bin/python
server=$build/tests/conformance/scenario_server
export LOGDIR=$out/log
mkdir -p "$LOGDIR"

scenarios="auth:basic_proto middleware ordered expiration_time:do_get expiration_time:list_actions
expiration_time:cancel_flight_info expiration_time:renew_flight_endpoint location:reuse_connection
poll_flight_info app_metadata_flight_info_endpoint session_options"

die() { echo "conformance: $*" >&2; exit 1; }

# ---- round trips ----

# What a client puts it gets back, for each file of arrow_files.py.
round_trips()
{
	"$python" arrow_files.py write "$out/files" || die "no files to put"
	coproc SERVER { exec "$server" 2>"$LOGDIR/round_trip.server"; }
	read -r -t 30 line <&"${SERVER[0]}" || die "$server does not start"
	port=${line##*:}
	for file in "$out"/files/*.arrow; do
		round_trip "${file%.arrow}"
	done
	kill -TERM "$SERVER_PID"
	wait "$SERVER_PID" && status=PASS || status=FAIL
	count $status "ends at SIGTERM"
}

round_trip()
{
	log=$LOGDIR/$(basename "$1").client
	rm -f "$1.json"
	{
		"$out/bin/arrow-json-integration-test" -mode ARROW_TO_JSON -arrow "$1.arrow" -json "$1.json" &&
			timeout 60 "$out/bin/arrow-flight-integration-client" -port "$port" -path "$1.json" &&
			"$python" arrow_files.py check "$port" "$1.arrow" "$1.json"
	} >"$log" 2>&1 && status=PASS || status=FAIL
	count $status "round trip: $(basename "$1")"
	[ $status = PASS ] || grep -m 3 -E '^(panic|Assertion|[A-Za-z.]*Error)' "$log"
}

passed=0 failed=0
count()
{
	echo "$1 $2"
	if [ "$1" = PASS ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

[ -x "$server" ] || die "$server is not there; run make build"
./build-clients.sh "$out/bin" || die "the clients do not build"
round_trips

# The runner's status is the number of failures; its ports are out of the way of other runs.
CLIENT=$out/bin/arrow-flight-integration-client SERVER="$server -port {port} -scenario {scenario}" \
	PORT=$((20000 + $$ % 10000)) ./flight-scenarios.sh $scenarios
bad=$?
failed=$((failed + bad))
passed=$((passed + $(echo $scenarios | wc -w) - bad))

echo "$passed passed, $failed failed"
[ $failed = 0 ]
