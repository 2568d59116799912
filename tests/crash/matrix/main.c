// main.c - rows of the crash matrix (tests/crash/README.md).
//
//     crash_matrix ROW COUNT SEED

#include "rows.h"

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(long count, uint64_t seed);
	} rows[] = {{"A3", row_power_cut},  {"A5", row_sync_fails}, {"A6", row_calls_fail},
				{"A8", row_disk_full},  {"A10", row_sectors},   {"A11", row_clock_jumps},
				{"A12", row_slow_disk}, {"A14", row_twins}};
	log_configure(LOG_ERROR, LOG_TEXT);
	for (size_t i = 0; argc == 4 && i < COUNT_OF(rows); i++) {
		if (strcmp(argv[1], rows[i].name) != 0)
			continue;
		uint64_t seed = (uint64_t)atoll(argv[3]);
		judge_seed(seed);
		rows[i].run(atol(argv[2]), seed);
		return judged.violations > 0;
	}
	fprintf(stderr, "crash_matrix ROW COUNT SEED\n");
	return 2;
}
