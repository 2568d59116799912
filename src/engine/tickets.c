// tickets.c - the table of tickets: what is in it, and how much that and its pins may keep.

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "engine/ticket_int.h"
#include "os/clock.h"

enum { MOST_TICKETS = 65536 };

// What is let go once the lock is: last references may take long.
typedef struct LetGo {
	Ticket *tickets; // out of the table
	Ticket *taken;   // without their pins; a reference each
} LetGo;

static Ticket **
bucket_of(Tickets *tickets, const uint8_t *id)
{
	return &tickets->buckets[hash64(id, MOBIUS_TICKET_SIZE) % TICKET_BUCKETS];
}

static void
let_go(LetGo *gone) // not under the lock
{
	for (Ticket *next; gone->tickets != NULL; gone->tickets = next) {
		next = gone->tickets->newer;
		ticket_unref(gone->tickets);
	}
	for (Ticket *next; gone->taken != NULL; gone->taken = next) {
		next = gone->taken->next_taken;
		sql_pin_unref(TAKE(gone->taken->taken));
		ticket_unref(gone->taken);
	}
}

static void
remove_oldest(Tickets *tickets, LetGo *gone) // under the lock
{
	Ticket *ticket = tickets->oldest;
	tickets->oldest = ticket->newer;
	if (tickets->oldest == NULL)
		tickets->newest = &tickets->oldest;
	Ticket **at = bucket_of(tickets, ticket->id);
	while (*at != ticket)
		at = &(*at)->next_in_bucket;
	*at = ticket->next_in_bucket;
	tickets->count--;
	tickets->bytes -= ticket->bytes;
	ticket->newer = gone->tickets;
	gone->tickets = ticket;
}

static void
remove_expired(Tickets *tickets, int64_t now_ns, LetGo *gone) // under the lock
{
	while (tickets->oldest != NULL && tickets->oldest->expires_ns < now_ns)
		remove_oldest(tickets, gone);
}

// The oldest pins go first, when together with the texts they keep too much.
static void
bound_pins(Tickets *tickets, LetGo *gone) // under the lock
{
	uint64_t limit = tickets->db->settings.flight_ticket_memory, total = tickets->bytes;
	for (Ticket *t = tickets->oldest; t != NULL; t = t->newer)
		total += t->pin != NULL ? sql_pin_bytes(t->pin) : 0;
	for (Ticket *t = tickets->oldest; t != NULL && total > limit; t = t->newer) {
		// A count may have grown meanwhile.
		uint64_t bytes = t->pin != NULL ? sql_pin_bytes(t->pin) : 0;
		if (bytes == 0)
			continue; // of no use
		total -= bytes < total ? bytes : total;
		t->taken = TAKE(t->pin);
		t->pin_lost = true;
		t->next_taken = gone->taken;
		gone->taken = ticket_ref(t);
	}
}

void
tickets_tidy(Tickets *tickets)
{
	LetGo gone = {0};
	int64_t now_ns = clock_mono_ns();
	pthread_mutex_lock(&tickets->lock);
	remove_expired(tickets, now_ns, &gone);
	bound_pins(tickets, &gone);
	pthread_mutex_unlock(&tickets->lock);
	let_go(&gone);
}

Status
tickets_open(mobius *db, Tickets **out, Error *err)
{
	Tickets *tickets = mem_alloc(sizeof(*tickets));
	if (tickets == NULL)
		return error_no_memory(err, "tickets");
	tickets->db = db;
	tickets->newest = &tickets->oldest;
	pthread_mutex_init(&tickets->lock, NULL);
	*out = tickets;
	return ST_OK;
}

void
tickets_close(Tickets *tickets)
{
	if (tickets == NULL)
		return;
	LetGo gone = {0};
	while (tickets->oldest != NULL)
		remove_oldest(tickets, &gone);
	let_go(&gone);
	pthread_mutex_destroy(&tickets->lock);
	mem_free(tickets);
}

// ---- what is in it ----

// One that is larger than all may be is the only one.
void
tickets_add(Tickets *tickets, Ticket *ticket)
{
	uint64_t limit = tickets->db->settings.flight_ticket_memory;
	LetGo gone = {0};
	int64_t now_ns = clock_mono_ns();
	pthread_mutex_lock(&tickets->lock);
	remove_expired(tickets, now_ns, &gone);
	while (tickets->oldest != NULL &&
		   (tickets->count >= MOST_TICKETS || tickets->bytes + ticket->bytes > limit))
		remove_oldest(tickets, &gone);
	Ticket **bucket = bucket_of(tickets, ticket->id);
	ticket->next_in_bucket = *bucket;
	*bucket = ticket;
	*tickets->newest = ticket;
	tickets->newest = &ticket->newer;
	tickets->count++;
	tickets->bytes += ticket->bytes;
	pthread_mutex_unlock(&tickets->lock);
	let_go(&gone);
}

Status
tickets_find(Tickets *tickets, Slice id, Ticket **out, Error *err)
{
	int64_t now = clock_mono_ns();
	Ticket *found = NULL;
	if (id.len == MOBIUS_TICKET_SIZE) {
		pthread_mutex_lock(&tickets->lock);
		found = *bucket_of(tickets, id.data);
		while (found != NULL && memcmp(found->id, id.data, MOBIUS_TICKET_SIZE) != 0)
			found = found->next_in_bucket;
		if (found != NULL && found->expires_ns < now)
			found = NULL;
		if (found != NULL)
			ticket_ref(found);
		pthread_mutex_unlock(&tickets->lock);
	}
	if (found == NULL)
		return error_set(err, ST_NOT_FOUND,
						 "unknown or expired ticket; ask with GetFlightInfo again");
	*out = found;
	return ST_OK;
}

void
tickets_keep_pin(Ticket *ticket, SqlPin *pin)
{
	Tickets *tickets = ticket->tickets;
	LetGo gone = {0};
	pthread_mutex_lock(&tickets->lock);
	ticket->pin = sql_pin_ref(pin);
	bound_pins(tickets, &gone);
	pthread_mutex_unlock(&tickets->lock);
	let_go(&gone);
}
