// dump.h - all a catalog says, as text, and files to tell it of.

#pragma once

#include <inttypes.h>

#include "support.h"

static inline Status
dump_database(void *arg, const char *name, Error *err)
{
	(void)err;
	buf_add_printf(arg, "database %s\n", name);
	return ST_OK;
}

static inline Status
dump_table(void *arg, TableDef *def, bool current, Error *err)
{
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	TRY(table_def_encode(def, &bytes, err));
	buf_add_printf(arg, "table %" PRIu32 " %s.%s version %" PRIu32 "%s %016" PRIx64 "\n",
				   table_id(def), table_database(def), table_name(def), table_version(def),
				   current ? " current" : "", hash64(bytes.data, bytes.len));
	return ST_OK;
}

static inline Status
dump_file(void *arg, const FileMeta *f, const CatalogMask *mask, Error *err)
{
	(void)err;
	buf_add_printf(arg,
				   "file %" PRIu64 " table %" PRIu32 " v%" PRIu32 " level %d rows %" PRId64
				   " bytes %" PRIu64 "+%" PRIu64 " hash %" PRIx64 ".%" PRIx64 " time %" PRId64
				   "..%" PRId64 " seq %" PRIu64 "..%" PRIu64 " %" PRId64 " %" PRId64 "\n",
				   f->segment_id, f->table_id, f->table_version, f->level, f->rows, f->bytes,
				   f->footer_bytes, f->hash.low, f->hash.high, f->min_time, f->max_time, f->min_seq,
				   f->max_seq, f->created_ns, f->sealed_ns);
	if (f->late_min <= f->late_max)
		buf_add_printf(arg, "  late %" PRId64 "..%" PRId64 "\n", f->late_min, f->late_max);
	if (mask != NULL) {
		buf_add_printf(arg, "  mask at %" PRIu64 ": ", mask->seq);
		buf_add_slice(arg, mask->rows);
		buf_add_text(arg, "\n");
	}
	return ST_OK;
}

static inline Status
dump_flushed(void *arg, const CatalogFlushed *flushed, Error *err)
{
	(void)err;
	buf_add_printf(arg, "flushed %" PRIu32 " to %" PRIu64 "\n", flushed->table_id,
				   flushed->flushed_seq);
	if (flushed->last_id != 0)
		buf_add_printf(arg, "ids of %" PRIu32 " to %" PRId64 "\n", flushed->table_id,
					   flushed->last_id);
	return ST_OK;
}

static inline Status
dump(Catalog *catalog, Buf *out, Error *err)
{
	CatalogVisitor visitor = {dump_database, dump_table, dump_file, dump_flushed, out};
	return catalog_load(catalog, &visitor, err);
}

static inline void
dump_is(Catalog *catalog, const char *expected)
{
	Buf text = BUF_INIT;
	Error err = ERROR_INIT;
	ok(dump(catalog, &text, &err), &err);
	assert_string_equal(buf_text(&text), expected);
	buf_close(&text);
}

static inline Catalog *
open_catalog(const CatalogDir *dir, CatalogState *state)
{
	Catalog *catalog = NULL;
	CatalogState unused;
	Error err = ERROR_INIT;
	ok(catalog_open(dir->db, &catalog, state != NULL ? state : &unused, &err), &err);
	return catalog;
}

// Table 7 "t", version 1.
static inline TableDef *
first_version(void)
{
	return table_of(SCHEMA(field_of("time", TYPE_TIMESTAMP), field_of("host", TYPE_UTF8)), NULL);
}

static inline TableDef *
next_version(TableDef *def)
{
	SCOPED(schema_drop)
	Schema *more = SCHEMA(field_of("time", TYPE_TIMESTAMP), field_of("more", TYPE_INT64));
	TableDef *next = NULL;
	Error err = ERROR_INIT;
	ok(table_def_grow(def, more, NULL, any_field, &next, &err), &err);
	return next;
}

static inline void
apply_define(Catalog *catalog, TableDef *def, uint64_t seq)
{
	CatalogChange *change = NULL;
	Error err = ERROR_INIT;
	ok(catalog_change_define(def, &change, &err), &err);
	catalog_apply(catalog, change, seq);
}

static inline void
apply_drop(Catalog *catalog, uint32_t id, uint64_t seq)
{
	CatalogChange *change = NULL;
	Error err = ERROR_INIT;
	ok(catalog_change_drop(id, &change, &err), &err);
	catalog_apply(catalog, change, seq);
}

static inline FileMeta
file_of(uint32_t table, uint64_t segment, uint64_t min_seq, uint64_t max_seq)
{
	return (FileMeta){
		.segment_id = segment,
		.table_id = table,
		.table_version = 1,
		.level = 0,
		.rows = 100,
		.bytes = 1234,
		.footer_bytes = 56,
		.hash = {UINT64_MAX, 2},
		.min_time = -5,
		.max_time = INT64_MAX,
		.min_seq = min_seq,
		.max_seq = max_seq,
		.created_ns = 11,
		.sealed_ns = 12,
		.late_min = 1,
	};
}

static inline Status
publish_file(Catalog *catalog, const FileMeta *file, Error *err)
{
	CatalogFlushed flushed = {file->table_id, file->max_seq, 0};
	CatalogEdit edit = {.files = file, .file_count = 1, .flushed = &flushed, .flushed_count = 1};
	return catalog_publish(catalog, &edit, err);
}
