"""Subscriptions over WebSocket: both subprotocols, the plain form, and what is refused with which close code."""

import json
import urllib.parse

import pyarrow as pa
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from flights import act, put, rows

SCHEMA = pa.schema([("ts", pa.timestamp("us")), ("host", pa.string()), ("n", pa.int64())])
TAGS = {"mobius.tags": "host"}


def store(client, first, count=1, host="a"):
    """The seq of a commit of these rows."""
    numbers = list(range(first, first + count))
    batch = pa.record_batch([numbers, [host] * count, numbers], schema=SCHEMA)
    return put(client, "t", batch, metadata=TAGS)[-1]["seq"]


def url(server, **params):
    query = "?" + urllib.parse.urlencode(params) if params else ""
    return f"ws://{server.ready['http'].split(',')[0]}/subscribe{query}"


class Talk:
    """A WebSocket of one of the subprotocols, with its init said."""

    def __init__(self, server, form="json", init=True):
        self.opened = connect(url(server), subprotocols=[f"mobius.v1.{form}"], compression=None, max_queue=4, ping_interval=None)
        self.socket = self.opened.__enter__()
        assert self.socket.subprotocol == f"mobius.v1.{form}"
        if init:
            self.say(type="init", client="test")
            self.ready = self.hear()
            assert self.ready["type"] == "ready"

    def say(self, **message):
        self.socket.send(json.dumps(message))

    def hear(self):
        """The next message: a dict, or the bytes of a binary one."""
        message = self.socket.recv(timeout=30)
        return json.loads(message) if isinstance(message, str) else message

    def subscribe(self, id="s1", sql="SELECT * FROM t", **more):
        self.say(type="subscribe", id=id, sql=sql, **more)
        return self.hear()

    def closed(self):
        """The code it is closed with, whatever comes before."""
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                self.socket.recv(timeout=30)
        return caught.value.rcvd.code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.opened.__exit__(None, None, None)


# ---- texts ----

def test_commits_come_as_arrays_in_order(server, client):
    store(client, 0)
    with Talk(server) as talk:
        start = talk.subscribe()
        assert start["type"] == "subscribed" and start["id"] == "s1" and start["recovered"]
        assert [(field["name"], field["type"]) for field in start["schema"]] == [("ts", "timestamp[us]"), ("host", "string"), ("n", "int64")]
        assert start["epoch"] == talk.ready["epoch"] and start["from_seq"] > talk.ready["seq"] - 1
        for i in range(1, 20):
            seq = store(client, i)
            told = talk.hear()
            assert told == {"type": "rows", "id": "s1", "seq": seq, "rows": [[f"1970-01-01T00:00:00.{i:06}", "a", i]]}


def test_several_subscriptions_share_a_socket(server, client):
    store(client, 0)
    with Talk(server) as talk:
        for host in ("a", "b"):
            assert talk.subscribe(id=host, sql="SELECT n FROM t WHERE host = ?", params=[host])["id"] == host
        for i in range(1, 40):
            store(client, i, host="ab"[i % 2])
            told = talk.hear()
            assert (told["id"], told["rows"]) == ("ab"[i % 2], [[i]])
        talk.say(type="unsubscribe", id="a")
        assert talk.hear() == {"type": "complete", "id": "a"}
        store(client, 100, host="a")
        store(client, 101, host="b")
        assert talk.hear()["rows"] == [[101]]
        assert len(rows(client, "SELECT * FROM system.subscriptions")) == 1


@pytest.mark.parametrize("start", ["snapshot", "latest"])
def test_what_is_there_comes_before_what_changes(server, client, start):
    store(client, 0, 100)
    with Talk(server) as talk:
        assert talk.subscribe(sql="SELECT n FROM t", start=start)["type"] == "subscribed"
        there = []
        while (told := talk.hear())["type"] == "rows":
            assert told["phase"] == "snapshot"
            there += [n for (n,) in told["rows"]]
        assert told["type"] == "snapshot_end"
        assert sorted(there) == (list(range(100)) if start == "snapshot" else [99])
        store(client, 200)
        assert talk.hear()["rows"] == [[200]]


def test_a_client_goes_on_where_it_was(server, client):
    store(client, 0)
    with Talk(server) as talk:
        talk.subscribe()
        seq = store(client, 1)
        assert talk.hear()["seq"] == seq
        epoch = talk.ready["epoch"]
    for i in range(2, 10):
        store(client, i)
    server.restart()
    with Talk(server) as talk:
        assert talk.subscribe(start={"epoch": epoch, "seq": seq})["recovered"]
        assert [talk.hear()["rows"][0][2] for _ in range(8)] == list(range(2, 10))


def test_credit_bounds_what_is_sent(server, client):
    store(client, 0)
    with Talk(server) as talk:
        talk.subscribe(credit=1)
        for i in range(1, 5):
            store(client, i)
        assert talk.hear()["rows"][0][2] == 1
        with pytest.raises(TimeoutError):
            talk.socket.recv(timeout=0.5)
        talk.say(type="credit", id="s1", bytes=1 << 20)
        assert [talk.hear()["rows"][0][2] for _ in range(3)] == [2, 3, 4]


# ---- Arrow ----

def read_binary(message):
    """(kind, flags, n, seq, IPC bytes)"""
    at = lambda begin, end: int.from_bytes(message[begin:end], "little")
    assert at(2, 4) == 0
    return message[0], message[1], at(4, 8), at(8, 16), message[24:]


def test_rows_come_as_arrow(server, client):
    store(client, 0)
    with Talk(server, "arrow") as talk:
        start = talk.subscribe()
        kind, flags, n, _, ipc = read_binary(talk.hear())
        assert (kind, flags, n) == (1, 0, start["n"])
        schema = pa.ipc.read_schema(pa.py_buffer(ipc))
        assert schema.names == ["ts", "host", "n"]
        seq = store(client, 7, 3)
        kind, flags, n, got, ipc = read_binary(talk.hear())
        assert (kind, flags, n, got) == (2, 4, start["n"], seq)
        assert pa.ipc.read_record_batch(pa.py_buffer(ipc), schema).column(2).to_pylist() == [7, 8, 9]


# ---- the plain form ----

def test_a_browsers_three_lines_are_enough(server, client):
    store(client, 0)
    with connect(url(server, sql="SELECT host, n FROM t WHERE n >= ?", start="latest", params="[0]"), compression=None) as socket:
        hear = lambda: json.loads(socket.recv(timeout=30))
        assert [hear()["type"] for _ in range(2)] == ["ready", "subscribed"]
        assert hear()["rows"] == [{"host": "a", "n": 0}]
        assert hear()["type"] == "snapshot_end"
        store(client, 5)
        assert hear()["rows"] == [{"host": "a", "n": 5}]


def test_a_bad_query_is_told_and_the_socket_closed(server, client):
    store(client, 0)
    for sql in ("SELECT nothing FROM t", "SELECT count(*) FROM t", "SELECT"):
        with connect(url(server, sql=sql), compression=None) as socket:
            assert json.loads(socket.recv(timeout=30))["type"] == "ready"
            error = json.loads(socket.recv(timeout=30))
            assert error["type"] == "error" and error["id"] == "0" and error["message"]
            with pytest.raises(ConnectionClosed) as caught:
                socket.recv(timeout=30)
            assert caught.value.rcvd.code == 4400


# ---- what is refused ----

def test_an_error_ends_its_subscription_only(server, client):
    store(client, 0)
    with Talk(server) as talk:
        assert talk.subscribe(id="bad", sql="SELECT nothing FROM t")["type"] == "error"
        assert talk.subscribe(id="worse", sql=7) == {"type": "error", "id": "worse", "code": "invalid_argument", "message": "\"sql\" is no text"}
        assert talk.subscribe(id="bad")["type"] == "subscribed"
        store(client, 1)
        assert talk.hear()["id"] == "bad"


@pytest.mark.parametrize("says, code", [
    ([{"type": "subscribe", "id": "a", "sql": "SELECT * FROM t"}], 4401), ([{"type": "init"}, {"type": "init"}], 4429),
    ([{"type": "init"}, {"type": "subscribe", "id": "a", "sql": "SELECT * FROM t"}, {"type": "subscribe", "id": "a", "sql": "SELECT * FROM t"}], 4409),
    ([{"type": "init"}, {"type": "dance"}], 4400), (["{"], 4400), ([b"binary"], 4400), ([{"type": "init"}, {"type": "credit", "id": "a", "bytes": -1}], 4400),
    ([{"type": "init"}] + [{"type": "subscribe", "id": str(i), "sql": "SELECT * FROM t"} for i in range(101)], 4429),
    (["x" * 70000], 1009),
])
def test_what_a_client_must_not_say_closes_its_socket(server, client, says, code):
    store(client, 0)
    with Talk(server, init=False) as talk, Talk(server) as other:
        for message in says:
            talk.socket.send(json.dumps(message) if isinstance(message, dict) else message)
        assert talk.closed() == code
        assert other.subscribe()["type"] == "subscribed"
        store(client, 1)
        assert other.hear()["type"] == "rows"


def test_pages_and_subprotocols_of_others_are_refused(server, client):
    for more in ({"origin": "http://evil.example"}, {"subprotocols": ["graphql-ws"]}):
        with pytest.raises(InvalidStatus) as caught, connect(url(server), compression=None, **more):
            pass
        assert caught.value.response.status_code in (400, 403)


def test_a_subscription_that_is_killed_says_so(server, client):
    store(client, 0)
    with Talk(server) as talk:
        talk.subscribe()
        ((number, name),) = rows(client, "SELECT id, client FROM system.subscriptions")
        assert name == "test"
        act(client, "subscription.kill", id=number)
        assert talk.hear()["type"] == "error"
        assert talk.subscribe()["type"] == "subscribed"


def test_a_client_that_does_not_read_is_let_go_and_told_its_place(server, client):
    schema = pa.schema([("ts", pa.timestamp("us")), ("note", pa.string())])
    big = lambda i: pa.record_batch([[i], [str(i) * 200_000]], schema=schema)
    commit = lambda i: put(client, "notes", big(i), metadata={"mobius.tags": ""})[-1]["seq"]
    commit(0)
    with Talk(server) as talk, Talk(server) as other:
        assert talk.subscribe(sql="SELECT * FROM notes")["type"] == other.subscribe(sql="SELECT ts FROM notes")["type"] == "subscribed"
        for i in range(100):
            commit(100 + i)
            assert other.hear()["type"] == "rows"
        while ("ended",) not in rows(client, "SELECT state FROM system.subscriptions"):
            pass
        assert talk.closed() == 4010
        commit(1000)
        assert other.hear()["type"] == "rows"


def test_a_server_that_stops_says_that_it_comes_back(server, client):
    store(client, 0)
    with Talk(server) as talk:
        talk.subscribe()
        assert server.stop() == 0
        assert talk.closed() == 1012


def test_a_ping_is_answered(server):
    with Talk(server) as talk:
        talk.say(type="ping")
        assert talk.hear() == {"type": "pong"}
        assert talk.socket.ping().wait(10)
