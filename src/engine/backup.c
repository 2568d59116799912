// backup.c - in this order:
//
//     no file may be known to be damaged: what is made of it could not be restored
//     tmp/backup is made anew; the log and checkpoints are held as they are
//     a checkpoint, so that little log is needed; copied; what it has seen applied is published
//     catalog.db copied and, before it can change again, seq fixed and its Parquet files linked
//     what the copy has applied is published
//     the log from the checkpoint's floor to seq copied; both let go
//     everything hashed (Parquet files have the catalog's hash), synced, manifest.json last
//     renamed to its place; with (copy), or when that is on another file system, copied to
//     <name>.partial there, which is then renamed
//
// A backup is what a crash at the moment of the catalog's copy would have left, with a log that
// ends at seq; a restore is the start after it. So seq is what is published at that moment, or,
// when the copy has applied more, that: nothing in the copy (files, masks, changes of schema) is of
// a later commit. And it is no more than that, though flushes, merges and deletions go on: they
// name files in the log once the catalog has them. A later seq would take in deletions of rows of
// files that the copy lacks; a replay takes those for merged ones, and the rows, which it finds in
// the log or in the files that were merged, would be back. Files that a commit brings are told to
// the catalog behind it, so none is under way until the copy is made.
//
// tmp/ is emptied by every start, so what an interrupted backup linked does not keep its files.

#include "engine/backup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/bulk.h"
#include "engine/format.h"
#include "engine/keeper.h"
#include "engine/manifest.h"
#include "os/clock.h"
#include "store/quarantine.h"
#include "store/verify.h"

enum { LONGEST_NAME = 127 };

typedef struct Backup {
	mobius *db;
	const BackupRequest *request;
	char *root;  // backup.dir
	char *stage; // tmp/backup
	char *target;
	uint32_t table_id;      // whose folder was made last
	uint64_t published_seq; // once the catalog was copied
	Manifest manifest;
} Backup;

static void
backup_close(Backup *backup)
{
	mem_free(backup->root);
	mem_free(backup->stage);
	mem_free(backup->target);
	manifest_close(&backup->manifest);
}

// ---- the place ----

static Status
check_name(const char *name, Error *err)
{
	static const char ALLOWED[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
	size_t len = strlen(name);
	const char *tail = len > 8 ? name + len - 8 : name;
	if (len == 0 || len > LONGEST_NAME || name[0] == '.' || name[strspn(name, ALLOWED)] != '\0' ||
		strcmp(tail, ".partial") == 0)
		return error_set(err, ST_INVALID,
						 "\"%.130s\" is no name for a backup: letters, digits, \"_\", \"-\" and "
						 "\".\", at most %d, not \".\" first, not \".partial\" last",
						 name, LONGEST_NAME);
	return ST_OK;
}

static Status
make_paths(Backup *backup, Error *err)
{
	const char *dir = backup->db->settings.backup_dir;
	backup->root = dir[0] == '/' ? mem_strdup(dir) : mem_printf("%s/%s", backup->db->dir, dir);
	backup->stage = mem_printf("%s/tmp/backup", backup->db->dir);
	if (backup->root == NULL || backup->stage == NULL)
		return error_no_memory(err, "a backup");
	backup->target = mem_printf("%s/%s", backup->root, backup->request->name);
	return backup->target == NULL ? error_no_memory(err, "a backup") : ST_OK;
}

static Status
check_target(const Backup *backup, Error *err)
{
	uint64_t size;
	Status st = file_stat_size(backup->target, &size, err);
	if (st == ST_OK)
		return error_set(err, ST_EXISTS, "%s: there is one already; choose another name",
						 backup->target);
	return st == ST_NOT_FOUND ? ST_OK : st;
}

static Status
make_dir(const char *dir, const char *name, Error *err)
{
	SCOPED(mem_drop) char *path = mem_printf("%s/%s", dir, name);
	return path == NULL ? error_no_memory(err, "a backup") : dir_make(path, err);
}

static Status
make_stage(const Backup *backup, Error *err)
{
	static const char *const dirs[] = {"files", "wal", "checkpoint"};
	TRY(dir_make(backup->root, err));
	TRY(dir_sync_parent(backup->root, err));
	TRY(dir_remove_all(backup->stage, err));
	TRY(dir_make(backup->stage, err));
	for (size_t i = 0; i < COUNT_OF(dirs); i++)
		TRY(make_dir(backup->stage, dirs[i], err));
	return ST_OK;
}

// ---- damage ----

static Status
refuse_damaged(const TableView *view, DataFile *file, VerifyDepth depth, Error *err)
{
	Error cause = ERROR_INIT;
	Status st = data_file_verify(file, depth, NULL, &cause);
	if (st != ST_CORRUPT)
		return st == ST_OK ? ST_OK : error_set(err, st, "%s", cause.text);
	return error_set(err, ST_CORRUPT,
					 "no backup of table \"%.60s\" in database \"%.60s\": %.220s; put an intact "
					 "copy of the file in its place, or give the table's rows up with TRUNCATE or "
					 "DROP TABLE",
					 table_name(view->def), table_database(view->def), cause.text);
}

// Of all files, or of one.
static Status
check_files(const mobius *db, const char *only, VerifyDepth depth, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(store_snapshot(db->store, NULL, 0, &snapshot, err));
	for (int32_t t = 0; t < snapshot->table_count; t++) {
		const TableView *view = &snapshot->tables[t];
		for (int32_t i = 0; i < file_set_count(view->files); i++) {
			DataFile *file = file_set_at(view->files, i);
			if (only == NULL || strcmp(data_file_path(file), only) == 0)
				TRY(refuse_damaged(view, file, depth, err));
		}
	}
	return ST_OK;
}

// What was copied is a link to a file of the database: that one is named, and quarantined.
static void
blame_source(const Backup *backup, int32_t copied, Error *err)
{
	if (copied == backup->manifest.count)
		return;
	SCOPED(mem_drop)
	char *path = mem_printf("%s/%s", backup->db->dir, backup->manifest.files[copied].path);
	Error cause = ERROR_INIT;
	if (path != NULL && check_files(backup->db, path, VERIFY_WHOLE, &cause) == ST_CORRUPT)
		(void)error_set(err, ST_CORRUPT, "%s", cause.text);
}

// ---- Parquet files ----

static Status
link_file(void *arg, const FileMeta *meta, const CatalogMask *mask, Error *err)
{
	(void)mask;
	Backup *backup = arg;
	char folder[32], name[64];
	snprintf(folder, sizeof(folder), "files/%" PRIu32, meta->table_id);
	snprintf(name, sizeof(name), "%s/%" PRIu64 ".parquet", folder, meta->segment_id);
	SCOPED(mem_drop) char *from = mem_printf("%s/%s", backup->db->dir, name);
	SCOPED(mem_drop) char *to = mem_printf("%s/%s", backup->stage, name);
	if (from == NULL || to == NULL)
		return error_no_memory(err, "a backup");
	if (backup->table_id != meta->table_id)
		TRY(make_dir(backup->stage, folder, err));
	backup->table_id = meta->table_id;
	TRY(verify_file(from, meta, VERIFY_NOTHING, NULL, err));
	TRY(file_link(from, to, err));
	return manifest_add(&backup->manifest, name, meta->bytes, meta->hash, err);
}

// In the catalog's thread, which waits for nobody: what is applied is published soon.
static void
take_seq(void *arg, uint64_t applied_seq)
{
	Backup *backup = arg;
	uint64_t published = store_published_seq(backup->db->store);
	backup->manifest.seq = published > applied_seq ? published : applied_seq;
}

static Status
take_catalog(Backup *backup, Error *err)
{
	SCOPED(mem_drop) char *path = mem_printf("%s/catalog.db", backup->stage);
	if (path == NULL)
		return error_no_memory(err, "a backup");
	CatalogVisitor visitor = {.file = link_file, .arg = backup};
	TRY(catalog_copy(backup->db->catalog, path, take_seq, &visitor, err));
	SCOPED(file_drop) File *file = NULL;
	TRY(file_open(path, FILE_WRITE, &file, err));
	return file_sync(file, err);
}

// ---- log and checkpoint ----

static Status
copy_checkpoint(Backup *backup, Error *err)
{
	Store *store = backup->db->store;
	if (store_checkpoint_seq(store) != store_published_seq(store))
		TRY(store_write_checkpoint(store, err));
	if (store_checkpoint_seq(store) == 0)
		return ST_OK; // nothing was ever written
	char name[48];
	snprintf(name, sizeof(name), "checkpoint/%" PRIu64, store_checkpoint_seq(store));
	Manifest one = {0};
	Status st = manifest_add_read(&one, backup->db->dir, name, err);
	if (st == ST_OK)
		st = manifest_copy(&one, backup->db->dir, backup->stage, NULL, NULL, err);
	if (st == ST_OK)
		st = manifest_add(&backup->manifest, name, one.files[0].bytes, one.files[0].hash, err);
	manifest_close(&one);
	return st;
}

static void
read_published(void *arg)
{
	Backup *backup = arg;
	backup->published_seq = store_published_seq(backup->db->store);
}

// The publishing thread publishes what it has applied before it does anything else.
static void
wait_for_applied(Backup *backup)
{
	conductor_run(backup->db->conductor, read_published, backup);
}

static Status
check_seq(const Backup *backup, Error *err)
{
	if (backup->published_seq >= backup->manifest.seq)
		return ST_OK;
	return error_set(err, ST_CONFLICT,
					 "the catalog knows of commit %" PRIu64 ", which the last recovery of the log "
					 "has given up; put a row, then take the backup",
					 backup->manifest.seq);
}

static Status
take_held(Backup *backup, Error *err)
{
	mobius *db = backup->db;
	TRY(copy_checkpoint(backup, err));
	wait_for_applied(backup); // a checkpoint has the producers of what was applied
	bulk_lock(db);            // files of commits up to seq are named by the catalog
	Status st = take_catalog(backup, err);
	bulk_unlock(db);
	TRY(st);
	wait_for_applied(backup);
	TRY(check_seq(backup, err));
	SCOPED(mem_drop) char *wal = mem_printf("%s/wal", backup->stage);
	if (wal == NULL)
		return error_no_memory(err, "a backup");
	return wal_copy(db->wal, store_flushed_floor(db->store), backup->manifest.seq, wal, err);
}

typedef struct LogNames {
	Manifest *manifest;
	const char *stage;
} LogNames;

static Status
add_log_file(void *arg, const char *name, Error *err)
{
	const LogNames *names = arg;
	char path[64];
	snprintf(path, sizeof(path), "wal/%.40s", name);
	return manifest_add_read(names->manifest, names->stage, path, err);
}

// ---- the whole ----

static Status
stage_all(Backup *backup, Error *err)
{
	mobius *db = backup->db;
	Manifest *manifest = &backup->manifest;
	TRY(make_stage(backup, err));
	memcpy(manifest->epoch, db->epoch, sizeof(db->epoch));
	manifest->created_ns = clock_wall_ns();
	keeper_hold_log(db->keeper);
	Status st = take_held(backup, err);
	keeper_let_log(db->keeper);
	TRY(st);
	SCOPED(mem_drop) char *wal = mem_printf("%s/wal", backup->stage);
	if (wal == NULL)
		return error_no_memory(err, "a backup");
	TRY(dir_list(wal, add_log_file, &(LogNames){manifest, backup->stage}, err));
	TRY(manifest_add_read(manifest, backup->stage, "catalog.db", err));
	TRY(format_write(backup->stage, FORMAT_BACKUP, err));
	return manifest_sync_dirs(manifest, backup->stage, err);
}

// By bytes: beside its place first, so that under its name there is all of it or nothing.
static Status
copy_to_target(const Backup *backup, Error *err)
{
	SCOPED(mem_drop) char *partial = mem_printf("%s.partial", backup->target);
	if (partial == NULL)
		return error_no_memory(err, "a backup");
	TRY(dir_remove_all(partial, err));
	TRY(dir_make(partial, err));
	int32_t copied = 0;
	Status st = manifest_copy(&backup->manifest, backup->stage, partial,
							  &backup->db->give_up_backup, &copied, err);
	if (st == ST_CORRUPT)
		blame_source(backup, copied, err);
	if (st == ST_OK)
		st = format_write(partial, FORMAT_BACKUP, err);
	if (st == ST_OK)
		st = manifest_save(&backup->manifest, partial, err);
	if (st == ST_OK)
		st = file_rename(partial, backup->target, err);
	if (st != ST_OK)
		(void)dir_remove_all(partial, NULL);
	return st;
}

static Status
place(const Backup *backup, Error *err)
{
	Status st = ST_IO;
	if (!backup->request->copy) {
		TRY(manifest_save(&backup->manifest, backup->stage, err));
		st = file_rename(backup->stage, backup->target, err);
	}
	if (st != ST_OK)
		TRY(copy_to_target(backup, err)); // wanted, or another file system
	return dir_sync(backup->root, err);
}

static Status
create(Backup *backup, Error *err)
{
	TRY(make_paths(backup, err));
	TRY(check_target(backup, err));
	TRY(check_files(backup->db, NULL, VERIFY_NOTHING, err));
	Status st = stage_all(backup, err);
	if (st == ST_OK)
		st = place(backup, err);
	Error cause = ERROR_INIT;
	if (dir_remove_all(backup->stage, &cause) != ST_OK)
		log_warn("what a backup left is not removed", "error=\"%s\"", cause.text);
	return st;
}

Status
backup_create(mobius *db, const BackupRequest *request, BackupDone *out, Error *err)
{
	TRY(check_name(request->name, err));
	if (db->dir == NULL)
		return error_set(err, ST_INVALID,
						 "a database in memory has no backups; open a directory instead");
	if (atomic_exchange(&db->backing_up, true))
		return error_set(err, ST_CONFLICT, "another backup is being made; wait for its end");
	SCOPED(backup_close) Backup backup = {.db = db, .request = request};
	int64_t began = clock_mono_ns();
	Status st = create(&backup, err);
	atomic_store(&db->backing_up, false);
	TRY(st);
	snprintf(out->path, sizeof(out->path), "%s", backup.target);
	out->seq = backup.manifest.seq;
	out->files = backup.manifest.count;
	out->bytes = manifest_bytes(&backup.manifest);
	log_info("backup made", "path=%s seq=%" PRIu64 " files=%d bytes=%" PRIu64 " ms=%" PRId64,
			 out->path, out->seq, out->files, out->bytes, (clock_mono_ns() - began) / 1000000);
	return ST_OK;
}
