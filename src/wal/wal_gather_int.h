// wal_gather_int.h - the records of one commit, gathered until it is whole, and the schemas that
// its batches name.

#pragma once

#include "wal/wal_format_int.h"
#include "wal/wal_map_int.h"

typedef struct WalPending {
	WalHead head;
	uint64_t offset;
	Bytes *payload; // NULL: nobody asks for it
} WalPending;

typedef struct WalGather {
	WalPending *pending; // records of the commit being read
	int32_t count;
	int32_t cap;
	WalRecord *records; // the same as a reader sees them; cap of them
	WalMap schemas;     // id → Bytes of the payload, owned
} WalGather;

void wal_gather_close(WalGather *gather);
void wal_gather_reset(WalGather *gather);          // of the commit; keeps the schemas
void wal_gather_forget_schemas(WalGather *gather); // another file begins

// Whether a record that verifies may come next, behind commit last_seq. (Of BEGIN: the caller.)
bool wal_gather_fits(const WalGather *gather, const WalHead *head, uint64_t last_seq);
// Takes the payload on ST_OK.
Status wal_gather_add(WalGather *gather, const WalPending *one, Error *err);
// All records are in: keeps the schemas among them, and makes `records` of those that have a
// payload. *valid false: a batch names a schema that is nowhere.
Status wal_gather_finish(WalGather *gather, int32_t *count, bool *valid, Error *err);
