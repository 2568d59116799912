"""The Flight library under the scenario server: what an unmodified client sees of its calls."""

import base64
import concurrent.futures
import contextlib
import os
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from mobiusd import BINARY
from waiting import PATIENCE

SERVER = Path(os.environ.get("SCENARIO_SERVER", BINARY.parent / "tests" / "conformance" / "scenario_server"))


@contextlib.contextmanager
def serving(scenario=""):
    """A server of its own, which must end well; yields its port."""
    with subprocess.Popen([SERVER, "-port", "0", "-scenario", scenario], stdout=subprocess.PIPE) as process:
        yield int(process.stdout.readline().rsplit(b":", 1)[1])
        process.terminate()
        assert process.wait(PATIENCE) == 0


@contextlib.contextmanager
def connected(scenario=""):
    with serving(scenario) as port, flight.connect(f"grpc://127.0.0.1:{port}") as client:
        yield client


def command(text):
    return flight.FlightDescriptor.for_command(text)


def put(client, name, batches):
    """Puts and returns what was acknowledged."""
    writer, reader = client.do_put(flight.FlightDescriptor.for_path(name), batches[0].schema)
    with writer:
        for i, batch in enumerate(batches):
            writer.write_with_metadata(batch, str(i).encode())
        writer.done_writing()
        acknowledged = []
        while (buffer := reader.read()) is not None:
            acknowledged.append(buffer.to_pybytes())
    return acknowledged


def numbers(rows, start=0):
    return pa.record_batch({"n": pa.array(range(start, start + rows), pa.int64())})


# ---- putting and getting ----

def test_what_was_put_comes_back_in_order_with_its_metadata():
    batches = [numbers(3), numbers(0), numbers(1000)]
    with connected() as client:
        assert put(client, "t", batches) == [b"0", b"1", b"2"]
        chunks = list(client.do_get(flight.Ticket("t")))
        assert [chunk.data for chunk in chunks] == batches
        assert [chunk.app_metadata.to_pybytes() for chunk in chunks] == [b"0", b"1", b"2"]


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_compressed_batches_pass(compression):
    options = flight.FlightCallOptions(write_options=pa.ipc.IpcWriteOptions(compression=compression))
    batch = numbers(10000)
    with connected() as client:
        writer, _ = client.do_put(flight.FlightDescriptor.for_path("t"), batch.schema, options)
        with writer:
            writer.write(batch)
        assert client.do_get(flight.Ticket("t")).read_all().to_batches() == [batch]


def test_bodies_larger_than_every_window_pass_both_ways():
    batches = [numbers(3_000_000, i) for i in range(3)]  # 24 MB each
    with connected() as client:
        assert put(client, "t", batches) == [b"0", b"1", b"2"]
        for i, chunk in enumerate(client.do_get(flight.Ticket("t"))):
            assert chunk.data == batches[i]


def test_a_reader_that_leaves_early_harms_nobody():
    batches = [numbers(1_000_000, i) for i in range(4)]
    with connected() as client:
        put(client, "t", batches)
        for _ in range(20):
            reader = client.do_get(flight.Ticket("t"))
            reader.read_chunk()
            reader.cancel()
        assert client.do_get(flight.Ticket("t")).read_all().num_rows == 4_000_000


def test_many_readers_share_a_connection():
    batches = [numbers(100_000, i) for i in range(4)]
    with connected() as client:
        put(client, "t", batches)
        def read(_):
            return client.do_get(flight.Ticket("t")).read_all().to_batches() == batches
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            assert all(pool.map(read, range(64)))


def test_a_put_is_refused_while_the_client_goes_on():
    with connected() as client:
        writer, _ = client.do_put(command(b"no path"), numbers(1).schema)
        with pytest.raises(pa.ArrowInvalid, match="has to name a path"):
            while True:
                writer.write(numbers(100_000))
        with contextlib.suppress(pa.ArrowException):
            writer.close()
        assert put(client, "t", [numbers(1)]) == [b"0"]


# ---- answers from other threads ----

def test_workers_answer_as_fast_as_clients_take():
    with connected("later") as client:
        def read(_):
            return client.do_get(flight.Ticket("200")).read_all()["number"].to_pylist()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            want = [n for n in range(200, 0, -1) for _ in range(3)]
            assert all(rows == want for rows in pool.map(read, range(32)))


def test_workers_stop_when_their_client_leaves_or_the_server_ends():
    with connected("later") as client:
        readers = [client.do_get(flight.Ticket("1000000000")) for _ in range(16)]
        for reader in readers:
            reader.read_chunk()
        for reader in readers[:8]:
            reader.cancel()


# ---- exchanging ----

def test_an_exchange_answers_each_message_at_once():
    with connected("do_exchange:echo") as client:
        writer, reader = client.do_exchange(command(b"echo"))
        with writer:
            writer.begin(numbers(1).schema)
            for i in range(4):
                batch = numbers(10, i)
                metadata = str(i).encode() if i % 2 == 0 else None
                if metadata:
                    writer.write_with_metadata(batch, metadata)
                else:
                    writer.write_batch(batch)
                chunk = reader.read_chunk()
                assert chunk.data == batch
                assert (chunk.app_metadata and chunk.app_metadata.to_pybytes()) == metadata
            writer.done_writing()
            with pytest.raises(StopIteration):
                reader.read_chunk()


def test_an_exchange_whose_client_does_not_read_waits_and_goes_on():
    batch, count = numbers(100_000), 100  # 80 MB in flight, more than what is held for one stream
    with connected("do_exchange:echo") as client:
        writer, reader = client.do_exchange(command(b"echo"))
        def write():
            writer.begin(batch.schema)
            for _ in range(count):
                writer.write_batch(batch)
            writer.done_writing()
        with writer, concurrent.futures.ThreadPoolExecutor(1) as pool:
            written = pool.submit(write)
            with pytest.raises(concurrent.futures.TimeoutError):
                written.result(timeout=2)
            assert sum(chunk.data.num_rows for chunk in reader) == count * batch.num_rows
            written.result()


@pytest.mark.parametrize("descriptor, error", [
    (flight.FlightDescriptor.for_path("echo"), pa.ArrowInvalid),
    (command(b"other"), NotImplementedError),
])
def test_an_exchange_of_another_kind_is_refused(descriptor, error):
    with connected("do_exchange:echo") as client:
        writer, reader = client.do_exchange(descriptor)
        with pytest.raises(error):
            reader.read_chunk()
        with contextlib.suppress(pa.ArrowException, NotImplementedError):
            writer.close()


# ---- who is it ----

class Token(flight.ClientAuthHandler):
    def __init__(self, password):
        super().__init__()
        self.password, self.token = password, b""

    def authenticate(self, outgoing, incoming):
        outgoing.write(flight.BasicAuth("arrow", self.password).serialize())
        self.token = incoming.read()

    def get_token(self):
        return self.token


def only_result(client, options=None):
    return [result.body.to_pybytes() for result in client.do_action(("", b""), options)]


def test_a_handshake_by_header_returns_a_bearer_token():
    with connected("auth:basic_proto") as client:
        with pytest.raises(flight.FlightUnauthenticatedError, match="call Handshake"):
            only_result(client)
        header = client.authenticate_basic_token("arrow", "flight")
        assert header == (b"authorization", b"Bearer arrow")
        assert only_result(client, flight.FlightCallOptions(headers=[header])) == [b"arrow"]


def test_a_handshake_by_message_returns_a_token():
    with connected("auth:basic_proto") as client:
        client.authenticate(Token("flight"))
        assert only_result(client) == [b"arrow"]


def test_a_wrong_password_is_refused_in_both_handshakes():
    with connected("auth:basic_proto") as client:
        with pytest.raises(flight.FlightUnauthenticatedError):
            client.authenticate_basic_token("arrow", "wrong")
        with pytest.raises(flight.FlightUnauthenticatedError):
            client.authenticate(Token("wrong"))


def test_a_header_that_is_no_credential_is_refused_by_name():
    header = (b"authorization", b"Basic " + base64.b64encode(b"no colon"))
    with connected("auth:basic_proto") as client:
        with pytest.raises(flight.FlightUnauthenticatedError, match="no colon"):
            only_result(client, flight.FlightCallOptions(headers=[header]))


# ---- unary calls ----

def test_info_carries_all_it_was_given():
    with connected("ordered") as client:
        info = client.get_flight_info(command(b"ordered"))
        assert info.descriptor == command(b"ordered")
        assert info.ordered and (info.total_records, info.total_bytes) == (-1, -1)
        assert info.schema.equals(pa.schema([pa.field("number", pa.int32(), nullable=False)]))
        assert [endpoint.ticket.ticket for endpoint in info.endpoints] == [b"1", b"2", b"3"]
        assert not any(endpoint.locations for endpoint in info.endpoints)
        rows = [client.do_get(endpoint.ticket).read_all()["number"].to_pylist() for endpoint in info.endpoints]
        assert rows == [[1, 2, 3], [10, 20, 30], [100, 200, 300]]


def test_times_are_those_of_the_clock():
    with connected("expiration_time:do_get") as client:
        first, second, third = client.get_flight_info(command(b"expiration")).endpoints
        assert first.expiration_time is None
        assert (third.expiration_time.cast("int64").as_py() - second.expiration_time.cast("int64").as_py()) == 10**9


def test_what_a_server_does_not_have_is_unimplemented_by_name():
    with connected("ordered") as client:
        for name, call in [
            ("GetSchema", lambda: client.get_schema(command(b"x"))),
            ("ListFlights", lambda: list(client.list_flights())),
            ("ListActions", lambda: client.list_actions()),
            ("DoAction", lambda: list(client.do_action(("x", b"")))),
            ("DoPut", lambda: put(client, "t", [numbers(1)])),
        ]:
            with pytest.raises((NotImplementedError, pa.ArrowException), match=f"{name} is not offered"):
                call()


def test_a_ticket_that_is_unknown_is_not_found():
    with connected() as client:
        with pytest.raises(KeyError, match="no such ticket"):
            client.do_get(flight.Ticket("nothing"))
