// A tail goes through a file from its begin, from record to record, since each is the proof of the
// next; payloads that nobody asks for are passed over. Where it stopped is kept, so that the next
// read goes on there. Whether the file is still one that may be read is asked once before it is
// opened, and again where a record does not verify: a recycled file is written over.

#include "wal/wal_tail.h"

#include <inttypes.h>

#include "base/mem.h"
#include "wal/wal_gather_int.h"
#include "wal/wal_read_int.h"

enum { TAIL_WINDOW_BYTES = 256 << 10 };

struct WalTail {
	Wal *wal;
	uint32_t *tables;
	int32_t table_count; // 0: all
	uint64_t seq;
	uint64_t next;

	// Behind the last whole commit that was read in file `number`; 0: in none yet.
	uint64_t number;
	uint64_t offset;
	uint32_t crc;
	uint64_t walked;  // the seq of that commit
	uint64_t missing; // commits behind this seq, up to the next one, cannot be read; 0: none
	WalGather gather;
};

// What is read of one file, as the list says.
typedef struct TailFile {
	uint64_t number; // 0: nothing more is asked for
	uint32_t seed;
	uint64_t end;
	uint64_t last_seq;
} TailFile;

Status
wal_tail_open(Wal *wal, uint64_t after, const uint32_t *tables, int32_t count, WalTail **out,
			  Error *err)
{
	SCOPED(wal_tail_drop) WalTail *tail = mem_alloc(sizeof(*tail));
	if (tail == NULL)
		return error_no_memory(err, "reading the log");
	tail->wal = wal;
	tail->seq = after;
	if (count > 0) {
		tail->tables = mem_alloc_array((size_t)count, sizeof(*tables));
		if (tail->tables == NULL)
			return error_no_memory(err, "reading the log");
		memcpy(tail->tables, tables, (size_t)count * sizeof(*tables));
		tail->table_count = count;
	}
	*out = TAKE(tail);
	return ST_OK;
}

void
wal_tail_close(WalTail *tail)
{
	if (tail == NULL)
		return;
	wal_gather_close(&tail->gather);
	mem_free(tail->tables);
	mem_free(tail);
}

uint64_t
wal_tail_seq(const WalTail *tail)
{
	return tail->seq;
}

uint64_t
wal_tail_next(const WalTail *tail)
{
	return tail->next;
}

// ---- which file ----

static bool
asked_for(const WalTail *tail, uint32_t table_id)
{
	bool asked = table_id == 0 || tail->table_count == 0;
	for (int32_t i = 0; i < tail->table_count && !asked; i++)
		asked = tail->tables[i] == table_id;
	return asked;
}

// Whether its index has anything that is asked for.
static bool
file_has_asked(const WalTail *tail, const WalFile *file)
{
	bool has = tail->table_count == 0 || wal_index_find(&file->index, 0) != NULL;
	for (int32_t i = 0; i < tail->table_count && !has; i++)
		has = wal_index_find(&file->index, tail->tables[i]) != NULL;
	return has;
}

static Status
gone(WalTail *tail, uint64_t next, Error *err)
{
	tail->next = next;
	return error_set(err, ST_NOT_FOUND,
					 "the log has no commit %" PRIu64 " any more; it goes on with %" PRIu64
					 " (wal.keep_time and wal.keep_bytes say how much is kept)",
					 tail->seq + 1, next);
}

// The first file with commits that were not given. Under Wal.lock. Passes those by that have
// nothing that is asked for: so they may be recycled meanwhile.
static TailFile
look_for_file(WalTail *tail, uint64_t upto)
{
	const Wal *wal = tail->wal;
	for (const WalFile *file = wal->first; file != wal->ready; file = file->next) {
		if (file->min_seq == 0 || file->last_seq <= tail->seq)
			continue;
		if (file->min_seq > upto)
			break;
		if (file->header.number == tail->number && tail->offset >= file->end)
			continue; // the rest of it is damaged
		if (tail->missing != 0 || file_has_asked(tail, file))
			return (TailFile){file->header.number, file->seed, file->end, file->last_seq};
		tail->seq = file->last_seq < upto ? file->last_seq : upto;
	}
	tail->seq = tail->missing == 0 ? upto : tail->seq;
	return (TailFile){0};
}

static Status
find_file(WalTail *tail, uint64_t upto, TailFile *out, Error *err)
{
	Wal *wal = tail->wal;
	pthread_mutex_lock(&wal->lock);
	bool kept = wal->dir != NULL && tail->seq >= wal->gone_seq;
	if (kept)
		*out = look_for_file(tail, upto);
	pthread_mutex_unlock(&wal->lock);
	return kept ? ST_OK : gone(tail, wal->dir == NULL ? 0 : wal_earliest_seq(wal), err);
}

static bool
file_is_gone(const WalTail *tail, const TailFile *file)
{
	return wal_readable_after(tail->wal) >= file->last_seq;
}

static void
enter_file(WalTail *tail, const TailFile *file)
{
	wal_gather_reset(&tail->gather);
	if (tail->number == file->number)
		return;
	wal_gather_forget_schemas(&tail->gather);
	tail->number = file->number;
	tail->offset = WAL_HEADER_BYTES;
	tail->crc = file->seed;
	tail->walked = 0;
}

// ---- records ----

static Status
deliver(WalTail *tail, uint64_t seq, const WalReader *reader, bool *valid, Error *err)
{
	int32_t count;
	TRY(wal_gather_finish(&tail->gather, &count, valid, err));
	if (!*valid || seq <= tail->seq)
		return ST_OK;
	bool whole = tail->missing == 0 || seq == tail->missing + 1;
	if (!whole && tail->seq < seq - 1)
		return gone(tail, seq, err);
	return count == 0 ? ST_OK : reader->commit(reader->arg, seq, tail->gather.records, count, err);
}

static Status
take_record(WalTail *tail, WalCursor *cursor, uint64_t at, const WalHead *head,
			const WalReader *reader, bool *valid, Error *err)
{
	WalPending one = {.head = *head, .offset = at};
	bool wanted = head->kind == WAL_SCHEMA || head->seq > tail->seq;
	if (wanted && asked_for(tail, head->table_id)) {
		TRY(wal_cursor_payload(cursor, at, head, tail->wal->pool, &one.payload, err));
		*valid = one.payload != NULL;
		if (!*valid)
			return ST_OK;
	}
	Status st = wal_gather_add(&tail->gather, &one, err);
	if (st != ST_OK)
		bytes_unref(one.payload);
	if (st != ST_OK || (head->flags & WAL_LAST) == 0)
		return st;
	TRY(deliver(tail, head->seq, reader, valid, err));
	if (!*valid)
		return ST_OK;
	wal_gather_reset(&tail->gather);
	tail->walked = head->seq;
	tail->missing = 0;
	if (head->seq > tail->seq)
		tail->seq = head->seq;
	return ST_OK;
}

static bool
fits(const WalTail *tail, const WalHead *head, uint64_t at, uint32_t crc)
{
	if (head->prev_crc != crc)
		return false;
	if (head->kind == WAL_BEGIN)
		return at == WAL_HEADER_BYTES;
	return wal_gather_fits(&tail->gather, head, tail->walked);
}

// Notes that something behind the place cannot be read, and goes on at the next commit that can:
// whether anybody misses what lies between is told by that one's number.
static Status
skip_damage(WalTail *tail, WalCursor *cursor, const TailFile *file, uint64_t at, Error *err)
{
	wal_gather_reset(&tail->gather);
	if (file_is_gone(tail, file))
		return gone(tail, wal_earliest_seq(tail->wal), err);
	if (tail->missing == 0)
		tail->missing = tail->walked > tail->seq ? tail->walked : tail->seq;
	WalHead head;
	bool found = true, first = false;
	while (found && !first) {
		at += 8;
		TRY(wal_cursor_scan(cursor, &at, tail->walked, &head, &found, err));
		found = found && at < file->end;
		first = found && (head.flags & WAL_FIRST) != 0;
	}
	tail->offset = found ? at : file->end;
	tail->crc = found ? head.prev_crc : 0;
	return ST_OK;
}

// Reads on in the file until its end, the last commit asked for, or until `budget` is used up.
static Status
read_records(WalTail *tail, WalCursor *cursor, const TailFile *file, uint64_t upto,
			 uint64_t *budget, const WalReader *reader, Error *err)
{
	uint64_t at = tail->offset;
	uint32_t crc = tail->crc;
	uint64_t before = tail->seq; // what is passed on the way to it costs nothing
	while (at < file->end && tail->seq < upto) {
		bool between = tail->gather.count == 0;
		if (between && *budget == 0)
			return ST_OK;
		WalHead head;
		bool valid;
		TRY(wal_cursor_head(cursor, at, &head, &valid, err));
		valid = valid && fits(tail, &head, at, crc);
		if (valid && between && head.seq > upto && head.kind != WAL_BEGIN)
			return ST_OK;
		if (valid && head.kind != WAL_BEGIN && head.kind != WAL_MARK)
			TRY(take_record(tail, cursor, at, &head, reader, &valid, err));
		if (!valid)
			return skip_damage(tail, cursor, file, at, err);
		uint64_t passed = wal_record_bytes(head.length);
		if (head.seq > before)
			*budget -= passed < *budget ? passed : *budget;
		at += passed;
		crc = head.crc;
		if (tail->gather.count > 0)
			continue;
		tail->offset = at;
		tail->crc = crc;
	}
	return ST_OK;
}

static Status
read_file(WalTail *tail, const TailFile *file, uint64_t upto, uint64_t *budget,
		  const WalReader *reader, Error *err)
{
	SCOPED(wal_cursor_close) WalCursor cursor = {.seed = file->seed};
	Status st = wal_cursor_open_cached(&cursor, tail->wal, file->number, TAIL_WINDOW_BYTES, err);
	if (st == ST_NOT_FOUND && file_is_gone(tail, file))
		return gone(tail, wal_earliest_seq(tail->wal), err);
	TRY(st);
	enter_file(tail, file);
	TRY(read_records(tail, &cursor, file, upto, budget, reader, err));
	// What a file still has when its end is reached is behind damage.
	if (tail->offset >= file->end && tail->missing == 0 && tail->seq < file->last_seq)
		tail->seq = file->last_seq < upto ? file->last_seq : upto;
	return ST_OK;
}

// ---- the whole ----

static Status
broken(const WalTail *tail, Error *err)
{
	return error_set(err, ST_CORRUPT,
					 "%s/%08" PRIu64 ".wal cannot be read behind commit %" PRIu64
					 ": what follows is damaged; restart to see what is left of it",
					 tail->wal->dir, tail->number, tail->missing);
}

Status
wal_tail_read(WalTail *tail, uint64_t upto, uint64_t bytes, const WalReader *reader, Error *err)
{
	uint64_t budget = bytes > 0 ? bytes : 1;
	while (tail->seq < upto && budget > 0) {
		TailFile file = {0};
		TRY(find_file(tail, upto, &file, err));
		if (file.number == 0)
			return tail->seq < upto ? broken(tail, err) : ST_OK;
		TRY(read_file(tail, &file, upto, &budget, reader, err));
	}
	return ST_OK;
}
