// number_text_int.h - numbers as text, as casts of queries read and write them.

#pragma once

#include "base/bytes.h"

#include "expr/kind_int.h"

// Blanks around it, a sign, one _ between digits, a point and an exponent; whole numbers round by
// the first digit behind the point, and may be 0x… or 0b…. False: it is none, or out of range.
bool read_whole(Slice text, ExprType type, Wide *out);
bool read_decimal(Slice text, ExprType type, Wide *out);
bool read_double(Slice text, double *out);
bool read_float(Slice text, float *out);
bool read_truth(Slice text, uint8_t *out);

enum { NUMBER_TEXT = 64 };
size_t write_wide(Wide value, int scale, char out[NUMBER_TEXT]); // `scale` digits behind the point
size_t write_double(double value, char out[NUMBER_TEXT]);        // the shortest that reads back
size_t write_float(float value, char out[NUMBER_TEXT]);
