// Flight's messages as bytes. Generated code of another maker reads what is written here, and
// writes what is read.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/fault.h"
#include "base/mem.h"
#include "flight.pb-c.h"
#include "flight/codec.h"

#define PB(name) Arrow__Flight__Protocol__##name

static void
assert_slice(Slice got, const char *want)
{
	assert_int_equal(got.len, strlen(want));
	if (got.len > 0)
		assert_memory_equal(got.data, want, got.len);
}

static void
assert_binary(ProtobufCBinaryData got, const char *want)
{
	assert_slice(slice_of(got.data, got.len), want);
}

// A copy in a block of its own size: reading past its end is seen.
static Bytes *
exact(Slice bytes)
{
	return bytes_wrap(mem_copy(bytes.data, bytes.len), bytes.len, NULL, NULL);
}

static void
exact_free(Bytes **bytes)
{
	void *data = bytes_data(*bytes);
	bytes_unref(*bytes);
	mem_free(data);
}

// ---- descriptors ----

static const Slice PATH[] = {
	{(const uint8_t *)"htdb", 4}, {(const uint8_t *)"", 0}, {(const uint8_t *)"größe", 7}};

static void
a_descriptor_reads_as_it_was_written(void **state)
{
	(void)state;
	FlightDescriptor cases[] = {
		{0},
		{.type = DESCRIPTOR_CMD, .cmd = slice_text("SELECT 1")},
		{.type = DESCRIPTOR_PATH, .path = PATH, .path_count = COUNT_OF(PATH)},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		SCOPED(buf_close) Buf bytes = BUF_INIT;
		flight_descriptor_encode(&bytes, &cases[i]);
		FlightDescriptor got;
		SCOPED(mem_drop) Slice *storage = NULL;
		assert_int_equal(flight_descriptor_decode(buf_slice(&bytes), &got, &storage, NULL), ST_OK);
		assert_int_equal(got.type, cases[i].type);
		assert_true(slice_equal(got.cmd, cases[i].cmd));
		assert_int_equal(got.path_count, cases[i].path_count);
		for (size_t k = 0; k < got.path_count; k++)
			assert_true(slice_equal(got.path[k], cases[i].path[k]));
	}
}

static void
a_descriptor_has_the_bytes_of_the_specification(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	flight_descriptor_encode(
		&bytes, &(FlightDescriptor){.type = DESCRIPTOR_CMD, .cmd = slice_text("ordered")});
	assert_slice(buf_slice(&bytes), "\x08\x02\x12\x07ordered");
}

static void
a_descriptor_cut_anywhere_is_an_error_or_a_shorter_one(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	flight_descriptor_encode(&bytes, &(FlightDescriptor){.type = DESCRIPTOR_PATH,
														 .cmd = slice_text("cmd"),
														 .path = PATH,
														 .path_count = COUNT_OF(PATH)});
	size_t fine = 0;
	for (size_t len = 0; len < bytes.len; len++) {
		SCOPED(exact_free) Bytes *cut = exact(slice_of(bytes.data, len));
		SCOPED(mem_drop) Slice *storage = NULL;
		FlightDescriptor got;
		Error err = ERROR_INIT;
		Status status = flight_descriptor_decode(bytes_slice(cut), &got, &storage, &err);
		assert_true(status == ST_OK || (status == ST_INVALID && err.text[0] != '\0'));
		fine += status == ST_OK;
	}
	assert_int_equal(fine, 5); // after nothing, the type, the cmd and two parts of the path
}

static void
a_descriptor_passes_by_what_it_does_not_know(void **state)
{
	(void)state;
	// 9: varint, 10: eight bytes, 11: bytes, 12: four bytes, 1: bytes where a number belongs; type
	// 7
	static const uint8_t bytes[] = {0x48, 1,    0x51, 1,   2,    3, 4,   5,    6, 7,
									8,    0x5A, 1,    'x', 0x65, 1, 2,   3,    4, 0x0A,
									1,    2,    0x08, 7,   0x12, 1, 'a', 0x12, 1, 'b'};
	FlightDescriptor got;
	Slice *storage = NULL;
	assert_int_equal(flight_descriptor_decode(slice_of(bytes, sizeof(bytes)), &got, &storage, NULL),
					 ST_OK);
	assert_int_equal(got.type, DESCRIPTOR_UNKNOWN);
	assert_slice(got.cmd, "b"); // the last one counts
	assert_null(storage);
}

static void
wrong_bytes_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		{"\x00\x00", 2},                                          // field 0
		{"\x0B\x0C", 2},                                          // a group
		{"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11},     // a tag without end
		{"\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 12}, // a number without end
		{"\xF8\xFF\xFF\xFF\x7F\x00", 6},                          // a tag of 35 bits
		{"\x12\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11},     // a length of 2^64 - 1
		{"\x1A\x01\xFF", 3},                                      // a path that is not UTF-8
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		FlightDescriptor got;
		Slice *storage = NULL;
		Error err = ERROR_INIT;
		Slice bytes = slice_of(cases[i].bytes, cases[i].len);
		assert_int_equal(flight_descriptor_decode(bytes, &got, &storage, &err), ST_INVALID);
		assert_string_not_equal(err.text, "");
		assert_null(storage);
	}
}

static void
a_path_has_a_bounded_number_of_parts(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	for (int i = 0; i < 1024; i++)
		buf_add(&bytes, "\x1A\x00", 2);
	FlightDescriptor got;
	SCOPED(mem_drop) Slice *storage = NULL;
	assert_int_equal(flight_descriptor_decode(buf_slice(&bytes), &got, &storage, NULL), ST_OK);
	assert_int_equal(got.path_count, 1024);
	buf_add(&bytes, "\x1A\x00", 2);
	Slice *none = NULL;
	assert_int_equal(flight_descriptor_decode(buf_slice(&bytes), &got, &none, NULL), ST_INVALID);
}

// ---- FlightData ----

static GrpcMessage
message_of(Slice head, const char *body)
{
	return (GrpcMessage){
		.head = bytes_copy(NULL, head),
		.body = body == NULL ? NULL : bytes_copy(NULL, slice_text(body)),
		.wire_bytes = head.len,
	};
}

static void
data_reads_what_another_writer_wrote(void **state)
{
	(void)state;
	char *path[] = {"htdb", "t"};
	PB(FlightDescriptor) descriptor = ARROW__FLIGHT__PROTOCOL__FLIGHT_DESCRIPTOR__INIT;
	descriptor.has_type = true;
	descriptor.type = ARROW__FLIGHT__PROTOCOL__FLIGHT_DESCRIPTOR__DESCRIPTOR_TYPE__PATH;
	descriptor.path = path;
	descriptor.n_path = 2;
	PB(FlightData) data = ARROW__FLIGHT__PROTOCOL__FLIGHT_DATA__INIT;
	data.flight_descriptor = &descriptor;
	data.has_data_header = data.has_app_metadata = true;
	data.data_header = (ProtobufCBinaryData){6, (uint8_t *)"header"};
	data.app_metadata = (ProtobufCBinaryData){4, (uint8_t *)"meta"};
	uint8_t packed[128];
	size_t len = arrow__flight__protocol__flight_data__pack(&data, packed);

	GrpcMessage message = message_of(slice_of(packed, len), "body");
	SCOPED(flight_data_close) FlightData got = {0};
	assert_int_equal(flight_data_decode(&message, &got, NULL), ST_OK);
	assert_null(message.head); // moved
	assert_true(got.has_descriptor);
	assert_int_equal(got.descriptor.type, DESCRIPTOR_PATH);
	assert_int_equal(got.descriptor.path_count, 2);
	assert_slice(got.descriptor.path[0], "htdb");
	assert_slice(got.descriptor.path[1], "t");
	assert_slice(got.header, "header");
	assert_slice(got.app_metadata, "meta");
	assert_slice(bytes_slice(got.body), "body");
	assert_int_equal(got.wire_bytes, len);
}

static void
data_without_anything_is_data(void **state)
{
	(void)state;
	GrpcMessage message = message_of((Slice){0}, NULL);
	SCOPED(flight_data_close) FlightData got = {0};
	assert_int_equal(flight_data_decode(&message, &got, NULL), ST_OK);
	assert_false(got.has_descriptor);
	assert_int_equal(got.header.len, 0);
	assert_null(got.body);
}

static void
a_descriptor_in_pieces_is_their_sum(void **state)
{
	(void)state;
	static const char bytes[] = "\x0A\x00\x0A\x05\x08\x01\x1A\x01\x61\x12\x01h\x0A\x03\x1A\x01\x62";
	GrpcMessage message = message_of(slice_of(bytes, sizeof(bytes) - 1), NULL);
	SCOPED(flight_data_close) FlightData got = {0};
	assert_int_equal(flight_data_decode(&message, &got, NULL), ST_OK);
	assert_int_equal(got.descriptor.type, DESCRIPTOR_PATH);
	assert_int_equal(got.descriptor.path_count, 2);
	assert_slice(got.descriptor.path[0], "a");
	assert_slice(got.descriptor.path[1], "b");
}

static void
data_cut_anywhere_is_refused_and_stays_the_callers(void **state)
{
	(void)state;
	static const char bytes[] = "\x0A\x05\x08\x01\x1A\x01\x61\x12\x02hh\x1A\x02mm";
	size_t fine = 0;
	for (size_t len = 0; len < sizeof(bytes) - 1; len++) {
		SCOPED(exact_free) Bytes *cut = exact(slice_of(bytes, len));
		GrpcMessage message = {.head = bytes_ref(cut)};
		FlightData got = {0};
		Status status = flight_data_decode(&message, &got, NULL);
		assert_true(status == ST_OK || status == ST_INVALID);
		assert_true((message.head == NULL) == (status == ST_OK));
		fine += status == ST_OK;
		flight_data_close(&got);
		grpc_message_close(&message);
	}
	assert_int_equal(fine, 3); // after nothing, the descriptor and the header
}

static void
data_reads_in_its_parts_as_another_reader_reads_it(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	flight_data_encode_head(&bytes, slice_text("header"), slice_text("meta"), true, 300);
	size_t head = bytes.len;
	buf_add_zeros(&bytes, 300);
	PB(FlightData) *got = arrow__flight__protocol__flight_data__unpack(NULL, bytes.len, bytes.data);
	assert_non_null(got);
	assert_binary(got->data_header, "header");
	assert_binary(got->app_metadata, "meta");
	assert_int_equal(got->data_body.len, 300);
	assert_null(got->flight_descriptor);
	arrow__flight__protocol__flight_data__free_unpacked(got, NULL);
	assert_memory_equal(bytes.data + head - 4, "\xC2\x3E\xAC\x02", 4);

	// No app_metadata and no body are not there at all; an empty body is.
	buf_reset(&bytes);
	flight_data_encode_head(&bytes, slice_text("h"), (Slice){0}, false, 0);
	assert_slice(buf_slice(&bytes), "\x12\x01h");
	flight_data_encode_head(&bytes, (Slice){0}, (Slice){0}, true, 0);
	assert_int_equal(bytes.len, 6);
	assert_memory_equal(bytes.data + 3, "\xC2\x3E\x00", 3);
}

// ---- FlightInfo and PollInfo ----

static const FlightEndpoint ENDPOINTS[] = {
	{.ticket = {(const uint8_t *)"first", 5},
	 .location = "grpc+tcp://localhost:1",
	 .expiration_ns = 1500000000123456789},
	{.app_metadata = {(const uint8_t *)"second", 6}, .expiration_ns = -1},
};

static const FlightDescriptor CMD = {.type = DESCRIPTOR_CMD, .cmd = {(const uint8_t *)"q", 1}};

static FlightInfo
full_info(void)
{
	return (FlightInfo){
		.schema = slice_text("schema"),
		.descriptor = &CMD,
		.endpoints = ENDPOINTS,
		.endpoint_count = COUNT_OF(ENDPOINTS),
		.total_records = -1,
		.total_bytes = 1 << 20,
		.ordered = true,
		.app_metadata = slice_text("meta"),
	};
}

static void
info_reads_in_its_parts_as_another_reader_reads_it(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	FlightInfo info = full_info();
	flight_info_encode(&bytes, &info);
	PB(FlightInfo) *got = arrow__flight__protocol__flight_info__unpack(NULL, bytes.len, bytes.data);
	assert_non_null(got);
	assert_binary(got->schema, "schema");
	assert_binary(got->flight_descriptor->cmd, "q");
	assert_int_equal(got->total_records, -1);
	assert_int_equal(got->total_bytes, 1 << 20);
	assert_true(got->ordered);
	assert_binary(got->app_metadata, "meta");
	assert_int_equal(got->n_endpoint, 2);
	assert_binary(got->endpoint[0]->ticket->ticket, "first");
	assert_int_equal(got->endpoint[0]->n_location, 1);
	assert_string_equal(got->endpoint[0]->location[0]->uri, "grpc+tcp://localhost:1");
	assert_int_equal(got->endpoint[0]->expiration_time->seconds, 1500000000);
	assert_int_equal(got->endpoint[0]->expiration_time->nanos, 123456789);
	assert_non_null(got->endpoint[1]->ticket); // empty, and there
	assert_int_equal(got->endpoint[1]->n_location, 0);
	assert_int_equal(got->endpoint[1]->expiration_time->seconds, -1);
	assert_int_equal(got->endpoint[1]->expiration_time->nanos, 999999999);
	assert_binary(got->endpoint[1]->app_metadata, "second");
	arrow__flight__protocol__flight_info__free_unpacked(got, NULL);
}

static void
info_without_a_schema_has_no_schema_field(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	flight_info_encode(&bytes, &(FlightInfo){.total_records = -1, .total_bytes = -1});
	static const char want[] =
		"\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
	assert_slice(buf_slice(&bytes), want);
}

static void
a_nested_message_of_any_length_keeps_its_bytes(void **state)
{
	(void)state;
	// The length before it takes one byte, two, three: what follows has to make room.
	for (size_t len = 0; len < 40000; len = len * 2 + 1) {
		SCOPED(buf_close) Buf cmd = BUF_INIT;
		for (size_t i = 0; i < len; i++)
			buf_add_byte(&cmd, (uint8_t)(i * 7));
		FlightDescriptor descriptor = {.type = DESCRIPTOR_CMD, .cmd = buf_slice(&cmd)};
		SCOPED(buf_close) Buf bytes = BUF_INIT;
		flight_info_encode(&bytes, &(FlightInfo){.descriptor = &descriptor});
		PB(FlightInfo) *got =
			arrow__flight__protocol__flight_info__unpack(NULL, bytes.len, bytes.data);
		assert_non_null(got);
		assert_int_equal(arrow__flight__protocol__flight_info__get_packed_size(got), bytes.len);
		assert_int_equal(got->flight_descriptor->cmd.len, len);
		if (len > 0)
			assert_memory_equal(got->flight_descriptor->cmd.data, cmd.data, len);
		arrow__flight__protocol__flight_info__free_unpacked(got, NULL);
	}
}

static void
a_poll_that_goes_on_says_where_and_how_far(void **state)
{
	(void)state;
	FlightInfo info = full_info();
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	flight_poll_encode(&bytes, &info, &CMD, 0.0, 2000000000);
	PB(PollInfo) *got = arrow__flight__protocol__poll_info__unpack(NULL, bytes.len, bytes.data);
	assert_non_null(got);
	assert_int_equal(got->info->n_endpoint, 2);
	assert_binary(got->flight_descriptor->cmd, "q");
	assert_true(got->has_progress && got->progress == 0.0);
	assert_int_equal(got->expiration_time->seconds, 2);
	arrow__flight__protocol__poll_info__free_unpacked(got, NULL);
}

static void
a_poll_that_is_complete_has_no_descriptor(void **state)
{
	(void)state;
	FlightInfo info = {0};
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	flight_poll_encode(&bytes, &info, NULL, -1, 0);
	PB(PollInfo) *got = arrow__flight__protocol__poll_info__unpack(NULL, bytes.len, bytes.data);
	assert_non_null(got);
	assert_non_null(got->info);
	assert_null(got->flight_descriptor);
	assert_false(got->has_progress);
	assert_null(got->expiration_time);
	arrow__flight__protocol__poll_info__free_unpacked(got, NULL);
}

// ---- requests ----

static void
requests_of_one_field_read_that_field(void **state)
{
	(void)state;
	Slice got;
	assert_int_equal(flight_bytes_decode(slice_text("\x0A\x02hi"), 1, &got, NULL, "it"), ST_OK);
	assert_slice(got, "hi");
	assert_int_equal(flight_bytes_decode(slice_text("\x0A\x02hi"), 2, &got, NULL, "it"), ST_OK);
	assert_slice(got, "");
	Error err = ERROR_INIT;
	assert_int_equal(flight_bytes_decode(slice_text("\x0A\x03hi"), 1, &got, &err, "the Ticket"),
					 ST_INVALID);
	assert_non_null(strstr(err.text, "the Ticket"));
}

static void
an_action_reads_type_and_body(void **state)
{
	(void)state;
	Slice type, body;
	assert_int_equal(flight_action_decode(slice_text("\x12\x01"
													 "b\x0A\x04type"),
										  &type, &body, NULL),
					 ST_OK);
	assert_slice(type, "type");
	assert_slice(body, "b");
	assert_int_equal(flight_action_decode(slice_text("\x0A\x01\xFF"), &type, &body, NULL),
					 ST_INVALID);
}

static void
basic_auth_starts_at_field_two(void **state)
{
	(void)state;
	Slice user, password;
	assert_int_equal(flight_basic_auth_decode(slice_text("\x12\x05"
														 "arrow\x1A\x06"
														 "flight"),
											  &user, &password, NULL),
					 ST_OK);
	assert_slice(user, "arrow");
	assert_slice(password, "flight");
	assert_int_equal(flight_basic_auth_decode(slice_text("arrow"), &user, &password, NULL),
					 ST_INVALID);
}

// ---- memory ----

static void
short_memory_leaves_nothing_over(void **state)
{
	(void)state;
	static const char head[] = "\x0A\x05\x08\x01\x1A\x01\x61\x12\x02hh";
	long before = mem_live();
	for (long nth = 0;; nth++) {
		GrpcMessage message = message_of(slice_of(head, sizeof(head) - 1), NULL);
		FlightData data = {0};
		SCOPED(buf_close) Buf bytes = BUF_INIT;
		FlightInfo info = full_info();

		fault_arm(nth);
		Status status = flight_data_decode(&message, &data, NULL);
		flight_info_encode(&bytes, &info);
		bool happened = fault_disarm();

		assert_true(status == ST_OK || (happened && status == ST_NO_MEMORY));
		assert_true(!bytes.failed || happened);
		flight_data_close(&data);
		grpc_message_close(&message);
		buf_close(&bytes);
		assert_int_equal(mem_live(), before);
		if (!happened)
			break;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_descriptor_reads_as_it_was_written),
		cmocka_unit_test(a_descriptor_has_the_bytes_of_the_specification),
		cmocka_unit_test(a_descriptor_cut_anywhere_is_an_error_or_a_shorter_one),
		cmocka_unit_test(a_descriptor_passes_by_what_it_does_not_know),
		cmocka_unit_test(wrong_bytes_are_refused),
		cmocka_unit_test(a_path_has_a_bounded_number_of_parts),
		cmocka_unit_test(data_reads_what_another_writer_wrote),
		cmocka_unit_test(data_without_anything_is_data),
		cmocka_unit_test(a_descriptor_in_pieces_is_their_sum),
		cmocka_unit_test(data_cut_anywhere_is_refused_and_stays_the_callers),
		cmocka_unit_test(data_reads_in_its_parts_as_another_reader_reads_it),
		cmocka_unit_test(info_reads_in_its_parts_as_another_reader_reads_it),
		cmocka_unit_test(info_without_a_schema_has_no_schema_field),
		cmocka_unit_test(a_nested_message_of_any_length_keeps_its_bytes),
		cmocka_unit_test(a_poll_that_goes_on_says_where_and_how_far),
		cmocka_unit_test(a_poll_that_is_complete_has_no_descriptor),
		cmocka_unit_test(requests_of_one_field_read_that_field),
		cmocka_unit_test(an_action_reads_type_and_body),
		cmocka_unit_test(basic_auth_starts_at_field_two),
		cmocka_unit_test(short_memory_leaves_nothing_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
