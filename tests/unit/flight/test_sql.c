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
		flight_sql_decode(pack_any(PREFIX "CommandGetTables", slice_text("\xFFxyz"), bytes), &got,
						  NULL),
		ST_OK);
	assert_int_equal(got.kind, SQL_OTHER);
	assert_slice(got.name, "CommandGetTables");
	assert_slice(got.value, "\xFFxyz");

	// An empty message may have no value at all, and any host.
	assert_int_equal(flight_sql_decode(pack_any("x.y/arrow.flight.protocol.sql.CommandGetCatalogs",
												(Slice){0}, bytes),
									   &got, NULL),
					 ST_OK);
	assert_int_equal(got.kind, SQL_OTHER);
	assert_int_equal(got.value.len, 0);
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
