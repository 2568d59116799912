"""A server of one's own for a measurement, and where results go."""

import json
import shutil
import sys
from pathlib import Path

import pyarrow.flight as flight

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import suite
from mobiusd import Mobiusd

DATA, RESULTS = Path("data"), Path("results.jsonl")


def fresh(settings=None):
    """A server on an empty data directory."""
    shutil.rmtree(DATA, ignore_errors=True)
    return Mobiusd(DATA, settings)


def peer_of(server):
    return suite.Peer("mobius", server.location, server.pid)


def act(server, action, table):
    """`table.flush` or `table.compact`, to its end."""
    with server.client() as client:
        list(client.do_action(flight.Action(action, json.dumps({"table": table}).encode())))


def write(metric, value, unit, **config):
    line = dict(metric=metric, value=value, unit=unit, n=1, min=None, max=None, config={"peer": "mobius"} | config)
    with RESULTS.open("a") as out:
        print(json.dumps(line), file=out)
