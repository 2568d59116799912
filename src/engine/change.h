// change.h - statements that change rows: INSERT, UPDATE, DELETE, TRUNCATE, alone or several of one
// text in one commit.
//
// All of them read one snapshot, and what they do becomes visible at once. Who updates or deletes
// holds the table's change lock all the while, so that such statements of one table come one after
// the other; appends go on. Where the segments it read are gone when it commits (a flush, a merge),
// it runs again on a new snapshot; the last time it keeps them from going.

#pragma once

#include "engine/statements.h"

// That one statement, or the end of a segment, deletes or updates: 240 MB of addresses.
enum { CHANGE_MOST_ROWS = 10000000 };

Status change_run(const StatementCall *call, const SqlStatement *statement, Changes *out,
				  Error *err);
