"""Measures many small files: how long a start takes to the first answer, and one series and one hour among them.

    files.py [--files N] [--keep]        in the folder that takes data
"""

import argparse
import shutil
import statistics
import time

import pyarrow as pa
import pyarrow.flight as flight

import own
from mobiusd import Mobiusd

HOSTS, ROWS = 10, 60
HOUR_MS = 3_600_000
# As few merges as there can be.
SETTINGS = {"compaction.files": "1000", "cache.columns": "0", "log.level": "error"}


def hour(number):
    """An hour of each host, a row a minute."""
    times = pa.array([number * HOUR_MS + i * 60_000 for _ in range(HOSTS) for i in range(ROWS)], pa.timestamp("ms"))
    hosts = pa.array([f"host_{h}" for h in range(HOSTS) for _ in range(ROWS)])
    return pa.record_batch({"host": hosts, "time": times, "v": pa.array(range(HOSTS * ROWS))})


def query(client, sql):
    return client.do_get(flight.Ticket(sql.encode())).read_all().to_pylist()


def make(files):
    with own.fresh(SETTINGS) as server, server.client() as client:
        for number in range(files):
            writer, _ = client.do_put(flight.FlightDescriptor.for_path("cpu"), hour(0).schema)
            writer.write_batch(hour(number))
            writer.close()
            own.act(server, "table.flush", "cpu")


def start():
    """Milliseconds from the start of the process to its first answer."""
    began = time.perf_counter()
    with Mobiusd(own.DATA, SETTINGS) as server, server.client() as client:
        query(client, "SELECT 1")
        return (time.perf_counter() - began) * 1e3


def one_hour(files, runs):
    """How many files there are by then, and milliseconds of each statement."""
    with Mobiusd(own.DATA, SETTINGS) as server, server.client() as client:
        left = query(client, "SELECT count(*) AS n FROM system.segments WHERE status = 'FLUSHED'")[0]["n"]
        times = []
        for run in range(runs):
            at = (run * 7919) % files
            sql = (f"SELECT count(*) AS n, max(v) AS v FROM cpu WHERE host = 'host_3' AND time >= {at * HOUR_MS}000000"
                   f" AND time < {(at + 1) * HOUR_MS}000000")
            began = time.perf_counter()
            rows = query(client, sql)
            times.append((time.perf_counter() - began) * 1e3)
            assert rows == [{"n": ROWS, "v": 4 * ROWS - 1}], rows
        return left, times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--keep", action="store_true", help="take the data directory that is there, and leave it")
    options = parser.parse_args()
    if not options.keep or not own.DATA.exists():
        make(options.files)
    starts = [start() for _ in range(5)]
    print(f"start with {options.files} files, to the first answer: {statistics.median(starts):.0f} ms"
          f" [{min(starts):.0f}, {max(starts):.0f}]")
    left, times = one_hour(options.files, 50)
    print(f"one series, one hour among {left} of them: {statistics.median(times):.1f} ms [{min(times):.1f}, {max(times):.1f}]")
    if not options.keep:
        shutil.rmtree(own.DATA)


if __name__ == "__main__":
    main()
