"""What clients, disks and files can do wrong: each gets an error that names the thing, and changes nothing."""

import contextlib
import json
import os
import random
import socket
import struct
import subprocess

import pyarrow as pa
import pyarrow.flight as flight
import pytest

import rawgrpc
from flights import act, ask, flush, path, put, rows, start_put, table_names, value
from mobiusd import ROOT, SHORT_LOG, Mobiusd, StartFailed
from rawgrpc import INVALID_ARGUMENT, OK, RESOURCE_EXHAUSTED, UNIMPLEMENTED
from waiting import wait_until_taken

GOLDEN = sorted((ROOT / "tests" / "golden" / "ipc").glob("*.arrows"))
NANO = pa.timestamp("ns")
DAMAGE = 3
FAILURES = (pa.ArrowException, flight.FlightServerError, flight.FlightUnavailableError, OSError)


def series(count, start=0):
    return pa.record_batch({"ts": pa.array(range(start, start + count), NANO), "host": pa.array(["a"] * count, pa.utf8()),
                            "load": pa.array(range(count), pa.int64())})


def state(client):
    """All that a refused request must leave as it was."""
    seq = act(client, "server.info")[0]["seq"]
    tables = rows(client, "SELECT name, rows, schema_version FROM system.tables ORDER BY name")
    return seq, tables, rows(client, 'SELECT "table", name, type, role FROM system.columns ORDER BY 1, position')


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with Mobiusd(tmp_path_factory.mktemp("bad") / "data", SHORT_LOG) as server:
        with server.client() as client:
            put(client, "t", series(3))
            put(client, "measurements", series(1))
        yield server


@pytest.fixture
def server(shared, request):
    """One for all tests here: what is bad changes nothing, and must not end it."""
    request.node.servers = [shared]
    if not shared.running():
        shared.start()
    return shared


@pytest.fixture
def table(request):
    """A name that no other test uses."""
    return "u_" + "".join(letter if letter.isalnum() else "_" for letter in request.node.name)[-100:]


@pytest.fixture
def unharmed(server, client):
    """A client; afterwards nothing is changed, and the server takes and answers as ever."""
    before = state(client)
    yield client
    assert server.running()
    with server.client() as client:
        assert state(client) == before
        assert rows(client, "SELECT epoch_ns(ts), host, load FROM t ORDER BY ts") == [(i, "a", i) for i in range(3)]
        alive = put(client, "alive", series(1))[-1]["seq"]
        assert alive > before[0]


# ---- damaged messages ----

def damaged(messages, seed):
    """[messages] with one byte of one of them wrong, for every byte."""
    chance = random.Random(seed)
    for i, parts in enumerate(messages):
        for side, content in enumerate(parts):
            for at in range(len(content)):
                wrong = bytearray(content)
                wrong[at] ^= 1 << chance.randrange(8)
                changed = (bytes(wrong), parts[1]) if side == 0 else (parts[0], bytes(wrong))
                yield [*messages[:i], changed, *messages[i + 1:]]


def truncated(messages):
    """[messages] with one of them cut off, at every byte."""
    for i, parts in enumerate(messages):
        for side, content in enumerate(parts):
            for length in range(len(content)):
                cut = (content[:length], parts[1]) if side == 0 else (parts[0], content[:length])
                yield [*messages[:i], cut, *messages[i + 1:]]


class Sender:
    """Sends streams one after the other; a refused one must be refused well."""

    def __init__(self, server):
        self.server, self.connection, self.acknowledged = server, rawgrpc.Connection(server.location), 0

    def send(self, table, messages):
        status, text, answers = self.connection.put(table, messages, mobius_durability="async")
        assert status in (OK, INVALID_ARGUMENT, UNIMPLEMENTED, RESOURCE_EXHAUSTED), (status, text)
        assert text or status == OK
        if answers:
            self.acknowledged += acknowledged_rows(answers[-1])
        return status

    def close(self):
        self.connection.close()


def acknowledged_rows(answer):
    return json.loads(answer)["rows"]


@pytest.fixture
def sender(server):
    with contextlib.closing(Sender(server)) as sender:
        yield sender


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda file: file.stem)
@pytest.mark.parametrize("how", ["flipped", "truncated"])
def test_a_damaged_stream_is_an_error_or_other_rows(server, client, sender, table, golden, how):
    messages = rawgrpc.ipc_messages(golden.read_bytes())
    sender.send(table, messages)
    streams = damaged(messages, golden.stem) if how == "flipped" else truncated(messages)
    statuses = [sender.send(table, stream) for stream in streams]
    assert server.running()
    assert any(status != OK for status in statuses)
    assert put(client, "alive", series(1))[-1]["rows"] == 1  # a durable commit: those before it can be seen
    stored = value(client, f"SELECT count(*) FROM {table}") if table in table_names(client) else 0
    assert stored == sender.acknowledged


def test_a_buffer_outside_the_body_is_refused(unharmed, sender):
    (schema, _), (header, body) = rawgrpc.ipc_of(series(3))
    for length in (0, 1, len(body) // 2, len(body) - 8):
        assert sender.send("t", [(schema, b""), (header, body[:length])]) == INVALID_ARGUMENT


def test_buffers_are_looked_at_before_they_are_used(unharmed, sender):
    (schema, _), (header, body) = rawgrpc.ipc_of(pa.record_batch({"ts": pa.array([1], NANO), "host": ["some text"], "load": [1]}))
    at = body.index(struct.pack("<ii", 0, 9))
    for bad in (struct.pack("<ii", 0, 10**6), struct.pack("<ii", 5, 4), struct.pack("<ii", -1, 9)):
        assert sender.send("t", [(schema, b""), (header, body[:at] + bad + body[at + 8:])]) == INVALID_ARGUMENT
    text = body.index(b"some text")
    assert sender.send("t", [(schema, b""), (header, body[:text] + b"\xff" + body[text + 1:])]) == INVALID_ARGUMENT


@pytest.mark.parametrize("middle", ["another schema", "columns of another one", "the schema again"])
def test_a_wrong_schema_in_mid_stream_is_refused_after_what_came_before(server, client, table, middle):
    first, other = rawgrpc.ipc_of(series(3)), rawgrpc.ipc_of(pa.record_batch({"x": ["a", "b"]}))
    wrong = {"another schema": other[0], "columns of another one": other[1], "the schema again": first[0]}[middle]
    with rawgrpc.Connection(server.location) as connection:
        status, text, answers = connection.put(table, [*first, wrong, first[1]])
    assert status == INVALID_ARGUMENT and text
    assert acknowledged_rows(answers[-1]) == 3
    assert value(client, f"SELECT count(*) FROM {table}") == 3


def test_a_stream_without_a_schema_is_refused(unharmed, sender):
    schema, batch = rawgrpc.ipc_of(series(3))
    assert sender.send("t", [batch]) == INVALID_ARGUMENT
    assert sender.connection.call("DoPut")[0] == INVALID_ARGUMENT
    assert sender.connection.call("DoPut", rawgrpc.flight_data(descriptor=rawgrpc.path_descriptor("t")))[0] == INVALID_ARGUMENT
    assert sender.connection.call("DoPut", b"\xff\xff\xff\xff")[0] == INVALID_ARGUMENT


def test_a_stream_that_breaks_off_stores_only_whole_batches(server, client, table):
    messages = rawgrpc.ipc_of(series(3), series(3, start=3))
    sent = [rawgrpc.flight_data(header, body, rawgrpc.path_descriptor(table) if i == 0 else b"") for i, (header, body) in enumerate(messages)]
    framed = b"".join(rawgrpc.grpc_message(message) for message in sent)
    for cut in range(1, len(framed), 97):
        connection = rawgrpc.Connection(server.location)
        connection.open("DoPut")
        connection.send(framed[:cut])
        connection.reset() if cut % 2 else None
        connection.close()
    put(client, table, series(1))  # behind whatever they left
    assert server.running()
    assert value(client, f"SELECT count(*) FROM {table}") % 3 == 1


# ---- time ----

def test_a_null_time_is_refused_with_its_row(unharmed):
    bad = pa.record_batch({"ts": pa.array([10, 11, None, 12], NANO), "host": ["a"] * 4, "load": [1] * 4})
    with pytest.raises(pa.ArrowInvalid, match="ts.*row 2"):
        put(unharmed, "t", bad)


def test_a_missing_time_is_refused_by_column(unharmed):
    with pytest.raises(pa.ArrowInvalid, match="ts"):
        put(unharmed, "t", pa.record_batch({"host": ["a"], "load": [1]}))


def test_batches_before_a_bad_one_stay_and_are_acknowledged(client, table):
    bad = pa.record_batch({"ts": pa.array([None], NANO), "host": ["a"], "load": [1]})
    writer, reader = start_put(client, table, bad.schema)
    with pytest.raises(pa.ArrowInvalid, match="ts"), writer:
        writer.write_batch(series(3))
        writer.write_batch(bad)
        writer.write_batch(series(5, start=3))
        writer.done_writing()
        assert acknowledged_rows(reader.read().to_pybytes()) == 3
        reader.read()
    assert value(client, f"SELECT count(*) FROM {table}") == 3


# ---- names ----

@pytest.mark.parametrize("names, error, match", [
    (["no-name"], pa.ArrowInvalid, "no-name"), ([""], pa.ArrowInvalid, "name|path"), (["1t"], pa.ArrowInvalid, "1t"),
    (["x" * 128], pa.ArrowInvalid, "127"), (["größe"], pa.ArrowInvalid, "letters"),
    (["nowhere", "htdb", "x"], KeyError, "nowhere"), (["nowhere", "x"], pa.ArrowInvalid, "nowhere"), (["system", "x"], pa.ArrowInvalid, "system"),
    (["a", "b", "c", "d"], pa.ArrowInvalid, "path"),
])
def test_a_put_to_a_name_that_cannot_be_is_refused(unharmed, names, error, match):
    with pytest.raises(error, match=match):
        put(unharmed, path(*names), series(1))


@pytest.mark.parametrize("columns, match", [
    ([("a", [1]), ("a", [2])], "a"), ([("Load", [1]), ("load", [2])], "[Ll]oad"), ([("", [1])], "name"), ([("x" * 256, [1])], "255|256"), ([("a\nb", [1])], "control"), ([], "column"),
])
def test_columns_that_cannot_be_are_refused(unharmed, columns, match):
    batch = pa.record_batch([pa.array(content) for _, content in columns], names=[name for name, _ in columns])
    with pytest.raises(pa.ArrowInvalid, match=match):
        put(unharmed, "other", batch)


@pytest.mark.parametrize("metadata, match", [
    ({"mobius.time": "load"}, "load"), ({"mobius.time": "nothing"}, "nothing"), ({"mobius.tags": "nothing"}, "nothing"), ({"mobius.tags": "ts"}, "ts"),
    ({"mobius.durability": "maybe"}, "maybe"),
])
def test_metadata_that_does_not_fit_is_refused(unharmed, metadata, match):
    with pytest.raises(pa.ArrowInvalid, match=match):
        put(unharmed, "other", series(1), metadata=metadata)


@pytest.mark.parametrize("ticket", [b"", b"\xff", b"\xff" + bytes(16), b"\xfe\x01", b"\x80abc", b"{", b"{}", b'{"sql_query": 7}'])
def test_a_ticket_that_is_none_is_refused(unharmed, ticket):
    with pytest.raises((KeyError, pa.ArrowInvalid), match="."):
        unharmed.do_get(flight.Ticket(ticket)).read_all()


@pytest.mark.parametrize("descriptor", [flight.FlightDescriptor.for_path(), flight.FlightDescriptor.for_command(b""), path("nothing"), path("t", "x"),
                                        path("a", "b", "c", "d"), path("mobius", "rtdb", "nothing"), flight.FlightDescriptor.for_command(b"\xff\xff")],
                         ids=["no path", "no command", "unknown table", "unknown schema", "four parts", "rtdb", "bytes"])
@pytest.mark.parametrize("call", ["get_flight_info", "get_schema"])
def test_a_descriptor_that_names_nothing_is_refused(unharmed, descriptor, call):
    with pytest.raises((KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError, NotImplementedError), match="."):
        getattr(unharmed, call)(descriptor)


def test_unknown_tables_and_columns_are_named_with_close_ones(unharmed):
    with pytest.raises(KeyError, match="measurments.*measurements"):
        ask(unharmed, "SELECT * FROM measurments")
    with pytest.raises(pa.ArrowInvalid, match="laod"):
        ask(unharmed, "SELECT laod FROM t")


# ---- SQL ----

TWO = ["SELECT 1; SELECT 2", "SELECT 1; DROP TABLE t", "SELECT * FROM t; --\nDELETE FROM t", "FLUSH t; FLUSH t", ";", "", "  -- nothing\n", "/* */"]

FORBIDDEN = [
    # writes
    "COPY t TO '/tmp/mobius-out.csv'", "COPY (SELECT 1) TO 'out.parquet'", "COPY t FROM '/etc/passwd'", "EXPORT DATABASE '/tmp/mobius-out'",
    "IMPORT DATABASE '/tmp'", "CREATE VIEW v AS SELECT 1", "CREATE TABLE u AS SELECT 1 AS a", "CREATE TEMP TABLE u (a INTEGER)", "CREATE SCHEMA s",
    "CREATE MACRO m(a) AS a", "CREATE INDEX i ON t (load)", "CREATE SEQUENCE s", "CREATE TYPE e AS ENUM ('a')", "CREATE SECRET (TYPE S3)",
    "DROP VIEW v", "DROP SCHEMA main", "MERGE INTO t USING t AS s ON true WHEN MATCHED THEN DELETE", "VACUUM", "CHECKPOINT",
    "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
    # files and other places
    "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_parquet('/tmp/*')", "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM glob('/*')", "SELECT * FROM '/etc/passwd'", "SELECT * FROM 'data.csv'", "SELECT * FROM \"/tmp/x.parquet\"", "SELECT * FROM 'https://example.com/x.parquet'",
    "SELECT * FROM parquet_metadata('/tmp/x')", "SELECT * FROM sniff_csv('/etc/passwd')", "SELECT * FROM read_json_auto('/etc/passwd')",
    "ATTACH '/tmp/x.db'", "ATTACH ':memory:' AS m", "DETACH memory", "USE memory", "SELECT * FROM (SELECT * FROM read_csv('/etc/passwd'))",
    "SELECT (SELECT count(*) FROM read_csv('/etc/passwd'))", "WITH x AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM x",
    "EXPLAIN ANALYZE SELECT * FROM read_csv('/etc/passwd')", "DESCRIBE SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM t WHERE host IN (SELECT content FROM read_text('/etc/passwd'))",
    # settings and what is inside
    "SET threads = 1", "SET GLOBAL memory_limit = '100GB'", "SET enable_external_access = true", "RESET threads", "PRAGMA database_list", "PRAGMA threads = 1",
    "INSTALL httpfs", "LOAD httpfs", "CALL pragma_version()", "SELECT * FROM duckdb_settings()", "SELECT * FROM duckdb_secrets()", "SELECT * FROM pragma_database_list()",
    "SELECT getenv('HOME')", "SELECT current_setting('temp_directory')", "SELECT * FROM system.main.duckdb_tables", "SELECT * FROM information_schema.tables",
    "SELECT * FROM sqlite_master", "SELECT * FROM duckdb_tables", "PREPARE p AS SELECT 1", "EXECUTE p", "BEGIN", "COMMIT", "ROLLBACK", "BEGIN TRANSACTION",
    "SELECT * FROM query('SELECT 1')", "SELECT * FROM query_table('t')", "SELECT write_log('x')", "SELECT nextval('s')", "SELECT repeat('x', 10000000000)",
    "SELECT * FROM seq_scan('t')",
    # what there is, changed as it cannot be
    "DROP DATABASE mobius", "DROP DATABASE nothing", "CREATE DATABASE mobius", "CREATE DATABASE System", "CREATE DATABASE \"a.b\"", "ALTER TABLE t DROP COLUMN ts",
    "ALTER TABLE t DROP COLUMN host", "ALTER TABLE t DROP COLUMN nothing", "ALTER TABLE t ADD COLUMN LOAD BIGINT", "ALTER TABLE t ADD COLUMN x NOTYPE", "ALTER TABLE t RENAME load TO Ts",
    "ALTER TABLE t SET (ttl = '0s')", "ALTER TABLE t SET (nothing = 1)", "ALTER TABLE nothing SET (ttl = '1d')", "ALTER TABLE system.tables DROP COLUMN name",
    "SHOW CREATE TABLE nothing",
    # not SQL
    "SELEC 1", "SELECT", "SELECT * FROM", "SELECT 'open", "SELECT (1", "DROP TABLE", "INSERT INTO t", "CREATE TABLE", "CREATE TABLE u (a)", "CREATE TABLE u (a NOTYPE)", "\0", "SELECT 1\0",
]


@pytest.mark.parametrize("text", TWO + FORBIDDEN)
def test_sql_that_is_not_for_clients_is_refused(unharmed, text):
    with pytest.raises((pa.ArrowInvalid, KeyError, NotImplementedError, flight.FlightServerError, pa.ArrowException), match=".") as caught:
        ask(unharmed, text)
    assert not isinstance(caught.value, (flight.FlightInternalError, flight.FlightUnavailableError)), caught.value
    assert "DATA_LOSS" not in str(caught.value)


@pytest.mark.parametrize("text", ["CREATE STREAM s INTO u AS SELECT * FROM t",
                                  "CREATE RULE r ON t WHEN load > 1 DO PUBLISH", "CREATE ARCHIVE FROM t", "CREATE USER u PASSWORD 'x'",
                                  "SHOW TASKS", "INSERT INTO rtdb.t VALUES (1)"])
def test_what_is_not_built_is_unimplemented_by_name(unharmed, text):
    with pytest.raises((NotImplementedError, pa.ArrowNotImplementedError), match="."):
        ask(unharmed, text)


def test_a_forbidden_copy_wrote_no_file(unharmed, server):
    for file in ("/tmp/mobius-out.csv", "out.parquet"):
        with pytest.raises(pa.ArrowException):
            ask(unharmed, f"COPY (SELECT 1) TO '{file}'")
        assert not os.path.exists(file) and not os.path.exists(server.data / file)


def test_the_position_of_an_error_is_told(unharmed):
    with pytest.raises(pa.ArrowInvalid, match="(?i)nonsense"):
        ask(unharmed, "SELECT load, nonsense(load) FROM t")


def test_deep_nesting_is_refused(unharmed):
    for depth in (100, 10000):
        with pytest.raises((pa.ArrowInvalid, flight.FlightServerError), match="."):
            ask(unharmed, "SELECT " + "(SELECT " * depth + "1" + ")" * depth)
        with pytest.raises((pa.ArrowInvalid, flight.FlightServerError), match="."):
            ask(unharmed, "SELECT " + "(" * depth * 10 + "1" + ")" * depth * 10)


# ---- the wire ----

def test_a_message_of_a_gibibyte_is_refused_by_its_length(server, unharmed):
    with rawgrpc.Connection(server.location) as connection:
        connection.open("DoPut")
        connection.send(b"\0" + struct.pack(">I", 1 << 30) + b"\x12\x80\x80\x80\x80\x04")
        status, text, _ = connection.answer()
    assert status == RESOURCE_EXHAUSTED
    assert str(1 << 30) in text


def test_lengths_inside_a_message_are_looked_at(server, unharmed):
    with rawgrpc.Connection(server.location) as connection:
        for content in (b"\x12\xff\xff\xff\xff\x0f", b"\xc2\x3e\xff\xff\xff\xff\x7f", b"\x0a\x05ab", b"\x12" + b"\xff" * 12, b"\x0b\x0c", b"\x00\x00"):
            status, text, _ = connection.call("DoPut", content)
            assert (status, bool(text)) == (INVALID_ARGUMENT, True), content


@pytest.mark.parametrize("method", ["GetFlightInfo", "GetSchema", "PollFlightInfo", "DoGet", "DoAction", "ListFlights"])
def test_messages_that_are_no_protobuf_are_refused(server, unharmed, method):
    chance = random.Random(method)
    with rawgrpc.Connection(server.location) as connection:
        for i in range(200):
            status, text, _ = connection.call(method, chance.randbytes(chance.randrange(40)))
            assert status != rawgrpc.INTERNAL, text
        assert connection.call(method, b"\x0a\x7f")[0] == INVALID_ARGUMENT


def test_calls_of_an_unknown_method_are_unimplemented(server, unharmed):
    with rawgrpc.Connection(server.location) as connection:
        for method in ("DoNothing", "", "doget"):
            assert connection.call(method, b"")[0] == UNIMPLEMENTED


GARBAGE = {
    "http/1": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "noise": random.Random(1).randbytes(4000),
    "zeros": bytes(4000),
    "tls": bytes.fromhex("160301020001000000fc0303") + bytes(500),
    "preface, then noise": rawgrpc.PREFACE + random.Random(2).randbytes(4000),
    "half a preface": rawgrpc.PREFACE[:10],
    "nothing": b"",
}


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_ends_its_connection_only(server, unharmed, garbage):
    with socket.create_connection(("127.0.0.1", int(server.location.rsplit(":", 1)[1])), 30) as peer:
        peer.sendall(GARBAGE[garbage])
        peer.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while peer.recv(65536):
                pass


# ---- disk ----

@pytest.fixture
def small_disk(tmp_path):
    """A file system of 48 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "none", place], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"a small file system needs root: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


SMALL = {"wal.segment_size": "4MiB", "memtable.segment_size": "2MiB", "wal.keep_time": "0s", "wal.keep_bytes": "8MiB", "stop.flush": "0s"}


def fill(file):
    """Takes all the room that is left."""
    with contextlib.suppress(OSError), open(file, "ab", buffering=0) as ballast:
        for size in (1 << 16, 1 << 12):
            with contextlib.suppress(OSError):
                while True:
                    ballast.write(bytes(size))


def test_a_full_disk_refuses_rows_and_keeps_those_it_took(start_server, small_disk):
    reserve = small_disk / "reserve"
    reserve.write_bytes(bytes(16 << 20))
    server = start_server(data=small_disk / "data", settings=SMALL)
    chance, acknowledged = random.Random(7), 0
    def batch(i):
        return pa.record_batch({"ts": pa.array(range(1000 * i, 1000 * i + 1000), NANO), "noise": pa.array([chance.randbytes(1000) for _ in range(1000)])})
    with server.client() as client:
        writer, reader = start_put(client, "t", batch(0).schema)
        with pytest.raises(FAILURES, match="disk|space"), writer:
            for i in range(200):
                writer.write_batch(batch(i))
                acknowledged = acknowledged_rows(reader.read().to_pybytes())
    assert 0 < acknowledged < 200_000
    assert server.running()
    with server.client() as client:
        assert value(client, "SELECT count(*) FROM t") == acknowledged
    server.kill()
    reserve.unlink()
    server.start()
    with server.client() as client:
        count, least, most = rows(client, "SELECT count(*), epoch_ns(min(ts)), epoch_ns(max(ts)) FROM t")[0]
        assert (count % 1000, least, most) == (0, 0, count - 1)
        assert count >= acknowledged


def test_a_disk_that_has_room_again_is_used_again(start_server, small_disk):
    ballast = small_disk / "ballast"
    server = start_server(data=small_disk / "data", settings=SMALL)
    filler = pa.record_batch({"ts": pa.array([1], NANO), "text": ["x" * (1 << 20)]})
    with server.client() as client:
        put(client, "t", series(3))
        fill(ballast)
        with pytest.raises(FAILURES, match="disk|space"):
            for _ in range(64):
                put(client, "big", filler)
        assert rows(client, "SELECT count(*) FROM t") == [(3,)]
        ballast.unlink()
        answers = wait_until_taken(lambda: put(client, "t", series(3, start=3)), FAILURES, server.log)
        assert answers[-1]["rows"] == 3
        flush(client)
        assert rows(client, "SELECT count(*) FROM t") == [(6,)]
    server.kill()
    server.start()
    with server.client() as client:
        assert rows(client, "SELECT count(*) FROM t") == [(6,)]


# ---- files ----

def test_a_log_damaged_in_its_middle_stops_the_start_and_is_named(start_server):
    server = start_server(settings={"wal.segment_size": "1MiB"})
    with server.client() as client:
        for i in range(40):  # each is synced before the next is logged, which says so
            put(client, "t", series(1000, start=1000 * i))
        offset, *_ = act(client, "table.offsets", table="t")
    server.kill()
    file = server.data / "wal" / offset["wal_file"]
    content = bytearray(file.read_bytes())
    at = offset["offset"] + offset["length"] // 2
    for i in range(64):
        content[at + i] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(StartFailed) as caught:
        server.start()
    assert caught.value.code == DAMAGE
    assert file.name in caught.value.stderr
    for i in range(64):
        content[at + i] ^= 0xFF
    file.write_bytes(content)
    server.start()
    with server.client() as client:
        assert value(client, "SELECT count(*) FROM t") == 40000


def remove(file):
    file.unlink()


def cut(file):
    os.truncate(file, file.stat().st_size // 2)


def empty(file):
    os.truncate(file, 0)


@pytest.mark.parametrize("harm", [remove, cut, empty])
def test_a_file_that_is_not_whole_is_named(start_server, harm):
    server = start_server()
    with server.client() as client:
        put(client, "t", series(1000))
        put(client, "other", series(5))
        flush(client)
        name = os.path.basename(value(client, "SELECT file FROM system.segments WHERE \"table\" = 't'"))
    server.stop()
    (file,) = (file for file in server.data.rglob("*.parquet") if file.name == name)
    harm(file)
    try:
        server.start()
    except StartFailed as refused:
        assert (refused.code, name in refused.stderr) == (DAMAGE, True), refused.stderr
        return
    with server.client() as client:
        with pytest.raises((pa.ArrowException, flight.FlightServerError), match=name):
            ask(client, "SELECT sum(load), max(host) FROM t")
        assert value(client, "SELECT count(load) FROM other") == 5
        put(client, "t", series(5))


def test_a_file_whose_pages_are_damaged_harms_its_own_table_only(start_server):
    server = start_server()
    with server.client() as client:
        put(client, "t", series(10000))
        put(client, "other", series(5))
        flush(client)
        name = os.path.basename(value(client, "SELECT file FROM system.segments WHERE \"table\" = 't'"))
    server.stop()
    (file,) = (file for file in server.data.rglob("*.parquet") if file.name == name)
    content = bytearray(file.read_bytes())
    for at in range(4, len(content) // 2, 3):
        content[at] ^= 0x55
    file.write_bytes(content)
    server.start()
    with server.client() as client:
        with pytest.raises((pa.ArrowException, flight.FlightServerError)):
            ask(client, "SELECT sum(load), max(host), max(ts) FROM t")
        assert value(client, "SELECT count(load) FROM other") == 5
