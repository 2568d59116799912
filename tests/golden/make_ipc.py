"""Makes the IPC streams in ipc/: Arrow's own writer on one side, and on the other what the streams say, as text.

    make_ipc.py          (needs pyarrow; the streams are committed, so this runs only to add some)

NAME.arrows is a stream, NAME.txt its batches: a line "rows N", then a line for each column. The tests print what they
read in the same way. The bombs have no text: they are to be refused. The streams are seeds of fuzz_ipc as well.
"""

import datetime
import decimal
from pathlib import Path

import numpy as np
import pyarrow as pa

FOLDER = Path(__file__).parent / "ipc"
SEEDS = Path(__file__).parent.parent / "fuzz" / "seeds" / "fuzz_ipc"
MOST_BYTES = 4096


def text(scalar):
    t = scalar.type
    if pa.types.is_dictionary(t):
        scalar, t = scalar.value, t.value_type
    if not scalar.is_valid:
        return "null"
    if pa.types.is_boolean(t):
        return "true" if scalar.as_py() else "false"
    if pa.types.is_float16(t):
        return str(np.float16(scalar.as_py()).view(np.uint16))
    if pa.types.is_floating(t):
        return "%g" % scalar.as_py()
    if pa.types.is_integer(t):
        return str(scalar.as_py())
    if pa.types.is_decimal(t):
        unscaled = int(scalar.as_py().scaleb(t.scale, decimal.Context(prec=40)))
        return "%032x" % (unscaled % (1 << 128))
    if pa.types.is_temporal(t) and t != pa.month_day_nano_interval():
        return str(scalar.value)
    if t == pa.month_day_nano_interval():
        return "%d/%d/%d" % tuple(scalar.as_py())
    if pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_string_view(t):
        return "'" + scalar.as_py() + "'"
    if isinstance(scalar.as_py(), bytes):
        return scalar.as_py().hex() + "h"
    if pa.types.is_struct(t):
        return "{" + ", ".join(text(scalar[i]) for i in range(t.num_fields)) + "}"
    return "[" + ", ".join(text(v) for v in scalar.values) + "]"


def seed(stream):
    """The stream as the fuzz target takes it: each part behind its length, only the schema has no body."""
    parts = []
    for message in pa.ipc.MessageReader.open_stream(stream):
        body = message.body.to_pybytes() if message.body else b""
        parts += [message.metadata.to_pybytes()] + ([body] if message.type != "schema" else [])
    return b"".join(len(part).to_bytes(4, "little") + part for part in parts)


def save(name, batches, **options):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for batch in batches:
            writer.write_batch(batch)
    stream = sink.getvalue().to_pybytes()
    assert len(stream) < MOST_BYTES, (name, len(stream))
    (FOLDER / f"{name}.arrows").write_bytes(stream)
    (SEEDS / name).write_bytes(seed(stream))


def write(name, batches, **options):
    save(name, batches, **options)
    with (FOLDER / f"{name}.txt").open("w") as out:
        for batch in batches:
            out.write(f"rows {batch.num_rows}\n")
            for column_name, column in zip(batch.schema.names, batch.columns):
                out.write(" ".join([f"{column_name}:"] + [text(v) for v in column]) + "\n")


def batch(**columns):
    return pa.record_batch(list(columns.values()), names=list(columns))


def primitives():
    integers = {f"{s}{b}": pa.array([0, None, 100, 2 ** (b - (s == "i")) - 1], getattr(pa, f"{'u' if s == 'u' else ''}int{b}")())
                for s in "iu" for b in (8, 16, 32, 64)}
    return [batch(b=pa.array([True, None, False, True]), **integers,
                  h=pa.array([np.float16(1.5), None, np.float16(-2), np.float16("inf")], pa.float16()),
                  f=pa.array([1.5, None, -0.25, float("inf")], pa.float32()),
                  d=pa.array([1e100, None, -0.0, float("nan")], pa.float64()),
                  n=pa.nulls(4), v=pa.array([1, 2, 3, 4], pa.int32()))]


def strings():
    words = ["", "short", None, "Grüße, 世界: longer than twelve bytes", "twelve bytes"]
    blobs = [w and w.encode() for w in words]
    return [batch(s=pa.array(words), ls=pa.array(words, pa.large_string()), sv=pa.array(words, pa.string_view()),
                  b=pa.array(blobs, pa.binary()), lb=pa.array(blobs, pa.large_binary()),
                  bv=pa.array(blobs, pa.binary_view()))]


def dictionary():
    """The first batch sends dictionaries, the second a delta, the third replacements."""
    kind = pa.dictionary(pa.int8(), pa.string())
    inner = pa.dictionary(pa.uint16(), pa.int64())

    def part(words, indexes, lists):
        d = pa.DictionaryArray.from_arrays(pa.array(indexes, pa.int8()), pa.array(words))
        values = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0], pa.uint16()), pa.array(lists, pa.int64()))
        return batch(d=d.cast(kind), l=pa.ListArray.from_arrays([0, 2, 2, 3], values.cast(inner)))

    return [part(["a", "bb"], [0, None, 1], [7, 8]), part(["a", "bb", "ccc"], [2, 0, None], [7, 8]),
            part(["x", None], [1, 0, 0], [9, None])]


def repetitive():
    return [batch(t=pa.array(range(1000, 1200), pa.timestamp("us", tz="UTC")),
                  s=pa.array([None if i % 10 == 3 else f"host-{i % 4}" for i in range(200)]),
                  z=pa.array([1.0] * 200), one=pa.array([1] * 200, pa.int8())),
            batch(t=pa.array([1, 2], pa.timestamp("us", tz="UTC")), s=pa.array(["", None]), z=pa.array([0.5, None]),
                  one=pa.array([None, None], pa.int8()))]


def nested():
    lists = [[1, None], None, [], [2, 3]]
    return [batch(l=pa.array(lists, pa.list_(pa.int32())), ll=pa.array(lists, pa.large_list(pa.int8())),
                  lv=pa.array([["long enough for a buffer"], ["x"], None, []], pa.list_(pa.string_view())),
                  s=pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}, {"a": 2, "b": "yy"}]),
                  m=pa.array([[("k", 1)], None, [], [("a", None), ("b", 2)]], pa.map_(pa.string(), pa.int16())),
                  sl=pa.array([{"l": [[1]]}, {"l": None}, None, {"l": [[], [2]]}],
                              pa.struct([("l", pa.list_(pa.list_(pa.uint8())))])))]


def fixed():
    return [batch(b=pa.array([b"abc", None, b"xyz"], pa.binary(3)), b0=pa.array([b"", None, b""], pa.binary(0)),
                  l=pa.array([[1, 2], None, [None, 4]], pa.list_(pa.int16(), 2)),
                  l0=pa.array([[], None, []], pa.list_(pa.int16(), 0)),
                  n=pa.array([[["a"], ["b"]], [["c"], None], None], pa.list_(pa.list_(pa.string(), 1), 2)),
                  e=pa.array([{}, None, {}], pa.struct([])))]


def times():
    day, moment = datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 23, 59, 59)
    columns = {"dec": pa.array([decimal.Decimal("-12345.67"), None], pa.decimal128(10, 2)),
               "big": pa.array([decimal.Decimal("9" * 38), decimal.Decimal("-" + "9" * 38)], pa.decimal128(38, 0)),
               "d32": pa.array([day, None], pa.date32()), "d64": pa.array([day, None], pa.date64()),
               "t_s": pa.array([86399, None], pa.time32("s")), "t_ms": pa.array([86399999, None], pa.time32("ms")),
               "t_us": pa.array([1, None], pa.time64("us")), "t_ns": pa.array([2, None], pa.time64("ns")),
               "mdn": pa.array([pa.MonthDayNano([-1, 15, -(10 ** 12)]), None])}
    for unit in ("s", "ms", "us", "ns"):
        columns[f"ts_{unit}"] = pa.array([moment, None], pa.timestamp(unit, tz="Europe/Berlin" if unit == "us" else None))
        columns[f"du_{unit}"] = pa.array([-5, None], pa.duration(unit))
    return [batch(**columns)]


def empty():
    some = [batch(i=pa.array([1], pa.int64()), s=pa.array(["x"]), v=pa.array(["y"], pa.string_view()),
                  l=pa.array([[1]], pa.list_(pa.int32())), m=pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int16())),
                  d=pa.array(["z"]).dictionary_encode(), n=pa.nulls(1), e=pa.array([{}], pa.struct([])))]
    return [some[0].slice(0, 0), some[0], some[0].slice(1)]


def sliced():
    long = batch(b=pa.array([i % 3 == 0 if i % 5 else None for i in range(40)]),
                 i=pa.array([i if i % 7 else None for i in range(40)], pa.int16()), s=pa.array([str(i) * (i % 4) for i in range(40)]),
                 l=pa.array([[i] * (i % 3) for i in range(40)], pa.list_(pa.int8())),
                 f=pa.array([[i, None] for i in range(40)], pa.list_(pa.int8(), 2)),
                 st=pa.array([{"x": i} if i % 4 else None for i in range(40)], pa.struct([("x", pa.int32())])))
    return [long.slice(13, 9), long.slice(39), long.slice(8, 8)]


def bombs():
    """Streams that are to be refused: 8 MiB of zeros, and one long value named 2,000 times."""
    save("bomb_zstd", [batch(z=pa.array(np.zeros(1 << 20)))], compression="zstd")
    named = pa.DictionaryArray.from_arrays(pa.array(np.zeros(2000, np.int8)), pa.array(["x" * 1000]))
    save("bomb_dictionary", [batch(d=named)])


def main():
    FOLDER.mkdir(exist_ok=True)
    SEEDS.mkdir(parents=True, exist_ok=True)
    write("primitives", primitives())
    write("strings", strings())
    write("dictionary", dictionary(), emit_dictionary_deltas=True)
    write("lz4", repetitive(), compression="lz4")
    write("zstd", repetitive(), compression="zstd")
    write("nested", nested())
    write("fixed", fixed())
    write("times", times())
    write("empty", empty())
    write("sliced", sliced())
    bombs()


if __name__ == "__main__":
    main()
