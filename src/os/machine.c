// What this process may use of the machine.

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/setting.h"
#include "os/thread.h"

enum { PATH_BYTES = 4096, SMALL_FILE = 8192 };

int
os_core_count(void)
{
	cpu_set_t usable;
	if (sched_getaffinity(0, sizeof(usable), &usable) == 0 && CPU_COUNT(&usable) > 0)
		return CPU_COUNT(&usable);
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	return online < 1 ? 1 : (int)online;
}

// Reads a small file of the system as text; false when there is none.
static bool
read_small(const char *path, char text[SMALL_FILE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	size_t len = 0;
	ssize_t n;
	while (len < SMALL_FILE - 1 && (n = read(fd, text + len, SMALL_FILE - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	text[len] = '\0';
	return len > 0;
}

// The limit in one file; UINT64_MAX when it says "max", is missing or is not understood.
static uint64_t
read_limit(const char *path)
{
	char text[SMALL_FILE];
	uint64_t limit;
	if (!read_small(path, text))
		return UINT64_MAX;
	text[strcspn(text, "\n")] = '\0';
	return setting_parse_size(text, &limit, NULL) == ST_OK ? limit : UINT64_MAX;
}

// The smallest limit from a group up to the root: each one binds. A container often does not see
// the outer folders of its own path, so the ones that are missing are passed over.
static uint64_t
smallest_limit(const char *mount, const char *group, const char *file)
{
	uint64_t smallest = UINT64_MAX;
	size_t len = strlen(group);
	for (;;) {
		while (len > 0 && group[len - 1] == '/')
			len--;
		char path[PATH_BYTES];
		int n = snprintf(path, sizeof(path), "%s%.*s/%s", mount, (int)len, group, file);
		uint64_t limit = n < (int)sizeof(path) ? read_limit(path) : UINT64_MAX;
		if (limit < smallest)
			smallest = limit;
		if (len == 0)
			return smallest;
		while (len > 0 && group[len - 1] != '/')
			len--;
	}
}

// One line of /proc/self/cgroup is "number:controllers:group": "0::/group" for version 2, a list
// with "memory" in it for version 1.
static uint64_t
group_limit(char *line)
{
	char *controllers = strchr(line, ':');
	char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
	if (group == NULL)
		return UINT64_MAX;
	*controllers++ = '\0';
	*group++ = '\0';
	if (*controllers == '\0')
		return smallest_limit("/sys/fs/cgroup", group, "memory.max");
	for (char *rest = controllers, *name; (name = strsep(&rest, ",")) != NULL;) {
		if (strcmp(name, "memory") == 0)
			return smallest_limit("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes");
	}
	return UINT64_MAX;
}

uint64_t
os_memory_bytes(void)
{
	long pages = sysconf(_SC_PHYS_PAGES);
	long page_bytes = sysconf(_SC_PAGESIZE);
	uint64_t memory = (uint64_t)pages * (uint64_t)page_bytes;

	char groups[SMALL_FILE];
	if (!read_small("/proc/self/cgroup", groups))
		return memory;
	for (char *rest = groups, *line; (line = strsep(&rest, "\n")) != NULL;) {
		uint64_t limit = group_limit(line);
		if (limit < memory)
			memory = limit;
	}
	return memory;
}
