// ballast.h - space kept for the day the disk is full: given back then, it is room for the flush,
// the catalog's commit and the checkpoint that let the log go. It is 32 MiB, of a small disk a
// sixteenth, and what a checkpoint takes.
//
// Threads  one, the keeper's.

#pragma once

#include "base/status.h"

typedef struct Ballast {
	const char *dir; // borrowed
	uint64_t held;   // bytes of it; 0: it is not there
} Ballast;

// Makes the file `dir`/ballast, or makes it larger, so that a checkpoint of so many bytes has room
// in it. ST_DISK_FULL: there is no room for it and `beside` bytes more, which are what is written
// next: puts that are taken find room. One that was held is held on.
Status ballast_hold(Ballast *ballast, uint64_t checkpoint, uint64_t beside, Error *err);
void ballast_give_back(Ballast *ballast);
