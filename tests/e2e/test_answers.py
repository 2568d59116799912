"""Answers equal those of DuckDB itself over the same rows, whether they lie in memory, in files, or half in each."""

import contextlib
import datetime
import math
import random

import duckdb
import pyarrow as pa
import pytest

from flights import ask, flush, put
from mobiusd import SHORT_LOG, Mobiusd

SEED = 20260101
HOSTS = ["a", "b", "größe", "", None, "d", "a long name that is not inlined"]
START = 1767225600 * 10**9  # 2026-01-01


def or_null(chance, value):
    return None if chance.random() < 0.15 else value


def make_metrics(chance, count):
    return pa.table({
        "ts": pa.array([START + chance.randrange(86400 * 10**9) // 1000 * 1000 for _ in range(count)], pa.timestamp("ns")),
        "host": pa.array([chance.choice(HOSTS) for _ in range(count)]),
        "core": pa.array([or_null(chance, chance.randrange(4)) for _ in range(count)], pa.int32()),
        "load": pa.array([or_null(chance, round(chance.uniform(-5, 100), 3)) for _ in range(count)]),
        "jobs": pa.array([or_null(chance, chance.randrange(-1000, 1000)) for _ in range(count)], pa.int64()),
        "on": pa.array([or_null(chance, chance.random() < 0.5) for _ in range(count)]),
        "price": pa.array([or_null(chance, chance.randrange(10**6)) for _ in range(count)], pa.int64()).cast(pa.decimal128(19, 0)).cast(pa.decimal128(21, 2)),
        "day": pa.array([or_null(chance, datetime.date(2026, 1, 1) + datetime.timedelta(days=chance.randrange(400))) for _ in range(count)]),
        "marks": pa.array([or_null(chance, [or_null(chance, chance.randrange(9)) for _ in range(chance.randrange(4))]) for _ in range(count)], pa.list_(pa.int32())),
    })


def make_events(chance, count):
    return pa.table({
        "moment": pa.array(sorted(START + chance.randrange(86400 * 10**6) * 1000 for _ in range(count)), pa.timestamp("ns")).cast(pa.timestamp("us")),
        "host": pa.array([chance.choice(HOSTS) for _ in range(count)]),
        "kind": pa.array([or_null(chance, chance.choice(["up", "down", "odd"])) for _ in range(count)]),
    })


def make_hosts():
    return pa.table({"name": pa.array(HOSTS), "room": pa.array(["x", "y", None, "x", "z", "y", "x"]), "weight": pa.array([1, 2, 3, 4, 5, None, 7])})


@pytest.fixture(scope="module")
def data():
    chance = random.Random(SEED)
    return {"metrics": make_metrics(chance, 4000), "events": make_events(chance, 500), "hosts": make_hosts(),
            "nothing": make_metrics(chance, 0)}


@pytest.fixture(scope="module")
def truth(data):
    connection = duckdb.connect(config={"threads": 2})
    connection.execute("SET TimeZone = 'UTC'")
    for name, content in data.items():
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM content")
    return connection


PLACES = ["memory", "files", "half in each"]


def batches(table):
    return table.to_batches(max_chunksize=313) or [pa.RecordBatch.from_pylist([], table.schema)]


@pytest.fixture(scope="module")
def clients(data, tmp_path_factory):
    """{place: client} of three servers."""
    with contextlib.ExitStack() as stack:
        clients = {}
        for place in PLACES:
            server = stack.enter_context(Mobiusd(tmp_path_factory.mktemp("answers") / "data", SHORT_LOG))
            client = clients[place] = stack.enter_context(server.client())
            for name, table in data.items():
                half = table.num_rows // 2 if place == "half in each" else 0
                put(client, name, *batches(table.slice(0, half)))
                flush(client, name)
                put(client, name, *batches(table.slice(half)))
            if place == "files":
                flush(client)
        yield clients


# Rows are compared in order where the statement gives one, else as a set.
STATEMENTS = """
SELECT * FROM metrics
SELECT ts, host, load FROM metrics WHERE load > 50 ORDER BY ts, host, load
SELECT count(*), count(load), count(DISTINCT host), min(ts), max(ts) FROM metrics
SELECT host, count(*), sum(jobs), min(load), max(load) FROM metrics GROUP BY host
SELECT host, core, round(avg(load), 9), count(*) FROM metrics GROUP BY ALL
SELECT host, count(*) AS n FROM metrics GROUP BY host HAVING n > 500 ORDER BY n DESC, host
SELECT core, count(*) FROM metrics WHERE host IS NULL GROUP BY core ORDER BY core NULLS FIRST
SELECT * FROM metrics WHERE ts >= '2026-01-01 06:00:00' AND ts < '2026-01-01 07:00:00'
SELECT * FROM metrics WHERE ts BETWEEN '2026-01-01 12:00' AND '2026-01-01 12:30' AND host = 'a'
SELECT count(*) FROM metrics WHERE ts < '2026-01-01 01:00' OR ts > '2026-01-01 23:00'
SELECT count(*) FROM metrics WHERE NOT (ts < '2026-01-01 01:00' OR load > 10)
SELECT count(*) FROM metrics WHERE ts > '2030-01-01'
SELECT ts, load FROM metrics ORDER BY ts DESC, load NULLS LAST LIMIT 10
SELECT ts, host FROM metrics ORDER BY ts, host LIMIT 7 OFFSET 100
SELECT DISTINCT host, core FROM metrics
SELECT DISTINCT ON (host) host, ts, load FROM metrics ORDER BY host, ts DESC, load
SELECT time_bucket(INTERVAL '1 hour', ts) AS hour, count(*), round(sum(load), 6) FROM metrics GROUP BY hour ORDER BY hour
SELECT date_trunc('hour', ts) AS hour, host, max(jobs) FROM metrics GROUP BY ALL
SELECT host, ts, jobs, row_number() OVER (PARTITION BY host ORDER BY ts, jobs) AS n FROM metrics QUALIFY n <= 3
SELECT host, ts, jobs - lag(jobs) OVER (PARTITION BY host ORDER BY ts, jobs, load) AS step FROM metrics
SELECT ts, sum(jobs) OVER (ORDER BY ts, jobs, host, load ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) AS s FROM metrics
SELECT host, round(median(load), 9), quantile_disc(jobs, 0.9), mode(core) IS NULL FROM metrics GROUP BY host
SELECT host, arg_max(jobs, (ts, jobs)), arg_min(jobs, (ts, jobs)) FROM metrics GROUP BY host
SELECT m.host, h.room, count(*) FROM metrics m JOIN hosts h ON m.host = h.name GROUP BY ALL
SELECT h.name, count(m.ts) FROM hosts h LEFT JOIN metrics m ON m.host = h.name AND m.load > 90 GROUP BY ALL
SELECT count(*) FROM metrics m RIGHT JOIN hosts h ON m.host IS NOT DISTINCT FROM h.name
SELECT count(*) FROM metrics m FULL JOIN events e ON m.host = e.host AND m.core = 1 AND e.kind = 'up'
SELECT count(*) FROM hosts a CROSS JOIN hosts b
SELECT count(*) FROM metrics m SEMI JOIN hosts h ON m.host = h.name AND h.room = 'x'
SELECT count(*) FROM metrics m ANTI JOIN hosts h ON m.host = h.name AND h.room = 'x'
SELECT name, room, weight FROM hosts JOIN (SELECT DISTINCT host AS name FROM metrics) USING (name)
SELECT e.moment, e.kind, m.load FROM events e ASOF JOIN (SELECT ts, host, max(load) AS load FROM metrics GROUP BY ALL) m ON e.host = m.host AND e.moment >= m.ts
SELECT e.moment, e.host, m.jobs FROM events e ASOF LEFT JOIN (SELECT ts, host, max(jobs) AS jobs FROM metrics GROUP BY ALL) m ON e.host = m.host AND e.moment > m.ts
SELECT count(*) FROM metrics a JOIN metrics b ON a.host = b.host AND a.core = b.core AND a.jobs = b.jobs
SELECT a.ts, b.ts FROM metrics a, metrics b WHERE a.host = 'a' AND b.host = 'd' AND a.jobs = b.jobs
WITH busy AS (SELECT * FROM metrics WHERE load > 80), quiet AS (SELECT * FROM metrics WHERE load < 5) SELECT (SELECT count(*) FROM busy), (SELECT count(*) FROM quiet)
SELECT (SELECT count(*) FROM metrics WHERE load > 50), (SELECT max(m.jobs) FROM metrics AS m)
WITH metrics AS (SELECT 1 AS one) SELECT * FROM metrics
WITH x AS (SELECT host, max(ts) AS last FROM metrics GROUP BY host) SELECT m.* FROM metrics m JOIN x ON m.host = x.host AND m.ts = x.last
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) SELECT i, (SELECT count(*) FROM metrics WHERE core = i) AS n FROM n
SELECT host FROM metrics WHERE load > 99 UNION SELECT host FROM events WHERE kind = 'odd'
SELECT host FROM metrics UNION ALL SELECT name FROM hosts
SELECT host FROM metrics INTERSECT SELECT host FROM events
SELECT name FROM hosts EXCEPT SELECT host FROM metrics WHERE core = 1
SELECT name, (SELECT max(load) FROM metrics m WHERE m.host = h.name) AS top FROM hosts h
SELECT name FROM hosts h WHERE EXISTS (SELECT 1 FROM events e WHERE e.host = h.name AND e.kind = 'down')
SELECT name FROM hosts WHERE name NOT IN (SELECT host FROM events WHERE host IS NOT NULL AND kind = 'up')
SELECT count(*) FROM metrics WHERE load > (SELECT avg(load) FROM metrics)
SELECT count(*) FROM metrics m WHERE load > (SELECT avg(load) FROM metrics n WHERE n.host = m.host)
SELECT h.name, x.ts, x.load FROM hosts h, LATERAL (SELECT ts, load FROM metrics m WHERE m.host = h.name ORDER BY ts DESC, load LIMIT 2) x
SELECT * FROM (SELECT host, core, jobs FROM metrics WHERE jobs IS NOT NULL) PIVOT (sum(jobs) FOR core IN (0, 1, 2, 3))
SELECT host, list(core ORDER BY ts, core, load) FROM metrics WHERE ts < '2026-01-01 01:00' GROUP BY host
SELECT host, string_agg(kind, ',' ORDER BY moment, kind) FROM events GROUP BY host
SELECT marks, len(marks), list_sum(marks) FROM metrics WHERE len(marks) > 2
SELECT mark, count(*) FROM (SELECT unnest(marks) AS mark FROM metrics) GROUP BY mark
SELECT CASE WHEN load > 50 THEN 'high' WHEN load IS NULL THEN 'none' ELSE 'low' END AS c, count(*) FROM metrics GROUP BY c
SELECT "on", bool_and("on"), count(*) FILTER (WHERE "on") FROM metrics GROUP BY "on"
SELECT sum(price), avg(price)::DECIMAL(20, 4), min(price), max(price) FROM metrics
SELECT day, count(*) FROM metrics WHERE day >= DATE '2026-06-01' GROUP BY day ORDER BY day
SELECT extract(hour FROM ts) AS h, extract(dow FROM day) AS d, count(*) FROM metrics GROUP BY ALL
SELECT upper(host), length(host), substr(host, 2, 3), host || '!' FROM metrics WHERE host LIKE '%a%'
SELECT host, regexp_replace(host, '[aeiou]', '_', 'g') FROM hosts, (SELECT DISTINCT host FROM metrics) WHERE name = host
SELECT count(*) FROM metrics WHERE host ILIKE 'A%' AND core IN (1, 2) AND jobs BETWEEN -10 AND 500
SELECT approx_count_distinct(host) > 3, bit_xor(jobs), product(core + 1) > 0 FROM metrics
SELECT GROUPING(host), host, core, count(*) FROM metrics GROUP BY ROLLUP (host, core)
SELECT host, core, sum(jobs) FROM metrics GROUP BY GROUPING SETS ((host), (core), ())
SELECT * FROM nothing
SELECT count(*), sum(jobs), max(ts) FROM nothing
SELECT host, count(*) FROM nothing GROUP BY host
SELECT count(*) FROM metrics m LEFT JOIN nothing n ON m.host = n.host
SELECT * FROM nothing UNION ALL SELECT * FROM metrics WHERE load > 99.5
SELECT * FROM events ORDER BY moment, host, kind LIMIT 20
SELECT * EXCLUDE (marks, price) FROM metrics WHERE core = 3
SELECT * REPLACE (load * 2 AS load) FROM metrics WHERE core = 2
SELECT COLUMNS('^(h|c)') FROM metrics WHERE core = 1
SELECT ts::DATE AS d, strftime(ts, '%H') AS h, count(*) FROM metrics GROUP BY ALL
SELECT epoch_ns(ts), ts + INTERVAL '1 day', ts - TIMESTAMP '2026-01-01' FROM metrics WHERE core = 0 AND load > 90
FROM metrics SELECT host, ts WHERE core = 1
SELECT count(*) FROM metrics TABLESAMPLE 100%
VALUES (1, 'a'), (2, NULL)
SELECT 1 AS one, NULL AS none, 'x' AS text, 1.5 AS decimal, [1, 2] AS list, {'a': 1} AS struct, TIMESTAMP '2026-01-01' AS t
SELECT m.host, e.host FROM metrics m POSITIONAL JOIN (SELECT host FROM events) e LIMIT 0
SELECT first(load ORDER BY ts, load), last(load ORDER BY ts, load) FROM metrics
SELECT host, corr(load, jobs) IS NULL, round(stddev(load), 6) FROM metrics GROUP BY host
SELECT ntile(4) OVER (ORDER BY ts, host, load, jobs) AS q, ts FROM metrics
SELECT rank() OVER w, dense_rank() OVER w, host FROM metrics WINDOW w AS (PARTITION BY host ORDER BY core)
SELECT json_extract('{"a": [1, 2]}', '$.a[1]') AS j, host FROM hosts h JOIN events e ON e.host = h.name
""".strip().splitlines()


def comparable(item):
    """As text that sorts, and does not tell kinds of the same number apart."""
    if isinstance(item, float):
        return f"{item:.9g}" if not math.isnan(item) else "nan"
    if isinstance(item, (list, tuple)):
        return "[" + ",".join(comparable(part) for part in item) + "]"
    if isinstance(item, dict):
        return "{" + ",".join(f"{key}:{comparable(part)}" for key, part in item.items()) + "}"
    return str(item)


def lines(table):
    """The rows as text."""
    columns = []
    for column in table.columns:
        if pa.types.is_timestamp(column.type) or pa.types.is_duration(column.type):
            unit = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[column.type.unit]
            columns.append([None if n is None else n * unit for n in column.cast(pa.int64()).to_pylist()])
        else:
            columns.append(column.to_pylist())
    return [" | ".join(comparable(item) for item in row) for row in zip(*columns)]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("sql", STATEMENTS)
def test_an_answer_is_duckdb_s(clients, truth, place, sql):
    got = ask(clients[place], sql)
    got.validate(full=True)
    want = truth.execute(sql).to_arrow_table()
    assert got.schema.names == want.schema.names
    ordered = sql.rfind("ORDER BY") > sql.rfind(")")
    here, there = lines(got), lines(want)
    assert (here if ordered else sorted(here)) == (there if ordered else sorted(there))
