// Both names of each call are defined here, so neither may be an alias of the other.
#undef _FILE_OFFSET_BITS

#include "disk_int.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { SYNC_NS = 200000 };

#define DOOR __attribute__((visibility("default")))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t syncs_may = PTHREAD_COND_INITIALIZER;
static pthread_cond_t sync_waits = PTHREAD_COND_INITIALIZER;
static Trace *trace; // NULL: nothing is watched
static DiskFault fault;
static bool fault_armed, fault_hit, syncs_held;
static int syncs_waiting;
static int64_t room = INT64_MAX;

// ---- nodes ----

static int
node_of(ino_t inode)
{
	for (int i = trace->node_count - 1; i >= 0; i--) // newest first: a number may be used again
		if (trace->inodes[i] == inode)
			return i;
	return -1;
}

static int
node_add(ino_t inode, bool is_dir)
{
	if (trace->node_count == trace->node_room) {
		trace->node_room = trace->node_room == 0 ? 256 : trace->node_room * 2;
		size_t count = (size_t)trace->node_room;
		trace->nodes = realloc(trace->nodes, count * sizeof(*trace->nodes));
		trace->inodes = realloc(trace->inodes, count * sizeof(*trace->inodes));
	}
	trace->nodes[trace->node_count] = (Node){.is_dir = is_dir};
	trace->inodes[trace->node_count] = inode;
	return trace->node_count++;
}

static int
node_of_fd(int fd)
{
	struct stat info;
	if (trace == NULL || fstat(fd, &info) != 0)
		return -1;
	return node_of(info.st_ino);
}

// The folder a path leads into, and the name there.
static int
dir_of(int at, const char *path, const char **name)
{
	char parent[PATH_MAX];
	struct stat info;
	size_t len = strlen(path);
	if (trace == NULL || len == 0 || len >= sizeof(parent))
		return -1;
	memcpy(parent, path, len + 1);
	char *slash = strrchr(parent, '/');
	*name = slash == NULL ? path : path + (slash - parent) + 1;
	if (slash == NULL)
		strcpy(parent, ".");
	else if (slash == parent)
		slash[1] = '\0';
	else
		*slash = '\0';
	if (syscall(SYS_newfstatat, at, parent, &info, 0) != 0)
		return -1;
	return node_of(info.st_ino);
}

static int
node_at(int at, const char *path)
{
	struct stat info;
	if (syscall(SYS_newfstatat, at, path, &info, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	return node_of(info.st_ino);
}

// ---- steps ----

static Step *
step_add(StepKind kind, int node)
{
	if (trace->step_count == trace->step_room) {
		trace->step_room = trace->step_room == 0 ? 4096 : trace->step_room * 2;
		trace->steps = realloc(trace->steps, (size_t)trace->step_room * sizeof(*trace->steps));
	}
	Step *step = &trace->steps[trace->step_count++];
	*step = (Step){.kind = kind, .node = node, .dir = -1, .from_dir = -1};
	return step;
}

static void
note_bytes(int node, uint64_t off, const struct iovec *iov, int count, ssize_t taken)
{
	if (node < 0 || taken <= 0)
		return;
	Step *step = step_add(STEP_WRITE, node);
	step->off = off;
	step->len = (size_t)taken;
	step->data = malloc(step->len);
	size_t at = 0;
	for (int i = 0; i < count && at < step->len; i++) {
		size_t len = iov[i].iov_len < step->len - at ? iov[i].iov_len : step->len - at;
		memcpy(step->data + at, iov[i].iov_base, len);
		at += len;
	}
}

static void
note_size(StepKind kind, int node, uint64_t size)
{
	if (node >= 0)
		step_add(kind, node)->off = size;
}

static void
note_name(StepKind kind, int node, int dir, const char *name)
{
	if (dir < 0)
		return;
	Step *step = step_add(kind, node);
	step->dir = dir;
	step->name = strdup(name);
}

// ---- faults ----

// Under the lock: whether this call fails; errno says how. error 0 stands for half a write.
static bool
fails(unsigned calls, int node)
{
	if (!fault_armed || node < 0 || (fault.calls & calls) == 0)
		return false;
	if (fault.nth > 0) {
		fault.nth--;
		return false;
	}
	fault_armed = fault.sticky;
	fault_hit = true;
	errno = fault.error;
	return true;
}

void
disk_fail(const DiskFault *wanted)
{
	pthread_mutex_lock(&lock);
	fault = *wanted;
	fault_armed = true;
	fault_hit = false;
	pthread_mutex_unlock(&lock);
}

bool
disk_mend(void)
{
	pthread_mutex_lock(&lock);
	bool hit = fault_hit;
	fault_armed = fault_hit = false;
	pthread_mutex_unlock(&lock);
	return hit;
}

void
disk_room(int64_t bytes)
{
	pthread_mutex_lock(&lock);
	room = bytes;
	pthread_mutex_unlock(&lock);
}

// ---- the calls: writes ----

static int64_t
growth(int fd, uint64_t end)
{
	struct stat info;
	return fstat(fd, &info) == 0 && end > (uint64_t)info.st_size ? (int64_t)end - info.st_size : 0;
}

// Under the lock, before what makes a file of ours larger: false, with errno, when that cannot be.
static bool
takes_room(int fd, int node, uint64_t end)
{
	int64_t more = node < 0 ? 0 : growth(fd, end);
	if (more > 0 && fails(CALL_GROW, node))
		return false;
	if (more > 0 && more > room) {
		errno = ENOSPC;
		return false;
	}
	room -= room == INT64_MAX ? 0 : more;
	return true;
}

// Under the lock, before a name goes, or a file becomes shorter.
static void
gives_room(int at, const char *path)
{
	struct stat info;
	if (room != INT64_MAX && syscall(SYS_newfstatat, at, path, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISREG(info.st_mode) && info.st_nlink == 1 && node_of(info.st_ino) >= 0)
		room += info.st_size;
}

static ssize_t
write_at(int fd, const struct iovec *iov, int count, off_t off)
{
	size_t len = 0;
	for (int i = 0; i < count; i++)
		len += iov[i].iov_len;
	pthread_mutex_lock(&lock);
	int node = node_of_fd(fd);
	off_t at = off >= 0 || node < 0 ? off : (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
	ssize_t done = -1;
	struct iovec half = {.iov_base = iov[0].iov_base, .iov_len = (iov[0].iov_len + 1) / 2};
	bool bad = fails(CALL_WRITE, node);
	if (bad && fault.error == 0 && half.iov_len > 0) {
		iov = &half;
		count = 1;
		len = half.iov_len;
		bad = false;
	}
	bad = bad || !takes_room(fd, node, (uint64_t)at + len);
	if (!bad)
		done = off < 0 ? syscall(SYS_writev, fd, iov, count)
					   : syscall(SYS_pwritev, fd, iov, count, off, 0);
	note_bytes(node, (uint64_t)at, iov, count, done);
	pthread_mutex_unlock(&lock);
	return done;
}

static ssize_t
write_one(int fd, const void *data, size_t len, off_t off)
{
	struct iovec piece = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	return write_at(fd, &piece, 1, off);
}

DOOR ssize_t
write(int fd, const void *data, size_t len)
{
	return write_one(fd, data, len, -1);
}

DOOR ssize_t
pwrite(int fd, const void *data, size_t len, off_t off)
{
	return write_one(fd, data, len, off);
}

DOOR ssize_t
pwrite64(int fd, const void *data, size_t len, off64_t off)
{
	return write_one(fd, data, len, off);
}

DOOR ssize_t
writev(int fd, const struct iovec *iov, int count)
{
	return write_at(fd, iov, count, -1);
}

DOOR ssize_t
pwritev(int fd, const struct iovec *iov, int count, off_t off)
{
	return write_at(fd, iov, count, off);
}

DOOR ssize_t
pwritev64(int fd, const struct iovec *iov, int count, off64_t off)
{
	return write_at(fd, iov, count, off);
}

static int
resize(int fd, off_t size)
{
	pthread_mutex_lock(&lock);
	int node = node_of_fd(fd);
	struct stat info;
	bool bad = fails(CALL_WRITE, node);
	if (!bad && node >= 0 && room != INT64_MAX && fstat(fd, &info) == 0 && info.st_size > size)
		room += info.st_size - size;
	int rc = bad ? -1 : (int)syscall(SYS_ftruncate, fd, size);
	if (rc == 0)
		note_size(STEP_RESIZE, node, (uint64_t)size);
	pthread_mutex_unlock(&lock);
	return rc;
}

DOOR int
ftruncate(int fd, off_t size)
{
	return resize(fd, size);
}

DOOR int
ftruncate64(int fd, off64_t size)
{
	return resize(fd, size);
}

static int
allocate(int fd, int mode, off_t off, off_t len)
{
	pthread_mutex_lock(&lock);
	int node = node_of_fd(fd);
	assert(node < 0 || mode == 0);
	bool bad = fails(CALL_WRITE, node) || !takes_room(fd, node, (uint64_t)(off + len));
	// Only the size: a test's ballast takes no memory.
	int rc = bad ? -1
			 : node < 0 || growth(fd, (uint64_t)(off + len)) == 0
				 ? (int)syscall(SYS_fallocate, fd, mode, off, len)
				 : (int)syscall(SYS_ftruncate, fd, off + len);
	if (rc == 0)
		note_size(STEP_GROW, node, (uint64_t)(off + len));
	pthread_mutex_unlock(&lock);
	return rc;
}

DOOR int
fallocate(int fd, int mode, off_t off, off_t len)
{
	return allocate(fd, mode, off, len);
}

DOOR int
fallocate64(int fd, int mode, off64_t off, off64_t len)
{
	return allocate(fd, mode, off, len);
}

DOOR int
posix_fallocate(int fd, off_t off, off_t len)
{
	return allocate(fd, 0, off, len) == 0 ? 0 : errno;
}

DOOR int
posix_fallocate64(int fd, off64_t off, off64_t len)
{
	return allocate(fd, 0, off, len) == 0 ? 0 : errno;
}

// ---- syncs ----

static int
sync_fd(int fd)
{
	// As on a disk, others get on meanwhile: who tells too early is seen to.
	if (trace != NULL)
		syscall(SYS_nanosleep, &(struct timespec){.tv_nsec = SYNC_NS}, NULL);
	pthread_mutex_lock(&lock);
	int node = node_of_fd(fd);
	if (node >= 0) {
		syncs_waiting++;
		while (syncs_held) {
			pthread_cond_broadcast(&sync_waits);
			pthread_cond_wait(&syncs_may, &lock);
		}
		syncs_waiting--;
	}
	bool bad = fails(CALL_SYNC, node);
	// A file loses what a sync of it could not save, though the next one succeeds. A file system
	// that cannot save names stops altogether: the next one of a folder has them still.
	if (node >= 0 && !bad)
		step_add(STEP_SYNC, node);
	else if (node >= 0 && !trace->nodes[node].is_dir)
		step_add(STEP_LOSE, node);
	pthread_mutex_unlock(&lock);
	return bad ? -1 : 0;
}

DOOR int
fsync(int fd)
{
	return sync_fd(fd);
}

DOOR int
fdatasync(int fd)
{
	return sync_fd(fd);
}

void
disk_hold_syncs(void)
{
	pthread_mutex_lock(&lock);
	syncs_held = true;
	pthread_mutex_unlock(&lock);
}

void
disk_wait_for_sync(void)
{
	pthread_mutex_lock(&lock);
	while (syncs_waiting == 0)
		pthread_cond_wait(&sync_waits, &lock);
	pthread_mutex_unlock(&lock);
}

void
disk_let_syncs(void)
{
	pthread_mutex_lock(&lock);
	syncs_held = false;
	pthread_cond_broadcast(&syncs_may);
	pthread_mutex_unlock(&lock);
}

// ---- names ----

static int
open_at(int at, const char *path, int flags, mode_t mode)
{
	if ((flags & (O_CREAT | O_TRUNC)) == 0)
		return (int)syscall(SYS_openat, at, path, flags, mode);
	const char *name;
	pthread_mutex_lock(&lock);
	int dir = dir_of(at, path, &name);
	int was = dir < 0 ? -1 : node_at(at, path);
	bool bad = was < 0 && fails(CALL_NAMES, dir);
	int fd = bad ? -1 : (int)syscall(SYS_openat, at, path, flags, mode);
	struct stat info;
	if (fd >= 0 && dir >= 0 && was < 0 && fstat(fd, &info) == 0)
		note_name(STEP_ENTER, node_add(info.st_ino, false), dir, name);
	if (fd >= 0 && was >= 0 && (flags & O_TRUNC) != 0)
		note_size(STEP_RESIZE, was, 0);
	pthread_mutex_unlock(&lock);
	return fd;
}

#define MODE_ARGUMENT(flags, mode)                                                                 \
	mode_t mode = 0;                                                                               \
	if (((flags) & (O_CREAT | O_TMPFILE)) != 0) {                                                  \
		va_list args;                                                                              \
		va_start(args, flags);                                                                     \
		mode = va_arg(args, mode_t);                                                               \
		va_end(args);                                                                              \
	}

DOOR int
open(const char *path, int flags, ...)
{
	MODE_ARGUMENT(flags, mode)
	return open_at(AT_FDCWD, path, flags, mode);
}

DOOR int
open64(const char *path, int flags, ...)
{
	MODE_ARGUMENT(flags, mode)
	return open_at(AT_FDCWD, path, flags, mode);
}

DOOR int
openat(int at, const char *path, int flags, ...)
{
	MODE_ARGUMENT(flags, mode)
	return open_at(at, path, flags, mode);
}

DOOR int
openat64(int at, const char *path, int flags, ...)
{
	MODE_ARGUMENT(flags, mode)
	return open_at(at, path, flags, mode);
}

static int
rename_at(int from_at, const char *from, int to_at, const char *to)
{
	const char *from_name, *name;
	pthread_mutex_lock(&lock);
	int from_dir = dir_of(from_at, from, &from_name), dir = dir_of(to_at, to, &name);
	int node = from_dir < 0 ? -1 : node_at(from_at, from);
	bool bad = fails(CALL_NAMES, dir);
	if (dir >= 0 && !bad)
		gives_room(to_at, to);
	int rc = bad ? -1 : (int)syscall(SYS_renameat, from_at, from, to_at, to);
	if (rc == 0 && node >= 0) {
		assert(dir >= 0);
		note_name(STEP_MOVE, node, dir, name);
		Step *step = &trace->steps[trace->step_count - 1];
		step->from_dir = from_dir;
		step->from_name = strdup(from_name);
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

DOOR int
rename(const char *from, const char *to)
{
	return rename_at(AT_FDCWD, from, AT_FDCWD, to);
}

DOOR int
renameat(int from_at, const char *from, int to_at, const char *to)
{
	return rename_at(from_at, from, to_at, to);
}

DOOR int
link(const char *from, const char *to)
{
	const char *name;
	pthread_mutex_lock(&lock);
	int dir = dir_of(AT_FDCWD, to, &name);
	int rc = fails(CALL_NAMES, dir) ? -1 : (int)syscall(SYS_link, from, to);
	if (rc == 0 && dir >= 0)
		note_name(STEP_ENTER, node_at(AT_FDCWD, to), dir, name);
	pthread_mutex_unlock(&lock);
	return rc;
}

static int
unlink_at(int at, const char *path, int flags)
{
	const char *name;
	pthread_mutex_lock(&lock);
	int dir = dir_of(at, path, &name);
	bool bad = fails(CALL_NAMES, dir);
	if (dir >= 0 && !bad)
		gives_room(at, path);
	int rc = bad ? -1 : (int)syscall(SYS_unlinkat, at, path, flags);
	if (rc == 0)
		note_name(STEP_REMOVE, -1, dir, name);
	pthread_mutex_unlock(&lock);
	return rc;
}

DOOR int
unlink(const char *path)
{
	return unlink_at(AT_FDCWD, path, 0);
}

DOOR int
unlinkat(int at, const char *path, int flags)
{
	return unlink_at(at, path, flags);
}

DOOR int
rmdir(const char *path)
{
	return unlink_at(AT_FDCWD, path, AT_REMOVEDIR);
}

static int
make_dir(int at, const char *path, mode_t mode)
{
	const char *name;
	struct stat info;
	pthread_mutex_lock(&lock);
	int dir = dir_of(at, path, &name);
	int rc = fails(CALL_NAMES, dir) ? -1 : (int)syscall(SYS_mkdirat, at, path, mode);
	if (rc == 0 && dir >= 0 && syscall(SYS_newfstatat, at, path, &info, 0) == 0)
		note_name(STEP_ENTER, node_add(info.st_ino, true), dir, name);
	pthread_mutex_unlock(&lock);
	return rc;
}

DOOR int
mkdir(const char *path, mode_t mode)
{
	return make_dir(AT_FDCWD, path, mode);
}

DOOR int
mkdirat(int at, const char *path, mode_t mode)
{
	return make_dir(at, path, mode);
}

// ---- watching ----

static void
load_file(const char *path, Node *node)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat info;
	assert(fd >= 0 && fstat(fd, &info) == 0);
	node->size = (uint64_t)info.st_size;
	off_t end = lseek(fd, 0, SEEK_DATA) < 0 ? 0 : info.st_size;
	node->data = malloc((size_t)end + 1);
	while ((off_t)node->len < end) {
		ssize_t got = pread(fd, node->data + node->len, (size_t)end - node->len, (off_t)node->len);
		assert(got > 0);
		node->len += (size_t)got;
	}
	close(fd);
}

static void
load_dir(const char *path, int dir)
{
	DIR *stream = opendir(path);
	assert(stream != NULL);
	struct dirent *entry;
	while ((entry = readdir(stream)) != NULL) {
		char child[PATH_MAX];
		struct stat info;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		if (lstat(child, &info) != 0)
			abort();
		int node = node_of(info.st_ino);
		bool known = node >= 0; // a second link
		if (!known)
			node = node_add(info.st_ino, S_ISDIR(info.st_mode));
		trace->entries =
			realloc(trace->entries, (size_t)(trace->entry_count + 1) * sizeof(*trace->entries));
		trace->entries[trace->entry_count++] = (Entry){dir, node, strdup(entry->d_name)};
		if (S_ISDIR(info.st_mode))
			load_dir(child, node);
		else if (!known)
			load_file(child, &trace->nodes[node]);
	}
	closedir(stream);
}

void
disk_watch(const char *root)
{
	struct stat info;
	if (stat(root, &info) != 0)
		abort();
	pthread_mutex_lock(&lock);
	assert(trace == NULL);
	trace = calloc(1, sizeof(*trace));
	load_dir(root, node_add(info.st_ino, true));
	pthread_mutex_unlock(&lock);
}

Trace *
disk_stop(void)
{
	pthread_mutex_lock(&lock);
	Trace *was = trace;
	trace = NULL;
	pthread_mutex_unlock(&lock);
	return was;
}

void
trace_free(Trace *old)
{
	if (old == NULL)
		return;
	for (int i = 0; i < old->node_count; i++)
		free(old->nodes[i].data);
	for (int i = 0; i < old->entry_count; i++)
		free(old->entries[i].name);
	for (long i = 0; i < old->step_count; i++) {
		free(old->steps[i].data);
		free(old->steps[i].name);
		free(old->steps[i].from_name);
	}
	free(old->nodes);
	free(old->inodes);
	free(old->entries);
	free(old->steps);
	free(old);
}

void
disk_note(NoteKind kind, uint64_t number)
{
	pthread_mutex_lock(&lock);
	Step *step = trace == NULL ? NULL : step_add(STEP_NOTE, -1);
	if (step != NULL) {
		step->note = kind;
		step->off = number;
	}
	pthread_mutex_unlock(&lock);
}
