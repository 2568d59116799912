"""The rows of the crash matrix that run on a simulated disk (README.md), each with its count of states tried.

MATRIX says how many times the small scale (1 in `make test`, 20 in `make crash`), SEED where to begin; a failure names its own seed.
"""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from mobiusd import BINARY

POWERCUT = Path(os.environ.get("POWERCUT", BINARY.parent / "tests" / "crash" / "crash_powercut")).resolve()
MATRIX = int(os.environ.get("MATRIX", 1))
SEED = int(os.environ.get("SEED", time.time_ns() % 10**6))
TWINS = 2  # programs at once


def run(capsys, *words):
    """Two programs beside each other, with seeds of their own; what they counted is shown."""
    seeds = [SEED * TWINS + number for number in range(TWINS)]
    programs = [subprocess.Popen([POWERCUT, *map(str, words), str(seed)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                for seed in seeds]
    for seed, program in zip(seeds, programs):
        said, _ = program.communicate()
        assert program.returncode == 0, f"crash_powercut {' '.join(map(str, words))} {seed}:\n{said[-8000:]}"
        closing = [line for line in said.splitlines() if re.match(r"A\d+", line)]
        with capsys.disabled():
            print("\n" + "\n".join(closing), end="")
        assert closing and all(line.endswith(" 0 violations") for line in closing)


@pytest.mark.timeout(300 + 300 * MATRIX)
def test_A2_A3_no_crash_of_the_disk_loses_or_halves_what_was_acknowledged(capsys):
    run(capsys, 100 * MATRIX)


@pytest.mark.timeout(300 + 300 * MATRIX)
def test_A14_random_operations_give_what_the_naive_model_gives(capsys):
    run(capsys, "twin", 1000 * min(MATRIX, 10))
