# Each word prints what it does. One build directory per word; `make deps` is part of every word and quick when nothing is missing.

PYTHON = .venv/bin/python
PYTEST = $(PYTHON) -m pytest -q
UNIT = python3 tests/unit/run.py
FUZZ_SECONDS = 60
KILLS ?= 200
BACKUPS ?= 40
EVERY_BIT ?= 1
MATRIX ?= 20

export UBSAN_OPTIONS = print_stacktrace=1
export TSAN_OPTIONS = halt_on_error=1 ignore_noninstrumented_modules=1

help:
	@echo "make deps     install what is missing: Debian packages, DuckDB, a Python venv; all pinned"
	@echo "make build    build/mobiusd, build/mobius and build/libmobius.so"
	@echo "make run      build, start mobiusd on ./data, and say how to write and ask"
	@echo "make test     everything that must pass: style, both compilers, unit tests under ASan and UBSan, e2e, a few kills, conformance, h2spec"
	@echo "make unit     unit tests"
	@echo "make e2e      tests that speak to build/mobiusd as real clients do; the examples, and what is installed"
	@echo "make asan     unit tests under ASan and UBSan"
	@echo "make tsan     unit and e2e tests under TSan"
	@echo "make clang    the whole tree with clang; the other words use gcc"
	@echo "make seeded-bugs  bugs built into copies of the tree, each to be found by its test (tests/crash/README.md)"
	@echo "make fuzz     each fuzz target for FUZZ_SECONDS ($(FUZZ_SECONDS))"
	@echo "make crash    kill the server KILLS ($(KILLS)) times while clients write, and count what came back; twice;"
	@echo "              BACKUPS ($(BACKUPS)) among writers and kills; every bit of a file, a catalog, a backup flipped;"
	@echo "              the crash matrix of tests/crash/README.md, MATRIX ($(MATRIX)) times what make test runs of it"
	@echo "make conformance  Arrow's integration client against our Flight library"
	@echo "make h2spec   the HTTP/2 conformance suite against build/mobiusd"
	@echo "make bench    measure, side by side with a reference server: minutes to hours"
	@echo "make style    layout, headers that compile alone, who includes whom, lengths"
	@echo "make clean    remove build/"

deps:
	@deps/install.sh

# configure FOLDER, COMPILER, OPTIONS
configure = @test -f $(1)/build.ninja || CC=$(2) meson setup $(1) $(3) >/dev/null || { tail -n 5 $(1)/meson-logs/meson-log.txt; exit 1; }
say = @echo "== $@:"

build: deps
	$(say) gcc, optimised, into build/
	$(call configure,build,gcc,-Db_ndebug=true)
	@ninja --quiet -C build mobiusd mobius example_programs

clang: deps
	$(say) clang, into build/clang/
	$(call configure,build/clang,clang)
	@ninja --quiet -C build/clang

run: build
	@cat docs/hello.txt
	@exec build/mobiusd --data ./data

test: deps
	@KILLS=15 BACKUPS=4 EVERY_BIT= MATRIX=1 python3 tests/run.py style build clang asan e2e crash conformance h2spec

unit: build
	$(say) unit tests, optimised
	@ninja --quiet -C build
	@$(UNIT) build

asan: deps
	$(say) unit tests under ASan and UBSan, in build/asan/
	$(call configure,build/asan,gcc,-Db_sanitize=address$(comma)undefined)
	@ninja --quiet -C build/asan
	@$(UNIT) build/asan

tsan: deps
	$(say) unit and end-to-end tests under TSan, in build/tsan/
	$(call configure,build/tsan,gcc,-Db_sanitize=thread)
	@ninja --quiet -C build/tsan
	@$(UNIT) build/tsan
	@MOBIUSD=build/tsan/mobiusd $(PYTEST) tests/e2e

e2e: build
	$(say) end-to-end tests against build/mobiusd
	@ninja --quiet -C build tests/conformance/scenario_server
	@MOBIUSD=build/mobiusd $(PYTEST) tests/e2e tests/embedded

conformance: build
	$(say) Arrow\'s integration client against a second server on our Flight library
	@tests/conformance/build-clients.sh build/conformance/bin
	@ninja --quiet -C build tests/conformance/scenario_server
	@tests/conformance/run.sh build

h2spec: build
	$(say) every frame that HTTP/2 forbids, against build/mobiusd
	@tests/conformance/build-clients.sh build/conformance/bin
	@$(PYTHON) tests/conformance/h2spec.py build

crash: build
	$(say) kills under load, in build/ and, with unsynced writes held back, in build/crash/
	$(call configure,build/crash,gcc,-Dhold_writes=true)
	@ninja --quiet -C build/crash mobiusd
	@ninja --quiet -C build tests/crash/crash_matrix
	@MOBIUSD=build/mobiusd MOBIUSD_HOLD=build/crash/mobiusd KILLS=$(KILLS) BACKUPS=$(BACKUPS) MATRIX=$(MATRIX) $(PYTEST) tests/crash
	@ninja --quiet -C build tests/unit/store_verify tests/unit/engine_quarantine tests/unit/engine_backup
	$(if $(EVERY_BIT),@set -e; for test in store_verify engine_quarantine engine_backup; do EVERY_BIT=1 build/tests/unit/$$test; done)

seeded-bugs: deps
	$(say) bugs that tests must find, in build/bugs/
	@python3 tests/crash/bugs.py

fuzz: deps
	$(say) each target for $(FUZZ_SECONDS) s, in build/fuzz/
	$(call configure,build/fuzz,clang,-Dfuzz=true -Db_lundef=false -Db_sanitize=address$(comma)undefined)
	@ninja --quiet -C build/fuzz fuzz_programs
	@tests/fuzz/run.sh build/fuzz $(FUZZ_SECONDS)

bench: build
	$(say) build/mobiusd beside the reference server
	@bench/run.sh $(BENCH)

style: deps
	$(say) layout, headers, who includes whom, lengths
	@python3 tests/style/style.py

clean:
	$(say) removes build/
	@rm -rf build

comma = ,

.PHONY: help deps build clang run test unit asan tsan e2e conformance h2spec crash seeded-bugs fuzz bench style clean
