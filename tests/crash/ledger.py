"""What writers sent and what was acknowledged, and whether a server holds exactly that.

A batch is known by its number, from which all of its cells follow; so every row that comes back can be judged by SQL.
"""

import json
import random
import threading

import pyarrow as pa
import pyarrow.flight as flight

from flights import path, rows

NANO = pa.timestamp("ns")
# A kill, as a client sees it.
KILLED = (flight.FlightUnavailableError, flight.FlightInternalError, flight.FlightCancelledError, OSError)
TABLES = ["t0", "t1", "t2", "t3", "t4"]


def batch_of(number, size, extra, dictionary):
    """The batch of this number: `size` rows, maybe with a column more, maybe with its tags as a dictionary."""
    i = pa.array(range(size), pa.int64())
    tags = pa.array([f"tag {number % 7}"] * size)
    columns = {
        "ts": pa.array(range(number * 10000, number * 10000 + size), NANO),
        "tag": tags.dictionary_encode() if dictionary else tags,
        "batch": pa.array([number] * size, pa.int64()),
        "i": i,
        "v": pa.array([number * 1000003 + k * 7919 for k in range(size)], pa.int64()),
    }
    return pa.record_batch(columns | ({"extra": pa.array([number] * size, pa.int64())} if extra else {}))


# One row a batch: what there is of it, and how many of its cells are not as sent.
AUDIT = """
SELECT batch, count(*), count(DISTINCT i), min(i), max(i), count(*) FILTER (WHERE
    epoch_ns(ts) IS DISTINCT FROM batch * 10000 + i OR tag IS DISTINCT FROM 'tag ' || (batch % 7) OR
    v IS DISTINCT FROM batch * 1000003 + i * 7919 {extra})
FROM {table} GROUP BY batch
"""


class Ledger:
    """Threads  writers add under the lock; the audit runs when they have ended."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent = {table: {} for table in TABLES}          # {table: {batch: rows}}
        self.acknowledged = {table: set() for table in TABLES}
        self.number = 0
        self.last_seq = (None, 0)                            # epoch, seq

    def send(self, table, size):
        with self.lock:
            self.number += 1
            self.sent[table][self.number] = size
            return self.number

    def acknowledge(self, table, numbers, answer):
        """What is on disk stays; a number is given once in an epoch."""
        with self.lock:
            self.acknowledged[table].update(numbers)
            if answer["epoch"] == self.last_seq[0]:
                self.last_seq = (answer["epoch"], max(self.last_seq[1], answer["seq"]))
            else:
                self.last_seq = (answer["epoch"], answer["seq"])

    def forget(self, table):
        self.sent[table], self.acknowledged[table] = {}, set()

    def total(self):
        return sum(map(len, self.acknowledged.values()))

    def audit(self, client):
        """What is wrong, one text each."""
        columns = rows(client, "SELECT \"table\", name FROM system.columns")
        tables = {table for table, _ in columns}
        wrong = [f"{table} is gone" for table in TABLES if self.acknowledged[table] and table not in tables]
        wrong += [f"{table} is unknown" for table in tables - set(TABLES)]
        for table in tables & set(TABLES):
            extra = "OR extra <> batch" if (table, "extra") in columns else ""
            wrong += self._audit_rows(table, rows(client, AUDIT.format(table=table, extra=extra)))
        return wrong

    def _audit_rows(self, table, found):
        sent, wrong = self.sent[table], []
        for number, count, distinct, least, most, bad in found:
            if number not in sent:
                wrong.append(f"{table}: batch {number} was never sent")
            elif (count, distinct, least, most, bad) != (sent[number], sent[number], 0, sent[number] - 1, 0):
                state = "acknowledged" if number in self.acknowledged[table] else "not acknowledged"
                wrong.append(f"{table}: batch {number} ({state}) of {sent[number]} rows has {count} rows, {distinct} of them "
                             f"different, {least} to {most}, {bad} damaged")
        lost = self.acknowledged[table] - {number for number, *_ in found}
        return wrong + [f"{table}: acknowledged batch {number} of {sent[number]} rows is lost" for number in sorted(lost)]


class Writer(threading.Thread):
    """Writes streams of batches until the server is gone."""

    def __init__(self, location, ledger, seed):
        super().__init__()
        self.location, self.ledger, self.chance = location, ledger, random.Random(seed)
        self.began, self.error = threading.Event(), None

    def run(self):
        try:
            with flight.connect(self.location) as client:
                while True:
                    self._stream(client)
        except KILLED:
            pass
        except Exception as error:
            self.error = error
        finally:
            self.began.set()

    def _stream(self, client):
        table, durable = self.chance.choice(TABLES), self.chance.random() < 0.8
        extra, dictionary = self.chance.random() < 0.2, self.chance.random() < 0.3
        headers = [] if durable else [(b"mobius-durability", b"async")]
        compression = self.chance.choice([None, None, "lz4", "zstd"])
        options = flight.FlightCallOptions(headers=headers, write_options=pa.ipc.IpcWriteOptions(compression=compression))
        schema = batch_of(0, 1, extra, dictionary).schema
        writer, reader = client.do_put(path(table), schema, options)
        numbers, told = [], 0
        for _ in range(self.chance.randrange(1, 30)):
            for _ in range(self.chance.randrange(1, 6)):
                size = self.chance.choice([1, 10, 100, 1000, 5000])
                size = self.chance.randrange(1, size + 1)
                numbers.append(self.ledger.send(table, size))
                writer.write_batch(batch_of(numbers[-1], size, extra, dictionary))
            while told < len(numbers):
                answer = reader.read()
                if answer is None:
                    break  # the stream has ended: close says why
                told = self._take(table, numbers, json.loads(answer.to_pybytes()))
        writer.close()

    def _take(self, table, numbers, answer):
        # An async batch is promised only once durable_seq has passed it.
        if answer["durable_seq"] >= answer["seq"]:
            self.ledger.acknowledge(table, numbers[:answer["batches"]], answer)
            self.began.set()
        return answer["batches"]
