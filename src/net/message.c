// A message on the wire: u8 compressed (0 or 1), u32 length (big-endian), that many bytes.

#include "net/message_int.h"

#include <string.h>

enum { PREFIX_BYTES = 5 };

void
grpc_message_close(GrpcMessage *message)
{
	bytes_unref(message->head);
	bytes_unref(message->body);
	*message = (GrpcMessage){0};
}

void
reader_init(MessageReader *reader, const GrpcOptions *options, uint32_t body_field, bool gzip)
{
	*reader = (MessageReader){.options = options, .gzip = gzip};
	split_init(&reader->split, body_field, options->pool);
}

static void
release(MessageReader *reader)
{
	if (reader->reserved > 0 && reader->options->release != NULL)
		reader->options->release(reader->options->service, reader->reserved);
	reader->reserved = 0;
}

void
reader_close(MessageReader *reader)
{
	if (reader->options == NULL)
		return;
	release(reader);
	split_close(&reader->split);
	gunzip_free(reader->gunzip);
	*reader = (MessageReader){0};
}

bool
reader_is_between(const MessageReader *reader)
{
	return reader->prefix_len == 0;
}

size_t
reader_message_bytes(const MessageReader *reader)
{
	return reader->wire_bytes;
}

size_t
reader_message_read(const MessageReader *reader)
{
	return reader->wire_bytes == 0 ? reader->prefix_len : reader->wire_bytes - reader->wire_left;
}

// Bytes of the message proper, inflated where need be.
static Status
store(void *arg, Slice part, Error *err)
{
	MessageReader *reader = arg;
	const GrpcOptions *options = reader->options;
	if (part.len > reader->room)
		return error_set(err, ST_LIMIT,
						 "a message inflates to more than flight.max_message (%zu bytes); send "
						 "smaller ones, or raise it",
						 options->max_message);
	reader->room -= part.len;
	if (options->reserve != NULL) {
		if (!options->reserve(options->service, part.len))
			return error_set(err, ST_LIMIT,
							 "no memory is free for incoming messages; send again later");
		reader->reserved += part.len;
	}
	return split_push(&reader->split, part, err);
}

static GrpcStatus
refused(Error *err, GrpcStatus status, const char *text)
{
	(void)error_set(err, ST_INVALID, "%s", text);
	return status;
}

static Status
begin_inflating(MessageReader *reader, Error *err)
{
	if (reader->gunzip == NULL)
		return gunzip_new(&reader->gunzip, err);
	gunzip_reset(reader->gunzip);
	return ST_OK;
}

// The prefix is complete.
static GrpcStatus
begin_message(MessageReader *reader, Error *err)
{
	const uint8_t *p = reader->prefix;
	size_t len = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
	size_t limit = reader->options->max_message;
	if (p[0] > 1)
		return refused(err, GRPC_INTERNAL, "a message's compression flag is neither 0 nor 1");
	reader->compressed = p[0] == 1;
	if (reader->compressed && !reader->gzip)
		return refused(err, GRPC_INTERNAL,
					   "a message is compressed, but the call has no grpc-encoding");
	if (len > limit) {
		(void)error_set(err, ST_LIMIT,
						"a message of %zu bytes is above flight.max_message (%zu); send smaller "
						"ones, or raise it",
						len, limit);
		return GRPC_RESOURCE_EXHAUSTED;
	}
	reader->wire_bytes = PREFIX_BYTES + len;
	reader->wire_left = len;
	reader->room = reader->compressed ? limit : len;
	Status st = reader->compressed ? begin_inflating(reader, err) : ST_OK;
	if (st == ST_OK)
		st = split_begin(&reader->split, reader->room, !reader->compressed);
	if (st == ST_NO_MEMORY)
		(void)error_no_memory(err, "a message");
	return grpc_status_of(st);
}

// The message's last byte came.
static GrpcStatus
end_message(MessageReader *reader, GrpcMessage *out, Error *err)
{
	if (reader->compressed && !gunzip_is_complete(reader->gunzip))
		return refused(err, GRPC_INVALID_ARGUMENT, "the gzip stream of a message is cut short");
	Status st = split_end(&reader->split, out, err);
	if (st != ST_OK)
		return grpc_status_of(st);
	out->wire_bytes = reader->wire_bytes;
	release(reader);
	reader->prefix_len = 0;
	reader->wire_bytes = 0;
	return GRPC_OK;
}

static Slice
take_front(Slice *in, size_t max)
{
	Slice front = slice_of(in->data, in->len < max ? in->len : max);
	*in = slice_of(in->data + front.len, in->len - front.len);
	return front;
}

GrpcStatus
reader_push(MessageReader *reader, Slice *in, GrpcMessage *out, Error *err)
{
	if (reader->prefix_len < PREFIX_BYTES) {
		Slice part = take_front(in, PREFIX_BYTES - reader->prefix_len);
		memcpy(reader->prefix + reader->prefix_len, part.data, part.len);
		reader->prefix_len += part.len;
		if (reader->prefix_len < PREFIX_BYTES)
			return GRPC_OK;
		GrpcStatus begun = begin_message(reader, err);
		if (begun != GRPC_OK)
			return begun;
	}
	Slice part = take_front(in, reader->wire_left);
	reader->wire_left -= part.len;
	Status st = ST_OK;
	if (part.len > 0)
		st = reader->compressed ? gunzip_push(reader->gunzip, part, store, reader, err)
								: store(reader, part, err);
	if (st != ST_OK)
		return grpc_status_of(st);
	return reader->wire_left > 0 ? GRPC_OK : end_message(reader, out, err);
}
