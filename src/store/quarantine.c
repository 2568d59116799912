#include "store/quarantine.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "os/clock.h"
#include "store/file_check_int.h"
#include "store/store_int.h"

// Stands for a finding that there was no memory for.
static char NAMELESS[] = "a file is damaged; the log of the server names it";

void
file_check_init(FileCheck *check)
{
	pthread_mutex_init(&check->lock, NULL);
}

static void
finding_free(char *finding)
{
	if (finding != NAMELESS)
		mem_free(finding);
}

void
file_check_close(FileCheck *check)
{
	finding_free(check->finding);
	pthread_mutex_destroy(&check->lock);
}

// ---- marks ----

static bool
same_mark(const FileMark *a, const FileMark *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
		   a->written_ns == b->written_ns;
}

// Zeros where it is missing.
static Status
look(const DataFile *file, FileMark *out, Error *err)
{
	*out = (FileMark){0};
	Status st = file_mark(data_file_path(file), out, err);
	return st == ST_NOT_FOUND ? ST_OK : st;
}

// ---- over restarts ----

// Beside a file that was found damaged lies an empty <file>.damaged, so that a start does not
// forget.
static char *
marker_of(const DataFile *file)
{
	return mem_printf("%s.damaged", data_file_path(file));
}

static void
leave_marker(const DataFile *file)
{
	SCOPED(mem_drop) char *path = marker_of(file);
	SCOPED(file_drop) File *marker = NULL;
	Error err = ERROR_INIT;
	Status st = path == NULL ? error_no_memory(&err, "a file's name")
							 : file_open(path, FILE_WRITE, &marker, &err);
	if (st == ST_OK)
		st = file_sync(marker, &err);
	if (st != ST_OK)
		log_warn("damage not noted for the next start", "error=\"%s\"", err.text);
}

static void
remove_marker(const DataFile *file)
{
	SCOPED(mem_drop) char *path = marker_of(file);
	Error err = ERROR_INIT;
	Status st = path == NULL ? error_no_memory(&err, "a file's name") : file_unlink(path, &err);
	if (st != ST_OK && st != ST_NOT_FOUND) // the next start doubts it once more
		log_warn("note of damage not removed", "error=\"%s\"", err.text);
}

static Status
add_note(void *arg, const char *name, Error *err)
{
	DamageNotes *notes = arg;
	uint64_t id;
	bool note = false;
	if (file_of_name(name, &id, &note) && note)
		buf_add(&notes->ids, &id, sizeof(id));
	return buf_status(&notes->ids, err, "a list of files");
}

Status
damage_notes_read(DamageNotes *notes, const Store *store, uint32_t table_id, Error *err)
{
	SCOPED(mem_drop) char *dir = mem_printf("%s/%" PRIu32, store->files_dir, table_id);
	if (dir == NULL)
		return error_no_memory(err, "a table's files");
	notes->ids.len = 0;
	Error cause = ERROR_INIT;
	Status st = dir_list(dir, add_note, notes, &cause);
	return st == ST_OK || st == ST_NOT_FOUND ? ST_OK : error_set(err, st, "%s", cause.text);
}

void
damage_notes_close(DamageNotes *notes)
{
	buf_close(&notes->ids);
}

// There are few.
static bool
is_noted(const DamageNotes *notes, const DataFile *file)
{
	uint64_t id = data_file_meta(file)->segment_id;
	for (size_t at = 0; at < notes->ids.len; at += sizeof(id))
		if (memcmp(notes->ids.data + at, &id, sizeof(id)) == 0)
			return true;
	return false;
}

// ---- what a check found ----

static void
note_sound(DataFile *file, const FileMark *mark, VerifyDepth depth)
{
	FileCheck *check = data_file_check(file);
	pthread_mutex_lock(&check->lock);
	if (depth > check->depth || !same_mark(mark, &check->mark))
		check->depth = depth;
	check->mark = *mark;
	if (depth == VERIFY_WHOLE)
		check->whole_ns = clock_wall_ns();
	char *finding = TAKE(check->finding);
	bool noted = finding != NULL || (check->doubted && depth == VERIFY_WHOLE);
	check->doubted = check->doubted && !noted;
	pthread_mutex_unlock(&check->lock);
	if (noted) {
		log_info("file is sound again", "file=%s", data_file_path(file));
		remove_marker(file);
	}
	finding_free(finding);
}

static void
quarantine(DataFile *file, const FileMark *mark, const Error *why)
{
	FileCheck *check = data_file_check(file);
	char *finding = mem_strdup(why->text);
	pthread_mutex_lock(&check->lock);
	char *old = check->finding;
	check->finding = finding != NULL ? finding : NAMELESS;
	check->mark = *mark;
	check->depth = VERIFY_NOTHING;
	pthread_mutex_unlock(&check->lock);
	if (old == NULL) {
		log_error("file quarantined", "file=%s error=\"%s\"", data_file_path(file), why->text);
		leave_marker(file);
	}
	finding_free(old);
}

// Quarantined and unchanged: the finding stands. Changed since the last look: all of it is read.
static Status
judge_by_mark(FileCheck *check, const FileMark *mark, VerifyDepth *depth, Error *err)
{
	static const FileMark none;
	pthread_mutex_lock(&check->lock);
	bool same = same_mark(mark, &check->mark);
	bool fresh = check->finding == NULL && same_mark(&none, &check->mark);
	Status st = ST_OK;
	if (same && check->finding != NULL)
		st = error_set(err, ST_CORRUPT, "%s", check->finding);
	else if ((!same && !fresh) || check->doubted)
		*depth = VERIFY_WHOLE;
	pthread_mutex_unlock(&check->lock);
	return st;
}

Status
data_file_verify(DataFile *file, VerifyDepth depth, const VerifyPace *pace, Error *err)
{
	FileMark mark; // taken before: what changes meanwhile is seen the next time
	Error cause = ERROR_INIT;
	TRY(look(file, &mark, err));
	TRY(judge_by_mark(data_file_check(file), &mark, &depth, err));
	Status st = verify_file(data_file_path(file), data_file_meta(file), depth, pace, &cause);
	if (st == ST_OK)
		note_sound(file, &mark, depth);
	else if (st == ST_CORRUPT)
		quarantine(file, &mark, &cause);
	if (st != ST_OK && err != NULL)
		*err = cause;
	return st;
}

// ---- before and after reading ----

static bool
is_sound(FileCheck *check, const FileMark *mark, VerifyDepth depth)
{
	pthread_mutex_lock(&check->lock);
	check->used = true;
	bool sound = check->finding == NULL && !check->doubted && check->depth >= depth &&
				 same_mark(mark, &check->mark);
	pthread_mutex_unlock(&check->lock);
	return sound;
}

Status
table_file_ready(Table *table, DataFile *file, Error *err)
{
	VerifyDepth wanted = table->store->options.verify_strict ? VERIFY_WHOLE : VERIFY_FOOTER;
	FileMark mark;
	TRY(look(file, &mark, err));
	if (is_sound(data_file_check(file), &mark, wanted))
		return ST_OK;
	return data_file_verify(file, wanted, NULL, err);
}

Status
data_file_doubt(DataFile *file, bool known_is_enough, Error *err)
{
	FileMark mark;
	TRY(look(file, &mark, err));
	if (known_is_enough && is_sound(data_file_check(file), &mark, VERIFY_WHOLE))
		return ST_OK;
	return data_file_verify(file, VERIFY_WHOLE, NULL, err);
}

Status
data_file_look(DataFile *file, const DamageNotes *notes, Error *err)
{
	Error cause = ERROR_INIT;
	FileMark mark;
	TRY(look(file, &mark, err));
	Status st = ST_OK;
	if (mark.size == data_file_meta(file)->bytes) // one look at each of many is enough
		note_sound(file, &mark, VERIFY_NOTHING);
	else
		st = data_file_verify(file, VERIFY_NOTHING, NULL, &cause);
	if (st != ST_OK && st != ST_CORRUPT)
		return error_set(err, st, "%s", cause.text);
	data_file_check(file)->doubted = is_noted(notes, file); // nobody else has it yet
	return ST_OK;
}

void
data_file_written(DataFile *file)
{
	FileMark mark;
	if (look(file, &mark, NULL) == ST_OK)
		note_sound(file, &mark, VERIFY_WHOLE);
}

// ---- for the scrubber, and to look at ----

VerifyDepth
data_file_due(DataFile *file, int64_t before_ns, bool *used)
{
	FileCheck *check = data_file_check(file);
	pthread_mutex_lock(&check->lock);
	VerifyDepth due = VERIFY_NOTHING;
	if (check->depth == VERIFY_NOTHING)
		due = VERIFY_FOOTER;
	else if (check->depth < VERIFY_WHOLE || check->whole_ns < before_ns)
		due = VERIFY_WHOLE;
	if (check->finding != NULL)
		due = VERIFY_NOTHING;
	*used = check->used;
	pthread_mutex_unlock(&check->lock);
	return due;
}

bool
data_file_quarantined(DataFile *file)
{
	FileCheck *check = data_file_check(file);
	pthread_mutex_lock(&check->lock);
	bool quarantined = check->finding != NULL;
	pthread_mutex_unlock(&check->lock);
	return quarantined;
}
