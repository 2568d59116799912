"""Every case of h2spec against mobiusd.

    h2spec.py BUILD

A listed exception that passes is no exception any more: take it off the list.
"""

import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from mobiusd import Mobiusd

# What is answered otherwise than h2spec asks; of the second, nghttpd does the same.
EXCEPTIONS = {
    "http2/4.2: Sends a large size HEADERS frame that exceeds the SETTINGS_MAX_FRAME_SIZE":
        "we announce frames of 1 MiB, and h2spec sends what exceeds the default of 16 KiB: only that call is refused",
    "http2/5.1.1: Sends stream identifier that is numerically smaller than previous":
        "nghttp2 takes a smaller identifier for a stream closed long ago, and ignores the frame",
}


# Seconds that h2spec waits for an answer. It waits in vain in many cases, hence the short ones; what failed has
# the long ones to show that it was not the machine.
SHORT, LONG = 2, 30


def run(h2spec, server, report, patience, sections=()):
    """The test cases that h2spec reports."""
    host, port = server.location.removeprefix("grpc://").split(":")
    subprocess.run([h2spec, "-h", host, "-p", port, "-o", str(patience), "-j", report, *sections], stdout=subprocess.DEVNULL)
    # What a failed case saw is in the report as it came, bytes that XML cannot hold among it.
    text = re.sub(r"[^\t\n -\ud7ff\ue000-\ufffd]", "?", report.read_text(errors="replace"))
    return list(xml.etree.ElementTree.fromstring(text).iter("testcase"))


def run_all(h2spec, server, report):
    """Every case once, and the sections again in which one failed unexpectedly."""
    cases = run(h2spec, server, report, SHORT)
    doubtful = {name.split(":")[0] for name in names_of(cases, "failure", "error") if name not in EXCEPTIONS}
    if not doubtful:
        return cases
    again = run(h2spec, server, report, LONG, sorted(doubtful))
    return [case for case in cases if case.get("package") not in doubtful] + \
        [case for case in again if case.get("package") in doubtful]


def names_of(cases, *results):
    return [f"{case.get('package')}: {case.get('classname')}" for case in cases
            if any(case.find(result) is not None for result in results)]


def main():
    build = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder, Mobiusd(Path(folder, "data"), binary=build / "mobiusd") as server:
        cases = run_all(build / "conformance" / "bin" / "h2spec", server, Path(folder, "report.xml"))
        survived = server.running()
    failed, skipped = names_of(cases, "failure", "error"), names_of(cases, "skipped")
    for name in failed:
        print(f"as known: {name}: {EXCEPTIONS[name]}" if name in EXCEPTIONS else f"FAIL {name}")
    for name in EXCEPTIONS.keys() - set(failed):
        print(f"FAIL no exception any more: {name}")
    for name in skipped:
        print(f"skipped: {name}")
    if not survived:
        print("FAIL the server ended")
    wrong = len(EXCEPTIONS.keys() ^ set(failed)) + (not survived)
    print(f"{len(cases) - len(failed) - len(skipped)} passed, {wrong} failed")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
