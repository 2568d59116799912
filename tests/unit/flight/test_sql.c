// The payloads of Flight SQL, against generated code of another maker.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/mem.h"
#include "flight/flight_sql.h"
#include "flight/sql_listing.h"
#include "flight_sql.pb-c.h"

#define PB(name) Arrow__Flight__Protocol__Sql__##name
#define PREFIX   "type.googleapis.com/arrow.flight.protocol.sql."

static void
assert_slice(Slice got, const char *want)
{
	assert_int_equal(got.len, strlen(want));
	if (got.len > 0)
		assert_memory_equal(got.data, want, got.len);
}

static Slice
pack_any(const char *url, Slice value, uint8_t *out)
{
	PB(Any) any = ARROW__FLIGHT__PROTOCOL__SQL__ANY__INIT;
	any.type_url = (char *)(uintptr_t)url;
	any.has_value = value.len > 0;
	any.value = (ProtobufCBinaryData){value.len, (uint8_t *)(uintptr_t)value.data};
	return slice_of(out, arrow__flight__protocol__sql__any__pack(&any, out));
}

static const struct {
	const char *name;
	SqlCommandKind kind;
	bool is_text;
} KINDS[] = {
	{"CommandStatementQuery", SQL_STATEMENT_QUERY, true},
	{"CommandStatementUpdate", SQL_STATEMENT_UPDATE, true},
	{"CommandPreparedStatementQuery", SQL_PREPARED_QUERY, false},
	{"CommandPreparedStatementUpdate", SQL_PREPARED_UPDATE, false},
	{"TicketStatementQuery", SQL_STATEMENT_TICKET, false},
	{"ActionCreatePreparedStatementRequest", SQL_CREATE_PREPARED, true},
	{"ActionClosePreparedStatementRequest", SQL_CLOSE_PREPARED, false},
};

static void
each_kind_reads_its_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(KINDS); i++) {
		char url[128];
		uint8_t bytes[256];
		snprintf(url, sizeof(url), PREFIX "%s", KINDS[i].name);
		SqlCommand got;
		Slice any = pack_any(url,
							 slice_text("\x0A\x05"
										"first\x12\x06"
										"second\x1D"
										"four"),
							 bytes);
		assert_int_equal(flight_sql_decode(any, &got, NULL), ST_OK);
		assert_int_equal(got.kind, KINDS[i].kind);
		assert_slice(got.name, KINDS[i].name);
		assert_slice(got.query, KINDS[i].is_text ? "first" : "");
		assert_slice(got.handle, KINDS[i].is_text ? "" : "first");
		assert_slice(got.transaction_id, KINDS[i].is_text ? "second" : "");
	}
}

static void
other_messages_are_named_and_left_alone(void **state)
{
	(void)state;
	uint8_t bytes[256];
	SqlCommand got;
	assert_int_equal(
		flight_sql_decode(pack_any(PREFIX "CommandGetSqlInfo", slice_text("\xFFxyz"), bytes), &got,
						  NULL),
		ST_OK);
	assert_int_equal(got.kind, SQL_OTHER);
	assert_slice(got.name, "CommandGetSqlInfo");
	assert_slice(got.value, "\xFFxyz");

	// An empty message may have no value at all, and any host.
	assert_int_equal(flight_sql_decode(pack_any("x.y/arrow.flight.protocol.sql.CommandGetCatalogs",
												(Slice){0}, bytes),
									   &got, NULL),
					 ST_OK);
	assert_int_equal(got.kind, SQL_GET_CATALOGS);
	assert_int_equal(got.value.len, 0);
}

static void
questions_about_tables_are_read(void **state)
{
	(void)state;
	uint8_t bytes[256];
	SqlCommand got;
	Slice any = pack_any(PREFIX "CommandGetTables",
						 slice_text("\x0A\x01"
									"c\x12\x02s%\x1A\x01t\x22\x05table\x22\x04view\x28\x01"),
						 bytes);
	assert_int_equal(flight_sql_decode(any, &got, NULL), ST_OK);
	assert_int_equal(got.kind, SQL_GET_TABLES);
	assert_true(got.catalog.given && got.db_schema.given && got.table.given && got.include_schema);
	assert_slice(got.catalog.text, "c");
	assert_slice(got.db_schema.text, "s%");
	assert_slice(got.table.text, "t");
	assert_true(flight_sql_wants_type(&got, "TABLE"));
	assert_false(flight_sql_wants_type(&got, "BASE TABLE"));

	// Absent is not empty.
	any = pack_any(PREFIX "CommandGetDbSchemas",
				   slice_text("\x0A\x01"
							  "c\x12\x01%"),
				   bytes);
	assert_int_equal(flight_sql_decode(any, &got, NULL), ST_OK);
	assert_int_equal(got.kind, SQL_GET_DB_SCHEMAS);
	assert_true(got.catalog.given && got.db_schema.given && !got.table.given);
	any = pack_any(PREFIX "CommandGetTables", slice_of("\x0A\x00", 2), bytes);
	assert_int_equal(flight_sql_decode(any, &got, NULL), ST_OK);
	assert_true(got.catalog.given && !got.db_schema.given && !got.include_schema);
	assert_true(flight_sql_wants_type(&got, "TABLE"));

	Error err = ERROR_INIT;
	any = pack_any(PREFIX "CommandGetTables", slice_text("\x1A\x01\xE4"), bytes);
	assert_int_equal(flight_sql_decode(any, &got, &err), ST_INVALID);
	assert_non_null(strstr(err.text, "UTF-8"));
}

static void
an_ingest_is_read(void **state)
{
	(void)state;
	uint8_t bytes[256];
	SqlCommand got;
	Slice any = pack_any(PREFIX "CommandStatementIngest",
						 slice_text("\x0A\x04\x08\x01\x10\x02\x12\x01t\x1A\x01s\x22\x01"
									"c\x28\x01\x32\x02tx"),
						 bytes);
	assert_int_equal(flight_sql_decode(any, &got, NULL), ST_OK);
	assert_int_equal(got.kind, SQL_STATEMENT_INGEST);
	assert_int_equal(got.if_not, SQL_IF_NOT_CREATE);
	assert_int_equal(got.if_there, SQL_IF_THERE_APPEND);
	assert_slice(got.table.text, "t");
	assert_slice(got.db_schema.text, "s");
	assert_slice(got.catalog.text, "c");
	assert_slice(got.transaction_id, "tx");
	assert_true(got.temporary);
	any = pack_any(PREFIX "CommandStatementIngest", slice_text("\x0A\x02\x10\x09"), bytes);
	assert_int_equal(flight_sql_decode(any, &got, NULL), ST_OK);
	assert_int_equal(got.if_there, SQL_IF_THERE_UNSPECIFIED);
	any = pack_any(PREFIX "CommandStatementIngest", slice_text("\x0A\x02\x10"), bytes);
	assert_int_equal(flight_sql_decode(any, &got, NULL), ST_INVALID);
}

// ---- what there is ----

static int64_t
listed(const SqlCommand *command)
{
	SqlListing *listing = NULL;
	IpcMessage message = IPC_MESSAGE_INIT;
	int64_t rows = -1;
	Error err = ERROR_INIT;
	assert_int_equal(sql_listing_new(command, &listing, &err), ST_OK);
	static const char *const tables[] = {"cpu", "cpu_2", "disk"};
	for (size_t i = 0; i < COUNT_OF(tables); i++)
		sql_listing_add(listing, &(SqlListed){.catalog = i < 2 ? "mobius" : "plant",
											  .db_schema = "htdb",
											  .table = tables[i],
											  .type = "TABLE",
											  .arrow_schema = slice_text("schema")});
	assert_int_equal(sql_listing_take(listing, &message, &rows, &err), ST_OK);
	assert_int_equal(message.metadata.len > 0, rows > 0);
	ipc_message_close(&message);
	assert_int_equal(sql_listing_take(listing, &message, &rows, &err), ST_OK);
	assert_int_equal(rows, 0);
	rows = -1;
	sql_listing_add(listing, &(SqlListed){"mobius", "htdb", "cpu", "TABLE", {0}});
	assert_int_equal(sql_listing_take(listing, &message, &rows, &err), ST_OK);
	ipc_message_close(&message);
	sql_listing_free(listing);
	return rows;
}

static void
a_listing_has_what_was_asked_for(void **state)
{
	(void)state;
	const SqlText plant = {true, slice_text("plant")}, cpu = {true, slice_text("cp_")};
	const SqlText none = {true, {0}};
	assert_int_equal(listed(&(SqlCommand){.kind = SQL_GET_TABLES}), 1);
	assert_int_equal(listed(&(SqlCommand){.kind = SQL_GET_TABLES, .include_schema = true}), 1);
	assert_int_equal(listed(&(SqlCommand){.kind = SQL_GET_TABLES, .catalog = plant}), 0);
	assert_int_equal(listed(&(SqlCommand){.kind = SQL_GET_TABLES, .catalog = none}), 0);
	assert_int_equal(listed(&(SqlCommand){.kind = SQL_GET_TABLES, .table = cpu}), 1);
	assert_int_equal(listed(&(SqlCommand){.kind = SQL_GET_DB_SCHEMAS, .db_schema = cpu}), 0);
	assert_int_equal(listed(&(SqlCommand){.kind = SQL_GET_CATALOGS}), 1);
	SqlCommand views = {.kind = SQL_GET_TABLES, .value = slice_text("\x22\x04VIEW")};
	assert_int_equal(listed(&views), 0);
	views.value = slice_text("\x22\x0A"
							 "base table");
	assert_int_equal(listed(&views), 1);
	assert_int_equal(listed(&(SqlCommand){.kind = SQL_GET_TABLE_TYPES}), 1);
	assert_false(sql_listing_answers(&(SqlCommand){.kind = SQL_OTHER}));
	assert_int_equal(mem_live(), 0);
}

static void
a_listing_undoes_itself_on_every_fault(void **state)
{
	(void)state;
	const SqlCommand command = {.kind = SQL_GET_TABLES, .include_schema = true};
	for (long nth = 0;; nth++) {
		fault_arm(nth);
		SqlListing *listing = NULL;
		IpcMessage message = IPC_MESSAGE_INIT;
		Buf schema = BUF_INIT;
		int64_t rows;
		Status st = sql_listing_new(&command, &listing, NULL);
		if (st == ST_OK) {
			sql_listing_add(listing, &(SqlListed){"c", "s", "t", "TABLE", slice_text("x")});
			st = sql_listing_begin(listing, &schema, NULL);
		}
		if (st == ST_OK)
			st = sql_listing_take(listing, &message, &rows, NULL);
		bool faulted = fault_disarm();
		ipc_message_close(&message);
		buf_close(&schema);
		sql_listing_free(listing);
		assert_int_equal(mem_live(), 0);
		if (!faulted) {
			assert_int_equal(st, ST_OK);
			return;
		}
		assert_int_equal(st, ST_NO_MEMORY);
	}
}

static void
what_is_no_message_of_flight_sql_is_none(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"SELECT 1",
		"\nSELECT 1",
		"{\"database\": \"d\", \"sql_query\": \"SELECT 1\"}",
		"\xFFticket",
		"\x12\x01v", // an Any without a type
		"\x0A\x04"
		"a/bc", // of another type
		"\x0A\x1A"
		"arrow.flight.protocol.sql.", // without a name
	};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		SqlCommand got;
		assert_int_equal(flight_sql_decode(slice_text(texts[i]), &got, NULL), ST_OK);
		assert_int_equal(got.kind, SQL_NONE);
		assert_int_equal(got.name.len, 0);
	}
}

static void
a_wrong_message_of_ours_is_refused_by_name(void **state)
{
	(void)state;
	uint8_t bytes[256];
	SqlCommand got;
	Error err = ERROR_INIT;
	Slice cut = pack_any(PREFIX "CommandStatementQuery",
						 slice_text("\x0A\x05"
									"firs"),
						 bytes);
	assert_int_equal(flight_sql_decode(cut, &got, &err), ST_INVALID);
	assert_non_null(strstr(err.text, "CommandStatementQuery"));
	Slice latin = pack_any(PREFIX "CommandStatementQuery", slice_text("\x0A\x01\xE4"), bytes);
	assert_int_equal(flight_sql_decode(latin, &got, &err), ST_INVALID);
	assert_non_null(strstr(err.text, "UTF-8"));
}

static void
a_message_cut_anywhere_is_harmless(void **state)
{
	(void)state;
	uint8_t bytes[256];
	Slice any = pack_any(PREFIX "CommandStatementQuery",
						 slice_text("\x0A\x05"
									"first\x12\x06"
									"second"),
						 bytes);
	for (size_t len = 0; len < any.len; len++) {
		SCOPED(mem_drop) uint8_t *cut = mem_copy(any.data, len);
		SqlCommand got = {0};
		Status status = flight_sql_decode(slice_of(cut, len), &got, NULL);
		assert_int_equal(status, ST_OK); // whole it is ours, cut it is no Any or has no value
		assert_int_equal(got.query.len, 0);
	}
}

static void
a_ticket_has_the_bytes_of_the_specification(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	flight_sql_ticket(&bytes, slice_text("h"));
	assert_slice(buf_slice(&bytes), "\x0A\x42" PREFIX "TicketStatementQuery"
									"\x12\x03\x0A\x01h");
	SqlCommand got;
	assert_int_equal(flight_sql_decode(buf_slice(&bytes), &got, NULL), ST_OK);
	assert_int_equal(got.kind, SQL_STATEMENT_TICKET);
	assert_slice(got.handle, "h");
}

static void
a_prepared_result_says_is_update_and_omits_empty_schemas(void **state)
{
	(void)state;
	for (int is_update = 0; is_update < 2; is_update++) {
		SCOPED(buf_close) Buf bytes = BUF_INIT;
		flight_sql_prepared_result(&bytes, slice_text("h"), (Slice){0}, slice_text("schema"),
								   is_update);
		SqlCommand any;
		assert_int_equal(flight_sql_decode(buf_slice(&bytes), &any, NULL), ST_OK);
		assert_slice(any.name, "ActionCreatePreparedStatementResult");
		PB(ActionCreatePreparedStatementResult) *got =
			arrow__flight__protocol__sql__action_create_prepared_statement_result__unpack(
				NULL, any.value.len, any.value.data);
		assert_non_null(got);
		assert_int_equal(got->prepared_statement_handle.len, 1);
		assert_false(got->has_dataset_schema);
		assert_int_equal(got->parameter_schema.len, 6);
		assert_true(got->has_is_update);
		assert_int_equal(got->is_update, is_update);
		arrow__flight__protocol__sql__action_create_prepared_statement_result__free_unpacked(got,
																							 NULL);
	}
}

static void
any_message_can_be_wrapped(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	flight_sql_wrap(&bytes, "ActionCancelQueryResult", slice_text("\x08\x01"));
	SqlCommand got;
	assert_int_equal(flight_sql_decode(buf_slice(&bytes), &got, NULL), ST_OK);
	assert_int_equal(got.kind, SQL_OTHER);
	assert_slice(got.name, "ActionCancelQueryResult");
	assert_slice(got.value, "\x08\x01");
}

static void
an_update_result_is_bare_and_never_empty(void **state)
{
	(void)state;
	static const struct {
		int64_t count;
		const char *bytes;
		size_t len;
	} cases[] = {
		{10000, "\x08\x90\x4e", 3},
		{0, "\x08\x00", 2},
		{-1, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		SCOPED(buf_close) Buf bytes = BUF_INIT;
		flight_sql_update_result(&bytes, cases[i].count);
		assert_true(slice_equal(buf_slice(&bytes), slice_of(cases[i].bytes, cases[i].len)));
	}
}

static void
short_memory_leaves_nothing_over(void **state)
{
	(void)state;
	for (long nth = 0;; nth++) {
		SCOPED(buf_close) Buf bytes = BUF_INIT;
		fault_arm(nth);
		flight_sql_prepared_result(&bytes, slice_text("h"), slice_text("schema"),
								   slice_text("schema"), false);
		bool happened = fault_disarm();
		assert_int_equal(buf_status(&bytes, NULL, "it"), happened ? ST_NO_MEMORY : ST_OK);
		if (!happened)
			break;
	}
	assert_int_equal(mem_live(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_reads_its_fields),
		cmocka_unit_test(other_messages_are_named_and_left_alone),
		cmocka_unit_test(questions_about_tables_are_read),
		cmocka_unit_test(an_ingest_is_read),
		cmocka_unit_test(a_listing_has_what_was_asked_for),
		cmocka_unit_test(a_listing_undoes_itself_on_every_fault),
		cmocka_unit_test(what_is_no_message_of_flight_sql_is_none),
		cmocka_unit_test(a_wrong_message_of_ours_is_refused_by_name),
		cmocka_unit_test(a_message_cut_anywhere_is_harmless),
		cmocka_unit_test(a_ticket_has_the_bytes_of_the_specification),
		cmocka_unit_test(a_prepared_result_says_is_update_and_omits_empty_schemas),
		cmocka_unit_test(any_message_can_be_wrapped),
		cmocka_unit_test(an_update_result_is_bare_and_never_empty),
		cmocka_unit_test(short_memory_leaves_nothing_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
