"""Putting rows: what a schema makes of a table, what is acknowledged, and that what comes back is what was sent."""

import concurrent.futures
import json

import arrow_values
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from flights import (ASYNC, act, acknowledgements, ask, columns_of, command, flush, path, put, rows, start_put, table_names,
                     value)
from mobiusd import SHORT_LOG, Mobiusd

NANO = pa.timestamp("ns")


def series(count, start=0, host="a"):
    """Rows of a table with a time, a tag and a field."""
    times = range(start, start + count)
    return pa.record_batch({"ts": pa.array(times, NANO), "host": pa.array([host] * count, pa.utf8()),
                            "load": pa.array(times, pa.int64())})


def roles(client, table):
    return {name: role for name, (_, role) in columns_of(client, table).items()}


def same_rows(got, want):
    """Equal in schema and content, however either is cut into batches."""
    got.validate(full=True)
    assert got.schema.equals(want.schema), f"{got.schema} is not {want.schema}"
    assert got.combine_chunks().equals(want.combine_chunks())
    return True


# ---- what a schema makes ----

TIME, US, TEXT = pa.array([1], NANO), pa.array([1], pa.timestamp("us")), pa.array(["x"])
NUMBER, CODES = pa.array([1.5]), pa.array(["x"]).dictionary_encode()


@pytest.mark.parametrize("columns, metadata, want", [
    pytest.param({"v": NUMBER, "ts": TIME, "time": US}, {}, {"v": "field", "ts": "field", "time": "time"}, id="time before ts"),
    pytest.param({"v": NUMBER, "timestamp": TIME, "ts": US}, {}, {"v": "field", "timestamp": "field", "ts": "time"}, id="ts before timestamp"),
    pytest.param({"a": NUMBER, "b": TIME, "c": US}, {}, {"a": "field", "b": "time", "c": "field"}, id="else the first timestamp"),
    pytest.param({"time": NUMBER, "b": TIME}, {}, {"time": "field", "b": "time"}, id="time must be a timestamp"),
    pytest.param({"time": TIME, "b": US}, {"mobius.time": "b"}, {"time": "field", "b": "time"}, id="mobius.time chooses"),
    pytest.param({"a": NUMBER, "s": TEXT}, {}, {"a": "field", "s": "field"}, id="no time: a plain table"),
    pytest.param({"ts": TIME, "s": TEXT, "r": TEXT, "v": NUMBER}, {}, {"ts": "time", "s": "tag", "r": "tag", "v": "field"}, id="texts are tags"),
    pytest.param({"ts": TIME, "s": TEXT, "d": CODES}, {}, {"ts": "time", "s": "field", "d": "tag"}, id="dictionaries go before texts"),
    pytest.param({"ts": TIME, "s": TEXT, "n": pa.array([1])}, {"mobius.tags": "n"}, {"ts": "time", "s": "field", "n": "tag"}, id="mobius.tags chooses"),
    pytest.param({"ts": TIME, "s": TEXT, "d": CODES}, {"mobius.tags": ""}, {"ts": "time", "s": "field", "d": "field"}, id="an empty mobius.tags: none"),
])
def test_first_schema_decides_time_and_tags(client, columns, metadata, want):
    put(client, "t", pa.record_batch(columns), metadata=metadata)
    assert roles(client, "t") == want
    kind = "series" if "time" in want.values() else "plain"
    assert rows(client, "SELECT name, kind, rows FROM system.tables") == [("t", kind, 1)]


@pytest.mark.parametrize("made, later, said", [
    ({}, {"mobius.dedup": "last"}, ["dedup = none", '"last"', "leave mobius.dedup out"]),
    ({"mobius.dedup": "last"}, {"mobius.dedup": "none"}, ["dedup = last", '"none"']),
    ({"mobius.ttl": "50000d"}, {"mobius.ttl": "60000d"}, ["ttl = 50000d", '"60000d"', 'ALTER TABLE "t" SET (ttl = \'60000d\')']),
    ({}, {"mobius.tags": ""}, ['"host" is a tag', "mobius.tags"]),
    ({}, {"mobius.tags": "host,load"}, ['"load" is a field', "mobius.tags"]),
    ({}, {"mobius.key": "id"}, ["no key column", '"id"']),
    ({}, {"mobius.time": "load"}, ['time column "ts"', '"load"']),
    ({"mobius.key": "id"}, {"mobius.dedup": "none"}, ["key", '"none"']),
    ({"mobius.key": "id"}, {"mobius.time": "ts"}, ["no time column", '"ts"']),
    ({}, {"mobius.tag": "host"}, ["mobius.tag", 'did you mean "mobius.tags"']),
    ({}, {"mobius.compression": "x"}, ["mobius.compression", "mobius.tags", "mobius.key"]),
    ({}, {"Mobius.TTL": "1d"}, ["Mobius.TTL"]),
])
def test_what_a_put_says_of_a_table_that_is_otherwise_is_refused(client, made, later, said):
    put(client, "t", series(3), metadata=made)
    with pytest.raises(pa.ArrowInvalid) as refusal:
        put(client, "t", series(3), metadata=later)
    for part in said:
        assert part in str(refusal.value)
    assert value(client, "SELECT count(*) FROM t") == 3


def test_what_a_put_says_of_a_table_may_be_so(client):
    for metadata in ({"mobius.tags": "host", "mobius.ttl": "60000d", "mobius.dedup": "last", "mobius.time": "ts"}, {"mobius.ttl": "1440000h"}, {"other": "x"}, {}):
        put(client, "t", series(3), metadata=metadata)
    assert value(client, "SELECT count(*) FROM t") == 3


def test_unknown_schema_metadata_makes_no_table(client):
    with pytest.raises(pa.ArrowInvalid, match="mobius.dedup"):
        put(client, "t", series(3), metadata={"mobius.dedupe": "last"})
    assert rows(client, "SELECT name FROM system.tables") == []


def test_a_refused_first_batch_tells_of_the_table_it_made(client):
    nothing = pa.record_batch({"ts": pa.array([None], NANO), "v": pa.array([1])})
    with pytest.raises(pa.ArrowInvalid, match='"t" was made from the schema and stays, empty'):
        put(client, "t", nothing)
    assert rows(client, "SELECT name, rows FROM system.tables") == [("t", 0)]
    with pytest.raises(pa.ArrowInvalid) as refusal:
        put(client, "t", nothing)
    assert "was made" not in str(refusal.value)


@pytest.mark.parametrize("metadata", [None, {"mobius.producer": "g"}], ids=["plain", "producer"])
@pytest.mark.parametrize("refused_by", ["schema", "batch"])
def test_a_stream_that_took_nothing_is_answered_by_its_error_alone(client, metadata, refused_by):
    ask(client, "CREATE TABLE t (ts TIMESTAMP_NS, v DOUBLE) WITH (time = 'ts')")
    wrong = {"schema": {"ts": TIME, "v": TEXT}, "batch": {"ts": pa.array([None], NANO), "v": NUMBER}}[refused_by]
    for _ in range(8):
        writer, reader = start_put(client, "t", pa.record_batch(wrong).schema, metadata)
        told = []
        with pytest.raises(pa.ArrowException, match="column"), writer:
            writer.write_batch(pa.record_batch(wrong))
            writer.done_writing()
            told = acknowledgements(reader)
        greeted = metadata is not None and refused_by == "batch"  # the table took the stream before its batch came
        assert all("last_producer_seq" in one for one in told) if greeted else told == []


def test_a_schema_alone_creates_the_table(client):
    schema = series(1).schema
    writer, reader = start_put(client, "t", schema)
    with writer:
        writer.done_writing()
        (only,) = acknowledgements(reader)
    assert (only["rows"], only["batches"]) == (0, 0)
    assert ask(client, "SELECT * FROM t").schema.equals(schema)


def test_a_table_may_be_named_by_schema_metadata(client):
    put(client, flight.FlightDescriptor.for_path(), series(3), metadata={"table": "named"})
    assert value(client, "SELECT count(*) FROM named") == 3


@pytest.mark.parametrize("names, table", [(["t"], "t"), (["htdb", "t"], "t"), (["mobius", "htdb", "t"], "t")])
def test_a_path_has_up_to_three_parts(client, names, table):
    put(client, path(*names), series(2))
    assert table_names(client) == [table]


def test_nullability_of_the_sender_is_not_kept(client):
    schema = pa.schema([pa.field("ts", NANO), pa.field("v", pa.int64(), nullable=False)])
    put(client, "t", pa.record_batch([[1], [2]], schema=schema))
    put(client, "t", pa.record_batch({"ts": pa.array([2], NANO)}))
    got = ask(client, "SELECT * FROM t ORDER BY ts").schema
    assert got.field("v").nullable


@pytest.mark.settings(**{"ingest.create_tables": "off"})
def test_tables_are_not_created_where_that_is_off(client):
    with pytest.raises(KeyError, match="create_tables"):
        put(client, "t", series(1))
    ask(client, "CREATE TABLE t (ts TIMESTAMP_NS, host VARCHAR TAG, load BIGINT)")
    assert put(client, "t", series(1))[-1]["rows"] == 1


# ---- every type ----

WHEN = ["in memory", "in memory after a kill", "in files", "in files after a restart"]


def outcome(function, *arguments):
    try:
        return function(*arguments)
    except Exception as error:
        return error


@pytest.fixture(scope="module")
def every_type(tmp_path_factory):
    """{(when, type): answer} of a server that has a table of every type."""
    answers = {}
    with Mobiusd(tmp_path_factory.mktemp("types") / "data", SHORT_LOG | {"stop.flush": "0s"}) as server:
        def each(when, action):
            with server.client() as client:
                answers.update({(when, name): outcome(action, client, f"t_{name}", name) for name in arrow_values.KINDS})
        def send(client, table, name):
            sent, _ = arrow_values.column(name)
            return put(client, table, pa.record_batch({"moment": pa.array(range(5), pa.timestamp("us")), "v": sent}), metadata={"mobius.tags": "", "mobius.time": "moment"})
        def look(client, table, name):
            return ask(client, f"SELECT v FROM {table} ORDER BY moment")
        each("sent", send)
        each("in memory", look)
        server.kill()
        server.start()
        each("in memory after a kill", look)
        each("flushed", lambda client, table, name: flush(client, table))
        each("in files", look)
        server.restart()
        each("in files after a restart", look)
    return answers


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("name", arrow_values.KINDS)
def test_every_type_comes_back_as_it_was_sent(every_type, name, when):
    for step in ("sent", "flushed", when):
        if isinstance(every_type[step, name], Exception):
            raise every_type[step, name]
    got = every_type[when, name].column("v").combine_chunks()
    _, want = arrow_values.column(name)
    got.validate(full=True)
    assert got.type == want.type
    assert got.equals(want), f"{got} is not {want}"


@pytest.mark.parametrize("column", [
    pa.array([1, None], pa.decimal256(50, 2)),
    pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["x", "y"])]),
    pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["a"])),
    pa.array([{}, {}], pa.struct([])),
], ids=lambda column: str(column.type).split("<")[0])
def test_a_type_that_tables_do_not_keep_is_refused_by_name(client, column):
    with pytest.raises((pa.ArrowNotImplementedError, pa.ArrowInvalid), match="odd"):
        put(client, "t", pa.record_batch({"n": pa.array([1, 2]), "odd": column}))
    assert table_names(client) == []


def test_an_unknown_extension_type_is_what_it_is_stored_as(client):
    put(client, "t", pa.record_batch({"u": pa.array([b"0123456789abcdef"], pa.uuid()), "j": pa.array(["{}"], pa.json_())}))
    assert rows(client, "SELECT u, j FROM t") == [(b"0123456789abcdef", "{}")]


# ---- how batches are encoded ----

@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_compressed_bodies_are_read(client, server, compression):
    options = flight.FlightCallOptions(write_options=pa.ipc.IpcWriteOptions(compression=compression))
    batch = series(10000)
    put(client, "t", batch, series(3, start=10000), options=options)
    want = pa.Table.from_batches([batch, series(3, start=10000)])
    assert same_rows(ask(client, "SELECT * FROM t ORDER BY ts"), want)
    server.kill()
    server.start()
    with server.client() as client:
        assert same_rows(ask(client, "SELECT * FROM t ORDER BY ts"), want)


@pytest.mark.parametrize("index", [pa.int8(), pa.uint8(), pa.int16(), pa.int32(), pa.int64()], ids=str)
def test_dictionaries_are_decoded(client, index):
    codes = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0, 2], index), pa.array(["a", "größer", None]))
    put(client, "t", pa.record_batch({"ts": pa.array(range(5), NANO), "tag": codes}))
    assert rows(client, "SELECT tag FROM t ORDER BY ts") == [("a",), ("größer",), (None,), ("a",), (None,)]


@pytest.mark.parametrize("deltas", [False, True])
def test_dictionaries_that_grow_or_are_replaced_are_followed(client, server, deltas):
    options = flight.FlightCallOptions(write_options=pa.ipc.IpcWriteOptions(emit_dictionary_deltas=deltas))
    kind = pa.dictionary(pa.int32(), pa.utf8())
    parts = [pa.DictionaryArray.from_arrays([0, 1], ["a", "b"]), pa.DictionaryArray.from_arrays([2, 0], ["a", "b", "c"]),
             pa.DictionaryArray.from_arrays([0, 1], ["z", "y"] if not deltas else ["a", "b"])]
    batches = [pa.record_batch([pa.array([2 * i, 2 * i + 1], NANO), part.cast(kind)], ["ts", "tag"]) for i, part in enumerate(parts)]
    assert put(client, "t", *batches, options=options)[-1]["rows"] == 6
    want = [(text,) for part in parts for text in part.to_pylist()]
    assert rows(client, "SELECT tag FROM t ORDER BY ts") == want
    server.kill()
    server.start()
    with server.client() as client:
        assert rows(client, "SELECT tag FROM t ORDER BY ts") == want


def test_nested_dictionaries_are_decoded(client):
    items = pa.array(["x", "y", "x"]).dictionary_encode()
    lists = pa.ListArray.from_arrays(pa.array([0, 2, 3]), items)
    fields = pa.StructArray.from_arrays([pa.array(["k", "l"]).dictionary_encode()], ["code"])
    put(client, "t", pa.record_batch({"list": lists, "struct": fields}))
    assert rows(client, "SELECT * FROM t") == [(["x", "y"], {"code": "k"}), (["x"], {"code": "l"})]


def test_slices_of_larger_arrays_are_read(client):
    whole = series(1000)
    put(client, "t", whole.slice(3, 5), whole.slice(13, 1), whole.slice(501, 499))
    want = pa.Table.from_batches([whole.slice(3, 5), whole.slice(13, 1), whole.slice(501, 499)])
    assert same_rows(ask(client, "SELECT * FROM t ORDER BY ts"), want)


# ---- tables that grow, batches that differ ----

@pytest.mark.parametrize("names", [["note"], ["note", "other"]], ids=len)
@pytest.mark.parametrize("flushed", [False, True], ids=["hot", "flushed"])
def test_batches_of_nothing_but_nulls_are_taken(client, names, flushed):
    # No column has a buffer, so the message has an empty list of them.
    nothing = pa.table({name: pa.nulls(3) for name in names})
    assert put(client, "t", nothing)[-1]["rows"] == 3
    if flushed:
        flush(client, "t")
    assert same_rows(ask(client, "SELECT * FROM t"), nothing)
    assert put(client, "t", nothing)[-1]["rows"] == 3
    assert value(client, "SELECT count(*) FROM t WHERE note IS NULL") == 6


def test_columns_match_by_name_and_absent_ones_are_null(client):
    put(client, "t", series(1))
    put(client, "t", pa.record_batch({"load": pa.array([7]), "ts": pa.array([1], NANO)}))
    put(client, "t", pa.record_batch({"host": ["b"], "ts": pa.array([2], NANO)}))
    got = ask(client, "SELECT host, load FROM t ORDER BY ts").to_pylist()
    assert got == [{"host": "a", "load": 0}, {"host": None, "load": 7}, {"host": "b", "load": None}]


@pytest.mark.parametrize("flushed", [False, True])
def test_new_columns_are_added_and_null_in_older_rows(client, flushed):
    put(client, "t", series(1))
    if flushed:
        flush(client, "t")
    wider = pa.record_batch({"ts": pa.array([1], NANO), "room": ["x"], "area": ["y"]})
    put(client, "t", wider, metadata={"mobius.tags": "area"})
    assert roles(client, "t") == {"ts": "time", "host": "tag", "load": "field", "room": "field", "area": "tag"}
    want = [("a", 0, None, None), (None, None, "x", "y")]
    assert rows(client, "SELECT host, load, room, area FROM t ORDER BY ts") == want
    flush(client, "t")
    assert rows(client, "SELECT host, load, room, area FROM t ORDER BY ts") == want


WIDENINGS = [
    (pa.int8(), pa.int16(), -5), (pa.int16(), pa.int64(), -5), (pa.uint8(), pa.uint64(), 5), (pa.float16(), pa.float64(), 0.5),
    (pa.float32(), pa.float64(), 0.5), (pa.timestamp("s"), pa.timestamp("ns"), 5), (pa.timestamp("ms", "UTC"), pa.timestamp("us", "UTC"), 5),
    (pa.decimal128(5, 2), pa.decimal128(20, 2), 5), (pa.duration("s"), pa.duration("ms"), 5), (pa.null(), pa.int32(), None),
    (pa.large_utf8(), pa.utf8(), "x"), (pa.time32("s"), pa.time64("ns"), 5), (pa.list_(pa.int8()), pa.list_(pa.int32()), [5]),
]


def widening(narrow, wide, item):
    """The narrow batch, the wide one, the narrow one again; and the column they make together."""
    blank = pa.null() if item is None else None
    one, other = (pa.array([item, None], blank or kind).cast(kind) for kind in (narrow, wide))
    times = [pa.array([start, start + 1], NANO) for start in (0, 2, 4)]
    batches = [pa.record_batch([time, column], ["moment", "v"]) for time, column in zip(times, (one, other, one))]
    kept = pa.utf8() if pa.types.is_string(wide) else wide
    return batches, pa.chunked_array([part.cast(kept) for part in (one, other, one)], kept).combine_chunks()


@pytest.fixture(scope="module")
def widened(tmp_path_factory):
    """{(when, case, where the narrow rows lay): answer}."""
    answers = {}
    cases = [(i, place) for i in range(len(WIDENINGS)) for place in ("memory", "file")]
    with Mobiusd(tmp_path_factory.mktemp("widened") / "data", SHORT_LOG) as server:
        def each(when, action):
            with server.client() as client:
                answers.update({(when, i, place): outcome(action, client, f"t{i}_{place}", i, place) for i, place in cases})
        def send(client, table, i, place):
            (narrow, wide, again), _ = widening(*WIDENINGS[i])
            put(client, table, narrow, metadata={"mobius.tags": "", "mobius.time": "moment"})
            if place == "file":
                flush(client, table)
            put(client, table, wide)
            put(client, table, again)
        def look(client, table, i, place):
            return ask(client, f"SELECT v FROM {table} ORDER BY moment")
        each("sent", send)
        each("at once", look)
        server.kill()
        server.start()
        each("after a kill", look)
        each("flushed", lambda client, table, i, place: flush(client, table))
        each("after a flush", look)
    return answers


@pytest.mark.parametrize("case", range(len(WIDENINGS)), ids=[f"{narrow} to {wide}" for narrow, wide, _ in WIDENINGS])
@pytest.mark.parametrize("place", ["memory", "file"])
@pytest.mark.parametrize("when", ["at once", "after a kill", "after a flush"])
def test_a_column_widens_and_takes_narrower_values(widened, case, place, when):
    for step in ("sent", "flushed", when):
        if isinstance(widened[step, case, place], Exception):
            raise widened[step, case, place]
    got = widened[when, case, place].column("v").combine_chunks()
    _, want = widening(*WIDENINGS[case])
    assert got.type == want.type
    assert got.equals(want), f"{got} is not {want}"


@pytest.mark.parametrize("have, sent", [
    (pa.int32(), pa.uint32()), (pa.int64(), pa.float64()), (pa.utf8(), pa.binary()), (pa.utf8(), pa.int64()),
    (pa.timestamp("us"), pa.timestamp("us", "UTC")), (pa.decimal128(9, 2), pa.decimal128(9, 3)), (pa.date32(), pa.timestamp("s")),
    (pa.list_(pa.int32()), pa.int32()),
], ids=str)
def test_types_of_other_families_are_refused_by_column(client, have, sent):
    def batch(kind):
        return pa.record_batch([pa.array([1], NANO), pa.nulls(1, kind)], ["moment", "wanted"])
    put(client, "t", batch(have), metadata={"mobius.tags": "", "mobius.time": "moment"})
    with pytest.raises(pa.ArrowInvalid, match="wanted"):
        put(client, "t", batch(sent))
    assert value(client, "SELECT count(*) FROM t") == 1
    assert columns_of(client, "t")["wanted"][1] == "field"


# ---- acknowledgements ----

def test_an_acknowledgement_says_what_is_on_disk(client):
    first, second = series(10), series(5, start=10)
    writer, reader = start_put(client, "t", first.schema)
    with writer:
        writer.write_batch(first)
        one = flight_json(reader)
        writer.write_batch(second)
        two = flight_json(reader)
        writer.done_writing()
        assert acknowledgements(reader) == []
    assert set(one) == {"epoch", "seq", "durable_seq", "rows", "batches", "durability"}
    assert (one["rows"], one["batches"], one["durability"]) == (10, 1, "durable")
    assert (two["rows"], two["batches"]) == (15, 2)
    assert 0 < one["seq"] < two["seq"] and two["durable_seq"] >= two["seq"]
    (info,) = act(client, "server.info")
    assert (info["epoch"], info["durable_seq"]) == (two["epoch"], two["seq"])


def flight_json(reader):
    return json.loads(reader.read().to_pybytes())


@pytest.mark.parametrize("sent, echoed", [(b"row 7", "row 7"), (b'{"id": 7}', {"id": 7}), (b"\xff\x00", "/wA="), (b"[1]", "[1]"), (b'say "x"\n', 'say "x"\n')])
def test_what_a_batch_carries_is_echoed(client, sent, echoed):
    writer, reader = start_put(client, "t", series(1).schema)
    with writer:
        writer.write_with_metadata(series(1), sent)
        assert flight_json(reader)["client"] == echoed
        writer.done_writing()


@pytest.mark.parametrize("sent", [b'{"producer": "a", "seq": 1}\0', b'\xef\xbb\xbf{"producer": "a", "seq": 1}', b'{"producer": "a", "seq": 18446744073709551615}', b"{'producer': 'a', 'seq': 1}", b'{"producer": "a", "seq": 1, "seq": 2}'])
def test_a_producer_that_cannot_be_read_is_refused(client, sent):
    writer, reader = start_put(client, "t", series(1).schema)
    with pytest.raises(pa.ArrowInvalid, match="app_metadata is no JSON object"), writer:
        writer.write_with_metadata(series(1), sent)
        assert reader.read() is None


@pytest.mark.parametrize("seq", [-1, -(2**63)])
def test_a_negative_sequence_is_refused(client, seq):
    writer, reader = start_put(client, "t", series(1).schema)
    with pytest.raises(pa.ArrowInvalid, match=f'"seq" of producer "g" is {seq}'), writer:
        writer.write_with_metadata(series(1), json.dumps({"producer": "g", "seq": seq}).encode())
        assert reader.read() is None
    writer, reader = start_put(client, "t", series(1).schema)
    with writer:
        writer.write_with_metadata(series(1), b'{"producer": "g", "seq": 0}')
        assert "duplicate" not in flight_json(reader)
        writer.done_writing()
    assert value(client, "SELECT count(*) FROM t") == 1


def test_an_empty_batch_is_acknowledged_at_once(client):
    writer, reader = start_put(client, "t", series(1).schema)
    with writer:
        writer.write_batch(series(0))
        told = flight_json(reader)
        assert (told["rows"], told["batches"]) == (0, 1)
        writer.done_writing()


def test_empty_batches_count_but_make_no_commit(client):
    writer, reader = start_put(client, "t", series(1).schema)
    with writer:
        writer.write_batch(series(0))
        writer.write_batch(series(2))
        writer.write_batch(series(0))
        writer.done_writing()
        last = acknowledgements(reader)[-1]
    assert (last["rows"], last["batches"]) == (2, 3)
    (info,) = act(client, "server.info")
    assert info["seq"] == last["seq"]
    assert put(client, "t", series(0))[-1]["batches"] == 1


def test_a_client_that_does_not_read_gets_one_answer_for_all(client):
    count = 3000
    writer, reader = start_put(client, "t", series(1).schema)
    with writer:
        for i in range(count):
            writer.write_batch(series(10, start=10 * i))
        writer.done_writing()
        answers = acknowledgements(reader)
    assert (answers[-1]["rows"], answers[-1]["batches"]) == (10 * count, count)
    assert all(a["batches"] < b["batches"] and a["seq"] < b["seq"] for a, b in zip(answers, answers[1:]))
    assert len(answers) <= count
    assert rows(client, "SELECT count(*), sum(load) FROM t") == [(10 * count, sum(range(10 * count)))]


def test_a_client_that_never_reads_is_served_too(client):
    for i in range(3):
        writer, _ = start_put(client, "t", series(1).schema)
        for k in range(200):
            writer.write_batch(series(1, start=200 * i + k))
        writer.close()
    assert value(client, "SELECT count(*) FROM t") == 600


@pytest.mark.parametrize("how", ["metadata", "header"])
def test_async_is_acknowledged_before_the_sync_and_seen_after(client, how):
    metadata = {"mobius.durability": "async"} if how == "metadata" else None
    answers = put(client, "t", *(series(10, start=10 * i) for i in range(100)), metadata=metadata, options=ASYNC if how == "header" else None)
    assert answers[-1]["durability"] == "async"
    assert (answers[-1]["rows"], answers[-1]["batches"]) == (1000, 100)
    put(client, "other", series(1))  # a durable commit behind them
    assert rows(client, "SELECT count(*), sum(load) FROM t") == [(1000, sum(range(1000)))]


def test_schema_metadata_goes_before_the_header(client):
    answers = put(client, "t", series(1), metadata={"mobius.durability": "durable"}, options=ASYNC)
    assert answers[-1]["durability"] == "durable"


# ---- much ----

@pytest.mark.settings(**{"memtable.segment_size": "1MiB", "wal.segment_size": "1MiB"})
def test_many_small_batches_are_all_there(client, server):
    batches = [series(3, start=3 * i, host=f"h{i % 50}") for i in range(10000)]
    answers = put(client, "t", *batches)
    assert answers[-1]["rows"] == 30000
    want = [(30000, sum(range(30000)), 50)]
    assert rows(client, "SELECT count(*), sum(load), count(DISTINCT host) FROM t") == want
    server.kill()
    server.start()
    with server.client() as client:
        assert rows(client, "SELECT count(*), sum(load), count(DISTINCT host) FROM t") == want


def test_large_batches_pass(client, server):
    count = 3_000_000
    batch = pa.record_batch({"ts": pa.array(range(count), NANO), "v": pa.array(range(count), pa.int64())})
    assert batch.nbytes > 45_000_000
    answers = put(client, "t", batch, batch)
    assert (answers[-1]["rows"], answers[-1]["batches"]) == (2 * count, 2)
    assert rows(client, "SELECT count(*), sum(v) FROM t") == [(2 * count, count * (count - 1))]
    server.kill()
    server.start()
    with server.client() as client:
        assert rows(client, "SELECT count(*), sum(v) FROM t") == [(2 * count, count * (count - 1))]


def test_a_message_over_the_limit_is_refused(start_server):
    server = start_server(settings={"flight.max_message": "1MiB"})
    with server.client() as client:
        put(client, "t", series(1))
        with pytest.raises((flight.FlightServerError, pa.ArrowException), match="1048576|1 ?MiB|max_message"):
            put(client, "t", series(200_000))
        assert put(client, "t", series(1, start=1))[-1]["rows"] == 1
        assert value(client, "SELECT count(*) FROM t") == 2


def test_many_tables_live_beside_each_other(client, server):
    names = [f"t{i}" for i in range(200)]
    for i, name in enumerate(names):
        put(client, name, series(i + 1))
    def counts(client):
        union = " UNION ALL ".join(f"SELECT {i} AS i, count(*) AS n FROM {name}" for i, name in enumerate(names))
        return rows(client, f"SELECT * FROM ({union}) ORDER BY i")
    want = [(i, i + 1) for i in range(200)]
    assert sorted(table_names(client)) == sorted(names)
    assert counts(client) == want
    flush(client)
    put(client, "t7", series(1, start=100))
    server.restart()
    with server.client() as client:
        want[7] = (7, 9)
        assert counts(client) == want
        assert len(table_names(client)) == 200


@pytest.mark.settings(**{"memtable.segment_size": "2MiB"})
def test_eight_streams_into_one_table(server):
    streams, batches, size = 8, 100, 500
    def write(stream):
        with server.client() as client:
            return put(client, "t", *(series(size, start=size * (batches * stream + i), host=f"h{stream}") for i in range(batches)))
    with concurrent.futures.ThreadPoolExecutor(streams) as pool:
        answers = list(pool.map(write, range(streams)))
    assert all(answer[-1]["rows"] == batches * size for answer in answers)
    seqs = [a["seq"] for answer in answers for a in answer]
    assert len(set(seqs)) == len(seqs)
    total = streams * batches * size
    with server.client() as client:
        assert rows(client, "SELECT count(*), sum(load), count(DISTINCT load) FROM t") == [(total, sum(range(total)), total)]
        per = rows(client, "SELECT host, count(*) FROM t GROUP BY host ORDER BY host")
        assert per == [(f"h{i}", batches * size) for i in range(streams)]


def test_eight_streams_create_one_table(server):
    def write(stream):
        with server.client() as client:
            extra = pa.record_batch({"ts": pa.array([stream], NANO), "host": ["a"], f"c{stream % 4}": pa.array([stream])})
            return put(client, "t", extra)[-1]["rows"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(write, range(8))) == [1] * 8
    with server.client() as client:
        assert rows(client, "SELECT count(*), sum(c0), sum(c1), sum(c2), sum(c3) FROM t") == [(8, 4, 6, 8, 10)]


@pytest.mark.settings(**{"memtable.limit": "32MiB", "memtable.segment_size": "4MiB", "wal.segment_size": "16MiB"})
def test_more_than_memory_holds_goes_to_files(client):
    count, size = 100, 20000  # 64 MB of rows
    batches = (series(size, start=size * i) for i in range(count))
    writer, reader = start_put(client, "t", series(1).schema)
    with writer:
        for batch in batches:
            writer.write_batch(batch)
        writer.done_writing()
        assert acknowledgements(reader)[-1]["rows"] == count * size
    total = count * size
    assert rows(client, "SELECT count(*), sum(load) FROM t") == [(total, total * (total - 1) // 2)]
    assert value(client, "SELECT count(*) FROM system.segments WHERE status = 'FLUSHED'") > 0
