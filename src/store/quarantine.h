// quarantine.h - what is known of a file's bytes, and which files are not read because of it.
//
// Before a statement reads a file it asks here. A file whose mark (inode, size, time of writing) is
// the one that was checked is as it was; one that changed is read whole and compared with the
// catalog. One that is missing or not what was written is quarantined: whoever would read it fails
// with ST_CORRUPT and its name, until the right file is back in its place, also after a restart.
// Nothing is left out.
//
// What is seen when: a file that is missing, has another size, or was written to or replaced since
// the last look, before the next statement reads it. Bytes that changed underneath (the medium's
// doing) in the footer: before its first read of a run; elsewhere: with verify = strict before its
// first read, otherwise when the scrubber comes to it.
//
// Threads  any.

#pragma once

#include "store/files.h"
#include "store/store.h"
#include "store/verify.h"

// Before a statement reads `file` of `table`. ST_CORRUPT names it.
Status table_file_ready(Table *table, DataFile *file, Error *err);
// After a read failed for a reason that may lie in the file: reads all of it. Nothing is read when
// `known_is_enough` and it was right in this run.
Status data_file_doubt(DataFile *file, bool known_is_enough, Error *err);

// The files of a folder that an earlier run found damaged, by its notes.
typedef struct DamageNotes {
	Buf ids; // segment ids, as uint64_t
} DamageNotes;
// Those of a table; none when it has no folder.
Status damage_notes_read(DamageNotes *notes, const Store *store, uint32_t table_id, Error *err);
void damage_notes_close(DamageNotes *notes);

// At start: it is there, has its size, and is not among `notes`, which are of its folder. Another
// reason than ST_CORRUPT fails; that quarantines.
Status data_file_look(DataFile *file, const DamageNotes *notes, Error *err);
// It was just written, and read back whole.
void data_file_written(DataFile *file);

// For the scrubber: what of the file is due (VERIFY_NOTHING: nothing, or it is quarantined), when
// whole checks older than `before_ns` (wall) do not count. *used: statements read it.
VerifyDepth data_file_due(DataFile *file, int64_t before_ns, bool *used);
// ST_CORRUPT: it is quarantined now, or was and has not changed since.
Status data_file_verify(DataFile *file, VerifyDepth depth, const VerifyPace *pace, Error *err);

bool data_file_quarantined(DataFile *file);
