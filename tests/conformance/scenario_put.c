// Without a name: what was put comes back as it came, byte for byte, so that every type passes.
// do_exchange:echo: each message comes back at once.

#include <stdio.h>
#include <string.h>

#include "arrow/ipc_read.h"
#include "base/mem.h"
#include "scenario.h"

// ---- what was put ----

typedef struct Dataset {
	int refs;
	char *name;
	FlightData *messages; // the first one is the schema
	size_t count;
	size_t cap;
	struct Dataset *next; // of those that can be got
} Dataset;

static Dataset *datasets;

static void
dataset_unref(Dataset *set)
{
	if (set == NULL || --set->refs > 0)
		return;
	for (size_t i = 0; i < set->count; i++)
		flight_data_close(&set->messages[i]);
	mem_free(set->messages);
	mem_free(set->name);
	mem_free(set);
}

DEFINE_DROP(Dataset, dataset_drop, dataset_unref)

static Status
dataset_new(Slice name, Dataset **out, Error *err)
{
	SCOPED(dataset_drop) Dataset *set = mem_alloc(sizeof(*set));
	if (set == NULL)
		return error_no_memory(err, "a dataset");
	set->refs = 1;
	set->name = mem_strndup((const char *)name.data, name.len);
	if (set->name == NULL)
		return error_no_memory(err, "a dataset");
	*out = TAKE(set);
	return ST_OK;
}

// Moves *data.
static Status
dataset_add(Dataset *set, FlightData *data, Error *err)
{
	if (set->count == set->cap) {
		size_t cap = set->cap == 0 ? 8 : 2 * set->cap;
		FlightData *more = mem_resize(set->messages, cap * sizeof(*more));
		if (more == NULL)
			return error_no_memory(err, "a dataset");
		set->messages = more;
		set->cap = cap;
	}
	set->messages[set->count++] = *data;
	*data = (FlightData){0};
	return ST_OK;
}

static Dataset **
find_dataset(Slice name)
{
	Dataset **at = &datasets;
	while (*at != NULL && !slice_is(name, (*at)->name))
		at = &(*at)->next;
	return at;
}

// Replaces one of the same name.
static void
publish(Dataset *set)
{
	Dataset **at = find_dataset(slice_text(set->name));
	Dataset *old = *at;
	set->next = old == NULL ? NULL : old->next;
	*at = set;
	dataset_unref(old);
}

static void
forget_datasets(void)
{
	while (datasets != NULL) {
		Dataset *set = datasets;
		datasets = set->next;
		dataset_unref(set);
	}
}

// ---- putting ----

// What a call carries: a dataset that grows, or one that goes out.
typedef struct Transfer {
	Dataset *set;
	size_t next; // message to send
} Transfer;

static Transfer *
start_transfer(FlightCall *call)
{
	Transfer *transfer = mem_alloc(sizeof(*transfer));
	Error err = ERROR_INIT;
	if (transfer == NULL)
		flight_finish(call, error_no_memory(&err, "a transfer"), &err);
	flight_set_user(call, transfer);
	return transfer;
}

static void
trip_done(FlightCall *call)
{
	Transfer *transfer = flight_user(call);
	if (transfer != NULL)
		dataset_unref(transfer->set);
	mem_free(transfer);
}

static void
trip_do_put(FlightCall *call)
{
	start_transfer(call);
}

static Status
take_message(FlightCall *call, FlightData *data, Error *err)
{
	Transfer *transfer = flight_user(call);
	if (transfer->set == NULL) {
		if (data->descriptor.type != DESCRIPTOR_PATH || data->descriptor.path_count == 0)
			return error_set(err, ST_INVALID, "the first message has to name a path");
		TRY(dataset_new(data->descriptor.path[0], &transfer->set, err));
	}
	if (data->header.len == 0)
		return ST_OK; // the schema may come after the descriptor
	// Some clients put a batch's metadata on the schema and dictionaries before it as well.
	IpcKind kind;
	uint64_t body_len;
	TRY(ipc_message_kind(data->header, &kind, &body_len, err));
	if (kind != IPC_BATCH)
		data->app_metadata = (Slice){0};
	if (data->app_metadata.len > 0)
		flight_send_put_result(call, data->app_metadata);
	return dataset_add(transfer->set, data, err);
}

static void
trip_put_message(FlightCall *call, FlightData *data)
{
	Error err = ERROR_INIT;
	size_t wire_bytes = data->wire_bytes;
	Status status = take_message(call, data, &err);
	if (status == ST_OK)
		flight_consume(call, wire_bytes);
	else
		flight_finish(call, status, &err);
}

static void
trip_put_end(FlightCall *call)
{
	Transfer *transfer = flight_user(call);
	Error err = ERROR_INIT;
	if (transfer->set == NULL || transfer->set->count == 0) {
		flight_finish(call, error_set(&err, ST_INVALID, "nothing was put; send a schema"), &err);
		return;
	}
	publish(TAKE(transfer->set));
	flight_finish(call, ST_OK, NULL);
}

// ---- getting ----

static void
trip_get_flight_info(FlightCall *call, const FlightDescriptor *descriptor)
{
	Error err = ERROR_INIT;
	if (descriptor->type != DESCRIPTOR_PATH || descriptor->path_count == 0) {
		flight_finish(call, error_set(&err, ST_UNIMPLEMENTED, "only paths are known here"), &err);
		return;
	}
	const Dataset *set = *find_dataset(descriptor->path[0]);
	if (set == NULL) {
		flight_finish(call, error_set(&err, ST_NOT_FOUND, "nothing was put there"), &err);
		return;
	}
	// The schema's encapsulated form.
	SCOPED(buf_close) Buf schema = BUF_INIT;
	buf_add_u32(&schema, UINT32_MAX);
	buf_add_u32(&schema, (uint32_t)(set->messages[0].header.len + 7) & ~7U);
	buf_add_slice(&schema, set->messages[0].header);
	buf_align(&schema, 8);

	char location[64];
	const Service *service = flight_service(call);
	snprintf(location, sizeof(location), "grpc+tcp://127.0.0.1:%u", service->port);
	FlightEndpoint endpoint = {.ticket = descriptor->path[0], .location = location};
	flight_reply_info(call, &(FlightInfo){.schema = buf_slice(&schema),
										  .descriptor = descriptor,
										  .endpoints = &endpoint,
										  .endpoint_count = 1,
										  .total_records = -1,
										  .total_bytes = -1});
}

static Piece
body_of(const FlightData *data)
{
	return (Piece){bytes_data(data->body), bytes_len(data->body), data->body};
}

static void
trip_writable(FlightCall *call)
{
	Transfer *transfer = flight_user(call);
	bool room = true;
	while (room && transfer->next < transfer->set->count) {
		const FlightData *data = &transfer->set->messages[transfer->next++];
		bool has_body = data->body != NULL;
		Piece body = has_body ? body_of(data) : (Piece){0};
		room = flight_send_data(call, data->header, data->app_metadata, &body, has_body);
	}
	if (transfer->next == transfer->set->count)
		flight_finish(call, ST_OK, NULL);
}

static void
trip_do_get(FlightCall *call, Slice ticket)
{
	Dataset *set = *find_dataset(ticket);
	Error err = ERROR_INIT;
	if (set == NULL) {
		flight_finish(call, error_set(&err, ST_NOT_FOUND, "no such ticket"), &err);
		return;
	}
	Transfer *transfer = start_transfer(call);
	if (transfer == NULL)
		return;
	transfer->set = set;
	set->refs++;
	trip_writable(call);
}

const Scenario SCENARIO_ROUND_TRIP = {
	.name = "",
	.forget = forget_datasets,
	.handlers = {.do_put = trip_do_put,
				 .put_message = trip_put_message,
				 .put_end = trip_put_end,
				 .get_flight_info = trip_get_flight_info,
				 .do_get = trip_do_get,
				 .writable = trip_writable,
				 .done = trip_done},
};

// ---- echo ----

// What the client sent and may not send again before we could send it back.
typedef struct Echo {
	size_t owed_bytes;
	bool full;
} Echo;

static void
echo_do_exchange(FlightCall *call)
{
	Echo *echo = mem_alloc(sizeof(*echo));
	Error err = ERROR_INIT;
	if (echo == NULL)
		flight_finish(call, error_no_memory(&err, "an echo"), &err);
	flight_set_user(call, echo);
}

static Status
check_echo(const FlightData *data, Error *err)
{
	if (!data->has_descriptor)
		return ST_OK;
	if (data->descriptor.type != DESCRIPTOR_CMD)
		return error_set(err, ST_INVALID, "the descriptor has to be a command");
	if (!slice_is(data->descriptor.cmd, "echo"))
		return error_set(err, ST_UNIMPLEMENTED, "the only command here is echo");
	return ST_OK;
}

static void
echo_put_message(FlightCall *call, FlightData *data)
{
	Echo *echo = flight_user(call);
	Error err = ERROR_INIT;
	Status status = check_echo(data, &err);
	if (status != ST_OK) {
		flight_finish(call, status, &err);
		return;
	}
	echo->owed_bytes += data->wire_bytes;
	if (data->header.len > 0 || data->app_metadata.len > 0) {
		bool has_body = data->body != NULL;
		Piece body = has_body ? body_of(data) : (Piece){0};
		echo->full = !flight_send_data(call, data->header, data->app_metadata, &body, has_body);
	}
	if (!echo->full) {
		flight_consume(call, echo->owed_bytes);
		echo->owed_bytes = 0;
	}
}

static void
echo_writable(FlightCall *call)
{
	Echo *echo = flight_user(call);
	flight_consume(call, echo->owed_bytes);
	*echo = (Echo){0};
}

static void
echo_put_end(FlightCall *call)
{
	flight_finish(call, ST_OK, NULL);
}

static void
echo_done(FlightCall *call)
{
	mem_free(flight_user(call));
}

const Scenario SCENARIO_ECHO = {
	.name = "do_exchange:echo",
	.handlers = {.do_exchange = echo_do_exchange,
				 .put_message = echo_put_message,
				 .put_end = echo_put_end,
				 .writable = echo_writable,
				 .done = echo_done},
};
