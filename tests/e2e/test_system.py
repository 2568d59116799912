"""What the tables of system say is so: each figure is compared with what was done."""

import datetime as dt
import pathlib
import time

import pyarrow as pa

from flights import flush, put
from waiting import wait_for

COLUMNS = {
    "databases": "name tables rows bytes",
    "tables": "database name kind time_column tags rows bytes min_time max_time series rtdb schema_version created_at",
    "columns": "database table name type role position",
    "segments": "database table id status level file rows bytes min_time max_time min_seq max_seq deleted_rows hot created_at sealed_at",
    "offsets": "database table segment wal_file offset length min_seq max_seq rows min_time max_time",
    "wal": "file state bytes min_seq max_seq",
    "compactions": "database started_at table level inputs rows bytes_in bytes_out duration_ms status",
    "figures": "name value",
    "subscriptions": "id client sql form state started_at seq queued_bytes credit",
}


def rows(first, count):
    return pa.record_batch({
        "ts": pa.array(range(first, first + count), pa.timestamp("us")),
        "host": pa.array([f"h{n % 3}" for n in range(count)]),
        "v": pa.array(range(first, first + count), pa.int64()),
    })


def run(server, sql):
    server.query(sql)


def ask(server, table, where="true"):
    return server.query(f"SELECT * FROM system.{table} WHERE {where}").to_pylist()


def figures(server):
    return {row["name"]: row["value"] for row in ask(server, "figures")}


def test_columns_are_the_documented_ones(server):
    for table, names in COLUMNS.items():
        assert server.query(f"SELECT * FROM system.{table}").schema.names == names.split()


def test_databases_tables_and_columns(server):
    before = dt.datetime.now(dt.timezone.utc) - dt.timedelta(seconds=1)
    run(server, "CREATE DATABASE plant")
    run(server, "CREATE TABLE plant.htdb.notes (id BIGINT, note VARCHAR)")
    with server.client() as client:
        put(client, "t", rows(1000, 60))
        flush(client, "t")
        put(client, "t", rows(2000, 30))
    run(server, "INSERT INTO plant.htdb.notes VALUES (1, 'a'), (2, 'b')")
    run(server, "DELETE FROM t WHERE v < 1010")
    run(server, "ALTER TABLE t ADD COLUMN more DOUBLE")
    run(server, "FLUSH")
    databases = {row["name"]: row for row in ask(server, "databases")}
    assert databases["plant"]["tables"] == 1 and databases["plant"]["rows"] == 2 and databases["plant"]["bytes"] > 0
    assert databases["mobius"]["tables"] == 1 and databases["mobius"]["rows"] == 80
    [t] = ask(server, "tables", "database = 'mobius'")
    assert (t["name"], t["kind"], t["time_column"], t["tags"], t["rows"], t["series"]) == ("t", "series", "ts", ["host"], 80, 3)
    assert t["schema_version"] == 2 and t["created_at"] >= before
    low, high = server.query("SELECT epoch_ns(min_time) AS a, epoch_ns(max_time) AS b FROM system.tables WHERE name = 't'").to_pylist()[0].values()
    assert low <= 1010 * 1000 and high == 2029 * 1000
    [notes] = ask(server, "tables", "database = 'plant'")
    assert (notes["name"], notes["kind"], notes["time_column"], notes["tags"], notes["rows"], notes["series"]) == ("notes", "plain", None, [], 2, 0)
    assert notes["min_time"] is None and notes["max_time"] is None
    assert t["bytes"] == sum(row["bytes"] for row in ask(server, "segments", '"table" = \'t\''))
    columns = [(row["name"], row["type"], row["role"], row["position"]) for row in ask(server, "columns", '"table" = \'t\'')]
    assert columns == [("ts", "timestamp[us]", "time", 1), ("host", "string", "tag", 2), ("v", "int64", "field", 3), ("more", "double", "field", 4)]


def test_segments_and_where_they_lie_in_the_log(server):
    with server.client() as client:
        put(client, "t", rows(1000, 60))
        flush(client, "t")
        put(client, "t", rows(2000, 30))
    run(server, "DELETE FROM t WHERE v < 1005 OR v = 2000")
    file, memory = sorted(ask(server, "segments"), key=lambda row: row["id"])
    assert (file["status"], file["level"], file["rows"], file["deleted_rows"]) == ("FLUSHED", 0, 60, 5)
    assert file["file"].endswith(f"/{file['id']}.parquet") and file["created_at"] >= file["sealed_at"]
    path = pathlib.Path(file["file"])
    assert path.stat().st_size == file["bytes"]
    assert (memory["status"], memory["level"], memory["file"], memory["rows"], memory["deleted_rows"], memory["hot"]) == ("GROWING", None, None, 30, 1, True)
    assert memory["sealed_at"] is None and file["max_seq"] < memory["min_seq"] <= memory["max_seq"]
    extents = ask(server, "offsets")
    assert sum(row["rows"] for row in extents) == 90 and {row["segment"] for row in extents} <= {file["id"], memory["id"]}
    logs = {row["file"]: row for row in ask(server, "wal")}
    for row in extents:
        log = logs[row["wal_file"]]
        assert row["offset"] >= 4096 and row["offset"] + row["length"] <= log["bytes"]
        assert log["min_seq"] <= row["min_seq"] <= row["max_seq"] <= log["max_seq"]
    assert [row["state"] for row in logs.values()].count("active") == 1


def test_a_file_without_rows_left_goes_by_itself(server):
    with server.client() as client:
        put(client, "t", rows(1000, 60))
        flush(client, "t")
        put(client, "t", rows(2000, 30))
        flush(client, "t")
    run(server, "DELETE FROM t WHERE v < 2000")
    deadline = time.monotonic() + 60
    while len(ask(server, "segments")) > 1:
        assert time.monotonic() < deadline, ask(server, "segments")
    assert server.query("SELECT count(*) AS n FROM t").to_pylist() == [{"n": 30}]


def test_what_merges_cost(server):
    assert figures(server)["write_amplification"] == 1 and figures(server)["stalls"] == 0
    with server.client() as client:
        for part in range(4):
            put(client, "t", rows(part * 1000, 500))
            flush(client, "t")
        flushed = figures(server)["flushed_bytes"]
        assert flushed > 0
        run(server, "COMPACT t")
    done = [row for row in ask(server, "compactions") if row["status"] == "merged"]
    now = figures(server)
    assert now["flushed_bytes"] == flushed and now["merges"] == len(done) > 0
    assert now["merged_bytes"] == sum(row["bytes_out"] for row in done)
    assert now["write_amplification"] == (now["flushed_bytes"] + now["merged_bytes"]) / now["flushed_bytes"]
    assert now["merge_debt_bytes"] == 0 and now["level_0_files"] == 0


def test_who_waits_for_memory_is_counted(start_server):
    server = start_server(settings={"memtable.limit": "2MiB", "memtable.segment_size": "1MiB", "ingest.wait": "60s"})
    with server.client() as client:

        def one_waited():
            for part in range(12):
                put(client, "t", rows(part * 100_000, 40_000))
            return figures(server)["stalls"] > 0

        wait_for(one_waited, "no put waited for memory")
    now = figures(server)
    assert 0 < now["longest_stall_ms"] <= now["stalled_ms"]
