// keeper.h - the thread that moves rows from memory to files and keeps the log short: flush,
// checkpoint, spare and recycled log files. It gives up what tickets keep for too long, too.
//
// Threads  flush: any but the keeper's own and the publishing one. The others: any.

#pragma once

#include "engine/database_int.h"

typedef struct KeeperFlushed {
	int64_t segments;
	int64_t rows;
} KeeperFlushed;

Status keeper_start(mobius *db, Keeper **out,
					Error *err);       // before recovery: replay needs the memory it frees
void keeper_log_ready(Keeper *keeper); // the log was started: it may be prepared and recycled
// Seals what is in memory of `table` (NULL: of all) and waits until it is in files. The keeper's
// error when it cannot.
Status keeper_flush(Keeper *keeper, Table *table, KeeperFlushed *out, Error *err);
// Somebody waits for memory: if no flush is about to give some back, what is growing is sealed; in
// memory, if it may have something to give back.
void keeper_need_memory(Keeper *keeper);
// In memory: how often there was nothing to give back, and nothing about to come back by itself.
uint64_t keeper_idle_looks(const Keeper *keeper);
// A write met a full disk: puts are refused (keeper_has_room) until there is room again.
void keeper_disk_full(Keeper *keeper);
bool keeper_has_room(const Keeper *keeper);
// How many flushes have failed, and why the last one did (untouched if none has).
uint64_t keeper_failures(Keeper *keeper, Error *last);
// Until it is let go, log files are not recycled, and checkpoints are the holder's to write. Waits
// for what is under way. May be held several times.
void keeper_hold_log(Keeper *keeper);
void keeper_let_log(Keeper *keeper);
// Flushes for at most stop.flush, writes a checkpoint, ends the thread. NULL is allowed.
void keeper_stop(Keeper *keeper, bool flush);
