"""A disk that is full: puts are refused before anything is damaged, reads go on, and space that comes back is used."""

import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from flights import ask, put
from mobiusd import Mobiusd, command
from waiting import wait_for, wait_until_taken

MOUNT = 'mount -t tmpfs -o size=160m tmpfs "$0" && exec "$@"'
SETTINGS = {"wal.segment_size": "4MiB", "memtable.segment_size": "4MiB", "wal.keep_time": "0s", "log.level": "warn"}
REFUSALS = (pa.ArrowException, flight.FlightError)


def may_mount(folder):
    return subprocess.run(["unshare", "-rm", "sh", "-c", MOUNT, folder, "true"], capture_output=True).returncode == 0


class OnSmallDisk(Mobiusd):
    """A server whose data lie on a file system of its own, of 160 MiB."""

    def _command(self):
        return ["unshare", "-rm", "sh", "-c", MOUNT, str(self.data.parent), *command(self.data, self.settings, self.binary)]


def rows_of(first, count):
    values = pa.array(range(first, first + count), pa.int64())
    return pa.record_batch({"time": values.cast(pa.timestamp("us")), "n": values, "text": pa.array([f"{i:064d}" for i in range(first, first + count)])})


def put_until_refused(client, table, first):
    """Puts batches, one stream each, until one is refused; how many rows were acknowledged."""
    acknowledged = 0
    for _ in range(2000):
        try:
            put(client, table, rows_of(first + acknowledged, 10_000))
        except REFUSALS as refusal:
            return acknowledged, str(refusal)
        acknowledged += 10_000
    raise AssertionError("the disk never was full")


def test_a_full_disk_refuses_puts_and_loses_nothing(tmp_path):
    (tmp_path / "disk").mkdir()
    if not may_mount(tmp_path / "disk"):
        pytest.skip("this machine lets nobody mount a file system of his own")
    with OnSmallDisk(tmp_path / "disk" / "data", SETTINGS) as server, server.client() as client:
        put(client, "waste", rows_of(0, 10))
        disk = Path(f"/proc/{server.pid}/root{tmp_path}/disk")
        wait_for((disk / "data" / "ballast").exists)
        stored, refusal = put_until_refused(client, "t", 0)
        assert "disk is full" in refusal
        assert ask(client, "SELECT count(*) AS n, sum(n) AS s FROM t").to_pylist() == [{"n": stored, "s": stored * (stored - 1) // 2}]

        with open(disk / "filler", "wb") as filler:  # what the server gave back goes too
            with pytest.raises(OSError):
                while True:
                    filler.write(bytes(1 << 20))
                    filler.flush()
        assert ask(client, "SELECT count(*) AS n FROM t").to_pylist() == [{"n": stored}]
        subprocess.run(["rm", disk / "filler"], check=True)
        wait_until_taken(lambda: put(client, "t2", rows_of(0, 10)), REFUSALS, server.log)
        assert ask(client, "SELECT count(*) AS n FROM t").to_pylist() == [{"n": stored}]
