// ballast.h - space kept for the day the disk is full: given back then, it is room for the flush
// and the catalog's commit that let the log go. It is 32 MiB, of a small disk a sixteenth.
//
// Threads  one, the keeper's.

#pragma once

#include "base/status.h"

typedef struct Ballast {
	const char *dir; // borrowed
	bool held;
} Ballast;

// Makes the file `dir`/ballast, if it is not there. ST_DISK_FULL: there is no room for it and
// `beside` bytes more, which are what is written next: puts that are taken find room.
Status ballast_hold(Ballast *ballast, uint64_t beside, Error *err);
void ballast_give_back(Ballast *ballast);
