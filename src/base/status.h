// status.h - one status type, one error record, one way to unwind.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One code for each kind of cause a caller can tell apart. The outer rooms
// translate it by one table (flight: gRPC status; web: HTTP status).
typedef enum [[nodiscard]] Status{
	ST_OK = 0,
	ST_INVALID,         // the caller's SQL, schema, data or argument is wrong
	ST_UNAUTHENTICATED, // no or bad credentials
	ST_DENIED,          // known, but not allowed
	ST_NOT_FOUND,       // expected absence, never logged
	ST_EXISTS,          // there is one already
	ST_CONFLICT,        // the state of things forbids it now
	ST_SEALED,          // a write to a segment that takes none
	ST_LIMIT,           // a configured limit; the text names it
	ST_NO_MEMORY,
	ST_DISK_FULL,
	ST_UNAVAILABLE, // recovering, read-only, shutting down
	ST_DEADLINE,
	ST_CANCELLED,
	ST_IO,            // the system refused; retry may help
	ST_CORRUPT,       // the bytes are wrong; retry cannot help
	ST_UNIMPLEMENTED, // not built; the text names the feature
	ST_INTERNAL,      // our bug
} Status;

// Lives in the request or task that will report it.
typedef struct Error {
	Status code;
	int32_t position; // byte in the statement, from 0; -1: none
	char text[480];
} Error;

#define ERROR_INIT                                                                                 \
	{                                                                                              \
		.position = -1                                                                             \
	}

// Fills `err` (NULL is allowed) and returns `code`, so failing is one line:
//     return error_set(err, ST_CORRUPT, "%s: bad magic", path);
// Sets position to -1.
Status error_set(Error *err, Status code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

// The same, at a byte of the statement.
Status error_set_at(Error *err, Status code, int32_t position, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

// Puts "what: " before the text that is there; keeps code and position, and returns the code.
Status error_prefix(Error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// ST_NO_MEMORY with "no memory for <what>".
Status error_no_memory(Error *err, const char *what);

const char *status_name(Status code); // "invalid_argument", as JSON bodies spell it

// Propagates any failure. Safe anywhere: owned locals are SCOPED.
#define TRY(expr)                                                                                  \
	do {                                                                                           \
		Status try_st_ = (expr);                                                                   \
		if (try_st_ != ST_OK)                                                                      \
			return try_st_;                                                                        \
	} while (0)

// SCOPED(drop) T x = ...;   drop(&x) runs when x leaves scope.
#define SCOPED(drop) __attribute__((cleanup(drop)))

// TAKE(x) empties an owned pointer and yields its value: ownership moves on.
#define TAKE(x)                                                                                    \
	({                                                                                             \
		__typeof__(x) take_v_ = (x);                                                               \
		(x) = NULL;                                                                                \
		take_v_;                                                                                   \
	})

// Defines `name_drop(T **)` for SCOPED, calling `release(T *)`, which must allow NULL.
#define DEFINE_DROP(T, name_drop, release)                                                         \
	static inline void name_drop(T **p)                                                            \
	{                                                                                              \
		release(*p);                                                                               \
	}

// An invariant whose breach would write bad data: stays on in release.
#define must(cond)                                                                                 \
	do {                                                                                           \
		if (!(cond))                                                                               \
			must_failed(__FILE__, __LINE__, #cond);                                                \
	} while (0)
_Noreturn void must_failed(const char *file, int line, const char *what);

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
