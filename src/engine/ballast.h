// ballast.h - space kept for the day the disk is full: given back then, it is room for the flush
// and the catalog's commit that let the log go.
//
// Threads  one, the keeper's.

#pragma once

#include "base/status.h"

typedef struct Ballast {
	const char *path; // borrowed
	bool held;
} Ballast;

// Makes the file, if it is not there. ST_DISK_FULL: there is no room for it.
Status ballast_hold(Ballast *ballast, Error *err);
void ballast_give_back(Ballast *ballast);
