// pace.h - how merges and puts share what there is: by how many files wait, of the table that has
// most of them.
//
// While few wait, merges leave most of the processors to others, where these want them. The more
// wait, fresh ones to be merged or small ones to be gathered, the less they leave. When so many
// fresh ones wait that queries would feel it, puts are slowed down gently until merges keep up with
// them; they are never refused for it.
//
// Threads  any.

#pragma once

#include "engine/database_int.h"
#include "store/merge.h"

// `files`: compaction.files, that many start a merge.
int pace_merge_share(MergeBacklog backlog, int32_t files); // percent of a processor
// Bytes a second in memory, 0: any. Small files are merged no faster for being small: so the rate
// is less where memtable.segment_size is little.
uint64_t pace_put_rate(int32_t waiting, int32_t files, uint64_t segment_bytes);

// Sets both from what is there now; to be called after each flush and merge.
void pace_look(mobius *db);
