#include "engine/ballast.h"

#include "base/log.h"
#include "os/file.h"

enum { BALLAST_BYTES = 32 << 20 };

Status
ballast_hold(Ballast *ballast, Error *err)
{
	if (ballast->held)
		return ST_OK;
	SCOPED(file_drop) File *file = NULL;
	TRY(file_open(ballast->path, FILE_WRITE, &file, err));
	Status st = file_allocate(file, BALLAST_BYTES, err);
	ballast->held = true;
	if (st != ST_OK)
		ballast_give_back(ballast);
	return st;
}

void
ballast_give_back(Ballast *ballast)
{
	Error err = ERROR_INIT;
	Status st = file_unlink(ballast->path, &err);
	if (st != ST_OK && st != ST_NOT_FOUND)
		log_warn("ballast not given back", "error=\"%s\"", err.text);
	ballast->held = false;
}
