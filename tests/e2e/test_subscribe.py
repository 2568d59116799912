"""Subscriptions over DoExchange: what happens to a table, in order, once it is durable."""

import json
import random
import threading

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from flights import act, ask, command, flush, path, put, rows, value

SCHEMA = pa.schema([("ts", pa.timestamp("us")), ("host", pa.string()), ("n", pa.int64())])
TAGS = {"mobius.tags": "host"}


def batch(first, count=1, host="a"):
    return pa.record_batch([list(range(first, first + count)), [host] * count, list(range(first, first + count))], schema=SCHEMA)


def store(client, first, count=1, host="a"):
    """The seq of a commit of these rows."""
    return put(client, "t", batch(first, count, host), metadata=TAGS)[-1]["seq"]


class Subscription:
    def __init__(self, client, sql="SELECT * FROM t", **request):
        self.writer, self.reader = client.do_exchange(command(json.dumps({"sql": sql, **request})))
        self.writer.write_metadata(b"")
        self.start = self.message()
        assert self.start["type"] == "subscribed", self.start

    def next(self):
        """The next message, and its rows as tuples."""
        chunk = self.reader.read_chunk()
        message = json.loads(chunk.app_metadata.to_pybytes())
        data = chunk.data
        return message, list(zip(*(column.to_pylist() for column in data.columns))) if data is not None else None

    def message(self):
        return self.next()[0]

    def numbers(self, count):
        """The last column of the next `count` rows, and the messages they came with."""
        numbers, messages = [], []
        while len(numbers) < count:
            message, data = self.next()
            messages.append(message)
            numbers += [row[-1] for row in data or []]
        return numbers, messages

    def send(self, **message):
        self.writer.write_metadata(json.dumps(message).encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reader.cancel()


def refused(client, sql="SELECT * FROM t", **request):
    writer, reader = client.do_exchange(command(json.dumps({"sql": sql, **request})))
    with pytest.raises((pa.ArrowException, flight.FlightError, KeyError)) as caught:
        writer.write_metadata(b"")
        while True:
            reader.read_chunk()
    return str(caught.value)


def test_commits_come_in_order_with_their_seq(client, server):
    store(client, 0)
    with server.client() as other, Subscription(other) as sub:
        assert sub.start["recovered"] and [field["name"] for field in sub.start["schema"]] == ["ts", "host", "n"]
        seqs = [store(client, 10 * i, 3) for i in range(1, 20)]
        numbers, messages = sub.numbers(57)
        assert numbers == [10 * i + j for i in range(1, 20) for j in range(3)]
        assert [message["seq"] for message in messages] == seqs
        assert sub.start["from_seq"] <= seqs[0]


def test_columns_come_as_they_are_asked_for(client, server):
    store(client, 0)
    with server.client() as other, Subscription(other, 'SELECT n AS "number", host FROM t', id="s1") as sub:
        store(client, 7)
        message, data = sub.next()
        assert data == [(7, "a")] and message["id"] == "s1" and message["type"] == "rows"
        assert [field["name"] for field in sub.start["schema"]] == ["number", "host"]


def test_rows_are_those_of_the_same_text_as_a_query(client, server):
    store(client, 0)
    texts = ("SELECT n * 2 + 1 AS odd, upper(host) AS host, n FROM t WHERE n % 3 = 0 AND host IN ('a', 'b')",
             "SELECT CASE WHEN n > 50 THEN 'high' ELSE NULL END AS level, n / 7 AS part, n FROM t WHERE ts >= 20000 AND n <> 30",
             "SELECT *, n BETWEEN 10 AND 20 AS inside, n AS again FROM t WHERE NOT (host LIKE 'b%') OR n < 40")
    subscriptions = [Subscription(server.client(), sql) for sql in texts]
    resumed = {"epoch": subscriptions[0].start["epoch"], "seq": subscriptions[0].start["from_seq"] - 1}
    for i in range(1, 30):
        store(client, 4 * i, 4, host="abc"[i % 3])
    for sql, sub in zip(texts, subscriptions):
        wanted = [row for row in rows(client, sql) if row[-1] > 0]
        late = Subscription(server.client(), sql, start=resumed)
        for one in (sub, late):
            assert [(field["name"], field["type"]) for field in one.start["schema"]] == [(field["name"], field["type"]) for field in sub.start["schema"]]
            assert [field["name"] for field in one.start["schema"]] == ask(client, sql).schema.names
            told = []
            while len(told) < len(wanted):
                told += one.next()[1] or []
            assert sorted(told, key=lambda row: row[-1]) == sorted(wanted, key=lambda row: row[-1])
            one.reader.cancel()


def test_parameters_stand_for_constants(client, server):
    store(client, 0)
    with server.client() as other, Subscription(other, "SELECT n FROM t WHERE n > ? AND host = $2", params=[5, "it's"]) as sub:
        store(client, 1, 20)
        store(client, 1, 20, host="it's")
        assert sub.numbers(15)[0] == list(range(6, 21))


def test_a_snapshot_and_what_follows_pass_the_same_condition(client, server):
    store(client, 0, 100)
    with server.client() as other, Subscription(other, "SELECT n FROM t WHERE n % 10 = 3", start="snapshot") as sub:
        assert sorted(sub.numbers(10)[0]) == list(range(3, 100, 10))
        assert sub.message()["type"] == "snapshot_end"
        store(client, 100, 20)
        assert sub.numbers(2)[0] == [103, 113]


def test_who_resumes_misses_nothing_and_sees_nothing_twice(client, server):
    store(client, 0)
    with server.client() as other, Subscription(other) as sub:
        epoch = sub.start["epoch"]
        seqs = [store(client, i) for i in range(1, 30)]
        assert sub.numbers(10)[0] == list(range(1, 11))
    for at in (0, 9, 28):
        with server.client() as other, Subscription(other, start={"epoch": epoch, "seq": seqs[at]}) as sub:
            assert sub.start["recovered"] and sub.start["from_seq"] == seqs[at] + 1
            assert sub.numbers(28 - at)[0] == list(range(at + 2, 30))


def test_a_position_that_cannot_be_resumed_is_said_to_be_lost(client, server):
    seq = store(client, 0)
    with server.client() as other, Subscription(other, start={"epoch": "0" * 32, "seq": seq}) as sub:
        assert not sub.start["recovered"]
        store(client, 5)
        assert sub.numbers(1)[0] == [5]


def test_resuming_goes_on_over_a_restart(start_server, tmp_path):
    with start_server() as server, server.client() as client:
        epoch = None
        seqs = [store(client, i) for i in range(20)]
        with server.client() as other, Subscription(other) as sub:
            epoch = sub.start["epoch"]
    with start_server() as server, server.client() as client, Subscription(client, start={"epoch": epoch, "seq": seqs[4]}) as sub:
        assert sub.start["recovered"]
        assert sub.numbers(15)[0] == list(range(5, 20))


def test_a_snapshot_is_followed_by_what_came_after_it(client, server):
    for i in range(50):
        store(client, i, host=f"h{i % 5}")
    flush(client)
    for i in range(50, 60):
        store(client, i, host=f"h{i % 5}")
    with server.client() as other, Subscription(other, "SELECT host, n FROM t", start="snapshot") as sub:
        store(client, 60)
        numbers, messages = sub.numbers(60)
        assert sorted(numbers) == list(range(60))
        assert all(message["phase"] == "snapshot" for message in messages)
        end = sub.message()
        assert end["type"] == "snapshot_end" and end["seq"] + 1 == sub.start["from_seq"]
        assert sub.numbers(1)[0] == [60]


def test_latest_begins_with_the_newest_row_of_each_series(client, server):
    for i in range(50):
        store(client, i, host=f"h{i % 5}")
    with server.client() as other, Subscription(other, start="latest") as sub:
        numbers, _ = sub.numbers(5)
        assert sorted(numbers) == list(range(45, 50))
        assert sub.message()["type"] == "snapshot_end"
        store(client, 99)
        assert sub.numbers(1)[0] == [99]


def test_until_completes(client, server):
    first = store(client, 0)
    with server.client() as other, Subscription(other, until=first + 2) as sub:
        for i in range(1, 6):
            store(client, i)
        assert sub.numbers(2)[0] == [1, 2]
        assert sub.message() == {"type": "complete", "seq": first + 2}
        with pytest.raises(StopIteration):
            sub.reader.read_chunk()


def test_a_quiet_subscription_is_told_how_far_it_is(client, server):
    store(client, 0)
    with server.client() as other, Subscription(other, progress_ms=10) as sub:
        seq = put(client, "other", batch(1), metadata=TAGS)[-1]["seq"]
        while (message := sub.message())["seq"] < seq:
            assert message["type"] == "progress"


def test_without_credit_nothing_comes_and_nothing_is_lost(client, server):
    store(client, 0)
    with server.client() as other, Subscription(other, credit=1) as sub:
        for i in range(1, 200):
            store(client, i)
        (number,), _ = sub.numbers(1)
        assert number == 1
        sub.send(type="credit", bytes=100_000_000)
        assert sub.numbers(198)[0] == list(range(2, 200))


def test_deletions_and_updates_are_told(client, server):
    store(client, 0, 10)
    with server.client() as other, Subscription(other) as sub:
        ask(client, "DELETE FROM t WHERE n < 3")
        message = sub.message()
        assert message["type"] == "rows" and message["op"] == "delete" and message["partial"]
        ask(client, "UPDATE t SET n = 77 WHERE n = 5")
        first = sub.message()
        second, data = sub.next()
        assert first["op"] == "delete" and first["more"] and first["seq"] == second["seq"]
        assert [row[-1] for row in data] == [77]


def test_a_change_of_columns_and_a_drop_end_it(client, server):
    store(client, 0)
    for statement, text in (("ALTER TABLE t ADD COLUMN more BIGINT", "columns changed"), ("DROP TABLE t", "was dropped")):
        with server.client() as other:
            sub = Subscription(other)
            ask(client, statement)
            with pytest.raises((pa.ArrowException, flight.FlightError, KeyError)) as caught:
                sub.message()
            assert text in str(caught.value)


def test_what_is_no_subscription_is_refused_by_name(client, server):
    store(client, 0)
    for sql, text in (("SELECT count(*) FROM t", "count"),
                      ("SELECT n FROM t WHERE random() > 0.5", "random"),
                      ("SELECT n FROM t ORDER BY n", "without ORDER BY"),
                      ("SELECT a.n FROM t a, t b", "FROM one table"),
                      ("SELECT nothing FROM t", "nothing"),
                      ("SELECT * FROM nowhere", "there is no table"),
                      ("DROP TABLE t", "without other statements")):
        with server.client() as other:
            assert text in refused(other, sql), sql
    for request, text in (({"start": "yesterday"}, "start"), ({"credit": -1}, "credit"), ({"on_slow": "latest"}, "not built")):
        with server.client() as other:
            assert text in refused(other, **request), request


def test_subscriptions_are_listed_and_can_be_ended(client, server):
    store(client, 0)
    listing = "SELECT id, client, form, state FROM system.subscriptions"
    with server.client() as other:
        sub = Subscription(other, credit=0)
        ((number, name, form, state),) = rows(client, listing)
        assert (name, form) == (None, "arrow") and state in ("opening", "following", "waiting")
        assert value(client, "SELECT sql FROM system.subscriptions") == "SELECT * FROM t"
        assert act(client, "subscription.kill", id=number) == [{"id": number}]
        with pytest.raises((pa.ArrowException, flight.FlightError, KeyError)) as caught:
            sub.message()
        assert "subscription.kill" in str(caught.value)
    while rows(client, listing):
        pass
    with pytest.raises(KeyError):
        act(client, "subscription.kill", id=number)


class Reader(threading.Thread):
    """Follows t over kills and restarts from where it was, and keeps all it was told."""

    def __init__(self, server, chance):
        super().__init__()
        self.server, self.chance = server, chance
        self.epoch, self.seq, self.told, self.lost, self.failure = None, None, [], 0, None
        self.done = threading.Event()

    def follow(self, client):
        start = {"epoch": self.epoch, "seq": self.seq} if self.epoch else "now"
        with Subscription(client, "SELECT n FROM t WHERE n % 2 = 0", start=start, progress_ms=20) as sub:
            self.lost += not sub.start["recovered"]
            if self.epoch is None:
                self.epoch, self.seq = sub.start["epoch"], sub.start["from_seq"] - 1
            for _ in range(self.chance.randrange(5, 60)):
                message, data = sub.next()
                assert message["seq"] > self.seq and message["type"] in ("rows", "progress"), message
                self.seq = message["seq"]
                self.told += [(row[0], self.seq) for row in data or []]
                if self.done.is_set():
                    break

    def run(self):
        while not self.done.is_set():
            try:
                with self.server.client() as client:
                    self.follow(client)
            except (pa.ArrowException, flight.FlightError, OSError, StopIteration):
                self.done.wait(0.02)  # it is being killed, or starts
            except BaseException as error:
                self.failure = error
                return


def test_nothing_is_told_that_a_kill_undoes_and_nothing_is_missed(start_server):
    """Readers that come and go, a server that is killed: what they were told is what was committed, each commit once."""
    server = start_server(settings={"feed.memory": "4KiB"})
    with server.client() as client:
        first = store(client, 1)
    readers = [Reader(server, random.Random(i)) for i in range(4)]
    for reader in readers:
        reader.start()
    while not all(reader.epoch for reader in readers):
        assert not any(reader.failure for reader in readers)
    number, acknowledged = 1, {}
    for _ in range(4):
        with server.client() as client:
            for _ in range(60):
                number += 1
                acknowledged[number] = store(client, number)
        server.kill()
        server.restart()
    with server.client() as client:
        last = store(client, 1_000_000)
        stored = dict.fromkeys(n for (n,) in rows(client, "SELECT n FROM t"))
    with server.client() as client:
        while any(reader.seq < last and reader.failure is None for reader in readers):
            store(client, 1)  # nobody asks for it, but everybody hears how far the feed is
        for reader in readers:
            reader.done.set()
        while any(reader.is_alive() for reader in readers):
            store(client, 1)
    for reader in readers:
        reader.join()
        assert reader.failure is None, reader.failure
        told = [n for n, _ in reader.told]
        assert reader.lost == 0 and len(set(told)) == len(told)
        begun = min((n for n, _ in reader.told), default=0)
        assert told == [n for n in [*range(begun, number + 1), 1_000_000] if n % 2 == 0]
        assert all(n in stored for n in told)
        assert all(acknowledged.get(n, last) == seq for n, seq in reader.told)
    assert first < last
