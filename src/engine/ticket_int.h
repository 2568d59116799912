// ticket_int.h - tickets and the table they are in, shared by ticket.c and tickets.c.

#pragma once

#include "engine/ticket.h"

enum { TICKET_BUCKETS = 1024 };

struct Ticket {
	Tickets *tickets;
	atomic_uint refs; // the table's, and one for each result
	uint8_t id[MOBIUS_TICKET_SIZE];
	bool has_run; // before it was made, and answers `known`: there is no text to run
	char *text;   // NULL: none
	Changes known;
	uint64_t bytes; // of both
	int64_t expires_ns;

	pthread_mutex_t lock; // guards `ran`; held by the first use of a read while it pins
	bool ran;

	// Guarded by the lock of the table.
	SqlPin *pin;
	bool pin_lost;
	Ticket *next_in_bucket;
	Ticket *newer; // once it is out of the table: the next one to be let go

	// Of who took the pin away, which happens once.
	SqlPin *taken;
	Ticket *next_taken;
};

struct Tickets {
	mobius *db;
	pthread_mutex_t lock; // guards all below; taken after a ticket's
	Ticket *buckets[TICKET_BUCKETS];
	Ticket *oldest;
	Ticket **newest;
	size_t count;
	uint64_t bytes; // without what the pins keep
};

// In its own reference. The oldest go if there is no room.
void tickets_add(Tickets *tickets, Ticket *ticket);
// A reference. ST_NOT_FOUND: there is none, or it has expired.
Status tickets_find(Tickets *tickets, Slice id, Ticket **out, Error *err);
// The pin of a read's first use.
void tickets_keep_pin(Ticket *ticket, SqlPin *pin);
DEFINE_DROP(Ticket, ticket_drop, ticket_unref)
