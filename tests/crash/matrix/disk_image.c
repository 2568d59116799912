// disk_image.c - the states of a disk that a crash can leave.
//
// Every file has what was synced (safe) and what came after that (its loose steps); so has every
// folder for the names in it. A sync of a folder makes each loose step that touches it safe: a
// rename is one step for both of its folders, as in file systems with a journal.

#include "disk_int.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Bytes {
	uint8_t *data; // beyond len there are zeros
	size_t len;
	uint64_t size;
} Bytes;

typedef struct Image {
	const Trace *trace;
	Bytes *safe;    // of each node
	bool *lost;     // of each step: it will not get to the disk any more, or is there
	Entry *entries; // names are the trace's
	int entry_count;
	uint64_t random;
} Image;

const char *
disk_model_name(DiskModel model)
{
	static const char *const names[] = {"keeps", "loses", "ordered", "tears"};
	return names[model];
}

long
trace_steps(const Trace *trace)
{
	return trace->step_count;
}

bool
trace_is_sync(const Trace *trace, long step)
{
	return step < trace->step_count && trace->steps[step].kind == STEP_SYNC;
}

uint64_t
trace_noted(const Trace *trace, long step, NoteKind kind, uint64_t none)
{
	for (long i = step - 1; i >= 0; i--)
		if (trace->steps[i].kind == STEP_NOTE && trace->steps[i].note == kind)
			return trace->steps[i].off;
	return none;
}

long
trace_last_note(const Trace *trace)
{
	long step = trace->step_count;
	while (step > 0 && trace->steps[step - 1].kind != STEP_NOTE)
		step--;
	return step;
}

void
trace_tell(const Trace *trace, long step, int count)
{
	static const char *const kinds[] = {"note", "write", "resize", "grow",  "sync",
										"lose", "enter", "move",   "remove"};
	for (long i = step > count ? step - count : 0; i < step; i++) {
		const Step *s = &trace->steps[i];
		const char *name = s->name == NULL ? "" : s->name;
		const char *from = s->from_name == NULL ? "" : s->from_name;
		for (long k = i; k >= 0 && name[0] == '\0' && s->node >= 0; k--)
			if (trace->steps[k].node == s->node && trace->steps[k].name != NULL)
				name = trace->steps[k].name;
		for (int k = 0; k < trace->entry_count && name[0] == '\0'; k++)
			if (trace->entries[k].node == s->node)
				name = trace->entries[k].name;
		printf("  %ld %s %d/%s %s off=%llu len=%zu\n", i, kinds[s->kind], s->dir, name, from,
			   (unsigned long long)s->off, s->len);
	}
}

static uint64_t
draw(Image *image, uint64_t below)
{
	image->random = image->random * 6364136223846793005u + 1442695040888963407u;
	return (image->random >> 33) % below;
}

// ---- files ----

static void
bytes_write(Bytes *bytes, uint64_t off, const uint8_t *data, size_t len)
{
	size_t end = (size_t)off + len;
	if (end > bytes->len) {
		bytes->data = realloc(bytes->data, end);
		memset(bytes->data + bytes->len, 0, end - bytes->len);
		bytes->len = end;
	}
	memcpy(bytes->data + off, data, len);
	if (end > bytes->size)
		bytes->size = end;
}

static void
bytes_resize(Bytes *bytes, uint64_t size)
{
	bytes->size = size;
	if (bytes->len > size)
		bytes->len = (size_t)size;
}

static Bytes
bytes_copy(const Bytes *bytes)
{
	Bytes copy = *bytes;
	copy.data = malloc(copy.len + 1);
	if (copy.len > 0)
		memcpy(copy.data, bytes->data, copy.len);
	return copy;
}

static bool
changes_file(const Step *step)
{
	return step->kind == STEP_WRITE || step->kind == STEP_RESIZE || step->kind == STEP_GROW;
}

static void
bytes_apply(Bytes *bytes, const Step *step)
{
	if (step->kind == STEP_WRITE)
		bytes_write(bytes, step->off, step->data, step->len);
	else if (step->kind == STEP_RESIZE || step->off > bytes->size)
		bytes_resize(bytes, step->off);
}

// ---- names ----

static bool
changes_names(const Step *step)
{
	return step->kind == STEP_ENTER || step->kind == STEP_MOVE || step->kind == STEP_REMOVE;
}

static void
names_remove(Image *image, int dir, const char *name, int node)
{
	for (int i = 0; i < image->entry_count; i++) {
		Entry *entry = &image->entries[i];
		if (entry->dir == dir && strcmp(entry->name, name) == 0 &&
			(node < 0 || entry->node == node))
			*entry = image->entries[--image->entry_count];
	}
}

static void
names_apply(Image *image, const Step *step)
{
	if (step->kind == STEP_MOVE)
		names_remove(image, step->from_dir, step->from_name, step->node);
	names_remove(image, step->dir, step->name, -1);
	if (step->kind != STEP_REMOVE)
		image->entries[image->entry_count++] = (Entry){step->dir, step->node, step->name};
}

// ---- what is safe ----

static void
sync_node(Image *image, long until, int node, bool fails)
{
	for (long i = 0; i < until; i++) {
		const Step *step = &image->trace->steps[i];
		if (image->lost[i])
			continue;
		bool file = changes_file(step) && step->node == node;
		bool names = changes_names(step) && (step->dir == node || step->from_dir == node);
		if (!file && !names)
			continue;
		image->lost[i] = true;
		if (file && !fails)
			bytes_apply(&image->safe[node], step);
		if (names && !fails)
			names_apply(image, step);
	}
}

static void
image_open(Image *image, const Trace *trace, long step, uint64_t seed)
{
	*image = (Image){.trace = trace, .random = seed * 2862933555777941757u + 3037000493u};
	image->safe = calloc((size_t)trace->node_count, sizeof(*image->safe));
	image->lost = calloc((size_t)trace->step_count + 1, sizeof(*image->lost));
	image->entries =
		calloc((size_t)(trace->entry_count + trace->step_count + 1), sizeof(*image->entries));
	image->entry_count = trace->entry_count;
	if (trace->entry_count > 0)
		memcpy(image->entries, trace->entries, (size_t)trace->entry_count * sizeof(Entry));
	for (int i = 0; i < trace->node_count; i++) {
		const Node *node = &trace->nodes[i];
		image->safe[i] = bytes_copy(&(Bytes){node->data, node->len, node->size});
	}
	for (long i = 0; i < step; i++)
		if (trace->steps[i].kind == STEP_SYNC || trace->steps[i].kind == STEP_LOSE)
			sync_node(image, i, trace->steps[i].node, trace->steps[i].kind == STEP_LOSE);
}

static void
image_close(Image *image)
{
	for (int i = 0; i < image->trace->node_count; i++)
		free(image->safe[i].data);
	free(image->safe);
	free(image->lost);
	free(image->entries);
}

// ---- what is left of the rest ----

static void
keep_names(Image *image, long step, DiskModel model)
{
	long loose = 0;
	for (long i = 0; i < step; i++)
		loose += changes_names(&image->trace->steps[i]) && !image->lost[i];
	uint64_t kept = model == DISK_KEEPS   ? (uint64_t)loose
					: model == DISK_LOSES ? 0
										  : draw(image, (uint64_t)loose + 1);
	uint64_t odds = draw(image, 3) + 1; // of four
	for (long i = 0; i < step; i++) {
		if (!changes_names(&image->trace->steps[i]) || image->lost[i])
			continue;
		bool keeps = model == DISK_TEARS ? draw(image, 4) < odds : kept > 0;
		if (keeps)
			names_apply(image, &image->trace->steps[i]);
		kept -= kept > 0;
	}
}

static uint8_t
byte_of(const Bytes *bytes, uint64_t at)
{
	return at < bytes->len ? bytes->data[at] : 0;
}

// One piece of a file: old, new, or garbage where a byte was to change.
static void
tear_piece(Image *image, Bytes *out, const Bytes *old, const Bytes *new, uint64_t from, uint64_t to,
		   uint64_t odds)
{
	uint8_t piece[4096];
	uint64_t first = from, last = to;
	while (first < to && byte_of(old, first) == byte_of(new, first))
		first++;
	while (last > first && byte_of(old, last - 1) == byte_of(new, last - 1))
		last--;
	if (first == last)
		return;
	uint64_t fate = draw(image, 8);
	for (uint64_t at = from; at < to; at++)
		piece[at - from] = byte_of(fate < odds ? new : old, at);
	for (uint64_t at = first; fate == 7 && at < last; at++)
		piece[at - from] = (uint8_t)draw(image, 256);
	bytes_write(out, from, piece, (size_t)(to - from));
}

// A file whose size and pieces are each of some moment since the last sync.
static Bytes
tear_file(Image *image, int node, long step, DiskModel model)
{
	const Step *steps = image->trace->steps;
	const Bytes *old = &image->safe[node];
	Bytes new = bytes_copy(old);
	uint64_t most = old->size, size = old->size, loose = 0;
	for (long i = 0; i < step; i++) {
		if (!changes_file(&steps[i]) || steps[i].node != node || image->lost[i])
			continue;
		bytes_apply(&new, &steps[i]);
		loose++;
		if (draw(image, loose + 1) != 0)
			size = new.size;
		most = new.size > most ? new.size : most;
	}
	uint64_t whole = draw(image, 8); // a file of which nothing or all is there is frequent
	if (loose == 0 || model == DISK_KEEPS || whole == 0)
		return new;
	Bytes out = bytes_copy(old);
	if (whole == 1 || model == DISK_LOSES) {
		free(new.data);
		return out;
	}
	uint64_t unit = model == DISK_TEARS ? 512 : 4096, odds = 1 + draw(image, 6);
	uint64_t end = new.len > old->len ? new.len : old->len;
	for (uint64_t at = 0; at < end; at += unit)
		tear_piece(image, &out, old, &new, at, at + unit < end ? at + unit : end, odds);
	bytes_resize(&out, size);
	free(new.data);
	return out;
}

// ---- writing it ----

static void
save_file(const char *path, const Bytes *bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert(fd >= 0);
	size_t len = bytes->len;
	while (len > 0 && bytes->data[len - 1] == 0)
		len--;
	for (size_t at = 0; at < len;) {
		ssize_t done = pwrite(fd, bytes->data + at, len - at, (off_t)at);
		assert(done > 0);
		at += (size_t)done;
	}
	if (ftruncate(fd, (off_t)bytes->size) != 0)
		abort();
	close(fd);
}

typedef struct Saving {
	Image *image;
	long step;
	DiskModel model;
	char **paths; // of each node that was written
} Saving;

static void
save_dir(Saving *saving, int dir, const char *path)
{
	for (int i = 0; i < saving->image->entry_count; i++) {
		const Entry *entry = &saving->image->entries[i];
		char child[PATH_MAX];
		if (entry->dir != dir)
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, entry->name);
		if (saving->image->trace->nodes[entry->node].is_dir) {
			if (mkdir(child, 0700) != 0)
				abort();
			save_dir(saving, entry->node, child);
		} else if (saving->paths[entry->node] != NULL) {
			if (link(saving->paths[entry->node], child) != 0)
				abort();
		} else {
			Bytes bytes = tear_file(saving->image, entry->node, saving->step, saving->model);
			save_file(child, &bytes);
			free(bytes.data);
			saving->paths[entry->node] = strdup(child);
		}
	}
}

void
trace_image(const Trace *trace, long step, DiskModel model, uint64_t seed, const char *to)
{
	Image image;
	image_open(&image, trace, step, seed);
	keep_names(&image, step, model);
	Saving saving = {&image, step, model, calloc((size_t)trace->node_count, sizeof(char *))};
	save_dir(&saving, 0, to);
	for (int i = 0; i < trace->node_count; i++)
		free(saving.paths[i]);
	free(saving.paths);
	image_close(&image);
}
