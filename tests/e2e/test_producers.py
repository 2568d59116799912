"""Exactly once: a producer's batches are stored one time each, whatever is sent again, and however the server ends."""

import json
import threading

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from flights import act, ask, flush, put, start_put, value
from mobiusd import SHORT_LOG


def batch(first, count=3):
    times = pa.array(range(first, first + count), pa.int64())
    return pa.record_batch({"time": times.cast(pa.timestamp("us")), "v": times})


def tag(seq, producer="gw-17", **more):
    return json.dumps({"producer": producer, "seq": seq} | more).encode()


class Stream:
    """A put whose acknowledgements are waited for one by one."""

    def __init__(self, client, table="t", **metadata):
        self.writer, self.reader = start_put(client, table, batch(0).schema, metadata or None)

    def send(self, data, seq, **more):
        self.writer.write_with_metadata(data, tag(seq, **more))

    def answer(self):
        buffer = self.reader.read()
        if buffer is None:
            self.writer.close()  # says why
            raise AssertionError("the stream ended without an answer")
        return json.loads(buffer.to_pybytes())

    def put(self, data, seq, **more):
        self.send(data, seq, **more)
        return self.answer()

    def end(self):
        self.writer.done_writing()
        while self.reader.read() is not None:
            pass
        self.writer.close()


def last_of(client, producer="gw-17", table="t"):
    return act(client, "producer.get", table=table, producer=producer)[0]["last_producer_seq"]


def test_a_repeated_batch_is_acknowledged_and_not_stored(client):
    stream = Stream(client)
    first = stream.put(batch(0), 10)
    assert (first["rows"], first["batches"]) == (3, 1) and "duplicate" not in first
    again = stream.put(batch(0), 10)
    assert again["duplicate"] is True and (again["rows"], again["batches"]) == (3, 2) and again["seq"] >= first["seq"]
    gap = stream.put(batch(3), 20)
    assert "duplicate" not in gap and (gap["rows"], gap["batches"]) == (6, 3)
    assert stream.put(batch(3), 15)["duplicate"] is True
    stream.end()
    assert value(client, "SELECT count(*) FROM t") == 6
    assert last_of(client) == 20
    assert last_of(client, "nobody") is None


def test_a_stream_of_nothing_but_repetitions_is_acknowledged(client):
    for turn in range(2):
        stream = Stream(client)
        answers = [stream.put(batch(3 * i), i) for i in range(5)]
        stream.end()
        assert [bool(a.get("duplicate")) for a in answers] == [turn == 1] * 5
    assert value(client, "SELECT count(*) FROM t") == 15


def test_producers_do_not_know_of_each_other(client):
    for producer in ("a", "b"):
        for table in ("t", "u"):
            stream = Stream(client, table)
            assert "duplicate" not in stream.put(batch(0), 1, producer=producer)
            stream.end()
    assert value(client, "SELECT count(*) FROM t") == 6
    assert value(client, "SELECT count(*) FROM u") == 6


def test_what_schema_metadata_names_is_told_its_last_sequence_at_once(client):
    stream = Stream(client, **{"mobius.producer": "gw-17"})
    assert stream.answer()["last_producer_seq"] is None
    stream.put(batch(0), 7)
    stream.end()
    stream = Stream(client, **{"mobius.producer": "gw-17"})
    assert stream.answer()["last_producer_seq"] == 7
    stream.end()


def test_the_newer_stream_wins(client):
    old = Stream(client)
    old.put(batch(0), 1)
    new = Stream(client)
    assert new.put(batch(0), 1)["duplicate"] is True
    assert "duplicate" not in new.put(batch(3), 2)
    with pytest.raises((flight.FlightCancelledError, pa.ArrowException), match="newer stream"):
        old.put(batch(6), 3)
    new.end()
    assert value(client, "SELECT count(*) FROM t") == 6


@pytest.mark.parametrize("sent, match", [
    (b'{"producer": "p"}', "integer \"seq\""), (b'{"producer": "p", "seq": "1"}', "integer \"seq\""), (b'{"producer": 5, "seq": 1}', "a producer is a text"),
    (b'{"producer": "", "seq": 1}', "needs a name"), (tag(1, "x" * 300), "300 bytes")])
def test_bad_producers_are_refused(client, sent, match):
    writer, reader = start_put(client, "t", batch(0).schema)
    with pytest.raises((pa.ArrowInvalid, flight.FlightServerError), match=match), writer:
        writer.write_with_metadata(batch(0), sent)
        writer.done_writing()
        reader.read()


def test_a_producer_is_durable(client):
    for metadata, sent in (({"mobius.durability": "async", "mobius.producer": "p"}, None), ({"mobius.durability": "async"}, tag(1))):
        writer, reader = start_put(client, "t", batch(0).schema, metadata)
        with pytest.raises((pa.ArrowInvalid, flight.FlightServerError), match="durable"), writer:
            writer.write_with_metadata(batch(0), sent) if sent else writer.write_batch(batch(0))
            writer.done_writing()
            reader.read()


def test_a_stream_is_of_one_producer(client):
    stream = Stream(client)
    stream.put(batch(0), 1)
    with pytest.raises((pa.ArrowInvalid, flight.FlightServerError), match="one producer"):
        stream.put(batch(0), 1, producer="another")


def test_what_is_beside_a_producer_is_echoed(client):
    stream = Stream(client)
    assert "client" not in stream.put(batch(0), 1)
    assert stream.put(batch(0), 2, note="x")["client"] == {"producer": "gw-17", "seq": 2, "note": "x"}
    stream.end()


@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize("flushed", [False, True])
def test_sequences_outlive_the_server(start_server, end, flushed):
    server = start_server(settings=SHORT_LOG)
    with server.client() as client:
        stream = Stream(client)
        for seq in range(1, 6):
            stream.put(batch(3 * seq), seq)
        stream.end()
        if flushed:
            flush(client, "t")
    for _ in range(2):
        getattr(server, end)()
        server.start()
        with server.client() as client:
            assert last_of(client) == 5
            stream = Stream(client)
            assert stream.put(batch(15), 5)["duplicate"] is True
            stream.end()
            assert value(client, "SELECT count(*) FROM t") == 15


def test_a_killed_gateway_that_repeats_all_it_was_not_told_stores_each_batch_once(start_server):
    server, batches = start_server(settings=SHORT_LOG), 400
    for life in range(4):
        with server.client() as client:
            stream = Stream(client, **{"mobius.producer": "gw-17"})
            last = stream.answer()["last_producer_seq"]
            killer = threading.Timer(0.05, server.kill)
            if life < 3:
                killer.start()
            try:
                for seq in range(0 if last is None else max(0, last - 20), batches):
                    stream.send(batch(3 * seq), seq)
                stream.end()
            except (pa.ArrowException, flight.FlightError):
                assert life < 3
            killer.join() if life < 3 else None
        if not server.running():
            server.start()
    with server.client() as client:
        assert ask(client, "SELECT count(*) AS n, count(DISTINCT v) AS d FROM t").to_pylist() == [{"n": 3 * batches, "d": 3 * batches}]
