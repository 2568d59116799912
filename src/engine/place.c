#include "engine/place.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

typedef struct Look {
	Place *place;
	bool data;
	bool backup;
	bool wal; // a folder or file of this name
} Look;

static bool
is_nobodys(const char *name)
{
	return strcmp(name, "LOCK") == 0 || strcmp(name, "FORMAT.new") == 0 ||
		   strcmp(name, "lost+found") == 0; // of an empty disk
}

static Status
look_at(void *arg, const char *name, Error *err)
{
	(void)err;
	Look *look = arg;
	look->data |= strcmp(name, "FORMAT") == 0 || strcmp(name, "catalog.db") == 0;
	look->backup |= strcmp(name, "manifest.json") == 0;
	look->wal |= strcmp(name, "wal") == 0;
	if (look->place->holds[0] == '\0' && !is_nobodys(name))
		snprintf(look->place->holds, sizeof(look->place->holds), "%.100s", name);
	return ST_OK;
}

// Others may have a folder of this name as well.
static Status
look_at_log(void *arg, const char *name, Error *err)
{
	(void)err;
	Look *look = arg;
	size_t digits = strspn(name, "0123456789");
	look->data |= digits > 0 && strcmp(name + digits, ".wal") == 0;
	return ST_OK;
}

static Status
look_into_log(const char *dir, Look *look, Error *err)
{
	SCOPED(mem_drop) char *wal = mem_printf("%s/wal", dir);
	uint64_t size;
	if (wal == NULL)
		return error_no_memory(err, "a folder");
	SCOPED(mem_drop) char *inside = mem_printf("%s/.", wal);
	if (inside == NULL)
		return error_no_memory(err, "a folder");
	if (file_stat_size(inside, &size, NULL) != ST_OK)
		return ST_OK; // no folder
	return dir_list(wal, look_at_log, look, err);
}

Status
place_look(const char *dir, Place *out, Error *err)
{
	Place place = {0};
	Look look = {.place = &place};
	TRY(dir_list(dir, look_at, &look, err));
	if (look.wal && !look.data)
		TRY(look_into_log(dir, &look, err));
	place.kind = look.backup              ? PLACE_BACKUP
				 : look.data              ? PLACE_DATA
				 : place.holds[0] == '\0' ? PLACE_FREE
										  : PLACE_OTHER;
	*out = place;
	return ST_OK;
}

Status
place_check(const char *dir, Error *err)
{
	Place place;
	TRY(place_look(dir, &place, err));
	if (place.kind != PLACE_OTHER)
		return ST_OK;
	return error_set(
		err, ST_INVALID,
		"%s is no data directory, and not empty (it holds %s); choose a new or an empty "
		"directory",
		dir, place.holds);
}

Status
place_lock(const char *dir, File **out, Error *err)
{
	SCOPED(mem_drop) char *path = mem_printf("%s/LOCK", dir);
	if (path == NULL)
		return error_no_memory(err, "the lock of a directory");
	Status st = file_lock(path, out, err);
	if (st != ST_CONFLICT)
		return st;
	return error_set(
		err, ST_CONFLICT,
		"%s is in use: another process, or this one, has it open; stop that one or close it first",
		dir);
}
