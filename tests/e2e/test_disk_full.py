"""A disk that is full: puts are refused before anything is damaged, reads go on, and space that comes back is used."""

import subprocess
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from flights import ask, put
from mobiusd import BINARY, Mobiusd, command

MOUNT = 'mount -t tmpfs -o size=160m tmpfs "$0" && exec "$@"'
SETTINGS = {"wal.segment_size": "4MiB", "memtable.segment_size": "4MiB", "wal.keep_time": "0s", "log.level": "warn"}


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
        except (pa.ArrowException, flight.FlightError) as refusal:
            return acknowledged, str(refusal)
        acknowledged += 10_000
    raise AssertionError("the disk never was full")


def put_until_taken(server, client, table, batch):
    """There is room again: the server takes rows as soon as it has seen that."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return put(client, table, batch)
        except (pa.ArrowException, flight.FlightError):
            assert time.monotonic() < deadline, server.log()
            time.sleep(0.1)


def test_a_full_disk_refuses_puts_and_loses_nothing(tmp_path):
    (tmp_path / "disk").mkdir()
    if not may_mount(tmp_path / "disk"):
        pytest.skip("this machine lets nobody mount a file system of his own")
    with OnSmallDisk(tmp_path / "disk" / "data", SETTINGS) as server, server.client() as client:
        put(client, "waste", rows_of(0, 10))
        disk = f"/proc/{server.pid}/root{tmp_path}/disk"
        stored, refusal = put_until_refused(client, "t", 0)
        assert "disk is full" in refusal
        assert ask(client, "SELECT count(*) AS n, sum(n) AS s FROM t").to_pylist() == [{"n": stored, "s": stored * (stored - 1) // 2}]

        with open(f"{disk}/filler", "wb") as filler:  # what the server gave back goes too
            with pytest.raises(OSError):
                while True:
                    filler.write(bytes(1 << 20))
                    filler.flush()
        assert ask(client, "SELECT count(*) AS n FROM t").to_pylist() == [{"n": stored}]
        subprocess.run(["rm", f"{disk}/filler"], check=True)
        put_until_taken(server, client, "t2", rows_of(0, 10))
        assert ask(client, "SELECT count(*) AS n FROM t").to_pylist() == [{"n": stored}]


class OnKeptDisk(Mobiusd):
    """A server on a small file system that another process keeps mounted, so that it outlives the server."""

    def __init__(self, data, holder, settings):
        self.holder = holder
        super().__init__(data, settings)

    def _command(self):
        return ["nsenter", "-t", str(self.holder.pid), "-U", "-m", "--preserve-credentials", *command(self.data, self.settings, self.binary)]


def fill(folder):
    """Leaves no byte in the file system; the file that has them."""
    with open(f"{folder}/filler", "wb", buffering=0) as filler:
        for size in (1 << 20, 4096):
            with pytest.raises(OSError):
                while True:
                    filler.write(bytes(size))
    return f"{folder}/filler"


def test_a_start_on_a_full_disk_reads(tmp_path):
    (tmp_path / "disk").mkdir()
    if not may_mount(tmp_path / "disk"):
        pytest.skip("this machine lets nobody mount a file system of his own")
    with subprocess.Popen(["unshare", "-rm", "sh", "-c", MOUNT, tmp_path / "disk", "sh", "-c", "echo mounted; exec cat"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"mounted\n"
        disk = f"/proc/{holder.pid}/root{tmp_path}/disk"
        with OnKeptDisk(tmp_path / "disk" / "data", holder, SETTINGS) as server:
            with server.client() as client:
                put(client, "t", rows_of(0, 10_000))
            deadline = time.monotonic() + 30
            while not (ballast := Path(f"{disk}/data/ballast")).exists() or ballast.stat().st_blocks == 0:
                assert time.monotonic() < deadline, server.log()
                time.sleep(0.05)
            server.kill()
            filler = fill(disk)
            server.settings["wal.segment_size"] = "44MiB"  # more than what the start itself gives back
            server.start()
            assert server.query("SELECT count(*) AS n FROM t").to_pylist() == [{"n": 10_000}]
            subprocess.run(["rm", filler], check=True)
            with server.client() as client:
                put_until_taken(server, client, "t", rows_of(10_000, 10_000))
            assert server.query("SELECT count(*) AS n FROM t").to_pylist() == [{"n": 20_000}]
        holder.stdin.close()
