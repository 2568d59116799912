// Fixed-width values of one type as those of another, in loops a compiler can vectorise.

#include <string.h>

#include "arrow/bits.h"
#include "arrow/column_int.h"
#include "arrow/convert_int.h"

static float
float_of_half(uint16_t half)
{
	uint32_t sign = (uint32_t)(half & 0x8000) << 16;
	uint32_t exponent = half >> 10 & 0x1F;
	uint32_t fraction = half & 0x3FF;
	if (exponent == 0) { // zero, or subnormal: 2^-24 each, which a float holds as a normal number
		float magnitude = (float)fraction * 0x1p-24F;
		return sign != 0 ? -magnitude : magnitude;
	}
	exponent = exponent == 31 ? 255 : exponent + 127 - 15;
	uint32_t bits = sign | exponent << 23 | fraction << 13;
	float out;
	memcpy(&out, &bits, sizeof(out));
	return out;
}

static int64_t
scale_saturating(int64_t value, int64_t factor)
{
	int64_t scaled;
	if (!__builtin_mul_overflow(value, factor, &scaled))
		return scaled;
	return value < 0 ? INT64_MIN : INT64_MAX;
}

static int32_t
date_saturating(int64_t ms)
{
	int64_t day = day_of_ms(ms);
	return day < INT32_MIN ? INT32_MIN : day > INT32_MAX ? INT32_MAX : (int32_t)day;
}

#define LOOP(From, To, expression)                                                                 \
	do {                                                                                           \
		const From *in_ = values;                                                                  \
		To *out_ = out;                                                                            \
		for (int64_t i_ = 0; i_ < n; i_++) {                                                       \
			From v = in_[i_];                                                                      \
			out_[i_] = (expression);                                                               \
		}                                                                                          \
		return;                                                                                    \
	} while (0)

#define PAIR(from, to) ((from)*TYPE_COUNT + (to))

static void
widen_numbers(TypeId from, TypeId to, const void *values, int64_t n, void *out)
{
	switch (PAIR((int)from, (int)to)) {
	case PAIR(TYPE_INT8, TYPE_INT16): LOOP(int8_t, int16_t, v);
	case PAIR(TYPE_INT8, TYPE_INT32): LOOP(int8_t, int32_t, v);
	case PAIR(TYPE_INT8, TYPE_INT64): LOOP(int8_t, int64_t, v);
	case PAIR(TYPE_INT16, TYPE_INT32): LOOP(int16_t, int32_t, v);
	case PAIR(TYPE_INT16, TYPE_INT64): LOOP(int16_t, int64_t, v);
	case PAIR(TYPE_INT32, TYPE_INT64): LOOP(int32_t, int64_t, v);
	case PAIR(TYPE_UINT8, TYPE_UINT16): LOOP(uint8_t, uint16_t, v);
	case PAIR(TYPE_UINT8, TYPE_UINT32): LOOP(uint8_t, uint32_t, v);
	case PAIR(TYPE_UINT8, TYPE_UINT64): LOOP(uint8_t, uint64_t, v);
	case PAIR(TYPE_UINT16, TYPE_UINT32): LOOP(uint16_t, uint32_t, v);
	case PAIR(TYPE_UINT16, TYPE_UINT64): LOOP(uint16_t, uint64_t, v);
	case PAIR(TYPE_UINT32, TYPE_UINT64): LOOP(uint32_t, uint64_t, v);
	case PAIR(TYPE_FLOAT16, TYPE_FLOAT32): LOOP(uint16_t, float, float_of_half(v));
	case PAIR(TYPE_FLOAT16, TYPE_FLOAT64): LOOP(uint16_t, double, (double)float_of_half(v));
	case PAIR(TYPE_FLOAT32, TYPE_FLOAT64): LOOP(float, double, (double)v);
	default: must(from == to); // else two families
	}
}

void
values_widen(const Type *from, const Type *to, const void *values, int64_t n, void *out)
{
	if (n == 0)
		return;
	int64_t factor = type_has_unit(to->id) ? unit_factor(from->unit, to->unit) : 1;
	switch (to->id) {
	case TYPE_DATE32:
		if (from->id == TYPE_DATE64)
			LOOP(int64_t, int32_t, date_saturating(v));
		break;
	case TYPE_TIME64:
	case TYPE_TIMESTAMP:
	case TYPE_DURATION:
		if (from->id == TYPE_TIME32)
			LOOP(int32_t, int64_t, scale_saturating(v, factor));
		if (factor > 1)
			LOOP(int64_t, int64_t, scale_saturating(v, factor));
		break;
	case TYPE_INTERVAL_MONTH_DAY_NANO:
		if (from->id == TYPE_INTERVAL_MONTHS)
			LOOP(int32_t, MonthDayNano, ((MonthDayNano){.months = v}));
		if (from->id == TYPE_INTERVAL_DAY_TIME)
			LOOP(DayTime, MonthDayNano,
				 ((MonthDayNano){.days = v.days, .nanos = INT64_C(1000000) * v.ms}));
		break;
	default:
		if (from->id != to->id) {
			widen_numbers(from->id, to->id, values, n, out);
			return;
		}
		break;
	}
	TypeLayout layout = type_layout(to);
	memcpy(out, values, values_bytes(&layout, n));
}
