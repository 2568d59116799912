"""INSERT … VALUES of several rows stores what DuckDB's own INSERT stores, whatever types the cells of a column have."""

import random

import duckdb
import pyarrow as pa
import pytest

from flights import ask, rows

TYPES = ["BIGINT", "INTEGER", "DOUBLE", "FLOAT", "VARCHAR", "DECIMAL(12,3)", "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMP_S", "BIGINT[]", "UBIGINT",
         "STRUCT(a INTEGER, b VARCHAR)"]
CELLS = ["1", "-2", "9007199254740993", "1e0", "1.5", "2.50", "-0.25", "0.2183183879314553", "0.40195278220007813", "'7'", "'a'", "NULL", "true",
         "DATE '2026-01-01'", "TIMESTAMP '2026-01-01 00:00:00.75'", "'2026-01-02'", "(1 + 1)", "[1, 2]", "[1.5]", "{'a': 1, 'b': 2}", "'x, (y'",
         "12345678901234567890", "1::TINYINT", "CAST(2.7 AS DECIMAL(5,2))", "$$q$$", "(SELECT 5)", "upper('k')", "INTERVAL '1' DAY"]


def taken(run, sql):
    try:
        run(sql)
    except (duckdb.Error, pa.ArrowException):
        return False
    return True


@pytest.mark.parametrize("kind", TYPES)
def test_each_cell_is_stored_as_duckdb_stores_it(client, kind):
    chance = random.Random(kind)
    truth = duckdb.connect()
    truth.execute(f"CREATE TABLE t (n BIGINT, v {kind})")
    ask(client, f"CREATE TABLE t (n BIGINT, v {kind}) WITH (time='')")
    for n in range(40):
        cells = ", ".join(f"({n}, {chance.choice(CELLS)})" for _ in range(chance.choice([2, 2, 3])))
        sql = f"INSERT INTO t VALUES {cells}"
        assert taken(lambda text: ask(client, text), sql) == taken(truth.execute, sql), sql
    all_rows = "SELECT n, v::VARCHAR AS v FROM t ORDER BY ALL"
    assert rows(client, all_rows) == truth.execute(all_rows).fetchall()
