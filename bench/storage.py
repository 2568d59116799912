"""Measures what stored rows cost: bytes a point, bytes written again by merges, and the rate that flush and merges keep up
with for minutes.

    storage.py [--quick] [--only size,disorder,dedup,writer,held] [--minutes N] [--rate ROWS]

Results go to the screen and to results.jsonl.

*size*      D1 and D1f (README.md) put, flushed and merged: as it happens on its own, then as far as it goes.
*disorder*  D1 in order and disordered in turns: the rate of ingest, and bytes written ÷ bytes of first flushes.
*dedup*     D1, without a row that replaces another, in a table that keeps the last of equal keys, beside a plain one.
*writer*    single rows through a mobius_writer, in a process of its own.
*held*      D1 for N minutes at a rate that flush and merges keep up with: what is taken in a minute and a half, with the
            time its merges need afterwards, or --rate. Then for N minutes at 70 % of what was held, by appends of 1,000
            rows, each timed from when it was due.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

import own
import suite
import tsgen

HOSTS, INTERVAL_MS = 1000, 10_000
MOST_COMPACTIONS = 1000  # what system.compactions remembers
STREAMS = 4
WRITER_ROWS = 2_000_000
FRESH_FILES = 4          # compaction.files: so many start a merge
SETTLED_SECONDS = 2      # so long idle: nothing is left to do
PATIENCE_SECONDS = 600
TRIAL_MINUTES = 1.5
FULL = dict(rows=8_640_000, rounds=5, runs=15)
QUICK = dict(rows=2_160_000, rounds=1, runs=3)


def batches_of(kind, rows, batch_rows=10_000, arrival="ordered"):
    seconds = rows // HOSTS * INTERVAL_MS // 1000
    return list(tsgen.batches(kind, HOSTS, seconds, INTERVAL_MS, batch_rows=batch_rows, arrival=arrival)[1])


# ---- What lies where ----

def files(server, table):
    """(number of files, their bytes, how many of them are fresh from a flush)"""
    answer = server.query("SELECT count(*) AS n, coalesce(sum(bytes), 0)::BIGINT AS bytes, "
                          "count(*) FILTER (level = 0) AS fresh "
                          f"FROM system.segments WHERE \"table\" = '{table}' AND file IS NOT NULL").to_pylist()[0]
    return answer["n"], answer["bytes"], answer["fresh"]


def points(batches):
    return sum(batch.num_rows * (batch.num_columns - 2) for batch in batches)


def settle(server, table):
    """Waits until merges have done what they do on their own; seconds it took."""
    peer, start = own.peer_of(server), time.perf_counter()
    idle_since, cpu = start, peer.cpu_seconds()
    while time.perf_counter() - start < PATIENCE_SECONDS:
        time.sleep(0.25)
        if (now := peer.cpu_seconds()) - cpu > 0.05 or files(server, table)[2] >= FRESH_FILES:
            idle_since = time.perf_counter()
        elif time.perf_counter() - idle_since > SETTLED_SECONDS:
            break
        cpu = now
    return idle_since - start


def written_again(server, table):
    """(bytes written, bytes of first flushes): a flush or a merge made each file; it is there or went into a merge."""
    merges = server.query("SELECT bytes_in, bytes_out, status FROM system.compactions "
                          f"WHERE \"table\" = '{table}'").to_pylist()
    if len(merges) >= MOST_COMPACTIONS:
        raise ValueError("more merges than are remembered")
    done = [merge for merge in merges if merge["status"] == "merged"]
    flushed = files(server, table)[1] + sum(merge["bytes_in"] - merge["bytes_out"] for merge in done)
    return flushed + sum(merge["bytes_out"] for merge in merges if merge["status"] != "moved"), flushed


def write_amplification(server, table, metric, **config):
    written, flushed = written_again(server, table)
    count, size, fresh = files(server, table)
    own.write(metric, written / flushed, "x", written=written, flushed=flushed, files=count, fresh=fresh, bytes=size, **config)


# ---- Sizes ----

def measure_size(plan):
    for kind in ("cpu", "cpuf"):
        batches = batches_of(kind, plan["rows"])
        with own.fresh() as server:
            suite.put(own.peer_of(server), kind, batches)
            own.act(server, "table.flush", kind)
            settle(server, kind)
            for moment in ("merged", "compacted"):
                if moment == "compacted":
                    own.act(server, "table.compact", kind)
                count, size, _ = files(server, kind)
                own.write("size", size / points(batches), "B/point", kind=kind, moment=moment, files=count)


# ---- Order ----

def measure_disorder(plan):
    data = {arrival: batches_of("cpu", plan["rows"], arrival=arrival) for arrival in ("ordered", "disordered")}
    rates = {arrival: [] for arrival in data}
    for turn in range(plan["rounds"]):
        for arrival in data if turn % 2 == 0 else reversed(data):
            with own.fresh() as server:
                peer = own.peer_of(server)
                seconds = suite.put(peer, "cpu", data[arrival])
                rows = sum(batch.num_rows for batch in data[arrival])
                if peer.count("cpu") != rows:
                    raise ValueError(f"{peer.count('cpu')} rows instead of {rows}")
                rates[arrival].append(rows / seconds)
                own.act(server, "table.flush", "cpu")
                seconds = settle(server, "cpu")
                write_amplification(server, "cpu", "amplification", arrival=arrival, turn=turn, settled_after=seconds)
    for arrival, values in rates.items():
        own.write("disorder.ingest", statistics.median(values), "rows/s", arrival=arrival)
    ratios = [late / ordered for late, ordered in zip(rates["disordered"], rates["ordered"])]
    own.write("disorder.ingest.share", statistics.median(ratios), "x", least=min(ratios), most=max(ratios))


# ---- The last of equal keys ----

DEDUP_QUERIES = {
    "sum of all": "SELECT sum(usage_user), sum(usage_idle), count(*) FROM {}",
    "by host": "SELECT hostname, max(usage_user), count(*) FROM {} GROUP BY hostname ORDER BY hostname",
    "one host": "SELECT ts, usage_user FROM {} WHERE hostname = 'host_500' ORDER BY ts",
    "one hour": "SELECT max(usage_user), count(*) FROM {} WHERE ts >= '2016-01-01 02:00:00' AND ts < '2016-01-01 03:00:00'",
}


def in_turns(names, turns, work):
    """{name: [work(name) of each turn]}, A B, B A, …"""
    values = {name: [] for name in names}
    for turn in range(turns):
        for name in names if turn % 2 == 0 else reversed(names):
            values[name].append(work(name))
    return values


def write_share(metric, ours, theirs, **config):
    shares = [mine / other for mine, other in zip(ours, theirs)]
    own.write(metric, statistics.median(ours) / statistics.median(theirs), "x", least=min(shares), most=max(shares), **config)


def timed_query(peer, sql):
    start = time.perf_counter()
    answer = peer.query(sql)
    return time.perf_counter() - start, answer


def fill(peer, table, schema, batches):
    """A new table of D1's columns; rows a second."""
    peer.drop(table)
    types = {"ts": "TIMESTAMP", "hostname": "VARCHAR"}
    columns = ", ".join(f"{name} {types.get(name, 'BIGINT')}" for name in schema.names)
    peer.query(f"CREATE TABLE {table} ({columns}) WITH (dedup = '{'last' if table == 'last' else 'none'}')")
    seconds = suite.put(peer, table, batches)
    rows = sum(batch.num_rows for batch in batches)
    if peer.count(table) != rows:
        raise ValueError(f"{peer.count(table)} rows instead of {rows}")
    return rows / seconds


def measure_dedup(plan):
    batches = batches_of("cpu", plan["rows"])
    with own.fresh() as server:
        peer = own.peer_of(server)
        rates = in_turns(["plain", "last"], plan["rounds"], lambda table: fill(peer, table, batches[0].schema, batches))
        write_share("dedup.ingest.share", rates["last"], rates["plain"])
        for table in rates:
            own.act(server, "table.flush", table)
            own.act(server, "table.compact", table)
        for name, sql in DEDUP_QUERIES.items():
            if timed_query(peer, sql.format("plain"))[1] != timed_query(peer, sql.format("last"))[1]:
                raise ValueError(f"{name}: the tables' answers differ")
            times = in_turns(["plain", "last"], plan["runs"], lambda table: timed_query(peer, sql.format(table))[0])
            write_share("dedup.read.share", times["last"], times["plain"], query=name,
                        plain_ms=statistics.median(times["plain"]) * 1e3)


# ---- Single rows ----

def measure_writer(plan):
    program, folder, rates = Path(__file__).with_name("writer"), Path("data"), []
    for _ in range(plan["rounds"]):
        shutil.rmtree(folder, ignore_errors=True)
        done = subprocess.run([program, folder, str(WRITER_ROWS)], check=True, capture_output=True, text=True)
        result = json.loads(done.stdout)
        if result["rows"] != WRITER_ROWS:
            raise ValueError(f"{result['rows']} rows instead of {WRITER_ROWS}")
        rates.append(result["rows"] / result["seconds"])
    own.write("writer.rows", statistics.median(rates), "rows/s", least=min(rates), most=max(rates))


# ---- For minutes ----

class EndlessDay:
    """A day of D1 again and again: each time the times go on."""

    def __init__(self, rows, batch_rows):
        self.batches = batches_of("cpu", rows, batch_rows)
        self.schema, self.day_us = self.batches[0].schema, rows // HOSTS * INTERVAL_MS * 1000
        self.times = [batch.column(0).cast(pa.int64()).to_numpy() for batch in self.batches]

    def batch(self, i):
        day, at = divmod(i, len(self.batches))
        times = pa.array(self.times[at] + day * self.day_us).cast(self.schema.field(0).type)
        return pa.record_batch([times, *self.batches[at].columns[1:]], schema=self.schema)


def flood(peer, day, seconds):
    """Puts over two streams as fast as it is taken; (rows, seconds to the last acknowledgement)."""
    end, streams, sent = time.perf_counter() + seconds, 2, [0, 0]

    def send(i):
        stream = suite.PutStream(peer, "cpu", day.schema)
        while time.perf_counter() < end:
            stream.write(batch := day.batch(sent[i] * streams + i))
            sent[i] += batch.num_rows and 1
        stream.finish()

    elapsed = suite.in_threads(send, range(streams))
    return sum(sent) * day.batches[0].num_rows, elapsed


def pace(peer, day, rows_per_s, seconds):
    """Open loop: appends of one batch each at a fixed rate; (when each was due, when it was acknowledged)."""
    interval = day.batches[0].num_rows / rows_per_s
    due = time.perf_counter() + 0.1 + interval * np.arange(int(seconds / interval))
    streams = [suite.PutStream(peer, "cpu", day.schema) for _ in range(STREAMS)]

    def send(k):
        for i in range(k, len(due), STREAMS):
            batch = day.batch(i)
            if (pause := due[i] - time.perf_counter()) > 0:
                time.sleep(pause)
            streams[k].write(batch)
        streams[k].finish()

    suite.in_threads(send, range(STREAMS))
    return due, np.stack([np.array(stream.acknowledged)[:len(due) // STREAMS] for stream in streams], axis=1).ravel()


def watch(server, ended, highest):
    """How many files wait to be merged, at most."""
    while not ended.wait(1):
        highest.append(files(server, "cpu")[2])


def watched(server, work):
    ended, highest = threading.Event(), [0]
    watcher = threading.Thread(target=watch, args=(server, ended, highest))
    watcher.start()
    try:
        return work(), max(highest)
    finally:
        ended.set()
        watcher.join()


def tried_rate(day, minutes):
    """What is taken, with the time that merges need afterwards."""
    with own.fresh() as server:
        rows, seconds = flood(own.peer_of(server), day, minutes * 60)
        return rows / (seconds + settle(server, "cpu"))


def held_rate(plan):
    """Flush and merges keep up with it: what they had left at the end counts."""
    day = EndlessDay(plan["rows"], 10_000)
    offered = plan["rate"] or tried_rate(day, min(TRIAL_MINUTES, plan["minutes"]))
    with own.fresh() as server:
        start = time.perf_counter()
        (_, acknowledged), fresh = watched(
            server, lambda: pace(own.peer_of(server), day, offered, plan["minutes"] * 60))
        seconds = time.perf_counter() - start
        left = settle(server, "cpu")
        rate = len(acknowledged) * day.batches[0].num_rows / (seconds + left)
        own.write("held.rate", rate, "rows/s", minutes=plan["minutes"], offered=round(offered), settled_after=left,
                  most_fresh_files=fresh)
        write_amplification(server, "cpu", "held.amplification")
    return rate


def held_latency(plan, rate):
    day = EndlessDay(plan["rows"], 1000)
    with own.fresh() as server:
        (due, acknowledged), fresh = watched(
            server, lambda: pace(own.peer_of(server), day, 0.7 * rate, plan["minutes"] * 60))
    count = len(acknowledged)
    late = acknowledged - due[:count]
    stall = np.diff(np.sort(acknowledged)).max()
    config = dict(rows_per_s=round(0.7 * rate), minutes=plan["minutes"], most_fresh_files=fresh)
    for share in (50, 99, 99.9):
        own.write(f"held.append.p{share}", float(np.percentile(late, share)) * 1e3, "ms", **config)
    own.write("held.longest_stall", float(stall) * 1e3, "ms", **config)


def measure_held(plan):
    held_latency(plan, held_rate(plan))


MEASURES = {"size": measure_size, "disorder": measure_disorder, "dedup": measure_dedup, "writer": measure_writer,
            "held": measure_held}


def measure(names, quick=False, minutes=None, rate=None, **more):
    plan = dict(QUICK if quick else FULL, minutes=minutes or (0.1 if quick else 10), rate=rate)
    plan |= {key: value for key, value in more.items() if value is not None}
    for name in names:
        try:
            MEASURES[name](plan)
        except Exception as error:
            own.write(name, None, "FAIL", error=str(error)[:200])
    shutil.rmtree(own.DATA, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rows, one round, seconds for minutes: shows that all works")
    parser.add_argument("--only", default=",".join(MEASURES))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--rows", type=int, help="of `size` and `disorder`; a day of D1, 8,640,000, when not given")
    parser.add_argument("--minutes", type=float, help="of `held`; 10 when not given")
    parser.add_argument("--rate", type=float, help="rows/s to be held, instead of what a trial comes to")
    options = parser.parse_args()
    own.RESULTS.unlink(missing_ok=True)
    measure(options.only.split(","), options.quick, options.minutes, options.rate, rounds=options.rounds, rows=options.rows)
    text = own.RESULTS.read_text()
    print(text, end="")
    return '"FAIL"' in text


if __name__ == "__main__":
    sys.exit(main())
