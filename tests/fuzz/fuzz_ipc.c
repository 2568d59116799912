// Arrow IPC: a schema message, then for each further message it and its body; each of these behind
// its length as u32. What is accepted is written and read again.

#include <stdlib.h>

#include "arrow/ipc_read.h"
#include "arrow/ipc_write.h"
#include "base/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Values that were accepted are good: what is written of them is accepted as well.
static void
read_again(IpcReader *reader, Batch *batch)
{
	SCOPED(ipc_message_close) IpcMessage message = IPC_MESSAGE_INIT;
	SCOPED(bytes_drop) Bytes *body = NULL;
	SCOPED(batch_drop) Batch *again = NULL;
	SCOPED(ipc_reader_drop) IpcReader *second = NULL;
	SCOPED(buf_close) Buf schema = BUF_INIT;
	const IpcLimits limits = IPC_LIMITS_DEFAULT;
	bool plain;
	Status st = ipc_write_schema(ipc_reader_schema(reader), &schema, NULL);
	if (st == ST_OK)
		st = ipc_reader_new(buf_slice(&schema), limits, NULL, &second, NULL);
	if (st == ST_OK)
		st = ipc_write_batch(batch, &message, NULL);
	if (st == ST_OK)
		st = ipc_message_body(&message, NULL, &body, NULL);
	if (st == ST_OK)
		st = ipc_reader_message(second, buf_slice(&message.metadata), bytes_slice(body), body,
								&again, &plain, NULL);
	if (st != ST_OK)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const IpcLimits limits = {.decompressed_bytes = 1 << 20, .columns = 256, .depth = 16};
	SCOPED(ipc_reader_drop) IpcReader *reader = NULL;
	Reader input = reader_of(slice_of(data, size));
	if (ipc_reader_new(reader_counted(&input), limits, NULL, &reader, NULL) != ST_OK)
		return 0;
	while (reader_left(&input) > 0 && !input.failed) {
		SCOPED(batch_drop) Batch *batch = NULL;
		bool plain;
		Slice message = reader_counted(&input);
		SCOPED(bytes_drop) Bytes *body = bytes_copy(NULL, reader_counted(&input));
		if (ipc_reader_message(reader, message, bytes_slice(body), body, &batch, &plain, NULL) ==
				ST_OK &&
			batch != NULL)
			read_again(reader, batch);
	}
	return 0;
}
