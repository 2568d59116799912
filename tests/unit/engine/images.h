// images.h - for tests of recovery: what a run of operations leaves behind, copies of a directory,
// and the comparison of both.

#pragma once

#include <sys/stat.h>

#include "base/hash.h"
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

// One that is ready to run: the test itself needs nothing more for it.
typedef struct Op {
	int number;
	struct ArrowSchema schema; // of what it appends
	struct ArrowArray array;
} Op;

static inline Op
op_make(int i)
{
	Op op = {.number = i};
	OpKind kind = op_kind(i);
	if (kind == OP_DROP || kind == OP_FLUSH)
		return op;
	SCOPED(schema_drop) Schema *schema = rows_schema(kind == OP_WIDE);
	SCOPED(batch_drop) Batch *batch = rows_batch(schema, (int64_t)i * ROOM, op_rows(i));
	Error err = ERROR_INIT;
	ok(cdata_export_schema(schema, &op.schema, &err), &err);
	ok(cdata_export_batch(batch, &op.array, &err), &err);
	return op;
}

static inline void
op_drop(Op *op)
{
	if (op->schema.release != NULL)
		op->schema.release(&op->schema);
	if (op->array.release != NULL)
		op->array.release(&op->array);
}

// Takes what it appends.
static inline mobius_status
op_do(mobius *db, Op *op, mobius_error *err)
{
	char text[40];
	int64_t count;
	OpKind kind = op_kind(op->number);
	if (kind == OP_FLUSH)
		return ask(db, "FLUSH", NULL, &count, err);
	bool drops = kind == OP_DROP;
	snprintf(text, sizeof(text), "%st%d", drops ? "DROP TABLE IF EXISTS " : "",
			 op->number % TABLES);
	return drops ? ask(db, text, NULL, &count, err)
				 : mobius_append(db, text, &op->schema, &op->array, NULL, err);
}

static inline mobius_status
op_run(mobius *db, int i, mobius_error *err)
{
	SCOPED(op_drop) Op op = op_make(i);
	return op_do(db, &op, err);
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

typedef struct Tree {
	const char *path;
	uint64_t state;
} Tree;

static inline Status
mix_entry(void *arg, const char *name, Error *err)
{
	Tree *tree = arg;
	SCOPED(mem_drop) char *path = mem_printf("%s/%s", tree->path, name);
	struct stat info;
	if (stat(path, &info) != 0)
		return ST_OK; // it went meanwhile
	uint64_t facts[] = {info.st_ino, (uint64_t)info.st_size, (uint64_t)info.st_mtim.tv_sec,
						(uint64_t)info.st_mtim.tv_nsec};
	tree->state += hash64(facts, sizeof(facts)) ^ hash64(name, strlen(name));
	if (!S_ISDIR(info.st_mode))
		return ST_OK;
	Tree below = {.path = path};
	Status st = dir_list(path, mix_entry, &below, err);
	tree->state += below.state;
	return st;
}

// Another number whenever anything in the tree has changed, if 10 ms lie between.
static inline uint64_t
tree_state(const char *path)
{
	Tree tree = {.path = path};
	Status ignored = dir_list(path, mix_entry, &tree, NULL);
	(void)ignored;
	return tree.state;
}

// A copy as of one moment. Its database may be open: what it does by itself is waited for.
static inline Dir
dir_copy(const Dir *dir)
{
	for (;;) {
		Dir copy = dir_new();
		Error err = ERROR_INIT;
		uint64_t state = tree_state(dir->path);
		clock_sleep_ns(SECOND / 100);
		Status st = dir_list(dir->path, copy_entry, &(Copy){dir->path, copy.path}, &err);
		if (tree_state(dir->path) == state) {
			ok(st, &err);
			return copy;
		}
		dir_drop(&copy);
	}
}
