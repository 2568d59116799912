// check.h - what the tests of every room share: cmocka, statuses and texts that are as they should
// be, and faults.

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/status.h"

#define RUN(tests) cmocka_run_group_tests(tests, NULL, NULL)

// Runs `body` (statements that set `st` and release what they made) with every fallible call
// failing in turn until none fails. Then `refused` is true, and `live` as it was before.
#define FAULTS_IN_TURN(live, refused, st, ...)                                                     \
	do {                                                                                           \
		long live_ = (live);                                                                       \
		for (long nth_ = 0;; nth_++) {                                                             \
			Status st = ST_OK;                                                                     \
			fault_arm(nth_);                                                                       \
			__VA_ARGS__;                                                                           \
			bool failed_ = fault_disarm();                                                         \
			assert_int_equal((live), live_);                                                       \
			if (!failed_) {                                                                        \
				assert_int_equal(st, ST_OK);                                                       \
				break;                                                                             \
			}                                                                                      \
			assert_true(refused);                                                                  \
			assert_true(nth_ < 10000);                                                             \
		}                                                                                          \
	} while (0)

static inline void
ok(Status st, const Error *err)
{
	if (st != ST_OK)
		fail_msg("%s: %s", status_name(st), err->text);
}

static inline void
says_text(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("'%s' does not say '%s'", text, part);
}

static inline void
says(const Error *err, const char *part)
{
	says_text(err->text, part);
}
