// support.h - what the tests of this room share.

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/status.h"

// Runs `body` (statements that set `st` and release what they made) with every fallible call
// failing in turn until none fails; nothing may be left over.
#define FAULT_LOOP(st, ...)                                                                        \
	do {                                                                                           \
		long live_ = mem_live();                                                                   \
		for (long nth_ = 0;; nth_++) {                                                             \
			Status st = ST_OK;                                                                     \
			fault_arm(nth_);                                                                       \
			__VA_ARGS__;                                                                           \
			bool failed_ = fault_disarm();                                                         \
			assert_int_equal(mem_live(), live_);                                                   \
			assert_int_equal(st, failed_ ? ST_NO_MEMORY : ST_OK);                                  \
			if (!failed_)                                                                          \
				break;                                                                             \
			assert_true(nth_ < 1000);                                                              \
		}                                                                                          \
	} while (0)

static inline void
says(const Error *err, const char *part)
{
	if (strstr(err->text, part) == NULL)
		fail_msg("'%s' does not say '%s'", err->text, part);
}
