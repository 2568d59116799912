#include "engine/ballast.h"

#include "base/log.h"
#include "base/mem.h"
#include "os/file.h"

enum { BALLAST_BYTES = 32 << 20, DISK_PART = 16 };

static Status
ballast_path(const Ballast *ballast, char **out, Error *err)
{
	*out = mem_printf("%s/ballast", ballast->dir);
	return *out != NULL ? ST_OK : error_no_memory(err, "the ballast");
}

static Status
allocate(const Ballast *ballast, uint64_t beside, Error *err)
{
	uint64_t capacity = 0;
	SCOPED(mem_drop) char *path = NULL;
	SCOPED(file_drop) File *file = NULL;
	TRY(dir_capacity(ballast->dir, &capacity, err));
	TRY(ballast_path(ballast, &path, err));
	TRY(file_open(path, FILE_WRITE, &file, err));
	uint64_t part = capacity / DISK_PART;
	uint64_t bytes = part < BALLAST_BYTES ? part : BALLAST_BYTES;
	TRY(file_allocate(file, bytes + beside, err));
	return file_truncate(file, bytes, err);
}

Status
ballast_hold(Ballast *ballast, uint64_t beside, Error *err)
{
	if (ballast->held)
		return ST_OK;
	Status st = allocate(ballast, beside, err);
	ballast->held = true;
	if (st != ST_OK)
		ballast_give_back(ballast);
	return st;
}

void
ballast_give_back(Ballast *ballast)
{
	Error err = ERROR_INIT;
	SCOPED(mem_drop) char *path = NULL;
	Status st = ballast_path(ballast, &path, &err);
	if (st == ST_OK)
		st = file_unlink(path, &err);
	if (st != ST_OK && st != ST_NOT_FOUND)
		log_warn("ballast not given back", "error=\"%s\"", err.text);
	ballast->held = false;
}
