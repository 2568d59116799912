// Opening an instance: options that must be there from the start, then settings, functions and
// macros, and at the end the locks, in the order that holds: enable_external_access freezes the
// allowed directories, lock_configuration everything else.

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "duck/duck_int.h"
#include "duck/scan_int.h"

// Sorts and joins may spill this many times their memory: a query must not fill the disk.
enum { SPILL_FACTOR = 8 };

static const char *const settings[] = {
	"SET GLOBAL TimeZone = 'UTC'",
	// Rows of one scan come in its order, which costs streamed results nothing.
	"SET GLOBAL preserve_insertion_order = true",
	"SET GLOBAL parquet_metadata_cache = true",
	// A file name is never used again, so what is cached under it stays true.
	"SET GLOBAL validate_external_file_cache = 'NO_VALIDATION'",

	// Instants without a zone, so that they compare with every timestamp unit and are pushed down.
	"CREATE MACRO now() AS (system.main.now()::TIMESTAMP)",
	"CREATE MACRO transaction_timestamp() AS (system.main.now()::TIMESTAMP)",
	"CREATE MACRO get_current_timestamp() AS (system.main.now()::TIMESTAMP)",
	"CREATE MACRO current_timestamp() AS (system.main.now()::TIMESTAMP)",
	"CREATE MACRO to_timestamp(x) AS (system.main.to_timestamp(x)::TIMESTAMP)",
};

static const char *const locks[] = {
	"SET enable_external_access = false",
	"SET lock_configuration = true",
};

static Status
set_option(duckdb_config config, const char *name, const char *value, Error *err)
{
	if (duckdb_set_config(config, name, value) != DuckDBSuccess)
		return error_set(err, ST_INTERNAL, "DuckDB does not take %s = '%s'", name, value);
	return ST_OK;
}

static Status
set_options(duckdb_config config, const DuckOptions *options, Error *err)
{
	static const char *const fixed[][2] = {
		{"allow_community_extensions", "false"},
		{"allow_persistent_secrets", "false"},
		{"autoinstall_known_extensions", "false"},
		{"autoload_known_extensions", "false"},
		{"errors_as_json", "true"},
		{"ieee_floating_point_ops", "false"},
	};
	for (size_t i = 0; i < COUNT_OF(fixed); i++)
		TRY(set_option(config, fixed[i][0], fixed[i][1], err));

	char text[32];
	snprintf(text, sizeof(text), "%d", options->threads > 0 ? options->threads : 1);
	TRY(set_option(config, "threads", text, err));
	snprintf(text, sizeof(text), "%" PRIu64 "B", options->memory_bytes);
	TRY(set_option(config, "memory_limit", text, err));
	if (options->temp_dir == NULL)
		return set_option(config, "temp_directory", "", err);
	snprintf(text, sizeof(text), "%" PRIu64 "B", options->memory_bytes * SPILL_FACTOR);
	TRY(set_option(config, "max_temp_directory_size", text, err));
	return set_option(config, "temp_directory", options->temp_dir, err);
}

static Status
open_database(Duck *duck, const DuckOptions *options, Error *err)
{
	SCOPED(duckdb_destroy_config) duckdb_config config = NULL;
	if (duckdb_create_config(&config) != DuckDBSuccess)
		return error_no_memory(err, "DuckDB's options");
	TRY(set_options(config, options, err));

	char *message = NULL;
	if (duckdb_open_ext(NULL, &duck->db, config, &message) == DuckDBSuccess)
		return ST_OK;
	Status st = duck_error(duck, message, err);
	duckdb_free(message);
	(void)error_prefix(err, "DuckDB does not open");
	return st;
}

static Status
run_all(DuckConn *conn, const char *const *statements, size_t count, Error *err)
{
	for (size_t i = 0; i < count; i++)
		TRY(duck_run(conn, statements[i], err));
	return ST_OK;
}

static Status
allow_directory(DuckConn *conn, const char *dir, Error *err)
{
	SCOPED(buf_close) Buf path = BUF_INIT;
	buf_add_text(&path, dir);
	if (path.len > 0 && path.data[path.len - 1] != '/')
		buf_add_byte(&path, '/');
	TRY(buf_status(&path, err, "DuckDB's options"));

	SCOPED(buf_close) Buf sql = BUF_INIT;
	buf_add_text(&sql, "SET allowed_directories = [");
	text_quote(&sql, slice_text(buf_text(&path)), '\'');
	buf_add_text(&sql, "]");
	TRY(buf_status(&sql, err, "DuckDB's options"));
	return duck_run(conn, buf_text(&sql), err);
}

static Status
connect_open(Duck *duck, DuckConn **out, Error *err)
{
	SCOPED(duck_conn_drop) DuckConn *conn = mem_alloc(sizeof(*conn));
	if (conn == NULL)
		return error_no_memory(err, "a DuckDB connection");
	conn->duck = duck;
	atomic_fetch_add(&duck->conns, 1);
	if (duckdb_connect(duck->db, &conn->conn) != DuckDBSuccess)
		return error_set(err, ST_INTERNAL, "DuckDB does not connect");

	*out = TAKE(conn);
	return ST_OK;
}

static Status
prepare_database(Duck *duck, const DuckOptions *options, Error *err)
{
	SCOPED(duck_conn_drop) DuckConn *conn = NULL;
	TRY(connect_open(duck, &conn, err));
	TRY(scan_register(duck, conn->conn, err));
	TRY(feed_register(duck, conn->conn, err));
	TRY(alive_register(duck, conn->conn, err));
	TRY(duck_register_file_function(conn->conn, err));
	TRY(duck_register_bucket(conn->conn, err));
	TRY(run_all(conn, settings, COUNT_OF(settings), err));
	if (options->allowed_dir != NULL)
		TRY(allow_directory(conn, options->allowed_dir, err));
	return run_all(conn, locks, COUNT_OF(locks), err);
}

// A failure leaves nothing open.
static Status
open_and_prepare(Duck *duck, Error *err)
{
	duck->trusted = true; // until its own statements have run
	Status st = open_database(duck, &duck->options, err);
	if (st == ST_OK)
		st = prepare_database(duck, &duck->options, err);
	duck->trusted = duck->options.trusted;
	if (st != ST_OK)
		duckdb_close(&duck->db);
	return st;
}

// A poisoned one is opened again once nobody is connected. With the lock `opening`.
static Status
ensure_open(Duck *duck, Error *err)
{
	if (duck->open && atomic_load(&duck->poisoned) && atomic_load(&duck->conns) == 0) {
		duckdb_close(&duck->db);
		duck->open = false;
		atomic_store(&duck->poisoned, false);
	}
	if (duck->open)
		return ST_OK;
	TRY(open_and_prepare(duck, err));
	duck->open = true;
	return ST_OK;
}

static Status
keep_options(Duck *duck, const DuckOptions *options, Error *err)
{
	duck->options = *options;
	duck->temp_dir = options->temp_dir != NULL ? mem_strdup(options->temp_dir) : NULL;
	duck->allowed_dir = options->allowed_dir != NULL ? mem_strdup(options->allowed_dir) : NULL;
	if ((options->temp_dir != NULL && duck->temp_dir == NULL) ||
		(options->allowed_dir != NULL && duck->allowed_dir == NULL))
		return error_no_memory(err, "a DuckDB instance");
	duck->options.temp_dir = duck->temp_dir;
	duck->options.allowed_dir = duck->allowed_dir;
	return ST_OK;
}

Status
duck_open(const DuckOptions *options, Duck **out, Error *err)
{
	SCOPED(duck_drop) Duck *duck = mem_alloc(sizeof(*duck));
	if (duck == NULL)
		return error_no_memory(err, "a DuckDB instance");
	pthread_mutex_init(&duck->lock, NULL);
	pthread_mutex_init(&duck->opening, NULL);
	duck->next_slot = 1;
	TRY(keep_options(duck, options, err));
	if (!options->later)
		TRY(ensure_open(duck, err));
	*out = TAKE(duck);
	return ST_OK;
}

void
duck_close(Duck *duck)
{
	if (duck == NULL)
		return;
	for (size_t i = 0; i < SLOT_BUCKETS; i++)
		assert(duck->slots[i] == NULL); // a slot is freed before its instance
	duckdb_close(&duck->db);
	pthread_mutex_destroy(&duck->lock);
	pthread_mutex_destroy(&duck->opening);
	mem_free(duck->temp_dir);
	mem_free(duck->allowed_dir);
	mem_free(duck);
}

Status
duck_connect(Duck *duck, DuckConn **out, Error *err)
{
	// Whoever comes first opens it; the others wait.
	pthread_mutex_lock(&duck->opening);
	Status st = ensure_open(duck, err);
	if (st == ST_OK)
		st = connect_open(duck, out, err);
	pthread_mutex_unlock(&duck->opening);
	return st;
}

void
duck_disconnect(DuckConn *conn)
{
	if (conn == NULL)
		return;
	duckdb_destroy_prepare(&conn->parser);
	duckdb_disconnect(&conn->conn);
	atomic_fetch_sub(&conn->duck->conns, 1);
	mem_free(conn);
}

void
duck_interrupt(DuckConn *conn)
{
	duckdb_interrupt(conn->conn);
}

bool
duck_conn_poisoned(const DuckConn *conn)
{
	return atomic_load(&conn->duck->poisoned);
}

bool
duck_poisoned(const Duck *duck)
{
	return atomic_load(&duck->poisoned);
}
