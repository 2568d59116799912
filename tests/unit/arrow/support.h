// support.h - what the tests of this room share: cmocka, fault loops and small columns.

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arrow/batch.h"
#include "arrow/builder.h"
#include "arrow/convert.h"
#include "base/fault.h"
#include "base/mem.h"

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
			assert_true(nth_ < 10000);                                                             \
		}                                                                                          \
	} while (0)

#define SLICE(array) slice_of(array, sizeof(array))

static inline void
ok(Status st, const Error *err)
{
	if (st != ST_OK)
		fail_msg("%s: %s", status_name(st), err->text);
}

static inline void
says(const Error *err, const char *part)
{
	if (strstr(err->text, part) == NULL)
		fail_msg("'%s' does not say '%s'", err->text, part);
}

static inline Field
field_of(const char *name, TypeId id)
{
	return (Field){.name = name, .type.id = id, .nullable = true};
}

static inline Field
parent_of(const char *name, TypeId id, Field *children, int32_t count)
{
	return (Field){
		.name = name, .type.id = id, .nullable = true, .children = children, .child_count = count};
}

static inline Schema *
schema_one(Field field)
{
	Schema *schema = NULL;
	Error err = ERROR_INIT;
	ok(schema_new(&field, 1, NULL, 0, &schema, &err), &err);
	return schema;
}

static inline int64_t
int64_at(const Column *c, int64_t i)
{
	return ((const int64_t *)(const void *)c->values.data)[i];
}

static inline int32_t
int32_at(const Column *c, int64_t i)
{
	return ((const int32_t *)(const void *)c->values.data)[i];
}

// A value of utf8 or binary.
static inline Slice
bytes_at(const Column *c, int64_t i)
{
	const int32_t *offsets = (const void *)c->offsets.data;
	return slice_of(c->values.data + offsets[i], (size_t)(offsets[i + 1] - offsets[i]));
}

static inline void
text_is(const Column *c, int64_t i, const char *text)
{
	Slice value = bytes_at(c, i);
	if (!slice_is(value, text))
		fail_msg("row %d is '%.*s' and not '%s'", (int)i, (int)value.len, value.data, text);
}

#define RUN(tests) cmocka_run_group_tests(tests, NULL, NULL)
