// A field is a varint tag (number << 3 | wire type) and a value: wire type 0 a varint, 1 eight
// bytes, 5 four bytes, 2 a varint length and so many bytes. 3 and 4, groups, are long gone from
// protobuf and refused: their inner fields would look like ours.

#include "net/split_int.h"

#include <string.h>

enum { WIRE_VARINT = 0, WIRE_EIGHT = 1, WIRE_COUNTED = 2, WIRE_FOUR = 5 };
enum { VARINT_BYTES_MAX = 10, HEAD_KEPT = 64 << 10 };

void
split_init(FieldSplit *split, uint32_t body_field, BytesPool *pool)
{
	*split = (FieldSplit){.pool = pool, .body_field = body_field};
}

void
split_close(FieldSplit *split)
{
	bytes_unref(split->fill);
	split->fill = NULL;
	buf_close(&split->head);
}

static void
expect_tag(FieldSplit *split)
{
	split->state = SPLIT_TAG;
	split->varint = 0;
	split->shift = 0;
	split->raw_len = 0;
	split->in_body_field = false;
}

// A later body replaces an earlier one.
static bool
start_fill(FieldSplit *split, size_t len)
{
	Bytes *fill = bytes_new(split->pool, len);
	if (fill == NULL)
		return false;
	bytes_unref(split->fill);
	split->fill = fill;
	split->filled = 0;
	split->left = len;
	return true;
}

Status
split_begin(FieldSplit *split, size_t len, bool exact)
{
	buf_reset(&split->head);
	expect_tag(split);
	split->room = len;
	if (split->body_field != 0)
		return ST_OK;
	// Nothing to split. When the length is known it needs no second copy either.
	split->state = exact ? SPLIT_WHOLE : SPLIT_HEAD;
	split->left = len;
	return !exact || start_fill(split, len) ? ST_OK : ST_NO_MEMORY;
}

static Status
malformed(Error *err)
{
	return error_set(err, ST_INVALID, "the message is no well-formed protobuf");
}

// The tag is complete.
static Status
start_field(FieldSplit *split, Error *err)
{
	uint64_t number = split->varint >> 3;
	int wire_type = (int)(split->varint & 7);
	split->varint = 0;
	split->shift = 0;
	split->left = 0;
	if (number == 0 || number > UINT32_MAX >> 3)
		return malformed(err);
	if (wire_type == WIRE_COUNTED) {
		split->in_body_field = number == split->body_field;
		split->state = SPLIT_LENGTH;
		return ST_OK;
	}
	buf_add(&split->head, split->raw, split->raw_len);
	if (wire_type == WIRE_VARINT) {
		split->raw_len = 0;
		split->state = SPLIT_VARINT;
		return ST_OK;
	}
	if (wire_type != WIRE_EIGHT && wire_type != WIRE_FOUR)
		return malformed(err);
	split->left = wire_type == WIRE_EIGHT ? 8 : 4;
	split->state = SPLIT_HEAD;
	return ST_OK;
}

// The length of a counted field is complete.
static Status
start_counted(FieldSplit *split, Error *err)
{
	if (split->varint > split->room)
		return malformed(err);
	size_t len = (size_t)split->varint;
	if (split->in_body_field) {
		split->state = SPLIT_BODY;
		if (!start_fill(split, len))
			return error_no_memory(err, "the body of a message");
	} else {
		buf_add(&split->head, split->raw, split->raw_len);
		split->state = SPLIT_HEAD;
		split->left = len;
	}
	if (len == 0)
		expect_tag(split);
	return ST_OK;
}

// One byte of a tag, a length or a varint value.
static Status
push_varint(FieldSplit *split, uint8_t byte, Error *err)
{
	if (split->shift == 7 * VARINT_BYTES_MAX)
		return malformed(err);
	if (split->raw_len < sizeof(split->raw))
		split->raw[split->raw_len++] = byte;
	if (split->shift < 64)
		split->varint |= (uint64_t)(byte & 0x7F) << split->shift;
	split->shift += 7;
	if (byte & 0x80)
		return ST_OK;
	if (split->state == SPLIT_TAG)
		return start_field(split, err);
	if (split->state == SPLIT_LENGTH)
		return start_counted(split, err);
	buf_add(&split->head, split->raw, split->raw_len);
	expect_tag(split);
	return ST_OK;
}

// As much of `in` as belongs to the value being read.
static size_t
push_value(FieldSplit *split, Slice in)
{
	size_t n = in.len < split->left ? in.len : split->left;
	if (split->state == SPLIT_HEAD) {
		buf_add(&split->head, in.data, n);
	} else {
		memcpy(bytes_data(split->fill) + split->filled, in.data, n);
		split->filled += n;
	}
	split->left -= n;
	if (split->left == 0 && split->body_field != 0)
		expect_tag(split);
	return n;
}

Status
split_push(FieldSplit *split, Slice in, Error *err)
{
	if (in.len > split->room)
		return error_set(err, ST_INVALID, "the message is longer than it said");
	while (in.len > 0) {
		size_t n = 1;
		if (split->state <= SPLIT_LENGTH) {
			split->room--;
			TRY(push_varint(split, in.data[0], err));
		} else {
			n = push_value(split, in);
			split->room -= n;
		}
		in = slice_of(in.data + n, in.len - n);
	}
	return buf_status(&split->head, err, "a message");
}

static Status
take_head(FieldSplit *split, Bytes **out, Error *err)
{
	if (split->state == SPLIT_WHOLE) {
		*out = TAKE(split->fill);
		return ST_OK;
	}
	*out = bytes_copy(split->pool, buf_slice(&split->head));
	if (*out == NULL)
		return error_no_memory(err, "a message");
	if (split->head.cap > HEAD_KEPT)
		buf_close(&split->head);
	return ST_OK;
}

Status
split_end(FieldSplit *split, GrpcMessage *out, Error *err)
{
	bool between_fields = split->state == SPLIT_TAG && split->raw_len == 0;
	bool whole_there = split->state == SPLIT_WHOLE && split->left == 0;
	bool unsplit = split->state == SPLIT_HEAD && split->body_field == 0;
	if (!between_fields && !whole_there && !unsplit)
		return malformed(err);
	TRY(take_head(split, &out->head, err));
	out->body = TAKE(split->fill);
	return ST_OK;
}
