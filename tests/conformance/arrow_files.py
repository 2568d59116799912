"""Arrow files for the round trips, and a check that what comes back is what went out.

    arrow_files.py write FOLDER             writes FOLDER/<name>.arrow, two batches each
    arrow_files.py check PORT FILE PATH     the flight PATH of the server holds the batches of FILE

The integration client compares what it gets with what it put, and then forgets to look at the result: hence the check.
"""

import datetime
import decimal
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.flight as flight

DAY = datetime.date(2016, 1, 1)
NOON = datetime.time(12, 30, 15)
INSTANT = datetime.datetime(2016, 1, 1, 12, 30, 15)


def flat(kind, *values):
    """A column of these and a NULL."""
    return pa.array([*values, None], kind)


def columns():
    """{file: {column: array}}: five rows or two in each."""
    numbers = {str(kind): flat(kind, 0, 1, 2, 100) for kind in
               (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())}
    text = ("", "a", "größer", "longer than twelve bytes")
    nested = pa.list_(pa.struct([("k", pa.utf8()), ("v", pa.list_(pa.int32()))]))
    return {
        "numbers": numbers | {"f32": flat(pa.float32(), 0.5, -1, 1e30, 2), "f64": flat(pa.float64(), 0.5, -1, 1e300, 2),
                              "bool": flat(pa.bool_(), True, False, True, True), "null": pa.nulls(5)},
        "texts": {"utf8": flat(pa.utf8(), *text), "large_utf8": flat(pa.large_utf8(), *text),
                  "binary": flat(pa.binary(), *(t.encode() for t in text)),
                  "large_binary": flat(pa.large_binary(), *(t.encode() for t in text)),
                  "fixed": flat(pa.binary(3), b"abc", b"\0\0\0", b"xyz", b"\xff\xfe\xfd")},
        "views": {"utf8_view": flat(pa.string_view(), *text), "binary_view": flat(pa.binary_view(), *(t.encode() for t in text))},
        "times": {"date32": flat(pa.date32(), *[DAY] * 4), "date64": flat(pa.date64(), *[DAY] * 4),
                  "time32_s": flat(pa.time32("s"), *[NOON] * 4), "time32_ms": flat(pa.time32("ms"), *[NOON] * 4),
                  "time64_us": flat(pa.time64("us"), *[NOON] * 4), "time64_ns": flat(pa.time64("ns"), *[NOON] * 4),
                  "s": flat(pa.timestamp("s"), *[INSTANT] * 4), "ms": flat(pa.timestamp("ms", "UTC"), *[INSTANT] * 4),
                  "us": flat(pa.timestamp("us", "Europe/Berlin"), *[INSTANT] * 4), "ns": flat(pa.timestamp("ns"), *[INSTANT] * 4),
                  "duration_s": flat(pa.duration("s"), 1, 2, 3, 4), "duration_ns": flat(pa.duration("ns"), 1, 2, 3, 4),
                  "interval": flat(pa.month_day_nano_interval(), *[(1, 2, 3)] * 4)},
        "decimals": {"d128": flat(pa.decimal128(20, 3), *[decimal.Decimal("-12.345")] * 4),
                     "d256": flat(pa.decimal256(60, 3), *[decimal.Decimal("12.345")] * 4)},
        "nested": {"list": flat(pa.list_(pa.int32()), [], [1, None], [2], [3, 4]),
                   "large_list": flat(pa.large_list(pa.utf8()), [], ["a"], [None], ["b", "c"]),
                   "fixed_list": flat(pa.list_(pa.int16(), 2), [1, 2], [3, None], [5, 6], [7, 8]),
                   "struct": flat(pa.struct([("a", pa.int64()), ("b", pa.utf8())]), *[{"a": 1, "b": None}] * 4),
                   "map": flat(pa.map_(pa.utf8(), pa.int32()), [], [("k", 1)], [("l", None)], [("m", 2), ("n", 3)]),
                   "deep": flat(nested, [], [{"k": "a", "v": [1, 2]}], [None], [{"k": None, "v": None}])},
        "dictionaries": {"text": flat(pa.utf8(), "a", "b", "a", "c").dictionary_encode(),
                         "number": flat(pa.int64(), 7, 8, 7, 9).dictionary_encode()},
        "unions": {"dense": pa.UnionArray.from_dense(pa.array([0, 1, 0], pa.int8()), pa.array([0, 0, 1], pa.int32()),
                                                     [pa.array([1, 2]), pa.array(["x"])]),
                   "sparse": pa.UnionArray.from_sparse(pa.array([0, 1, 0], pa.int8()),
                                                       [pa.array([1, 2, 3]), pa.array(["x", "y", "z"])])},
        "runs": {"runs": pa.RunEndEncodedArray.from_arrays(pa.array([2, 3, 5], pa.int32()), pa.array(["a", None, "b"]))},
        "no_columns": {},
    }


def write(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, arrays in columns().items():
        batch = pa.record_batch(list(arrays.values()), list(arrays))
        batch = batch.replace_schema_metadata({"of": name})
        with pa.ipc.new_file(folder / f"{name}.arrow", batch.schema) as file:
            file.write_batch(batch)
            file.write_batch(batch.slice(0, 1) if name != "runs" else batch)


def check(port, file, path):
    want = pa.ipc.open_file(file)
    with flight.connect(f"grpc://127.0.0.1:{port}") as client:
        info = client.get_flight_info(flight.FlightDescriptor.for_path(path))
        assert info.schema.equals(want.schema, check_metadata=True), f"{info.schema} is not {want.schema}"
        chunks = list(client.do_get(info.endpoints[0].ticket))
    assert len(chunks) == want.num_record_batches, f"{len(chunks)} batches, not {want.num_record_batches}"
    for i, chunk in enumerate(chunks):
        chunk.data.validate(full=True)
        assert chunk.data.equals(want.get_batch(i)), f"batch {i}: {chunk.data} is not {want.get_batch(i)}"
        assert chunk.app_metadata.to_pybytes() == str(i).encode(), f"batch {i} carries {chunk.app_metadata}"


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]))
    else:
        check(*sys.argv[2:])
