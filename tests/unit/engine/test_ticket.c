// Tickets: what they keep, for how long, and how often.

#include "results.h"

typedef struct Ticket {
	uint8_t bytes[MOBIUS_TICKET_SIZE];
} Ticket;

static Ticket
ticket_of(Fixture *fx, const char *sql)
{
	Ticket ticket;
	mobius_error err = {0};
	fine(mobius_ticket_new(fx->session, sql, strlen(sql), ticket.bytes, &err), &err);
	return ticket;
}

static mobius_status
try_redeem(Fixture *fx, Result *r, const Ticket *ticket, size_t len, mobius_error *err)
{
	*r = (Result){0};
	mobius_event event = watch_init(&r->watch);
	return mobius_ticket_redeem(fx->session, (mobius_slice){ticket->bytes, len}, 0, event,
								&r->result, err);
}

static void
redeem(Fixture *fx, Result *r, const Ticket *ticket)
{
	mobius_error err = {0};
	fine(try_redeem(fx, r, ticket, sizeof(ticket->bytes), &err), &err);
}

static int64_t
redeemed_rows(Fixture *fx, const Ticket *ticket)
{
	Result r;
	redeem(fx, &r, ticket);
	result_end(&r);
	int64_t rows = r.rows;
	result_stop(&r);
	return rows;
}

static void
is_not_found(Fixture *fx, const Ticket *ticket, size_t len, const char *part)
{
	Result r;
	mobius_error err = {0};
	assert_int_equal(try_redeem(fx, &r, ticket, len, &err), MOBIUS_NOT_FOUND);
	says(err.text, part);
	watch_close(&r.watch);
}

// ---- reads ----

static void
every_use_of_a_read_gives_the_rows_of_the_first(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 10);
	Ticket ticket = ticket_of(&fx, "SELECT * FROM t");
	append_rows(fx.db, "t", 10, 10); // the first use pins, not the making
	assert_int_equal(redeemed_rows(&fx, &ticket), 20);
	append_rows(fx.db, "t", 20, 10);
	assert_int_equal(redeemed_rows(&fx, &ticket), 20);
	assert_int_equal(number(fx.db, "FLUSH t"), 0);
	assert_int_equal(redeemed_rows(&fx, &ticket), 20);
	assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), 30);
	fixture_close(&fx);
}

static void
a_ticket_that_was_used_survives_the_drop_of_its_table(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 10);
	assert_int_equal(number(fx.db, "FLUSH t"), 0);
	append_rows(fx.db, "t", 10, 5);
	Ticket ticket = ticket_of(&fx, "SELECT * FROM t");
	assert_int_equal(redeemed_rows(&fx, &ticket), 15);
	assert_int_equal(number(fx.db, "DROP TABLE t"), 0);
	assert_int_equal(redeemed_rows(&fx, &ticket), 15);
	fixture_close(&fx);
}

static void
uses_of_one_ticket_may_run_at_once(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 100000);
	Ticket ticket = ticket_of(&fx, "SELECT * FROM t");
	Result results[6];
	for (int i = 0; i < 6; i++)
		redeem(&fx, &results[i], &ticket);
	for (int i = 0; i < 6; i++) {
		if (i != 2) {
			result_end(&results[i]);
			assert_int_equal(results[i].rows, 100000);
		}
		result_stop(&results[i]);
	}
	fixture_close(&fx);
}

static void
the_oldest_pin_goes_when_together_they_keep_too_much(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, SETTINGS("flight.ticket_memory=1MiB"));
	append_rows(fx.db, "t", 0, 60000);
	append_rows(fx.db, "u", 0, 60000);
	Ticket first = ticket_of(&fx, "SELECT * FROM t");
	Ticket second = ticket_of(&fx, "SELECT * FROM u");
	assert_int_equal(redeemed_rows(&fx, &first), 60000);
	assert_int_equal(number(fx.db, "FLUSH t"), 0); // else its rows were in memory anyway
	assert_int_equal(redeemed_rows(&fx, &second), 60000);
	Result r;
	redeem(&fx, &r, &first);
	result_fails(&r, MOBIUS_NOT_FOUND, "snapshot expired, ask again");
	result_stop(&r);
	assert_int_equal(redeemed_rows(&fx, &second), 60000);
	fixture_close(&fx);
}

enum { MOST_OF_MEMORY = 90000 }; // rows

// Its rows are in a file, and in memory only for its ticket.
static Ticket
pin_and_flush(Fixture *fx)
{
	append_rows(fx->db, "t", 0, MOST_OF_MEMORY);
	Ticket ticket = ticket_of(fx, "SELECT * FROM t");
	assert_int_equal(redeemed_rows(fx, &ticket), MOST_OF_MEMORY);
	assert_int_equal(number(fx->db, "FLUSH t"), 0);
	return ticket;
}

static void
what_an_expired_ticket_kept_is_given_to_puts_without_another_ticket(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, SETTINGS("memtable.limit=4MiB", "flight.ticket_memory=1GiB",
							   "flight.ticket_ttl=2s", "ingest.wait=60s"));
	Ticket ticket = pin_and_flush(&fx);
	append_rows(fx.db, "t", MOST_OF_MEMORY, MOST_OF_MEMORY);
	is_not_found(&fx, &ticket, MOBIUS_TICKET_SIZE, "unknown or expired");
	fixture_close(&fx);
}

static void
a_pin_that_keeps_too_much_once_its_rows_are_in_files_goes_without_another_one(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx,
				 SETTINGS("memtable.limit=4MiB", "flight.ticket_memory=1MiB", "ingest.wait=60s"));
	Ticket ticket = pin_and_flush(&fx);
	append_rows(fx.db, "t", MOST_OF_MEMORY, MOST_OF_MEMORY);
	Result r;
	redeem(&fx, &r, &ticket);
	result_fails(&r, MOBIUS_NOT_FOUND, "snapshot expired, ask again");
	result_stop(&r);
	fixture_close(&fx);
}

static void
the_oldest_ticket_goes_when_their_texts_are_too_long(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, SETTINGS("flight.ticket_memory=1KiB"));
	char text[501];
	memset(text, ' ', sizeof(text));
	memcpy(text, "SELECT 1", 8);
	text[500] = '\0';
	Ticket tickets[3];
	for (int i = 0; i < 3; i++)
		tickets[i] = ticket_of(&fx, text);
	is_not_found(&fx, &tickets[0], MOBIUS_TICKET_SIZE, "unknown or expired");
	assert_int_equal(redeemed_rows(&fx, &tickets[1]), 1);
	assert_int_equal(redeemed_rows(&fx, &tickets[2]), 1);
	fixture_close(&fx);
}

// ---- changes ----

static void
the_ticket_of_a_change_is_good_for_one_use(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 10);
	Ticket ticket = ticket_of(&fx, "INSERT INTO t SELECT * FROM t");
	assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), 10); // making it runs nothing
	assert_int_equal(redeemed_rows(&fx, &ticket), 1);
	is_not_found(&fx, &ticket, MOBIUS_TICKET_SIZE, "already executed");
	assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), 20);
	fixture_close(&fx);
}

static void
a_change_that_could_not_begin_has_not_used_its_ticket(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 10);
	Ticket ticket = ticket_of(&fx, "INSERT INTO t SELECT * FROM t");
	for (long nth = 0;; nth++) {
		Result r;
		mobius_error err = {0};
		fault_arm(nth);
		mobius_status st = try_redeem(&fx, &r, &ticket, MOBIUS_TICKET_SIZE, &err);
		(void)fault_disarm();
		if (st == MOBIUS_OK) {
			result_stop(&r);
			break;
		}
		assert_int_equal(st, MOBIUS_NO_MEMORY);
		watch_close(&r.watch);
	}
	is_not_found(&fx, &ticket, MOBIUS_TICKET_SIZE, "already executed");
	fixture_close(&fx);
}

static void
the_ticket_of_a_change_that_ran_answers_its_rows_and_runs_nothing(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	Ticket ticket;
	mobius_error err = {0};
	fine(mobius_ticket_of_change(fx.session, (const int64_t[]){40, 2}, 2, ticket.bytes, &err),
		 &err);
	for (int use = 0; use < 2; use++) {
		Result r;
		redeem(&fx, &r, &ticket);
		result_end(&r);
		assert_int_equal(r.rows, 2);
		assert_int_equal(mobius_result_changed(r.result), 42);
		assert_false(mobius_result_is_read(r.result));
		result_stop(&r);
	}
	fixture_close(&fx);
}

// ---- what is none ----

static void
unknown_cut_and_expired_tickets_are_not_found(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, SETTINGS("flight.ticket_ttl=1ms"));
	Ticket ticket = ticket_of(&fx, "SELECT 1");
	clock_sleep_ns(SECOND / 500);
	is_not_found(&fx, &ticket, MOBIUS_TICKET_SIZE, "unknown or expired");
	is_not_found(&fx, &ticket, MOBIUS_TICKET_SIZE - 1, "unknown or expired");
	is_not_found(&fx, &ticket, 1, "unknown or expired");
	ticket.bytes[5] ^= 1;
	is_not_found(&fx, &ticket, MOBIUS_TICKET_SIZE, "unknown or expired");
	fixture_close(&fx);
}

static void
a_ticket_is_told_from_a_text_by_its_first_byte(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	Ticket ticket = ticket_of(&fx, "SELECT 1"), other = ticket_of(&fx, "SELECT 1");
	assert_true(mobius_is_ticket((mobius_slice){ticket.bytes, sizeof(ticket.bytes)}));
	assert_false(mobius_is_ticket((mobius_slice){(const uint8_t *)"SELECT 1", 8}));
	assert_false(mobius_is_ticket((mobius_slice){(const uint8_t *)"\xc3\xa9", 2}));
	assert_false(mobius_is_ticket((mobius_slice){NULL, 0}));
	assert_memory_not_equal(ticket.bytes, other.bytes, sizeof(ticket.bytes));
	fixture_close(&fx);
}

static void
more_tickets_than_are_kept_cost_the_oldest(void **state)
{
	(void)state;
	enum { KEPT = 65536 };
	Fixture fx;
	fixture_open(&fx, NULL);
	Ticket first = ticket_of(&fx, "SELECT 1"), second = ticket_of(&fx, "SELECT 1");
	for (int i = 0; i < KEPT - 1; i++)
		(void)ticket_of(&fx, "SELECT 1");
	is_not_found(&fx, &first, MOBIUS_TICKET_SIZE, "unknown or expired");
	assert_int_equal(redeemed_rows(&fx, &second), 1);
	fixture_close(&fx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_use_of_a_read_gives_the_rows_of_the_first),
		TEST(a_ticket_that_was_used_survives_the_drop_of_its_table),
		TEST(uses_of_one_ticket_may_run_at_once),
		TEST(the_oldest_pin_goes_when_together_they_keep_too_much),
		TEST(what_an_expired_ticket_kept_is_given_to_puts_without_another_ticket),
		TEST(a_pin_that_keeps_too_much_once_its_rows_are_in_files_goes_without_another_one),
		TEST(the_oldest_ticket_goes_when_their_texts_are_too_long),
		TEST(the_ticket_of_a_change_is_good_for_one_use),
		TEST(a_change_that_could_not_begin_has_not_used_its_ticket),
		TEST(the_ticket_of_a_change_that_ran_answers_its_rows_and_runs_nothing),
		TEST(unknown_cut_and_expired_tickets_are_not_found),
		TEST(a_ticket_is_told_from_a_text_by_its_first_byte),
		TEST(more_tickets_than_are_kept_cost_the_oldest),
	};
	return RUN(tests);
}
