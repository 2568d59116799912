"""Measures what deleted rows cost: sums of a table before and after every hundredth row of it was deleted.

    deleted.py [--rows N] [--rounds N]        in the folder that takes data and results.jsonl
"""

import argparse
import json
import shutil
import statistics
import time

import pyarrow.flight as flight

import own
import suite
import tsgen

SUM = "SELECT sum(usage_user) AS total, count(*) AS n FROM {}"


def ask(client, sql):
    return client.do_get(flight.Ticket(sql.encode())).read_all().to_pylist()


def change(client, sql):
    return list(client.do_action(flight.Action("sql.execute", json.dumps({"sql": sql}).encode())))


def measure_one(rows, rounds, moment, settings):
    """Two equal tables, rows of one of them deleted, asked in turns."""
    hosts, interval_ms = 1000, 10_000
    batches = list(tsgen.batches("cpu", hosts, rows // hosts * interval_ms // 1000, interval_ms)[1])
    with own.fresh(settings) as server, server.client() as client:
        for table in ("whole", "holed"):
            suite.put(own.peer_of(server), table, batches)
            if moment != "in memory":
                own.act(server, "table.compact", table)
        # Every hundredth row of each series, in each at another place, so that no block of rows is without one.
        change(client, "DELETE FROM holed WHERE (epoch_ns(ts) // 10000000000 + substr(hostname, 6)::BIGINT) % 100 = 7")
        left = ask(client, "SELECT count(*) AS n FROM holed")[0]["n"]
        times = {"whole": [], "holed": []}
        for turn in range(rounds + 1):
            for table in times if turn % 2 else reversed(times):
                began = time.perf_counter()
                ask(client, SUM.format(table))
                times[table].append((time.perf_counter() - began) * 1e3)
    shutil.rmtree(own.DATA)
    whole, holed = (statistics.median(times[table][1:]) for table in ("whole", "holed"))
    own.write("deleted.sum", holed / whole, "x", rows_are=moment, rows=rows, deleted=rows - left, ms=holed, whole_ms=whole)


def measure(rows=5_000_000, rounds=15):
    large = {"memtable.segment_size": "1GiB", "memtable.limit": "8GiB", "memtable.segment_age": "1d"}
    measure_one(rows, rounds, "in memory", large)
    measure_one(rows, rounds, "in files", {"cache.columns": "0"})
    measure_one(rows, rounds, "in files and memory", None)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    own.RESULTS.unlink(missing_ok=True)
    measure(options.rows, options.rounds)
    print(own.RESULTS.read_text(), end="")


if __name__ == "__main__":
    main()
