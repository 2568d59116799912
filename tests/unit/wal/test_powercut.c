// Several lives of a log on a disk that keeps what was synced, and of the rest whatever it likes:
// each sector as it was, as it became, or garbage where it was written. A life ends with a kill,
// which the page cache survives, or with a power cut, which it does not.
//
// fdatasync is this program's own: what it sees is what is safe.

#include "log.h"

#include "base/fault.h"

enum { LIVES = 5, SEQS = 2000, SECTOR = 512, DISK_FILES = 256 };

// ---- the disk ----

typedef struct Safe {
	ino_t inode;
	Blob blob;
} Safe;

static Safe disk[DISK_FILES];
static int disk_files;

static Safe *
safe_of(ino_t inode)
{
	for (int i = 0; i < disk_files; i++) {
		if (disk[i].inode == inode)
			return &disk[i];
	}
	assert_true(disk_files < DISK_FILES);
	disk[disk_files] = (Safe){.inode = inode};
	return &disk[disk_files++];
}

static void
make_safe(const char *path)
{
	struct stat info;
	assert_int_equal(stat(path, &info), 0);
	Safe *safe = safe_of(info.st_ino);
	free(safe->blob.data);
	safe->blob = blob_load(path);
}

int fdatasync(int fd);

int
fdatasync(int fd)
{
	char link[64];
	char path[200] = {0};
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	assert_true(readlink(link, path, sizeof(path) - 1) > 0);
	make_safe(path);
	return 0;
}

static void
disk_forget(void)
{
	for (int i = 0; i < disk_files; i++)
		free(disk[i].blob.data);
	disk_files = 0;
}

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

// What is left of one sector of `now`, of which `safe` was synced.
static void
tear_sector(uint8_t *now, const uint8_t *safe, size_t len, uint32_t *seed)
{
	uint32_t fate = next_random(seed) % 8;
	if (memcmp(now, safe, len) == 0)
		return;
	size_t from = 0;
	size_t to = len;
	while (from < len && now[from] == safe[from])
		from++;
	while (to > from && now[to - 1] == safe[to - 1])
		to--;
	if (fate < 3)
		memcpy(now, safe, len);
	for (size_t i = from; fate == 3 && i < to; i++)
		now[i] = (uint8_t)next_random(seed);
}

static void
tear_file(const char *path, uint32_t *seed)
{
	struct stat info;
	assert_int_equal(stat(path, &info), 0);
	Blob now = blob_load(path);
	Blob was = safe_of(info.st_ino)->blob;
	uint8_t *safe = calloc(1, now.len + 1);
	if (was.len > 0)
		memcpy(safe, was.data, was.len < now.len ? was.len : now.len);
	bool lossless = next_random(seed) % 4 == 0;
	for (size_t at = 0; at < now.len && !lossless; at += SECTOR)
		tear_sector(now.data + at, safe + at, now.len - at < SECTOR ? now.len - at : SECTOR, seed);
	bool shrink = was.len < now.len && next_random(seed) % 2 == 0;
	blob_save(path, now.data, shrink ? was.len : now.len);
	free(safe);
	free(now.data);
	make_safe(path);
}

static void
cut_power(const char *dir, uint32_t *seed)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;
	while ((entry = readdir(stream)) != NULL) {
		char path[400];
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (entry->d_name[0] != '.')
			tear_file(path, seed);
	}
	closedir(stream);
}

// ---- what must hold ----

typedef struct Model {
	uint32_t seed;
	uint64_t first;    // what is before was given up by recycling
	uint64_t next;     // never used
	bool acked[SEQS];  // must come back
	bool maybe[SEQS];  // written, not synced: may come back, in order
	uint64_t newest;   // acked
	uint64_t life_seq; // where this life began
} Model;

static void
assert_model(Model *model, const Seen *seen)
{
	bool missed = false;
	for (uint64_t seq = model->first; seq < model->next; seq++) {
		bool here = seen_has(seen, seq);
		if (model->acked[seq])
			assert_true(here);
		if (here)
			assert_true(model->acked[seq] || (model->maybe[seq] && !missed));
		missed = missed || (model->maybe[seq] && !here);
	}
}

// From now on what was read back stays, and what was not never comes back.
static void
settle(Model *model, const Seen *seen)
{
	for (uint64_t seq = model->first; seq < model->next; seq++) {
		model->acked[seq] = seen_has(seen, seq);
		model->maybe[seq] = false;
		if (model->acked[seq])
			model->newest = seq;
	}
}

static void
note_synced(Model *model)
{
	for (uint64_t seq = model->life_seq; seq < model->next; seq++) {
		model->acked[seq] = model->acked[seq] || model->maybe[seq];
		if (model->acked[seq])
			model->newest = seq;
	}
}

// ---- a life ----

static void
write_some(Wal *wal, Model *model, WalGroup *group, bool *unsynced)
{
	uint64_t count = 1 + next_random(&model->seed) % 6;
	uint64_t synced = model->newest >= model->life_seq ? model->newest : model->life_seq - 1;
	for (uint64_t i = 0; i < count; i++)
		model->maybe[model->next + i] = true;
	uint64_t first = model->next;
	model->next += count;
	if (log_write(wal, first, first + count - 1, synced, group) == ST_OK)
		*unsynced = true;
}

static void
do_something(Wal *wal, Model *model, WalGroup *group, bool *unsynced)
{
	Error err;
	Status st = ST_OK;
	switch (next_random(&model->seed) % 12) {
	case 0:
	case 1:
	case 2:
		st = *unsynced ? wal_sync(wal, group, &err) : ST_IO;
		if (st == ST_OK)
			note_synced(model);
		*unsynced = *unsynced && st != ST_OK;
		break;
	case 3: st = wal_prepare(wal, &err); break;
	case 4:
		model->first = model->newest > 20 ? model->newest - 20 : model->first;
		st = wal_recycle(wal, &(WalKeep){.needed_seq = model->first}, &err);
		break;
	case 5:
		st = wal_mark(wal, model->next - 1, model->newest, false, group, &err);
		*unsynced = *unsynced || st == ST_OK;
		break;
	default: write_some(wal, model, group, unsynced);
	}
}

static void
live(const char *dir, Model *model)
{
	static Seen seen;
	Wal *wal = log_open(dir, SEGMENT);
	Status st = log_recover(wal, WAL_STRICT, model->first - 1, &seen);
	if (st != ST_OK)
		print_error("%s\n", seen.err.text);
	assert_int_equal(st, ST_OK);
	assert_model(model, &seen);

	// From some call on nothing reaches the disk any more.
	fault_arm_sticky(next_random(&model->seed) % 600);
	Error err;
	uint64_t next = model->next + 20;
	if (wal_start(wal, next, epoch, &err) == ST_OK) {
		settle(model, &seen);
		model->next = model->life_seq = next;
		WalGroup group;
		bool unsynced = false;
		uint32_t steps = next_random(&model->seed) % 60;
		for (uint32_t i = 0; i < steps && !wal_failed(wal); i++)
			do_something(wal, model, &group, &unsynced);
	}
	wal_close(wal);
	(void)fault_disarm();
}

static void
no_end_of_any_life_loses_what_was_acknowledged(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < 600; round++) {
		SCOPED(dir_drop) Dir dir = dir_new();
		Model *model = calloc(1, sizeof(*model));
		*model = (Model){.seed = round, .first = 1, .next = 1};
		for (int i = 0; i < LIVES; i++) {
			live(dir.path, model);
			if (next_random(&model->seed) % 3 != 0)
				cut_power(dir.path, &model->seed);
		}
		static Seen seen;
		Status st = log_read(dir.path, WAL_STRICT, model->first - 1, &seen);
		if (st != ST_OK)
			print_error("round %u: %s\n", round, seen.err.text);
		assert_int_equal(st, ST_OK);
		assert_model(model, &seen);
		free(model);
		disk_forget();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_end_of_any_life_loses_what_was_acknowledged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
