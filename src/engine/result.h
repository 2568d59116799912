// result.h - one statement on its way: run by workers, parked while its frames are not taken.

#pragma once

#include "engine/ticket.h"

typedef struct ResultOptions {
	const char *text;
	size_t len;
	mobius_want want;
	int64_t timeout_ns; // 0: query.timeout
	mobius_event event;
	Ticket *ticket; // NULL: none; a reference is taken
} ResultOptions;

Status result_open(mobius_session *session, const ResultOptions *options, mobius_result **out,
				   Error *err);

// The rows of the frame that mobius_result_next gave; NULL: it was the schema. Borrowed until the
// next call.
Batch *result_batch(const mobius_result *result);
