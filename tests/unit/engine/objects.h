// objects.h - what the tests of the objects of mobius.h share: handles that close themselves,
// collections of rows that can be told from their numbers.

#pragma once

#include "support.h"

static inline void
database_drop(mobius_database **database)
{
	mobius_database_close(*database);
}

static inline void
collection_drop(mobius_collection **collection)
{
	mobius_collection_close(*collection);
}

static inline void
segment_handle_drop(mobius_segment **segment)
{
	mobius_segment_close(*segment);
}

static inline mobius_database *
database_of(mobius *db, const char *name)
{
	mobius_database *database = NULL;
	mobius_error err = {0};
	fine(mobius_database_open(db, name, &database, &err), &err);
	return database;
}

static inline mobius_status
make_of(Schema *schema, mobius_database *database, const char *name, const char *const *options,
		mobius_collection **out, mobius_error *err)
{
	struct ArrowSchema arrow = {0};
	Error e = ERROR_INIT;
	if (cdata_export_schema(schema, &arrow, &e) != ST_OK) { // the test's own call has failed
		*err = (mobius_error){.code = (mobius_status)e.code, .text = "no memory"};
		return err->code;
	}
	mobius_status st = mobius_create_collection(database, name, &arrow, options, out, err);
	assert_null(arrow.release);
	return st;
}

static inline mobius_status
try_make(mobius_database *database, const char *name, const char *const *options,
		 mobius_collection **out, mobius_error *err)
{
	SCOPED(schema_drop) Schema *schema = rows_schema(true);
	return make_of(schema, database, name, options, out, err);
}

// A collection of time, host, v and w in the database that is there from the start.
static inline mobius_collection *
collection_of(mobius *db, const char *name)
{
	SCOPED(database_drop) mobius_database *database = database_of(db, "mobius");
	mobius_collection *collection = NULL;
	mobius_error err = {0};
	fine(try_make(database, name, NULL, &collection, &err), &err);
	return collection;
}

typedef mobius_status Append(void *object, struct ArrowSchema *schema, struct ArrowArray *array,
							 uint64_t *seq, mobius_error *err);

static inline mobius_status
append_to(void *object, struct ArrowSchema *schema, struct ArrowArray *array, uint64_t *seq,
		  mobius_error *err)
{
	return mobius_collection_append(object, schema, array, seq, err);
}

static inline mobius_status
append_to_segment(void *object, struct ArrowSchema *schema, struct ArrowArray *array, uint64_t *seq,
				  mobius_error *err)
{
	return mobius_segment_append(object, schema, array, seq, err);
}

static inline mobius_status
append_of(Append *append, void *object, Batch *batch, mobius_error *err)
{
	struct ArrowSchema c_schema = {0};
	struct ArrowArray array = {0};
	Error e = ERROR_INIT;
	Status st = cdata_export_schema(batch_schema(batch), &c_schema, &e);
	if (st == ST_OK)
		st = cdata_export_batch(batch, &array, &e);
	if (st != ST_OK) { // the test's own call has failed
		if (c_schema.release != NULL)
			c_schema.release(&c_schema);
		*err = (mobius_error){.code = (mobius_status)st, .text = "no memory"};
		return err->code;
	}
	uint64_t seq = 0;
	mobius_status done = append(object, &c_schema, &array, &seq, err);
	assert_null(c_schema.release);
	assert_null(array.release);
	assert_int_equal(seq > 0, done == MOBIUS_OK);
	return done;
}

static inline mobius_status
try_append(Append *append, void *object, int64_t from, int64_t count, mobius_error *err)
{
	SCOPED(schema_drop) Schema *schema = rows_schema(true);
	SCOPED(batch_drop) Batch *batch = rows_batch(schema, from, count);
	return append_of(append, object, batch, err);
}

static inline void
add_rows(mobius_collection *collection, int64_t from, int64_t count)
{
	mobius_error err = {0};
	fine(try_append(append_to, collection, from, count, &err), &err);
}

static inline int64_t
size_of(mobius_collection *collection)
{
	int64_t rows = -1;
	bool empty = false;
	mobius_error err = {0};
	fine(mobius_collection_size(collection, &rows, &err), &err);
	fine(mobius_collection_empty(collection, &empty, &err), &err);
	assert_int_equal(empty, rows == 0);
	return rows;
}
