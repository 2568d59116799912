// restore.c - a backup becomes a data directory: checked while it is copied, with a new epoch,
// since its numbers go on from the backup's seq and not from where the database went on.
//
// FORMAT says "restoring" until all of it is on disk, so what was interrupted is never opened.

#include <inttypes.h>
#include <mobius_io.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "catalog/catalog.h"
#include "engine/check.h"
#include "engine/database_int.h"
#include "engine/format.h"
#include "engine/manifest.h"
#include "engine/place.h"
#include "os/file.h"

static Status
check_empty(const char *dir, Error *err)
{
	Place place;
	TRY(place_look(dir, &place, err));
	if (place.kind == PLACE_FREE)
		return ST_OK;
	return error_set(err, ST_CONFLICT,
					 "%s is not empty (it holds %s); restore into a new or an empty directory", dir,
					 place.holds);
}

static Status
take_empty(const char *dir, File **lock, Error *err)
{
	TRY(dir_make(dir, err));
	TRY(check_empty(dir, err));
	TRY(place_lock(dir, lock, err));
	TRY(format_write(dir, FORMAT_RESTORING, err));
	return dir_sync_parent(dir, err);
}

static void
catalog_drop(Catalog **catalog)
{
	catalog_close(*catalog);
}

static Status
begin_epoch(const char *dir, const Manifest *manifest, Error *err)
{
	SCOPED(mem_drop) char *path = mem_printf("%s/catalog.db", dir);
	if (path == NULL)
		return error_no_memory(err, "a restore");
	SCOPED(catalog_drop) Catalog *catalog = NULL;
	CatalogState state = {0};
	uint8_t epoch[16];
	TRY(catalog_open(path, &catalog, &state, err));
	if (memcmp(state.epoch, manifest->epoch, sizeof(epoch)) != 0)
		return error_set(err, ST_CORRUPT, "%s is of another epoch than the backup", path);
	return catalog_new_epoch(catalog, epoch, err);
}

// What a start will find: all of it, up to this commit and no further.
static Status
check_end(const char *dir, const Manifest *manifest, Error *err)
{
	CheckCounts counts = {0};
	TRY(check_parts(dir, CHECK_LOG, NULL, &counts, err));
	if (counts.damaged > 0)
		return error_set(err, ST_CORRUPT, "%s", counts.first.text);
	if (counts.last_seq != manifest->seq)
		return error_set(err, ST_CORRUPT,
						 "%s ends at seq %" PRIu64 ", but the backup is of seq %" PRIu64, dir,
						 counts.last_seq, manifest->seq);
	return ST_OK;
}

static Status
restore(const char *backup, const char *dir, Error *err)
{
	SCOPED(manifest_close) Manifest manifest = {0};
	Status st = manifest_load(backup, &manifest, err);
	if (st == ST_NOT_FOUND)
		return error_set(err, ST_NOT_FOUND, "%s is no backup: it has no manifest.json", backup);
	TRY(st);
	SCOPED(file_drop) File *lock = NULL;
	TRY(take_empty(dir, &lock, err));
	TRY(manifest_copy(&manifest, backup, dir, NULL, NULL, err));
	TRY(begin_epoch(dir, &manifest, err));
	TRY(check_end(dir, &manifest, err));
	return format_write(dir, NULL, err);
}

mobius_status
mobius_restore(const char *backup, const char *dir, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(restore(backup, dir, &e), &e, err);
}
