#include "live/message.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/timeval.h"

Message *
message_ref(Message *message)
{
	atomic_fetch_add_explicit(&message->refs, 1, memory_order_relaxed);
	return message;
}

void
message_unref(Message *message)
{
	if (message == NULL || atomic_fetch_sub_explicit(&message->refs, 1, memory_order_acq_rel) > 1)
		return;
	buf_close(&message->text);
	if (message->has_ipc)
		ipc_message_close(&message->ipc);
	mem_free(message);
}

Status
message_new(MessageKind kind, uint64_t seq, Message **out, Error *err)
{
	Message *message = mem_alloc(sizeof(*message));
	if (message == NULL)
		return error_no_memory(err, "a message");
	atomic_init(&message->refs, 1);
	message->kind = kind;
	message->seq = seq;
	*out = message;
	return ST_OK;
}

Status
message_done(Message *message, Error *err)
{
	message->bytes = message->text.len;
	if (message->has_ipc)
		message->bytes += message->ipc.metadata.len + message->ipc.body_len;
	return buf_status(&message->text, err, "a message");
}

// ---- rows ----

static void
add_rows(const JsonRows *json, const Batch *rows, Buf *out)
{
	buf_add_text(out, ",\"rows\":[");
	for (int64_t i = 0; i < batch_rows(rows); i++) {
		if (i > 0)
			buf_add_byte(out, ',');
		json_rows_add(json, rows, i, out);
	}
	buf_add_byte(out, ']');
}

Status
message_of_rows(const LiveQuery *query, MessageForm form, const MessageRows *about, Batch *rows,
				Message **out, Error *err)
{
	SCOPED(message_drop) Message *message = NULL;
	TRY(message_new(MESSAGE_ROWS, about->seq, &message, err));
	message->snapshot = about->snapshot;
	message->more = about->more;
	message->rows = batch_rows(rows);
	Buf *text = &message->text;
	buf_add_text(text, about->snapshot ? "\"phase\":\"snapshot\"," : "");
	buf_add_printf(text, "\"seq\":%" PRIu64, about->seq);
	buf_add_text(text, about->more ? ",\"more\":true" : "");
	if (form == FORM_ARROW) {
		TRY(ipc_write_batch(rows, &message->ipc, err));
		message->has_ipc = true;
	} else {
		add_rows(live_query_json(query, form == FORM_OBJECTS ? JSON_OBJECTS : JSON_ARRAYS), rows,
				 text);
	}
	buf_add_byte(text, '}');
	TRY(message_done(message, err));
	*out = TAKE(message);
	return ST_OK;
}

// ---- other changes ----

// What a bulk commit may have touched, by the table's time.
static void
add_range(const LiveQuery *query, const FeedEntry *entry, Buf *out)
{
	TableDef *def = live_query_def(query);
	int32_t time = table_time_column(def);
	if (time < 0 || entry->min_time > entry->max_time)
		return;
	char from[TIME_TEXT], to[TIME_TEXT];
	time_format(entry->min_time, 9, false, from);
	time_format(entry->max_time, 9, false, to);
	buf_add_text(out, ",\"where\":{");
	text_json_string(out, slice_text(schema_field(table_schema(def), time)->name));
	buf_add_printf(out, ":[\"%s\",\"%s\"]}", from, to);
}

static Status
message_of_change(const LiveQuery *query, const FeedEntry *entry, const MessageRows *about,
				  Message **out, Error *err)
{
	SCOPED(message_drop) Message *message = NULL;
	TRY(message_new(MESSAGE_CHANGE, about->seq, &message, err));
	message->more = about->more;
	bool bulk = entry->kind == FEED_BULK;
	Buf *text = &message->text;
	buf_add_printf(text, "\"seq\":%" PRIu64 "%s,\"op\":\"%s\"", about->seq,
				   about->more ? ",\"more\":true" : "", bulk ? "bulk" : "delete");
	buf_add_text(text, bulk ? "" : ",\"partial\":true");
	if (bulk)
		add_range(query, entry, text);
	buf_add_byte(text, '}');
	TRY(message_done(message, err));
	*out = TAKE(message);
	return ST_OK;
}

// ---- a commit ----

void
message_list_close(MessageList *list)
{
	for (int32_t i = 0; i < list->count; i++)
		message_unref(list->at[i]);
	mem_free(list->at);
	*list = (MessageList){0};
}

// What of a commit is told: entries, and the rows of those that have some.
typedef struct Part {
	const FeedEntry *entry;
	Batch *rows;
} Part;

typedef struct Parts {
	Part *at;
	int32_t count;
} Parts;

static void
parts_close(Parts *parts)
{
	for (int32_t i = 0; i < parts->count; i++)
		batch_unref(parts->at[i].rows);
	mem_free(parts->at);
}

static Status
find_parts(const LiveQuery *query, const FeedCommit *commit, const LiveWork *work, Parts *out,
		   Error *err)
{
	out->at = mem_alloc_array((size_t)commit->count, sizeof(*out->at));
	if (out->at == NULL)
		return error_no_memory(err, "a commit of the feed");
	for (int32_t i = 0; i < commit->count; i++) {
		const FeedEntry *entry = &commit->entries[i];
		Batch *rows = NULL;
		if (entry->kind == FEED_ROWS)
			TRY(live_query_run(query, entry, work, &rows, err));
		if (rows != NULL || entry->kind == FEED_DELETE || entry->kind == FEED_BULK)
			out->at[out->count++] = (Part){entry, rows};
	}
	return ST_OK;
}

Status
messages_of_commit(const LiveQuery *query, MessageForm form, const FeedCommit *commit,
				   const LiveWork *work, MessageList *out, Error *err)
{
	SCOPED(parts_close) Parts parts = {0};
	SCOPED(message_list_close) MessageList list = {0};
	TRY(find_parts(query, commit, work, &parts, err));
	list.at = mem_alloc_array((size_t)parts.count + 1, sizeof(Message *));
	if (list.at == NULL)
		return error_no_memory(err, "a commit of the feed");
	for (int32_t i = 0; i < parts.count; i++) {
		const Part *part = &parts.at[i];
		MessageRows about = {.seq = commit->seq, .more = i + 1 < parts.count};
		Message **to = &list.at[list.count];
		if (part->rows != NULL)
			TRY(message_of_rows(query, form, &about, part->rows, to, err));
		else
			TRY(message_of_change(query, part->entry, &about, to, err));
		list.count++;
	}
	*out = list;
	list = (MessageList){0};
	return ST_OK;
}
