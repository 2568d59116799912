"""libmobius.so in a Python program, through the Arrow C Data Interface."""

import importlib.util
import os
import subprocess
import sys

import pyarrow as pa
import pytest

from mobiusd import BINARY, ROOT

EXAMPLE = ROOT / "examples" / "arrow_batches.py"
LIBRARY = BINARY.parent / "libmobius.so"


@pytest.fixture(scope="module")
def example():
    os.environ["MOBIUS_LIBRARY"] = str(LIBRARY)
    spec = importlib.util.spec_from_file_location("arrow_batches", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_prints_what_it_says(tmp_path):
    for life, folder in enumerate([":memory:", tmp_path / "data", tmp_path / "data"]):
        output = subprocess.run([sys.executable, EXAMPLE, folder], env=os.environ | {"MOBIUS_LIBRARY": str(LIBRARY)},
                                cwd=tmp_path, check=True, capture_output=True, text=True).stdout
        n = 1200 * (2 if life == 2 else 1)
        commit = 3 if life == 2 else 2
        assert output.splitlines() == [f"stored as commit {commit}", f"host_0 {n} 49.5", f"host_1 {n} 49.5", f"host_2 {n} 49.5"]


BATCH = pa.record_batch({
    "ts": pa.array([3, 1, 2], pa.timestamp("us")),
    "host": pa.array(["b", "a", None]),
    "v": pa.array([1, None, 3], pa.int64()),
    "on": pa.array([True, False, None]),
    "parts": pa.array([[1.5], [], None], pa.list_(pa.float64())),
})


def test_what_goes_in_comes_out(example, tmp_path):
    with example.Database(str(tmp_path / "data")) as db:
        db.append("t", BATCH)
        db.append("t", BATCH.slice(1, 1))
        with db.query("SELECT * FROM t ORDER BY ts, v NULLS LAST") as rows:
            table = rows.read_all()
    assert table.schema.names == BATCH.schema.names
    assert table.to_pylist() == [BATCH.to_pylist()[i] for i in (1, 1, 2, 0)]


def test_rows_are_pyarrow_without_a_copy(example):
    """The arrays that pyarrow has lie where the database wrote them."""
    ffi = example.ffi
    with example.Database(":memory:") as db:
        db.append("t", BATCH)
        stream, schema, array = ffi.new("struct ArrowArrayStream *"), ffi.new("struct ArrowSchema *"), ffi.new("struct ArrowArray *")
        db.check(example.library.mobius_query(db.handle, b"SELECT v, host FROM t", stream, db.error))
        assert stream.get_schema(stream, schema) == 0 and stream.get_next(stream, array) == 0
        written = [int(ffi.cast("uintptr_t", array.children[0].buffers[1])), int(ffi.cast("uintptr_t", array.children[1].buffers[2]))]
        batch = pa.RecordBatch._import_from_c(example.address(array), example.address(schema))
        stream.release(stream)
        assert [batch.column(0).buffers()[1].address, batch.column(1).buffers()[2].address] == written
        assert sorted(batch.to_pydict()["v"], key=str) == [1, 3, None]
    assert batch.num_rows == 3  # it outlives the database
    assert batch.column(1).to_pylist().count(None) == 1


def test_what_fails_says_why(example):
    with example.Database(":memory:") as db:
        with pytest.raises(RuntimeError, match="nothing"):
            db.query("SELECT * FROM nothing")
        with pytest.raises(RuntimeError, match="name"):
            db.append("no table", BATCH)
