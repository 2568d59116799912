"""Starts and ends a mobiusd for a test or a measurement."""

import os
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import unquote

import pyarrow.flight as flight

ROOT = Path(__file__).resolve().parents[1]
BINARY = Path(os.environ.get("MOBIUSD", ROOT / "build" / "mobiusd")).resolve()
FREE_PORT = {"flight.listen": "127.0.0.1:0", "http.listen": "127.0.0.1:0"}
# Short log files: tests pass from one to the next, and a start writes 12 MiB instead of 192.
SHORT_LOG = {"wal.segment_size": "4MiB"}


class StartFailed(Exception):
    """mobiusd ended, or stayed silent, before it was ready."""

    def __init__(self, code, stderr):
        super().__init__(f"mobiusd did not get ready, exit code {code}: {stderr.strip()}")
        self.code, self.stderr = code, stderr


def command(data, settings=None, binary=BINARY):
    """The command line for a data directory and settings {key: value}."""
    pairs = [f"{key}={value}" for key, value in (FREE_PORT | (settings or {})).items()]
    return [str(binary), "--data", str(data), *(word for pair in pairs for word in ("--set", pair))]


class Mobiusd:
    """One server on one data directory, which may be stopped, killed and started again.

    `location` and `pid` are those of the running process; a restart changes both.
    """

    def __init__(self, data, settings=None, binary=BINARY, ready_timeout=60):
        self.data, self.settings, self.binary = Path(data), dict(settings or {}), binary
        self.ready_timeout = ready_timeout
        self.process = None
        self.start()

    def start(self):
        self.stderr = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(self._command(), stdout=subprocess.PIPE,
                                        stderr=self.stderr)
        line = self._first_line()
        if not line.startswith("ready "):
            code = self.kill()
            raise StartFailed(code, self.log())
        self.ready = {key: unquote(value) for key, value in (word.split("=", 1) for word in line.split()[1:])}
        self.location = "grpc://" + self.ready["flight"].split(",")[0]
        self.pid = int(self.ready["pid"])

    def _command(self):
        return command(self.data, self.settings, self.binary)

    def _first_line(self):
        deadline, line = time.monotonic() + self.ready_timeout, b""
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            piece = os.read(self.process.stdout.fileno(), 4096) if readable else b""
            if not piece:
                break
            line += piece
        return line.decode()

    def client(self):
        return flight.connect(self.location)

    def query(self, sql):
        with self.client() as client:
            return client.do_get(flight.Ticket(sql.encode())).read_all()

    def log(self):
        """What it has written to standard error since it was started."""
        self.stderr.seek(0)
        return self.stderr.read()

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, timeout=60):
        """Asks it to stop; its exit code."""
        if self.running():
            self.process.terminate()
        return self._wait(timeout)

    def kill(self):
        """Ends it as a power cut would end a process; its exit code."""
        if self.running():
            self.process.kill()
        return self._wait(60)

    def _wait(self, timeout):
        code = self.process.wait(timeout)
        self.process.stdout.close()
        return code

    def restart(self):
        self.stop()
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        """A server that still runs must end well: a sanitizer tells of leaks by the exit code."""
        code = 0
        if self.running():
            try:
                code = self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
                code = "none: it did not stop"
        if kind is not None:
            print(self.log(), file=sys.stderr)
        elif code != 0:
            raise AssertionError(f"mobiusd stopped with exit code {code}: {self.log()}")
