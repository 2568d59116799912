// embedded_writer.c - rows of a collection, buffered one by one and committed together: when there
// are enough of them, when the first has waited long enough, or when it is asked for.
//
// The caller fills one row; ending it moves it into the buffer under `lock`. Who has the buffer
// full, or the writer's own thread when the time has come, makes a commit of it and goes on while
// it is synced. Commits are made under `lock`, so they are stored in the order of rows; what is
// under way is counted under `acks`, since who holds `lock` may wait for memory or for commits.

#include <inttypes.h>

#include "base/mem.h"
#include "engine/bulk.h"
#include "engine/embedded_int.h"
#include "os/clock.h"

enum {
	USUAL_ROWS = 1000,
	USUAL_WAIT_NS = 1000 * 1000,
	MOST_BYTES = 8 << 20, // of a commit, but for its last row
	MOST_IN_FLIGHT = 16,  // commits; then the caller waits
};

struct mobius_writer {
	mobius *db;
	Schema *schema; // of the rows; a reference
	int32_t time;   // its column; -1: none
	int32_t key;    // the same of ids, which are given where they are not set
	InsertPlan plan;
	int64_t most_rows;
	int64_t wait_ns;
	mobius_value *row; // the caller's thread: the row that is being filled

	pthread_mutex_t lock; // guards the next four
	Builder *builder;
	int64_t rows;
	int64_t began_ns; // when the first of them came
	bool closing;
	Thread *thread;
	Signal wake;

	pthread_mutex_t acks; // guards the rest; taken after `lock`
	pthread_cond_t settled;
	int32_t in_flight;
	bool failed;
	Error error;
};

typedef struct WriterCommit {
	Commit commit;
	mobius_writer *writer; // until done
} WriterCommit;

// ---- failing: once it has failed, nothing more is stored ----

static void
writer_fail(mobius_writer *writer, Status status, const Error *err)
{
	pthread_mutex_lock(&writer->acks);
	if (!writer->failed) {
		writer->failed = true;
		writer->error = *err;
		writer->error.code = status;
	}
	pthread_mutex_unlock(&writer->acks);
}

static Status
check_failed(mobius_writer *writer, Error *err)
{
	pthread_mutex_lock(&writer->acks);
	bool failed = writer->failed;
	if (failed)
		*err = writer->error;
	pthread_mutex_unlock(&writer->acks);
	return failed ? err->code : ST_OK;
}

// ---- commits ----

static bool
commit_admit(Commit *commit)
{
	Error none;
	return check_failed(((WriterCommit *)commit)->writer, &none) == ST_OK;
}

static void
commit_done(Commit *commit, Status status, const Error *err)
{
	mobius_writer *writer = ((WriterCommit *)commit)->writer;
	if (status != ST_OK)
		writer_fail(writer, status, err);
	pthread_mutex_lock(&writer->acks);
	writer->in_flight--;
	pthread_cond_broadcast(&writer->settled);
	pthread_mutex_unlock(&writer->acks);
}

static void
commit_release(Commit *commit)
{
	commit_entry_close(&commit->entry);
	mem_free(commit);
}

static void
wait_in_flight(mobius_writer *writer, int32_t most)
{
	pthread_mutex_lock(&writer->acks);
	while (writer->in_flight > most)
		pthread_cond_wait(&writer->settled, &writer->acks);
	pthread_mutex_unlock(&writer->acks);
}

// Behind all that came before it.
static Status
submit_bulk(mobius_writer *writer, Batch *converted, Error *err)
{
	wait_in_flight(writer, 0);
	TRY(check_failed(writer, err));
	return bulk_commit(writer->db, &writer->plan, converted, &(InsertSource){0}, NULL, err);
}

static Status
submit(mobius_writer *writer, Batch *converted, uint64_t cost, Error *err)
{
	WriterCommit *made = mem_alloc(sizeof(*made));
	Status st = made == NULL ? error_no_memory(err, "a commit")
							 : insert_entry(writer->db, &writer->plan, converted,
											&(InsertSource){0}, cost, &made->commit.entry, err);
	if (st != ST_OK) {
		budget_release(writer->db->memtable, cost);
		mem_free(made);
		return st;
	}
	if (bulk_is_needed(writer->db, made->commit.entry.wal.length, cost)) {
		commit_entry_close(&made->commit.entry);
		mem_free(made);
		return submit_bulk(writer, converted, err);
	}
	made->writer = writer;
	made->commit.admit = commit_admit;
	made->commit.done = commit_done;
	made->commit.release = commit_release;
	wait_in_flight(writer, MOST_IN_FLIGHT - 1);
	pthread_mutex_lock(&writer->acks);
	writer->in_flight++;
	pthread_mutex_unlock(&writer->acks);
	conductor_submit(writer->db->conductor, &made->commit);
	return ST_OK;
}

static Status
commit_rows(mobius_writer *writer, Error *err)
{
	SCOPED(batch_drop) Batch *batch = NULL;
	SCOPED(batch_drop) Batch *converted = NULL;
	int64_t expired, first_id;
	uint64_t cost;
	TRY(builder_finish(writer->builder, writer->rows, &batch, err));
	TRY(insert_convert(writer->db, &writer->plan, batch, &converted, &first_id, err));
	TRY(insert_expire(writer->db, &writer->plan, &converted, &expired, err));
	if (converted == NULL)
		return ST_OK;
	TRY(insert_check(writer->db, &writer->plan, converted, &cost, err));
	if (bulk_is_needed(writer->db, batch_bytes(converted), cost))
		return submit_bulk(writer, converted, err);
	TRY(insert_reserve(writer->db, cost, true, err));
	return submit(writer, converted, cost, err);
}

// Under the lock.
static void
commit_buffer(mobius_writer *writer)
{
	Error e = ERROR_INIT;
	Status st = writer->rows > 0 ? check_failed(writer, &e) : ST_OK;
	if (st == ST_OK && writer->rows > 0)
		st = commit_rows(writer, &e);
	if (st != ST_OK)
		writer_fail(writer, st, &e);
	writer->rows = 0;
}

// The writer's own thread.
static void
commit_in_time(void *arg)
{
	mobius_writer *writer = arg;
	for (bool closing = false; !closing;) {
		int64_t due = INT64_MAX;
		pthread_mutex_lock(&writer->lock);
		closing = writer->closing;
		if (writer->rows > 0)
			due = writer->began_ns + writer->wait_ns;
		if (due <= clock_mono_ns()) {
			commit_buffer(writer);
			due = INT64_MAX;
		}
		pthread_mutex_unlock(&writer->lock);
		if (!closing)
			(void)signal_wait(&writer->wake, due);
	}
}

// ---- open and close ----

static void
writer_drop(mobius_writer **writer)
{
	mobius_writer_close(*writer);
}

static Status
prepare(mobius_writer *writer, const mobius_collection *collection, Error *err)
{
	SCOPED(table_def_drop) TableDef *def = table_current(collection->table);
	writer->schema = schema_ref(table_schema(def));
	writer->time = table_time_column(def);
	writer->key = table_key_column(def);
	size_t count = (size_t)schema_field_count(writer->schema);
	writer->row = mem_alloc_array(count + 1, sizeof(*writer->row));
	if (writer->row == NULL)
		return error_no_memory(err, "a writer");
	PutTarget target = {.database = table_database(def),
						.table = table_name(def),
						.wire = writer->schema,
						.decoded = writer->schema,
						.only = collection->table};
	SCOPED(table_drop_ref) Table *table = NULL;
	SCOPED(shape_drop) Shape *shape = NULL;
	TRY(define_for_put(writer->db, &target, &table, &shape, err));
	insert_plan_init(&writer->plan, table, shape, writer->schema);
	TRY(builder_new(writer->schema, &writer->builder, err));
	builder_use_pool(writer->builder, writer->db->pool);
	return ST_OK;
}

static Status
writer_open(const mobius_collection *collection, const mobius_writer_options *options,
			mobius_writer **out, Error *err)
{
	TRY(embedded_collection_check(collection, err));
	if (options != NULL && (options->rows < 0 || options->wait_ns < 0))
		return error_set(err, ST_INVALID,
						 "rows and wait_ns of a writer must not be negative; 0 is the usual");
	SCOPED(writer_drop) mobius_writer *writer = mem_alloc(sizeof(*writer));
	if (writer == NULL)
		return error_no_memory(err, "a writer");
	writer->db = collection->db;
	writer->most_rows = options != NULL && options->rows > 0 ? options->rows : USUAL_ROWS;
	writer->wait_ns = options != NULL && options->wait_ns > 0 ? options->wait_ns : USUAL_WAIT_NS;
	pthread_mutex_init(&writer->lock, NULL);
	pthread_mutex_init(&writer->acks, NULL);
	pthread_cond_init(&writer->settled, NULL);
	signal_init(&writer->wake);
	TRY(prepare(writer, collection, err));
	const ThreadOptions thread = {.name = "writer", .stack_bytes = 8 << 20};
	TRY(thread_start(&thread, commit_in_time, writer, &writer->thread, err));
	*out = TAKE(writer);
	return ST_OK;
}

mobius_status
mobius_writer_open(mobius_collection *collection, const mobius_writer_options *options,
				   mobius_writer **out, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(writer_open(collection, options, out, &e), &e, err);
}

void
mobius_writer_close(mobius_writer *writer)
{
	if (writer == NULL)
		return;
	pthread_mutex_lock(&writer->lock);
	commit_buffer(writer);
	writer->closing = true;
	pthread_mutex_unlock(&writer->lock);
	signal_raise(&writer->wake);
	thread_join(writer->thread);
	wait_in_flight(writer, 0);
	builder_free(writer->builder);
	insert_plan_close(&writer->plan);
	schema_unref(writer->schema);
	mem_free(writer->row);
	signal_close(&writer->wake);
	pthread_mutex_destroy(&writer->lock);
	pthread_mutex_destroy(&writer->acks);
	pthread_cond_destroy(&writer->settled);
	mem_free(writer);
}

// ---- values ----

mobius_status
mobius_writer_set(mobius_writer *writer, int32_t column, mobius_value value, mobius_error *err)
{
	Error e = ERROR_INIT;
	Status st;
	if (column < 0 || column >= schema_field_count(writer->schema))
		st = error_set(&e, ST_INVALID, "a writer has no column %" PRId32 "; it has 0 to %" PRId32,
					   column, schema_field_count(writer->schema) - 1);
	else
		st = embedded_value_check(schema_field(writer->schema, column), &value, &e);
	if (st == ST_OK)
		writer->row[column] = value;
	return error_out(st, &e, err);
}

int32_t
mobius_writer_column(const mobius_writer *writer, const char *name)
{
	return schema_find(writer->schema, name);
}

// ---- rows ----

static Status
check_row(const mobius_writer *writer, Error *err)
{
	for (int32_t i = 0; i < schema_field_count(writer->schema); i++) {
		const Field *field = schema_field(writer->schema, i);
		bool needed = i == writer->time || (!field->nullable && i != writer->key);
		if (needed && writer->row[i].type == MOBIUS_VALUE_NULL)
			return embedded_value_refuse(field, "was not set; every row has it", err);
	}
	return ST_OK;
}

static void
add_row(mobius_writer *writer)
{
	int32_t count = schema_field_count(writer->schema);
	pthread_mutex_lock(&writer->lock);
	for (int32_t i = 0; i < count; i++)
		embedded_value_add(&writer->row[i], builder_column(writer->builder, i));
	bool first = writer->rows++ == 0;
	if (first)
		writer->began_ns = clock_mono_ns();
	if (writer->rows >= writer->most_rows || builder_bytes(writer->builder) >= MOST_BYTES)
		commit_buffer(writer);
	pthread_mutex_unlock(&writer->lock);
	if (first)
		signal_raise(&writer->wake);
}

mobius_status
mobius_writer_end_row(mobius_writer *writer, mobius_error *err)
{
	Error e = ERROR_INIT;
	Status st = check_row(writer, &e);
	if (st == ST_OK)
		st = check_failed(writer, &e);
	if (st == ST_OK)
		add_row(writer);
	for (int32_t i = 0; i < schema_field_count(writer->schema); i++)
		writer->row[i] = (mobius_value){0};
	return error_out(st, &e, err);
}

mobius_status
mobius_writer_flush(mobius_writer *writer, mobius_error *err)
{
	Error e = ERROR_INIT;
	pthread_mutex_lock(&writer->lock);
	commit_buffer(writer);
	pthread_mutex_unlock(&writer->lock);
	wait_in_flight(writer, 0);
	return error_out(check_failed(writer, &e), &e, err);
}
