// place.h - what a directory is to us, before anything is changed in it.
//
// Threads  any.

#pragma once

#include "os/file.h"

typedef enum PlaceKind {
	PLACE_FREE,   // it holds nothing, or what a start leaves that was interrupted
	PLACE_DATA,   // has FORMAT, or what else only a data directory has: a catalog, log files
	PLACE_BACKUP, // has a manifest
	PLACE_OTHER,  // is somebody else's
} PlaceKind;

typedef struct Place {
	PlaceKind kind;
	char holds[101]; // one name of what lies there, unless it is free; cut where it is long
} Place;

// ST_NOT_FOUND: there is none.
Status place_look(const char *dir, Place *out, Error *err);
// What holds other things is not filled with ours: ST_INVALID names one of them. Nothing is
// written.
Status place_check(const char *dir, Error *err);
// Keeps others from opening it, until *out is closed. ST_CONFLICT: somebody has it open.
Status place_lock(const char *dir, File **out, Error *err);
