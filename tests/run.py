"""Runs the words of the Makefile given and adds up what they counted.

    run.py style build asan ...

A word's closing line counts its tests, as in "12 passed, 1 failed"; a word without one counts as one test.
"""

import re
import subprocess
import sys
import time


def run(word):
    """Runs one word, showing what it prints; (passed, failed)."""
    closing = ""
    with subprocess.Popen(["make", "--no-print-directory", word], stdout=subprocess.PIPE, text=True,
                          errors="replace") as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            if re.search(r"\d+ (passed|failed|errors?)\b", line):
                closing = line
    number = lambda what: sum(int(n) for n in re.findall(rf"(\d+) {what}", closing))
    passed, failed = number("passed"), number("failed") + number("error")
    if process.returncode != 0:
        return passed, max(failed, 1)
    return (passed, failed) if passed + failed else (1, 0)


def main():
    start = time.monotonic()
    results = {word: run(word) for word in sys.argv[1:]}
    print("\n== all:")
    for word, (passed, failed) in results.items():
        print(f"   {word:12} {passed:5} passed, {failed} failed")
    passed, failed = (sum(column) for column in zip(*results.values()))
    print(f"   in {time.monotonic() - start:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
