// ids.c - ids of entities: from 1 upward, none is given twice.
//
// What was given is known from the rows: those in memory and in the log, and for those that are in
// neither any more the catalog keeps the greatest id, which every flush, every commit of files and
// every TRUNCATE writes.

#include "store/store_int.h"

static Status
no_ids_left(Table *table, Error *err)
{
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	return error_set(err, ST_LIMIT,
					 "there are no ids left in table \"%s\": one of the greatest numbers was given "
					 "as an id; give ids yourself, or move the rows into a new table",
					 table_name(def));
}

Status
table_take_ids(Table *table, int64_t count, int64_t *first, Error *err)
{
	int64_t last = atomic_load(&table->last_id);
	do {
		if (count > INT64_MAX - last)
			return no_ids_left(table, err);
	} while (!atomic_compare_exchange_weak(&table->last_id, &last, last + count));
	*first = last + 1;
	return ST_OK;
}

void
table_know_id(Table *table, int64_t id)
{
	int64_t last = atomic_load(&table->last_id);
	while (id > last && !atomic_compare_exchange_weak(&table->last_id, &last, id))
		;
}

int64_t
table_last_id(const Table *table)
{
	return atomic_load(&table->last_id);
}
