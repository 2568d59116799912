// case_int.h - upper and lower case of UTF-8, character by character.

#pragma once

#include "base/bytes.h"

typedef struct CaseRange {
	uint32_t first;
	uint16_t count;
	uint8_t step;
	int32_t add;
} CaseRange;

extern const CaseRange case_lower[], case_upper[];
extern const size_t case_lower_count, case_upper_count;

// Into `out`, which has room for twice as many bytes; how many there are. `text` is valid UTF-8.
size_t case_change(Slice text, bool upper, uint8_t *out);
