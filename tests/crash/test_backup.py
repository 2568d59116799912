"""Backups are made while writers write and the server is killed: what has a name is whole, what was interrupted has none.

SEED says which moments; BACKUPS how many (40 in `make crash`, a few in `make test`).
"""

import json
import os
import random
import subprocess
import threading
import time
from pathlib import Path

import pyarrow.flight as flight
import pytest

from crash.ledger import KILLED, Ledger, Writer
from crash.test_kill import SETTINGS, WRITERS
from flights import rows
from mobiusd import BINARY, Mobiusd

MOBIUS = Path(os.environ.get("MOBIUS", BINARY.parent / "mobius")).resolve()
SEED = int(os.environ.get("SEED", time.time_ns() % 10**6))
BACKUPS = int(os.environ.get("BACKUPS", 4))


def mobius(*words):
    return subprocess.run([MOBIUS, *map(str, words)], capture_output=True, text=True, timeout=120)


def backup(client, name, copy=False):
    request = json.dumps({"name": name, "copy": copy}).encode()
    [answer] = client.do_action(flight.Action("backup.create", request))
    return json.loads(answer.body.to_pybytes())


def audit(ledger, data, before):
    """What is wrong with a restored directory: batches known `before` must be there, the others may be, all of them whole."""
    with Mobiusd(data, SETTINGS) as server, server.client() as client:
        later, ledger.acknowledged = ledger.acknowledged, before
        try:
            return ledger.audit(client)
        finally:
            ledger.acknowledged = later


def restore_and_audit(ledger, path, folder, before):
    done = mobius("restore", path, folder)
    assert done.returncode == 0, done.stderr
    assert not (wrong := audit(ledger, folder, before)), "\n".join(wrong[:20])
    assert mobius("check", folder).returncode == 0


def start_writers(server, ledger, chance):
    writers = [Writer(server.location, ledger, chance.random()) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        assert writer.began.wait(60), "a writer gets no answer"
    return writers


def known(ledger):
    with ledger.lock:
        return {table: set(numbers) for table, numbers in ledger.acknowledged.items()}


@pytest.mark.timeout(120 + 30 * BACKUPS)
def test_a_backup_among_writers_is_what_was_there_at_its_seq(tmp_path):
    print(f"SEED={SEED} BACKUPS={BACKUPS}")
    chance, ledger, made = random.Random(SEED), Ledger(), []
    server = Mobiusd(tmp_path / "data", SETTINGS)
    writers = start_writers(server, ledger, chance)
    with server.client() as client:
        for number in range(BACKUPS):
            before = known(ledger)
            made.append((backup(client, f"b{number}", copy=number % 3 == 2)["path"], before))
            time.sleep(chance.uniform(0, 0.3))
    server.kill()
    for writer in writers:
        writer.join(60)
        assert writer.error is None, writer.error
    for number, (path, before) in enumerate(made):
        assert mobius("check", path).returncode == 0
        restore_and_audit(ledger, path, tmp_path / f"r{number}", before)


@pytest.mark.timeout(120 + 30 * BACKUPS)
def test_a_kill_during_a_backup_leaves_a_whole_one_or_none(tmp_path):
    print(f"SEED={SEED} BACKUPS={BACKUPS}")
    chance, ledger, whole = random.Random(SEED), Ledger(), 0
    server = Mobiusd(tmp_path / "data", SETTINGS)
    for number in range(BACKUPS):
        writers = start_writers(server, ledger, chance)
        before = known(ledger)
        taker = threading.Thread(target=take_until_killed, args=(server, f"k{number}", chance.random() < 0.5), daemon=True)
        taker.start()
        time.sleep(chance.uniform(0, 0.12))
        server.kill()
        for writer in writers:
            writer.join(60)
        taker.join(60)
        path = tmp_path / "data" / "backup" / f"k{number}"
        if path.exists():
            whole += 1
            restore_and_audit(ledger, path, tmp_path / f"r{number}", before)
        elif (partial := path.with_name(path.name + ".partial")).exists():
            assert mobius("restore", partial, tmp_path / f"r{number}").returncode != 0 or (partial / "manifest.json").exists()
        left = names(tmp_path / "data" / "tmp") - {"checkpoint"}  # the one name that is used again
        server.start()
        assert not left & names(tmp_path / "data" / "tmp"), "a start empties tmp"
        with server.client() as client:
            assert not (wrong := ledger.audit(client)), "\n".join(wrong[:20])
    assert server.stop() == 0
    assert mobius("check", tmp_path / "data").returncode == 0
    print(f"{whole} of {BACKUPS} backups were done before the kill")


def names(folder):
    return {path.name for path in folder.iterdir()}


def take_until_killed(server, name, copy):
    try:
        with server.client() as client:
            backup(client, name, copy)
    except KILLED:
        pass


def test_a_directory_in_use_is_neither_checked_nor_restored_into(tmp_path):
    with Mobiusd(tmp_path / "data", SETTINGS) as server, server.client() as client:
        path = backup(client, "one")["path"]
        refused = mobius("check", tmp_path / "data")
        assert (refused.returncode, refused.stdout) == (4, "")
        assert str(tmp_path / "data") in refused.stderr and len(refused.stderr.splitlines()) == 1
        refused = mobius("restore", path, tmp_path / "data")
        assert refused.returncode == 2 and "is not empty" in refused.stderr
        assert rows(client, "SELECT count(*) FROM system.tables") == [(0,)]


@pytest.mark.parametrize("words", [[], ["check"], ["restore", "x"], ["check", "a", "b"], ["bakup"]])
def test_wrong_words_are_answered_with_the_right_ones(words):
    done = mobius(*words)
    assert done.returncode == 2 and done.stdout == "" and "mobius check DIR" in done.stderr


def test_a_check_prints_one_line_for_each_finding(tmp_path):
    with Mobiusd(tmp_path / "data", SETTINGS) as server, server.client() as client:
        for name in ("a", "b"):
            client.do_get(flight.Ticket(f"CREATE TABLE {name} (ts TIMESTAMP, v INT)".encode())).read_all()
            client.do_get(flight.Ticket(f"INSERT INTO {name} VALUES (TIMESTAMP '2026-01-01', 1)".encode())).read_all()
        client.do_get(flight.Ticket(b"FLUSH")).read_all()
    files = sorted((tmp_path / "data" / "files").rglob("*.parquet"))
    assert len(files) == 2
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-1] + b"x")
    done = mobius("check", tmp_path / "data")
    assert done.returncode == 3
    found = done.stdout.splitlines()
    assert len(found) == 2 and all(any(str(file) in line for line in found) for file in files)
