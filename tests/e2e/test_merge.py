"""Many small files become few, and no answer changes: while it happens, after a restart and after a kill in the middle of it."""

import random
import time

import adbc_driver_flightsql.dbapi as adbc
import duckdb
import pyarrow as pa
import pytest

from flights import act, flush, put

QUESTIONS = [
    "SELECT count(*) AS n, sum(v) AS s, min(ts) AS a, max(ts) AS b FROM {}",
    "SELECT host, count(*) AS n, sum(v) AS s FROM {} GROUP BY host ORDER BY host",
    "SELECT count(*) AS n, sum(v) AS s FROM {} WHERE ts >= TIMESTAMP '1970-01-01 00:20:00' AND ts < TIMESTAMP '1970-01-01 00:40:00'",
    "SELECT host, ts, v FROM {} WHERE host = 'h3' ORDER BY ts, v LIMIT 50",
    "SELECT n, count(*) AS c FROM (SELECT host, ts, count(*) AS n FROM {} GROUP BY ALL) GROUP BY n ORDER BY n",
]


def rows(chance, part, count=2000):
    """Mostly the newest half minute, some late by up to an hour, some of one key twice."""
    newest = part * 30_000_000
    times = [newest + chance.randrange(30_000_000) - (chance.randrange(min(newest, 3_600_000_000) + 1) if chance.random() < 0.06 else 0) for _ in range(count)]
    times = [t // 1_000_000 * 1_000_000 if chance.random() < 0.2 else t for t in times]
    return pa.record_batch({
        "ts": pa.array(times, pa.timestamp("us")),
        "host": pa.array([f"h{chance.randrange(9)}" for _ in range(count)]),
        "v": pa.array([chance.randrange(1000) for _ in range(count)], pa.int64()),
    })


class Twin:
    """A server and DuckDB that get the same rows."""

    def __init__(self, server, seed):
        self.server, self.chance, self.parts = server, random.Random(seed), []

    def write(self, parts):
        with self.server.client() as client:
            for _ in range(parts):
                batch = rows(self.chance, len(self.parts))
                put(client, "t", batch)
                self.parts.append(batch)
                flush(client, "t")

    def agrees(self):
        t = pa.Table.from_batches(self.parts)
        for question in QUESTIONS:
            expected = duckdb.sql(question.format("t")).to_arrow_table().to_pylist()
            assert self.server.query(question.format("t")).to_pylist() == expected, question
        del t

    def files(self):
        return self.server.query("SELECT level, rows FROM system.segments WHERE level IS NOT NULL").to_pylist()

    def settle(self, most):
        deadline = time.monotonic() + 120
        while len(self.files()) > most:
            assert time.monotonic() < deadline, self.files()
            self.agrees()


@pytest.fixture
def twin(server):
    return Twin(server, 7)


def test_many_flushes_end_in_few_files(twin):
    twin.write(24)
    twin.settle(12)
    twin.agrees()
    done = twin.server.query("SELECT * FROM system.compactions").to_pylist()
    assert {"merged"} <= {merge["status"] for merge in done} <= {"merged", "moved"}
    assert all(merge["table"] == "t" and merge["inputs"] > 0 for merge in done)
    assert sum(merge["rows"] for merge in done) >= 12 * 2000
    twin.server.stop()
    twin.server.start()
    twin.agrees()


@pytest.mark.settings(**{"compaction.files": "2", "compaction.rate": "64KiB"})
def test_a_kill_while_files_are_merged_changes_no_answer(twin):
    for _ in range(6):
        twin.write(3)
        time.sleep(twin.chance.uniform(0, 0.3))  # the moment of the kill is what is random
        twin.server.kill()
        twin.server.start()
        twin.agrees()
    twin.settle(9)
    twin.agrees()


def test_reading_goes_on_while_files_are_merged(twin):
    twin.write(8)
    with twin.server.client() as client:
        for _ in range(8):
            twin.agrees()
            flush(client, "t")


def test_compact_by_every_way_that_takes_statements(server):
    """Three files stay three by themselves; each way leaves one."""
    with server.client() as client:
        def three(table):
            for part in range(3):
                put(client, table, rows(random.Random(part), part))
                flush(client, table)

        def files(table):
            return server.query(f"SELECT 1 FROM system.segments WHERE level IS NOT NULL AND \"table\" = '{table}'").num_rows

        def by_flight_sql(sql):
            with adbc.connect(server.location, autocommit=True) as connection, connection.cursor() as cursor:
                cursor.execute(sql)

        ways = {
            "ticket": lambda table: server.query(f"COMPACT {table}"),
            "flight_sql": lambda table: by_flight_sql(f"COMPACT TABLE {table}"),
            "execute": lambda table: act(client, "sql.execute", sql=f"COMPACT mobius.htdb.{table}"),
            "action": lambda table: act(client, "table.compact", table=table),
            "every": lambda table: server.query("COMPACT"),
        }
        for table, compact in ways.items():
            three(table)
            assert files(table) == 3, table
            compact(table)
            assert files(table) == 1, table
            assert server.query(f"SELECT count(*) AS n FROM {table}").to_pylist() == [{"n": 6000}], table


@pytest.mark.settings(**{"compaction.files": "2", "memtable.segment_size": "64KiB"})
def test_files_that_wait_stay_few_while_puts_go_on_as_fast_as_they_can(server):
    """Hundreds of files are flushed. Puts are slowed down, and none is refused."""
    batch, most = rows(random.Random(1), 1), 0
    with server.client() as client:
        for _ in range(40):
            put(client, "t", *[batch] * 50)
            figures = {row["name"]: row["value"] for row in server.query("SELECT * FROM system.figures").to_pylist()}
            most = max(most, figures["level_0_files"])
    assert most <= 60
    assert server.query("SELECT count(*) AS n FROM t").to_pylist() == [{"n": 2000 * batch.num_rows}]
