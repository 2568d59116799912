"""Asking: every way a statement comes in, what names and times mean, and that answers are DuckDB's own."""

import concurrent.futures
import contextlib
import json
import time

import adbc_driver_flightsql.dbapi as adbc
import adbc_driver_manager
import pyarrow as pa
import pyarrow.flight as flight
import pytest

import rawgrpc
from flights import act, ask, command, flush, path, put, rows, start_put, value
from mobiusd import SHORT_LOG, Mobiusd
from waiting import wait_for, wait_until_taken

NANO = pa.timestamp("ns")
SECOND = 10**9


def series(count, start=0, host="a"):
    """A row each second."""
    times = range(start, start + count)
    return pa.record_batch({"ts": pa.array([t * SECOND for t in times], NANO), "host": pa.array([host] * count, pa.utf8()),
                            "load": pa.array(times, pa.int64())})


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A server with the table cpu: 100 rows in a file, 100 in memory; for tests that only ask."""
    with Mobiusd(tmp_path_factory.mktemp("query") / "data", SHORT_LOG) as server:
        with server.client() as client:
            put(client, "cpu", series(100))
            flush(client)
            put(client, "cpu", series(100, start=100, host="b"))
            put(client, "Mixed", pa.record_batch({"Time": pa.array([1]), "at": pa.array([5 * SECOND], NANO), "größe": ["x"], "select": [1]}))
            put(client, "mixed2", series(1))
            put(client, "Mixed2", series(2))
            put(client, "empty", series(0))
            put(client, "plain", pa.record_batch({"k": ["a", "b", None], "w": [1, 2, 3]}))
            put(client, "usecs", pa.record_batch({"time": pa.array([10, 20, 30], pa.timestamp("us")), "v": [1, 2, 3]}))
            put(client, "zoned", pa.record_batch({"time": pa.array([0, 3600, 7200], pa.timestamp("s", "Europe/Berlin")), "v": [1, 2, 3]}))
        yield server


@pytest.fixture
def cpu(shared):
    with shared.client() as client:
        yield client


@pytest.fixture
def cursor(shared):
    with adbc.connect(shared.location, autocommit=True) as connection, connection.cursor() as cursor:
        yield cursor


# ---- the ways in ----

COUNT = "SELECT host, count(*) AS n FROM cpu GROUP BY host ORDER BY host"
COUNTED = [("a", 100), ("b", 100)]


def test_a_statement_is_a_ticket(cpu):
    assert rows(cpu, COUNT) == COUNTED


def test_a_statement_is_a_command(cpu):
    info = cpu.get_flight_info(command(COUNT))
    assert [field.name for field in info.schema] == ["host", "n"]
    assert cpu.do_get(info.endpoints[0].ticket).read_all().to_pydict() == {"host": ["a", "b"], "n": [100, 100]}


def test_a_table_name_is_a_ticket(cpu):
    got = ask(cpu, "cpu")
    assert (got.num_rows, got.schema) == (200, series(1).schema)


def test_clients_of_influxdb_ask_in_json(cpu):
    got = ask(cpu, json.dumps({"database": "mobius", "sql_query": COUNT, "query_type": "sql"}))
    assert got.to_pydict() == {"host": ["a", "b"], "n": [100, 100]}
    with pytest.raises(NotImplementedError, match="influxql"):
        ask(cpu, json.dumps({"database": "mobius", "sql_query": COUNT, "query_type": "influxql"}))


def test_json_asks_in_the_database_that_it_names(client):
    put(client, "cpu", series(200))
    ask(client, "CREATE DATABASE other")
    ask(client, "CREATE TABLE other.htdb.cpu (time TIMESTAMP, v DOUBLE)")
    count = {"sql_query": "SELECT count(*) AS n FROM cpu"}
    assert ask(client, json.dumps(count)).to_pydict() == {"n": [200]}
    assert ask(client, json.dumps(count | {"database": "other"})).to_pydict() == {"n": [0]}
    with pytest.raises(KeyError, match='no database "elsewhere"'):
        ask(client, json.dumps(count | {"database": "elsewhere"}))
    with pytest.raises(pa.ArrowInvalid, match="database"):
        ask(client, json.dumps(count | {"database": 7}))


def test_adbc_asks(cursor):
    cursor.execute(COUNT)
    assert cursor.fetchall() == COUNTED
    cursor.execute("SELECT * FROM cpu ORDER BY ts")
    table = cursor.fetch_arrow_table()
    assert (table.num_rows, table.schema) == (200, series(1).schema)


def test_adbc_reads_while_rows_come(cursor):
    cursor.execute("SELECT range AS n FROM range(1000000)")
    total = sum(sum(batch.column(0).to_pylist()) for batch in cursor.fetch_record_batch())
    assert total == 999_999 * 500_000


def test_adbc_prepares(cursor):
    cursor.adbc_prepare(COUNT)
    cursor.execute(COUNT)
    assert cursor.fetchall() == COUNTED
    cursor.execute(COUNT)
    assert cursor.fetchall() == COUNTED


def test_adbc_says_that_parameters_are_not_built(cursor):
    # An UNIMPLEMENTED of Prepare is not told: the driver goes on as if it had prepared.
    for ask_with in (lambda: cursor.adbc_prepare("SELECT * FROM cpu WHERE load = ?"),
                     lambda: cursor.execute("SELECT * FROM cpu WHERE load > ?", (5,)),
                     lambda: cursor.executemany("INSERT INTO cpu VALUES (?, ?, ?)", [(1, "a", 2)])):
        with pytest.raises(adbc_driver_manager.Error, match="parameters are not built yet; write the values into the statement"):
            ask_with()


def test_adbc_gets_a_schema_without_running(cursor):
    schema = cursor.adbc_execute_schema(COUNT)
    assert schema.names == ["host", "n"]


def test_adbc_writes_through_its_cursor(server):
    with adbc.connect(server.location, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (ts TIMESTAMP, host VARCHAR TAG, v DOUBLE)")
        cursor.execute("INSERT INTO t VALUES ('2026-01-01', 'a', 1.5), ('2026-01-02', 'b', NULL)")
        cursor.execute("SELECT count(*), sum(v) FROM t")
        assert cursor.fetchone() == (2, 1.5)
        assert cursor.executescript("INSERT INTO t (ts, v) VALUES ('2026-01-03', 2)") is None
        cursor.execute("SELECT host, v FROM t ORDER BY ts")
        assert cursor.fetchall() == [("a", 1.5), ("b", None), (None, 2.0)]
        cursor.execute("DROP TABLE t")
        with pytest.raises(adbc_driver_manager.Error, match="t"):
            cursor.execute("SELECT * FROM t")


def test_adbc_is_told_why(cursor):
    with pytest.raises(adbc_driver_manager.Error, match="nonsense"):
        cursor.execute("SELECT nonsense FROM cpu")
    cursor.execute("SELECT 1")
    assert cursor.fetchone() == (1,)


def test_a_failed_statement_leaves_the_connection(cpu):
    for _ in range(20):
        with pytest.raises(pa.ArrowInvalid):
            ask(cpu, "SELECT 1 +")
    assert value(cpu, "SELECT 1") == 1


# ---- statements of our own ----

def test_changes_answer_one_row(client):
    assert rows(client, "CREATE TABLE t (a INTEGER, b VARCHAR)") == [(0,)]
    answer = ask(client, "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, NULL)")
    assert (answer.schema.names, answer.schema.types) == (["rows"], [pa.int64()])
    assert answer.to_pydict() == {"rows": [3]}
    assert rows(client, "INSERT INTO t SELECT a + 10, b FROM t WHERE b IS NOT NULL") == [(2,)]
    assert rows(client, "INSERT INTO t (b) VALUES ('only b')") == [(1,)]
    assert rows(client, "SELECT * FROM t ORDER BY a, b") == [(1, "x"), (2, "y"), (3, None), (11, "x"), (12, "y"), (None, "only b")]
    assert rows(client, "FLUSH t") == [(0,)]
    assert rows(client, "INSERT INTO t SELECT * FROM t WHERE false") == [(0,)]
    assert value(client, "SELECT count(*) FROM t") == 6
    assert rows(client, "DROP TABLE t") == [(0,)]


def test_create_table_knows_every_type(client, server):
    types = {"b": ("BOOLEAN", pa.bool_()), "i1": ("TINYINT", pa.int8()), "i2": ("SMALLINT", pa.int16()), "i4": ("INTEGER", pa.int32()), "i8": ("BIGINT", pa.int64()),
             "u1": ("UTINYINT", pa.uint8()), "u2": ("USMALLINT", pa.uint16()), "u4": ("UINTEGER", pa.uint32()), "u8": ("UBIGINT", pa.uint64()), "f4": ("FLOAT", pa.float32()), "f8": ("DOUBLE", pa.float64()),
             "de": ("DECIMAL(12, 3)", pa.decimal128(12, 3)), "s": ("VARCHAR", pa.utf8()), "x": ("BLOB", pa.binary()), "da": ("DATE", pa.date32()), "ti": ("TIME", pa.time64("us")),
             "us": ("TIMESTAMP", pa.timestamp("us")), "ns": ("TIMESTAMP_NS", pa.timestamp("ns")), "ms": ("TIMESTAMP_MS", pa.timestamp("ms")), "se": ("TIMESTAMP_S", pa.timestamp("s")),
             "iv": ("INTERVAL", pa.month_day_nano_interval()), "li": ("INTEGER[]", pa.list_(pa.int32())), "st": ("STRUCT(a INTEGER, b VARCHAR)", pa.struct([("a", pa.int32()), ("b", pa.utf8())])),
             "ma": ("MAP(VARCHAR, INTEGER)", pa.map_(pa.utf8(), pa.int32())), "ar": ("DOUBLE[3]", pa.list_(pa.float64(), 3))}
    columns = ", ".join(f"{name} {text}" for name, (text, _) in types.items())
    ask(client, f"CREATE TABLE t ({columns}) WITH (time='ns', tags='s')")
    literals = ("true, 1, 2, 3, 4, 5, 6, 7, 8, 0.5, 0.25, 1.234, 'text', '\\xFF'::BLOB, '2026-01-02', '03:04:05', '2026-01-02 03:04:05.000006', '2026-01-02 03:04:05.000000007', "
                "'2026-01-02 03:04:05.006', '2026-01-02 03:04:05', INTERVAL 1 MONTH, [1, NULL], {'a': 1, 'b': 'x'}, MAP {'k': 1}, [1, 2, 3]::DOUBLE[3]")
    ask(client, f"INSERT INTO t VALUES ({literals})")
    for _ in range(2):
        got = ask(client, "SELECT * FROM t")
        assert {field.name: field.type for field in got.schema} == {name: kind for name, (_, kind) in types.items()}
        row = got.drop_columns("ns").to_pylist()[0]
        assert (row["i4"], row["s"], row["x"], row["li"], row["st"], row["ma"], row["ar"]) == (3, "text", b"\xff", [1, None], {"a": 1, "b": "x"}, [("k", 1)], [1, 2, 3])
        assert got.column("ns").cast(pa.int64()).to_pylist() == [1767323045000000007]
        ask(client, "FLUSH t")


def test_create_if_not_exists_and_drop_if_exists(client):
    ask(client, "CREATE TABLE t (a INTEGER)")
    with pytest.raises(pa.ArrowException, match="t.*exists"):
        ask(client, "CREATE TABLE t (a INTEGER)")
    ask(client, "CREATE TABLE IF NOT EXISTS t (b INTEGER)")
    assert ask(client, "SELECT * FROM t").schema.names == ["a"]
    ask(client, "DROP TABLE t")
    with pytest.raises(KeyError, match="t"):
        ask(client, "DROP TABLE t")
    ask(client, "DROP TABLE IF EXISTS t")


def test_a_table_that_was_dropped_can_be_made_anew(client, server):
    put(client, "t", series(10))
    flush(client)
    ask(client, "DROP TABLE t")
    put(client, "t", pa.record_batch({"x": [1, 2]}))
    assert rows(client, "SELECT * FROM t") == [(1,), (2,)]
    server.kill()
    server.start()
    with server.client() as client:
        assert rows(client, "SELECT * FROM t") == [(1,), (2,)]


def test_show_and_describe_answer(cpu):
    assert ("mobius", "cpu", "series", 200) in rows(cpu, "SHOW TABLES")
    assert [row[0] for row in rows(cpu, "DESCRIBE cpu")] == ["ts", "host", "load"]
    assert [row[0] for row in rows(cpu, "DESCRIBE SELECT load AS x FROM cpu")] == ["x"]
    assert rows(cpu, "EXPLAIN SELECT * FROM cpu")
    assert rows(cpu, "EXPLAIN ANALYZE SELECT count(*) FROM cpu")


def test_values_of_an_insert_are_cast_or_refused(client):
    ask(client, "CREATE TABLE t (ts TIMESTAMP, v TINYINT)")
    ask(client, "INSERT INTO t VALUES ('2026-01-01 00:00:00', '7')")
    with pytest.raises(pa.ArrowInvalid):
        ask(client, "INSERT INTO t VALUES ('2026-01-01', 300)")
    with pytest.raises(pa.ArrowInvalid, match="ts"):
        ask(client, "INSERT INTO t VALUES (NULL, 1)")
    with pytest.raises(pa.ArrowInvalid, match="nothing"):
        ask(client, "INSERT INTO t (nothing) VALUES (1)")
    assert rows(client, "SELECT v FROM t") == [(7,)]


# ---- names ----

def test_the_mission_s_own_sentence(client):
    put(client, "table_name", series(100))
    got = ask(client, "select * from 'table_name' where time > 10000000000 and time < 20000000000")
    assert got.schema == series(1).schema
    assert got.column("load").to_pylist() == list(range(11, 20))
    got = ask(client, "select * from 'table_name' where time > '1970-01-01 00:00:10' and time < '1970-01-01 00:00:20'")
    assert got.column("load").to_pylist() == list(range(11, 20))


@pytest.mark.parametrize("name", ["cpu", "'cpu'", '"cpu"', "htdb.cpu", "mobius.htdb.cpu", "CPU", "Cpu", '"htdb"."cpu"', "(SELECT * FROM cpu)"])
def test_a_table_has_many_spellings(cpu, name):
    assert value(cpu, f"SELECT count(*) FROM {name} AS x WHERE x.load >= 0") == 200


@pytest.mark.parametrize("name, want", [("Mixed", 1), ("mixed", 1), ('"Mixed"', 1), ("mixed2", 1), ("Mixed2", 2), ('"mixed2"', 1)])
def test_names_fold_where_nothing_matches_exactly(cpu, name, want):
    assert value(cpu, f"SELECT count(*) FROM {name}") == want


def test_a_quoted_name_does_not_fold(cpu):
    with pytest.raises(KeyError, match="CPU"):
        ask(cpu, 'SELECT * FROM "CPU"')


def test_a_folded_name_of_two_is_ambiguous(cpu):
    with pytest.raises(pa.ArrowInvalid, match="MIXED2.*several"):
        ask(cpu, "SELECT * FROM MIXED2")


def test_columns_may_be_named_anything(cpu):
    assert rows(cpu, 'SELECT größe, "select", "Time" FROM Mixed') == [("x", 1, 1)]


def test_time_is_the_time_column_where_there_is_none_of_that_name(cpu):
    got = ask(cpu, "SELECT time, load FROM cpu WHERE time = 7000000000")
    assert got.schema.names == ["time", "load"]
    assert got.schema.field("time").type == NANO
    assert got.column("load").to_pylist() == [7]
    assert rows(cpu, "SELECT load FROM cpu AS c WHERE c.time < 2000000000 ORDER BY c.time DESC") == [(1,), (0,)]
    assert value(cpu, "SELECT time FROM Mixed") == 1  # there is one of that name, in another case
    assert "time" not in ask(cpu, "SELECT * FROM cpu LIMIT 0").schema.names


@pytest.fixture(scope="module")
def named(shared):
    """The same rows in two tables, of which one calls its time column time."""
    with shared.client() as client:
        for table, column in [("odd", "ts"), ("plainly", "time")]:
            ask(client, f"CREATE TABLE {table} ({column} TIMESTAMP, v DOUBLE)")
            ask(client, f"INSERT INTO {table} (v, time) SELECT (i * 5) % 7, TIMESTAMP '2026-01-01' + INTERVAL (i * 7) HOUR FROM range(12) r(i)")
        yield client


@pytest.mark.parametrize("sql", [
    "hour(time) AS time, v FROM {} ORDER BY time, v", "hour(time) AS time, v FROM {} ORDER BY time DESC, v", "hour(time) AS \"Time\", v FROM {} ORDER BY (TIME), v",
    "hour(time) AS time, v FROM {} ORDER BY time + INTERVAL 1 HOUR", "hour(time) AS time, v FROM {} ORDER BY {}.time", "hour(time) AS time, v FROM {} ORDER BY CASE WHEN v > 3 THEN time END, v",
    "hour(time) AS time, v FROM {} ORDER BY time::VARCHAR", "time, hour(time) AS time, v FROM {} ORDER BY time, v",
    "-epoch(time) AS time, v FROM {} ORDER BY time LIMIT 3", "-v AS time, v FROM {} WHERE {}.time > '2026-01-02' ORDER BY time, v",
    "date_trunc('day', time) AS time, avg(v) FROM {} GROUP BY 1 ORDER BY time", "date_trunc('day', time) AS time, avg(v) FROM {} GROUP BY ALL ORDER BY time",
    "date_trunc('day', time) AS time, avg(v) FROM {} GROUP BY date_trunc('day', time) ORDER BY time DESC", "date_trunc('day', time) AS time, avg(v) FROM {} GROUP BY time ORDER BY time, 2",
    "date_trunc('day', time) AS time, avg(v) FROM {} GROUP BY 1 HAVING time > '2026-01-02' ORDER BY time",
    "date_trunc('day', time) AS time, avg(v) FROM {} GROUP BY 1 HAVING max(time) > '2026-01-03' AND time < '2026-01-04' ORDER BY time",
    "date_trunc('day', time) AS time, avg(v) FROM {} GROUP BY time HAVING time > '2026-01-02' ORDER BY time, 2",
    "max(hour(time)) AS time, v FROM {} GROUP BY v HAVING time > 5 AND max(time) > '2026-01-03' ORDER BY time, v",
    "hour(time) AS time, v FROM {} WHERE time > '2026-01-02' ORDER BY time, v", "hour(time) AS time, v FROM {} QUALIFY row_number() OVER (ORDER BY time) < 4 ORDER BY time",
    "hour(time) AS time, v FROM {} QUALIFY time > '2026-01-02' AND row_number() OVER (ORDER BY v) < 9 ORDER BY time, v",
    "DISTINCT hour(time) AS time FROM {} ORDER BY time", "DISTINCT ON (time) hour(time) // 12 AS time, v FROM {} ORDER BY time, v", "max(time) AS time FROM {} ORDER BY time",
    "hour(time) AS time, sum(hour(time)) OVER (ORDER BY time) AS s FROM {} ORDER BY time, s", "hour(time) AS time, list(v ORDER BY time) FROM {} GROUP BY 1 ORDER BY time",
    "v FROM (SELECT hour(time) AS time, v FROM {} ORDER BY time, v LIMIT 3)", "hour(time) AS time FROM {} UNION ALL SELECT 100 ORDER BY time",
    "hour(time) AS time, (SELECT max(time) FROM {} o WHERE o.v = {}.v) AS m FROM {} ORDER BY time, m", "time, v FROM {} ORDER BY time DESC LIMIT 3",
    "hour(a.time) AS time, b.v FROM {} a JOIN {} b ON a.time = b.time ORDER BY time, b.v", "a.time, b.v FROM {} a JOIN {} b ON a.time < b.time ORDER BY time, b.v",
])
def test_time_given_as_a_name_means_what_it_does_beside_a_column_time(named, sql):
    odd, plainly = (rows(named, "SELECT " + sql.replace("{}", table)) for table in ("odd", "plainly"))
    assert odd == plainly and odd


def test_a_table_may_have_the_name_of_a_column(cpu):
    ask(cpu, "CREATE TABLE temperature (ts TIMESTAMP, room VARCHAR, temperature DOUBLE, s STRUCT(a INTEGER))")
    ask(cpu, "INSERT INTO temperature (time, room, temperature) VALUES ('2026-01-01', 'a', 1), ('2026-01-02', 'b', 2)")
    day = [("a",)]
    assert rows(cpu, "SELECT room FROM temperature WHERE temperature.time < '2026-01-02'") == day
    assert rows(cpu, "SELECT temperature.time FROM temperature") == rows(cpu, "SELECT temperature.ts FROM temperature")
    for name in ["room", "temperature", "s", "ts"]:
        assert rows(cpu, f"SELECT {name}.room FROM temperature {name} WHERE {name}.time < '2026-01-02'") == day
    assert value(cpu, "SELECT count(*) FROM cpu JOIN temperature ON cpu.time < temperature.time") == 400
    assert value(cpu, "SELECT count(*) FROM temperature s JOIN temperature ON s.time = temperature.time") == 2
    assert rows(cpu, "DELETE FROM temperature WHERE temperature.time = '2026-01-02'") == [(1,)]
    assert rows(cpu, "UPDATE temperature SET room = 'c' WHERE temperature.time = '2026-01-01'") == [(1,)]
    assert rows(cpu, "SELECT room FROM temperature") == [("c",)]
    with pytest.raises(pa.ArrowInvalid, match="tine"):
        ask(cpu, "SELECT temperature.tine FROM temperature")
    ask(cpu, "DROP TABLE temperature")


def test_a_cte_hides_a_table(cpu):
    assert rows(cpu, "WITH cpu AS (SELECT 1 AS one) SELECT * FROM cpu") == [(1,)]
    assert value(cpu, "WITH cpu AS (SELECT * FROM htdb.cpu WHERE load < 5) SELECT count(*) FROM cpu") == 5
    assert value(cpu, "WITH other AS (SELECT * FROM cpu WHERE load < 5) SELECT count(*) FROM other, other AS o") == 25


def test_results_carry_the_names_that_were_announced(cpu):
    for sql in ["SELECT load, load, load + 1, count(*) OVER () FROM cpu LIMIT 1", "SELECT * FROM cpu LIMIT 1", "SELECT sum(load), avg(load) FROM cpu", "SELECT 1, 'x', NULL, 1.5"]:
        announced = cpu.get_flight_info(command(sql)).schema
        assert ask(cpu, sql).schema.equals(announced), sql
        assert cpu.get_schema(command(sql)).schema.equals(announced)


def test_system_tables_tell(cpu, shared):
    assert rows(cpu, "SELECT kind, time_column, tags, rows, series FROM system.tables WHERE name = 'cpu'") == [("series", "ts", ["host"], 200, 2)]
    assert rows(cpu, "SELECT name, role FROM system.columns WHERE \"table\" = 'cpu' ORDER BY position") == [("ts", "time"), ("host", "tag"), ("load", "field")]
    segments = rows(cpu, "SELECT status, rows FROM system.segments WHERE \"table\" = 'cpu' ORDER BY id")
    assert sum(count for _, count in segments) == 200
    assert {"FLUSHED", "GROWING"} == {status for status, _ in segments}
    assert value(cpu, "SELECT count(*) FROM system.wal WHERE state = 'active'") == 1
    assert value(cpu, "SELECT sum(rows)::BIGINT FROM system.offsets WHERE \"table\" = 'cpu'") >= 100
    assert value(cpu, "SELECT count(*) FROM system.tables t JOIN system.columns c ON c.\"table\" = t.name WHERE t.name = 'cpu'") == 3
    with pytest.raises((KeyError, pa.ArrowInvalid), match="nothing"):
        ask(cpu, "SELECT * FROM system.nothing")


# ---- time ----

BOUNDS = [
    "ts >= 150000000000", "150000000000 <= ts", "ts > 149999999999", "NOT ts < 150000000000",
    "ts >= '1970-01-01 00:02:30'", "ts >= '1970-01-01T00:02:30'", "ts >= '1970-01-01T00:02:30Z'", "ts >= '1970-01-01 00:02:30.000000'",
    "ts >= '1970-01-01 02:02:30+02:00'", "ts >= TIMESTAMP '1970-01-01 00:02:30'", "ts >= TIMESTAMP_NS '1970-01-01 00:02:30'",
    "ts >= '1970-01-01 00:02:30'::TIMESTAMP", "ts >= CAST('1970-01-01 00:02:30' AS TIMESTAMP)", "ts > DATE '1970-01-01' + INTERVAL '149' SECOND",
    "time >= 150000000000", "time >= '1970-01-01 00:02:30'", "ts BETWEEN 150000000000 AND 199000000000",
    "ts BETWEEN '1970-01-01 00:02:30' AND '1970-01-01 00:10:00'", "ts BETWEEN 150000000000 AND '2026-01-01'", "time BETWEEN 150000000000 AND 9223372036854775807",
    "ts >= 150000000000 AND ts < now()", "ts >= 150000000000 AND ts > '1800-01-01'", "ts >= 150000000000 AND ts < 9999999999999999999",
    "ts >= 150000000000 AND ts < '9999-12-31'", "ts > '1970-01-01' AND ts >= 150000000000", "(ts >= 150000000000 OR false)",
    "ts >= 150000000000 AND ts >= -9223372036854775808", "ts >= (SELECT TIMESTAMP '1970-01-01 00:02:30')", "epoch_ns(ts) >= 150000000000",
    "ts IN (SELECT ts FROM cpu WHERE load >= 150)", "load >= 150", "NOT (ts < 150000000000)", "ts >= to_timestamp(150)", "ts >= make_timestamp(150000000)",
]


@pytest.mark.parametrize("bound", BOUNDS)
def test_every_form_of_a_time_bound_means_the_same(cpu, bound):
    assert rows(cpu, f"SELECT count(*), min(load), max(load) FROM cpu WHERE {bound}") == [(50, 150, 199)]


@pytest.mark.parametrize("bound, want", [
    ("time = 20000", 1), ("time > 20000", 1), ("time >= 20000", 2), ("time < 20000", 1), ("time <= 20500", 2), ("time = 20500", 0), ("time <> 20000", 2),
    ("time IN (10000, 30000, 5)", 2), ("time = '1970-01-01 00:00:00.00002'", 1), ("time BETWEEN 10001 AND 29999", 1), ("time > 1e30", 0), ("time != 20500", 3),
    ("time NOT IN (10000)", 2), ("time NOT BETWEEN 10000 AND 20000", 1), ("20000 < time", 1), ("time > -1", 3), ("time IS NULL", 0), ("time = NULL", 0),
])
def test_nanoseconds_are_compared_exactly_with_coarser_columns(cpu, bound, want):
    if bound == "time > 1e30":
        with pytest.raises(pa.ArrowInvalid):
            ask(cpu, f"SELECT count(*) FROM usecs WHERE {bound}")
    else:
        assert value(cpu, f"SELECT count(*) FROM usecs WHERE {bound}") == want


@pytest.mark.parametrize("bound, want", [
    ("time >= 3600000000000", 2), ("time >= '1970-01-01 01:00:00'", 2), ("time >= '1970-01-01 02:00:00+01:00'", 2), ("time > '1970-01-01 01:00:00Z'", 1), ("time < now()", 3),
])
def test_text_without_an_offset_is_utc_also_for_zoned_columns(cpu, bound, want):
    assert value(cpu, f"SELECT count(*) FROM zoned WHERE {bound}") == want
    assert ask(cpu, "SELECT * FROM zoned").schema.field("time").type == pa.timestamp("s", "Europe/Berlin")


def test_an_integer_beside_another_column_is_no_time(cpu):
    assert value(cpu, "SELECT count(*) FROM cpu WHERE load < 10") == 10
    with pytest.raises(pa.ArrowInvalid):
        ask(cpu, "SELECT ts + 'x' FROM cpu")


def test_a_bad_time_text_is_an_error(cpu):
    with pytest.raises(pa.ArrowInvalid, match="no time"):
        ask(cpu, "SELECT * FROM cpu WHERE ts > 'no time'")


def test_relative_times_use_the_server_s_clock(client):
    now = time.time_ns()
    put(client, "t", pa.record_batch({"ts": pa.array([now - 7200 * SECOND, now - 60 * SECOND, now + 3600 * SECOND], NANO), "v": [1, 2, 3]}))
    for _ in range(2):
        assert rows(client, "SELECT v FROM t WHERE time > now() - INTERVAL 1 HOUR AND time < now()") == [(2,)]
        assert rows(client, "SELECT v FROM t WHERE ts > now() - INTERVAL '3 hours' ORDER BY v") == [(1,), (2,), (3,)]
        flush(client)


# ---- types of results ----

def test_types_are_as_stored_where_columns_are_bare(cpu):
    assert ask(cpu, "SELECT ts, load FROM cpu LIMIT 1").schema.field("ts").type == NANO
    assert ask(cpu, "SELECT x.time AS y FROM usecs AS x").schema == pa.schema([("y", pa.timestamp("us"))])
    sums = ask(cpu, "SELECT sum(load) AS s, count(*) AS n, avg(load) AS a, max(host) AS h FROM cpu")
    assert [field.type for field in sums.schema] == [pa.int64(), pa.int64(), pa.float64(), pa.utf8()]


def test_a_sum_that_is_too_large_says_what_to_do(cpu):
    with pytest.raises(pa.ArrowException, match="DECIMAL"):
        ask(cpu, "SELECT sum(9223372036854775807) FROM range(3)")
    assert str(value(cpu, "SELECT sum(9223372036854775807)::DECIMAL(38,0) FROM range(3)")) == str(3 * (2**63 - 1))


def test_division_by_zero_is_null(cpu):
    assert rows(cpu, "SELECT 1 / 0, 1.0 / 0.0, 0.0 / 0.0, 1 // 0, 5 % 0") == [(None,) * 5]


def test_other_types_of_the_engine_come_as_text(cpu):
    assert rows(cpu, "SELECT '12345678-1234-5678-1234-567812345678'::UUID, '101'::BIT") == [("12345678-1234-5678-1234-567812345678", "101")]


# ---- streaming ----

ENDLESS = "SELECT range AS n, range::VARCHAR || ' and some more text to fill the batches' AS text FROM range(10000000000)"
WORK = "SELECT count(*) FROM range(1000000000) AS a, range(1000000) AS b WHERE a.range % 7 = b.range % 11"


def test_first_rows_come_before_the_last_are_made(cpu):
    reader = cpu.do_get(flight.Ticket(ENDLESS))
    assert reader.read_chunk().data.column(0)[0].as_py() == 0
    reader.cancel()
    assert value(cpu, "SELECT 1") == 1


def test_readers_that_leave_free_what_they_held(shared):
    def leave(i):
        with shared.client() as client:
            reader = client.do_get(flight.Ticket(ENDLESS))
            reader.read_chunk()
            if i % 2:
                reader.cancel()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(leave, range(40)))
    with shared.client() as client:
        assert value(client, "SELECT 1") == 1


def test_a_deadline_ends_the_work(cpu):
    with pytest.raises(flight.FlightTimedOutError):
        ask(cpu, WORK, flight.FlightCallOptions(timeout=0.5))
    assert value(cpu, "SELECT count(*) FROM range(1000)") == 1000


def test_the_time_of_a_statement_is_limited(start_server):
    server = start_server(settings={"query.timeout": "300ms"})
    with server.client() as client:
        for options in (None, flight.FlightCallOptions(timeout=600)):  # a deadline of the client does not lengthen it
            began = time.monotonic()
            with pytest.raises((flight.FlightTimedOutError, pa.ArrowException), match="query.timeout"):
                ask(client, WORK, options)
            assert time.monotonic() - began < 25  # the default would be 30 s
        assert value(client, "SELECT 1") == 1


@pytest.mark.settings(**{"query.threads": "2", "query.running": "2", "query.timeout": "1h"})
def test_a_cancelled_statement_stops_working(client):
    """More than may run at once are cancelled; another one runs only when they have stopped."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        options = [flight.FlightCallOptions(timeout=0.3) for _ in range(4)]
        late = [pool.submit(ask, client, WORK, option) for option in options]
        for future in late:
            with pytest.raises(flight.FlightTimedOutError):
                future.result()
        assert value(client, "SELECT 1") == 1


def test_a_client_that_takes_nothing_is_cancelled(start_server):
    server = start_server(settings={"query.stall": "500ms"})
    with server.client() as client:
        reader = client.do_get(flight.Ticket(ENDLESS))
        reader.read_chunk()
        with pytest.raises((flight.FlightCancelledError, flight.FlightTimedOutError, pa.ArrowException), match="stall"):
            while True:
                time.sleep(2)  # taking nothing is what is tested
                for _ in range(100):
                    reader.read_chunk()
        assert value(client, "SELECT 1") == 1


def test_stalled_clients_do_not_stop_another(shared):
    clients = [shared.client() for _ in range(8)]
    try:
        stalled = []
        for client in clients:
            for _ in range(8):
                reader = client.do_get(flight.Ticket(ENDLESS))
                reader.read_chunk()
                stalled.append(reader)
        with shared.client() as other:
            for _ in range(10):
                assert value(other, "SELECT sum(load) FROM cpu") == 2 * sum(range(100)) + 100 * 100
        assert stalled[-1].read_chunk().data.num_rows > 0
        for reader in stalled:
            reader.cancel()
    finally:
        for client in clients:
            client.close()


@pytest.mark.settings(**{"query.threads": "1", "query.running": "1", "query.timeout": "1h"})
def test_too_many_statements_are_refused(server, client):
    """One works and 256 wait. Those whose client has gone make room."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(rawgrpc.Connection(server.location)) for _ in range(4)]
        for i in range(300):
            connections[i % 4].open("DoGet")
            connections[i % 4].send(rawgrpc.grpc_message(rawgrpc.field(1, WORK.encode())), end=True)
        def refused():
            status, text, _ = connections[0].call("DoGet", rawgrpc.field(1, WORK.encode()), grpc_timeout="200m")
            return status == rawgrpc.RESOURCE_EXHAUSTED and "statements wait already" in text
        wait_for(refused)
    assert wait_until_taken(lambda: value(client, "SELECT 1"), pa.ArrowException) == 1


def test_a_large_result_is_whole(cpu):
    got = ask(cpu, "SELECT range AS n, range::VARCHAR AS t FROM range(3000000)")
    assert got.num_rows == 3_000_000
    assert got.column("n").combine_chunks().equals(pa.array(range(3_000_000)))
    assert got.column("t")[2_999_999].as_py() == "2999999"


@pytest.mark.settings(**{"query.memory": "64MiB"})
def test_a_statement_that_asks_for_too_much_memory_harms_itself_only(client):
    with pytest.raises(pa.ArrowException, match="(?i)memory"):
        ask(client, "SELECT list(range) FROM range(100000000)")
    assert value(client, "SELECT 1") == 1
    put(client, "t", series(3))
    assert value(client, "SELECT count(*) FROM t") == 3


# ---- what a statement sees ----

def test_a_statement_sees_one_snapshot(client):
    put(client, "t", series(1000))
    writer, reader = start_put(client, "t", series(1).schema)
    with writer:
        for i in range(50):
            writer.write_batch(series(10, start=1000 + 10 * i))
            reader.read()
            first, second = rows(client, "SELECT count(*) FROM t UNION ALL SELECT count(*) FROM (SELECT * FROM t)")
            assert first == second == (1010 + 10 * i,)
            if i % 10 == 5:
                flush(client)
        writer.done_writing()


def test_what_was_acknowledged_is_seen(client):
    writer, reader = start_put(client, "t", series(1).schema)
    with writer:
        for i in range(200):
            writer.write_batch(series(1, start=i))
            reader.read()
            assert value(client, "SELECT count(*) FROM t") == i + 1
        writer.done_writing()


@pytest.mark.settings(**{"memtable.segment_size": "256KiB"})
def test_readers_see_whole_batches_while_others_write_and_flush(server):
    size, batches = 100, 300
    def write():
        with server.client() as client:
            writer, reader = start_put(client, "t", series(1).schema)
            with writer:
                for i in range(batches):
                    writer.write_batch(series(size, start=size * i))
                writer.done_writing()
                while reader.read() is not None:
                    pass
    with server.client() as client, concurrent.futures.ThreadPoolExecutor(1) as pool:
        put(client, "t", series(0))
        written, last = pool.submit(write), 0
        while last < size * batches:
            count, distinct, top = rows(client, "SELECT count(*), count(DISTINCT load), coalesce(max(load) + 1, 0) FROM t")[0]
            assert count == distinct == top and count % size == 0 and count >= last
            last = count
            if written.done():
                written.result()
                assert value(client, "SELECT count(*) FROM t") == size * batches
                break


def test_equality_finds_in_files_what_it_finds_in_memory(client):
    values = {"b": [b"", b"\0", b"abc", b"\xff\xfe", "é".encode()], "s": ["", "\0", "abc", "é", "日本"], "i": [0, -1, 2**62, 7, -(2**63)], "d": [0.0, -1.5, 1e300, 2.0, float("inf")]}
    data = pa.record_batch({"time": pa.array(range(3000), pa.timestamp("us")), "s": pa.array([values["s"][i % 5] for i in range(3000)])}
                           | {name: pa.array([values[name][i % 5] for i in range(3000)]) for name in ("b", "i", "d")})
    put(client, "t", data)
    counted = "SELECT s, b, i, d, count(*) FROM t GROUP BY ALL"
    groups = rows(client, counted)
    for _ in range(2):
        for s, b, i, d, count in groups:
            hexed = "".join(f"\\x{byte:02x}" for byte in b)
            for condition in (f"b = '{hexed}'::BLOB", f"i = {i}", f"d = '{d}'::DOUBLE"):
                assert value(client, f"SELECT count(*) FROM t WHERE {condition}") == count == 600, condition
        flush(client, "t")


@pytest.mark.parametrize("condition", ["a = 1 OR a IS DISTINCT FROM -9", "a = 5 OR NOT (a IS NOT DISTINCT FROM -9)", "a IS DISTINCT FROM -9",
                                       "a IS NOT DISTINCT FROM -9 OR a = 4", "s = '1' OR s IS DISTINCT FROM 'q'"])
def test_what_differs_from_null_is_found_in_files_as_in_memory(start_server, condition):
    """Row groups of one value and NULL."""
    server = start_server(settings=SHORT_LOG | {"cache.columns": "0"})
    with server.client() as client:
        ask(client, "CREATE TABLE x (ts TIMESTAMP, host VARCHAR TAG, a BIGINT, s VARCHAR)")
        ask(client, "INSERT INTO x SELECT TIMESTAMP '2026-01-01' + to_seconds(range), 'h', CASE WHEN range % 2 = 0 THEN -9 END, "
                    "CASE WHEN range % 2 = 0 THEN 'q' END FROM range(900)")
        count = f"SELECT count(*) FROM x WHERE {condition}"
        in_memory = rows(client, count)
        flush(client)
        assert rows(client, count) == in_memory == [(450,)]
        assert rows(client, f"DELETE FROM x WHERE {condition}") == [(450,)]
