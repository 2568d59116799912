"""Tables WITH (key = 'id'): rows have ids, given where they come without, and a later row replaces the one with its id, whatever is put, changed, flushed, merged and killed in between."""

import threading

import pyarrow as pa
import pytest

from flights import act, ask, columns_of, flush, put, rows, value
from keyed_model import SEED, KeyedModel

FIELDS = [("name", pa.string()), ("v", pa.int64()), ("seen", pa.timestamp("us"))]
SCHEMA = pa.schema([("id", pa.int64()), *FIELDS])
ENTITIES = {"mobius.key": "id"}
QUESTIONS = [
    "SELECT id, name, v, seen FROM {} ORDER BY ALL",
    "SELECT count(*) AS n FROM {}",
    "SELECT v FROM {} ORDER BY v",
    "SELECT count(*) AS n, sum(v)::BIGINT AS s, min(id) AS a, max(id) AS b FROM {} WHERE v >= 500",
    "SELECT name, count(*) AS n, max(v) AS m FROM {} WHERE id > 20 AND id <= 300 GROUP BY name ORDER BY ALL",
    "SELECT v FROM {} WHERE id = 7",
    "SELECT id, v FROM {} WHERE id IN (1, 5, 90000, 17) OR id < 4 ORDER BY id",
    "SELECT a.v + b.v AS w FROM {0} AS a JOIN {0} AS b USING (id) ORDER BY ALL",
    "SELECT id FROM {} WHERE seen < '1970-01-01 00:00:20' ORDER BY id",
]


def batch_of(table, schema=SCHEMA):
    return pa.record_batch([list(column) for column in zip(*table)], schema=schema)


class Model(KeyedModel):
    schema, questions, last = SCHEMA, QUESTIONS, 0

    def fields(self):
        return self.chance.choice(["a", "b", "c" * 20, None]), self.chance.randrange(1000), self.chance.randrange(10**8)

    def give(self, count):
        """The ids that rows without one get next."""
        first = self.last + 1
        self.last += count
        return range(first, self.last + 1)

    def put(self, count=None):
        """Some rows without ids, some with ones that were there or will be skipped."""
        batch, missing = [], []
        for _ in range(count or self.chance.randrange(1, 200)):
            known = self.chance.random() < 0.4
            batch.append([self.chance.randrange(1, self.last + 3) if known else None, *self.fields()])
        self.last = max([self.last, *(row[0] for row in batch if row[0])])
        missing = [row for row in batch if row[0] is None]
        with self.server.client() as client:
            told = put(client, "t", batch_of(batch), metadata=ENTITIES)
        assert [answer.get("first_id") for answer in told] == [self.last + 1 if missing else None]
        for row, id in zip(missing, self.give(len(missing))):
            row[0] = id
        self.rows |= {row[0]: tuple(row) for row in batch}

    def put_without(self):
        batch = [self.fields() for _ in range(self.chance.randrange(1, 50))]
        with self.server.client() as client:
            (told,) = put(client, "t", batch_of(batch, pa.schema(FIELDS)), metadata=ENTITIES)
        assert told["first_id"] == self.last + 1
        self.rows |= {id: (id, *row) for id, row in zip(self.give(len(batch)), batch)}

    def insert(self):
        old = self.chance.randrange(1, self.last + 1)
        with self.server.client() as client:
            rows(client, f"INSERT INTO t (v, id, name) VALUES (1, {old}, 'old'), (2, NULL, 'new'), (3, {old}, NULL)")
            rows(client, "INSERT INTO t (v) SELECT 4")
        a, b = self.give(2)
        self.rows |= {old: (old, None, 3, None), a: (a, "new", 2, None), b: (b, None, 4, None)}

    def condition(self):
        bound, limit = self.chance.randrange(self.last + 1), self.chance.randrange(1000)
        return self.chance.choice([
            (f"v < {limit // 4}", lambda row: row[2] < limit // 4),
            (f"id >= {bound} AND id < {bound + 40} AND v > {limit}", lambda row: bound <= row[0] < bound + 40 and row[2] > limit),
            (f"id = {bound}", lambda row: row[0] == bound),
            (f"id > {self.last - 5}", lambda row: row[0] > self.last - 5),
            ("name IS NULL", lambda row: row[1] is None),
        ])


@pytest.mark.settings(**{"compaction.files": "2"})
@pytest.mark.parametrize("round", range(2))
def test_the_last_row_of_each_id_is_seen_whatever_happens(server, round):
    model = Model(server, SEED + round)
    model.live([model.put] * 6 + [model.put_without] * 2 + [model.insert, model.delete, model.delete, model.update, model.update, model.flush, model.flush, model.kill, model.restart, model.truncate])


@pytest.mark.parametrize("end", ["kill", "restart"])
@pytest.mark.parametrize("gone", ["DELETE FROM t", "TRUNCATE t"])
@pytest.mark.parametrize("flushed", [False, True])
def test_ids_of_rows_that_are_gone_are_not_given_again(server, end, gone, flushed):
    model = Model(server, SEED)
    model.put_without()
    if flushed:
        model.flush()
        model.put_without()
    with server.client() as client:
        rows(client, gone)
    model.rows = {}
    model.flush()
    for _ in range(2):
        getattr(model, end)()
        model.put_without()
        model.check()


def test_what_an_entity_table_looks_like(server, client):
    ask(client, "CREATE TABLE t (name VARCHAR, seen TIMESTAMP) WITH (key = 'id')")
    assert columns_of(client, "t") == {"id": ("int64", "key"), "name": ("string", "field"), "seen": ("timestamp[us]", "field")}
    rows(client, "INSERT INTO t (name) VALUES ('a'), ('b')")
    kind, time_column, oldest, series = rows(client, "SELECT kind, time_column, min_time, series FROM system.tables")[0]
    assert (kind, time_column, oldest, series) == ("entity", None, None, 0)
    flush(client, "t")
    assert rows(client, "SELECT min_time FROM system.segments WHERE status = 'FLUSHED'") == [(None,)]
    ((_, created),) = rows(client, "SHOW CREATE TABLE t")
    assert created.endswith("WITH (key = 'id')")
    ask(client, "DROP TABLE t")
    ask(client, created)
    assert act(client, "sql.execute", sql="INSERT INTO t VALUES (NULL, 'x', NULL)") == [{"rows": 1}]
    assert rows(client, "SELECT id, name FROM t") == [(1, "x")]


def test_a_key_may_have_another_name_and_come_as_a_smaller_integer(client):
    schema = pa.schema([("v", pa.int64()), ("number", pa.int16())])
    (told,) = put(client, "t", pa.record_batch([[1, 2, 3], [5, None, 5]], schema=schema), metadata={"mobius.key": "number"})
    assert told["first_id"] == 6 and told["rows"] == 3
    assert rows(client, "SELECT number, v FROM t ORDER BY number") == [(5, 3), (6, 2)]
    assert columns_of(client, "t")["number"] == ("int64", "key")


@pytest.mark.parametrize("id", [0, -1, -(2**63)])
def test_ids_below_1_are_refused(client, id):
    ask(client, "CREATE TABLE t (v BIGINT) WITH (key = 'id')")
    with pytest.raises(pa.ArrowInvalid, match="from 1 upward"):
        put(client, "t", pa.record_batch([[3, id], [1, 2]], names=["id", "v"]))
    with pytest.raises(pa.ArrowInvalid, match="from 1 upward"):
        rows(client, f"INSERT INTO t VALUES ({id}, 1)")
    assert value(client, "SELECT count(*) FROM t") == 0


MOST = 2**62  # that may be given


def test_one_great_id_leaves_ids_for_rows_without_one(client):
    ask(client, "CREATE TABLE t (v BIGINT) WITH (key = 'id')")
    rows(client, f"INSERT INTO t VALUES ({MOST}, 1), (1, 1)")
    rows(client, f"INSERT INTO t VALUES ({MOST}, 2)")
    rows(client, "INSERT INTO t (v) VALUES (3)")
    rows(client, f"INSERT INTO t VALUES ({MOST + 1}, 4)")  # it is there
    rows(client, f"UPDATE t SET v = 5 WHERE id = {MOST + 1}")
    flush(client, "t")
    assert rows(client, "SELECT id, v FROM t ORDER BY id") == [(1, 1), (MOST, 2), (MOST + 1, 5)]


@pytest.mark.parametrize("id", [MOST + 1, 2**63 - 1])
def test_ids_that_would_leave_none_are_refused(client, id):
    ask(client, "CREATE TABLE t (v BIGINT) WITH (key = 'id')")
    said = f'"id" of table "t" is {id}: ids up to {MOST} may be given'
    with pytest.raises(pa.ArrowInvalid, match=said):
        put(client, "t", pa.record_batch([[3, id], [1, 2]], names=["id", "v"]))
    with pytest.raises(pa.ArrowInvalid, match=said):
        rows(client, f"INSERT INTO t VALUES ({id}, 1)")
    with pytest.raises(pa.ArrowInvalid, match=said):
        ask(client, f"BEGIN; INSERT INTO t VALUES (7, 1); INSERT INTO t VALUES ({id}, 1); COMMIT")
    assert rows(client, "SELECT * FROM t") == []
    rows(client, "INSERT INTO t (v) VALUES (3)")
    assert value(client, "SELECT id < 10 FROM t")


@pytest.mark.settings(**{"commit.max_bytes": "64KiB"})
def test_ids_of_large_commits_are_looked_at_too(client):
    ask(client, """CREATE TABLE t (v BIGINT) WITH (key = 'id')""")
    ask(client, """ALTER TABLE t RENAME COLUMN id TO "it's" """)
    count = 50_000
    last = f"SELECT n, CASE WHEN n = {count} THEN %s ELSE n END FROM range(1, {count + 1}) AS r(n)"
    with pytest.raises(pa.ArrowInvalid, match=f"is {2**63 - 1}: ids up to {MOST} may be given"):
        ask(client, f"""INSERT INTO t (v, "it's") {last % (2**63 - 1)}""")
    with pytest.raises(pa.ArrowInvalid, match="""column "it's" is the key and takes whole numbers only, not 1.5"""):
        ask(client, f"""INSERT INTO t (v, "it's") {last % 1.5}""")
    with pytest.raises(pa.ArrowInvalid, match=f"ids up to {MOST} may be given"):
        put(client, "t", pa.record_batch({"v": list(range(count)), "it's": [*range(1, count), 2**63 - 1]}))
    assert rows(client, "SELECT * FROM t") == []
    assert rows(client, f"""INSERT INTO t (v, "it's") {last % count}""") == [(count,)]


@pytest.mark.parametrize("source", ["VALUES (1.6, 1)", "VALUES ('1.6', 1)", "VALUES (16e-1, 1)", "VALUES (1, 1), (1.6, 1)",
                                    "VALUES (3, 1), (16e-1, 1), ('4', 1)", "SELECT 1.6::FLOAT, 1", "SELECT v / 10, 1 FROM t"])
def test_an_id_is_never_rounded(client, source):
    ask(client, "CREATE TABLE t (v BIGINT) WITH (key = 'id')")
    rows(client, "INSERT INTO t VALUES (2, 16)")
    with pytest.raises(pa.ArrowInvalid, match='column "id" is the key and takes whole numbers only, not 1.6'):
        rows(client, f"INSERT INTO t {source}")
    with pytest.raises(pa.ArrowInvalid, match='column "id" is the key and takes whole numbers only, not 1.6'):
        rows(client, f"INSERT INTO t (v, id) SELECT b, a FROM ({source}) AS s(a, b)")
    assert rows(client, "SELECT id, v FROM t") == [(2, 16)]


@pytest.mark.parametrize("source", ["VALUES ('2', 1), (2.0, 2), (2e0, 3)", "VALUES ('2', 3)", "VALUES (2.0, 3)", "SELECT 2::HUGEINT, 3", "SELECT '2', 3"])
def test_an_id_that_is_whole_may_be_of_another_type(client, source):
    ask(client, "CREATE TABLE t (v BIGINT) WITH (key = 'id')")
    rows(client, f"INSERT INTO t {source}")
    rows(client, "INSERT INTO t (v) VALUES (1.6)")  # only the key is strict
    assert rows(client, "SELECT id, v FROM t ORDER BY id") == [(2, 3), (3, 2)]


@pytest.mark.parametrize("source", ["'x', 1", "1e30, 1", "true, 1.5), ('x', 1"])
def test_what_is_no_id_is_refused(client, source):
    ask(client, "CREATE TABLE t (v BIGINT) WITH (key = 'id')")
    with pytest.raises(pa.ArrowInvalid, match="id"):
        rows(client, f"INSERT INTO t VALUES ({source})")


def test_an_id_is_not_updated_dropped_or_of_another_kind(client):
    ask(client, "CREATE TABLE t (v BIGINT) WITH (key = 'id')")
    with pytest.raises(pa.ArrowInvalid, match="part of the key .* delete the row and insert another"):
        ask(client, "UPDATE t SET id = 5")
    with pytest.raises(pa.ArrowInvalid, match="cannot be dropped"):
        ask(client, "ALTER TABLE t DROP COLUMN id")
    with pytest.raises(pa.ArrowInvalid, match="ttl is for tables with a time"):
        ask(client, "ALTER TABLE t SET (ttl = '1d')")
    ask(client, "ALTER TABLE t RENAME COLUMN id TO number")
    rows(client, "INSERT INTO t (v) VALUES (1)")
    assert rows(client, "SELECT number, v FROM t") == [(1, 1)]


@pytest.mark.parametrize("columns, options, error", [
    ("v BIGINT, ts TIMESTAMP", "key = 'id', time = 'ts'", "leave time out"),
    ("v BIGINT, host VARCHAR", "key = 'id', tags = 'host'", "leave tags out"),
    ("v BIGINT, host VARCHAR TAG", "key = 'id'", "leave tags out"),
    ("v BIGINT", "key = 'id', dedup = 'none'", "leave dedup out"),
    ("v BIGINT", "key = 'id', ttl = '1d'", "ttl is for tables with a time"),
    ("id VARCHAR", "key = 'id'", "signed integer"),
    ("ID BIGINT", "key = 'id'", "case"),
    ("v BIGINT", "key = ''", "name"),
])
def test_what_an_entity_table_cannot_be(client, columns, options, error):
    with pytest.raises(pa.ArrowInvalid, match=error):
        ask(client, f"CREATE TABLE t ({columns}) WITH ({options})")


def test_ids_that_are_given_at_once_to_many_differ(server):
    with server.client() as client:
        ask(client, "CREATE TABLE t (writer BIGINT, v BIGINT) WITH (key = 'id')")
    firsts = []

    def write(writer):
        with server.client() as own:
            for v in range(20):
                (told,) = put(own, "t", pa.record_batch([[writer] * 10, list(range(v * 10, v * 10 + 10))], names=["writer", "v"]))
                firsts.append((told["first_id"], writer, v * 10))

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with server.client() as client:
        seen = {id: (writer, v) for id, writer, v in rows(client, "SELECT id, writer, v FROM t")}
    assert sorted(seen) == list(range(1, 801))
    assert all(seen[first + i] == (writer, v + i) for first, writer, v in firsts for i in range(10))


def test_files_are_left_out_by_id(client):
    ask(client, "CREATE TABLE t (v BIGINT) WITH (key = 'id')")
    for part in range(3):
        rows(client, f"INSERT INTO t (v) SELECT {part} FROM range(1000)")
        flush(client, "t")
    (plan,) = [row[-1] for row in rows(client, "EXPLAIN SELECT v FROM t WHERE id = 1500")]
    assert plan.count("READ_PARQUET") <= 1
    assert rows(client, "SELECT id, v FROM t WHERE id = 1500") == [(1500, 1)]
    assert rows(client, "SELECT id, v FROM t WHERE id BETWEEN 2000 AND 2001 ORDER BY id") == [(2000, 1), (2001, 2)]


@pytest.mark.settings(**{"commit.max_bytes": "64KiB", "compaction.files": "2"})
def test_ids_of_a_commit_in_files(server):
    with server.client() as client:
        ask(client, "CREATE TABLE t (v BIGINT) WITH (key = 'id')")
        assert put(client, "t", pa.record_batch([range(20000)], names=["v"]))[-1]["first_id"] == 1
        rows(client, "INSERT INTO t SELECT i + 1, -i FROM range(15000) AS r(i)")
        rows(client, "INSERT INTO t VALUES (7, 7)")
    for _ in range(2):
        with server.client() as client:
            assert rows(client, "SELECT count(*), sum(v)::BIGINT, max(id) FROM t") == [(20000, sum(range(15000, 20000)) - sum(range(15000)) + 6 + 7, 20000)]
        server.kill()
        server.start()
    with server.client() as client:
        assert value(client, "DELETE FROM t WHERE id > 3") == 19997
        ask(client, "COMPACT t")
    server.kill()
    server.start()
    with server.client() as client:
        assert put(client, "t", pa.record_batch([[1]], names=["v"]))[-1]["first_id"] == 20001
        assert rows(client, "SELECT id, v FROM t ORDER BY id") == [(1, 0), (2, -1), (3, -2), (20001, 1)]
