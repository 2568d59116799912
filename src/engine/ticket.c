#include "engine/ticket.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "engine/result.h"
#include "engine/statements.h"
#include "os/clock.h"
#include "os/random.h"

enum {
	BUCKETS = 1024,
	MOST_TICKETS = 65536,
	FIRST_BYTE = 0xFF, // never in UTF-8
};

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
	Ticket *buckets[BUCKETS];
	Ticket *oldest;
	Ticket **newest;
	size_t count;
	uint64_t bytes; // without what the pins keep
};

// What is let go once the lock is: last references may take long.
typedef struct LetGo {
	Ticket *tickets; // out of the table
	Ticket *taken;   // without their pins; a reference each
} LetGo;

Ticket *
ticket_ref(Ticket *ticket)
{
	atomic_fetch_add_explicit(&ticket->refs, 1, memory_order_relaxed);
	return ticket;
}

void
ticket_unref(Ticket *ticket)
{
	if (ticket == NULL || atomic_fetch_sub(&ticket->refs, 1) > 1)
		return;
	sql_pin_unref(ticket->pin);
	pthread_mutex_destroy(&ticket->lock);
	changes_close(&ticket->known);
	mem_free(ticket->text);
	mem_free(ticket);
}

static void
ticket_drop(Ticket **ticket)
{
	ticket_unref(*ticket);
}

static Ticket **
bucket_of(Tickets *tickets, const uint8_t *id)
{
	return &tickets->buckets[hash64(id, MOBIUS_TICKET_SIZE) % BUCKETS];
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

// ---- making ----

static Status
ticket_new(Tickets *tickets, Ticket **out, Error *err)
{
	SCOPED(ticket_drop) Ticket *ticket = mem_alloc(sizeof(*ticket));
	if (ticket == NULL)
		return error_no_memory(err, "a ticket");
	atomic_init(&ticket->refs, 1);
	pthread_mutex_init(&ticket->lock, NULL);
	ticket->tickets = tickets;
	ticket->expires_ns = clock_mono_ns() + tickets->db->settings.flight_ticket_ttl_ns;
	ticket->id[0] = FIRST_BYTE;
	TRY(random_bytes(ticket->id + 1, MOBIUS_TICKET_SIZE - 1, err));
	*out = TAKE(ticket);
	return ST_OK;
}

static Status
ticket_of_text(Tickets *tickets, const char *text, size_t len, Ticket **out, Error *err)
{
	SCOPED(ticket_drop) Ticket *ticket = NULL;
	TRY(ticket_new(tickets, &ticket, err));
	ticket->text = mem_strndup(text, len);
	if (ticket->text == NULL)
		return error_no_memory(err, "a ticket");
	ticket->bytes = len;
	*out = TAKE(ticket);
	return ST_OK;
}

static Status
ticket_of_change(Tickets *tickets, const int64_t *rows, size_t count, Ticket **out, Error *err)
{
	SCOPED(ticket_drop) Ticket *ticket = NULL;
	TRY(ticket_new(tickets, &ticket, err));
	TRY(changes_of(rows, (int32_t)count, &ticket->known, err));
	ticket->has_run = true;
	ticket->bytes = count * sizeof(*rows);
	*out = TAKE(ticket);
	return ST_OK;
}

// There is room for it, if the oldest go. One that is larger than all may be is the only one.
static void
add_ticket(Tickets *tickets, Ticket *ticket)
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

mobius_status
mobius_ticket_new(mobius_session *session, const char *sql, size_t len,
				  uint8_t out[MOBIUS_TICKET_SIZE], mobius_error *err)
{
	mobius *db = session->db;
	Error e = ERROR_INIT;
	Ticket *ticket = NULL;
	Status st = database_ready(db, &e);
	if (st == ST_OK)
		st = ticket_of_text(db->tickets, sql, len, &ticket, &e);
	if (st == ST_OK) {
		memcpy(out, ticket->id, MOBIUS_TICKET_SIZE);
		add_ticket(db->tickets, ticket);
	}
	return error_out(st, &e, err);
}

mobius_status
mobius_ticket_of_change(mobius_session *session, const int64_t *rows, size_t count,
						uint8_t out[MOBIUS_TICKET_SIZE], mobius_error *err)
{
	mobius *db = session->db;
	Error e = ERROR_INIT;
	Ticket *ticket = NULL;
	Status st = ticket_of_change(db->tickets, rows, count, &ticket, &e);
	if (st == ST_OK) {
		memcpy(out, ticket->id, MOBIUS_TICKET_SIZE);
		add_ticket(db->tickets, ticket);
	}
	return error_out(st, &e, err);
}

// ---- using ----

bool
mobius_is_ticket(mobius_slice bytes)
{
	return bytes.len > 0 && bytes.data[0] == FIRST_BYTE;
}

static Status
find_ticket(Tickets *tickets, Slice id, Ticket **out, Error *err)
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

// Takes the one use that a change has.
static Status
use_change(Ticket *ticket, Error *err)
{
	pthread_mutex_lock(&ticket->lock);
	bool again = ticket->ran;
	ticket->ran = true;
	pthread_mutex_unlock(&ticket->lock);
	if (again)
		return error_set(err, ST_NOT_FOUND,
						 "already executed: the ticket of a statement that changes something is "
						 "good for one DoGet");
	return ST_OK;
}

static void
give_back_use(Ticket *ticket)
{
	pthread_mutex_lock(&ticket->lock);
	ticket->ran = false;
	pthread_mutex_unlock(&ticket->lock);
}

// False for one that has run: it can be asked for again.
static Status
changes_something(const Ticket *ticket, bool *out, Error *err)
{
	SCOPED(sql_statement_drop) SqlStatement *statement = NULL;
	if (!ticket->has_run)
		TRY(sql_parse(slice_text(ticket->text), &statement, err));
	*out = statement != NULL && !statement_is_read(statement);
	return ST_OK;
}

static Status
redeem(mobius_session *session, Slice id, ResultOptions *options, mobius_result **out, Error *err)
{
	SCOPED(ticket_drop) Ticket *ticket = NULL;
	TRY(database_ready(session->db, err));
	TRY(find_ticket(session->db->tickets, id, &ticket, err));
	bool change;
	TRY(changes_something(ticket, &change, err));
	if (change)
		TRY(use_change(ticket, err));
	options->ticket = ticket;
	Status st = result_open(session, options, out, err);
	if (st != ST_OK && change)
		give_back_use(ticket); // it did not run
	return st;
}

mobius_status
mobius_ticket_redeem(mobius_session *session, mobius_slice ticket, int64_t timeout_ns,
					 mobius_event event, mobius_result **out, mobius_error *err)
{
	ResultOptions options = {.want = MOBIUS_ROWS, .timeout_ns = timeout_ns, .event = event};
	Error e = ERROR_INIT;
	return error_out(redeem(session, slice_in(ticket), &options, out, &e), &e, err);
}

const char *
ticket_text(const Ticket *ticket)
{
	return ticket->text;
}

Status
ticket_changed(const Ticket *ticket, bool *ran, Changes *out, Error *err)
{
	*ran = ticket->has_run;
	return *ran ? changes_of(ticket->known.rows, ticket->known.count, out, err) : ST_OK;
}

Status
ticket_pinned(Ticket *ticket, SqlPin **out, Error *err)
{
	Tickets *tickets = ticket->tickets;
	pthread_mutex_lock(&tickets->lock);
	bool lost = ticket->pin_lost;
	SqlPin *pin = ticket->pin != NULL ? sql_pin_ref(ticket->pin) : NULL;
	pthread_mutex_unlock(&tickets->lock);
	if (lost)
		return error_set(err, ST_NOT_FOUND, "snapshot expired, ask again");
	*out = pin;
	return ST_OK;
}

static void
keep_pin(Ticket *ticket, SqlPin *pin)
{
	Tickets *tickets = ticket->tickets;
	LetGo gone = {0};
	pthread_mutex_lock(&tickets->lock);
	ticket->pin = sql_pin_ref(pin);
	bound_pins(tickets, &gone);
	pthread_mutex_unlock(&tickets->lock);
	let_go(&gone);
}

static Status
pin_query(Ticket *ticket, SqlQuery *query, Error *err) // under its lock
{
	SCOPED(sql_pin_drop) SqlPin *pinned = NULL;
	TRY(ticket_pinned(ticket, &pinned, err));
	bool first = pinned == NULL;
	TRY(sql_query_pin(query, &pinned, err));
	if (first)
		keep_pin(ticket, pinned);
	return ST_OK;
}

Status
ticket_pin(Ticket *ticket, SqlQuery *query, Error *err)
{
	pthread_mutex_lock(&ticket->lock);
	Status st = pin_query(ticket, query, err);
	pthread_mutex_unlock(&ticket->lock);
	return st;
}
