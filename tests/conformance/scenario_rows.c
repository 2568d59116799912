#include "arrow/builder.h"
#include "arrow/ipc_write.h"
#include "scenario.h"

static Status
make_schema(TypeId type, Schema **out, Error *err)
{
	if (type == TYPE_NULL)
		return schema_new(NULL, 0, NULL, 0, out, err);
	return schema_of(out, err, 1, "number", type, false);
}

Status
rows_schema(TypeId type, Buf *out, Error *err)
{
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(make_schema(type, &schema, err));
	return ipc_schema_encode(schema, out, err);
}

static Status
make_batch(Schema *schema, const int64_t *values, size_t count, Batch **out, Error *err)
{
	SCOPED(builder_drop) Builder *builder = NULL;
	TRY(builder_new(schema, &builder, err));
	for (size_t i = 0; i < count; i++)
		column_add_int(builder_column(builder, 0), values[i]);
	return builder_finish(builder, (int64_t)count, out, err);
}

Status
rows_send_schema(FlightCall *call, TypeId type, Error *err)
{
	SCOPED(schema_drop) Schema *schema = NULL;
	SCOPED(buf_close) Buf header = BUF_INIT;
	TRY(make_schema(type, &schema, err));
	TRY(ipc_write_schema(schema, &header, err));
	flight_send_data(call, buf_slice(&header), (Slice){0}, NULL, 0);
	return ST_OK;
}

Status
rows_send_batch(FlightCall *call, TypeId type, const int64_t *values, size_t count, bool *room,
				Error *err)
{
	SCOPED(schema_drop) Schema *schema = NULL;
	SCOPED(batch_drop) Batch *batch = NULL;
	SCOPED(ipc_message_close) IpcMessage message = IPC_MESSAGE_INIT;
	TRY(make_schema(type, &schema, err));
	TRY(make_batch(schema, values, count, &batch, err));
	TRY(ipc_write_batch(batch, &message, err));
	*room = flight_send_data(call, buf_slice(&message.metadata), (Slice){0}, message.body,
							 (size_t)message.body_count);
	return ST_OK;
}

void
rows_send(FlightCall *call, TypeId type, const int64_t *values, size_t count)
{
	Error err = ERROR_INIT;
	bool room;
	Status status = rows_send_schema(call, type, &err);
	if (status == ST_OK)
		status = rows_send_batch(call, type, values, count, &room, &err);
	flight_finish(call, status, &err);
}
