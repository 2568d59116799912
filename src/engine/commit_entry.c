#include <inttypes.h>

#include "base/mem.h"
#include "engine/commit.h"
#include "store/batch_record.h"

void
commit_entry_close(CommitEntry *entry)
{
	segment_insert_free(entry->insert);
	newest_put_free(entry->newest);
	newest_hits_free(entry->hits);
	store_define_free(entry->define);
	catalog_change_free(entry->change);
	store_adopt_free(entry->adopt);
	store_delete_free(entry->del);
	store_database_free(entry->database);
	table_unref(entry->table);
	shape_unref(entry->shape);
	ipc_message_close(&entry->message);
	bytes_unref(entry->body);
	mem_free(entry->pieces);
	buf_close(&entry->head);
	*entry = (CommitEntry){0};
}

CommitEntry *
commit_entries(Commit *commit, int32_t *count)
{
	bool one = commit->entries == NULL;
	*count = one ? 1 : commit->count;
	return one ? &commit->entry : commit->entries;
}

Status
commit_entry_seal_batch(CommitEntry *entry, Slice metadata, Error *err)
{
	BatchRecord record = {.metadata = metadata};
	if (entry->producer != NULL) {
		record.producer = producer_name(entry->producer);
		record.producer_seq = entry->producer_seq;
	}
	batch_record_add_head(&record, &entry->head);
	return commit_entry_seal(entry, err);
}

Status
commit_entry_seal(CommitEntry *entry, Error *err)
{
	// A re-encoded batch comes as an IpcMessage, one as received with its body.
	bool encoded = entry->message.metadata.len > 0;
	TRY(buf_status(&entry->head, err, "a commit"));

	int32_t body_count = encoded ? entry->message.body_count : entry->body != NULL ? 1 : 0;
	entry->pieces = mem_alloc_array((size_t)body_count + 1, sizeof(Piece));
	if (entry->pieces == NULL)
		return error_no_memory(err, "a commit");
	entry->pieces[0] = (Piece){entry->head.data, entry->head.len, NULL};
	uint64_t length = entry->head.len;
	for (int32_t i = 0; i < body_count; i++) {
		Slice whole = encoded ? (Slice){0} : bytes_slice(entry->body);
		entry->pieces[i + 1] =
			encoded ? entry->message.body[i] : (Piece){whole.data, whole.len, entry->body};
		length += entry->pieces[i + 1].len;
	}
	if (length > UINT32_MAX)
		return error_set(err, ST_LIMIT, "a commit of %" PRIu64 " bytes; send smaller batches",
						 length);

	entry->wal.pieces = entry->pieces;
	entry->wal.piece_count = body_count + 1;
	entry->wal.length = (uint32_t)length;
	entry->wal.payload_crc = wal_payload_crc(entry->pieces, body_count + 1);
	return ST_OK;
}

void
commit_entry_has_no_times(CommitEntry *entry)
{
	entry->wal.min_time = 1;
	entry->wal.max_time = 0;
}

Status
commit_entry_of_deletion(Table *table, StoreDelete *del, CommitEntry *out, Error *err)
{
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	SCOPED(commit_entry_close)
	CommitEntry entry = {.wal = {.kind = WAL_DELETE, .table_id = table_id(def)},
						 .table = table_ref(table),
						 .del = del};
	commit_entry_has_no_times(&entry);
	TRY(store_delete_encode(entry.del, &entry.head, err));
	TRY(commit_entry_seal(&entry, err));
	*out = entry;
	entry = (CommitEntry){0};
	return ST_OK;
}
