// define_asked.c - what a put's schema metadata asks of its table: mobius.time and its like.

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/setting.h"
#include "engine/define_int.h"

#define PREFIX "mobius."

// Behind the prefix. durability and producer are of the stream, not of the table.
static const char *const KNOWN[] = {"time", "tags",       "dedup",   "ttl",
									"key",  "durability", "producer"};

static Status
report_unknown(Slice key, Error *err)
{
	char text[96];
	(void)snprintf(text, sizeof(text), "%.*s", key.len < 80 ? (int)key.len : 80,
				   (const char *)key.data);
	const char *near = setting_propose(text + strlen(PREFIX), KNOWN, COUNT_OF(KNOWN));
	if (near != NULL)
		return error_set(err, ST_INVALID,
						 "there is no schema metadata key \"%s\"; did you mean \"" PREFIX "%s\"?",
						 text, near);
	SCOPED(buf_close) Buf all = BUF_INIT;
	for (size_t i = 0; i < COUNT_OF(KNOWN); i++)
		buf_add_printf(&all, "%s" PREFIX "%s",
					   i == 0                    ? ""
					   : i + 1 < COUNT_OF(KNOWN) ? ", "
												 : " and ",
					   KNOWN[i]);
	return error_set(err, ST_INVALID, "there is no schema metadata key \"%s\"; there are %s", text,
					 buf_text(&all));
}

static bool
is_known(Slice name)
{
	for (size_t i = 0; i < COUNT_OF(KNOWN); i++)
		if (slice_is(name, KNOWN[i]))
			return true;
	return false;
}

static Status
check_keys(const Schema *schema, Error *err)
{
	const size_t prefix = strlen(PREFIX);
	for (int32_t i = 0; i < schema_metadata_count(schema); i++) {
		Slice key = schema_metadata(schema, i)->key;
		if (key.len < prefix || strncasecmp((const char *)key.data, PREFIX, prefix) != 0)
			continue;
		bool lower = memcmp(key.data, PREFIX, prefix) == 0;
		if (!lower || !is_known(slice_of(key.data + prefix, key.len - prefix)))
			return report_unknown(key, err);
	}
	return ST_OK;
}

// A value of the schema's metadata as text, or NULL.
static Status
read_text(const Schema *schema, const char *name, char **out, Error *err)
{
	Slice value;
	char key[32];
	(void)snprintf(key, sizeof(key), PREFIX "%s", name);
	if (!schema_metadata_get(schema, key, &value))
		return ST_OK;
	*out = mem_strndup((const char *)value.data, value.len);
	return *out == NULL ? error_no_memory(err, "schema metadata") : ST_OK;
}

Status
asked_read(const PutTarget *target, Asked *out, Error *err)
{
	TRY(check_keys(target->wire, err));
	for (size_t i = 0; i < COUNT_OF(out->texts); i++)
		TRY(read_text(target->wire, KNOWN[i], &out->texts[i], err));
	out->request = (TableRequest){
		.database = target->database,
		.name = target->table,
		.schema = target->decoded,
		.time = out->texts[0],
		.tags = out->texts[1],
		.dedup = out->texts[2],
		.ttl = out->texts[3],
		.key = out->texts[4],
	};
	return ST_OK;
}

void
asked_close(Asked *asked)
{
	for (size_t i = 0; i < COUNT_OF(asked->texts); i++)
		mem_free(asked->texts[i]);
}
