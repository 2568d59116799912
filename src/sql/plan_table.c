// plan_table.c - what stands for a table in FROM: its files by read_parquet, its memory by
// mobius_scan.
//
// What changes with every snapshot is no part of it: rows in memory and masks of files are set in
// the slot. Only files that have a mask are asked which of their rows are there.
//
// Of a table that replaces rows by key, times at which no key has several versions are read like
// any other's. At the others the last version of each key is chosen:
//
//     clean rows UNION ALL (late rows, of those that have the greatest order of their key)
//
// (not by row_number: what the engine makes of a test for its first is not always right) and for an
// UPDATE or DELETE each key is one group, of which all versions are told.
//
// Newest rows (rtdb) that nobody has at hand are chosen from all: of each series the one that is
// the last by time, and by order among those of one time. Its older versions cannot be that.
//
// Conditions with IS DISTINCT FROM below OR or NOT must not reach read_parquet, which would leave
// out row groups where only NULL differs. A CASE whose outcome nobody knows before keeps them away.

#include <inttypes.h>

#include "sql/plan.h"
#include "store/file_text.h"

const char address_segment[] = "\x01segment";
const char address_row[] = "\x01row";
const char version_segments[] = "\x01segments";
const char version_rows[] = "\x01rows";
const char version_order[] = "\x01order";

bool
view_has_slot(const RefView *view)
{
	return view->table == NULL || view->memory || view->file_count == 0 || view->masked > 0;
}

// Which rows of a part are wanted.
typedef enum Wanted { WANT_ALL, WANT_CLEAN, WANT_LATE, WANT_NEWEST } Wanted;

typedef struct TableText {
	const RefView *view;
	TableSlots slots;
	Wanted wanted;
	int32_t parts; // so far
	Buf *out;
} TableText;

static const Field *
time_of(const RefView *view)
{
	const TableDef *def = view->table->def;
	return schema_field(table_schema(def), table_order_column(def));
}

// ---- more columns ----

static void
add_item(const char *expression, const char *name, Buf *out)
{
	buf_add_printf(out, ", %s AS ", expression);
	sql_add_name(out, name);
}

// Where rows that have no other version are.
static void
add_no_versions(const TableText *t)
{
	if (!t->view->addresses || !table_replaces(t->view->table->def) || t->wanted == WANT_LATE)
		return;
	add_item("CAST(NULL AS UBIGINT[])", version_segments, t->out);
	add_item("CAST(NULL AS BIGINT[])", version_rows, t->out);
}

static Status
add_file_address(const TableText *t, int32_t from, int32_t to, Error *err)
{
	SCOPED(buf_close) Buf ids = BUF_INIT;
	buf_add_byte(&ids, '[');
	for (int32_t i = from; i < to; i++)
		buf_add_printf(&ids, "%s%" PRIu64 "::UBIGINT", i > from ? ", " : "",
					   data_file_meta(view_file(t->view, i))->segment_id);
	buf_add_text(&ids, "][CAST(file_index AS BIGINT) + 1]");
	TRY(buf_status(&ids, err, "a list of files"));
	add_item(buf_text(&ids), address_segment, t->out);
	add_item("file_row_number", address_row, t->out);
	return ST_OK;
}

static Status
add_file_order(const TableText *t, int32_t from, int32_t to, Error *err)
{
	SCOPED(buf_close) Buf order = BUF_INIT;
	buf_add_byte(&order, '[');
	for (int32_t i = from; i < to; i++)
		buf_add_printf(&order, "%s%" PRId64, i > from ? ", " : "", view_file_order(t->view, i));
	buf_add_text(&order, "][CAST(file_index AS BIGINT) + 1] + file_row_number");
	TRY(buf_status(&order, err, "a list of files"));
	add_item(buf_text(&order), version_order, t->out);
	return ST_OK;
}

// ---- conditions ----

// Of what is before it, the rows that are not too old.
static void
add_cut(const TableText *t)
{
	buf_add_text(t->out, " WHERE ");
	sql_add_name(t->out, time_of(t->view)->name);
	buf_add_printf(t->out, " >= (FROM mobius_scan(%" PRIu64 "))", t->slots.cut);
}

static void
add_wanted(const TableText *t)
{
	const RefView *view = t->view;
	const Field *time = time_of(view);
	buf_add_text(t->out, t->wanted == WANT_CLEAN ? " WHERE NOT (" : " WHERE (");
	for (int32_t i = 0; i < view->late_count; i++) {
		buf_add_text(t->out, i > 0 ? " OR " : "");
		sql_add_name(t->out, time->name);
		buf_add_text(t->out, " BETWEEN ");
		constraint_bound(time, true, view->late[i].min, t->out);
		buf_add_text(t->out, " AND ");
		constraint_bound(time, false, view->late[i].max, t->out);
	}
	buf_add_byte(t->out, ')');
}

static void
add_alive(const TableText *t, int32_t from, int32_t to)
{
	buf_add_printf(t->out, " WHERE mobius_alive(%" PRIu64 ", ", t->slots.rows);
	if (to == from + 1)
		buf_add_printf(t->out, "%d", from);
	else
		buf_add_printf(t->out, "CAST(file_index + %d AS UINTEGER)", from);
	buf_add_text(t->out, ", file_row_number)");
}

// ---- parts ----

static bool
wants_order(const TableText *t)
{
	return t->wanted == WANT_LATE || t->wanted == WANT_NEWEST;
}

static void
begin_part(TableText *t)
{
	buf_add_text(t->out, t->parts++ > 0 ? " UNION ALL " : "");
}

static void
add_paths(const TableText *t, int32_t from, int32_t to)
{
	buf_add_text(t->out, " FROM read_parquet([");
	for (int32_t i = from; i < to; i++) {
		buf_add_text(t->out, i > from ? ", " : "");
		sql_add_text(t->out, data_file_path(view_file(t->view, i)));
	}
	buf_add_text(t->out, "], hive_partitioning = false)");
}

static void
begin_shield(const TableText *t)
{
	const TableDef *def = t->view->table->def;
	buf_add_text(t->out, "SELECT * REPLACE (");
	for (int32_t i = 0, added = 0; i < table_column_count(def); i++) {
		if (i == table_order_column(def))
			continue; // is never NULL
		buf_add_text(t->out, added++ > 0 ? ", CASE WHEN random() >= 0 THEN "
										 : "CASE WHEN random() >= 0 THEN ");
		sql_add_name(t->out, schema_field(table_schema(def), i)->name);
		buf_add_text(t->out, " END AS ");
		sql_add_name(t->out, schema_field(table_schema(def), i)->name);
	}
	buf_add_text(t->out, ") FROM (");
}

// The files [from, to), which are read alike.
static Status
add_files(TableText *t, int32_t from, int32_t to, Error *err)
{
	const RefView *view = t->view;
	bool split = t->wanted != WANT_ALL && view_lateness(view, from) == LATE_PARTLY;
	begin_part(t);
	if (view->shielded)
		begin_shield(t);
	buf_add_text(t->out, split ? "SELECT * FROM (" : "");
	buf_add_text(t->out, view->cut[from] ? "SELECT * FROM (SELECT " : "SELECT ");
	TRY(file_columns_text(data_file_def(view_file(view, from)), view->table->def, t->out, err));
	if (view->addresses)
		TRY(add_file_address(t, from, to, err));
	add_no_versions(t);
	if (wants_order(t))
		TRY(add_file_order(t, from, to, err));
	add_paths(t, from, to);
	if (view_mask(view, from) != NULL)
		add_alive(t, from, to);
	if (view->cut[from]) {
		buf_add_byte(t->out, ')');
		add_cut(t);
	}
	if (split) {
		buf_add_byte(t->out, ')');
		add_wanted(t);
	}
	if (view->shielded)
		buf_add_byte(t->out, ')');
	return ST_OK;
}

static void
add_memory_columns(const TableText *t)
{
	const RefView *view = t->view;
	const Schema *schema = table_schema(view->table->def);
	if (!view->addresses && !view->newest && view->late_count == 0) {
		buf_add_byte(t->out, '*');
		return;
	}
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		buf_add_text(t->out, i > 0 ? ", " : "");
		sql_add_name(t->out, schema_field(schema, i)->name);
	}
	if (view->addresses) {
		add_item("\"\x01segment\"", address_segment, t->out);
		add_item("-1 - \"\x01row\"", address_row, t->out);
	}
	add_no_versions(t);
	if (wants_order(t)) {
		buf_add_text(t->out, ", ");
		sql_add_name(t->out, version_order);
	}
}

static void
add_memory(TableText *t)
{
	const RefView *view = t->view;
	bool split = t->wanted != WANT_ALL && view->memory_late && view->memory_clean;
	begin_part(t);
	buf_add_text(t->out, split ? "SELECT * FROM (SELECT " : "SELECT ");
	add_memory_columns(t);
	buf_add_printf(t->out, " FROM mobius_scan(%" PRIu64 ")", t->slots.rows);
	if (view->memory_cut)
		add_cut(t);
	if (split) {
		buf_add_byte(t->out, ')');
		add_wanted(t);
	}
}

static bool
is_wanted(Wanted wanted, bool late, bool clean)
{
	bool all = wanted == WANT_ALL || wanted == WANT_NEWEST;
	return all || (wanted == WANT_LATE ? late : clean);
}

static Status
add_parts(TableText *t, Error *err)
{
	const RefView *view = t->view;
	for (int32_t from = 0, to; from < view->file_count; from = to) {
		to = view_group_end(view, from);
		Lateness lateness = view_lateness(view, from);
		if (is_wanted(t->wanted, lateness != LATE_NOT, lateness != LATE_WHOLLY))
			TRY(add_files(t, from, to, err));
	}
	bool memory = view->memory || view->file_count == 0;
	if (memory && is_wanted(t->wanted, view->memory_late, view->memory_clean))
		add_memory(t);
	return ST_OK;
}

// ---- versions ----

static void
add_tags(const TableDef *def, const char *behind, Buf *out)
{
	for (int32_t i = 0; i < table_tag_count(def); i++) {
		sql_add_name(out, schema_field(table_schema(def), table_tag_column(def, i))->name);
		buf_add_text(out, behind);
	}
}

static void
add_key(const RefView *view, Buf *out)
{
	add_tags(view->table->def, ", ", out);
	sql_add_name(out, time_of(view)->name);
}

static void
add_columns(const RefView *view, const char *of, Buf *out)
{
	const Schema *schema = table_schema(view->table->def);
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		buf_add_printf(out, "%s%s", i > 0 ? ", " : "", of);
		sql_add_name(out, schema_field(schema, i)->name);
		buf_add_text(out, " AS ");
		sql_add_name(out, schema_field(schema, i)->name);
	}
}

// Tags stand for themselves, so that a condition on them reaches the rows to choose from.
static Status
add_newest(TableText *t, Error *err)
{
	const TableDef *def = t->view->table->def;
	const Schema *schema = table_schema(def);
	t->wanted = WANT_NEWEST;
	buf_add_text(t->out, "SELECT ");
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		bool tag = table_column_role(def, i) == ROLE_TAG;
		buf_add_text(t->out, i > 0 ? ", " : "");
		buf_add_text(t->out, tag ? "" : "\"\x01last\".");
		sql_add_name(t->out, schema_field(schema, i)->name);
		buf_add_text(t->out, " AS ");
		sql_add_name(t->out, schema_field(schema, i)->name);
	}
	buf_add_text(t->out, " FROM (SELECT ");
	add_tags(def, ", ", t->out);
	buf_add_text(t->out, "arg_max(\"\x01one\", row(");
	sql_add_name(t->out, time_of(t->view)->name);
	buf_add_text(t->out, ", \"\x01order\")) AS \"\x01last\" FROM (");
	TRY(add_parts(t, err));
	buf_add_text(t->out, ") AS \"\x01one\"");
	buf_add_text(t->out, table_tag_count(def) > 0 ? " GROUP BY ALL" : " HAVING count(*) > 0");
	buf_add_byte(t->out, ')');
	return ST_OK;
}

static Status
add_last_versions(TableText *t, Error *err)
{
	buf_add_text(t->out, "SELECT ");
	add_columns(t->view, "", t->out);
	buf_add_text(t->out, " FROM (SELECT *, max(\"\x01order\") OVER (PARTITION BY ");
	add_key(t->view, t->out);
	buf_add_text(t->out, ") AS \"\x01newest\" FROM (");
	TRY(add_parts(t, err));
	buf_add_text(t->out, ")) WHERE \"\x01order\" = \"\x01newest\"");
	return ST_OK;
}

static Status
add_all_versions(TableText *t, Error *err)
{
	buf_add_text(t->out, "SELECT ");
	add_columns(t->view, "\"\x01last\".", t->out);
	add_item("\"\x01last\".\"\x01segment\"", address_segment, t->out);
	add_item("\"\x01last\".\"\x01row\"", address_row, t->out);
	add_item("\"\x01segments\"", version_segments, t->out);
	add_item("\"\x01rows\"", version_rows, t->out);
	buf_add_text(t->out, " FROM (SELECT arg_max(\"\x01one\", \"\x01order\") AS \"\x01last\", "
						 "list(\"\x01segment\") AS \"\x01segments\", "
						 "list(\"\x01row\") AS \"\x01rows\" FROM (");
	TRY(add_parts(t, err));
	buf_add_text(t->out, ") AS \"\x01one\" GROUP BY ");
	add_key(t->view, t->out);
	buf_add_byte(t->out, ')');
	return ST_OK;
}

static Status
add_clean_and_late(TableText *t, Error *err)
{
	t->wanted = WANT_CLEAN;
	TRY(add_parts(t, err));
	begin_part(t);
	t->wanted = WANT_LATE;
	t->parts = 0;
	return t->view->addresses ? add_all_versions(t, err) : add_last_versions(t, err);
}

static bool
has_late_rows(const RefView *view)
{
	bool late = view->memory && view->memory_late;
	for (int32_t i = 0; i < view->file_count; i++)
		late |= view_lateness(view, i) != LATE_NOT;
	return late;
}

// Files first: they hold what came first.
Status
plan_add_table(const RefView *view, TableSlots slots, Buf *out, Error *err)
{
	bool late = view->table != NULL && view->late_count > 0 && has_late_rows(view);
	bool plain = view->file_count == 0 && !view->memory_cut && !view->addresses && !view->newest;
	if (view->table == NULL || (plain && view->late_count == 0)) {
		buf_add_printf(out, "mobius_scan(%" PRIu64 ")", slots.rows);
		return buf_status(out, err, "a plan");
	}
	TableText text = {.view = view, .slots = slots, .out = out};
	buf_add_byte(out, '(');
	if (view->newest)
		TRY(add_newest(&text, err));
	else
		TRY(late ? add_clean_and_late(&text, err) : add_parts(&text, err));
	buf_add_byte(out, ')');
	return buf_status(out, err, "a plan");
}
