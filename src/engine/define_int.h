// define_int.h - what the files of the definer share.

#pragma once

#include "engine/define.h"

// One change of schema at a time. The holder may commit, and read.
void definer_lock(mobius *db);
void definer_unlock(mobius *db);

// Commits the table's next version, or its first. Under the lock.
Status define_commit(mobius *db, TableDef *def, Error *err);

// What a put's schema metadata asks of its table.
typedef struct Asked {
	TableRequest request; // texts are the metadata's: NULL where nothing is asked
	char *texts[5];
} Asked;
// ST_INVALID: a key "mobius.…" that there is not.
Status asked_read(const PutTarget *target, Asked *out, Error *err);
void asked_close(Asked *asked);

// Whether all values that are stored fit the types of `next`, the version after `now`: instants in
// a finer unit may not. References.
typedef struct FitCheck {
	Table *table; // NULL: nothing is to be checked
	TableDef *now;
	TableDef *next;
} FitCheck;
Status fit_must_read(mobius *db, const FitCheck *fit, bool *out, Error *err);
// Reads them, for query.timeout at most, and so not under the lock. ST_INVALID, ST_DEADLINE name
// the column.
Status fit_read(mobius *db, const FitCheck *fit, Error *err);
void fit_close(FitCheck *fit);
