"""UPDATE, DELETE, TRUNCATE and BEGIN; …; COMMIT, through every channel that runs statements, against a list of rows that a plain DuckDB keeps."""

import json
import os
import random
import threading
import time

import adbc_driver_flightsql.dbapi as flightsql
import duckdb
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from flights import act, ask, flush, put, rows, value
from rawgrpc import field, sql_message

SEED = int(os.environ.get("SEED", time.time_ns() % 10**6))
SCHEMA = pa.schema([("host", pa.string()), ("ts", pa.timestamp("us")), ("v", pa.int64()), ("s", pa.string())])


def batch(first, count, host="h"):
    numbers = range(first, first + count)
    return pa.record_batch([[f"{host}{i % 7}" for i in numbers], [i * 1_000_000 for i in numbers], list(numbers), [None if i % 5 == 0 else f"s{i % 11}" for i in numbers]],
                           schema=SCHEMA)


def changed(client, sql):
    return [row for (row,) in rows(client, sql)]


@pytest.fixture
def filled(client):
    put(client, "t", batch(0, 1000), metadata={"mobius.tags": "host"})
    return client


# ---- channels ----

def test_a_ticket_runs_a_change_and_answers_the_rows_it_matched(filled):
    assert changed(filled, "DELETE FROM t WHERE v < 10") == [10]
    assert changed(filled, "DELETE FROM t WHERE v < 10") == [0]
    assert changed(filled, "UPDATE t SET v = v + 5000 WHERE host = 'h3' AND v < 100") == [13]
    assert rows(filled, "SELECT count(*), min(v), max(v) FROM t") == [(990, 11, 5094)]
    assert changed(filled, "TRUNCATE t") == [0]
    assert value(filled, "SELECT count(*) FROM t") == 0


def test_an_action_runs_changes(filled):
    assert act(filled, "sql.execute", sql="DELETE FROM t WHERE v % 2 = 0") == [{"rows": 500}]
    answers = act(filled, "sql.execute", sql="BEGIN; INSERT INTO t (ts, v) VALUES ('2030-01-01', 7), ('2030-01-02', 8); INSERT INTO t (ts) VALUES ('2030-01-03'); COMMIT")
    assert answers == [{"rows": 2}, {"rows": 1}]
    assert value(filled, "SELECT count(*) FROM t") == 503


def test_flight_sql_runs_changes_by_either_path(server, filled):
    put(filled, "u", batch(0, 3))
    with flightsql.connect(server.location) as connection, connection.cursor() as cursor:
        assert cursor.adbc_statement.set_sql_query("DELETE FROM t WHERE v >= 900") is None
        assert cursor.adbc_statement.execute_update() == 100
        cursor.execute("UPDATE t SET s = 'x' WHERE v < 3")
        cursor.execute("BEGIN; UPDATE t SET s = 'y' WHERE v < 2; DELETE FROM u; COMMIT")
    query = sql_message("CommandStatementQuery", field(1, b"BEGIN; DELETE FROM t WHERE v = 899; INSERT INTO u (ts) VALUES (now()), (now()); COMMIT"))
    info = filled.get_flight_info(flight.FlightDescriptor.for_command(query))
    assert value(filled, "SELECT count(*) FROM u") == 2  # it has run
    for _ in range(2):
        assert filled.do_get(info.endpoints[0].ticket).read_all().column("rows").to_pylist() == [1, 2]
    assert value(filled, "SELECT count(*) FROM t WHERE s = 'x'") == 1
    assert value(filled, "SELECT count(*) FROM t") == 899


def test_the_ticket_of_a_change_runs_it_once(filled):
    info = filled.get_flight_info(flight.FlightDescriptor.for_command("DELETE FROM t WHERE v < 5"))
    assert value(filled, "SELECT count(*) FROM t") == 1000  # not yet
    assert filled.do_get(info.endpoints[0].ticket).read_all().column("rows").to_pylist() == [5]
    with pytest.raises(KeyError, match="already executed"):
        filled.do_get(info.endpoints[0].ticket).read_all()


# ---- several statements ----

def test_statements_of_one_text_are_one_commit_and_see_what_was_before_it(filled):
    put(filled, "u", batch(0, 10), metadata={"mobius.tags": "host"})
    text = ("BEGIN; INSERT INTO log SELECT now()::TIMESTAMP, count(*) FROM u; DELETE FROM t WHERE v < 10; INSERT INTO u SELECT * FROM u; "
            "INSERT INTO log SELECT now()::TIMESTAMP, count(*) FROM u; COMMIT")
    ask(filled, "CREATE TABLE log (ts TIMESTAMP, n BIGINT)")
    before = json.loads(filled.do_action(flight.Action("server.info", b"")).__next__().body.to_pybytes())["seq"]
    assert changed(filled, text) == [1, 10, 10, 1]
    after = json.loads(filled.do_action(flight.Action("server.info", b"")).__next__().body.to_pybytes())["seq"]
    assert after == before + 1
    assert rows(filled, "SELECT n FROM log") == [(10,), (10,)]
    assert value(filled, "SELECT count(*) FROM u") == 20


def test_a_text_of_which_one_statement_fails_changes_nothing(filled):
    with pytest.raises(pa.ArrowInvalid, match="nowhere"):
        ask(filled, "BEGIN; INSERT INTO t (ts, v) VALUES ('2030-01-01', 1); DELETE FROM t WHERE v < 10; INSERT INTO nowhere.t VALUES (1); COMMIT")
    with pytest.raises((pa.ArrowInvalid, KeyError), match="missing"):
        ask(filled, "BEGIN; DELETE FROM t WHERE v < 10; INSERT INTO missing VALUES (1); COMMIT")
    with pytest.raises(pa.ArrowInvalid, match="time column"):
        ask(filled, "BEGIN; INSERT INTO t (ts, v) VALUES ('2030-01-01', 1); INSERT INTO t (v) VALUES (1); COMMIT")
    assert value(filled, "SELECT count(*) FROM t") == 1000


@pytest.mark.parametrize("text", ["BEGIN; DELETE FROM t; INSERT INTO t SELECT * FROM t; COMMIT", "BEGIN; DELETE FROM t WHERE v = 1; UPDATE t SET v = 1; COMMIT",
                                  "BEGIN; UPDATE t SET v = 1; INSERT INTO u SELECT * FROM t; COMMIT", "BEGIN; INSERT INTO u SELECT * FROM t; TRUNCATE t; COMMIT",
                                  "BEGIN; DELETE FROM u WHERE v IN (SELECT v FROM t); DELETE FROM t; COMMIT"])
def test_a_table_that_is_deleted_from_is_named_once(filled, text):
    put(filled, "u", batch(0, 10))
    with pytest.raises(pa.ArrowInvalid, match='"t".*no other'):
        ask(filled, text)
    assert rows(filled, "SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM u)") == [(1000, 10)]


# ---- what is refused ----

@pytest.mark.parametrize("text, match", [
    ("DELETE FROM", "name of a table"), ("DELETE FROM nowhere", "nowhere"), ("DELETE FROM t WHERE nothing = 1", "nothing"), ("DELETE FROM system.tables", "read only"),
    ("UPDATE t SET nothing = 1", "no column \"nothing\""), ("UPDATE t SET hosst = 'x'", "did you mean \"host\""),
    ("INSERT INTO t (hots, ts) VALUES ('x', now())", "did you mean \"host\""), ("UPDATE t SET v = 1, v = 2", "twice"), ("UPDATE t SET ts = NULL WHERE v = 1", "NULL"),
    ("UPDATE t SET v = 'x'", "x"), ("DELETE FROM t WHERE v = 1; SELECT 1", "second statement"), ("BEGIN; DELETE FROM t", "COMMIT"),
    ("DELETE FROM t WHERE v = 1) OR (1 = 1", "the end"), ("UPDATE t SET v = max(v)", "aggregate"),
])
def test_changes_that_cannot_be_are_refused_and_change_nothing(filled, text, match):
    with pytest.raises((pa.ArrowInvalid, KeyError), match=match):
        ask(filled, text)
    assert rows(filled, "SELECT count(*), sum(v) FROM t") == [(1000, 499500)]


def test_time_is_an_alias_and_whole_numbers_are_nanoseconds(filled):
    assert changed(filled, "DELETE FROM t WHERE time < 10000000000") == [10]
    assert changed(filled, "DELETE FROM t WHERE time < '1970-01-01T00:00:20Z'") == [10]
    assert changed(filled, "UPDATE t SET time = time + INTERVAL 1 DAY WHERE v = 20") == [1]
    assert rows(filled, "SELECT epoch(ts)::BIGINT FROM t WHERE v = 20") == [(86420,)]


# ---- concurrency ----

def test_a_delete_sees_one_snapshot_and_later_rows_survive_it(server, client):
    """Whole batches of 100 rows are there or not, whatever goes on beside them; what came after a DELETE stays."""
    put(client, "t", batch(0, 100))
    stop, wrong = threading.Event(), []

    def append():
        with server.client() as own:
            for turn in range(1, 10**6):
                if stop.is_set():
                    return
                put(own, "t", batch(turn * 100, 100))

    def look():
        with server.client() as own:
            while not stop.is_set():
                count = value(own, "SELECT count(*) FROM t")
                if count % 100:
                    wrong.append(count)

    threads = [threading.Thread(target=append), threading.Thread(target=look)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(25):
            newest = value(client, "SELECT max(v) FROM t")
            (gone,) = changed(client, "DELETE FROM t WHERE v >= 0")
            assert gone % 100 == 0
            if newest is not None:
                assert value(client, f"SELECT count(*) FROM t WHERE v <= {newest}") == 0
            if turn % 5 == 0:
                flush(client, "t")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong


def test_updates_of_one_table_come_one_after_the_other(server, client):
    put(client, "t", pa.record_batch([["h"], [0], [0], [None]], schema=SCHEMA))

    def count_up():
        with server.client() as own:
            for _ in range(20):
                assert changed(own, "UPDATE t SET v = v + 1") == [1]

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(5):
        flush(client, "t")
    for thread in threads:
        thread.join()
    assert rows(client, "SELECT v FROM t") == [(80,)]


# ---- a twin ----

class Twin:
    """The same statements, told to the server and to a plain DuckDB."""

    COLUMNS = "host, ts, v, s"

    def __init__(self, server):
        self.server, self.chance = server, random.Random(SEED)
        self.plain = duckdb.connect()
        for name in ("t", "u"):
            self.plain.execute(f"CREATE TABLE {name} (host VARCHAR, ts TIMESTAMP, v BIGINT, s VARCHAR)")
        with server.client() as client:
            for name in ("t", "u"):
                put(client, name, batch(0, 0), metadata={"mobius.tags": "host"})
        self.next = 0

    def condition(self):
        low = self.chance.randrange(self.next + 1)
        return self.chance.choice([f"v >= {low} AND v < {low + self.chance.randrange(400)}", f"v % {self.chance.randrange(2, 60)} = 1", f"host = 'h{self.chance.randrange(7)}' AND v > {low}",
                                   f"s = 's{self.chance.randrange(11)}'", f"ts BETWEEN make_timestamp({low}000000) AND make_timestamp({low + 100}000000)", "s IS NULL AND v % 3 = 0"])

    def assignment(self):
        return self.chance.choice(["v = v + 1", "s = host || v", "s = NULL", "host = 'h' || (v % 5)", "v = -v, s = 'x'", "ts = ts + INTERVAL 1 SECOND"])

    def statement(self, name):
        kind = self.chance.choice(["delete", "update", "insert"])
        if kind == "delete":
            return f"DELETE FROM {name} WHERE {self.condition()}"
        if kind == "update":
            return f"UPDATE {name} SET {self.assignment()} WHERE {self.condition()}"
        first, self.next = self.next, self.next + self.chance.randrange(1, 300)
        return f"INSERT INTO {name} SELECT 'h' || (i % 7), make_timestamp(i * 1000000), i, 's' || (i % 11) FROM range({first}, {self.next}) t(i)"

    def step(self, client):
        what = self.chance.random()
        if what < 0.3:
            rows_of = batch(self.next, self.chance.randrange(1, 500))
            self.next += rows_of.num_rows
            put(client, "t", rows_of)
            self.plain.register("arrived", pa.Table.from_batches([rows_of]))
            self.plain.execute("INSERT INTO t SELECT * FROM arrived")
        elif what < 0.75:
            text = self.statement(self.chance.choice("tu"))
            assert changed(client, text) == [self.plain.execute(text).fetchone()[0]], text
        elif what < 0.85:
            parts = [self.statement("t"), self.statement("u")]
            expected = [self.plain.execute(part).fetchone()[0] for part in parts]
            assert changed(client, f"BEGIN; {parts[0]}; {parts[1]}; COMMIT") == expected
        elif what < 0.86:
            ask(client, "TRUNCATE u")
            self.plain.execute("DELETE FROM u")
        else:
            flush(client, self.chance.choice("tu"))

    def compare(self, client):
        for name in ("t", "u"):
            query = f"SELECT {self.COLUMNS} FROM {name} ORDER BY ALL"
            assert ask(client, query).to_pylist() == self.plain.execute(query).fetch_arrow_table().to_pylist(), f"SEED={SEED}"


def test_random_changes_give_the_same_rows_as_a_plain_list(start_server):
    server = start_server(settings={"memtable.segment_size": "1MiB"})
    twin = Twin(server)
    for life in range(4):
        with server.client() as client:
            for _ in range(40):
                twin.step(client)
            twin.compare(client)
        server.kill()
        server.start()
        with server.client() as client:
            twin.compare(client)
