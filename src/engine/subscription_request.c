#include "engine/subscription_request.h"

#include <string.h>

#include "base/text.h"

void
subscription_request_close(SubscriptionRequest *request)
{
	json_decref(request->json);
	*request = (SubscriptionRequest){0};
}

static Status
read_text(const json_t *json, const char *key, const char **out, Error *err)
{
	const json_t *value = json_object_get(json, key);
	if (value == NULL || json_is_null(value))
		return ST_OK;
	*out = json_string_value(value);
	return *out != NULL ? ST_OK : error_set(err, ST_INVALID, "\"%s\" is no text", key);
}

// *given false: it is not there.
static Status
read_count(const json_t *json, const char *key, uint64_t *out, bool *given, Error *err)
{
	const json_t *value = json_object_get(json, key);
	*given = value != NULL && !json_is_null(value);
	if (!*given)
		return ST_OK;
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return error_set(err, ST_INVALID, "\"%s\" is no count: a whole number from 0 on", key);
	*out = (uint64_t)json_integer_value(value);
	return ST_OK;
}

static Status
read_position(const json_t *start, FeedPosition *out, Error *err)
{
	const char *epoch = NULL;
	bool given = false;
	TRY(read_text(start, "epoch", &epoch, err));
	TRY(read_count(start, "seq", &out->seq, &given, err));
	bool whole =
		given && epoch != NULL && text_unhex(slice_text(epoch), out->epoch, sizeof(out->epoch));
	return whole ? ST_OK
				 : error_set(err, ST_INVALID,
							 "\"start\" as a position is {\"epoch\": text of 32 digits, \"seq\": "
							 "number}, as messages have them");
}

static Status
read_start(SubscriptionRequest *request, Error *err)
{
	static const char *const names[] = {"now", "latest", "snapshot"};
	const json_t *start = json_object_get(request->json, "start");
	if (start == NULL || json_is_null(start))
		return ST_OK;
	if (json_is_object(start)) {
		request->start = START_RESUME;
		return read_position(start, &request->position, err);
	}
	const char *name = json_string_value(start);
	for (size_t i = 0; name != NULL && i < COUNT_OF(names); i++) {
		request->start = (Start)i;
		if (strcmp(name, names[i]) == 0)
			return ST_OK;
	}
	return error_set(err, ST_INVALID,
					 "\"start\" is \"now\", \"latest\", \"snapshot\" or a position");
}

static Status
read_on_slow(SubscriptionRequest *request, Error *err)
{
	const char *name = "disconnect";
	TRY(read_text(request->json, "on_slow", &name, err));
	request->options.on_slow = strcmp(name, "gap") == 0 ? SLOW_GAP : SLOW_DISCONNECT;
	if (strcmp(name, "latest") == 0)
		return error_set(err, ST_UNIMPLEMENTED,
						 "\"on_slow\": \"latest\" is not built; take \"gap\" or \"disconnect\"");
	if (request->options.on_slow == SLOW_DISCONNECT && strcmp(name, "disconnect") != 0)
		return error_set(err, ST_INVALID, "\"on_slow\" is \"disconnect\" or \"gap\"");
	return ST_OK;
}

static Status
read_params(SubscriptionRequest *request, Error *err)
{
	const json_t *params = json_object_get(request->json, "params");
	if (params == NULL || json_is_null(params))
		return ST_OK;
	request->params = params;
	return json_is_array(params) ? ST_OK : error_set(err, ST_INVALID, "\"params\" is no list");
}

Status
subscription_request_read(Slice json, SubscriptionRequest *out, Error *err)
{
	json_error_t cause;
	SCOPED(subscription_request_close)
	SubscriptionRequest request = {
		.json = json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, &cause)};
	SubscriberOptions *options = &request.options;
	uint64_t progress_ms = 0;
	bool given;
	if (!json_is_object(request.json))
		return error_set(err, ST_INVALID, "a subscription is asked for by a JSON object%s%s",
						 request.json == NULL ? ": " : "", request.json == NULL ? cause.text : "");
	TRY(read_text(request.json, "sql", &request.sql, err));
	if (request.sql == NULL)
		return error_set(err, ST_INVALID, "\"sql\" is missing: SELECT columns FROM table");
	TRY(read_text(request.json, "id", &request.id, err));
	TRY(read_params(&request, err));
	TRY(read_start(&request, err));
	TRY(read_count(request.json, "until", &options->until, &given, err));
	TRY(read_count(request.json, "credit", &options->credit, &options->limited, err));
	TRY(read_count(request.json, "progress_ms", &progress_ms, &given, err));
	if (progress_ms > INT64_MAX / 1000000)
		return error_set(err, ST_INVALID, "\"progress_ms\" is too large");
	options->progress_ns = (int64_t)progress_ms * 1000000;
	TRY(read_on_slow(&request, err));
	*out = request;
	request = (SubscriptionRequest){0};
	return ST_OK;
}
