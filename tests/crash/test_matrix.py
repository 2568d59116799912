"""The rows of the crash matrix that run on a simulated disk (README.md), each with its count of states tried.

MATRIX says how many times the small scale (1 in `make test`, 20 in `make crash`), SEED where to begin: the small scale at a known
place, so that what it finds was changed there, the large one anywhere. A failure names its own seed.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mobiusd import BINARY

PROGRAM = Path(os.environ.get("CRASH_MATRIX", BINARY.parent / "tests" / "crash" / "crash_matrix")).resolve()
MATRIX = int(os.environ.get("MATRIX", 1))
SEED = int(os.environ.get("SEED", 1 if MATRIX == 1 else time.time_ns() % 10**6))
TWINS = 2  # programs at once

ROWS = {  # of each program: what it counts, in `make test`
    "A2_A3_a_crash_at_any_step_loses_nothing_that_was_acknowledged": ("A3", 100),
    "A5_a_sync_that_fails": ("A5", 8),
    "A6_a_call_of_the_disk_that_fails": ("A6", 8),
    "A8_a_full_disk_and_a_start_on_one": ("A8", 2),
    "A9_A10_damaged_and_misplaced_sectors": ("A10", 30),
    "A11_a_clock_that_jumps": ("A11", 3),
    "A12_reads_beside_a_slow_sync": ("A12", 5),
    "A14_random_operations_against_the_naive_model": ("A14", 1000),
}


@pytest.mark.timeout(300 + 300 * MATRIX)
@pytest.mark.parametrize("name", ROWS)
def test_row(name, capsys):
    """Two programs beside each other, with seeds of their own; what they counted is shown."""
    row, count = ROWS[name]
    commands = [[str(PROGRAM), row, str(count * min(MATRIX, 10 if row == "A14" else MATRIX)), str(SEED * TWINS + number)]
                for number in range(TWINS)]
    programs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for command in commands]
    said = [program.communicate()[0] for program in programs]
    for command, program, text in zip(commands, programs, said):
        closing = [line for line in text.splitlines() if re.match(r"A\d+", line)]
        with capsys.disabled():
            print("\n   " + "\n   ".join(closing), end="")
        assert program.returncode == 0 and closing and closing[-1].endswith(" 0 violations"), f"{' '.join(command)}:\n{text[-8000:]}"


def test_every_seeded_bug_can_still_be_made():
    done = subprocess.run([sys.executable, Path(__file__).with_name("bugs.py"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
