"""rtdb.t: of each series the newest row, as htdb.t has it at the same moment, whatever is put, changed, flushed, merged and killed in between."""

import itertools
import random
import threading

import pyarrow as pa
import pytest

from flights import act, ask, flush, path, put, rows, value
from keyed_model import SEED
from waiting import wait_for

SCHEMA = pa.schema([("host", pa.string()), ("dc", pa.int32()), ("ts", pa.timestamp("us")), ("n", pa.int64()), ("s", pa.string())])
TAGS = {"mobius.tags": "host,dc"}
# Rows of one series and time differ in n, which rises with every row.
WANTED = "SELECT DISTINCT ON (host, dc) * FROM t ORDER BY host, dc, ts DESC, n DESC"
DIFFERENCES = f"""SELECT (SELECT count(*) FROM (SELECT * FROM rtdb.t EXCEPT ALL (SELECT * FROM ({WANTED})))) AS too_many,
                         (SELECT count(*) FROM ((SELECT * FROM ({WANTED})) EXCEPT ALL SELECT * FROM rtdb.t)) AS missing"""


def batch(*data):
    return pa.record_batch([list(column) for column in zip(*data)], schema=SCHEMA)


class Model:
    """A server, and the rows of its table t in the order they came."""

    def __init__(self, server, seed, metadata=None):
        self.server, self.chance, self.metadata = server, random.Random(seed), TAGS | (metadata or {})
        self.rows, self.n, self.time = [], 0, 0
        self.keyed = "mobius.dedup" in self.metadata
        self.put()

    def add(self, row):
        if self.keyed:
            self.rows = [known for known in self.rows if known[:3] != row[:3]]
        self.rows.append(row)

    def put(self):
        data = []
        for _ in range(self.chance.choice([1, 3, 100, 1000])):
            self.n += 1
            self.time += self.chance.choice([0, 1, 1000])
            ts = self.time if self.chance.random() < 0.8 else self.chance.randrange(self.time + 1)
            host = self.chance.choice([None, "a", "b", *(f"h{i}" for i in range(20))])
            data.append((host, self.chance.choice([1, 2, None]), ts, self.n, self.chance.choice([None, "x", "y" * 30])))
        with self.server.client() as client:
            put(client, "t", batch(*data), metadata=self.metadata)
        seen = {row[:3]: row for row in data} if self.keyed else {index: row for index, row in enumerate(data)}
        if self.keyed:
            self.rows = [known for known in self.rows if known[:3] not in seen]
        self.rows += sorted(seen.values(), key=lambda row: row[3])

    def condition(self):
        n, host = self.chance.randrange(self.n + 1), self.chance.choice(["a", "b", "h3", "h7"])
        return self.chance.choice([
            (f"n % 5 = {n % 5} AND n > {n}", lambda row: row[3] % 5 == n % 5 and row[3] > n),
            (f"host = '{host}'", lambda row: row[0] == host),
            (f"ts >= make_timestamp({self.time - 5000})", lambda row: row[2] >= self.time - 5000),
            (f"ts < make_timestamp({self.time // 2}) AND s = 'x'", lambda row: row[2] < self.time // 2 and row[4] == "x"),
            ("host IS NULL AND dc IS NULL", lambda row: row[0] is None and row[1] is None),
        ])

    def delete(self):
        sql, fits = self.condition()
        with self.server.client() as client:
            ask(client, f"DELETE FROM t WHERE {sql}")
        self.rows = [row for row in self.rows if not fits(row)]

    def update(self):
        """One row, which is the last of its series and time from now on."""
        if not self.rows:
            return
        row = self.chance.choice(self.rows[-50:])
        self.n += 1
        with self.server.client() as client:
            assert value(client, f"UPDATE t SET n = {self.n}, s = 'changed' WHERE n = {row[3]}") == 1
        self.rows.remove(row)
        self.rows.append((*row[:3], self.n, "changed"))

    def truncate(self):
        with self.server.client() as client:
            ask(client, "TRUNCATE t")
        self.rows = []

    def flush(self):
        with self.server.client() as client:
            flush(client, "t")

    def kill(self):
        self.server.kill()
        self.server.start()

    def restart(self):
        self.server.stop()
        self.server.start()

    def check(self):
        newest = {}
        for row in self.rows:
            known = newest.get(row[:2])
            if known is None or row[2] >= known[2]:
                newest[row[:2]] = row
        want = sorted(newest.values(), key=repr)
        with self.server.client() as client:
            got = rows(client, "SELECT host, dc, epoch_us(ts), n, s FROM rtdb.t")
            assert sorted(got, key=repr) == want
            at_hand = self.chance.choice(want) if want else ("a", 1, 0, 0, None)
            host, dc = at_hand[:2]
            asked = f"host {'IS NULL' if host is None else f'''= '{host}' '''} AND dc {'IS NULL' if dc is None else f'= {dc}'}"
            assert rows(client, f"SELECT n, dc FROM rtdb.t WHERE {asked}") == [(row[3], row[1]) for row in want if row[:2] == at_hand[:2]]
            assert value(client, f"SELECT count(*) FROM rtdb.t WHERE time >= make_timestamp({self.time - 3000})") == sum(row[2] >= self.time - 3000 for row in want)

    def live(self, steps, choices):
        for _ in range(steps):
            self.chance.choice(choices)()
            self.check()


@pytest.mark.settings(**{"compaction.files": "2", "memtable.segment_size": "256KiB"})
@pytest.mark.parametrize("metadata", [{}, {"mobius.dedup": "last"}], ids=["appended", "replaced"])
def test_each_series_shows_its_newest_row_whatever_happens(server, metadata):
    model = Model(server, SEED, metadata)
    model.live(60, [model.put] * 8 + [model.delete, model.update, model.update, model.flush, model.flush, model.kill, model.restart, model.truncate])


@pytest.mark.settings(**{"commit.max_bytes": "4KiB", "memtable.segment_size": "64KiB"})
def test_so_it_is_when_most_commits_come_in_files(server):
    model = Model(server, SEED + 1)
    model.live(30, [model.put] * 8 + [model.delete, model.update, model.flush, model.kill])


class Crowd:
    """Writers, who put and change for as long as somebody looks. Each has series of its own, and no two rows of one have a time in common."""

    def __init__(self, server, seed):
        self.server, self.seed, self.numbers, self.over, self.failures = server, seed, itertools.count(1), threading.Event(), []

    def put(self, client, chance, who):
        data = []
        for _ in range(chance.choice([1, 10, 500])):
            n = next(self.numbers)
            back = chance.choice([0, 0, 0, chance.randrange(2000)])
            data.append((f"w{who}-{chance.randrange(40)}", None, (n + 5000 - back) * 1000003 + n, n, "x" * chance.randrange(20)))
        put(client, "t", batch(*data), metadata=TAGS)

    def change(self, client, chance, _):
        n = next(self.numbers)
        ask(client, chance.choice([f"DELETE FROM t WHERE n > {n - 200} AND n % 3 = 0", f"UPDATE t SET s = 'changed' WHERE n > {n - 100}",
                                   f"DELETE FROM t WHERE n < {n - 20000}", "FLUSH t"]))

    def work(self, step, who):
        chance = random.Random(self.seed * 100 + who)
        try:
            with self.server.client() as client:
                while not self.over.is_set():
                    step(client, chance, who)
        except Exception as error:  # shown by the test
            self.failures.append(error)

    def __enter__(self):
        self.threads = [threading.Thread(target=self.work, args=(self.put, who)) for who in range(3)]
        self.threads.append(threading.Thread(target=self.work, args=(self.change, 9)))
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        assert not self.failures


@pytest.mark.settings(**{"compaction.files": "2", "memtable.segment_size": "1MiB"})
def test_newest_rows_and_history_agree_in_one_statement_among_writers(server):
    with server.client() as client:
        put(client, "t", batch(("a", 1, 1, 0, None)), metadata=TAGS)
        with Crowd(server, SEED):
            for _ in range(100):
                assert rows(client, DIFFERENCES) == [(0, 0)]
    server.kill()
    server.start()
    with server.client() as client:
        for _ in range(3):
            assert rows(client, DIFFERENCES) == [(0, 0)]


# ---- whether they are at hand ----

def state(client):
    return value(client, "SELECT rtdb FROM system.tables WHERE name = 't'")


def test_newest_rows_are_at_hand_from_the_first_and_again_once_somebody_asked(server):
    with server.client() as client:
        put(client, "t", batch(("a", 1, 1, 1, None), ("b", 1, 1, 2, None)), metadata=TAGS)
        assert state(client) == "on"
        flush(client, "t")
        assert state(client) == "on"
        ask(client, "DELETE FROM t WHERE n = 2")
        assert newest(client) == [("a", 1, 1, 1, None)]
        wait_for(lambda: state(client) == "on")
        put(client, "t", batch(("a", 1, 0, 4, None), ("a", 1, 2, 5, None)))
        assert value(client, "DELETE FROM t WHERE n = 4") == 1
        assert value(client, "UPDATE t SET s = 'older' WHERE n = 1") == 1
        assert state(client) == "on" and newest(client) == [("a", 1, 2, 5, None)]
        ask(client, "TRUNCATE t")
        assert state(client) == "on" and newest(client) == []
        put(client, "t", batch(("a", 1, 1, 3, None)))
        assert newest(client) == [("a", 1, 1, 3, None)]
    server.kill()
    server.start()
    with server.client() as client:
        assert newest(client) == [("a", 1, 1, 3, None)]
        wait_for(lambda: state(client) == "on")
        assert newest(client) == [("a", 1, 1, 3, None)]


def test_series_that_lose_their_newest_row_get_the_next_one_by_themselves(client):
    put(client, "t", batch(*((host, dc, ts, 100 * ts + i, None) for ts in range(5) for i, (host, dc) in enumerate([("a'b", 1), ("b", None), (None, 2)]))), metadata=TAGS)
    flush(client, "t")
    for n in (400, 401, 300):
        assert value(client, f"DELETE FROM t WHERE n = {n}") == 1
        wait_for(lambda: state(client) == "on")  # nobody asked
        assert rows(client, DIFFERENCES) == [(0, 0)]
    assert value(client, "UPDATE t SET s = 'changed', ts = make_timestamp(9) WHERE n = 402") == 1
    wait_for(lambda: state(client) == "on")
    assert newest(client) == [("a'b", 1, 2, 200, None), ("b", None, 3, 301, None), (None, 2, 9, 402, "changed")]
    for n in range(20):
        assert value(client, f"UPDATE t SET n = {1000 + n} WHERE ts = make_timestamp(9)") == 1
    wait_for(lambda: state(client) == "on")
    assert newest(client)[-1] == (None, 2, 9, 1019, "changed")


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_newest_rows_are_at_hand_right_after_a_restart(server, end):
    wide = pa.schema([*SCHEMA, ("tags", pa.list_(pa.string())), ("stamp", pa.timestamp("ns", "UTC"))])
    with server.client() as client:
        put(client, "t", batch(*((f"h{i}", i % 2, i, i, None if i % 3 else "x" * i) for i in range(3000))), metadata=TAGS)
        put(client, "t", pa.record_batch([["h1", "h2"], [1, 0], [5000, 1], [7, 8], ["s", None], [["a", None], []], [1, 2]], schema=wide), metadata={"mobius.tags": "host,dc"})
        before = newest(client)
    server.stop()
    server.start()
    with server.client() as client:
        assert state(client) == "on"
        assert newest(client) == before
        assert rows(client, "SELECT tags, epoch_ns(stamp) FROM rtdb.t WHERE host = 'h1' AND dc = 1") == [(["a", None], 1)]
        ask(client, "ALTER TABLE t DROP COLUMN stamp")
        put(client, "t", batch(("h5", 1, 9000, 11, None), ("new", None, 1, 12, "y"), ("h6", 0, 0, 13, "late")))
        flush(client, "t")
        put(client, "t", batch(("h7", 1, 9001, 14, None)))
        assert rows(client, DIFFERENCES) == [(0, 0)]
        before = newest(client)
    getattr(server, end)()
    server.start()
    with server.client() as client:
        assert state(client) == "on"
        assert newest(client) == before
        assert rows(client, DIFFERENCES) == [(0, 0)]


@pytest.mark.settings(**{"rtdb.limit": "64KiB"})
def test_past_the_limit_they_are_chosen_from_history(client):
    put(client, "t", batch(*((f"h{i}", 1, 1, i, None) for i in range(5000))), metadata=TAGS)
    assert state(client) == "off: rtdb.limit"
    assert value(client, "SELECT count(*) FROM rtdb.t") == 5000
    put(client, "t", batch(("h1", 1, 2, 9999, None)))
    assert rows(client, "SELECT n FROM rtdb.t WHERE host = 'h1'") == [(9999,)]


# ---- what is a newest row ----

def newest(client):
    return rows(client, "SELECT host, dc, epoch_us(ts), n, s FROM rtdb.t ORDER BY ALL")


def test_the_later_of_rows_of_one_time_is_the_newest(client):
    put(client, "t", batch(("a", 1, 5, 1, None), ("a", 1, 5, 2, None)), metadata=TAGS)
    assert newest(client) == [("a", 1, 5, 2, None)]
    put(client, "t", batch(("a", 1, 5, 3, None)), batch(("a", 1, 4, 4, None)))
    assert newest(client) == [("a", 1, 5, 3, None)]
    flush(client, "t")
    assert newest(client) == [("a", 1, 5, 3, None)]
    ask(client, "DELETE FROM t WHERE n = 3")
    assert newest(client) == [("a", 1, 5, 2, None)]


def test_a_table_without_tags_has_one_series(client):
    ask(client, "CREATE TABLE t (ts TIMESTAMP, v BIGINT)")
    assert rows(client, "SELECT * FROM rtdb.t") == []
    rows(client, "INSERT INTO t VALUES ('2020-01-02', 1), ('2020-01-03', 2), ('2020-01-01', 3)")
    assert rows(client, "SELECT v FROM rtdb.t") == [(2,)]


def test_expired_rows_are_no_newest_rows(client):
    ask(client, "CREATE TABLE t (ts TIMESTAMP, host VARCHAR, v BIGINT)")
    rows(client, "INSERT INTO t VALUES (now() - INTERVAL 2 HOUR, 'old', 1), (now(), 'new', 2)")
    ask(client, "ALTER TABLE t SET (ttl = '1h')")
    assert rows(client, "SELECT host, v FROM rtdb.t") == [("new", 2)]
    ask(client, "ALTER TABLE t SET (ttl = 'none')")
    assert rows(client, "SELECT host, v FROM rtdb.t ORDER BY v") == [("old", 1), ("new", 2)]


def test_newest_rows_follow_the_columns_of_their_table(client):
    ask(client, "CREATE TABLE t (ts TIMESTAMP, host VARCHAR, v INTEGER, w INTEGER)")
    rows(client, "INSERT INTO t VALUES ('2020-01-01', 'a', 1, 10), ('2020-01-01', 'b', 2, 20)")
    ask(client, "ALTER TABLE t ADD COLUMN x DOUBLE")
    ask(client, "ALTER TABLE t RENAME COLUMN v TO value")
    ask(client, "ALTER TABLE t DROP COLUMN w")
    rows(client, "INSERT INTO t VALUES ('2020-01-02', 'a', 3, 0.5)")
    assert rows(client, "SELECT * EXCLUDE (ts) FROM rtdb.t ORDER BY host") == [("a", 3, 0.5), ("b", 2, None)]
    put(client, "t", pa.record_batch({"ts": pa.array([10**15], pa.timestamp("us")), "host": ["b"], "value": pa.array([2**40])}))
    assert rows(client, "SELECT host, value FROM rtdb.t ORDER BY host") == [("a", 3), ("b", 2)]
    put(client, "t", pa.record_batch({"ts": pa.array([2 * 10**15], pa.timestamp("us")), "host": ["b"], "value": pa.array([2**40])}))
    assert rows(client, "SELECT host, value FROM rtdb.t ORDER BY host") == [("a", 3), ("b", 2**40)]
    ask(client, "ALTER TABLE t ADD COLUMN dc VARCHAR TAG")
    rows(client, "INSERT INTO t (ts, host, value, dc) VALUES ('2034-01-01', 'a', 7, 'east')")
    assert rows(client, "SELECT host, dc, value FROM rtdb.t ORDER BY ALL") == [("a", "east", 7), ("a", None, 3), ("b", None, 2**40)]


def test_an_entity_is_its_own_newest_row(client):
    ask(client, "CREATE TABLE t (name VARCHAR) WITH (key = 'id')")
    rows(client, "INSERT INTO t (name) VALUES ('a'), ('b')")
    rows(client, "UPDATE t SET name = 'c' WHERE id = 1")
    assert rows(client, "SELECT id, name FROM rtdb.t ORDER BY id") == [(1, "c"), (2, "b")]


def test_a_table_without_time_has_no_newest_rows(client):
    ask(client, "CREATE TABLE t (v BIGINT)")
    for question in (lambda: ask(client, "SELECT * FROM rtdb.t"), lambda: client.get_flight_info(path("rtdb", "t"))):
        with pytest.raises(pa.ArrowInvalid, match='"t" has no time column'):
            question()


def test_newest_rows_join_with_history_and_with_themselves(client):
    put(client, "t", batch(("a", 1, 1, 1, None), ("b", 1, 2, 2, None), ("a", 1, 3, 3, "z")), metadata=TAGS)
    assert rows(client, "SELECT r.n, h.n FROM rtdb.t AS r JOIN htdb.t AS h USING (host, dc) ORDER BY ALL") == [(2, 2), (3, 1), (3, 3)]
    assert rows(client, "SELECT x.n FROM rtdb.t AS x, mobius.rtdb.t AS y WHERE x.n = y.n ORDER BY ALL") == [(2,), (3,)]
    assert rows(client, "SELECT t FROM rtdb.t WHERE host = 'b'")[0][0]["n"] == 2
    assert rows(client, "WITH r AS (FROM rtdb.t) SELECT count(*) FROM r WHERE s IS NOT NULL") == [(1,)]
    assert rows(client, "SELECT COLUMNS('n') FROM rtdb.t ORDER BY ALL") == [(2,), (3,)]


def test_a_dropped_table_takes_its_newest_rows_with_it(client):
    for n in (1, 2):
        put(client, "t", batch(("a", 1, 9 - n, n, None)), metadata=TAGS)
        assert newest(client) == [("a", 1, 9 - n, n, None)]
        ask(client, "DROP TABLE t")
        with pytest.raises(KeyError, match='no table "t"'):
            newest(client)


def test_a_ticket_shows_what_was_there_when_it_was_first_used(client):
    put(client, "t", batch(("a", 1, 1, 1, None)), metadata=TAGS)
    ticket = client.get_flight_info(path("rtdb", "t")).endpoints[0].ticket
    first = client.do_get(ticket).read_all()
    put(client, "t", batch(("a", 1, 2, 2, None)))
    flush(client, "t")
    assert client.do_get(ticket).read_all() == first
    assert newest(client) == [("a", 1, 2, 2, None)]


def test_rtdb_is_read_only(client):
    put(client, "t", batch(("a", 1, 1, 1, None)), metadata=TAGS)
    for text in ("INSERT INTO rtdb.t VALUES ('a', 1, '2020-01-01', 1, NULL)", "DELETE FROM rtdb.t", "DROP TABLE rtdb.t"):
        with pytest.raises((NotImplementedError, pa.ArrowNotImplementedError), match="rtdb"):
            ask(client, text)
    assert act(client, "table.list")[0]["name"] == "t"


@pytest.mark.parametrize("option", ["rtdb = 'merge'", "history = 'none'"])
def test_options_of_newest_rows_are_not_built_yet(client, option):
    with pytest.raises((NotImplementedError, pa.ArrowNotImplementedError), match=option.split()[0]):
        ask(client, f"CREATE TABLE t (ts TIMESTAMP, v BIGINT) WITH ({option})")
