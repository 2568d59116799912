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
LOGDIR=$out/log
mkdir -p "$LOGDIR"
patience=200 # seconds; ends what hangs

scenarios="auth:basic_proto middleware ordered expiration_time:do_get expiration_time:list_actions
expiration_time:cancel_flight_info expiration_time:renew_flight_endpoint location:reuse_connection
poll_flight_info app_metadata_flight_info_endpoint session_options"

die() { echo "conformance: $*" >&2; exit 1; }

# ---- a server ----

# serve LOG [WORD...] - starts one on a free port, which it says.
serve()
{
	local log=$LOGDIR/$1.server
	shift
	coproc SERVER { exec "$server" "$@" 2>"$log"; }
	server_pid=$SERVER_PID
	read -r -t $patience line <&"${SERVER[0]}" || die "$server does not start"
	port=${line##*:}
}

# Its exit status.
end_server()
{
	kill -TERM "$server_pid"
	wait "$server_pid"
}

# ---- round trips ----

# What a client puts it gets back, for each file of arrow_files.py.
round_trips()
{
	"$python" arrow_files.py write "$out/files" || die "no files to put"
	serve round_trip
	for file in "$out"/files/*.arrow; do
		round_trip "${file%.arrow}"
	done
	end_server && status=PASS || status=FAIL
	count $status "ends at SIGTERM"
}

round_trip()
{
	local log=$LOGDIR/$(basename "$1").client
	rm -f "$1.json"
	{
		"$out/bin/arrow-json-integration-test" -mode ARROW_TO_JSON -arrow "$1.arrow" -json "$1.json" &&
			timeout $patience "$out/bin/arrow-flight-integration-client" -port "$port" -path "$1.json" &&
			"$python" arrow_files.py check "$port" "$1.arrow" "$1.json"
	} >"$log" 2>&1 && status=PASS || status=FAIL
	count $status "round trip: $(basename "$1")"
	[ $status = PASS ] || grep -m 3 -E '^(panic|Assertion|[A-Za-z.]*Error)' "$log"
}

# ---- scenarios ----

# Client and server know by its name what each of them has to say.
scenario()
{
	local name=${1//:/_}
	local log=$LOGDIR/$name.client
	serve "$name" -scenario "$1"
	timeout $patience "$out/bin/arrow-flight-integration-client" -host localhost -port "$port" -scenario "$1" >"$log" 2>&1 &&
		status=PASS || status=FAIL
	end_server || status=FAIL
	count $status "$1"
	[ $status = PASS ] || grep -v '^goroutine' "$log" | head -n 3 | cut -c 1-160
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

for scenario in $scenarios; do
	scenario "$scenario"
done

echo "$passed passed, $failed failed"
[ $failed = 0 ]
