"""Measures mobiusd: the suite beside the reference server, and what only a server of one's own can be asked: answers
before and after a flush and a restart, the speed of recovery, memory under a limit, and what stored rows cost.

    run.py [--quick] [--rounds N] [--only I1,F6,...,cold,figures,storage] [--minutes N]      in the folder that takes data and
    results.jsonl; see run.sh
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import deleted
import files
import golden
import storage
import suite
import tsgen
from own import DATA, RESULTS, act, fresh, peer_of, write

HERE = Path(__file__).resolve().parent
PART = Path("part.jsonl")
MIB = 1 << 20

# Families of the suite, by what their server must be told and must hold.
INGEST = ["I1", "I2", "F3", "F5", "F6"]
RESIDENT = ["F1"]
QUERIES = ["F2", "Q"]
COLD = "cold"  # the queries once more, of a server that holds no rows of files in memory
FIGURES = "figures"
STORAGE = "storage"
KEEP_IN_MEMORY = {"memtable.segment_size": "1GiB"}
NO_CACHE = {"cache.columns": "0"}


def run_suite(server, families, options, **config):
    """Runs the suite's families against a server and the reference server in turns; `config` is added to what is written."""
    command = [sys.executable, HERE / "suite.py", server.location, "--pid", str(server.pid), "--only", ",".join(families),
               "--out", PART, *(["--quick"] if options.quick else []),
               *(["--rounds", str(options.rounds)] if options.rounds else [])]
    done = subprocess.run(command)
    with RESULTS.open("a") as out:
        for line in map(json.loads, PART.read_text().splitlines()):
            print(json.dumps(line | {"config": line["config"] | config}), file=out)
    PART.unlink()
    if done.returncode != 0:
        write(",".join(families), None, "FAIL", error=f"the suite ended with {done.returncode}")


def check_answers(server, moment):
    right = golden.check(peer_of(server).query, report=lambda line: None)
    write("golden.right", len(right), "queries", moment=moment, wrong=sorted(golden.GOLDEN.keys() - set(right)))


def load_golden(server):
    suite.load_golden_tables([peer_of(server)])
    check_answers(server, "loaded")
    for table in [*tsgen.GOLDEN_TABLES, "trucks"]:
        act(server, "table.flush", table)
    check_answers(server, "flushed")


def queries(families, options):
    """The golden tables: answers at every moment of their life, times once they are in files."""
    with fresh() as server:
        load_golden(server)
        run_suite(server, families, options)
        server.restart()
        check_answers(server, "restarted")
        server.kill()
        server.start()
        check_answers(server, "killed and restarted")


def cold_queries(options):
    with fresh(NO_CACHE) as server:
        load_golden(server)
        run_suite(server, ["Q"], options, **NO_CACHE)


def cpu_batches(rows):
    hosts, interval_ms = 1000, 10_000
    return list(tsgen.batches("cpu", hosts, rows // hosts * interval_ms // 1000, interval_ms)[1])


def recovery(quick):
    """How fast a killed server reads its log back."""
    settings = KEEP_IN_MEMORY | {"memtable.segment_size": "8GiB", "memtable.limit": "8GiB", "wal.replay_bytes": "8GiB",
                                 "memtable.segment_age": "1d"}
    batches = cpu_batches(864_000 if quick else 8_640_000)
    with fresh(settings) as server:
        suite.put(peer_of(server), "cpu", batches)
        rows = peer_of(server).count("cpu")
        server.kill()
        log_bytes = sum(file.stat().st_blocks * 512 for file in DATA.rglob("*") if "wal" in file.parts)
        start = time.perf_counter()
        server.start()
        if peer_of(server).count("cpu") != rows:
            write("recovery", None, "FAIL", error="rows are missing after the restart")
        seconds = time.perf_counter() - start
    write("recovery", suite.total_bytes(batches) / seconds / 1e6, "MB/s", rows=rows, log_bytes=log_bytes, seconds=seconds)


def memory_bytes(pid, what):
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(what + ":"))


def memory(quick):
    """What the server holds after a load that is larger than its limit."""
    batches = cpu_batches(864_000 if quick else 8_640_000)
    with fresh({"memtable.limit": "256MiB"}) as server:
        suite.put(peer_of(server), "cpu", batches)
        act(server, "table.flush", "cpu")
        write("memory.resident", memory_bytes(server.pid, "VmRSS") / MIB, "MiB")
        write("memory.highest", memory_bytes(server.pid, "VmHWM") / MIB, "MiB")


def entities(quick):
    """One entity by its id, in microseconds, through the embedded database."""
    shutil.rmtree(DATA, ignore_errors=True)
    rows, gets = (100_000, 10_000) if quick else (1_000_000, 100_000)
    done = subprocess.run([HERE / "entities", DATA, str(rows), str(gets)], check=True, capture_output=True, text=True)
    for where, microseconds in json.loads(done.stdout).items():
        if where != "rows":
            write(f"entity.get.{where}", microseconds, "us", rows=rows)
    shutil.rmtree(DATA)


def figures(options):
    recovery(options.quick)
    memory(options.quick)
    entities(options.quick)
    deleted.measure(*((500_000, 3) if options.quick else ()))
    files.measure(*((500,) if options.quick else ()))


# ---- The table ----

def case(line):
    hidden = {"peer", "durability", "of"}
    return " ".join([line["metric"].removesuffix(".ratio"), *(f"{k}={v}" for k, v in line["config"].items() if k not in hidden)])


def number(value):
    return "-" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def print_table(lines):
    cases = {}  # case -> {"mobius" | "baseline" | "ratio": line}
    for line in lines:
        if line["unit"] == "FAIL":
            print(f"FAIL {case(line)}")
        elif line["value"] is not None:
            column = "ratio" if line["metric"].endswith(".ratio") else line["config"].get("peer", "mobius")
            cases.setdefault(case(line), {})[column] = line
    width = max(map(len, cases), default=0)
    print(f"{'':{width}} {'mobius':>14} {'reference':>14} {'':8} {'ratio':>7}")
    for text, columns in cases.items():
        value = lambda column: number(columns[column]["value"]) if column in columns else ""
        unit = next((line["unit"] for column, line in columns.items() if column != "ratio"), "")
        ratio = columns.get("ratio", {})
        spread = f"[{ratio['min']:.2f}, {ratio['max']:.2f}]" if ratio.get("min") is not None else ""
        print(f"{text:{width}} {value('mobius'):>14} {value('baseline'):>14} {unit:8} {value('ratio'):>7} {spread}")
    ratios = {text: columns["ratio"]["value"] for text, columns in cases.items() if text.startswith("Q") and "ratio" in columns}
    cold = " ".join(f"{key}={value}" for key, value in NO_CACHE.items())
    print_mean("", {text: ratio for text, ratio in ratios.items() if cold not in text})
    print_mean(f", {cold}", {text: ratio for text, ratio in ratios.items() if cold in text})


def print_mean(of, ratios):
    if ratios:
        product = 1.0
        for ratio in ratios.values():
            product *= ratio
        worst = sorted(ratios, key=ratios.get)[-3:]
        print(f"geometric mean of {len(ratios)} queries{of}: {product ** (1 / len(ratios)):.2f}; "
              f"worst: {', '.join(f'{text.split()[0]} {ratios[text]:.2f}' for text in reversed(worst))}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", default=",".join([*INGEST, *RESIDENT, *QUERIES, COLD, FIGURES, STORAGE]))
    parser.add_argument("--minutes", type=float, help="of the rate that is held; 10 when not given")
    options = parser.parse_args()
    wanted = options.only.split(",")
    chosen = lambda families: [family for family in families if family in wanted]

    RESULTS.unlink(missing_ok=True)
    for families, settings in ((chosen(INGEST), None), (chosen(RESIDENT), KEEP_IN_MEMORY)):
        if families:
            with fresh(settings) as server:
                run_suite(server, families, options)
    if families := chosen(QUERIES):
        queries(families, options)
    if COLD in wanted:
        cold_queries(options)
    if FIGURES in wanted:
        figures(options)
    if STORAGE in wanted:
        storage.measure(storage.MEASURES, options.quick, options.minutes, rounds=options.rounds)
    shutil.rmtree(DATA, ignore_errors=True)
    lines = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    print_table(lines)
    return any(line["unit"] == "FAIL" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
