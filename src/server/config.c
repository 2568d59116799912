// config.c - where settings come from: an INI file, the environment, the command line; later ones
// win.

#include "server/config.h"

#include <ctype.h>
#include <ini.h>
#include <mobius_io.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/setting.h"
#include "base/text.h"
#include "os/file.h"

enum { CONFIG_BYTES = 1 << 20 };

static const char PREFIX[] = "MOBIUS_"; // of variables
enum { PREFIX_LEN = sizeof(PREFIX) - 1 };

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
	mem_free(config->misspelt);
	*config = (Config){0};
}

// ---- the file ----

typedef struct FileReading {
	Config *config;
	const char *rest; // of the text
	int line;         // the one that was read last
	Status status;
	Error *err;
} FileReading;

// The setting that was probably meant; NULL: none is near.
static const char *
near_setting(const char *key)
{
	enum { MOST_SETTINGS = 128 };
	const char *names[MOST_SETTINGS];
	size_t count = 0;
	for (; count < MOST_SETTINGS && mobius_setting_at(count) != NULL; count++)
		names[count] = mobius_setting_at(count)->key;
	return setting_propose(key, names, count);
}

static Status
check_key(const char *key, Error *err)
{
	for (size_t i = 0; mobius_setting_at(i) != NULL; i++)
		if (strcmp(mobius_setting_at(i)->key, key) == 0)
			return ST_OK;
	const char *near = near_setting(key);
	if (near != NULL)
		return error_set(err, ST_INVALID, "unknown setting %s; did you mean %s?", key, near);
	return error_set(err, ST_INVALID, "unknown setting %s; --print-config lists all", key);
}

// The next line of the text, into `line`: ini_reader. NULL at the end, and behind an error.
static char *
next_line(char *line, int size, void *arg)
{
	FileReading *reading = arg;
	if (reading->status != ST_OK || *reading->rest == '\0')
		return NULL;
	reading->line++;
	size_t len = strcspn(reading->rest, "\n"), room = (size_t)size - 1;
	bool comment = reading->rest[0] == '#' || reading->rest[0] == ';';
	if (len > room && !comment) {
		reading->status = error_set(reading->err, ST_INVALID,
									"the line has %zu bytes; %zu are the most", len, room);
		return NULL;
	}
	size_t kept = len < room ? len : room;
	memcpy(line, reading->rest, kept);
	line[kept] = '\0';
	reading->rest += len + (reading->rest[len] == '\n');
	return line;
}

static int
read_setting(void *arg, const char *section, const char *name, const char *value)
{
	FileReading *reading = arg;
	SCOPED(mem_drop)
	char *key = mem_printf("%s%s%s", section, section[0] != '\0' ? "." : "", name);
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
	if (len == CONFIG_BYTES || memchr(text, '\0', len) != NULL)
		return error_set(err, ST_INVALID, "%s is no text below 1 MiB, as a configuration is", path);
	FileReading reading = {config, text, 0, ST_OK, err};
	// It goes on behind a line that it does not understand: that one comes first.
	int line = ini_parse_stream(next_line, &reading, read_setting, &reading);
	if (line > 0 && (reading.status == ST_OK || line < reading.line))
		return error_set(err, ST_INVALID, "%s:%d: neither [section] nor key = value", path, line);
	return reading.status == ST_OK ? ST_OK : error_prefix(err, "%s:%d", path, reading.line);
}

// ---- the environment ----

// Others may begin with MOBIUS_ as well (of a container's neighbours): it is told, and no more.
static Status
note_misspelt(Config *config, const char *variable, const char *equals, Error *err)
{
	char key[64];
	size_t len = equals != NULL ? (size_t)(equals - variable) : 0;
	if (config->misspelt != NULL || len <= PREFIX_LEN || len - PREFIX_LEN >= sizeof(key))
		return ST_OK;
	for (size_t i = 0; i < len - PREFIX_LEN; i++)
		key[i] = variable[PREFIX_LEN + i] == '_'
					 ? '.'
					 : (char)text_fold((uint8_t)variable[PREFIX_LEN + i]);
	key[len - PREFIX_LEN] = '\0';
	const char *near = near_setting(key);
	if (near == NULL)
		return ST_OK;
	config->misspelt = mem_printf("variable=%.*s setting=%s?", (int)len, variable, near);
	return config->misspelt != NULL ? ST_OK : error_no_memory(err, "the configuration");
}

// flight.listen is MOBIUS_FLIGHT_LISTEN.
static Status
read_variable(Config *config, const char *variable, Error *err)
{
	const char *equals = strchr(variable, '=');
	for (size_t i = 0; equals != NULL && mobius_setting_at(i) != NULL; i++) {
		const char *key = mobius_setting_at(i)->key, *at = variable + PREFIX_LEN;
		while (at < equals && *key != '\0' &&
			   (*key == '.' ? *at == '_' : *at == toupper((unsigned char)*key)))
			at++, key++;
		if (at == equals && *key == '\0')
			return add_text(config, mem_printf("%s=%s", mobius_setting_at(i)->key, equals + 1),
							err);
	}
	return note_misspelt(config, variable, equals, err);
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
		{"-h", offsetof(Config, help)},
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
	TRY(add_text(&all, mem_strdup("log.level=info"), err)); // a library is quiet unless asked
	if (file != NULL)
		TRY(read_file(&all, file, err));
	for (; environment != NULL && *environment != NULL; environment++)
		if (strncmp(*environment, PREFIX, PREFIX_LEN) == 0)
			TRY(read_variable(&all, *environment, err));
	for (size_t i = 0; i < line.count; i++)
		TRY(add_text(&all, mem_strdup(line.texts[i]), err));
	*out = line;
	out->texts = TAKE(all.texts);
	out->misspelt = TAKE(all.misspelt);
	out->count = all.count;
	all.count = 0;
	return ST_OK;
}

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

const char *
config_text(const Config *config, const char *key)
{
	const mobius_setting *s;
	for (size_t i = 0; (s = mobius_setting_at(i)) != NULL; i++)
		if (strcmp(s->key, key) == 0)
			return text_of(config, s);
	return NULL;
}

static void
print_setting(const Config *config, const mobius_setting *s, const char *name)
{
	printf("# %s (%s; default %s)\n%s = %s\n\n", s->help, s->unit, s->fallback, name,
		   text_of(config, s));
}

// As --config reads it: what has no section comes first.
void
config_print(const Config *config)
{
	const mobius_setting *s;
	for (size_t i = 0; (s = mobius_setting_at(i)) != NULL; i++)
		if (strchr(s->key, '.') == NULL)
			print_setting(config, s, s->key);
	const char *section = "";
	size_t len = 0;
	for (size_t i = 0; (s = mobius_setting_at(i)) != NULL; i++) {
		const char *dot = strchr(s->key, '.');
		if (dot == NULL)
			continue;
		if ((size_t)(dot - s->key) != len || strncmp(section, s->key, len) != 0) {
			section = s->key;
			len = (size_t)(dot - s->key);
			printf("[%.*s]\n\n", (int)len, section);
		}
		print_setting(config, s, dot + 1);
	}
}
