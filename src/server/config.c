// config.c - where settings come from: an INI file, the environment, the command line; later ones
// win.

#include <ctype.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/setting.h"
#include "os/file.h"
#include "server/server_int.h"

enum { CONFIG_BYTES = 1 << 20 };

static Status
add_text(Config *config, char *text, Error *err)
{
	char **texts =
		text == NULL ? NULL : mem_resize(config->texts, (config->count + 2) * sizeof(char *));
	if (texts == NULL) {
		mem_free(text);
		return error_no_memory(err, "the configuration");
	}
	config->texts = texts;
	config->texts[config->count++] = text;
	config->texts[config->count] = NULL;
	return ST_OK;
}

void
config_close(Config *config)
{
	for (size_t i = 0; i < config->count; i++)
		mem_free(config->texts[i]);
	mem_free(config->texts);
	*config = (Config){0};
}

// ---- the file ----

typedef struct FileReading {
	Config *config;
	const char *path;
	Status status;
	Error *err;
} FileReading;

static Status
check_key(const char *key, Error *err)
{
	enum { MOST_SETTINGS = 128 };
	const char *names[MOST_SETTINGS], *near;
	size_t count = 0;
	for (; count < MOST_SETTINGS && mobius_setting_at(count) != NULL; count++) {
		names[count] = mobius_setting_at(count)->key;
		if (strcmp(names[count], key) == 0)
			return ST_OK;
	}
	near = setting_propose(key, names, count);
	if (near != NULL)
		return error_set(err, ST_INVALID, "unknown setting %s; did you mean %s?", key, near);
	return error_set(err, ST_INVALID, "unknown setting %s; --print-config lists all", key);
}

static int
read_line(void *arg, const char *section, const char *name, const char *value)
{
	FileReading *reading = arg;
	SCOPED(mem_drop) char *key = mem_printf("%s.%s", section, name);
	if (key == NULL)
		reading->status = error_no_memory(reading->err, "the configuration");
	else
		reading->status = check_key(key, reading->err);
	if (reading->status == ST_OK)
		reading->status = add_text(reading->config, mem_printf("%s=%s", key, value), reading->err);
	return reading->status == ST_OK;
}

static Status
read_file(Config *config, const char *path, Error *err)
{
	SCOPED(file_drop) File *file = NULL;
	TRY(file_open(path, FILE_READ, &file, err));
	SCOPED(mem_drop) char *text = mem_alloc(CONFIG_BYTES + 1);
	if (text == NULL)
		return error_no_memory(err, "the configuration");
	size_t len;
	TRY(file_read_some(file, 0, text, CONFIG_BYTES, &len, err));
	FileReading reading = {config, path, ST_OK, err};
	int line = ini_parse_string(text, read_line, &reading);
	if (line > 0 && reading.status == ST_OK)
		return error_set(err, ST_INVALID, "%s:%d: neither [section] nor key = value", path, line);
	if (line > 0)
		return error_prefix(err, "%s:%d", path, line);
	return ST_OK;
}

// ---- the environment ----

// flight.listen is MOBIUS_FLIGHT_LISTEN.
static Status
read_variable(Config *config, const char *variable, Error *err)
{
	const char *equals = strchr(variable, '=');
	for (size_t i = 0; equals != NULL && mobius_setting_at(i) != NULL; i++) {
		const char *key = mobius_setting_at(i)->key, *at = variable + 7;
		while (at < equals && *key != '\0' &&
			   (*key == '.' ? *at == '_' : *at == toupper((unsigned char)*key)))
			at++, key++;
		if (at == equals && *key == '\0')
			return add_text(config, mem_printf("%s=%s", mobius_setting_at(i)->key, equals + 1),
							err);
	}
	return ST_OK;
}

// ---- the command line ----

typedef struct Arguments {
	int count;
	char **values;
	int at;
} Arguments;

// The value of an option "--name value" or "--name=value"; false when the argument is another.
static bool
option_value(Arguments *args, const char *name, const char **value)
{
	const char *arg = args->values[args->at];
	size_t len = strlen(name);
	if (strncmp(arg, name, len) != 0 || (arg[len] != '\0' && arg[len] != '='))
		return false;
	*value = arg[len] == '='              ? arg + len + 1
			 : args->at + 1 < args->count ? args->values[++args->at]
										  : NULL;
	return true;
}

static Status
read_argument(Arguments *args, Config *config, const char **file, Error *err)
{
	static const struct {
		const char *name;
		size_t offset;
	} flags[] = {
		{"--no-tls", offsetof(Config, no_tls)},
		{"--no-auth", offsetof(Config, no_auth)},
		{"--print-config", offsetof(Config, print_config)},
		{"--help", offsetof(Config, help)},
		{"--version", offsetof(Config, version)},
	};
	const char *arg = args->values[args->at], *value = NULL;
	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		if (strcmp(arg, flags[i].name) == 0) {
			*(bool *)((char *)config + flags[i].offset) = true;
			return ST_OK;
		}
	}
	bool set = option_value(args, "--set", &value);
	bool recovery = !set && option_value(args, "--wal-recovery", &value);
	bool data = !set && !recovery && option_value(args, "--data", &value);
	bool conf = !set && !recovery && !data && option_value(args, "--config", &value);
	if (!set && !recovery && !data && !conf)
		return error_set(err, ST_INVALID, "unknown argument %s; --help shows all", arg);
	if (value == NULL)
		return error_set(err, ST_INVALID, "%s needs a value", arg);
	if (data)
		config->data_dir = value;
	if (conf)
		*file = value;
	if (set)
		return add_text(config, mem_strdup(value), err);
	return recovery ? add_text(config, mem_printf("wal.recovery=%s", value), err) : ST_OK;
}

Status
config_read(int argc, char **argv, char **environment, Config *out, Error *err)
{
	SCOPED(config_close) Config line = {.data_dir = "data"};
	const char *file = NULL;
	Arguments args = {argc, argv, 1};
	for (; args.at < args.count; args.at++)
		TRY(read_argument(&args, &line, &file, err));

	SCOPED(config_close) Config all = {0};
	if (file != NULL)
		TRY(read_file(&all, file, err));
	for (; environment != NULL && *environment != NULL; environment++)
		if (strncmp(*environment, "MOBIUS_", 7) == 0)
			TRY(read_variable(&all, *environment, err));
	for (size_t i = 0; i < line.count; i++)
		TRY(add_text(&all, mem_strdup(line.texts[i]), err));
	*out = line;
	out->texts = TAKE(all.texts);
	out->count = all.count;
	all.count = 0;
	return ST_OK;
}

// The text in force: the last one given, else the default.
static const char *
text_of(const Config *config, const mobius_setting *setting)
{
	size_t len = strlen(setting->key);
	for (size_t i = config->count; i > 0; i--)
		if (strncmp(config->texts[i - 1], setting->key, len) == 0 &&
			config->texts[i - 1][len] == '=')
			return config->texts[i - 1] + len + 1;
	return setting->fallback;
}

void
config_print(const Config *config)
{
	for (size_t i = 0; mobius_setting_at(i) != NULL; i++) {
		const mobius_setting *s = mobius_setting_at(i);
		printf("# %s (%s; default %s)\n%s = %s\n\n", s->help, s->unit, s->fallback, s->key,
			   text_of(config, s));
	}
}
