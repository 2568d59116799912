// What a Flight client may send: FlightData, descriptors, Flight SQL payloads, actions,
// credentials. Whatever is accepted lies inside the input, and a descriptor that is written again
// reads the same.

#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "flight/codec.h"
#include "flight/flight_sql.h"

static void
check(bool holds)
{
	if (!holds)
		abort();
}

// Reads the first and the last byte: the sanitizer sees a slice that leaves its input.
static void
touch(Slice slice)
{
	volatile uint8_t sink = 0;
	if (slice.len > 0)
		sink = slice.data[0] ^ slice.data[slice.len - 1];
	(void)sink;
}

static void
touch_descriptor(const FlightDescriptor *descriptor)
{
	touch(descriptor->cmd);
	for (size_t i = 0; i < descriptor->path_count; i++) {
		touch(descriptor->path[i]);
		check(utf8_valid(descriptor->path[i].data, descriptor->path[i].len));
	}
}

static void
read_descriptor(Slice bytes)
{
	FlightDescriptor one, two;
	SCOPED(mem_drop) Slice *one_path = NULL;
	SCOPED(mem_drop) Slice *two_path = NULL;
	if (flight_descriptor_decode(bytes, &one, &one_path, NULL) != ST_OK)
		return;
	touch_descriptor(&one);
	SCOPED(buf_close) Buf again = BUF_INIT;
	flight_descriptor_encode(&again, &one);
	check(flight_descriptor_decode(buf_slice(&again), &two, &two_path, NULL) == ST_OK);
	check(two.type == one.type && slice_equal(two.cmd, one.cmd) &&
		  two.path_count == one.path_count);
	for (size_t i = 0; i < one.path_count; i++)
		check(slice_equal(one.path[i], two.path[i]));
}

static void
read_data(Slice bytes)
{
	GrpcMessage message = {.head = bytes_copy(NULL, bytes)};
	FlightData data = {0};
	if (message.head != NULL && flight_data_decode(&message, &data, NULL) == ST_OK) {
		touch(data.header);
		touch(data.app_metadata);
		touch_descriptor(&data.descriptor);
	}
	flight_data_close(&data);
	grpc_message_close(&message);
}

static void
read_sql(Slice bytes)
{
	SqlCommand command;
	if (flight_sql_decode(bytes, &command, NULL) != ST_OK)
		return;
	check((command.kind == SQL_NONE) == (command.name.len == 0));
	touch(command.query);
	touch(command.handle);
	touch(command.transaction_id);
	touch(command.name);
	touch(command.value);
}

static void
read_pairs(Slice bytes)
{
	Slice a, b;
	if (flight_action_decode(bytes, &a, &b, NULL) == ST_OK) {
		touch(a);
		touch(b);
	}
	if (flight_basic_auth_decode(bytes, &a, &b, NULL) == ST_OK) {
		touch(a);
		touch(b);
	}
	if (flight_bytes_decode(bytes, 1, &a, NULL, "it") == ST_OK)
		touch(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Slice bytes = slice_of(data, size);
	read_descriptor(bytes);
	read_data(bytes);
	read_sql(bytes);
	read_pairs(bytes);
	check(mem_live() == 0);
	return 0;
}
