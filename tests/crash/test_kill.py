"""The server is killed under load, over and over: what it acknowledged is there once and whole, and nothing is there in part.

KILLS says how often (200 in `make crash`, a few in `make test`), SEED which moments. The second form runs a build whose writes stay in the process until
they are synced, so that a kill loses what a power cut would lose.
"""

import os
import random
import subprocess
import threading
import time
from pathlib import Path

import pytest

from crash.ledger import KILLED, TABLES, Ledger, Writer, batch_of
from flights import ask, flush, put, table_names
from mobiusd import BINARY, Mobiusd, command

KILLS = int(os.environ.get("KILLS", 15))
SEED = int(os.environ.get("SEED", time.time_ns() % 10**6))
HOLD = os.environ.get("MOBIUSD_HOLD")
WRITERS = 4

# Everything that happens seldom happens often: rolling, sealing, flushing, checkpoints, recycling.
SETTINGS = {"wal.segment_size": "1MiB", "memtable.segment_size": "1MiB", "memtable.limit": "32MiB", "wal.keep_time": "0s", "wal.replay_bytes": "4MiB", "compaction.files": "2", "log.level": "warn"}


class Life:
    """A server that is killed again and again on one data directory."""

    def __init__(self, folder, binary, seed):
        self.chance, self.ledger, self.binary = random.Random(seed), Ledger(), binary
        self.server = Mobiusd(folder / "data", SETTINGS, binary=binary)

    def write_until(self, end):
        """Four write, maybe another flushes, until end() ends the server."""
        writers = [Writer(self.server.location, self.ledger, self.chance.random()) for _ in range(WRITERS)]
        for writer in writers:
            writer.start()
        for writer in writers:
            assert writer.began.wait(60), "a writer gets no answer"
        flushing = threading.Thread(target=self._flush, daemon=True) if self.chance.random() < 0.3 else None
        if flushing:
            flushing.start()
        time.sleep(self.chance.uniform(0, 0.4))  # the moment of the kill is what is random
        end()
        for writer in writers + ([flushing] if flushing else []):
            writer.join(60)
            assert not writer.is_alive()
        for writer in writers:
            assert writer.error is None, writer.error

    def _flush(self):
        try:
            with self.server.client() as client:
                flush(client, self.chance.choice(TABLES))
        except (KeyError, *KILLED):
            pass  # no such table yet, or the kill

    def start_again(self):
        """Sometimes it is killed while it recovers, too."""
        while self.chance.random() < 0.2:
            with subprocess.Popen(command(self.server.data, SETTINGS, self.binary), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                time.sleep(self.chance.uniform(0, 0.3))
                process.kill()
        self.server.start()

    def audit(self):
        with self.server.client() as client:
            wrong = self.ledger.audit(client)
            epoch, before = self.ledger.last_seq
            number = self.ledger.send("t0", 3)
            after = put(client, "t0", batch_of(number, 3, False, False))[-1]
            self.ledger.acknowledge("t0", [number], after)
            if after["epoch"] == epoch and after["seq"] <= before:
                wrong.append(f"seq {after['seq']} was given again: {before} was acknowledged")
            return wrong

    def drop_some(self):
        """Tables that have grown large are dropped, so that a long run stays quick; a drop is acknowledged like a batch."""
        with self.server.client() as client:
            for table in set(table_names(client)) & set(TABLES):
                if sum(self.ledger.sent[table].values()) > 300_000:
                    ask(client, f"DROP TABLE {table}")
                    self.ledger.forget(table)


def live(folder, binary):
    print(f"SEED={SEED} KILLS={KILLS}")
    life, rows = Life(folder, binary, SEED), 0
    try:
        for kill in range(1, KILLS + 1):
            before = life.ledger.total()
            life.write_until(life.server.kill)
            life.start_again()
            wrong = life.audit()
            assert not wrong, f"after kill {kill} of SEED={SEED}:\n" + "\n".join(wrong[:20]) + life.server.log()
            rows += life.ledger.total() - before
            life.drop_some()
        assert life.server.stop() == 0
        life.server.start()
        assert not life.audit()
        assert rows > KILLS * WRITERS / 2, "the writers hardly wrote"
        print(f"{rows} acknowledged batches, {life.ledger.number} sent")
    finally:
        life.server.kill()


@pytest.mark.timeout(60 + 10 * KILLS)
def test_acknowledged_batches_survive_kills_whole(tmp_path):
    live(tmp_path, BINARY)


@pytest.mark.timeout(60 + 10 * KILLS)
@pytest.mark.skipif(HOLD is None, reason="MOBIUSD_HOLD names no build with -Dhold_writes=true; `make crash` has one")
def test_acknowledged_batches_survive_when_a_kill_loses_what_was_not_synced(tmp_path):
    live(tmp_path, Path(HOLD).resolve())


def test_a_stop_under_writers_is_clean(tmp_path):
    life = Life(tmp_path, BINARY, SEED)
    try:
        for _ in range(3):
            ended = []
            life.write_until(lambda: ended.append(life.server.stop()))
            assert ended == [0], life.server.log()
            life.server.start()
            wrong = life.audit()
            assert not wrong, f"SEED={SEED}:\n" + "\n".join(wrong[:20])
    finally:
        life.server.kill()
