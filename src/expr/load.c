// load.c - from columns of a batch to vectors, and from vectors to columns of a result.

#include <string.h>

#include "arrow/bits.h"
#include "expr/node_int.h"

static void
load_validity(Call *c, const Column *column)
{
	if (column->validity.data == NULL) {
		memset(c->out.ok, 1, (size_t)c->n);
		return;
	}
	for (int64_t i = 0; i < c->n; i++)
		c->out.ok[i] = bit_get(column->validity.data, rows_at(c->rows, i));
}

// `stored` to the vector's member: for each row, whatever is behind a NULL.
#define LOAD(member, stored)                                                                       \
	do {                                                                                           \
		const stored *from = (const stored *)(const void *)column->values.data;                    \
		if (c->rows->list == NULL)                                                                 \
			for (int64_t i = 0; i < c->n; i++)                                                     \
				c->out.member[i] = from[c->rows->base + i];                                        \
		else                                                                                       \
			for (int64_t i = 0; i < c->n; i++)                                                     \
				c->out.member[i] = from[c->rows->list[i]];                                         \
	} while (0)

static void
load_integers(Call *c, TypeId id, const Column *column)
{
	switch (id) {
	case TYPE_INT8: LOAD(ints, int8_t); break;
	case TYPE_INT16: LOAD(ints, int16_t); break;
	case TYPE_DATE32:
	case TYPE_INT32: LOAD(ints, int32_t); break;
	case TYPE_UINT8: LOAD(ints, uint8_t); break;
	case TYPE_UINT16: LOAD(ints, uint16_t); break;
	case TYPE_UINT32: LOAD(ints, uint32_t); break;
	case TYPE_UINT64: LOAD(wides, uint64_t); break;
	default: LOAD(ints, int64_t); break;
	}
}

// Seconds and milliseconds with a zone are microseconds to queries.
static void
load_instants(Call *c, const Type *type, const Column *column)
{
	int64_t factor = type->unit == UNIT_S ? 1000000 : 1000;
	LOAD(ints, int64_t);
	for (int64_t i = 0; i < c->n; i++)
		if (c->out.ok[i] && __builtin_mul_overflow(c->out.ints[i], factor, &c->out.ints[i]))
			kernel_fail(c, i, "an instant that microseconds do not reach");
}

static void
load_wides(Call *c, const Column *column)
{
	for (int64_t i = 0; i < c->n; i++)
		memcpy(&c->out.wides[i], column->values.data + 16 * rows_at(c->rows, i), sizeof(Wide));
}

static void
load_texts(Call *c, const Column *column)
{
	const int32_t *offsets = (const int32_t *)(const void *)column->offsets.data;
	for (int64_t i = 0; i < c->n; i++) {
		int64_t row = rows_at(c->rows, i);
		c->out.texts[i] =
			slice_of(column->values.data + offsets[row], (size_t)(offsets[row + 1] - offsets[row]));
	}
}

static void
load_spans(Call *c, const Column *column)
{
	for (int64_t i = 0; i < c->n; i++) {
		memcpy(&c->out.spans[i], column->values.data + 16 * rows_at(c->rows, i), sizeof(Span));
		c->out.spans[i].micros /= 1000; // they come in nanoseconds
	}
}

void
column_load(Call *c, const Field *field, const Column *column)
{
	if (field->type.id == TYPE_NULL) {
		memset(c->out.ok, 0, (size_t)c->n);
		return;
	}
	load_validity(c, column);
	switch ((Kind)c->node->type.kind) {
	case KIND_OTHER: break;
	case KIND_BOOL:
		for (int64_t i = 0; i < c->n; i++)
			c->out.bools[i] = bit_get(column->values.data, rows_at(c->rows, i));
		break;
	case KIND_FLOAT: LOAD(floats, float); break;
	case KIND_DOUBLE: LOAD(doubles, double); break;
	case KIND_DECIMAL: load_wides(c, column); break;
	case KIND_TEXT:
	case KIND_BLOB: load_texts(c, column); break;
	case KIND_SPAN: load_spans(c, column); break;
	case KIND_INSTANT:
		if (field->type.unit < UNIT_US) {
			load_instants(c, &field->type, column);
			break;
		}
		LOAD(ints, int64_t);
		break;
	default: load_integers(c, field->type.id, column); break;
	}
}
