// row_sectors.c - A9 and A10: sectors that are zeros, garbage, old, or another's; files that were
// cut. The answer is an error that says so, or what was there before.

#include <fcntl.h>
#include <ftw.h>

#include "rows.h"

enum { STATES_OF_A_LIFE = 30, SECTOR = 4096, MOST_FILES = 400 };

typedef enum Damage {
	DAMAGE_ZEROS,
	DAMAGE_GARBAGE,
	DAMAGE_OLD,
	DAMAGE_SWAP,
	DAMAGE_CUT,
	DAMAGES
} Damage;

static char *files[MOST_FILES];
static int file_count;

// Of the database itself: backups are checked by their manifests, the rest holds nothing.
static int
take_file(const char *path, const struct stat *info, int kind, struct FTW *place)
{
	(void)place;
	bool holds = kind == FTW_F && info->st_size > 0 && strstr(path, "/backup/") == NULL &&
				 strstr(path, "/LOCK") == NULL && strstr(path, "/ballast") == NULL &&
				 strstr(path, "/tmp") == NULL && strstr(path, ".spare") == NULL;
	if (holds && file_count < MOST_FILES)
		files[file_count++] = strdup(path);
	return 0;
}

static void
read_sector(const char *path, int64_t at, uint8_t out[SECTOR])
{
	memset(out, 0, SECTOR);
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		return;
	if (fseek(file, at, SEEK_SET) == 0)
		(void)!fread(out, 1, SECTOR, file);
	fclose(file);
}

static int64_t
size_of(const char *path)
{
	struct stat info;
	return stat(path, &info) == 0 ? info.st_size : 0;
}

// What the sector will be.
static void
make_damage(Damage damage, const char *path, const char *old_path, int64_t at, uint8_t out[SECTOR])
{
	memset(out, 0, SECTOR);
	int64_t sectors = (size_of(path) + SECTOR - 1) / SECTOR;
	if (damage == DAMAGE_GARBAGE)
		for (int i = 0; i < SECTOR; i++)
			out[i] = (uint8_t)judge_draw(256);
	if (damage == DAMAGE_OLD)
		read_sector(old_path, at, out);
	if (damage == DAMAGE_SWAP)
		read_sector(path, judge_draw(sectors) * SECTOR, out);
}

// Whether anything is other than it was.
static bool
damage_file(Damage damage, const char *path, const char *old_path, char *what, size_t room)
{
	static const char *const names[] = {"zeros", "garbage", "old", "another's", "cut"};
	uint8_t was[SECTOR], is[SECTOR];
	int64_t size = size_of(path), at = judge_draw((size + SECTOR - 1) / SECTOR) * SECTOR;
	snprintf(what, room, "%s in %s at %" PRId64, names[damage], path, at);
	if (damage == DAMAGE_CUT)
		return truncate(path, judge_draw(size)) == 0;
	read_sector(path, at, was);
	make_damage(damage, path, old_path, at, is);
	size_t len = size - at < SECTOR ? (size_t)(size - at) : SECTOR;
	if (memcmp(was, is, len) == 0)
		return false;
	FILE *file = fopen(path, "r+b");
	assert_non_null(file);
	bool done = fseek(file, at, SEEK_SET) == 0 && fwrite(is, 1, len, file) == len;
	fclose(file);
	return done;
}

static bool
answers_right(const Model *model, const char *dir, const char *what)
{
	mobius *db = NULL;
	mobius_error err = {0};
	char found[600] = "", text[1700];
	mobius_status st = try_open(dir, judge_settings, &db, &err);
	bool same = st == MOBIUS_OK && model_holds(model, db, found, sizeof(found));
	mobius_close(db);
	snprintf(text, sizeof(text), "%s: %s%s", what, err.text, found);
	Crash crash = {.work_seed = model->seed};
	if (st != MOBIUS_OK && st != MOBIUS_CORRUPT && st != MOBIUS_INVALID)
		violated(&crash, "a start says that bytes are damaged", text);
	if (st == MOBIUS_OK && !same && strstr(found, COULD_NOT) == NULL)
		violated(&crash, "a damaged byte is no answer", text);
	return same;
}

// One state; whether the damage did not matter.
static bool
try_damage(const Trace *trace, const Model *model, bool *damaged)
{
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(dir_drop) Dir old = dir_new();
	long steps = trace_steps(trace);
	trace_image(trace, steps, DISK_KEEPS, 1, dir.path);
	trace_image(trace, judge_draw(steps), DISK_KEEPS, 1, old.path);
	nftw(dir.path, take_file, 16, FTW_PHYS);
	const char *path = files[judge_draw(file_count)];
	char old_path[400], what[500];
	snprintf(old_path, sizeof(old_path), "%s%s", old.path, path + strlen(dir.path));
	*damaged = damage_file((Damage)judge_draw(DAMAGES), path, old_path, what, sizeof(what));
	bool same = !*damaged || answers_right(model, dir.path, what);
	while (file_count > 0)
		free(files[--file_count]);
	return same;
}

void
row_sectors(long states, uint64_t seed)
{
	long tried = 0, same = 0;
	for (uint64_t life = seed * 1000; tried < states; life++) {
		Trace *trace = live(life);
		Model model = model_after(life, LIFE_OPS);
		for (int i = 0; i < STATES_OF_A_LIFE && tried < states; i++) {
			bool damaged;
			bool harmless = try_damage(trace, &model, &damaged);
			tried += damaged;
			same += damaged && harmless;
		}
		model_free(&model);
		trace_free(trace);
	}
	printf("A9 A10: seed %" PRIu64 ", %ld damaged states, %ld of them with the right answers, the "
		   "others refused, %ld violations\n",
		   seed, tried, same, judged.violations);
}
