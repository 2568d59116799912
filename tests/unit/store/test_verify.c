// What of a file is looked at when, and what is found. EVERY_BIT=1 flips all of them.

#include "base/log.h"
#include "rig.h"
#include "store/quarantine.h"

// A store with a table of one file, open.
typedef struct Bed {
	Rig rig;
	char path[160];
	Table *table;
	Snapshot *snapshot;
	DataFile *file;
} Bed;

static void
bed_open(Bed *bed)
{
	rig_open(&bed->rig);
	bed->table = table_by_id(&bed->rig, 1);
	bed->snapshot = snapshot_of(&bed->rig, bed->table);
	bed->file = file_set_at(bed->snapshot->tables[0].files, 0);
	snprintf(bed->path, sizeof(bed->path), "%s", data_file_path(bed->file));
}

static void
bed_shut(Bed *bed)
{
	snapshot_free(bed->snapshot);
	table_unref(bed->table);
	rig_shut(&bed->rig);
}

static void
bed_new(Bed *bed, bool strict)
{
	rig_new(&bed->rig);
	rig_add_duck(&bed->rig);
	bed->rig.verify_strict = strict;
	rig_open(&bed->rig);
	Table *table = add_table(&bed->rig, 1);
	put_text(&bed->rig, table, "1|a|1\n2|b|2\n3|c|3");
	flush_all(&bed->rig);
	table_unref(table);
	rig_shut(&bed->rig);
	bed_open(bed);
}

static void
bed_close(Bed *bed)
{
	bed_shut(bed);
	rig_close(&bed->rig);
}

static Status
ready(Bed *bed, const char *why)
{
	Error err = ERROR_INIT;
	Status st = table_file_ready(bed->table, bed->file, &err);
	if (st != ST_OK) {
		says(&err, bed->path);
		says(&err, why);
	}
	assert_int_equal(data_file_quarantined(bed->file), st == ST_CORRUPT);
	return st;
}

static void
flip(const char *path, size_t bit)
{
	FILE *file = fopen(path, "r+b");
	assert_non_null(file);
	assert_int_equal(fseek(file, (long)(bit / 8), SEEK_SET), 0);
	int byte = fgetc(file);
	assert_int_equal(fseek(file, (long)(bit / 8), SEEK_SET), 0);
	assert_true(fputc(byte ^ (1 << bit % 8), file) != EOF);
	fclose(file);
}

// What lies beside a file that was found damaged.
static const char *
marker_of(const Bed *bed)
{
	static char marker[200];
	snprintf(marker, sizeof(marker), "%s.damaged", bed->path);
	return marker;
}

// As if it had never been found.
static void
forget(const Bed *bed)
{
	assert_int_equal(remove(marker_of(bed)), 0);
}

static size_t
step(size_t sampled)
{
	const char *every = getenv("EVERY_BIT");
	return every != NULL && every[0] != '\0' ? 1 : sampled;
}

// ---- what changed while nobody looked ----

static void
strict_sees_each_bit_before_the_first_read(void **state)
{
	(void)state;
	Bed bed;
	bed_new(&bed, true);
	assert_int_equal(ready(&bed, ""), ST_OK);
	size_t bits = 8 * data_file_meta(bed.file)->bytes;
	bed_shut(&bed);
	for (size_t bit = 0; bit < bits; bit += step(97)) {
		flip(bed.path, bit);
		bed_open(&bed);
		assert_int_equal(ready(&bed, "is damaged"), ST_CORRUPT);
		bed_shut(&bed);
		flip(bed.path, bit);
	}
	bed_open(&bed);
	bed_close(&bed);
}

static void
lazy_sees_the_footer_before_the_first_read_and_the_rest_behind_it(void **state)
{
	(void)state;
	Bed bed;
	bed_new(&bed, false);
	const FileMeta *meta = data_file_meta(bed.file);
	size_t bits = 8 * meta->bytes, footer = 8 * (meta->bytes - meta->footer_bytes - 8);
	bed_shut(&bed);
	for (size_t bit = 0; bit < bits; bit += step(97)) {
		flip(bed.path, bit);
		bed_open(&bed);
		if (bit >= footer) {
			assert_int_equal(ready(&bed, "footer"), ST_CORRUPT);
		} else {
			Error err = ERROR_INIT;
			assert_int_equal(ready(&bed, ""), ST_OK);
			bool used;
			assert_int_equal(data_file_due(bed.file, 0, &used), VERIFY_WHOLE);
			assert_true(used);
			assert_int_equal(data_file_verify(bed.file, VERIFY_WHOLE, NULL, &err), ST_CORRUPT);
			assert_int_equal(ready(&bed, "bytes"), ST_CORRUPT);
		}
		bed_shut(&bed);
		flip(bed.path, bit);
		forget(&bed);
	}
	bed_open(&bed);
	bed_close(&bed);
}

static void
each_length_is_seen_at_the_start(void **state)
{
	(void)state;
	Bed bed;
	bed_new(&bed, false);
	static uint8_t bytes[8192];
	FILE *file = fopen(bed.path, "rb");
	assert_non_null(file);
	size_t len = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	bed_shut(&bed);
	for (size_t cut = 0; cut <= len;
		 cut += cut + step(13) > len && cut < len ? len - cut : step(13)) {
		file = fopen(bed.path, "wb");
		assert_int_equal(fwrite(bytes, 1, cut, file), cut);
		fclose(file);
		bed_open(&bed);
		assert_int_equal(data_file_quarantined(bed.file), cut < len);
		assert_int_equal(ready(&bed, "bytes; the catalog says"), cut < len ? ST_CORRUPT : ST_OK);
		bed_shut(&bed);
	}
	bed_open(&bed);
	bed_close(&bed);
}

// ---- what changes while it runs ----

static void
a_file_that_is_written_to_is_read_whole_again(void **state)
{
	(void)state;
	Bed bed;
	bed_new(&bed, false);
	assert_int_equal(ready(&bed, ""), ST_OK);
	for (int i = 0; i < 3; i++) {
		flip(bed.path, 100);
		assert_int_equal(ready(&bed, "its bytes are"), ST_CORRUPT);
		assert_int_equal(ready(&bed, "its bytes are"), ST_CORRUPT);
		flip(bed.path, 100); // the right one is put back
		assert_int_equal(ready(&bed, ""), ST_OK);
	}
	bed_close(&bed);
}

static void
a_file_that_goes_is_named_until_it_is_back(void **state)
{
	(void)state;
	Bed bed;
	bed_new(&bed, false);
	char away[200];
	snprintf(away, sizeof(away), "%s.away", bed.path);
	assert_int_equal(rename(bed.path, away), 0);
	assert_int_equal(ready(&bed, "is missing"), ST_CORRUPT);
	assert_int_equal(ready(&bed, "is missing"), ST_CORRUPT);
	bool used;
	assert_int_equal(data_file_due(bed.file, INT64_MAX, &used), VERIFY_NOTHING);
	assert_int_equal(rename(away, bed.path), 0);
	assert_int_equal(ready(&bed, ""), ST_OK);
	bed_close(&bed);
}

// Where a start looks at footers only.
static void
damage_that_was_found_is_not_forgotten(void **state)
{
	(void)state;
	Bed bed;
	char marker[200];
	bed_new(&bed, false);
	snprintf(marker, sizeof(marker), "%s.damaged", bed.path);
	bed_shut(&bed);
	flip(bed.path, 100);
	bed_open(&bed);
	assert_int_equal(ready(&bed, ""), ST_OK); // nobody has looked yet
	assert_false(exists(marker));
	assert_int_equal(data_file_verify(bed.file, VERIFY_WHOLE, NULL, NULL), ST_CORRUPT);
	for (int i = 0; i < 2; i++) {
		assert_true(exists(marker));
		bed_shut(&bed);
		bed_open(&bed);
		assert_int_equal(ready(&bed, "its bytes are"), ST_CORRUPT);
	}
	bed_shut(&bed);
	flip(bed.path, 100);
	bed_open(&bed);
	assert_int_equal(ready(&bed, ""), ST_OK);
	assert_false(exists(marker));
	bed_close(&bed);
}

static bool
stop_at_once(void *arg, uint64_t bytes)
{
	*(uint64_t *)arg += bytes;
	return false;
}

static void
who_reads_slowly_can_stop_and_then_nothing_is_known(void **state)
{
	(void)state;
	Bed bed;
	bed_new(&bed, false);
	uint64_t bytes = 0;
	bool used;
	Error err = ERROR_INIT;
	VerifyPace pace = {stop_at_once, &bytes};
	assert_int_equal(data_file_due(bed.file, 0, &used), VERIFY_FOOTER);
	assert_int_equal(data_file_verify(bed.file, VERIFY_WHOLE, &pace, &err), ST_CANCELLED);
	assert_int_equal(bytes, data_file_meta(bed.file)->bytes);
	assert_int_equal(data_file_due(bed.file, 0, &used), VERIFY_FOOTER);
	ok(data_file_verify(bed.file, VERIFY_WHOLE, NULL, &err), &err);
	assert_int_equal(data_file_due(bed.file, 0, &used), VERIFY_NOTHING);
	assert_int_equal(data_file_due(bed.file, INT64_MAX, &used), VERIFY_WHOLE); // long ago
	assert_false(used);
	bed_close(&bed);
}

// ---- faults ----

static Status
look_before_reading(Bed *bed, Error *err)
{
	return table_file_ready(bed->table, bed->file, err);
}

static Status
look_without_haste(Bed *bed, Error *err)
{
	return data_file_verify(bed->file, VERIFY_WHOLE, NULL, err);
}

static Status
look_in_doubt(Bed *bed, Error *err)
{
	return data_file_doubt(bed->file, true, err);
}

// A read that fails says nothing about the file.
static void
faults_quarantine_nothing(void **state)
{
	(void)state;
	Bed bed;
	bed_new(&bed, true);
	bool failed = true;
	for (long nth = 0; failed; nth++) {
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st = table_file_ready(bed.table, bed.file, &err);
		failed = fault_disarm();
		assert_true(failed ? st == ST_IO || st == ST_NO_MEMORY : st == ST_OK);
		assert_false(data_file_quarantined(bed.file));
	}
	bed_close(&bed);
}

// Whatever fails while damage is found: nobody hears that the file is sound.
static void
damage_is_never_sound(void **state)
{
	(void)state;
	log_configure(LOG_ERROR + 1, LOG_TEXT);
	Status (*const looks[])(Bed * bed, Error * err) = {look_before_reading, look_without_haste,
													   look_in_doubt};
	Bed bed;
	bed_new(&bed, true);
	bed_shut(&bed);
	flip(bed.path, 100);
	for (size_t i = 0; i < COUNT_OF(looks); i++) {
		bool failed = true;
		for (long nth = 0; failed; nth++) {
			bed_open(&bed);
			Error err = ERROR_INIT;
			fault_arm(nth);
			Status st = looks[i](&bed, &err);
			failed = fault_disarm();
			assert_true(st == ST_CORRUPT || (failed && (st == ST_IO || st == ST_NO_MEMORY)));
			assert_int_equal(data_file_quarantined(bed.file), st == ST_CORRUPT);
			assert_int_equal(looks[i](&bed, &err), ST_CORRUPT);
			says(&err, "damaged"); // by name, but where there was no memory for one
			bed_shut(&bed);
			(void)remove(marker_of(&bed)); // which may have failed to be left
		}
	}
	bed_open(&bed);
	bed_close(&bed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_sees_each_bit_before_the_first_read),
		cmocka_unit_test(lazy_sees_the_footer_before_the_first_read_and_the_rest_behind_it),
		cmocka_unit_test(each_length_is_seen_at_the_start),
		cmocka_unit_test(a_file_that_is_written_to_is_read_whole_again),
		cmocka_unit_test(a_file_that_goes_is_named_until_it_is_back),
		cmocka_unit_test(damage_that_was_found_is_not_forgotten),
		cmocka_unit_test(who_reads_slowly_can_stop_and_then_nothing_is_known),
		cmocka_unit_test(faults_quarantine_nothing),
		cmocka_unit_test(damage_is_never_sound),
	};
	return RUN(tests);
}
