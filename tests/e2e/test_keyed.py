"""Tables WITH (dedup = 'last'): of rows with equal tags and time the last one is seen, whatever is put, changed, flushed, merged and killed in between."""

import threading

import pyarrow as pa
import pytest

from flights import act, ask, flush, put, rows, value
from keyed_model import SEED, KeyedModel

SCHEMA = pa.schema([("host", pa.string()), ("dc", pa.int32()), ("ts", pa.timestamp("us")), ("v", pa.int64()), ("s", pa.string())])
LAST = {"mobius.dedup": "last", "mobius.tags": "host,dc"}
QUESTIONS = [
    "SELECT * FROM {} ORDER BY ALL",
    "SELECT count(*) AS n FROM {}",
    "SELECT v FROM {} ORDER BY v",
    "SELECT count(*) AS n, sum(v) AS s FROM {} WHERE v >= 500",
    "SELECT host, ts, s FROM {} WHERE s IS NULL ORDER BY ALL",
    "SELECT host, count(*) AS n, max(v) AS m FROM {} WHERE ts >= TIMESTAMP '1970-01-01 00:01:00' AND ts < TIMESTAMP '1970-01-01 00:03:00' GROUP BY host ORDER BY ALL",
    "SELECT dc, min(ts) AS a, max(ts) AS b, count(s) AS n FROM {} WHERE host = 'h1' GROUP BY dc ORDER BY ALL",
    "SELECT a.v + b.v AS w FROM {0} AS a JOIN {0} AS b USING (host, dc, ts) ORDER BY ALL",
    "SELECT host, ts, v FROM {} WHERE ts = TIMESTAMP '1970-01-01 00:00:30' ORDER BY ALL",
]


class Model(KeyedModel):
    schema, questions, time = SCHEMA, QUESTIONS, 0

    def put(self, count=None):
        """Rows that go on in time, mostly; some write keys anew that were there, a few lie far back."""
        batch = []
        for _ in range(count or self.chance.randrange(1, 200)):
            self.time += self.chance.randrange(0, 700_000)
            back = self.chance.choice([0, 0, 0, 0, 0, 0, 5_000_000, self.time]) if self.chance.random() < 0.3 else 0
            ts = max(0, self.time - self.chance.randrange(back + 1)) // 500_000 * 500_000
            host = self.chance.choice(["h0", "h1", "h2", None])
            row = (host, self.chance.choice([1, 2, None]), ts, self.chance.randrange(1000), self.chance.choice([None, "x", "y" * 20]))
            batch.append(row)
            self.rows[row[:3]] = row
        with self.server.client() as client:
            put(client, "t", pa.record_batch([list(column) for column in zip(*batch)], schema=SCHEMA), metadata=LAST)

    def insert(self):
        with self.server.client() as client:
            at = self.chance.randrange(self.time + 1) // 500_000 * 500_000
            rows(client, f"INSERT INTO t VALUES ('h0', 1, make_timestamp({at}), 1, 'old'), ('h0', 1, make_timestamp({at}), 2, NULL)")
        self.rows["h0", 1, at] = ("h0", 1, at, 2, None)

    def condition(self):
        bound, limit = self.chance.randrange(self.time + 1), self.chance.randrange(1000)
        return self.chance.choice([
            (f"v < {limit // 4}", lambda row: row[3] < limit // 4),
            (f"ts >= make_timestamp({bound}) AND ts < make_timestamp({bound + 9_000_000}) AND v > {limit}", lambda row: bound <= row[2] < bound + 9_000_000 and row[3] > limit),
            (f"host = 'h1' AND v % 3 = {limit % 3}", lambda row: row[0] == "h1" and row[3] % 3 == limit % 3),
            ("host IS NULL AND dc IS NULL", lambda row: row[0] is None and row[1] is None),
        ])

    def live_on(self):
        self.live([self.put] * 8 + [self.insert, self.delete, self.update, self.update, self.flush, self.flush, self.kill, self.restart, self.truncate])


@pytest.mark.settings(**{"compaction.files": "2"})
@pytest.mark.parametrize("round", range(2))
def test_the_last_row_of_each_key_is_seen_whatever_happens(server, round):
    Model(server, SEED + round).live_on()


@pytest.mark.settings(**{"compaction.files": "3", "commit.max_bytes": "4KiB", "memtable.segment_size": "64KiB"})
@pytest.mark.parametrize("round", range(2))
def test_so_it_is_when_most_commits_come_in_files(server, round):
    Model(server, SEED + 100 + round).live_on()


@pytest.mark.settings(**{"compaction.files": "2"})
def test_replaced_rows_leave_the_files(server):
    model = Model(server, SEED)
    for _ in range(6):
        model.time = 0
        model.put(500)
        model.flush()
    with server.client() as client:
        ask(client, "COMPACT t")
        assert rows(client, "SELECT rows FROM system.segments WHERE status = 'FLUSHED'") == [(len(model.rows),)]
        model.check()
        (info,) = client.list_flights()
        assert info.total_records == len(model.rows)


def test_what_a_delete_hid_does_not_come_back(client):
    ask(client, "CREATE TABLE t (ts TIMESTAMP, host VARCHAR, v BIGINT) WITH (dedup = 'last')")
    for v in range(3):
        rows(client, f"INSERT INTO t VALUES ('2020-01-01', 'a', {v}), ('2020-01-02', 'a', {v})")
        flush(client, "t")
    assert rows(client, "SELECT v FROM t") == [(2,), (2,)]
    assert value(client, "DELETE FROM t WHERE v = 1") == 0
    assert value(client, "DELETE FROM t WHERE ts = '2020-01-01'") == 1
    assert rows(client, "SELECT v FROM t") == [(2,)]
    rows(client, "INSERT INTO t VALUES ('2020-01-01', 'a', 9)")
    assert rows(client, "SELECT v FROM t ORDER BY ts") == [(9,), (2,)]


@pytest.mark.parametrize("column", ["ts", "host", "time"])
def test_a_key_column_is_not_updated(client, column):
    ask(client, "CREATE TABLE t (ts TIMESTAMP, host VARCHAR, v BIGINT) WITH (dedup = 'last')")
    with pytest.raises(pa.ArrowInvalid, match="part of the key .* delete the row and insert another"):
        ask(client, f"UPDATE t SET {column} = NULL")
    (created,) = rows(client, "SHOW CREATE TABLE t")
    assert "dedup = 'last'" in created[1]


def test_a_table_without_time_has_no_key_to_replace_by(client):
    with pytest.raises(pa.ArrowInvalid, match="dedup is for tables with a time column"):
        ask(client, "CREATE TABLE t (v BIGINT) WITH (dedup = 'last')")
    with pytest.raises(pa.ArrowInvalid, match="dedup is last or none"):
        ask(client, "CREATE TABLE t (ts TIMESTAMP) WITH (dedup = 'first')")


@pytest.mark.parametrize("unit, zone", [("s", None), ("ms", None), ("us", "UTC"), ("ns", None), ("ns", "UTC")])
def test_keys_of_every_unit_of_time(client, unit, zone):
    kind = pa.timestamp(unit, zone)
    for v in range(3):
        put(client, "t", pa.record_batch({"ts": pa.array([5, -7, 5, 1], kind), "v": pa.array([v, v, v + 10, v])}), metadata=LAST | {"mobius.tags": ""})
        if v == 1:
            flush(client, "t")
        assert sorted(rows(client, "SELECT v FROM t")) == [(v,), (v,), (v + 10,)]


def test_an_action_counts_replaced_rows_as_received(client):
    ask(client, "CREATE TABLE t (ts TIMESTAMP, v BIGINT) WITH (dedup = 'last')")
    assert act(client, "sql.execute", sql="INSERT INTO t VALUES ('2020-01-01', 1), ('2020-01-01', 2)") == [{"rows": 2}]
    assert value(client, "SELECT v FROM t") == 2


def test_an_update_undoes_no_put_that_came_meanwhile(server, client):
    """Each put raises v; an update keeps v as it reads it."""
    ask(client, "CREATE TABLE t (ts TIMESTAMP, v BIGINT, n BIGINT) WITH (dedup = 'last')")
    schema = pa.schema([("ts", pa.timestamp("us")), ("v", pa.int64())])
    last, ended = [0], threading.Event()

    def write():
        with server.client() as own:
            for v in range(1, 300):
                put(own, "t", pa.record_batch([[0, 7], [v, v]], schema=schema))
                last[0] = v
        ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    updates = 0
    while not ended.is_set():
        before = last[0]
        try:
            ask(client, "UPDATE t SET n = coalesce(n, 0) + 1")
            updates += 1
        except pa.ArrowException as error:
            assert "were put again meanwhile" in str(error)
        ((v, w),) = rows(client, "SELECT min(v), max(v) FROM t") if before else [(0, 0)]
        assert before <= v <= w
    writer.join()
    assert rows(client, "SELECT v FROM t") == [(299,), (299,)]
    ask(client, "UPDATE t SET n = 1")
    assert rows(client, "SELECT v, n FROM t") == [(299, 1), (299, 1)]


@pytest.mark.settings(**{"commit.max_bytes": "64KiB", "memtable.segment_size": "64KiB"})
def test_of_a_commit_in_several_files_the_last_rows_win(server):
    with server.client() as client:
        ask(client, "CREATE TABLE t (ts TIMESTAMP, v BIGINT) WITH (dedup = 'last')")
        rows(client, "INSERT INTO t SELECT make_timestamp(i), -1 FROM range(500) AS r(i)")
        ask(client, "INSERT INTO t SELECT make_timestamp(i % 1000), i FROM range(50000) AS r(i)")
        rows(client, "INSERT INTO t VALUES (make_timestamp(7), -7)")

    def holds(expected):
        for _ in range(2):
            with server.client() as client:
                assert rows(client, "SELECT epoch_us(ts), v FROM t ORDER BY ts") == expected
            server.kill()
            server.start()
        with server.client() as client:
            flush(client, "t")
            assert rows(client, "SELECT epoch_us(ts), v FROM t ORDER BY ts") == expected

    expected = [(i, -7 if i == 7 else 49000 + i) for i in range(1000)]
    with server.client() as client:
        assert rows(client, "SELECT count(*) FROM system.segments WHERE status = 'FLUSHED'")[0][0] > 3
    holds(expected)
    with server.client() as client:  # the few rows of the first statement come before the many of the second
        ask(client, "BEGIN; INSERT INTO t SELECT make_timestamp(i), -2 FROM range(990, 1010) AS r(i); "
                    "INSERT INTO t SELECT make_timestamp(i % 1000), i FROM range(50000, 100000) AS r(i); "
                    "INSERT INTO t VALUES (make_timestamp(8), -8); COMMIT")
    expected = [(i, -8 if i == 8 else 99000 + i if i < 1000 else -2) for i in range(1010)]
    holds(expected)
    with server.client() as client:
        ask(client, "INSERT INTO t SELECT make_timestamp(i), i FROM range(20000) AS r(i)")
        assert value(client, "UPDATE t SET v = v + 1") == 20000
        rows(client, "INSERT INTO t VALUES (make_timestamp(9), -9)")
        assert value(client, "DELETE FROM t WHERE epoch_us(ts) % 2 = 0") == 10000
    holds([(i, -9 if i == 9 else i + 1) for i in range(1, 20000, 2)])


@pytest.mark.settings(**{"commit.max_bytes": "4KiB"})
def test_a_large_update_undoes_no_put_that_came_meanwhile(server, client):
    """Every commit of the update and every other put come in files; each put raises v."""
    ask(client, "CREATE TABLE t (ts TIMESTAMP, v BIGINT, n BIGINT) WITH (dedup = 'last')")
    schema = pa.schema([("ts", pa.timestamp("us")), ("v", pa.int64())])
    ended = threading.Event()

    def write():
        with server.client() as own:
            for v in range(1, 60):
                count = 600 if v % 2 else 20
                put(own, "t", pa.record_batch([range(count), [v] * count], schema=schema))
        ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not ended.is_set():
        try:
            ask(client, "UPDATE t SET n = coalesce(n, 0) + 1")
        except pa.ArrowException as error:
            assert "were put again meanwhile" in str(error)
    writer.join()
    assert rows(client, "SELECT count(*), min(v) FROM t") == [(600, 59)]
    assert value(client, "UPDATE t SET n = 1") == 600
    assert rows(client, "SELECT DISTINCT v, n FROM t") == [(59, 1)]
