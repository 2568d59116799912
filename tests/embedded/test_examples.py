"""The examples of the README: built with the rest, run here; and built as a user would, against what was installed."""

import os
import re
import subprocess

import pytest

from mobiusd import BINARY, ROOT

APPENDED = ["stored as commit 2", "average 2.0 over 3 rows"]
COLLECTED = ["load has 10800 rows", "segment 2: SEALED, 10800 rows", "second 598: load 9.9", "second 597: load 9.8", "second 596: load 9.7"]
ENTITIES = ["inlet runs at 12.5", "inlet runs at 13.5", "the outlet was removed", "pumps: 1 in all"]
PRINTED = {"append_query": APPENDED, "collections": COLLECTED, "entities": ENTITIES}


def run(program, folder, **options):
    done = subprocess.run([program, folder], check=True, capture_output=True, text=True, **options)
    assert done.stderr == ""  # a library is quiet
    return done.stdout.splitlines()


def same(name, printed):
    """Ids of segments and whether one is a file already are not what an example is about."""
    flat = [re.sub(r"segment \d+: (SEALED|FLUSHED)", "segment", line) for line in printed]
    return flat == [re.sub(r"segment \d+: (SEALED|FLUSHED)", "segment", line) for line in PRINTED[name]]


@pytest.mark.parametrize("name", PRINTED)
@pytest.mark.parametrize("folder", ["data", ":memory:"])
def test_an_example_prints_what_it_says(name, folder, tmp_path):
    printed = run(BINARY.parent / name, folder, cwd=tmp_path)
    assert same(name, printed), printed


def test_a_second_run_goes_on_and_a_library_says_nothing_of_it(tmp_path):
    """What was recovered is a line in a log that nobody asked for."""
    for life in (1, 2):
        assert run(BINARY.parent / "append_query", tmp_path / "data") == [f"stored as commit {life + 1}", f"average 2.0 over {3 * life} rows"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder that stands for / after an installation, and what a compiler and a loader are told of it."""
    root = tmp_path_factory.mktemp("root")
    subprocess.run(["meson", "install", "-C", BINARY.parent, "--no-rebuild", "--quiet", "--destdir", root], check=True)
    (config,) = root.rglob("mobius.pc")
    library = config.parents[1]
    return os.environ | {"PKG_CONFIG_PATH": str(config.parent), "PKG_CONFIG_SYSROOT_DIR": str(root), "LD_LIBRARY_PATH": str(library)}


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_builds_and_runs_against_what_is_installed(name, installed, tmp_path):
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "mobius"], env=installed, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert str(ROOT) not in flags
    for standard in ["c99", "c17"]:
        subprocess.run(["cc", f"-std={standard}", "-Wall", "-Wextra", "-Werror", ROOT / "examples" / f"{name}.c", *flags.split(), "-o", tmp_path / name],
                       env=installed, check=True)
    printed = run(tmp_path / name, tmp_path / "data", env=installed)
    assert same(name, printed), printed


@pytest.mark.parametrize("language", ["-std=c99", "-std=c++14"])
def test_the_headers_are_those_of_other_languages_too(language, tmp_path):
    source = tmp_path / ("both.cpp" if "++" in language else "both.c")
    source.write_text("#include <mobius.h>\n#include <mobius_io.h>\n")
    subprocess.run(["clang", language, "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-I", ROOT / "include", source], check=True)
