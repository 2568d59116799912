#include "engine/ballast.h"

#include "base/log.h"
#include "base/mem.h"
#include "os/file.h"

enum { BALLAST_BYTES = 32 << 20, DISK_PART = 16, STEP_BYTES = 4 << 20 };

static Status
ballast_path(const Ballast *ballast, char **out, Error *err)
{
	*out = mem_printf("%s/ballast", ballast->dir);
	return *out != NULL ? ST_OK : error_no_memory(err, "the ballast");
}

// A checkpoint that grows makes it grow in steps.
static Status
find_size(const Ballast *ballast, uint64_t checkpoint, uint64_t *out, Error *err)
{
	uint64_t capacity = 0;
	TRY(dir_capacity(ballast->dir, &capacity, err));
	uint64_t part = capacity / DISK_PART;
	*out = (part < BALLAST_BYTES ? part : BALLAST_BYTES) + checkpoint / STEP_BYTES * STEP_BYTES;
	*out += checkpoint % STEP_BYTES != 0 ? STEP_BYTES : 0;
	return ST_OK;
}

static Status
allocate(const Ballast *ballast, uint64_t bytes, uint64_t beside, Error *err)
{
	SCOPED(mem_drop) char *path = NULL;
	SCOPED(file_drop) File *file = NULL;
	TRY(ballast_path(ballast, &path, err));
	TRY(file_open(path, FILE_WRITE, &file, err));
	Status st = file_allocate(file, bytes + beside, err);
	Status cut = file_truncate(file, st == ST_OK ? bytes : ballast->held, st == ST_OK ? err : NULL);
	return st != ST_OK ? st : cut;
}

Status
ballast_hold(Ballast *ballast, uint64_t checkpoint, uint64_t beside, Error *err)
{
	uint64_t bytes = 0;
	TRY(find_size(ballast, checkpoint, &bytes, err));
	if (ballast->held >= bytes)
		return ST_OK;
	Status st = allocate(ballast, bytes, beside, err);
	if (st == ST_OK)
		ballast->held = bytes;
	else if (ballast->held == 0)
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
	ballast->held = 0;
}
