// ticket.h - statements that can be asked for again, by 17 bytes, for flight.ticket_ttl. Their
// texts and what their snapshots keep in memory share flight.ticket_memory; the oldest go first.
//
// Threads  any; one lock. A Ticket is counted: a result holds it while it runs.

#pragma once

#include "engine/statements.h"

typedef struct Ticket Ticket;

Status tickets_open(mobius *db, Tickets **out, Error *err);
void tickets_close(Tickets *tickets); // NULL is allowed
// From time to time: what has expired goes, and pins that keep more than flight.ticket_memory now
// that what they see was flushed or merged.
void tickets_tidy(Tickets *tickets);
Ticket *ticket_ref(Ticket *ticket);
void ticket_unref(Ticket *ticket); // NULL is allowed

const char *ticket_text(const Ticket *ticket); // NULL: it is of a change that ran already
// Whether it is of a change that ran already, and what that one changed.
Status ticket_changed(const Ticket *ticket, bool *ran, Changes *out, Error *err);
// The pin of its first use, a new reference, or NULL before that. ST_NOT_FOUND when it was given up
// for memory.
Status ticket_pinned(Ticket *ticket, SqlPin **out, Error *err);
// The first use: pins what the query sees.
Status ticket_pin(Ticket *ticket, SqlQuery *query, Error *err);
