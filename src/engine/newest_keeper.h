// newest_keeper.h - one thread for the newest rows: it works out from history those that are in
// doubt, once somebody asks for them, and gathers those whose segments were flushed.
//
// Threads  start, stop: the opener. Waking: any.

#pragma once

#include "engine/database_int.h"

// Makes db->newest, so that puts can enter rows, and starts the thread once statements can run.
Status newest_keeper_new(mobius *db, NewestKeeper **out, Error *err);
Status newest_keeper_start(NewestKeeper *keeper, Error *err);
void newest_keeper_stop(NewestKeeper *keeper); // ends the thread; NULL is allowed
void newest_keeper_free(NewestKeeper *keeper); // after who wakes it; NULL is allowed
void newest_keeper_wake(NewestKeeper *keeper); // NULL is allowed
