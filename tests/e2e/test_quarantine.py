"""A damaged file: its name in the error, and nothing else disturbed; over a restart, too."""

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from flights import flush, put, rows

DAY = 86_400_000


def batch(day):
    """A row a minute of one day. The time column is not called time."""
    ts = pa.array(range(day * DAY, (day + 1) * DAY, 60_000), pa.timestamp("ms"))
    return pa.record_batch({"ts": ts, "host": ["a"] * len(ts), "v": pa.array(range(len(ts)))})


@pytest.fixture
def files(client, server):
    """The files of the first two days of a table, by day."""
    for day in range(2):
        put(client, "cpu", batch(day))
        flush(client)
    return [file for file, in rows(client, "SELECT file FROM system.segments ORDER BY min_time")]


SECOND_DAY = "SELECT count(*) FROM cpu WHERE time >= '1970-01-02'"


def is_named(client, file):
    for sql in ("SELECT count(*) FROM cpu", "SELECT v FROM cpu WHERE time < '1970-01-01 01:00:00'", "SELECT max(ts) FROM cpu WHERE v > 5"):
        with pytest.raises(flight.FlightError, match=file):
            rows(client, sql)
    assert rows(client, SECOND_DAY) == [(1440,)]
    assert rows(client, "SELECT status FROM system.segments ORDER BY min_time") == [("QUARANTINED",), ("FLUSHED",)]
    put(client, "cpu", batch(2))  # it is written to as before
    assert rows(client, "SELECT count(*) FROM cpu WHERE time >= '1970-01-03'") == [(1440,)]


def test_a_missing_file_is_named_and_what_does_not_need_it_goes_on(server, client, files):
    kept = open(files[0], "rb").read()
    (server.data / "files" / "1" / files[0].rsplit("/", 1)[1]).unlink()
    is_named(client, files[0])
    with open(files[0], "wb") as file:
        file.write(kept)
    assert rows(client, "SELECT count(*) FROM cpu WHERE time < '1970-01-03'") == [(2880,)]


def test_a_start_names_it_and_does_not_refuse(server, files):
    server.stop()
    with open(files[0], "r+b") as file:
        file.truncate(100)
    server.start()
    with server.client() as client:
        with pytest.raises(flight.FlightError, match=files[0]):
            rows(client, "SELECT count(*) FROM cpu")
        assert rows(client, SECOND_DAY) == [(1440,)]
