#include "duck/text_reader_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INLINE_BYTES = 12 }; // a string of so many lies in its value

// ---- VARCHAR and BLOB ----

static size_t
strings_bytes(const duckdb_string_t *strings, const uint64_t *mask, VectorPart part)
{
	size_t bytes = 0;
	for (int64_t row = part.from; row < part.from + part.rows; row++)
		bytes += row_valid(mask, row) ? strings[row].value.inlined.length : 0;
	return bytes;
}

// Short strings are copied as 12 bytes, whatever their length: that much room is behind them.
static uint8_t *
copy_string(uint8_t *to, const duckdb_string_t *string)
{
	uint32_t len = string->value.inlined.length;
	if (len <= INLINE_BYTES)
		memcpy(to, string->value.inlined.inlined, INLINE_BYTES);
	else
		memcpy(to, string->value.pointer.ptr, len);
	return to + len;
}

static Status
read_strings(const ColumnReader *reader, VectorPart part, ColumnBuilder *out, Error *err)
{
	(void)reader;
	(void)err;
	const duckdb_string_t *strings = duckdb_vector_get_data(part.vector);
	const uint64_t *mask = duckdb_vector_get_validity(part.vector);
	size_t bytes = strings_bytes(strings, mask, part);
	uint8_t *offsets = buf_extend(&out->offsets, (size_t)part.rows * 4);
	if (offsets != NULL && buf_reserve(&out->values, bytes + INLINE_BYTES)) {
		uint8_t *to = out->values.data + out->values.len;
		for (int64_t i = 0; i < part.rows; i++) {
			if (row_valid(mask, part.from + i))
				to = copy_string(to, &strings[part.from + i]);
			uint32_t offset = (uint32_t)(to - out->values.data); // see builder_finish
			memcpy(offsets + i * 4, &offset, 4);
		}
		out->values.len += bytes;
	}
	column_reader_add_validity(part, out);
	return ST_OK;
}

// ---- types that become text ----

static Status
read_formatted(const ColumnReader *reader, VectorPart part, ColumnBuilder *out, Error *err)
{
	(void)err;
	const void *data = duckdb_vector_get_data(part.vector);
	const uint64_t *mask = duckdb_vector_get_validity(part.vector);
	for (int64_t row = part.from; row < part.from + part.rows; row++) {
		if (row_valid(mask, row))
			reader->format(reader, data, row, &out->values);
		buf_add_u32(&out->offsets, (uint32_t)out->values.len);
	}
	column_reader_add_validity(part, out);
	return ST_OK;
}

// 128 bits whose first is flipped, so that UUIDs order as signed numbers.
static void
format_uuid(const ColumnReader *reader, const void *data, int64_t row, Buf *out)
{
	(void)reader;
	duckdb_hugeint value = ((const duckdb_hugeint *)data)[row];
	uint64_t high = (uint64_t)value.upper ^ UINT64_C(1) << 63;
	buf_add_printf(out, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(high >> 32),
				   (unsigned)(high >> 16 & 0xFFFF), (unsigned)(high & 0xFFFF),
				   (unsigned)(value.lower >> 48),
				   (unsigned long long)(value.lower & UINT64_C(0xFFFFFFFFFFFF)));
}

static void
format_enum(const ColumnReader *reader, const void *data, int64_t row, Buf *out)
{
	uint32_t index = 0;
	memcpy(&index, (const uint8_t *)data + (size_t)row * reader->width, reader->width);
	buf_add_slice(out, reader->words[index]);
}

// The first byte says how many bits of the second are not used.
static void
format_bits(const ColumnReader *reader, const void *data, int64_t row, Buf *out)
{
	(void)reader;
	duckdb_string_t value = ((const duckdb_string_t *)data)[row];
	const uint8_t *bytes = (const uint8_t *)duckdb_string_t_data(&value);
	uint64_t bits = (uint64_t)(duckdb_string_t_length(value) - 1) * 8;
	for (uint64_t i = bytes[0]; i < bits; i++)
		buf_add_byte(out, bytes[1 + i / 8] >> (7 - i % 8) & 1 ? '1' : '0');
}

// "12:34:56.5+05:30": as many digits as there are, and of the offset what is not 0.
static void
format_time_tz(const ColumnReader *reader, const void *data, int64_t row, Buf *out)
{
	(void)reader;
	duckdb_time_tz_struct value = duckdb_from_time_tz(((const duckdb_time_tz *)data)[row]);
	buf_add_printf(out, "%02d:%02d:%02d", value.time.hour, value.time.min, value.time.sec);
	if (value.time.micros != 0) {
		char digits[16];
		int len = snprintf(digits, sizeof(digits), ".%06d", value.time.micros);
		while (digits[len - 1] == '0')
			len--;
		buf_add(out, digits, (size_t)len);
	}
	int offset = abs(value.offset);
	buf_add_printf(out, "%c%02d", value.offset < 0 ? '-' : '+', offset / 3600);
	if (offset % 3600 != 0)
		buf_add_printf(out, ":%02d", offset / 60 % 60);
	if (offset % 60 != 0)
		buf_add_printf(out, ":%02d", offset % 60);
}

// ---- which reader ----

static Status
read_words(ColumnReader *reader, duckdb_logical_type type, Arena *arena, Error *err)
{
	uint32_t count = duckdb_enum_dictionary_size(type);
	reader->words = arena_array(arena, count, sizeof(Slice));
	for (uint32_t i = 0; reader->words != NULL && i < count; i++) {
		char *word = duckdb_enum_dictionary_value(type, i);
		char *kept = word == NULL ? NULL : arena_strdup(arena, word);
		duckdb_free(word);
		if (kept == NULL)
			return error_no_memory(err, "the values of an ENUM");
		reader->words[i] = slice_text(kept);
	}
	switch (duckdb_enum_internal_type(type)) {
	case DUCKDB_TYPE_UTINYINT: reader->width = 1; break;
	case DUCKDB_TYPE_USMALLINT: reader->width = 2; break;
	default: reader->width = 4; break;
	}
	return arena_status(arena, err, "the values of an ENUM");
}

Status
text_reader_choose(ColumnReader *reader, duckdb_logical_type type, Arena *arena, Error *err)
{
	reader->read = read_formatted;
	switch (duckdb_get_type_id(type)) {
	case DUCKDB_TYPE_UUID: reader->format = format_uuid; return ST_OK;
	case DUCKDB_TYPE_BIT: reader->format = format_bits; return ST_OK;
	case DUCKDB_TYPE_TIME_TZ: reader->format = format_time_tz; return ST_OK;
	case DUCKDB_TYPE_ENUM:
		reader->format = format_enum;
		return read_words(reader, type, arena, err);
	default: reader->read = read_strings; return ST_OK;
	}
}
