// The layouts are those of proto/flight.proto. Field numbers stand beside each message here.

#include "flight/codec.h"

#include "base/mem.h"
#include "flight/wire_int.h"

enum { NS_PER_S = 1000000000 };

// ---- single fields ----

Status
flight_bytes_decode(Slice message, uint32_t field, Slice *out, Error *err, const char *what)
{
	Slice found = {0};
	Reader r = reader_of(message);
	for (WireField f; wire_next(&r, &f);) {
		if (f.tag == WIRE_BYTES(field))
			found = f.bytes;
	}
	TRY(wire_status(&r, err, what));
	*out = found;
	return ST_OK;
}

// Two bytes fields: so many messages are.
static Status
decode_pair(Slice message, uint32_t first, Slice *a, Slice *b, Error *err, const char *what)
{
	Slice found[2] = {0};
	Reader r = reader_of(message);
	for (WireField f; wire_next(&r, &f);) {
		if (f.tag == WIRE_BYTES(first))
			found[0] = f.bytes;
		else if (f.tag == WIRE_BYTES(first + 1))
			found[1] = f.bytes;
	}
	TRY(wire_status(&r, err, what));
	*a = found[0];
	*b = found[1];
	return ST_OK;
}

Status
flight_action_decode(Slice bytes, Slice *type, Slice *body, Error *err)
{
	Slice found[2];
	TRY(decode_pair(bytes, 1, &found[0], &found[1], err, "the Action"));
	TRY(wire_check_text(found[0], err, "the action's type"));
	*type = found[0];
	*body = found[1];
	return ST_OK;
}

Status
flight_basic_auth_decode(Slice bytes, Slice *user, Slice *password, Error *err)
{
	Slice found[2];
	TRY(decode_pair(bytes, 2, &found[0], &found[1], err, "the handshake's BasicAuth"));
	TRY(wire_check_text(found[0], err, "the user name"));
	TRY(wire_check_text(found[1], err, "the password"));
	*user = found[0];
	*password = found[1];
	return ST_OK;
}

// ---- FlightDescriptor: 1 type, 2 cmd, 3 path ----

// A path is a name of a few parts; each costs sixteen times its bytes here.
enum { PATH_MAX_PARTS = 1024 };

// Adds what one occurrence says. path NULL: counts only.
static Status
scan_descriptor(Slice bytes, FlightDescriptor *out, Slice *path, Error *err)
{
	Reader r = reader_of(bytes);
	for (WireField f; wire_next(&r, &f);) {
		if (f.tag == WIRE_VARINT(1)) {
			out->type = f.value <= DESCRIPTOR_CMD ? (DescriptorType)f.value : DESCRIPTOR_UNKNOWN;
		} else if (f.tag == WIRE_BYTES(2)) {
			out->cmd = f.bytes;
		} else if (f.tag == WIRE_BYTES(3)) {
			TRY(wire_check_text(f.bytes, err, "the descriptor's path"));
			if (out->path_count == PATH_MAX_PARTS)
				return error_set(err, ST_INVALID, "the descriptor's path has more than %d parts",
								 PATH_MAX_PARTS);
			if (path != NULL)
				path[out->path_count] = f.bytes;
			out->path_count++;
		}
	}
	return wire_status(&r, err, "the FlightDescriptor");
}

// The descriptor of a FlightData may come in pieces, as any message in a message: it is their sum.
static Status
scan_pieces(Slice bytes, bool in_data, FlightDescriptor *out, Slice *path, Error *err)
{
	if (!in_data)
		return scan_descriptor(bytes, out, path, err);
	Reader r = reader_of(bytes);
	for (WireField f; wire_next(&r, &f);) {
		if (f.tag == WIRE_BYTES(1))
			TRY(scan_descriptor(f.bytes, out, path, err));
	}
	return ST_OK; // its fields were read before
}

static Status
decode_descriptor(Slice bytes, bool in_data, FlightDescriptor *out, Slice **storage, Error *err)
{
	FlightDescriptor count = {0};
	TRY(scan_pieces(bytes, in_data, &count, NULL, err));

	SCOPED(mem_drop) Slice *path = NULL;
	if (count.path_count > 0) {
		path = mem_alloc_array(count.path_count, sizeof(*path));
		if (path == NULL)
			return error_no_memory(err, "a flight descriptor");
	}
	FlightDescriptor descriptor = {.path = path};
	TRY(scan_pieces(bytes, in_data, &descriptor, path, err));
	*out = descriptor;
	*storage = TAKE(path);
	return ST_OK;
}

Status
flight_descriptor_decode(Slice bytes, FlightDescriptor *out, Slice **storage, Error *err)
{
	return decode_descriptor(bytes, false, out, storage, err);
}

void
flight_descriptor_encode(Buf *out, const FlightDescriptor *descriptor)
{
	wire_set_varint(out, 1, descriptor->type);
	wire_set_bytes(out, 2, descriptor->cmd);
	for (size_t i = 0; i < descriptor->path_count; i++)
		wire_add_bytes(out, 3, descriptor->path[i]);
}

// ---- FlightData: 1 descriptor, 2 header, 3 app_metadata, 1000 body ----

Status
flight_data_decode(GrpcMessage *message, FlightData *out, Error *err)
{
	FlightData data = {.body = message->body, .wire_bytes = message->wire_bytes};
	Slice head = bytes_slice(message->head);
	Reader r = reader_of(head);
	for (WireField f; wire_next(&r, &f);) {
		if (f.tag == WIRE_BYTES(1))
			data.has_descriptor = true;
		else if (f.tag == WIRE_BYTES(2))
			data.header = f.bytes;
		else if (f.tag == WIRE_BYTES(3))
			data.app_metadata = f.bytes;
	}
	TRY(wire_status(&r, err, "the FlightData"));
	if (data.has_descriptor)
		TRY(decode_descriptor(head, true, &data.descriptor, &data.path_storage, err));

	data.message = *message;
	*message = (GrpcMessage){0};
	*out = data;
	return ST_OK;
}

void
flight_data_close(FlightData *data)
{
	if (data->message.head != NULL)
		grpc_message_close(&data->message);
	mem_free(data->path_storage);
	*data = (FlightData){0};
}

void
flight_data_encode_head(Buf *out, Slice header, Slice app_metadata, bool has_body, size_t body_len)
{
	wire_set_bytes(out, 2, header);
	wire_set_bytes(out, 3, app_metadata);
	if (has_body)
		wire_add_head(out, 1000, body_len);
}

// ---- FlightInfo: 1 schema, 2 descriptor, 3 endpoints, 4 records, 5 bytes, 6 ordered,
//      7 app_metadata ----

// Timestamp: 1 seconds, 2 nanos (never negative).
static void
add_time(Buf *out, uint32_t number, int64_t ns)
{
	int64_t nanos = (ns % NS_PER_S + NS_PER_S) % NS_PER_S;
	size_t time = wire_begin(out, number);
	wire_set_varint(out, 1, (uint64_t)((ns - nanos) / NS_PER_S));
	wire_set_varint(out, 2, (uint64_t)nanos);
	wire_end(out, time);
}

static void
add_descriptor(Buf *out, uint32_t number, const FlightDescriptor *descriptor)
{
	if (descriptor == NULL)
		return;
	size_t begun = wire_begin(out, number);
	flight_descriptor_encode(out, descriptor);
	wire_end(out, begun);
}

// FlightEndpoint: 1 ticket {1 bytes}, 2 location {1 uri}, 3 expiration_time, 4 app_metadata.
static void
add_endpoint(Buf *out, uint32_t number, const FlightEndpoint *endpoint)
{
	size_t begun = wire_begin(out, number);
	size_t ticket = wire_begin(out, 1);
	wire_set_bytes(out, 1, endpoint->ticket);
	wire_end(out, ticket);
	if (endpoint->location != NULL) {
		size_t location = wire_begin(out, 2);
		wire_set_bytes(out, 1, slice_text(endpoint->location));
		wire_end(out, location);
	}
	if (endpoint->expiration_ns != 0)
		add_time(out, 3, endpoint->expiration_ns);
	wire_set_bytes(out, 4, endpoint->app_metadata);
	wire_end(out, begun);
}

void
flight_info_encode(Buf *out, const FlightInfo *info)
{
	wire_set_bytes(out, 1, info->schema);
	add_descriptor(out, 2, info->descriptor);
	for (size_t i = 0; i < info->endpoint_count; i++)
		add_endpoint(out, 3, &info->endpoints[i]);
	wire_set_varint(out, 4, (uint64_t)info->total_records);
	wire_set_varint(out, 5, (uint64_t)info->total_bytes);
	wire_set_varint(out, 6, info->ordered);
	wire_set_bytes(out, 7, info->app_metadata);
}

// PollInfo: 1 info, 2 descriptor, 3 progress, 4 expiration_time.
void
flight_poll_encode(Buf *out, const FlightInfo *info, const FlightDescriptor *next, double progress,
				   int64_t expiration_ns)
{
	size_t begun = wire_begin(out, 1);
	flight_info_encode(out, info);
	wire_end(out, begun);
	add_descriptor(out, 2, next);
	if (progress >= 0)
		wire_add_double(out, 3, progress);
	if (expiration_ns != 0)
		add_time(out, 4, expiration_ns);
}
