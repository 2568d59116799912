#include "engine/ticket_int.h"

#include <string.h>

#include "base/mem.h"
#include "engine/result.h"
#include "engine/statements.h"
#include "os/clock.h"
#include "os/random.h"

enum { FIRST_BYTE = 0xFF }; // never in UTF-8

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
		tickets_add(db->tickets, ticket);
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
		tickets_add(db->tickets, ticket);
	}
	return error_out(st, &e, err);
}

// ---- using ----

bool
mobius_is_ticket(mobius_slice bytes)
{
	return bytes.len > 0 && bytes.data[0] == FIRST_BYTE;
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
	TRY(tickets_find(session->db->tickets, id, &ticket, err));
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

static Status
pin_query(Ticket *ticket, SqlQuery *query, Error *err) // under its lock
{
	SCOPED(sql_pin_drop) SqlPin *pinned = NULL;
	TRY(ticket_pinned(ticket, &pinned, err));
	bool first = pinned == NULL;
	TRY(sql_query_pin(query, &pinned, err));
	if (first)
		tickets_keep_pin(ticket, pinned);
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
