// newest.h - the greatest time of each series of a table that replaces rows by key: what tells
// which rows may have older versions.
//
// A row is *clean* when its time is above all that came before it of its series, else *late*. Of
// two rows of one key the one that is applied second is late, so where no late row is, no key is
// twice. Of what was there before the start, and of what came in files, only the greatest time of
// all series is known, and rows up to it count as late: they may replace something, or not.
//
// Threads  room is made by anybody, before the rows that need it are applied; the rest belongs to
// the publishing thread.

#pragma once

#include "base/status.h"

typedef struct Newest Newest;

Status newest_new(Newest **out, Error *err);
void newest_free(Newest *newest); // NULL is allowed

// Rows of any series up to this time (ns) may be there already.
void newest_raise(Newest *newest, int64_t time);

// For series with ids below `count`.
Status newest_make_room(Newest *newest, uint32_t count, Error *err);

// One row: whether it is late. Its time (ns) is among those that came before from now on.
bool newest_add(Newest *newest, uint32_t series, int64_t time);
// The same of a row whose series has no number: it is looked at beside all others. From then on
// every row is, since nobody knows which series they were of.
bool newest_add_unnumbered(Newest *newest, int64_t time);
