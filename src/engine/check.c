#include "engine/check.h"

#include <inttypes.h>
#include <mobius_io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "catalog/catalog.h"
#include "engine/database_int.h"
#include "engine/format.h"
#include "engine/manifest.h"
#include "engine/place.h"
#include "os/file.h"
#include "store/adopt.h"
#include "store/batch_record.h"
#include "store/checkpoint.h"
#include "store/verify.h"

typedef struct Check {
	const char *dir;
	CheckParts parts;
	const CheckFindings *findings;
	CheckCounts *counts;
	uint64_t *known; // segment ids of the catalog, rising
	size_t known_count;
	size_t known_room;
	uint64_t generation; // of the catalog; UINT64_MAX: it cannot be read
	uint64_t applied_seq;
	uint64_t floor; // the log is needed behind it
} Check;

// ---- findings ----

static void
tell(Check *check, bool damage, const char *text)
{
	if (damage && check->counts->damaged++ == 0)
		(void)error_set(&check->counts->first, ST_CORRUPT, "%s", text);
	if (check->findings != NULL)
		check->findings->found(check->findings->arg, damage, text);
}

// Damage is told, and the check goes on; anything else ends it.
static Status
settle(Check *check, Status st, const Error *cause, Error *err)
{
	if (st == ST_CORRUPT)
		tell(check, true, cause->text);
	else if (st != ST_OK)
		return error_set(err, st, "%s", cause->text);
	return ST_OK;
}

// ---- catalog and files ----

static Status
note_known(Check *check, uint64_t segment_id, Error *err)
{
	if (check->known_count == check->known_room) {
		size_t room = check->known_room == 0 ? 256 : check->known_room * 2;
		uint64_t *known = mem_resize(check->known, room * sizeof(*known));
		if (known == NULL)
			return error_no_memory(err, "a check");
		check->known = known;
		check->known_room = room;
	}
	check->known[check->known_count++] = segment_id;
	return ST_OK;
}

static Status
visit_file(void *arg, const FileMeta *meta, const CatalogMask *mask, Error *err)
{
	Check *check = arg;
	if (mask != NULL && mask->seq > check->counts->last_seq)
		check->counts->last_seq = mask->seq;
	check->counts->files++;
	check->counts->bytes += meta->bytes;
	if (meta->max_seq > check->counts->last_seq)
		check->counts->last_seq = meta->max_seq;
	TRY(note_known(check, meta->segment_id, err));
	if ((check->parts & CHECK_FILES) == 0)
		return ST_OK;
	SCOPED(mem_drop)
	char *path = mem_printf("%s/files/%" PRIu32 "/%" PRIu64 ".parquet", check->dir, meta->table_id,
							meta->segment_id);
	if (path == NULL)
		return error_no_memory(err, "a check");
	Error cause = ERROR_INIT;
	Status st = verify_file(path, meta, VERIFY_WHOLE, NULL, &cause);
	return settle(check, st, &cause, err);
}

static Status
visit_flushed(void *arg, const CatalogFlushed *flushed, Error *err)
{
	Check *check = arg;
	(void)err;
	if (flushed->flushed_seq > check->counts->last_seq)
		check->counts->last_seq = flushed->flushed_seq;
	return ST_OK;
}

static int
by_id(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static Status
check_catalog(Check *check, Error *err)
{
	SCOPED(mem_drop) char *path = mem_printf("%s/catalog.db", check->dir);
	if (path == NULL)
		return error_no_memory(err, "a check");
	uint64_t size;
	CatalogState state = {0};
	Error cause = ERROR_INIT;
	CatalogVisitor visitor = {.file = visit_file, .flushed = visit_flushed, .arg = check};
	check->generation = UINT64_MAX;
	Status st = file_stat_size(path, &size, &cause);
	if (st == ST_NOT_FOUND)
		st = error_set(&cause, ST_CORRUPT, "catalog.db is missing; restore a backup");
	if (st == ST_OK)
		st = catalog_look(path, &state, &check->generation, &visitor, &cause);
	(void)error_prefix(&cause, "%s", check->dir);
	check->applied_seq = state.applied_seq;
	return settle(check, st, &cause, err);
}

// ---- files that nobody knows ----

typedef struct Folder {
	Check *check;
	const char *name;
} Folder;

static Status
look_at_file(void *arg, const char *name, Error *err)
{
	(void)err;
	const Folder *folder = arg;
	Check *check = folder->check;
	uint64_t id = strtoull(name, NULL, 10);
	char as_ours[48], text[400];
	int len = snprintf(as_ours, sizeof(as_ours), "%" PRIu64 ".parquet", id);
	bool ours = strncmp(name, as_ours, (size_t)len) == 0 &&
				(name[len] == '\0' || strcmp(name + len, ".damaged") == 0);
	bool known = ours && check->known_count > 0 &&
				 bsearch(&id, check->known, check->known_count, sizeof(id), by_id) != NULL;
	snprintf(text, sizeof(text),
			 "%.200s/files/%.40s/%.60s is not in the catalog: the next start removes it",
			 check->dir, folder->name, name);
	if (!known)
		tell(check, false, text);
	return ST_OK;
}

static Status
look_into_folder(void *arg, const char *name, Error *err)
{
	Check *check = arg;
	SCOPED(mem_drop) char *path = mem_printf("%s/files/%s", check->dir, name);
	if (path == NULL)
		return error_no_memory(err, "a check");
	Folder folder = {check, name};
	Status st = dir_list(path, look_at_file, &folder, err);
	return st == ST_IO ? look_at_file(&(Folder){check, ""}, name, err) : st; // a file by itself
}

// Without a catalog everything would be unknown.
static Status
check_orphans(Check *check, Error *err)
{
	if (check->generation == UINT64_MAX)
		return ST_OK;
	SCOPED(mem_drop) char *path = mem_printf("%s/files", check->dir);
	if (path == NULL)
		return error_no_memory(err, "a check");
	if (check->known_count > 0)
		qsort(check->known, check->known_count, sizeof(uint64_t), by_id);
	Status st = dir_list(path, look_into_folder, check, err);
	return st == ST_NOT_FOUND ? ST_OK : st;
}

// ---- checkpoint and log ----

static Status
check_checkpoint(Check *check, Error *err)
{
	SCOPED(mem_drop) char *path = mem_printf("%s/checkpoint", check->dir);
	if (path == NULL)
		return error_no_memory(err, "a check");
	uint64_t seq = 0;
	Error cause = ERROR_INIT;
	Status st = checkpoint_look(path, check->generation, &seq, &check->floor, &cause);
	if (seq > check->counts->last_seq)
		check->counts->last_seq = seq;
	return settle(check, st, &cause, err);
}

// The catalog lacks these files: a start learns of them here.
static Status
adopt_files(Check *check, uint64_t seq, const WalRecord *record, Error *err)
{
	BatchRecord parts;
	SCOPED(adopted_files_close) AdoptedFiles files = {0};
	TRY(batch_record_read(record->payload, &parts, err));
	TRY(adopted_files_read(parts.metadata, seq, &files, err));
	for (int32_t i = 0; i < files.count; i++)
		TRY(visit_file(check, &files.metas[i], NULL, err));
	return ST_OK;
}

// `arg`: the check, or NULL for what no start reads.
static Status
pass_commit(void *arg, uint64_t seq, const WalRecord *records, int32_t count, Error *err)
{
	Check *check = arg;
	for (int32_t i = 0; check != NULL && seq > check->applied_seq && i < count; i++)
		if (records[i].kind == WAL_ADOPT)
			TRY(adopt_files(check, seq, &records[i], err));
	return ST_OK;
}

static void
wal_drop(Wal **wal)
{
	wal_close(*wal);
}

static Status
read_log(Check *check, const char *dir, BytesPool *pool, uint64_t after, WalReport *report,
		 Error *err)
{
	SCOPED(wal_drop) Wal *wal = NULL;
	WalOptions options = {.dir = dir, .segment_size = 1 << 20, .pool = pool};
	WalReader reader = {.commit = pass_commit, .arg = check};
	TRY(wal_open(&options, &wal, err));
	return wal_recover(wal, WAL_STRICT, after, &reader, report, err);
}

// What a start would read; then what is kept before that, for readers that resume.
static Status
read_log_whole(Check *check, const char *dir, BytesPool *pool, WalReport *report, Error *err)
{
	TRY(read_log(check, dir, pool, check->floor, report, err));
	if (report->first_seq == 0 || report->first_seq > check->floor)
		return ST_OK;
	WalReport kept = {0};
	return read_log(NULL, dir, pool, report->first_seq - 1, &kept, err);
}

static Status
check_log(Check *check, Error *err)
{
	SCOPED(mem_drop) char *dir = mem_printf("%s/wal", check->dir);
	if (dir == NULL)
		return error_no_memory(err, "a check");
	uint64_t size;
	Error cause = ERROR_INIT;
	WalReport report = {0};
	BytesPool *pool = NULL;
	Status st = file_stat_size(dir, &size, &cause);
	if (st == ST_NOT_FOUND)
		st = error_set(&cause, ST_CORRUPT, "%s is missing; restore a backup", dir);
	if (st == ST_OK)
		st = bytes_pool_new(0, &pool, &cause);
	if (st == ST_OK)
		st = read_log_whole(check, dir, pool, &report, &cause);
	bytes_pool_free(pool);
	if (st == ST_OK && report.last_seq > check->counts->last_seq)
		check->counts->last_seq = report.last_seq;
	if (st == ST_OK && report.cut_bytes > 0) {
		char text[400];
		snprintf(text, sizeof(text), "%.200s ends with %" PRIu64 " bytes that were never synced",
				 dir, report.cut_bytes);
		tell(check, false, text);
	}
	return settle(check, st, &cause, err);
}

Status
check_parts(const char *dir, CheckParts parts, const CheckFindings *findings, CheckCounts *out,
			Error *err)
{
	Check check = {.dir = dir, .parts = parts, .findings = findings, .counts = out};
	Status st = check_catalog(&check, err);
	if (st == ST_OK)
		st = check_checkpoint(&check, err);
	if (st == ST_OK)
		st = check_log(&check, err);
	if (st == ST_OK && (parts & CHECK_FILES) != 0)
		st = check_orphans(&check, err);
	mem_free(check.known);
	return st;
}

// ---- a backup ----

static Status
check_backup(const char *dir, const CheckFindings *findings, CheckCounts *out, Error *err)
{
	SCOPED(manifest_close) Manifest manifest = {0};
	Check check = {.dir = dir, .findings = findings, .counts = out};
	Error cause = ERROR_INIT;
	Status st = manifest_load(dir, &manifest, &cause);
	if (st == ST_NOT_FOUND)
		st = error_set(&cause, ST_CORRUPT, "%s/manifest.json is missing: no whole backup", dir);
	TRY(settle(&check, st, &cause, err));
	out->last_seq = manifest.seq;
	out->bytes = manifest_bytes(&manifest);
	for (int32_t i = 0; i < manifest.count; i++) {
		out->files++;
		cause = (Error)ERROR_INIT;
		st = manifest_check_file(&manifest, i, dir, &cause);
		TRY(settle(&check, st, &cause, err));
	}
	return ST_OK;
}

// ---- from outside ----

static Status
check_any(const char *dir, const CheckFindings *findings, CheckCounts *out, Error *err)
{
	Place place;
	Status st = place_look(dir, &place, err);
	if (st == ST_NOT_FOUND)
		return error_set(err, ST_NOT_FOUND, "there is no directory \"%s\"", dir);
	TRY(st);
	if (place.kind == PLACE_BACKUP)
		return check_backup(dir, findings, out, err);
	if (place.kind != PLACE_DATA)
		return error_set(err, ST_INVALID, "%s is neither a data directory nor a backup", dir);
	SCOPED(file_drop) File *lock = NULL;
	TRY(place_lock(dir, &lock, err));
	Check check = {.dir = dir, .findings = findings, .counts = out};
	Error cause = ERROR_INIT;
	st = format_check(dir, &cause);
	if (st == ST_NOT_FOUND)
		st = error_set(&cause, ST_CORRUPT, "%s/FORMAT is missing", dir);
	TRY(settle(&check, st, &cause, err));
	return st == ST_OK ? check_parts(dir, CHECK_ALL, findings, out, err) : ST_OK;
}

mobius_status
mobius_check(const char *dir, const mobius_findings *findings, mobius_checked *out,
			 mobius_error *err)
{
	Error e = ERROR_INIT;
	CheckCounts counts = {0};
	CheckFindings found = {findings->found, findings->arg};
	Status st = check_any(dir, &found, &counts, &e);
	if (st == ST_OK)
		*out = (mobius_checked){counts.files, counts.bytes, counts.damaged, counts.last_seq};
	return error_out(st, &e, err);
}
