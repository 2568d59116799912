// results.h - results as a server takes them, for tests.

#pragma once

#include "support.h"

typedef struct Result {
	mobius_result *result;
	Watch watch;
	mobius_frame frame;
	int64_t rows;
	uint64_t bytes;
} Result;

static inline mobius_status
try_result(Fixture *fx, Result *r, const char *sql, mobius_want want, int64_t timeout_ns,
		   mobius_error *err)
{
	*r = (Result){0};
	mobius_event event = watch_init(&r->watch);
	return mobius_result_open(fx->session, sql, strlen(sql), want, timeout_ns, event, &r->result,
							  err);
}

static inline void
result_start(Fixture *fx, Result *r, const char *sql)
{
	mobius_error err = {0};
	fine(try_result(fx, r, sql, MOBIUS_ROWS, 0, &err), &err);
}

static inline void
result_stop(Result *r)
{
	mobius_result_close(r->result);
	watch_close(&r->watch);
}

// The next frame, end or failure, waited for.
static inline mobius_next
result_take(Result *r)
{
	mobius_next next;
	while ((next = mobius_result_next(r->result, &r->frame)) == MOBIUS_NEXT_WAIT)
		watch_wait(&r->watch);
	if (next == MOBIUS_NEXT_FRAME) {
		r->rows += r->frame.rows;
		r->bytes += r->frame.body_len;
	}
	return next;
}

static inline void
result_end(Result *r)
{
	mobius_next next;
	while ((next = result_take(r)) == MOBIUS_NEXT_FRAME)
		;
	if (next != MOBIUS_NEXT_END)
		fail_msg("%s", mobius_result_error(r->result)->text);
}

static inline void
result_fails(Result *r, mobius_status code, const char *part)
{
	mobius_next next;
	while ((next = result_take(r)) == MOBIUS_NEXT_FRAME)
		;
	assert_int_equal(next, MOBIUS_NEXT_FAILED);
	assert_int_equal(mobius_result_error(r->result)->code, code);
	says(mobius_result_error(r->result)->text, part);
}

// Takes nothing until all that may wait does; then it is parked, or about to be.
static inline void
result_stall(Result *r)
{
	assert_int_equal(result_take(r), MOBIUS_NEXT_FRAME);
	assert_int_equal(result_take(r), MOBIUS_NEXT_FRAME);
}
