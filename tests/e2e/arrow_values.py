"""One column of every type that tables keep: what is sent, and what comes back."""

import datetime
import decimal

import pyarrow as pa

INSTANT = datetime.datetime(2026, 1, 2, 3, 4, 5)
DAYS = [datetime.date(1969, 12, 31), datetime.date(2026, 2, 28), datetime.date(1, 1, 1)]
TIMES = [datetime.time(0, 0), datetime.time(23, 59, 59), datetime.time(12, 30, 15)]
TEXTS = ["", "größer als zwölf Bytes, ja", "a"]
BLOBS = [b"", b"\0\xff", b"longer than twelve bytes"]


def same(kind, values):
    return kind, values, kind


def becomes(kind, values, kept):
    return kind, values, kept


def instants(unit, zone=None):
    limits = {"s": 10**9, "ms": 10**12, "us": 10**15, "ns": 10**18}
    return same(pa.timestamp(unit, zone), [1, limits[unit] + 7, -limits[unit]])


# name: (type sent, three values, type kept)
KINDS = {
    "null": same(pa.null(), [None, None, None]),
    "bool": same(pa.bool_(), [True, False, True]),
    **{str(kind): same(kind, [low, 0, high]) for kind, low, high in [
        (pa.int8(), -128, 127), (pa.int16(), -2**15, 2**15 - 1), (pa.int32(), -2**31, 2**31 - 1),
        (pa.int64(), -2**63, 2**63 - 1), (pa.uint8(), 1, 255), (pa.uint16(), 1, 2**16 - 1),
        (pa.uint32(), 1, 2**32 - 1), (pa.uint64(), 1, 2**64 - 1)]},
    "float16": becomes(pa.float16(), [0.5, -2.0, float("inf")], pa.float32()),
    "float32": same(pa.float32(), [0.5, -1e30, float("-inf")]),
    "float64": same(pa.float64(), [0.1, -1e300, float("inf")]),
    "decimal": same(pa.decimal128(38, 9), [decimal.Decimal("12345678901234567890.123456789"), decimal.Decimal(-1), decimal.Decimal(0)]),
    "decimal_small": same(pa.decimal128(4, 2), [decimal.Decimal("12.34"), decimal.Decimal("-99.99"), decimal.Decimal(0)]),
    "decimal_9": same(pa.decimal128(9, 3), [decimal.Decimal("123456.789"), decimal.Decimal(-1), decimal.Decimal(0)]),
    "decimal_18": same(pa.decimal128(18, 0), [decimal.Decimal(10**17), decimal.Decimal(-1), decimal.Decimal(0)]),
    "utf8": same(pa.utf8(), TEXTS),
    "large_utf8": becomes(pa.large_utf8(), TEXTS, pa.utf8()),
    "utf8_view": becomes(pa.string_view(), TEXTS, pa.utf8()),
    "binary": same(pa.binary(), BLOBS),
    "large_binary": becomes(pa.large_binary(), BLOBS, pa.binary()),
    "binary_view": becomes(pa.binary_view(), BLOBS, pa.binary()),
    "fixed_binary": becomes(pa.binary(3), [b"abc", b"\0\0\0", b"\xff\xfe\xfd"], pa.binary()),
    "date32": same(pa.date32(), DAYS),
    "date64": becomes(pa.date64(), DAYS, pa.date32()),
    "time32_s": becomes(pa.time32("s"), TIMES, pa.time64("us")),
    "time32_ms": becomes(pa.time32("ms"), TIMES, pa.time64("us")),
    "time64_us": same(pa.time64("us"), TIMES),
    "time64_ns": same(pa.time64("ns"), [1, 86_399_999_999_999, 0]),
    **{f"instant_{unit}": instants(unit) for unit in ("s", "ms", "us", "ns")},
    **{f"zoned_{unit}": instants(unit, "Europe/Berlin") for unit in ("s", "ms", "us", "ns")},
    "zoned_offset": instants("us", "+02:00"),
    **{f"duration_{unit}": same(pa.duration(unit), [1, -5, 2**62]) for unit in ("s", "ms", "us", "ns")},
    "interval": same(pa.month_day_nano_interval(), [(1, 2, 3000), (-1, 0, 0), (0, -7, 10**12)]),
    "list": same(pa.list_(pa.int32()), [[], [1, None, 3], [7]]),
    "list_of_text": same(pa.list_(pa.utf8()), [["größer als zwölf Bytes", None], [], ["x"]]),
    "large_list": becomes(pa.large_list(pa.large_utf8()), [[], ["a"], [None, "b"]], pa.list_(pa.utf8())),
    "fixed_list": same(pa.list_(pa.float64(), 2), [[1.0, 2.0], [3.0, None], [5.0, 6.0]]),
    "struct": same(pa.struct([("a", pa.int64()), ("b", pa.utf8())]), [{"a": 1, "b": "x"}, {"a": None, "b": "y"}, {"a": 2, "b": None}]),
    "map": same(pa.map_(pa.utf8(), pa.int32()), [[], [("k", 1), ("l", None)], [("m", 3)]]),
    "deep": same(pa.list_(pa.struct([("k", pa.utf8()), ("v", pa.list_(pa.timestamp("ns")))])),
                 [[], [{"k": "a", "v": [1, None]}], [{"k": None, "v": None}, None]]),
}


def column(name):
    """(column sent, column that must come back): each ends with a NULL, and has one in front."""
    kind, values, kept = KINDS[name]
    sent = pa.array([None, *values, None], kind)
    if kind == kept:
        return sent, sent
    return sent, pa.array([None, *values, None], kept)
