#include <stdlib.h>

#include "ipc_stream.h"

static const char *const names[] = {"primitives", "strings", "dictionary", "lz4",   "zstd",
									"nested",     "fixed",   "times",      "empty", "sliced"};

static Bytes *
golden(const char *name, const char *ending)
{
	char file[100];
	snprintf(file, sizeof(file), "ipc/%s.%s", name, ending);
	return golden_read(file);
}

static void
same_text(Slice a, Slice b)
{
	if (!slice_equal(a, b))
		fail_msg("\n%.*s\nand not\n%.*s", (int)a.len, a.data, (int)b.len, b.data);
}

static void
streams_of_another_writer_say_what_it_wrote(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		SCOPED(bytes_drop) Bytes *stream = golden(names[i], "arrows");
		SCOPED(bytes_drop) Bytes *wanted = golden(names[i], "txt");
		SCOPED(buf_close) Buf text = BUF_INIT;
		Error err = ERROR_INIT;
		ok(stream_read(bytes_slice(stream), stream, &text, &err), &err);
		same_text(buf_slice(&text), bytes_slice(wanted));
	}
}

// Writes what is read as one more stream.
static Status
copy_stream(Slice stream, Bytes *owner, Buf *copy, Error *err)
{
	SCOPED(ipc_reader_drop) IpcReader *reader = NULL;
	Slice message, body;
	TRY(stream_open(&stream, &reader, err));
	TRY(stream_add_schema(copy, ipc_reader_schema(reader), err));
	while (stream_next(&stream, &message, &body)) {
		SCOPED(batch_drop) Batch *batch = NULL;
		bool plain;
		TRY(ipc_reader_message(reader, message, body, owner, &batch, &plain, err));
		if (batch != NULL)
			TRY(stream_add_batch(copy, batch, err));
	}
	return ST_OK;
}

static void
what_is_read_can_be_written_and_read_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		SCOPED(bytes_drop) Bytes *stream = golden(names[i], "arrows");
		SCOPED(bytes_drop) Bytes *wanted = golden(names[i], "txt");
		SCOPED(buf_close) Buf copy = BUF_INIT;
		SCOPED(buf_close) Buf text = BUF_INIT;
		Error err = ERROR_INIT;
		ok(copy_stream(bytes_slice(stream), stream, &copy, &err), &err);
		SCOPED(bytes_drop) Bytes *copied = buf_to_bytes(&copy);
		ok(stream_read(bytes_slice(copied), copied, &text, &err), &err);
		same_text(buf_slice(&text), bytes_slice(wanted));
	}
}

static void
only_plain_batches_are_said_to_be_plain(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		SCOPED(bytes_drop) Bytes *owner = golden(names[i], "arrows");
		SCOPED(ipc_reader_drop) IpcReader *reader = NULL;
		Error err = ERROR_INIT;
		Slice stream = bytes_slice(owner), message, body;
		ok(stream_open(&stream, &reader, &err), &err);
		bool wanted = strcmp(names[i], "lz4") != 0 && strcmp(names[i], "zstd") != 0 &&
					  strcmp(names[i], "dictionary") != 0 && strcmp(names[i], "empty") != 0;
		while (stream_next(&stream, &message, &body)) {
			SCOPED(batch_drop) Batch *batch = NULL;
			bool plain;
			ok(ipc_reader_message(reader, message, body, owner, &batch, &plain, &err), &err);
			assert_int_equal(plain, wanted);
		}
	}
}

static void
a_body_at_any_address_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		SCOPED(bytes_drop) Bytes *stream = golden(names[i], "arrows");
		SCOPED(bytes_drop) Bytes *wanted = golden(names[i], "txt");
		size_t len = bytes_len(stream);
		for (size_t shift = 1; shift < 8; shift += 3) {
			SCOPED(bytes_drop) Bytes *moved = bytes_new(NULL, len + shift);
			SCOPED(buf_close) Buf text = BUF_INIT;
			Error err = ERROR_INIT;
			memcpy(bytes_data(moved) + shift, bytes_data(stream), len);
			ok(stream_read(slice_of(bytes_data(moved) + shift, len), moved, &text, &err), &err);
			same_text(buf_slice(&text), bytes_slice(wanted));
		}
	}
}

// A copy of exactly `len` bytes, so that a sanitizer sees each byte beyond.
static void
read_exactly(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len + 1);
	memcpy(copy, data, len);
	SCOPED(bytes_drop) Bytes *owner = bytes_wrap(copy, len, free, copy);
	SCOPED(buf_close) Buf text = BUF_INIT;
	(void)stream_read(bytes_slice(owner), owner, &text, NULL);
}

static void
every_truncation_is_refused_or_valid(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		SCOPED(bytes_drop) Bytes *stream = golden(names[i], "arrows");
		for (size_t len = 0; len < bytes_len(stream); len++)
			read_exactly(bytes_data(stream), len);
	}
}

static void
every_truncated_message_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		SCOPED(bytes_drop) Bytes *owner = golden(names[i], "arrows");
		SCOPED(ipc_reader_drop) IpcReader *reader = NULL;
		Error err = ERROR_INIT;
		Slice stream = bytes_slice(owner), message, body;
		ok(stream_open(&stream, &reader, &err), &err);
		while (stream_next(&stream, &message, &body)) {
			Batch *batch = NULL;
			bool plain;
			for (size_t len = 0; len < message.len; len++) {
				SCOPED(mem_drop) uint8_t *copy = mem_copy(message.data, len);
				Status st = ipc_reader_message(reader, slice_of(copy, len), body, owner, &batch,
											   &plain, NULL);
				if (st == ST_OK) // what is cut off is padding, or a part nobody needs
					batch_unref(batch);
				batch = NULL;
			}
			for (size_t len = 0; len < body.len; len++)
				assert_int_equal(ipc_reader_message(reader, message, slice_of(body.data, len),
													owner, &batch, &plain, NULL),
								 ST_INVALID);
			ok(ipc_reader_message(reader, message, body, owner, &batch, &plain, &err), &err);
			batch_unref(batch);
		}
	}
}

// Flips bits one by one; what follows the schema is fed to one reader, whose state stays sound.
static void
flip_all(Bytes *owner)
{
	SCOPED(ipc_reader_drop) IpcReader *reader = NULL;
	SCOPED(buf_close) Buf text = BUF_INIT;
	Error err = ERROR_INIT;
	Slice stream = bytes_slice(owner);
	ok(stream_open(&stream, &reader, &err), &err);
	uint8_t *bytes = bytes_data(owner);
	for (size_t bit = 0; bit < 8 * bytes_len(owner); bit++) {
		bool in_schema = bytes + bit / 8 < stream.data;
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		if (in_schema)
			(void)stream_read(bytes_slice(owner), owner, &text, &err);
		else
			(void)stream_feed(reader, stream, owner, &text, &err);
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		buf_reset(&text);
	}
}

static void
every_flipped_bit_is_refused_or_valid(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		SCOPED(bytes_drop) Bytes *stream = golden(names[i], "arrows");
		flip_all(stream);
	}
}

static void
reading_and_writing_undo_themselves_when_memory_is_short(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		Bytes *stream = golden(names[i], "arrows");
		FAULT_LOOP(st, {
			SCOPED(buf_close) Buf copy = BUF_INIT;
			Error err = ERROR_INIT;
			st = copy_stream(bytes_slice(stream), stream, &copy, &err);
		});
		bytes_unref(stream);
	}
}

static void
a_reader_goes_on_after_memory_was_short(void **state)
{
	(void)state;
	SCOPED(bytes_drop) Bytes *owner = golden("dictionary", "arrows");
	SCOPED(bytes_drop) Bytes *wanted = golden("dictionary", "txt");
	SCOPED(ipc_reader_drop) IpcReader *reader = NULL;
	SCOPED(buf_close) Buf text = BUF_INIT;
	Error err = ERROR_INIT;
	Slice stream = bytes_slice(owner), message, body;
	ok(stream_open(&stream, &reader, &err), &err);
	while (stream_next(&stream, &message, &body)) {
		SCOPED(batch_drop) Batch *batch = NULL;
		bool plain;
		Status st = ST_NO_MEMORY;
		for (long nth = 0; st != ST_OK; nth++) {
			fault_arm(nth);
			st = ipc_reader_message(reader, message, body, owner, &batch, &plain, &err);
			assert_int_equal(fault_disarm(), st != ST_OK);
		}
		if (batch != NULL)
			text_batch(&text, batch, ipc_reader_schema(reader));
	}
	same_text(buf_slice(&text), bytes_slice(wanted));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_of_another_writer_say_what_it_wrote),
		cmocka_unit_test(what_is_read_can_be_written_and_read_again),
		cmocka_unit_test(only_plain_batches_are_said_to_be_plain),
		cmocka_unit_test(a_body_at_any_address_is_read),
		cmocka_unit_test(every_truncation_is_refused_or_valid),
		cmocka_unit_test(every_truncated_message_is_refused),
		cmocka_unit_test(every_flipped_bit_is_refused_or_valid),
		cmocka_unit_test(reading_and_writing_undo_themselves_when_memory_is_short),
		cmocka_unit_test(a_reader_goes_on_after_memory_was_short),
	};
	return RUN(tests);
}
