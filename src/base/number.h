// number.h - numbers as text and back: exact, and the same in every locale.
//
// Threads  any.

#pragma once

#include "base/bytes.h"

enum {
	NUMBER_INTEGER = 20, // the longest text of an integer
	NUMBER_DOUBLE = 32,  // room for the text of any double
};

// Written without a NUL; the length is returned.
size_t number_write_uint(uint64_t value, char out[NUMBER_INTEGER]);
size_t number_write_int(int64_t value, char out[NUMBER_INTEGER]);

// The shortest text that reads back as the same value, of those the nearest: "0.1", "-3.0",
// "1e+22". It always tells a double from an integer. NaN, Infinity and -Infinity are written like
// that.
size_t number_write_double(double value, char out[NUMBER_DOUBLE]);
size_t number_write_float(float value, char out[NUMBER_DOUBLE]);

// The whole of `text` is one number, else false: an optional sign and digits; for doubles also a
// point and an exponent. A double is the nearest to what is written; one that is beyond the largest
// is false.
bool number_read_int(Slice text, int64_t *out);
bool number_read_uint(Slice text, uint64_t *out);
bool number_read_double(Slice text, double *out);
