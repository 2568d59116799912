#include "engine/put_metadata.h"

#include <jansson.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

enum { MOST_BYTES = 8 << 10 };

static Status
echo_text(Slice bytes, Buf *out)
{
	if (utf8_valid(bytes.data, bytes.len)) {
		text_json_string(out, bytes);
		return ST_OK;
	}
	buf_add_text(out, "\"");
	text_base64(out, bytes);
	buf_add_text(out, "\"");
	return ST_OK;
}

static Status
parse_object(json_t *object, Slice app_metadata, Buf *out, Error *err)
{
	if (json_object_get(object, "producer") != NULL)
		return error_set(
			err, ST_UNIMPLEMENTED,
			"exactly-once producers are not built yet; leave out \"producer\" in app_metadata");
	if (json_object_size(object) > 0)
		buf_add_slice(out, app_metadata);
	return ST_OK;
}

Status
put_metadata_parse(Slice app_metadata, PutMetadata *out, Error *err)
{
	if (app_metadata.len == 0)
		return ST_OK;
	if (app_metadata.len > MOST_BYTES)
		return error_set(err, ST_INVALID, "app_metadata has %zu bytes; at most %d are echoed",
						 app_metadata.len, MOST_BYTES);
	SCOPED(buf_close) Buf client = BUF_INIT;
	json_t *json =
		json_loadb((const char *)app_metadata.data, app_metadata.len, JSON_REJECT_DUPLICATES, NULL);
	Status st = json_is_object(json) ? parse_object(json, app_metadata, &client, err)
									 : echo_text(app_metadata, &client);
	json_decref(json);
	TRY(st);
	TRY(buf_status(&client, err, "app_metadata"));
	if (client.len == 0)
		return ST_OK;
	out->client = buf_take_text(&client);
	return out->client == NULL ? error_no_memory(err, "app_metadata") : ST_OK;
}

void
put_metadata_close(PutMetadata *metadata)
{
	mem_free(metadata->client);
	*metadata = (PutMetadata){0};
}
