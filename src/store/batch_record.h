// batch_record.h - what a WAL_BATCH record holds, and a WAL_ADOPT record: that has the files
// (store/adopt.h) for metadata, and no body.
//
//     u32 metadata length · u32 producer length · producer, padded to 8 · IPC metadata, padded to 8
//     · body producer (length 0: none): i64 sequence · name

#pragma once

#include "base/buf.h"

typedef struct BatchRecord {
	Slice producer; // its name; empty: none
	int64_t producer_seq;
	Slice metadata;
	Slice body;
} BatchRecord;

// Everything before the body.
void batch_record_add_head(const BatchRecord *record, Buf *out);
// ST_CORRUPT when it is too short. Slices point into the payload.
Status batch_record_read(Slice payload, BatchRecord *out, Error *err);
