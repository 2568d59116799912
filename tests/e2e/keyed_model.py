"""Beside a server, what its table of keyed rows must hold: steps drawn from a seed change both, and both are asked the same."""

import os
import random
import time

import duckdb
import pyarrow as pa

from flights import ask, flush, rows, value

SEED = int(os.environ.get("SEED", time.time_ns() % 10**6))


class KeyedModel:
    """A server, and what its table t must hold: the last row of each key. A kind of table adds its schema (with a column v, integers below 1000),
    questions (of "{}"), how rows come into it, and a condition()."""

    def __init__(self, server, seed):
        self.server, self.chance, self.rows = server, random.Random(seed), {}
        self.v = self.schema.get_field_index("v")

    def condition(self):
        """Of some rows: as SQL, and for a row of the model."""
        raise NotImplementedError

    def delete(self):
        sql, fits = self.condition()
        gone = [key for key, row in self.rows.items() if fits(row)]
        with self.server.client() as client:
            assert value(client, f"DELETE FROM t WHERE {sql}") == len(gone), sql
        for key in gone:
            del self.rows[key]

    def update(self):
        sql, fits = self.condition()
        changed = {key: (*row[:self.v], (row[self.v] * 7 + 1) % 1000, *row[self.v + 1:]) for key, row in self.rows.items() if fits(row)}
        with self.server.client() as client:
            assert value(client, f"UPDATE t SET v = (v * 7 + 1) % 1000 WHERE {sql}") == len(changed), sql
        self.rows |= changed

    def truncate(self):
        if self.chance.random() < 0.2:
            with self.server.client() as client:
                rows(client, "TRUNCATE t")
            self.rows = {}

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
        columns = list(zip(*self.rows.values())) if self.rows else [[]] * len(self.schema)
        t = pa.table([pa.array(column, field.type) for column, field in zip(columns, self.schema)], schema=self.schema)
        with self.server.client() as client:
            for question in self.questions:
                expected = duckdb.sql(question.format("t")).to_arrow_table().to_pylist()
                assert ask(client, question.format("t")).to_pylist() == expected, f"SEED={SEED} {question}"
            whole = ask(client, "t").select(self.schema.names).to_pylist()
            assert sorted(map(str, whole)) == sorted(map(str, t.to_pylist())), f"SEED={SEED}"
        del t

    def live(self, steps):
        """Some rows, then 40 of these steps by chance, each with a check behind it."""
        self.put()
        for _ in range(40):
            self.chance.choice(steps)()
            self.check()
