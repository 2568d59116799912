"""A database in a Python program: a pyarrow batch goes in, a query comes out as pyarrow, and no value is copied on the way.

    python arrow_batches.py [DIR]        # needs pyarrow and cffi; without DIR the database is in memory

The library is loaded by its name; MOBIUS_LIBRARY names a file instead.
"""

import os
import sys

import cffi
import pyarrow as pa
from pyarrow.cffi import ffi as arrow  # knows the structures of the Arrow C Data and C Stream Interfaces

ffi = cffi.FFI()
ffi.include(arrow)
ffi.cdef("""
    typedef struct mobius mobius;
    typedef struct mobius_error { int code; int32_t position; char text[480]; } mobius_error;
    int mobius_open(const char *dir, const char *const *settings, mobius **out, mobius_error *err);
    void mobius_close(mobius *db);
    int mobius_append(mobius *db, const char *table, struct ArrowSchema *schema, struct ArrowArray *array, uint64_t *seq, mobius_error *err);
    int mobius_query(mobius *db, const char *sql, struct ArrowArrayStream *out, mobius_error *err);
""")
library = ffi.dlopen(os.environ.get("MOBIUS_LIBRARY", "libmobius.so.0"))


def address(structure):
    return int(ffi.cast("uintptr_t", structure))


class Database:
    """A directory, or ":memory:". Readers must be closed, or read to their end, before it is."""

    def __init__(self, directory):
        self.error, handle = ffi.new("mobius_error *"), ffi.new("mobius **")
        self.check(library.mobius_open(directory.encode(), ffi.NULL, handle, self.error))
        self.handle = handle[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        library.mobius_close(self.handle)

    def check(self, status):
        if status != 0:
            raise RuntimeError(ffi.string(self.error.text).decode())

    def append(self, table, batch):
        """One durable commit; its number."""
        schema, array, seq = ffi.new("struct ArrowSchema *"), ffi.new("struct ArrowArray *"), ffi.new("uint64_t *")
        batch._export_to_c(address(array), address(schema))
        self.check(library.mobius_append(self.handle, table.encode(), schema, array, seq, self.error))
        return seq[0]

    def query(self, sql):
        """Its rows, as a pyarrow.RecordBatchReader."""
        stream = ffi.new("struct ArrowArrayStream *")
        self.check(library.mobius_query(self.handle, sql.encode(), stream, self.error))
        return pa.RecordBatchReader._import_from_c(address(stream))


def main(directory=":memory:"):
    batch = pa.record_batch({
        "ts": pa.array(range(1_767_225_600, 1_767_225_600 + 3600), pa.timestamp("s")),
        "host": pa.array([f"host_{i % 3}" for i in range(3600)]),
        "load": pa.array([float(i % 100) for i in range(3600)]),
    })
    with Database(directory) as db:
        print("stored as commit", db.append("cpu", batch))
        with db.query("SELECT host, count(*) AS n, avg(load) AS load FROM cpu GROUP BY host ORDER BY host") as rows:
            for row in rows.read_all().to_pylist():
                print(row["host"], row["n"], row["load"])


if __name__ == "__main__":
    main(*sys.argv[1:])
