"""Commits that are larger than the log takes at once are stored like others: acknowledged, whole, also after a kill."""

import pyarrow as pa
import pytest

from flights import put

pytestmark = pytest.mark.settings(**{"commit.max_bytes": "64KiB", "compaction.files": "1000"})  # whose commit a file is stays to be seen


def rows(first, count):
    return pa.record_batch({
        "ts": pa.array(range(first, first + count), pa.timestamp("us")),
        "host": pa.array([f"h{n % 3}" for n in range(count)]),
        "v": pa.array(range(first, first + count), pa.int64()),
    })


def holds(server, count, total):
    assert server.query("SELECT count(*) AS n, sum(v)::BIGINT AS s FROM t").to_pylist() == [{"n": count, "s": total}]


def test_large_puts_and_statements_survive_a_kill(server):
    with server.client() as client:
        put(client, "t", rows(0, 10))
        put(client, "t", rows(10, 50_000))
        put(client, "t", rows(50_010, 10))
    holds(server, 50_020, 50_020 * 50_019 // 2)
    server.kill()
    server.start()
    holds(server, 50_020, 50_020 * 50_019 // 2)
    assert server.query("INSERT INTO t SELECT ts + INTERVAL 1 HOUR, host, v FROM t").to_pylist() == [{"rows": 50_020}]
    assert server.query("UPDATE t SET v = v + 1 WHERE host = 'h0'").to_pylist()[0]["rows"] > 30_000
    total = server.query("SELECT sum(v)::BIGINT AS s FROM t").to_pylist()[0]["s"]
    assert total > 50_020 * 50_019
    server.kill()
    server.start()
    holds(server, 100_040, total)
    seqs = server.query("SELECT DISTINCT min_seq FROM system.segments WHERE rows > 1000 AND min_seq = max_seq").to_pylist()
    assert len(seqs) >= 2
