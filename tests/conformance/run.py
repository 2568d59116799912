"""Other people's clients against our servers.

    run.py BUILD

Arrow's integration client runs its scenarios, and its round trip of a file of many types, against the conformance server,
which is a second server on the handler table of flight/. h2spec runs against mobiusd.
"""

import contextlib
import datetime
import decimal
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import pyarrow as pa

from mobiusd import Mobiusd

SCENARIOS = ["auth:basic_proto", "middleware", "ordered", "poll_flight_info", "app_metadata_flight_info_endpoint"]

# What nghttp2 answers otherwise than h2spec asks, and nghttpd as well.
H2SPEC_EXCEPTIONS = {
    "http2/5.1.1: Sends stream identifier that is numerically smaller than previous":
        "nghttp2 takes a smaller identifier for a stream closed long ago, and ignores the frame",
}


def scenarios(server, clients):
    """(passed, failed) of the integration client's scenarios."""
    environment = os.environ | {"SERVER": f"{server} -port {{port}} -scenario {{scenario}}",
                                "CLIENT": str(clients / "arrow-flight-integration-client")}
    done = subprocess.run([HERE / "flight-scenarios.sh", *SCENARIOS], env=environment, stdout=subprocess.PIPE, text=True)
    print(done.stdout, end="")
    return len(SCENARIOS) - done.returncode, done.returncode


def sample_batches():
    """Two batches over the types that the JSON form and DuckDB both know."""
    day, moment = datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 12, 30, 15, 250)
    columns = {
        "bool": pa.array([True, None, False]),
        **{f"int{bits}": pa.array([-(2 ** (bits - 1)), None, 7], getattr(pa, f"int{bits}")()) for bits in (8, 16, 32, 64)},
        **{f"uint{bits}": pa.array([0, None, 2 ** bits - 1], getattr(pa, f"uint{bits}")()) for bits in (8, 16, 32, 64)},
        "float32": pa.array([0.5, None, -2.25], pa.float32()),
        "float64": pa.array([0.1, None, -1e300], pa.float64()),
        "decimal": pa.array([decimal.Decimal("123.45"), None, decimal.Decimal("-0.01")], pa.decimal128(9, 2)),
        "utf8": pa.array(["", None, "ä😀"]),
        "binary": pa.array([b"", None, b"\x00\xff"]),
        "fixed": pa.array([b"abc", None, b"xyz"], pa.binary(3)),
        "date32": pa.array([day, None, day]),
        "time64": pa.array([moment.time(), None, moment.time()], pa.time64("us")),
        "timestamp": pa.array([moment, None, moment], pa.timestamp("us")),
        "zoned": pa.array([moment, None, moment], pa.timestamp("ns", "UTC")),
        "duration": pa.array([datetime.timedelta(seconds=1), None, datetime.timedelta(-1)], pa.duration("ms")),
        "dictionary": pa.array(["a", None, "b"]).dictionary_encode(),
        "list": pa.array([[1, 2], None, []], pa.list_(pa.int32())),
        "struct": pa.array([{"x": 1, "y": "one"}, None, {"x": None, "y": None}]),
    }
    batch = pa.record_batch(columns)
    return [batch, batch.slice(1)]


@contextlib.contextmanager
def conformance_server(server):
    """Starts it without a scenario, as the round trip wants it; its port."""
    process = subprocess.Popen([server, "-port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        yield re.search(r":(\d+)", process.stdout.readline())[1]
    finally:
        process.terminate()
        process.wait()


def round_trip(server, clients):
    """The client puts a file, gets it back and compares."""
    with tempfile.TemporaryDirectory() as folder:
        arrow, text = Path(folder, "sample.arrow"), Path(folder, "sample.json")
        batches = sample_batches()
        with pa.ipc.new_file(arrow, batches[0].schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        subprocess.run([clients / "arrow-json-integration-test", "-mode", "ARROW_TO_JSON", "-arrow", arrow, "-json", text],
                       check=True, stdout=subprocess.DEVNULL)
        with conformance_server(server) as port:
            done = subprocess.run([clients / "arrow-flight-integration-client", "-host", "127.0.0.1", "-port", port,
                                   "-path", text], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    print("PASS round trip" if done.returncode == 0 else f"FAIL round trip: {done.stdout[:300]}")
    return (1, 0) if done.returncode == 0 else (0, 1)


def h2spec(mobiusd, clients):
    """Every case of h2spec; a listed exception that passes is no exception any more, and fails."""
    with tempfile.TemporaryDirectory() as folder, Mobiusd(Path(folder, "data"), binary=mobiusd) as server:
        host, port = server.location.removeprefix("grpc://").split(":")
        report = Path(folder, "report.xml")
        start = time.monotonic()
        subprocess.run([clients / "h2spec", "-h", host, "-p", port, "-o", "2", "-j", report], stdout=subprocess.DEVNULL)
        alive = server.running()
        cases = list(xml.etree.ElementTree.parse(report).iter("testcase"))
    name = lambda case: f"{case.get('package')}: {case.get('classname')}"
    having = lambda *results: [name(case) for case in cases if any(case.find(result) is not None for result in results)]
    failed, skipped = set(having("failure", "error")), len(having("skipped"))
    for case in sorted(failed - H2SPEC_EXCEPTIONS.keys()):
        print(f"FAIL h2spec {case}")
    for case in sorted(failed & H2SPEC_EXCEPTIONS.keys()):
        print(f"   h2spec, as known: {case} ({H2SPEC_EXCEPTIONS[case]})")
    wrong = len(failed - H2SPEC_EXCEPTIONS.keys()) + (not alive)
    passed = len(cases) - len(failed) - skipped
    print(f"{'FAIL' if wrong else 'PASS'} h2spec: {passed} of {len(cases)}, {skipped} skipped, in {time.monotonic() - start:.0f} s")
    return passed, wrong


def main():
    build = Path(sys.argv[1]).resolve()
    clients = build / "conformance"
    subprocess.run([HERE / "build-clients.sh", clients], check=True)
    server = build / "tests" / "conformance" / "conformance_server"
    results = [scenarios(server, clients), round_trip(server, clients), h2spec(build / "mobiusd", clients)]
    passed, failed = (sum(column) for column in zip(*results))
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
