#include "work.h"

enum {
	MOST_ROWS = 2500,
	BATCH_ROWS = 400,
	TIME_SPAN = 100000,
	KEYED_SPAN = 300, // with 5 hosts: most keys come again
	ID_SPAN = 600,    // of ids that are not left to the database
	V_STEP = 5000000,
	ID_WEIGHT = 7919, // in the number of a row
};

const char *
work_name(WorkKind kind)
{
	static const char *const names[] = {
		"append", "insert", "copy", "update", "delete",  "truncate", "several",
		"add",    "cut",    "drop", "flush",  "compact", "backup",   "reopen",
	};
	return names[kind];
}

// ---- drawing ----

static uint64_t
mixed(uint64_t a, uint64_t b)
{
	uint64_t x = a * 0x9e3779b97f4a7c15u + b + 0x632be59bd9b4e019u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static int64_t
draw(uint64_t *random, int64_t below)
{
	*random = mixed(*random, 1);
	return (int64_t)(*random >> 1) % below;
}

static WorkKind
draw_kind(uint64_t *random)
{
	static const int odds[WORK_KINDS] = {40, 8, 4, 9, 9, 2, 6, 3, 2, 2, 10, 2, 1, 2};
	int64_t at = draw(random, 100);
	for (int kind = 0; kind < WORK_KINDS; kind++)
		if ((at -= odds[kind]) < 0)
			return (WorkKind)kind;
	return WORK_APPEND;
}

static bool
needs_table(WorkKind kind)
{
	return kind != WORK_APPEND && kind < WORK_FLUSH;
}

// What cannot be done as things are becomes something else.
static void
fit(const Model *model, WorkOp *op)
{
	const Table *table = &model->tables[op->table], *other = &model->tables[op->other];
	bool two = op->kind == WORK_COPY || op->kind == WORK_SEVERAL;
	if ((op->kind == WORK_ADD && table->has[op->column]) ||
		(op->kind == WORK_CUT && !table->has[op->column]))
		op->kind = WORK_UPDATE;
	if ((needs_table(op->kind) && !table->exists) || (two && !other->exists))
		op->kind = WORK_APPEND;
	if (op->kind <= WORK_COPY && table->count > MOST_ROWS)
		op->kind = op->rest % 4 == 0 ? WORK_TRUNCATE : WORK_DELETE;
	if (op->kind == WORK_DELETE && table->count > MOST_ROWS) {
		op->by = 2;
		op->rest %= 2;
	}
}

WorkOp
work_next(const Model *model)
{
	uint64_t random = mixed(model->seed, (uint64_t)model->next);
	WorkOp op = {.number = model->next};
	op.kind = draw_kind(&random);
	op.table = (int)draw(&random, WORK_TABLES);
	op.other = (op.table + 1 + (int)draw(&random, WORK_TABLES - 1)) % WORK_TABLES;
	op.column = (int)draw(&random, WORK_EXTRA);
	op.rows = 1 + draw(&random, 1 + draw(&random, BATCH_ROWS));
	op.by = 3 + draw(&random, 9);
	op.rest = draw(&random, op.by);
	for (int e = 0; e < WORK_EXTRA; e++)
		op.columns[e] = draw(&random, 8) == 0;
	if (op.kind == WORK_INSERT || op.kind == WORK_SEVERAL)
		op.rows = 1 + op.rows % 8;
	fit(model, &op);
	return op;
}

static Row
row_of(const WorkOp *op, int64_t i)
{
	int64_t v = op->number * 1000 + i;
	uint64_t span = op->table == WORK_KEYED ? KEYED_SPAN : TIME_SPAN;
	Row row = {.v = v, .time = (int64_t)(mixed((uint64_t)v, 7) % span) * 1000, .host = v % 5};
	// What is tried again, because of a merge in between, takes other ids: then none is left open.
	bool open = mixed((uint64_t)v, 11) % 3 == 0 && op->kind != WORK_SEVERAL;
	if (op->table == WORK_ENTITIES && !open)
		row.id = 1 + (int64_t)(mixed((uint64_t)v, 13) % ID_SPAN);
	for (int e = 0; e < WORK_EXTRA; e++)
		row.extra[e] = op->kind == WORK_APPEND && op->columns[e] ? v % (89 + e) : NO_VALUE;
	return row;
}

// ---- the model ----

void
model_free(Model *model)
{
	for (int t = 0; t < WORK_TABLES; t++)
		free(model->tables[t].rows);
	*model = (Model){0};
}

static void
table_add(Table *table, const Row *row)
{
	if ((table->count & (table->count + 1)) == 0) // room is a power of two
		table->rows = realloc(table->rows, (size_t)(table->count + 1) * 2 * sizeof(*table->rows));
	table->rows[table->count++] = *row;
}

static bool
same_key(const Row *a, const Row *b)
{
	return a->id != 0 ? a->id == b->id : a->time == b->time && a->host == b->host;
}

// In place of the one with its key, where there is one.
static void
table_put(Table *table, const Row *row)
{
	int64_t i = 0;
	while (i < table->count && !same_key(&table->rows[i], row))
		i++;
	if (i < table->count)
		table->rows[i] = *row;
	else
		table_add(table, row);
}

static void
table_take(Table *table, const WorkOp *op, Row *row)
{
	if (op->table == WORK_ENTITIES && row->id == 0)
		row->id = ++table->last_id;
	if (op->table >= WORK_KEYED)
		table_put(table, row);
	else
		table_add(table, row);
}

// What a batch says itself is known before ids are given.
static void
table_know_ids(Table *table, const WorkOp *op)
{
	for (int64_t i = 0; i < op->rows; i++) {
		int64_t id = row_of(op, i).id;
		table->last_id = id > table->last_id ? id : table->last_id;
	}
}

static void
table_drop(Table *table)
{
	free(table->rows);
	*table = (Table){0};
}

static void
table_empty(Table *table)
{
	free(table->rows);
	table->rows = NULL;
	table->count = 0;
}

static void
table_delete(Table *table, int64_t by, int64_t rest)
{
	Table left = {0};
	for (int64_t i = 0; i < table->count; i++)
		if (table->rows[i].v % by != rest)
			table_add(&left, &table->rows[i]);
	free(table->rows);
	table->rows = left.rows;
	table->count = left.count;
}

static void
table_update(Table *table, const WorkOp *op)
{
	for (int64_t i = 0; i < table->count; i++) {
		Row *row = &table->rows[i];
		if (row->v % op->by != op->rest)
			continue;
		if (table->has[op->column])
			row->extra[op->column] = row->v % 97;
		else
			row->v += V_STEP;
	}
}

static void
table_widen(Table *table, const WorkOp *op)
{
	table->exists = true;
	for (int e = 0; e < WORK_EXTRA && op->kind == WORK_APPEND; e++)
		table->has[e] |= op->columns[e];
}

static void
table_append(Table *table, const WorkOp *op)
{
	table_widen(table, op);
	table_know_ids(table, op);
	for (int64_t i = 0; i < op->rows; i++) {
		Row row = row_of(op, i);
		table_take(table, op, &row);
	}
}

static int
order(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int
by_v(const void *a, const void *b)
{
	const Row *x = a, *y = b;
	int of_v = order(x->v, y->v), of_time = order(x->time, y->time);
	return of_v != 0 ? of_v : of_time != 0 ? of_time : order(x->host, y->host);
}

static void
table_copy(Table *table, const Table *from, const WorkOp *op)
{
	Table copy = {0};
	for (int64_t i = 0; i < from->count; i++) {
		Row row = from->rows[i];
		if (row.v % op->by != op->rest)
			continue;
		row.v += 1;
		row.id = 0;
		for (int e = 0; e < WORK_EXTRA; e++)
			row.extra[e] = NO_VALUE;
		table_add(&copy, &row);
	}
	if (copy.count > 0)
		qsort(copy.rows, (size_t)copy.count, sizeof(Row), by_v);
	for (int64_t i = 0; i < copy.count; i++)
		table_take(table, op, &copy.rows[i]);
	free(copy.rows);
}

static void
table_cut(Table *table, int column)
{
	table->has[column] = false;
	for (int64_t i = 0; i < table->count; i++)
		table->rows[i].extra[column] = NO_VALUE;
}

void
model_widen(Model *model, const WorkOp *op)
{
	if (op->kind == WORK_APPEND)
		table_widen(&model->tables[op->table], op);
}

void
model_apply(Model *model, const WorkOp *op)
{
	Table *table = &model->tables[op->table], *other = &model->tables[op->other];
	switch (op->kind) {
	case WORK_APPEND:
	case WORK_INSERT: table_append(table, op); break;
	case WORK_COPY: table_copy(table, other, op); break;
	case WORK_UPDATE: table_update(table, op); break;
	case WORK_DELETE: table_delete(table, op->by, op->rest); break;
	case WORK_TRUNCATE: table_empty(table); break;
	case WORK_SEVERAL:
		table_append(table, op);
		table_delete(other, op->by, op->rest);
		break;
	case WORK_ADD: table->has[op->column] = true; break;
	case WORK_CUT: table_cut(table, op->column); break;
	case WORK_DROP: table_drop(table); break;
	default: break;
	}
	model->next++;
}

Model
model_after(uint64_t seed, long ops)
{
	Model model = {.seed = seed};
	while (model.next < ops) {
		WorkOp op = work_next(&model);
		model_apply(&model, &op);
	}
	return model;
}

// ---- doing ----

static Schema *
schema_of_op(const WorkOp *op)
{
	static const char *const names[] = {"e0", "e1", "e2", "e3"};
	Field fields[4 + WORK_EXTRA] = {
		{.name = "time", .type = {.id = TYPE_TIMESTAMP, .unit = UNIT_NS}, .nullable = true},
		{.name = "host", .type = {.id = TYPE_UTF8}, .nullable = true},
		{.name = "v", .type = {.id = TYPE_INT64}, .nullable = true},
	};
	int32_t count = 3;
	if (op->table == WORK_ENTITIES)
		fields[count++] = (Field){.name = "id", .type = {.id = TYPE_INT64}, .nullable = true};
	for (int e = 0; e < WORK_EXTRA; e++)
		if (op->columns[e])
			fields[count++] =
				(Field){.name = names[e], .type = {.id = TYPE_INT64}, .nullable = true};
	const KeyValue keyed[] = {{slice_text("mobius.dedup"), slice_text("last")},
							  {slice_text("mobius.tags"), slice_text("host")}};
	const KeyValue entities[] = {{slice_text("mobius.key"), slice_text("id")}};
	bool by_id = op->table == WORK_ENTITIES;
	int32_t words = op->table == WORK_KEYED ? (int32_t)COUNT_OF(keyed) : by_id;
	Schema *schema = NULL;
	Error err = ERROR_INIT;
	ok(schema_new(fields, count, by_id ? entities : keyed, words, &schema, &err), &err);
	return schema;
}

static Batch *
batch_of_op(const WorkOp *op, Schema *schema)
{
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(builder_new(schema, &builder, &err), &err);
	for (int64_t i = 0; i < op->rows; i++) {
		Row row = row_of(op, i);
		char host[24];
		int at = 3;
		snprintf(host, sizeof(host), "h%" PRId64, row.host);
		column_add_int(builder_column(builder, 0), row.time);
		column_add_text(builder_column(builder, 1), host);
		column_add_int(builder_column(builder, 2), row.v);
		if (op->table == WORK_ENTITIES && row.id == 0)
			column_add_null(builder_column(builder, at++));
		else if (op->table == WORK_ENTITIES)
			column_add_int(builder_column(builder, at++), row.id);
		for (int e = 0; e < WORK_EXTRA; e++)
			if (op->columns[e])
				column_add_int(builder_column(builder, at++), row.extra[e]);
	}
	ok(builder_finish(builder, op->rows, &batch, &err), &err);
	builder_free(builder);
	return batch;
}

static mobius_status
do_append(Home *home, const WorkOp *op, mobius_error *err)
{
	char name[8];
	snprintf(name, sizeof(name), "t%d", op->table);
	SCOPED(schema_drop) Schema *schema = schema_of_op(op);
	SCOPED(batch_drop) Batch *batch = batch_of_op(op, schema);
	return append_batch(home->db, name, schema, batch, &home->seq, err);
}

static size_t
values_text(const WorkOp *op, char *out, size_t room)
{
	bool by_id = op->table == WORK_ENTITIES;
	size_t len = (size_t)snprintf(out, room, "INSERT INTO t%d (time, host, v%s) VALUES", op->table,
								  by_id ? ", id" : "");
	for (int64_t i = 0; i < op->rows; i++) {
		Row row = row_of(op, i);
		len += (size_t)snprintf(out + len, room - len,
								"%s (make_timestamp_ns(%" PRId64 "), 'h%" PRId64 "', %" PRId64,
								i == 0 ? "" : ",", row.time, row.host, row.v);
		if (by_id)
			len += (size_t)snprintf(out + len, room - len, ", nullif(%" PRId64 ", 0)", row.id);
		len += (size_t)snprintf(out + len, room - len, ")");
	}
	return len;
}

static void
update_text(const Model *before, const WorkOp *op, char *out, size_t room)
{
	char set[40];
	if (before->tables[op->table].has[op->column])
		snprintf(set, sizeof(set), "e%d = v %% 97", op->column);
	else
		snprintf(set, sizeof(set), "v = v + %d", V_STEP);
	snprintf(out, room, "UPDATE t%d SET %s WHERE v %% %" PRId64 " = %" PRId64, op->table, set,
			 op->by, op->rest);
}

static void
several_text(const WorkOp *op, char *out, size_t room)
{
	size_t len = (size_t)snprintf(out, room, "BEGIN; ");
	len += values_text(op, out + len, room - len);
	snprintf(out + len, room - len,
			 "; DELETE FROM t%d WHERE v %% %" PRId64 " = %" PRId64 "; COMMIT", op->other, op->by,
			 op->rest);
}

static void
statement_text(const Model *before, const WorkOp *op, char *out, size_t room)
{
	switch (op->kind) {
	case WORK_INSERT: values_text(op, out, room); break;
	case WORK_COPY:
		snprintf(out, room,
				 "INSERT INTO t%d (time, host, v) SELECT time, host, v + 1 FROM t%d WHERE v %% "
				 "%" PRId64 " = %" PRId64 " ORDER BY v, time, host",
				 op->table, op->other, op->by, op->rest);
		break;
	case WORK_UPDATE: update_text(before, op, out, room); break;
	case WORK_DELETE:
		snprintf(out, room, "DELETE FROM t%d WHERE v %% %" PRId64 " = %" PRId64, op->table, op->by,
				 op->rest);
		break;
	case WORK_TRUNCATE: snprintf(out, room, "TRUNCATE t%d", op->table); break;
	case WORK_SEVERAL: several_text(op, out, room); break;
	case WORK_ADD:
		snprintf(out, room, "ALTER TABLE t%d ADD COLUMN e%d BIGINT", op->table, op->column);
		break;
	case WORK_CUT:
		snprintf(out, room, "ALTER TABLE t%d DROP COLUMN e%d", op->table, op->column);
		break;
	case WORK_DROP: snprintf(out, room, "DROP TABLE t%d", op->table); break;
	case WORK_BACKUP: snprintf(out, room, "BACKUP TO 'b%ld'", op->number); break;
	case WORK_COMPACT: snprintf(out, room, "COMPACT"); break;
	default: snprintf(out, room, "FLUSH"); break;
	}
}

static mobius_status
reopen(Home *home, mobius_error *err)
{
	mobius_close(home->db);
	home->db = NULL;
	return try_open(home->dir, home->settings, &home->db, err);
}

mobius_status
work_do(Home *home, const Model *before, const WorkOp *op, mobius_error *err)
{
	char text[1024];
	int64_t count;
	if (op->kind == WORK_APPEND)
		return do_append(home, op, err);
	if (op->kind == WORK_REOPEN)
		return reopen(home, err);
	statement_text(before, op, text, sizeof(text));
	return ask(home->db, text, NULL, &count, err);
}

// ---- comparing ----

static int
by_number(const void *a, const void *b)
{
	return order(*(const int64_t *)a, *(const int64_t *)b);
}

// Each row as one number, in order. malloc.
static int64_t *
wanted_rows(const Table *table)
{
	int64_t *numbers = malloc(((size_t)table->count + 1) * sizeof(*numbers));
	for (int64_t i = 0; i < table->count; i++) {
		const Row *row = &table->rows[i];
		numbers[i] = row->v * 1000003 + row->time * 31 + row->host * 17 + row->id * ID_WEIGHT;
		for (int e = 0; e < WORK_EXTRA; e++)
			numbers[i] += row->extra[e] * (101 + e);
	}
	qsort(numbers, (size_t)table->count, sizeof(*numbers), by_number);
	return numbers;
}

static void
rows_text(const Table *table, int t, char *out, size_t room)
{
	size_t len = (size_t)snprintf(out, room,
								  "SELECT v * 1000003 + epoch_ns(time) * 31 + "
								  "substr(host, 2)::BIGINT * 17");
	if (t == WORK_ENTITIES)
		len += (size_t)snprintf(out + len, room - len, " + id * %d", ID_WEIGHT);
	for (int e = 0; e < WORK_EXTRA; e++) {
		if (table->has[e])
			len += (size_t)snprintf(out + len, room - len, " + coalesce(e%d, -1) * %d", e, 101 + e);
		else
			len += (size_t)snprintf(out + len, room - len, " - %d", 101 + e);
	}
	snprintf(out + len, room - len, " AS r FROM t%d WHERE v <> %d ORDER BY r", t, NOT_WORK);
}

static bool
table_holds(const Table *table, int t, mobius *db, char *what, size_t room)
{
	char text[400];
	int64_t *found = NULL, count = 0;
	mobius_error err = {0};
	rows_text(table, t, text, sizeof(text));
	mobius_status st = ask(db, text, &found, &count, &err);
	if (!table->exists || st != MOBIUS_OK) {
		snprintf(what, room, "t%d %s %s", t,
				 st == MOBIUS_OK          ? "is there"
				 : st == MOBIUS_NOT_FOUND ? "is not there"
										  : COULD_NOT,
				 err.text);
		free(found);
		return !table->exists && st == MOBIUS_NOT_FOUND;
	}
	int64_t *wanted = wanted_rows(table), at = 0;
	while (at < count && at < table->count && found[at] == wanted[at])
		at++;
	bool same = at == count && at == table->count;
	int64_t is = at < count ? found[at] : -1, should = at < table->count ? wanted[at] : -1;
	if (!same)
		snprintf(what, room,
				 "t%d: %" PRId64 " rows where %" PRId64 " are wanted; of them the first %" PRId64
				 " as wanted, then %" PRId64 " (v about %" PRId64 ") instead of %" PRId64
				 ", %" PRId64 " ids apart",
				 t, count, table->count, at, is, is / 1000003, should, (is - should) / ID_WEIGHT);
	free(wanted);
	free(found);
	return same;
}

static bool
columns_hold(const Table *table, int t, mobius *db, char *what, size_t room)
{
	char text[120];
	int64_t *found = NULL, count = 0, wanted = t == WORK_ENTITIES ? 4 : 3;
	mobius_error err = {0};
	for (int e = 0; e < WORK_EXTRA; e++)
		wanted += table->has[e];
	snprintf(text, sizeof(text), "SELECT count(*) FROM system.columns WHERE \"table\" = 't%d'", t);
	bool same = ask(db, text, &found, &count, &err) == MOBIUS_OK && count == 1 &&
				found[0] == (table->exists ? wanted : 0);
	if (!same)
		snprintf(what, room, "t%d has %" PRId64 " columns where %" PRId64 " are wanted %s", t,
				 count == 1 ? found[0] : -1, wanted, err.text);
	free(found);
	return same;
}

bool
model_holds(const Model *model, mobius *db, char *what, size_t room)
{
	for (int t = 0; t < WORK_TABLES; t++)
		if (!table_holds(&model->tables[t], t, db, what, room) ||
			!columns_hold(&model->tables[t], t, db, what, room))
			return false;
	return true;
}
