// system_compactions.c - system.compactions: the last merges; system.figures: what storage costs.

#include "engine/merger.h"
#include "engine/system_int.h"

static const Field COMPACTIONS[] = {
	TEXT("database"), MOMENT("started_at"), TEXT("table"),    INT32("level"),     INT("inputs"),
	INT("rows"),      INT("bytes_in"),      INT("bytes_out"), INT("duration_ms"), TEXT("status"),
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
	row_text(&row, report->database);
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

// ---- figures ----

static const Field FIGURES[] = {TEXT("name"), REAL("value")};

static void
add_figure(Builder *builder, const char *name, double value)
{
	Row row = {builder, 0};
	row_text(&row, name);
	column_add_double(builder_column(builder, row.at++), value);
}

// Each since the start, but for what is now: debt and files that wait.
static Status
add_figures(mobius *db, const Snapshot *snapshot, Builder *builder, Error *err)
{
	(void)snapshot;
	MergerFigures m = {.write_amplification = 1};
	if (db->merger != NULL)
		TRY(merger_figures(db->merger, &m, err));
	BudgetWaits waits = budget_waits(db->memtable);
	const struct {
		const char *name;
		double value;
	} all[] = {
		{"flushed_bytes", (double)m.store.flushed_bytes},
		{"merged_bytes", (double)m.store.merged_bytes},
		{"write_amplification", m.write_amplification},
		{"merge_debt_bytes", (double)m.store.debt_bytes},
		{"level_0_files", m.store.behind_files},
		{"merges", (double)m.merges},
		{"void_merges", (double)m.void_merges},
		{"failed_merges", (double)m.failures},
		{"merge_ms", (double)m.busy_ns / 1e6},
		{"stalls", (double)waits.count},
		{"longest_stall_ms", (double)waits.longest_ns / 1e6},
		{"stalled_ms", (double)waits.total_ns / 1e6},
		{"delayed_ms", (double)waits.delays_ns / 1e6},
	};
	for (size_t i = 0; i < COUNT_OF(all); i++)
		add_figure(builder, all[i].name, all[i].value);
	return ST_OK;
}

const SystemTable system_figures = {"figures", FIGURES, COUNT_OF(FIGURES), add_figures};
