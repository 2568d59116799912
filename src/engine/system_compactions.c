// system_compactions.c - system.compactions: the last merges.

#include "engine/merger.h"
#include "engine/system_int.h"

static const Field COMPACTIONS[] = {
	MOMENT("started_at"), TEXT("table"),    INT32("level"),     INT("inputs"),  INT("rows"),
	INT("bytes_in"),      INT("bytes_out"), INT("duration_ms"), TEXT("status"),
};

// What became of it: "moved" costs nothing, "void" was done in vain.
static const char *
outcome(const MergeReport *report)
{
	switch (report->status) {
	case ST_OK: return report->kind == MERGE_MOVE ? "moved" : "merged";
	case ST_CONFLICT: return "void";
	default: return status_name(report->status);
	}
}

static void
add_report(void *arg, const MergeReport *report)
{
	Row row = {arg, 0};
	row_number(&row, report->started_ns / 1000);
	row_text(&row, report->table);
	row_number(&row, report->level);
	row_number(&row, report->inputs);
	row_number(&row, report->rows);
	row_number(&row, (int64_t)report->bytes_in);
	row_number(&row, (int64_t)report->bytes_out);
	row_number(&row, report->duration_ns / 1000000);
	row_text(&row, outcome(report));
}

static Status
add_compactions(mobius *db, const Snapshot *snapshot, Builder *builder, Error *err)
{
	(void)snapshot;
	(void)err;
	if (db->merger != NULL)
		merger_reports(db->merger, add_report, builder);
	return ST_OK;
}

const SystemTable system_compactions = {"compactions", COMPACTIONS, COUNT_OF(COMPACTIONS),
										add_compactions};
