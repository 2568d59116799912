// decimal_rules.c - how many digits decimals have after an operation.

#include "expr/function_int.h"

enum { WIDTH_MAX = 38, WIDTH_64 = 18 };

static int
larger(int a, int b)
{
	return a > b ? a : b;
}

// The type both are cast to, with `more` digits.
static Status
common(Binder *b, Node **args, int32_t count, int more, ExprType *types, ExprType *result)
{
	int most = 0, scale = 0, before = 0;
	(void)b;
	for (int32_t i = 0; i < count; i++) {
		int w, s;
		(void)type_digits(args[i]->type, &w, &s);
		most = larger(most, w);
		scale = larger(scale, s);
		before = larger(before, w - s);
	}
	int width = larger(scale + before, most) + more;
	if (width > WIDTH_64 && most <= WIDTH_64)
		width = WIDTH_64;
	*result = type_decimal(width > WIDTH_MAX ? WIDTH_MAX : width, scale);
	for (int32_t i = 0; i < count; i++)
		types[i] = *result;
	return ST_OK;
}

Status
adjust_sum(Binder *b, Node **args, int32_t count, ExprType *types, ExprType *result,
		   int64_t *detail)
{
	(void)detail;
	return common(b, args, count, 1, types, result);
}

Status
adjust_modulo(Binder *b, Node **args, int32_t count, ExprType *types, ExprType *result,
			  int64_t *detail)
{
	(void)detail;
	return common(b, args, count, 0, types, result);
}

Status
adjust_product(Binder *b, Node **args, int32_t count, ExprType *types, ExprType *result,
			   int64_t *detail)
{
	int width = 0, scale = 0, most = 0;
	(void)detail;
	for (int32_t i = 0; i < count; i++) {
		int w, s;
		(void)type_digits(args[i]->type, &w, &s);
		most = larger(most, w);
		width += w;
		scale += s;
	}
	if (scale > WIDTH_MAX)
		return error_set_at(b->err, ST_INVALID, args[0]->position,
							"a product of %d digits behind the point; cast to DOUBLE or to fewer "
							"digits",
							scale);
	if (width > WIDTH_64 && most <= WIDTH_64 && scale < WIDTH_64)
		width = WIDTH_64;
	if (width > WIDTH_MAX)
		width = WIDTH_MAX;
	*result = type_decimal(width, scale);
	for (int32_t i = 0; i < count; i++) {
		int w, s;
		(void)type_digits(args[i]->type, &w, &s);
		types[i] = args[i]->type.kind == KIND_DECIMAL ? args[i]->type : type_decimal(width, s);
	}
	return ST_OK;
}

Status
adjust_whole(Binder *b, Node **args, int32_t count, ExprType *types, ExprType *result,
			 int64_t *detail)
{
	(void)b;
	(void)count;
	if (args[0]->type.kind != KIND_DECIMAL)
		return refuse_unbuilt(b, args[0]->position, "a decimal of unknown width");
	types[0] = args[0]->type;
	*detail = types[0].scale;
	*result = type_decimal(types[0].width, 0);
	return ST_OK;
}

Status
adjust_same(Binder *b, Node **args, int32_t count, ExprType *types, ExprType *result,
			int64_t *detail)
{
	(void)count;
	(void)detail;
	if (args[0]->type.kind != KIND_DECIMAL)
		return refuse_unbuilt(b, args[0]->position, "a decimal of unknown width");
	types[0] = args[0]->type;
	if (result->kind == KIND_DECIMAL)
		*result = types[0];
	return ST_OK;
}

// The digits are part of the type, so they are constant.
Status
adjust_round(Binder *b, Node **args, int32_t count, ExprType *types, ExprType *result,
			 int64_t *detail)
{
	Node *digits;
	Value value;
	TRY(adjust_same(b, args, count, types, result, detail));
	TRY(node_cast(b, args[1], type_of(KIND_INT32), &digits));
	if (!node_constant(digits, &value) || value.whole < 0)
		return refuse_unbuilt(b, args[1]->position,
							  "rounding a decimal to other than a constant number of digits");
	bool shorter = value.whole < types[0].scale;
	*detail = shorter ? types[0].scale - value.whole : 0;
	*result = type_decimal(types[0].width, shorter ? (int)value.whole : types[0].scale);
	return ST_OK;
}
