// wal_format_int.h - the bytes of a log file. All numbers are little-endian.
//
//     file header, 4096 B         written, synced and only then given its name, before it is used
//         u64 magic · u32 format (2; 1 had no size, and is not read) · u32 0 · u64 file number
//         epoch 16 B · incarnation 16 B random · u64 size of the file · u32 crc32c of the 64 bytes
//         before · zeros. A later format keeps these 68 bytes as they are, so that it is known for
//         what it is; the directory's FORMAT rises with it.
//
//     record, 8-aligned           the first of a file is a BEGIN
//       0 u32 crc32c              of bytes 4..71, seeded with the incarnation and the offset
//       4 u32 payload crc32c
//       8 u32 length              of the payload
//      12 u32 prev_crc            crc of the record before; the seed for the first
//      16 u64 seq
//      24 u64 synced_seq          highest seq known to be on disk when this was written
//      32 u8 kind · u8 flags · u16 0
//      36 u32 table id · u32 schema id
//      44 u32 attempt             how many writes of this run had failed before this one
//      48 i64 rows               of a BEGIN or mark: the size of the file, if it has grown
//      56 i64 min_time · i64 max_time        with rows what the index says, so that it can be made
//                                again
//      72 payload · zeros up to a multiple of 8
//
//     BEGIN payload
//         u64 previous file · u64 where it ended · u32 crc of its last record · u32 0
//         u64 last seq before this file · u64 first seq of the run · i64 wall time · u32 holes
//         u32 0
//         hole: u64 from file · u64 from offset · u64 to file · u64 to offset
//
// Why so      The seed keeps stale records of a recycled file and misplaced blocks from passing. A
//             header is synced before its file has its name, so a bad one is always damage, and
//             going on in a prepared file costs no sync.
//             `attempt` makes every record differ from what a failed write left at its place:
//             leftovers cannot chain to what overwrote them.
// The end     A file goes on in the next one where that one's BEGIN names exactly this place (end,
//             crc). If a record goes on there as well, one of both is the leftover of a
//             failed write: the later attempt holds. A BEGIN that is SETTLED was written, and
//             synced, by a start that had read everything before it: it always holds.
// Size        A file has its full size, on disk, before its header says so, and grows, for a commit
//             larger than it, before a mark says so. So one that is shorter was cut, and what it
//             held may have been acknowledged; unless a SETTLED BEGIN says that it ended before: a
//             start gives back what is behind. A copy ends with its last record, and its header
//             says the copy's size.
// Holes       Places where a salvage has skipped damage; read over without a word from then on.

#pragma once

#include <endian.h>
#include <string.h>

#include "base/buf.h"
#include "wal/wal.h"

enum {
	WAL_FORMAT = 2,
	WAL_HEADER_BYTES = 4096,
	WAL_HEAD_BYTES = 72, // of a record
	WAL_BEGIN = 8,       // the kind that only the log itself sees
};

enum {
	WAL_LAST = 1,    // of its commit
	WAL_CLEAN = 2,   // a mark: nothing comes after
	WAL_FIRST = 4,   // of its commit
	WAL_SETTLED = 8, // a BEGIN: what came before was read and synced
	WAL_FLAGS = 15,
};

typedef struct WalHeader {
	uint64_t number;
	uint8_t epoch[16];
	uint8_t incarnation[16];
	uint64_t size; // of the file
} WalHeader;

typedef struct WalHead {
	uint32_t crc;
	uint32_t payload_crc;
	uint32_t length;
	uint32_t prev_crc;
	uint64_t seq;
	uint64_t synced_seq;
	uint8_t kind;
	uint8_t flags;
	uint32_t table_id;
	uint32_t schema_id;
	uint32_t attempt;
	int64_t rows;
	int64_t min_time;
	int64_t max_time;
} WalHead;

typedef struct WalPlace {
	uint64_t file;
	uint64_t offset;
} WalPlace;

typedef struct WalHole {
	WalPlace from;
	WalPlace to;
} WalHole;

typedef struct WalBegin {
	WalPlace previous; // file 0: none; offset: where it ended
	uint32_t previous_crc;
	uint64_t last_seq;  // before this file
	uint64_t start_seq; // of the run: a start may leave out numbers
	int64_t begun_ns;
	uint32_t hole_count;
} WalBegin;

void wal_header_encode(const WalHeader *header, uint8_t out[WAL_HEADER_BYTES]);
bool wal_header_decode(const uint8_t in[WAL_HEADER_BYTES], WalHeader *out);
// The format of a whole header that another version wrote; 0: it is none.
uint32_t wal_header_other_format(const uint8_t in[WAL_HEADER_BYTES]);

uint32_t wal_seed(const uint8_t incarnation[16]);

// Fills head->crc.
void wal_head_encode(uint32_t seed, uint64_t offset, WalHead *head, uint8_t out[WAL_HEAD_BYTES]);
// False when it is no record of this file at this place.
bool wal_head_decode(uint32_t seed, uint64_t offset, const uint8_t in[WAL_HEAD_BYTES],
					 WalHead *out);

// holes: begin->hole_count of them.
void wal_begin_encode(const WalBegin *begin, const WalHole *holes, Buf *out);
bool wal_begin_decode(Slice payload, WalBegin *out);
WalHole wal_begin_hole(Slice payload, uint32_t at);

static inline uint64_t
wal_load_u64(const uint8_t *at)
{
	uint64_t v;
	memcpy(&v, at, sizeof(v));
	return le64toh(v);
}

// Whether the fields that are free in none of the kinds are right.
static inline bool
wal_head_shaped(const uint8_t in[WAL_HEAD_BYTES])
{
	return in[34] == 0 && in[35] == 0 && in[32] - 1U < WAL_BEGIN && in[33] <= WAL_FLAGS &&
		   wal_load_u64(in + 24) <= wal_load_u64(in + 16);
}

// Cheap, and false for nearly all that is no record with a greater seq: tried before the checksum.
static inline bool
wal_head_plausible(const uint8_t in[WAL_HEAD_BYTES], uint64_t above_seq)
{
	return wal_load_u64(in + 16) > above_seq && wal_head_shaped(in);
}

// The size its file has at least, as a record that verifies says; 0: it says nothing.
static inline uint64_t
wal_head_size(const WalHead *head)
{
	return head->kind == WAL_BEGIN || head->kind == WAL_MARK ? (uint64_t)head->rows : 0;
}

// What a record takes, with its padding.
static inline uint64_t
wal_record_bytes(uint32_t length)
{
	return WAL_HEAD_BYTES + (((uint64_t)length + 7) & ~(uint64_t)7);
}
