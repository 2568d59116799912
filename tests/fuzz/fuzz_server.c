// What whoever starts the server writes, and tickets as other systems' clients do. The first byte
// says which: a configuration file, arguments and environment, or a ticket in JSON.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "server/config.h"
#include "server/json_ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

// What is accepted is a list of key=value; what is not says why.
static void
read_config(int argc, char **argv, char **environment)
{
	SCOPED(config_close) Config config = {0};
	Error err = ERROR_INIT;
	if (config_read(argc, argv, environment, &config, &err) != ST_OK) {
		check(err.text[0] != '\0' && config.texts == NULL);
		return;
	}
	check(config.data_dir != NULL && config.count > 0 && config.texts[config.count] == NULL);
	for (size_t i = 0; i < config.count; i++)
		check(config.texts[i] != NULL);
}

static void
read_file(Slice text)
{
	static char path[] = "/tmp/mobius-fuzz-XXXXXX";
	static int file = -1;
	if (file < 0)
		file = mkstemp(path);
	check(file >= 0 && ftruncate(file, 0) == 0);
	check(pwrite(file, text.data, text.len, 0) == (ssize_t)text.len);
	char *argv[] = {"mobiusd", "--config", path};
	read_config(3, argv, NULL);
}

// Lines: arguments, and what begins as such variables do is one. A file that they name could be
// any.
static void
read_lines(char *text)
{
	enum { MOST = 16 };
	char *argv[MOST + 1] = {"mobiusd"}, *environment[MOST + 1] = {NULL}, *rest = NULL;
	int argc = 1, variables = 0;
	for (char *line = strtok_r(text, "\n", &rest); line != NULL && argc + variables < MOST;
		 line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, "MOBIUS_", 7) == 0)
			environment[variables++] = line;
		else if (strncmp(line, "--config", 8) != 0)
			argv[argc++] = line;
	}
	read_config(argc, argv, environment);
}

static void
read_ticket(Slice ticket)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	SCOPED(mem_drop) char *database = NULL;
	Error err = ERROR_INIT;
	if (json_ticket_read(ticket, &text, &database, &err) != ST_OK)
		check(err.text[0] != '\0' && database == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	Slice rest = slice_of(data + 1, size - 1);
	SCOPED(mem_drop) char *text = mem_strndup((const char *)rest.data, rest.len);
	check(text != NULL);
	switch (data[0] % 3) {
	case 0: read_file(rest); break;
	case 1: read_lines(text); break;
	default: read_ticket(rest); break;
	}
	return 0;
}
