"""What statements change of databases and tables, while rows come and go."""

import datetime
import json
import os
import random
import threading
import time

import adbc_driver_flightsql.dbapi as adbc
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from arrow_values import KINDS, column
from flights import acknowledgements, act, ask, columns_of, flush, path, put, rows, start_put, table_names, value
from waiting import wait_for

NANO = pa.timestamp("ns")
SECOND = 1_000_000_000
DAY = 86400 * SECOND


def series(times, **columns):
    return pa.record_batch({"ts": pa.array(times, NANO), "host": pa.array(["a"] * len(times)),
                            **{name: pa.array(values) for name, values in columns.items()}})


def refused(client, sql, kind, *parts):
    with pytest.raises(kind) as refusal:
        rows(client, sql)
    for part in parts:
        assert part in str(refusal.value)


# ---- databases ----

@pytest.mark.parametrize("end", ["stop", "kill"])
def test_databases_own_tables_and_survive_a_restart(server, end):
    def again():
        getattr(server, end)()
        server.start()

    with server.client() as client:
        rows(client, "CREATE DATABASE plant")
        rows(client, "CREATE DATABASE IF NOT EXISTS plant")
        put(client, path("plant", "htdb", "pump"), series([1, 2], v=[1, 2]))
        put(client, "pump", series([1], v=[9]))
        rows(client, "CREATE TABLE plant.htdb.valve (ts TIMESTAMP, v BIGINT)")
        assert rows(client, "SHOW DATABASES") == [("mobius", 1), ("plant", 2)]
        assert rows(client, "SELECT name, tables, rows FROM system.databases ORDER BY name") == [("mobius", 1, 1), ("plant", 2, 2)]
        assert table_names(client) == ["pump"]
        listed = [[part.decode() for part in info.descriptor.path] for info in client.list_flights(b"plant.%")]
        assert listed == [["plant", "htdb", "pump"], ["plant", "htdb", "valve"]]
        for info in client.list_flights(b"plant.pump"):
            assert client.do_get(info.endpoints[0].ticket).read_all().num_rows == 2
            assert client.get_flight_info(info.descriptor).schema.equals(info.schema)
    again()
    with server.client() as client:
        assert value(client, "SELECT sum(v) FROM PLANT.htdb.pump") == 3
        assert value(client, "SELECT sum(v) FROM pump") == 9
        rows(client, "DROP DATABASE plant")
        assert rows(client, "SHOW DATABASES") == [("mobius", 1)]
        refused(client, "SELECT * FROM plant.htdb.pump", pa.ArrowException, "no database")
    again()
    with server.client() as client:
        assert rows(client, "SHOW DATABASES") == [("mobius", 1)]
        rows(client, "CREATE DATABASE plant")
        assert rows(client, "SELECT name FROM system.tables WHERE database = 'plant'") == []


def test_a_database_may_go_while_a_stream_writes_into_it_and_its_name_is_free_at_once(client):
    rows(client, "CREATE DATABASE d")
    batch = series([1, 2, 3], v=[1, 2, 3])
    writer, reader = start_put(client, path("d", "htdb", "t"), batch.schema)
    writer.write_batch(batch)
    assert json.loads(reader.read().to_pybytes())["rows"] == 3
    rows(client, "DROP DATABASE d")
    rows(client, "CREATE DATABASE d")
    put(client, path("d", "htdb", "t"), series([1], v=[7]))
    with pytest.raises(pa.ArrowException, match="dropped"):
        while True:
            writer.write_batch(batch)
            reader.read()
    with pytest.raises(pa.ArrowException):
        writer.close()
    assert rows(client, "SELECT v FROM d.htdb.t") == [(7,)]


def test_a_dropped_databases_files_leave_the_disk(server, client):
    rows(client, "CREATE DATABASE d")
    for table in ("a", "b"):
        put(client, path("d", "htdb", table), series([1], v=[1]))
    flush(client)
    files = [file for (file,) in rows(client, "SELECT file FROM system.segments WHERE file IS NOT NULL")]
    assert len(files) == 2
    rows(client, "DROP DATABASE d")
    wait_for(lambda: not any(os.path.exists(file) for file in files), files)


def test_what_is_wrong_with_databases_is_said(client):
    rows(client, "CREATE DATABASE plant")
    refused(client, "CREATE DATABASE plant", pa.ArrowException, "exists already")
    for name in ("system", "HTDB", "rtdb", "main", "information_schema"):
        refused(client, f"CREATE DATABASE {name}", pa.ArrowInvalid, "reserved")
    refused(client, 'CREATE DATABASE "a b"', pa.ArrowInvalid, "letters, digits")
    refused(client, "DROP DATABASE plnt", pa.ArrowException, "did you mean", "plant")
    rows(client, "DROP DATABASE IF EXISTS plnt")
    refused(client, "DROP DATABASE mobius", pa.ArrowInvalid, "default")
    with pytest.raises(pa.ArrowException, match="no database"):
        put(client, path("other", "htdb", "t"), series([1]))


# ---- ALTER TABLE ----

FLUSHES = {"memory": lambda server, client: None, "file": lambda server, client: flush(client),
           "restart": lambda server, client: server.restart(), "kill": lambda server, client: (server.kill(), server.start())}


@pytest.mark.parametrize("between", FLUSHES)
def test_old_rows_are_read_under_the_new_columns(server, between):
    def go_on():
        with server.client() as client:
            FLUSHES[between](server, client)

    def now(sql):
        with server.client() as client:
            return rows(client, sql)

    with server.client() as client:
        put(client, "t", series([1], a=[1], b=["x"]), metadata={"mobius.tags": "host"})
    go_on()
    now("ALTER TABLE t ADD COLUMN c DOUBLE")
    assert now("SELECT a, b, c FROM t") == [(1, "x", None)]
    now("INSERT INTO t VALUES ('1970-01-01', 'a', 2, 'y', 0.5)")
    go_on()
    now("ALTER TABLE t RENAME COLUMN a TO b2")
    now("ALTER TABLE t DROP COLUMN b")
    now("ALTER TABLE t RENAME COLUMN b2 TO b")
    go_on()
    assert now("SELECT b, c FROM t ORDER BY b") == [(1, None), (2, 0.5)]
    now("ALTER TABLE t DROP COLUMN c")
    now("ALTER TABLE t ADD COLUMN c VARCHAR")
    now("INSERT INTO t VALUES ('1970-01-01', 'a', 3, 'new')")
    go_on()
    assert now("SELECT b, c FROM t ORDER BY b") == [(1, None), (2, None), (3, "new")]
    now("ALTER TABLE t RENAME COLUMN ts TO moment")
    go_on()
    assert now("SELECT b FROM t WHERE time < '1970-01-01 00:00:00.000000001' ORDER BY moment, b") == [(2,), (3,)]
    with server.client() as client:
        assert [name for name in columns_of(client, "t")] == ["moment", "host", "b", "c"]


def test_a_new_tag_is_null_in_old_rows_and_tells_new_ones_apart(client):
    put(client, "t", series([1], v=[1]))
    rows(client, "ALTER TABLE t ADD COLUMN rack VARCHAR TAG")
    assert columns_of(client, "t")["rack"] == ("string", "tag")
    rows(client, "INSERT INTO t VALUES ('1970-01-01', 'a', 2, 'r1'), ('1970-01-01', 'a', 3, 'r2')")
    flush(client)
    assert rows(client, "SELECT rack, v FROM t ORDER BY v") == [(None, 1), ("r1", 2), ("r2", 3)]


def test_what_cannot_be_altered_says_why(client):
    put(client, "t", series([1], v=[1]))
    for sql, parts in {
        "ALTER TABLE t DROP COLUMN ts": ("time column", "cannot be dropped"),
        "ALTER TABLE t DROP COLUMN HOST": ("tag column", "cannot be dropped"),
        "ALTER TABLE t ADD COLUMN V BIGINT": ("only in case",),
        "ALTER TABLE t RENAME v TO Host": ("only in case",),
        "ALTER TABLE t RENAME v TO \"a\nb\"": ("control character",),
        "ALTER TABLE t ADD COLUMN r DOUBLE TAG": ("cannot be a tag",),
        "ALTER TABLE t ADD COLUMN r BIGINT NOT NULL": ("NOT NULL",),
        "ALTER TABLE t SET (ttl = '0d')": ("more than 0",),
        "ALTER TABLE t SET (ttl = '-1d')": ("more than 0",),
        "ALTER TABLE t SET (ttl = 'soon')": ("ttl", "duration"),
        "ALTER TABLE t SET (durability = 'never')": ("durable or async",),
        "ALTER TABLE t SET (durabilty = 'async')": ("did you mean durability",),
        "ALTER TABLE t SET (tags = 'v')": ("when the table is made",),
        "CREATE TABLE p (a BIGINT) WITH (ttl = '1d')": ("time column",),
        "CREATE TABLE p (ts TIMESTAMP) WITH (tll = '1d')": ("did you mean ttl",),
    }.items():
        refused(client, sql, pa.ArrowInvalid, *parts)
    refused(client, "ALTER TABLE t ADD COLUMN v BIGINT", pa.ArrowException, "already")
    refused(client, "ALTER TABLE t DROP COLUMN vv", pa.ArrowException, "no column")
    refused(client, "ALTER TABLE nowhere DROP COLUMN v", pa.ArrowException, "no table")
    rows(client, "ALTER TABLE t ADD COLUMN IF NOT EXISTS v BIGINT")
    rows(client, "ALTER TABLE t DROP COLUMN IF EXISTS vv")
    rows(client, "ALTER TABLE IF EXISTS nowhere DROP COLUMN v")
    assert value(client, "SELECT schema_version FROM system.tables") == 1


def test_a_stream_goes_on_over_a_rename_and_ends_with_a_drop(client):
    batch = series([1], v=[1], w=[10])
    writer, reader = start_put(client, "t", batch.schema)

    def send():
        writer.write_batch(batch)
        return json.loads(reader.read().to_pybytes())

    send()
    rows(client, "ALTER TABLE t RENAME COLUMN v TO vv")
    rows(client, "ALTER TABLE t RENAME COLUMN ts TO moment")
    assert send()["rows"] == 2
    # Another column of the old name is another column.
    put(client, "t", pa.record_batch({"moment": pa.array([1], NANO), "host": pa.array(["a"]), "v": pa.array([5])}))
    assert send()["rows"] == 3
    assert sorted(rows(client, "SELECT vv, w, v FROM t"), key=str) == [(1, 10, None)] * 3 + [(None, None, 5)]
    rows(client, "ALTER TABLE t DROP COLUMN w")
    rows(client, "ALTER TABLE t ADD COLUMN w BIGINT")
    with pytest.raises(pa.ArrowException, match='column "w" was dropped'):
        writer.write_batch(batch)
        reader.read()
        writer.close()
    assert rows(client, "SELECT count(*), count(w) FROM t") == [(4, 0)]


def test_a_finer_unit_is_refused_where_a_stored_value_does_not_fit(client):
    ms, far = pa.timestamp("ms"), 40_000_000_000_000  # the year 3237
    for name, kind, values in (("t", ms, [far]), ("n", pa.list_(ms), [[1, far]]), ("s", pa.struct([("x", ms)]), [{"x": far}])):
        time_column = values if name == "t" else [1]
        columns = {"ts": pa.array(time_column, ms)} | ({} if name == "t" else {"c": pa.array(values, kind)})
        put(client, name, pa.record_batch(columns))
        finer = {"t": {"ts": pa.array([1], NANO)}, "n": {"c": pa.array([[1]], pa.list_(NANO))},
                 "s": {"c": pa.array([{"x": 1}], pa.struct([("x", NANO)]))}}[name]
        for _ in ("memory", "file"):
            with pytest.raises(pa.ArrowInvalid, match="out of its range"):
                put(client, name, pa.record_batch({"ts": pa.array([1], ms)} | finer))
            flush(client)
        assert value(client, f"SELECT count(*) FROM {name}") == 1
    # What fits grows, inside lists and structs as well, and is flushed.
    put(client, "g", pa.record_batch({"ts": pa.array([1], ms), "c": pa.array([[1, 2]], pa.list_(ms))}))
    put(client, "g", pa.record_batch({"ts": pa.array([1], ms), "c": pa.array([[3]], pa.list_(NANO))}))
    flush(client)
    grown = ask(client, "SELECT c FROM g").column(0)
    assert grown.type == pa.list_(NANO)
    assert sorted(grown.cast(pa.list_(pa.int64())).to_pylist()) == [[3], [1_000_000, 2_000_000]]


# ---- retention ----

def test_rows_past_ttl_are_not_seen_and_late_ones_are_counted(server, client):
    now = time.time_ns()
    put(client, "t", series([now - 3 * DAY, now - 2 * DAY + 3600 * SECOND, now], v=[1, 2, 3]), metadata={"mobius.ttl": "100d"})
    flush(client)
    put(client, "t", series([now - 3 * DAY, now - SECOND], v=[4, 5]))
    rows(client, "ALTER TABLE t SET (ttl = '2d')")
    for _ in range(2):
        assert rows(client, "SELECT v FROM t ORDER BY v") == [(2,), (3,), (5,)]
        assert value(client, "SELECT count(*) FROM t") == 3
        flush(client)
    (last,) = put(client, "t", series([now - 5 * DAY, now, now - 2 * DAY - SECOND], v=[6, 7, 8]))[-1:]
    assert (last["rows"], last["expired"]) == (3, 2)
    (last,) = put(client, "t", series([now - 5 * DAY], v=[9]))[-1:]
    assert (last["rows"], last["expired"], last["batches"]) == (1, 1, 1)
    assert act(client, "sql.execute", sql="INSERT INTO t (ts, v) VALUES (TIMESTAMP '2001-01-01', 11), (now(), 12)")[0]["rows"] == 1
    assert rows(client, "SELECT v FROM t ORDER BY v") == [(2,), (3,), (5,), (7,), (12,)]
    rows(client, "ALTER TABLE t SET (ttl = 'none')")
    assert value(client, "SELECT min(v) FROM t") == 1
    assert "expired" not in put(client, "t", series([now - 5 * DAY], v=[10]))[-1]


def test_whole_files_go_and_a_longer_ttl_opens_no_holes(server):
    now = time.time_ns()
    with server.client() as client:
        rows(client, "CREATE TABLE t (ts TIMESTAMP_NS, v BIGINT)")
        put(client, "t", pa.record_batch({"ts": pa.array([now - 9 * DAY, now - 8 * DAY], NANO), "v": pa.array([1, 2])}))
        flush(client)
        # In memory, and of the same time as what goes: not seen either.
        put(client, "t", pa.record_batch({"ts": pa.array([now - 8 * DAY, now - 7 * DAY, now], NANO), "v": pa.array([3, 4, 5])}))
        (file,) = [file for (file,) in rows(client, "SELECT file FROM system.segments WHERE file IS NOT NULL")]
        rows(client, "ALTER TABLE t SET (ttl = '36h')")
        wait_for(lambda: not os.path.exists(file), file)
        assert rows(client, "SELECT v FROM t") == [(5,)]
        rows(client, "ALTER TABLE t SET (ttl = '100d')")
        assert rows(client, "SELECT v FROM t ORDER BY v") == [(4,), (5,)]
    for end in (server.stop, server.kill):
        end()
        server.start()
        with server.client() as client:
            assert rows(client, "SELECT v FROM t ORDER BY v") == [(4,), (5,)]


def put_expiring(client, prepare):
    """Puts a row into t that expires soon, but after prepare(). (What that made, when the row expires.)"""
    rows(client, "CREATE TABLE t (ts TIMESTAMP_NS, v BIGINT) WITH (ttl = '1d')")
    soon = SECOND
    while True:
        expires = time.time_ns() + soon
        put(client, "t", pa.record_batch({"ts": pa.array([expires - DAY], NANO), "v": pa.array([soon])}))
        made = prepare()
        if time.time_ns() < expires:
            return made, expires
        wait_for(lambda: value(client, "SELECT count(*) FROM t") == 0)
        soon *= 2  # this machine needs longer


def test_a_row_expires_while_the_same_statement_is_asked_again(client):
    count = lambda: value(client, "SELECT count(*) FROM t")
    def flush_and_count():
        flush(client)
        return count()
    seen, expires = put_expiring(client, flush_and_count)
    assert seen == 1
    while (before := time.time_ns()) <= expires:
        seen = count()
        assert seen == 1 or time.time_ns() >= expires
    assert count() == 0, (before, expires)


def test_a_ticket_keeps_its_moment(client):
    def ticket_and_count():
        ticket = client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT v FROM t")).endpoints[0].ticket
        count = lambda: client.do_get(ticket).read_all().num_rows
        return count, count()
    (count, first), _ = put_expiring(client, ticket_and_count)
    wait_for(lambda: value(client, "SELECT count(*) FROM t") == 0)
    assert first == count() == 1


# ---- SHOW, and other channels ----

def test_show_create_table_makes_the_same_table(client):
    for create in ('CREATE TABLE "t" ("ts" TIMESTAMP_NS NOT NULL, "Host name" VARCHAR TAG, "l" STRUCT("a" BIGINT, "b" VARCHAR)[], "d" DECIMAL(10,2))'
                   " WITH (time = 'ts', durability = 'async', ttl = '1d12h')",
                   "CREATE TABLE \"t\" (\"ts\" TIMESTAMPTZ NOT NULL, \"it's\" VARCHAR) WITH (time = 'ts', tags = '')",
                   'CREATE TABLE "t" ("a" BIGINT, "b" BLOB)'):
        rows(client, create)
        assert rows(client, "SHOW CREATE TABLE t") == [("t", create)]
        columns = columns_of(client, "t")
        rows(client, "DROP TABLE t")
        rows(client, create)
        assert columns_of(client, "t") == columns
        assert [row[0] for row in rows(client, "DESCRIBE t")] == list(columns)
        rows(client, "DROP TABLE t")
    refused(client, "SHOW CREATE TABLE t", pa.ArrowException, "no table")


@pytest.mark.parametrize("name", KINDS)
def test_a_table_of_any_type_is_created_anew_by_what_is_shown(client, name):
    batch = pa.record_batch({"moment": pa.array([1, 2, 3, 4, 5], NANO), "v": column(name)[0]})
    put(client, "t", batch, metadata={"mobius.tags": ""})
    check_created_anew(client)


NESTS = [lambda kind: pa.list_(kind), lambda kind: pa.list_(kind, 3), lambda kind: pa.list_(pa.field("element", kind, nullable=False)),
         lambda kind: pa.struct([("a", kind), pa.field('b: "c", d', kind, nullable=False)]), lambda kind: pa.map_(pa.utf8(), kind)]
OPTIONS = [{"mobius.time": "", "mobius.tags": ""}, {"mobius.dedup": "last"}, {"mobius.tags": "", "mobius.ttl": "1w"}, {"mobius.key": "id"},
           {"mobius.durability": "async"}, {"mobius.time": "moment", "mobius.tags": "k"}]


def test_random_tables_are_created_anew_by_what_is_shown(client):
    chance = random.Random(7)
    for turn in range(40):
        columns = {"moment": pa.timestamp(chance.choice(("s", "ms", "us", "ns")), chance.choice((None, "UTC", "Asia/Tokyo"))), "k": pa.utf8()}
        for i in range(chance.randrange(1, 12)):
            kind = KINDS[chance.choice(list(KINDS))][0]
            for _ in range(chance.choice((0, 0, 1, 2)) if kind != pa.null() else 0):
                kind = chance.choice(NESTS)(kind)
            columns[f'c{i} "x" {chance.choice("abc")}'] = kind
        schema = pa.schema(list(columns.items()))
        put(client, "t", pa.record_batch([pa.array([], kind) for kind in columns.values()], schema=schema), metadata=chance.choice(OPTIONS))
        if turn % 3 == 0:
            rows(client, "ALTER TABLE t ADD COLUMN later TIMESTAMP")
        check_created_anew(client)
        rows(client, "DROP TABLE t")


def check_created_anew(client):
    def look():
        ((_, create),) = rows(client, "SHOW CREATE TABLE t")
        facts = rows(client, "SELECT kind, time_column, tags FROM system.tables"), rows(client, "SELECT * FROM system.columns ORDER BY position"), rows(client, "DESCRIBE t")
        return create, facts, ask(client, "SELECT * FROM t LIMIT 0").schema
    before = look()
    rows(client, "DROP TABLE t")
    rows(client, before[0])
    assert look() == before


def test_documents_are_text_and_no_tags(client):
    rows(client, "CREATE TABLE t (ts TIMESTAMP, host VARCHAR, doc JSON)")
    assert columns_of(client, "t") == {"ts": ("timestamp[us]", "time"), "host": ("string", "tag"), "doc": ("string", "field")}
    rows(client, "INSERT INTO t VALUES ('2026-01-01', 'a', '{\"x\": [1, 2]}')")
    assert value(client, "SELECT doc->'x'->>1 FROM t") == "2"
    check_created_anew(client)
    put(client, "u", pa.record_batch({"ts": pa.array([1], NANO), "doc": pa.array(["{}"], pa.json_())}))
    assert columns_of(client, "u")["doc"] == ("string", "field")


def test_ids_and_enumerations_are_text_and_no_tags_unless_marked(client):
    rows(client, "CREATE TABLE t (ts TIMESTAMP, host VARCHAR, u UUID, e ENUM('a', 'b'), v UUID)")
    assert {name: role for name, (_, role) in columns_of(client, "t").items()} == {"ts": "time", "host": "tag", "u": "field", "e": "field", "v": "field"}
    check_created_anew(client)
    rows(client, "CREATE TABLE w (ts TIMESTAMP, u UUID TAG, e ENUM('a', 'b'))")
    assert columns_of(client, "w") == {"ts": ("timestamp[us]", "time"), "u": ("string", "tag"), "e": ("string", "field")}


def test_not_null_is_true_of_time_and_key(client):
    rows(client, "CREATE TABLE t (at TIMESTAMP NOT NULL, v INT)")
    rows(client, "CREATE TABLE e (id BIGINT NOT NULL, v INT) WITH (key = 'id')")
    assert columns_of(client, "t")["at"][1] == "time" and columns_of(client, "e")["id"][1] == "key"


def test_types_may_be_written_as_arrow_does(client):
    rows(client, "CREATE TABLE t (ts 'timestamp[ms, tz=Asia/Tokyo]' NOT NULL, d 'duration[s]', l 'list<item: uint8>', h 'string' TAG)")
    assert columns_of(client, "t") == {"ts": ("timestamp[ms, tz=Asia/Tokyo]", "time"), "d": ("duration[s]", "field"), "l": ("list<item: uint8>", "field"),
                                       "h": ("string", "tag")}
    refused(client, "CREATE TABLE u (ts 'timestamp[fortnight]')", pa.ArrowInvalid, "no type of Arrow", '"ts"')


@pytest.mark.parametrize("constraint, proposal", [
    ("ts TIMESTAMP PRIMARY KEY", "key = 'id'"), ("ts TIMESTAMP, PRIMARY KEY (ts)", "dedup = 'last'"), ("ts TIMESTAMP UNIQUE", "dedup = 'last'"),
    ("ts TIMESTAMP, v INT DEFAULT 5", "coalesce"), ("ts TIMESTAMP, v INT CHECK (v > 0)", "WHERE"), ("v INT REFERENCES u (v)", "join"),
    ("ts TIMESTAMP, v INT NOT NULL", "but for the time column and the key"), ("v INT NOT NULL", "ask WHERE"),
    ("a TIMESTAMP NOT NULL, ts TIMESTAMP", '"a"'), ("ts TIMESTAMP, h VARCHAR TAG NOT NULL", '"h"'),
])
def test_constraints_propose_what_there_is(client, constraint, proposal):
    refused(client, f"CREATE TABLE t ({constraint})", pa.ArrowInvalid, "not kept", proposal)


def test_describe_knows_what_cannot_be_null(client):
    rows(client, "CREATE TABLE t (ts TIMESTAMP, host VARCHAR, v DOUBLE)")
    want = [("ts", "TIMESTAMP", "NO", None, None, None), ("host", "VARCHAR", "YES", None, None, None), ("v", "DOUBLE", "YES", None, None, None)]
    for text in ("DESCRIBE t", "DESC mobius.htdb.t", "describe table 't';"):
        assert rows(client, text) == want
    rows(client, "CREATE TABLE e (v DOUBLE) WITH (key = 'id')")
    assert [row[2] for row in rows(client, "DESCRIBE e")] == ["NO", "YES"]
    assert rows(client, "DESCRIBE system.databases")
    refused(client, "DESCRIBE nothing", KeyError, "nothing")


def test_every_channel_runs_them(server, client):
    act(client, "sql.execute", sql="CREATE DATABASE d")
    assert act(client, "sql.execute", sql="SHOW DATABASES") == [{"rows": 2}]
    with adbc.connect(server.location, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE d.htdb.t (ts TIMESTAMP, v BIGINT) WITH (ttl = '1d')")
        cursor.adbc_statement.set_sql_query("ALTER TABLE d.htdb.t ADD COLUMN w VARCHAR")
        assert cursor.adbc_statement.execute_update() == 0
        cursor.execute("SHOW CREATE TABLE d.htdb.t")
        assert "ttl = '1d'" in cursor.fetchone()[1]
        cursor.execute("ALTER TABLE d.htdb.t RENAME COLUMN w TO ww")
        cursor.execute("SELECT * FROM d.htdb.t")
        assert [column[0] for column in cursor.description] == ["ts", "v", "ww"]
    info = client.get_flight_info(flight.FlightDescriptor.for_command(b"DROP DATABASE d"))
    assert rows(client, "SHOW DATABASES") == [("d", 1), ("mobius", 0)]
    assert client.do_get(info.endpoints[0].ticket).read_all().to_pylist() == [{"rows": 0}]
    with pytest.raises(pa.ArrowException, match="already executed"):
        client.do_get(info.endpoints[0].ticket).read_all()
    assert rows(client, "SHOW DATABASES") == [("mobius", 0)]


def test_tables_come_and_go_while_others_read_and_write(client, server):
    """Nothing but what is true at some moment is seen: a table with its columns, or none."""
    stop, wrong = threading.Event(), []

    def read():
        with server.client() as own:
            while not stop.is_set():
                try:
                    table = ask(own, "SELECT * FROM d.htdb.t")
                    if table.column_names not in (["ts", "a"], ["ts", "a", "b"], ["ts", "a2", "b"], ["ts", "a2"]):
                        wrong.append(table.column_names)
                except (pa.ArrowException, flight.FlightError) as error:
                    if not any(part in str(error) for part in ("no database", "no table", "ask again")):
                        wrong.append(str(error))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(15):
        for sql in ("CREATE DATABASE d", "CREATE TABLE d.htdb.t (ts TIMESTAMP, a BIGINT)", "INSERT INTO d.htdb.t VALUES (now(), 1)",
                    "ALTER TABLE d.htdb.t ADD COLUMN b BIGINT", "ALTER TABLE d.htdb.t RENAME a TO a2", "FLUSH d.htdb.t",
                    "ALTER TABLE d.htdb.t DROP b", "DROP DATABASE d"):
            rows(client, sql)
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []


@pytest.mark.parametrize("call, said", [("avgg(v)", "did you mean avg?"), ("repeat('a', 3)", "makes long texts"), ("lpad('a', 3, 'b')", "makes long texts")])
def test_a_function_that_there_is_not_proposes_one_or_is_named_as_not_allowed(client, call, said):
    rows(client, "CREATE TABLE t (ts TIMESTAMP, v INT)")
    refused(client, f"SELECT {call} FROM t", pa.ArrowInvalid, said)
