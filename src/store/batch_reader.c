#include "store/batch_reader.h"

#include "arrow/ipc_read.h"
#include "arrow/ipc_write.h"
#include "base/mem.h"

typedef struct KnownShape {
	Shape *shape;
	IpcReader *reader;
} KnownShape;

enum { SHAPES_KNOWN = 64 };

struct BatchReader {
	BytesPool *pool;
	KnownShape shapes[SHAPES_KNOWN]; // by id
};

Status
batch_reader_new(BytesPool *pool, BatchReader **out, Error *err)
{
	BatchReader *reader = mem_alloc(sizeof(*reader));
	if (reader == NULL)
		return error_no_memory(err, "reading the log");
	reader->pool = pool;
	*out = reader;
	return ST_OK;
}

static void
forget_shape(KnownShape *known)
{
	ipc_reader_free(known->reader);
	shape_unref(known->shape);
	*known = (KnownShape){0};
}

void
batch_reader_free(BatchReader *reader)
{
	if (reader == NULL)
		return;
	for (int i = 0; i < SHAPES_KNOWN; i++)
		forget_shape(&reader->shapes[i]);
	mem_free(reader);
}

static Status
reader_of_shape(Shape *shape, BytesPool *pool, IpcReader **out, Error *err)
{
	SCOPED(buf_close) Buf message = BUF_INIT;
	TRY(ipc_write_schema(shape_schema(shape), &message, err));
	IpcLimits limits = IPC_LIMITS_DEFAULT;
	return ipc_reader_new(buf_slice(&message), limits, pool, out, err);
}

static Status
find_shape(BatchReader *reader, const WalRecord *record, KnownShape **out, Error *err)
{
	KnownShape *known = &reader->shapes[record->schema_id % SHAPES_KNOWN];
	bool fits = known->reader != NULL && shape_id(known->shape) == record->schema_id;
	if (!fits) {
		forget_shape(known);
		TRY(shape_decode(record->schema, record->schema_id, &known->shape, err));
		TRY(reader_of_shape(known->shape, reader->pool, &known->reader, err));
	}
	*out = known;
	return ST_OK;
}

Status
batch_reader_read(BatchReader *reader, const WalRecord *record, const BatchRecord *parts,
				  Batch **out, Shape **shape, Error *err)
{
	KnownShape *known;
	SCOPED(batch_drop) Batch *batch = NULL;
	bool plain;
	TRY(find_shape(reader, record, &known, err));
	TRY(ipc_reader_message(known->reader, parts->metadata, parts->body, record->owner, &batch,
						   &plain, err));
	*shape = known->shape;
	*out = batch != NULL && batch_rows(batch) > 0 ? TAKE(batch) : NULL;
	return ST_OK;
}
