#include "engine/put_metadata.h"

#include <jansson.h>
#include <string.h>

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
parse_producer(json_t *object, PutMetadata *out, Error *err)
{
	json_t *name = json_object_get(object, "producer"), *seq = json_object_get(object, "seq");
	if (name == NULL)
		return ST_OK;
	if (!json_is_string(name) || !json_is_integer(seq))
		return error_set(err, ST_INVALID,
						 "a producer is a text and needs an integer \"seq\" beside it: "
						 "{\"producer\": \"gateway-1\", \"seq\": 42}");
	// Behind any other it would pass for a repetition, and its rows be dropped.
	if (json_integer_value(seq) < 0)
		return error_set(err, ST_INVALID,
						 "\"seq\" of producer \"%.64s\" is %lld: sequences are numbers from 0 "
						 "upward, each above the one before",
						 json_string_value(name), (long long)json_integer_value(seq));
	out->producer_seq = json_integer_value(seq);
	out->producer = mem_strndup(json_string_value(name), json_string_length(name));
	return out->producer == NULL ? error_no_memory(err, "app_metadata") : ST_OK;
}

static Status
parse_object(json_t *object, Slice app_metadata, Buf *client, PutMetadata *out, Error *err)
{
	TRY(parse_producer(object, out, err));
	if (json_object_size(object) > (out->producer != NULL ? 2 : 0))
		buf_add_slice(client, app_metadata);
	return ST_OK;
}

// What was meant as an object would lose its producer, and with it what is stored once only.
static bool
is_meant_as_object(Slice text)
{
	static const char word[] = "\"producer\"";
	return text.data[0] == '{' || memmem(text.data, text.len, word, sizeof(word) - 1) != NULL;
}

static Status
parse_text(Slice text, const json_error_t *why, Buf *client, Error *err)
{
	if (is_meant_as_object(text))
		return error_set(err, ST_INVALID, "app_metadata is no JSON object: %s", why->text);
	return echo_text(text, client);
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
	json_error_t why;
	json_t *json =
		json_loadb((const char *)app_metadata.data, app_metadata.len, JSON_REJECT_DUPLICATES, &why);
	Status st = json_is_object(json) ? parse_object(json, app_metadata, &client, out, err)
				: json != NULL       ? echo_text(app_metadata, &client)
									 : parse_text(app_metadata, &why, &client, err);
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
	mem_free(metadata->producer);
	*metadata = (PutMetadata){0};
}
