// config.h - what the process is told: settings by a file, the environment and arguments, and what
// only it needs.

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

typedef struct Config {
	const char *data_dir;
	char **texts; // of all settings, "key=value", lowest first, NULL-terminated
	size_t count;
	char *misspelt; // what is said of a variable that looks like a setting and is none; NULL: none
	bool no_tls;
	bool no_auth;
	bool print_config;
	bool help;
	bool version;
} Config;
Status config_read(int argc, char **argv, char **environment, Config *out, Error *err);
void config_close(Config *config);
// The text in force: the last one given, else the default. NULL: there is no such setting.
const char *config_text(const Config *config, const char *key);
void config_print(const Config *config);
