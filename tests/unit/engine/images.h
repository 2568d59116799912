// images.h - for tests of recovery: what a run of operations leaves behind, copies of a directory,
// and the comparison of both.

#pragma once

#include <sys/stat.h>

#include "support.h"

// ---- a run of operations, known by their numbers ----
//
// Tables t0, t1, t2. Operation i drops a table, flushes everything, or appends rows whose v begins
// at i * 100, some of them in a schema with one column more.

enum { TABLES = 3, MOST_OPS = 2000, ROOM = 100 };

typedef enum OpKind { OP_APPEND, OP_WIDE, OP_FLUSH, OP_DROP } OpKind;

static inline OpKind
op_kind(int i)
{
	if (i % 29 == 23)
		return OP_DROP;
	if (i % 17 == 5)
		return OP_FLUSH;
	return i % 7 == 4 ? OP_WIDE : OP_APPEND;
}

static inline int
op_rows(int i)
{
	return 1 + i * 7 % 23;
}

static inline mobius_status
op_run(mobius *db, int i, mobius_error *err)
{
	char text[40];
	snprintf(text, sizeof(text), "DROP TABLE IF EXISTS t%d", i % TABLES);
	OpKind kind = op_kind(i);
	int64_t count;
	if (kind == OP_DROP || kind == OP_FLUSH)
		return ask(db, kind == OP_DROP ? text : "FLUSH", NULL, &count, err);
	SCOPED(schema_drop) Schema *schema = rows_schema(kind == OP_WIDE);
	SCOPED(batch_drop) Batch *batch = rows_batch(schema, (int64_t)i * ROOM, op_rows(i));
	snprintf(text, sizeof(text), "t%d", i % TABLES);
	return append_batch(db, text, schema, batch, NULL, err);
}

// ---- what is there ----

// The v of a table in order; a table that is not there has none. malloc.
static inline int64_t *
actual_rows(mobius *db, int table, int64_t *count)
{
	char sql[40];
	snprintf(sql, sizeof(sql), "SELECT v FROM t%d ORDER BY v", table);
	int64_t *values = NULL;
	mobius_error err = {0};
	mobius_status st = ask(db, sql, &values, count, &err);
	if (st != MOBIUS_OK && st != MOBIUS_NOT_FOUND)
		fail_msg("%s: %s", sql, err.text);
	return values;
}

// Whether a table has exactly the rows of the operations `happened` says of, each batch whole.
static inline bool
table_is(const int64_t *values, int64_t count, int table, int ops,
		 bool (*happened)(const void *arg, int i), const void *arg)
{
	int first = 0;
	for (int i = 0; i < ops; i++)
		if (op_kind(i) == OP_DROP && i % TABLES == table && happened(arg, i))
			first = i + 1;
	int64_t at = 0;
	for (int i = first; i < ops; i++) {
		if (i % TABLES != table || op_kind(i) == OP_FLUSH || op_kind(i) == OP_DROP ||
			!happened(arg, i))
			continue;
		for (int row = 0; row < op_rows(i); row++, at++)
			if (at >= count || values[at] != (int64_t)i * ROOM + row)
				return false;
	}
	return at == count;
}

static inline bool
is_below(const void *arg, int i)
{
	return i < *(const int *)arg;
}

// After operation n - 1 and before n?
static inline bool
holds_exactly(mobius *db, int n)
{
	bool same = true;
	for (int table = 0; table < TABLES && same; table++) {
		int64_t count = 0;
		int64_t *values = actual_rows(db, table, &count);
		same = table_is(values, count, table, n, is_below, &n);
		free(values);
	}
	return same;
}

// ---- copies ----

typedef struct Copy {
	const char *from;
	const char *to;
} Copy;

static inline Status
copy_file(const char *from, const char *to, Error *err)
{
	SCOPED(file_drop) File *in = NULL;
	SCOPED(file_drop) File *out = NULL;
	SCOPED(mem_drop) char *buffer = mem_alloc(64 << 10);
	TRY(file_open(from, FILE_READ, &in, err));
	TRY(file_open(to, FILE_CREATE_NEW, &out, err));
	for (uint64_t at = 0;;) {
		size_t len;
		TRY(file_read_some(in, at, buffer, 64 << 10, &len, err));
		if (len == 0)
			return ST_OK;
		TRY(file_write(out, at, buffer, len, err));
		at += len;
	}
}

static inline Status
copy_entry(void *arg, const char *name, Error *err)
{
	const Copy *copy = arg;
	SCOPED(mem_drop) char *from = mem_printf("%s/%s", copy->from, name);
	SCOPED(mem_drop) char *to = mem_printf("%s/%s", copy->to, name);
	struct stat info;
	if (stat(from, &info) != 0 || !S_ISDIR(info.st_mode))
		return copy_file(from, to, err);
	TRY(dir_make(to, err));
	return dir_list(from, copy_entry, &(Copy){from, to}, err);
}

// A copy of a directory nobody writes to just now.
static inline Dir
dir_copy(const Dir *dir)
{
	Dir copy = dir_new();
	Error err = ERROR_INIT;
	ok(dir_list(dir->path, copy_entry, &(Copy){dir->path, copy.path}, &err), &err);
	return copy;
}
