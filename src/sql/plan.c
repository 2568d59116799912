#include "sql/plan.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "sql/cells.h"
#include "sql/wanted.h"

enum { MOST_PLANS = 32 };

// ---- keys ----

static void
add_ref_key(const RefView *view, Buf *out)
{
	if (view->table == NULL) {
		buf_add_text(out, view->named->name);
		buf_add_byte(out, 0);
		return;
	}
	buf_add_u32(out, table_id(view->table->def));
	buf_add_u32(out, table_version(view->table->def));
	// Plans differ when sizes do by much: a power of 16.
	int64_t rows = view->memory_rows | 1;
	buf_add_byte(out, (uint8_t)(view->memory ? 1 + (63 - __builtin_clzll((uint64_t)rows)) / 4 : 0));
	buf_add_u32(out, (uint32_t)view->file_count);
	for (int32_t i = 0; i < view->file_count; i++) {
		buf_add_u64(out, data_file_meta(view_file(view, i))->segment_id);
		buf_add_byte(out, view_mask(view, i) != NULL);
		buf_add_byte(out, view->cut[i]);
		if (view->newest || view->late_count > 0) // the text has its order among all
			buf_add_u32(out, (uint32_t)view->files[i]);
	}
	buf_add_byte(out, view->memory_cut);
	buf_add_byte(out, view->addresses);
	buf_add_byte(out, view->newest);
	buf_add_byte(out, view->at_hand);
	buf_add_byte(out, view->memory_late);
	buf_add_byte(out, view->memory_clean);
	for (int32_t i = 0; i < view->late_count; i++) {
		buf_add_u64(out, (uint64_t)view->late[i].min);
		buf_add_u64(out, (uint64_t)view->late[i].max);
	}
}

Status
plan_key(const PlanInput *input, Buf *out, Error *err)
{
	const Views *views = input->views;
	buf_add(out, input->verdict->text, (size_t)input->verdict->len + 1);
	buf_add_byte(out, views->time_alias);
	for (int32_t i = 0; i < views->count; i++)
		add_ref_key(&views->refs[i], out);
	for (int32_t i = 0; input->as != NULL && i < schema_field_count(input->as); i++) {
		buf_add_text(out, schema_field(input->as, i)->name);
		buf_add_byte(out, 0);
		field_type_name(schema_field(input->as, i), out);
		buf_add_byte(out, input->match == NULL && i == input->key);
		// The text does not say which columns an UPDATE gives its values to.
		if (input->match != NULL)
			buf_add_u32(out, (uint32_t)input->match->places[i]);
	}
	return buf_status(out, err, "a plan");
}

// ---- making ----

static void
plan_free(Plan *plan)
{
	if (plan == NULL)
		return;
	duck_statement_free(plan->statement);
	for (int32_t i = 0; i < plan->slot_count; i++) {
		duck_slot_free(plan->slots[i]);
		duck_slot_free(plan->cuts[i]);
	}
	schema_unref(plan->schema);
	buf_close(&plan->key);
	arena_close(&plan->arena);
	mem_free(plan);
}

DEFINE_DROP(Plan, plan_drop, plan_free)

// The table's columns, where each row is, and its order among the versions of its key.
static Status
with_addresses(const Schema *schema, Schema **out, Error *err)
{
	int32_t count = schema_field_count(schema);
	SCOPED(mem_drop) Field *fields = mem_alloc_array((size_t)count + 3, sizeof(Field));
	if (fields == NULL)
		return error_no_memory(err, "a plan");
	for (int32_t i = 0; i < count; i++)
		fields[i] = *schema_field(schema, i);
	fields[count] = (Field){.name = address_segment, .type = {.id = TYPE_UINT64}};
	fields[count + 1] = (Field){.name = address_row, .type = {.id = TYPE_INT64}};
	fields[count + 2] = (Field){.name = version_order, .type = {.id = TYPE_INT64}};
	return schema_new(fields, count + 3, NULL, 0, out, err);
}

static Status
make_slot(Conn *conn, const RefView *view, Schema *columns, ScanSlot **out, Error *err)
{
	SCOPED(schema_drop) Schema *schema = NULL;
	if (view->addresses || view->newest || view->late_count > 0)
		TRY(with_addresses(columns, &schema, err));
	else
		schema = schema_ref(columns);
	return duck_slot_new(conn->instance_duck, schema, view->memory_rows, out, err);
}

static Status
make_cut(Plan *plan, Conn *conn, const RefView *view, int32_t ref, Error *err)
{
	const TableDef *def = view->table->def;
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(schema_new(schema_field(table_schema(def), table_time_column(def)), 1, NULL, 0, &schema,
				   err));
	return duck_slot_new(conn->instance_duck, schema, 1, &plan->cuts[ref], err);
}

static Status
make_tables(Plan *plan, Conn *conn, const Views *views, const char ***out, Error *err)
{
	const char **tables = arena_array(&plan->arena, (size_t)views->count, sizeof(*tables));
	plan->slots = arena_array(&plan->arena, (size_t)views->count, sizeof(*plan->slots));
	plan->cuts = arena_array(&plan->arena, (size_t)views->count, sizeof(*plan->cuts));
	TRY(arena_status(&plan->arena, err, "a plan"));
	plan->slot_count = views->count;
	for (int32_t i = 0; i < views->count; i++) {
		const RefView *view = &views->refs[i];
		if (view_has_slot(view))
			TRY(make_slot(conn, view, views->columns[i].schema, &plan->slots[i], err));
		if (view->table != NULL && view_has_cut(view))
			TRY(make_cut(plan, conn, view, i, err));
		TableSlots slots = {
			.rows = plan->slots[i] != NULL ? duck_slot_number(plan->slots[i]) : 0,
			.cut = plan->cuts[i] != NULL ? duck_slot_number(plan->cuts[i]) : 0,
		};
		SCOPED(buf_close) Buf text = BUF_INIT;
		TRY(plan_add_table(view, slots, &text, err));
		tables[i] = arena_strndup(&plan->arena, (const char *)text.data, text.len);
	}
	*out = tables;
	return arena_status(&plan->arena, err, "a plan");
}

// " AS type)" for each column; *out NULL: the statement is no INSERT of a VALUES list.
static Status
make_cell_types(Plan *plan, const PlanInput *input, const char *const **out, Error *err)
{
	*out = NULL;
	if (input->as == NULL || input->match != NULL || input->verdict->values == 0)
		return ST_OK;
	int32_t count = schema_field_count(input->as);
	const char **types = arena_array(&plan->arena, (size_t)count, sizeof(*types));
	TRY(arena_status(&plan->arena, err, "a plan"));
	for (int32_t i = 0; i < count; i++) {
		SCOPED(buf_close) Buf text = BUF_INIT;
		buf_add_text(&text, " AS ");
		if (i == input->key) // as it stands: the whole column is looked at behind
			buf_add_text(&text, "VARCHAR");
		else
			TRY(duck_sql_type(schema_field(input->as, i), &text, err));
		buf_add_byte(&text, ')');
		TRY(buf_status(&text, err, "a plan"));
		types[i] = arena_strndup(&plan->arena, (const char *)text.data, text.len);
	}
	*out = types;
	return arena_status(&plan->arena, err, "a plan");
}

static Status
make_text(Plan *plan, Conn *conn, const PlanInput *input, Error *err)
{
	RewriteInput rewrite = {.verdict = input->verdict,
							.columns = input->views->columns,
							.time_alias = input->views->time_alias,
							.first_item = input->match != NULL ? input->match->items : NULL};
	SCOPED(buf_close) Buf prefix = BUF_INIT;
	SCOPED(buf_close) Buf suffix = BUF_INIT;
	if (input->as != NULL) {
		TRY(plan_add_casts(input, &prefix, &suffix, err));
		rewrite.prefix = buf_text(&prefix);
		rewrite.suffix = buf_text(&suffix);
	}
	TRY(make_cell_types(plan, input, &rewrite.cell_types, err));
	const char **tables = NULL;
	TRY(make_tables(plan, conn, input->views, &tables, err));
	rewrite.tables = tables;
	return rewrite_make(&rewrite, &plan->arena, &plan->rewrite, err);
}

static Status
make_schema(Plan *plan, const PlanInput *input, Error *err)
{
	SCOPED(schema_drop) Schema *own = NULL;
	if (!duck_statement_is_select(plan->statement))
		return error_set(err, ST_INVALID, "this is not a SELECT");
	TRY(duck_statement_schema(plan->statement, &own, err));
	if (input->as == NULL)
		return result_schema(input->verdict, input->views, own, &plan->schema, err);
	plan->schema = schema_ref(input->as);
	return ST_OK;
}

Status
plan_locate(const Verdict *verdict, const Schema *as, const Rewrite *rewrite, Error *err)
{
	err->position = rewrite_position(rewrite, err->position);
	if (as == NULL || verdict->values == 0 || err->code != ST_INVALID ||
		strstr(err->text, "source column") != NULL)
		return err->code;
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	Cells cells;
	if (cells_find(verdict, &arena, &cells, NULL) != ST_OK)
		return err->code; // it has its position
	int32_t column = cells_column_at(&cells, err->position);
	if (column < 0 || column >= schema_field_count(as))
		return err->code;
	return error_prefix(err, "column \"%s\"", schema_field(as, column)->name);
}

static Status
prepare(Plan *plan, Conn *conn, const PlanInput *input, Error *err)
{
	Status st = duck_prepare(conn->duck, plan->rewrite.text, &plan->statement, err);
	if (st == ST_OK)
		st = make_schema(plan, input, err);
	if (st != ST_OK && err != NULL)
		st = plan_locate(input->verdict, input->match == NULL ? input->as : NULL, &plan->rewrite,
						 err);
	return input->match != NULL ? match_refused(st, err) : st;
}

// ---- of a connection ----

static void
keep_plan(Conn *conn, Plan *plan)
{
	plan->next = conn->plans;
	conn->plans = plan;
	if (++conn->plan_count <= MOST_PLANS)
		return;
	Plan **last = &conn->plans;
	while ((*last)->next != NULL)
		last = &(*last)->next;
	plan_free(*last);
	*last = NULL;
	conn->plan_count--;
}

Status
plan_make(Conn *conn, const PlanInput *input, const Buf *key, Plan **out, Error *err)
{
	SCOPED(plan_drop) Plan *plan = mem_alloc(sizeof(*plan));
	if (plan == NULL)
		return error_no_memory(err, "a plan");
	buf_add(&plan->key, key->data, key->len);
	TRY(buf_status(&plan->key, err, "a plan"));
	plan->hash = hash64(key->data, key->len);
	plan->once = input->verdict->asof;
	TRY(make_text(plan, conn, input, err));
	TRY(prepare(plan, conn, input, err));
	*out = plan;
	keep_plan(conn, TAKE(plan));
	return ST_OK;
}

Plan *
plans_find(Conn *conn, const Buf *key)
{
	uint64_t hash = hash64(key->data, key->len);
	Plan **link = &conn->plans;
	while (*link != NULL && ((*link)->spent || (*link)->hash != hash ||
							 !slice_equal(buf_slice(&(*link)->key), buf_slice(key))))
		link = &(*link)->next;
	Plan *plan = *link;
	if (plan == NULL)
		return NULL;
	*link = plan->next;
	plan->next = conn->plans;
	conn->plans = plan;
	return plan;
}

bool
plans_have(const Conn *conn, uint64_t hash)
{
	for (const Plan *plan = conn->plans; plan != NULL; plan = plan->next)
		if (plan->hash == hash && !plan->spent)
			return true;
	return false;
}

void
plans_free(Conn *conn)
{
	for (Plan *next; conn->plans != NULL; conn->plans = next) {
		next = conn->plans->next;
		plan_free(conn->plans);
	}
	conn->plan_count = 0;
}

// ---- rows ----

static Status
scan_newest(const Verdict *verdict, const Views *views, const PlanRows *rows, int32_t ref,
			BatchScan *out, Error *err)
{
	SCOPED(wanted_close) Wanted wanted = {0};
	TRY(wanted_make(verdict, views, ref, &wanted, err));
	return rows->from->rows(rows->newest[ref], &wanted.wanted, out, err);
}

static Status
set_slot(Plan *plan, const Verdict *verdict, const Views *views, const PlanRows *rows, int32_t ref,
		 Error *err)
{
	const RefView *view = &views->refs[ref];
	BatchScan scan;
	if (view->at_hand)
		TRY(scan_newest(verdict, views, rows, ref, &scan, err));
	else if (view->table != NULL)
		TRY(scan_memory(view, rows->seq, &scan, err));
	else
		TRY(scan_batch(rows->batches[ref], &scan, err));
	Status st = duck_slot_set(plan->slots[ref], &scan, err);
	if (st != ST_OK)
		scan.release(scan.owner);
	return st;
}

static Status
set_cut(ScanSlot *slot, const RefView *view, Error *err)
{
	SCOPED(batch_drop) Batch *from = NULL;
	BatchScan scan;
	TRY(scan_visible_from(view, &from, err));
	TRY(scan_batch(from, &scan, err));
	Status st = duck_slot_set(slot, &scan, err);
	if (st != ST_OK)
		scan.release(scan.owner);
	return st;
}

Status
plan_set_rows(Plan *plan, const Verdict *verdict, const Views *views, const PlanRows *rows,
			  Error *err)
{
	plan->spent = plan->once;
	for (int32_t i = 0; i < plan->slot_count; i++) {
		if (plan->slots[i] != NULL)
			TRY(set_slot(plan, verdict, views, rows, i, err));
		if (plan->cuts[i] != NULL)
			TRY(set_cut(plan->cuts[i], &views->refs[i], err));
	}
	return ST_OK;
}

void
plan_clear_rows(Plan *plan)
{
	for (int32_t i = 0; i < plan->slot_count; i++) { // cannot fail
		if (plan->slots[i] != NULL)
			(void)duck_slot_set(plan->slots[i], NULL, NULL);
		if (plan->cuts[i] != NULL)
			(void)duck_slot_set(plan->cuts[i], NULL, NULL);
	}
}
