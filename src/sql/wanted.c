#include "sql/wanted.h"

#include <strings.h>

#include "arrow/builder.h"
#include "base/mem.h"

// ---- columns ----

// Names are compared without their tables: a column too many costs little.
static bool
names_column(const ColumnUse *use, const char *name)
{
	bool named = use->parts > COLUMN_PARTS; // not all of them are kept
	for (int32_t i = 0; i < use->parts && i < COLUMN_PARTS; i++)
		named |= strcasecmp(use->names[i], name) == 0;
	return named;
}

// A table as one value names none by itself.
static bool
names_all(const Verdict *v, const TableRef *ref)
{
	bool all = v->wide || ref->place != PLACE_FROM;
	for (int32_t i = 0; i < v->column_count; i++)
		all |= v->columns[i].parts == 1 && names_column(&v->columns[i], ref->alias);
	return all;
}

static void
find_columns(const Verdict *v, const Views *views, int32_t ref, bool *out)
{
	const RefColumns *columns = &views->columns[ref];
	bool all = names_all(v, &v->refs[ref]);
	for (int32_t c = 0; c < schema_field_count(columns->schema); c++) {
		const char *name = schema_field(columns->schema, c)->name;
		out[c] = all;
		for (int32_t i = 0; i < v->column_count && !out[c]; i++)
			out[c] = names_column(&v->columns[i], name) ||
					 (c == columns->time && names_column(&v->columns[i], "time"));
	}
}

// ---- tags ----

static bool
is_integer(TypeId type)
{
	return type >= TYPE_INT8 && type <= TYPE_UINT64;
}

// Whether the integer is a value of the type.
static bool
fits(TypeId type, int64_t value)
{
	switch (type) {
	case TYPE_INT8: return value >= INT8_MIN && value <= INT8_MAX;
	case TYPE_INT16: return value >= INT16_MIN && value <= INT16_MAX;
	case TYPE_INT32: return value >= INT32_MIN && value <= INT32_MAX;
	case TYPE_UINT8: return value >= 0 && value <= UINT8_MAX;
	case TYPE_UINT16: return value >= 0 && value <= UINT16_MAX;
	case TYPE_UINT32: return value >= 0 && value <= UINT32_MAX;
	case TYPE_UINT64: return value >= 0 && value < INT64_MAX; // it may be saturated
	default: return value > INT64_MIN && value < INT64_MAX;
	}
}

// The one value that a tag of all wanted rows has; NULL: that is not said.
static const Operand *
tag_value(const RefView *view, int32_t column)
{
	TypeId type = schema_field(table_schema(view->table->def), column)->type.id;
	for (int32_t i = 0; i < view->condition_count; i++) {
		const Condition *c = &view->conditions[i];
		if (c->column != column || c->op != OP_EQ || c->count != 1)
			continue;
		const Operand *operand = &c->constants->operand;
		if ((type == TYPE_UTF8 && operand->kind == OPERAND_TEXT) ||
			(is_integer(type) && operand->kind == OPERAND_INTEGER && fits(type, operand->value)))
			return operand;
	}
	return NULL;
}

static void
add_value(ColumnBuilder *column, TypeId type, const Operand *operand)
{
	if (type == TYPE_UTF8)
		column_add_text(column, operand->text);
	else if (type >= TYPE_UINT8)
		column_add_uint(column, (uint64_t)operand->value);
	else
		column_add_int(column, operand->value);
}

static Status
build_tags(const RefView *view, const Operand *const *values, Wanted *out, Error *err)
{
	TableDef *def = view->table->def;
	int32_t count = table_tag_count(def);
	SCOPED(mem_drop) Field *fields = mem_alloc_array((size_t)count, sizeof(Field));
	SCOPED(schema_drop) Schema *schema = NULL;
	SCOPED(builder_drop) Builder *builder = NULL;
	if (fields == NULL)
		return error_no_memory(err, "a statement");
	for (int32_t i = 0; i < count; i++)
		fields[i] = *schema_field(table_schema(def), table_tag_column(def, i));
	TRY(schema_new(fields, count, NULL, 0, &schema, err));
	TRY(builder_new(schema, &builder, err));
	for (int32_t i = 0; i < count; i++)
		add_value(builder_column(builder, i), fields[i].type.id, values[i]);
	TRY(builder_finish(builder, 1, &out->tags, err));
	return shape_new(0, def, schema, &out->shape, err);
}

static Status
find_tags(const RefView *view, Wanted *out, Error *err)
{
	const TableDef *def = view->table->def;
	int32_t count = table_tag_count(def);
	if (count == 0 || view->condition_count == 0)
		return ST_OK;
	SCOPED(mem_drop) const Operand **values = mem_alloc_array((size_t)count, sizeof(*values));
	if (values == NULL)
		return error_no_memory(err, "a statement");
	for (int32_t i = 0; i < count; i++) {
		values[i] = tag_value(view, table_tag_column(def, i));
		if (values[i] == NULL)
			return ST_OK;
	}
	return build_tags(view, values, out, err);
}

// ---- all of it ----

Status
wanted_make(const Verdict *verdict, const Views *views, int32_t ref, Wanted *out, Error *err)
{
	const RefView *view = &views->refs[ref];
	const TableDef *def = view->table->def;
	out->columns = mem_alloc_array((size_t)table_column_count(def) + 1, sizeof(bool));
	if (out->columns == NULL)
		return error_no_memory(err, "a statement");
	find_columns(verdict, views, ref, out->columns);
	bool any = false;
	for (int32_t i = 0; i < table_column_count(def); i++)
		any |= out->columns[i];
	out->columns[table_time_column(def)] |= !any; // rows have at least that
	TRY(find_tags(view, out, err));
	out->wanted = (SqlWanted){.def = def,
							  .columns = out->columns,
							  .min_time = view->range.min,
							  .max_time = view->range.max,
							  .tags = out->tags,
							  .tags_shape = out->shape};
	return ST_OK;
}

void
wanted_close(Wanted *wanted)
{
	mem_free(wanted->columns);
	batch_unref(wanted->tags);
	shape_unref(wanted->shape);
}
