// message.h - one message of a subscription, encoded once and shared by all who get it.
//
// As text it is the part behind what each subscriber puts before it ({"type":"rows","id":"s1",).
//
// Threads  immutable and counted: any.

#pragma once

#include "arrow/ipc_write.h"
#include "live/live_query.h"

typedef enum MessageKind {
	MESSAGE_SUBSCRIBED,
	MESSAGE_ROWS,
	MESSAGE_SNAPSHOT_END,
	MESSAGE_CHANGE,
	MESSAGE_PROGRESS,
	MESSAGE_GAP,
	MESSAGE_ERROR,
	MESSAGE_COMPLETE,
} MessageKind;

typedef enum MessageForm { FORM_ARRAYS, FORM_OBJECTS, FORM_ARROW } MessageForm;

typedef struct Message {
	_Atomic unsigned refs;
	MessageKind kind;
	uint64_t seq;
	bool snapshot;
	bool more; // the commit goes on in the next one
	int64_t rows;
	uint64_t bytes; // of payload: what credit counts
	Buf text;
	bool has_ipc;
	IpcMessage ipc;
} Message;

Message *message_ref(Message *message);
void message_unref(Message *message); // NULL is allowed
DEFINE_DROP(Message, message_drop, message_unref)

// With nothing in it but its kind and seq. The rest is added, then buf_status of its text asked.
Status message_new(MessageKind kind, uint64_t seq, Message **out, Error *err);
Status message_done(Message *message, Error *err); // sums it up; ST_NO_MEMORY

// Rows of a commit, or of the snapshot.
typedef struct MessageRows {
	uint64_t seq;
	bool snapshot;
	bool more;
} MessageRows;
Status message_of_rows(const LiveQuery *query, MessageForm form, const MessageRows *about,
					   Batch *rows, Message **out, Error *err);

// ---- a commit ----

// The messages of one commit, in order; none where nothing of it is asked for.
typedef struct MessageList {
	Message **at;
	int32_t count;
	int32_t cap;
} MessageList;
void message_list_close(MessageList *list);

Status messages_of_commit(const LiveQuery *query, MessageForm form, const FeedCommit *commit,
						  const LiveWork *work, MessageList *out, Error *err);
