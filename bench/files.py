"""Measures many small files: how long a start takes until it is ready and to its first answer, and one series and one
hour among them.

    files.py [--files N] [--tables N] [--keep]        in the folder that takes data and results.jsonl
"""

import argparse
import shutil
import statistics
import time

import pyarrow as pa
import pyarrow.flight as flight

import own
import suite
from mobiusd import Mobiusd

HOSTS, ROWS = 10, 300
HOUR_MS = 3_600_000
STEP_MS = HOUR_MS // ROWS
# Each batch becomes a file, and files stay as they are: no table has as many as start a merge.
SETTINGS = {"compaction.files": "1000", "memtable.segment_size": "64KiB", "cache.columns": "0", "log.level": "error"}
MOST_OF_A_TABLE = 900


def hour(number):
    """An hour of each host."""
    times = pa.array([number * HOUR_MS + i * STEP_MS for _ in range(HOSTS) for i in range(ROWS)], pa.timestamp("ms"))
    hosts = pa.array([f"host_{h}" for h in range(HOSTS) for _ in range(ROWS)])
    return pa.record_batch({"host": hosts, "time": times, "v": pa.array(range(HOSTS * ROWS))})


def query(client, sql):
    return client.do_get(flight.Ticket(sql.encode())).read_all().to_pylist()


def count_files(client):
    return query(client, "SELECT count(*) AS n FROM system.segments WHERE file IS NOT NULL")[0]["n"]


def make(tables, hours):
    """Acknowledged one by one, so that each batch ends its segment."""
    with own.fresh(SETTINGS) as server, server.client() as client:
        streams = [suite.PutStream(own.peer_of(server), table, hour(0).schema) for table in tables]
        for number in range(hours):
            batch = hour(number)
            for stream in streams:
                stream.writer.write_batch(batch)
            for stream in streams:
                stream.arrived.get(timeout=60)
        for stream, table in zip(streams, tables):
            stream.finish()
            own.act(server, "table.flush", table)
        return count_files(client)


def start():
    """Milliseconds from the start of the process until it is ready, and to its first answer."""
    began = time.perf_counter()
    with Mobiusd(own.DATA, SETTINGS) as server:
        ready = time.perf_counter()
        with server.client() as client:
            query(client, "SELECT 1")
            return (ready - began) * 1e3, (time.perf_counter() - began) * 1e3


def one_hour(tables, hours, runs):
    """Milliseconds of each statement."""
    with Mobiusd(own.DATA, SETTINGS) as server, server.client() as client:
        times = []
        for run in range(runs):
            at, table = (run * 7919) % hours, tables[run % len(tables)]
            sql = (f"SELECT count(*) AS n, max(v) AS v FROM {table} WHERE host = 'host_3' AND time >= {at * HOUR_MS}000000"
                   f" AND time < {(at + 1) * HOUR_MS}000000")
            began = time.perf_counter()
            rows = query(client, sql)
            times.append((time.perf_counter() - began) * 1e3)
            assert rows == [{"n": ROWS, "v": 4 * ROWS - 1}], rows
        return times


def tell(metric, times, files):
    own.write(metric, statistics.median(times), "ms", files=files, least=min(times), most=max(times))


def measure(files=10_000, tables=20, keep=False):
    names, hours = [f"cpu_{i}" for i in range(tables)], -(-files // tables)
    if hours > MOST_OF_A_TABLE:
        raise ValueError(f"at most {MOST_OF_A_TABLE} files in a table: more would be merged")
    if not keep or not own.DATA.exists():
        made = make(names, hours)
        if made < files:
            raise ValueError(f"{made} files instead of {files}")
    starts = [start() for _ in range(5)]
    tell("files.ready", [ready for ready, _ in starts], files)
    tell("files.first_answer", [answer for _, answer in starts], files)
    tell("files.one_hour", one_hour(names, hours, 50), files)
    if not keep:
        shutil.rmtree(own.DATA)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--tables", type=int, default=20)
    parser.add_argument("--keep", action="store_true", help="take the data directory that is there, and leave it")
    options = parser.parse_args()
    own.RESULTS.unlink(missing_ok=True)
    measure(options.files, options.tables, options.keep)
    print(own.RESULTS.read_text(), end="")


if __name__ == "__main__":
    main()
