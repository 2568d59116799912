"""Runs the unit tests of a build directory and counts the single tests in their programs.

    run.py BUILD

A program that dies before it has reported a failure counts as one failed test.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path


def count(log):
    """(passed, failed) of one program's log entry."""
    text = (log.get("stdout") or "") + (log.get("stderr") or "")
    total = lambda word: sum(int(n) for n in re.findall(rf"\[  {word}  \] (\d+) test\(s\)", text))
    passed, failed = total("PASSED"), total("FAILED")
    if log["result"] != "OK" and failed == 0:
        failed = 1
    return passed, failed


def main():
    build = Path(sys.argv[1])
    log_file = build / "meson-logs" / "testlog.json"
    log_file.unlink(missing_ok=True)
    status = subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--suite", "unit", "--print-errorlogs",
                             "--num-processes", str(os.cpu_count()), "--quiet"]).returncode
    logs = [json.loads(line) for line in log_file.read_text().splitlines()] if log_file.exists() else []
    counts = [count(log) for log in logs]
    passed, failed = (sum(column) for column in zip(*counts)) if counts else (0, 0)
    print(f"{passed} passed, {failed} failed")
    return status or failed > 0 or passed == 0


if __name__ == "__main__":
    sys.exit(main())
