#include "engine/settings.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "base/setting.h"
#include "os/thread.h"

typedef enum ValueKind {
	VALUE_SIZE,
	VALUE_RATE, // a size, or "unlimited": 0
	VALUE_DURATION,
	VALUE_COUNT,
	VALUE_BOOL,
	VALUE_TEXT,
	VALUE_CHOICE, // one of `choices`; stored as its index
} ValueKind;

typedef struct Row {
	SettingDef def;
	ValueKind kind;
	size_t offset;
	const char *const *choices;
} Row;

static const char *const LEVELS[] = {"debug", "info", "warn", "error", NULL};
static const char *const FORMATS[] = {"text", "json", NULL};
static const char *const SYNC_FAILURE[] = {"readonly", "exit", NULL};
static const char *const VERIFY[] = {"lazy", "strict", NULL};
static const char *const RECOVERY[] = {"strict", "point-in-time", "salvage", NULL};

#define AT(member) offsetof(Settings, member)

static const Row ROWS[] = {
	{{"flight.listen", "list", "127.0.0.1:50051",
	  "addresses of the Flight port; port 0 takes a free one"},
	 VALUE_TEXT,
	 AT(flight_listen),
	 NULL},
	{{"flight.max_message", "size", "64MiB", "largest message a client may send"},
	 VALUE_SIZE,
	 AT(flight_max_message),
	 NULL},
	{{"flight.ticket_ttl", "duration", "5m", "how long a ticket of GetFlightInfo can be used"},
	 VALUE_DURATION,
	 AT(flight_ticket_ttl_ns),
	 NULL},
	{{"flight.ticket_memory", "size", "5%",
	  "memory that tickets and the snapshots pinned by them may keep"},
	 VALUE_SIZE,
	 AT(flight_ticket_memory),
	 NULL},
	{{"http.listen", "list", "127.0.0.1:8093",
	  "addresses of the HTTP port; port 0 takes a free one, empty: none"},
	 VALUE_TEXT,
	 AT(http_listen),
	 NULL},
	{{"http.hosts", "list", "localhost",
	  "names that browsers may know this server by; IP addresses and localhost always"},
	 VALUE_TEXT,
	 AT(http_hosts),
	 NULL},
	{{"tls.certificate", "path", "none",
	  "PEM file with the certificate of both ports, and its chain; none: no TLS"},
	 VALUE_TEXT,
	 AT(tls_certificate),
	 NULL},
	{{"tls.key", "path", "none", "PEM file with the certificate's private key, without a password"},
	 VALUE_TEXT,
	 AT(tls_key),
	 NULL},
	{{"ingest.create_tables", "bool", "on", "whether a put to an unknown table creates it"},
	 VALUE_BOOL,
	 AT(ingest_create_tables),
	 NULL},
	{{"ingest.window", "size", "16MiB", "bytes one stream may have sent and not yet acknowledged"},
	 VALUE_SIZE,
	 AT(ingest_window),
	 NULL},
	{{"ingest.memory", "size", "10%", "memory for messages that are being received"},
	 VALUE_SIZE,
	 AT(ingest_memory),
	 NULL},
	{{"ingest.wait", "duration", "10s", "how long a put waits for memory before it fails"},
	 VALUE_DURATION,
	 AT(ingest_wait_ns),
	 NULL},
	{{"compaction.files", "count", "4", "so many small files of a table are merged"},
	 VALUE_COUNT,
	 AT(compaction_files),
	 NULL},
	{{"compaction.memory", "size", "256MiB", "memory for merges"},
	 VALUE_SIZE,
	 AT(compaction_memory),
	 NULL},
	{{"compaction.rate", "size | unlimited", "unlimited", "bytes a second that merges write"},
	 VALUE_RATE,
	 AT(compaction_rate),
	 NULL},
	{{"commit.max_bytes", "size", "256MiB",
	  "largest commit in the log; more rows become files first"},
	 VALUE_SIZE,
	 AT(commit_max_bytes),
	 NULL},
	{{"wal.segment_size", "size", "64MiB", "size of a log file"},
	 VALUE_SIZE,
	 AT(wal_segment_size),
	 NULL},
	{{"wal.keep_time", "duration", "1h", "how long log files are kept for readers that resume"},
	 VALUE_DURATION,
	 AT(wal_keep_time_ns),
	 NULL},
	{{"wal.keep_bytes", "size", "4GiB", "how much log is kept for them; the smaller coverage wins"},
	 VALUE_SIZE,
	 AT(wal_keep_bytes),
	 NULL},
	{{"wal.replay_bytes", "size", "1GiB",
	  "log that may have to be replayed before older rows are flushed"},
	 VALUE_SIZE,
	 AT(wal_replay_bytes),
	 NULL},
	{{"wal.on_sync_failure", "readonly | exit", "readonly",
	  "what follows a failed sync; it is never retried"},
	 VALUE_CHOICE,
	 AT(wal_on_sync_failure),
	 SYNC_FAILURE},
	{{"wal.recovery", "strict | point-in-time | salvage", "strict",
	  "what to do about a damaged log at start"},
	 VALUE_CHOICE,
	 AT(wal_recovery),
	 RECOVERY},
	{{"memtable.segment_size", "size", "64MiB", "a memory segment is sealed at this size"},
	 VALUE_SIZE,
	 AT(memtable_segment_size),
	 NULL},
	{{"memtable.segment_age", "duration", "5m", "or at this age, if it is worth a file"},
	 VALUE_DURATION,
	 AT(memtable_segment_age_ns),
	 NULL},
	{{"memtable.limit", "size", "25%", "memory for rows that are not yet in files"},
	 VALUE_SIZE,
	 AT(memtable_limit),
	 NULL},
	{{"rtdb.limit", "size", "10%", "memory for newest rows that no segment holds any more"},
	 VALUE_SIZE,
	 AT(rtdb_limit),
	 NULL},
	{{"cache.columns", "size", "20%", "memory for rows of the newest files as well; 0: none"},
	 VALUE_SIZE,
	 AT(cache_columns),
	 NULL},
	{{"feed.memory", "size", "64MiB", "memory for the newest changes of tables that are followed"},
	 VALUE_SIZE,
	 AT(feed_memory),
	 NULL},
	{{"series.limit", "count", "10000000", "series of a table; above, it works without series ids"},
	 VALUE_COUNT,
	 AT(series_limit),
	 NULL},
	{{"query.timeout", "duration", "30s", "working time of a statement"},
	 VALUE_DURATION,
	 AT(query_timeout_ns),
	 NULL},
	{{"query.stall", "duration", "30s", "how long a client may take nothing of a result"},
	 VALUE_DURATION,
	 AT(query_stall_ns),
	 NULL},
	{{"query.running", "count", "0", "statements that run at once; 0: twice the cores"},
	 VALUE_COUNT,
	 AT(query_running),
	 NULL},
	{{"query.memory", "size", "20%", "memory for statements"}, VALUE_SIZE, AT(query_memory), NULL},
	{{"query.threads", "count", "0", "threads of the query engine; 0: the cores"},
	 VALUE_COUNT,
	 AT(query_threads),
	 NULL},
	{{"stop.flush", "duration", "10s", "how long a clean stop flushes"},
	 VALUE_DURATION,
	 AT(stop_flush_ns),
	 NULL},
	{{"verify", "lazy | strict", "lazy",
	  "when a whole file is compared with its hash: in the background, or before its first read"},
	 VALUE_CHOICE,
	 AT(verify),
	 VERIFY},
	{{"backup.dir", "text", "backup",
	  "where backups are made; a relative path is in the data directory"},
	 VALUE_TEXT,
	 AT(backup_dir),
	 NULL},
	{{"log.level", "debug | info | warn | error", "info", "least level that is written"},
	 VALUE_CHOICE,
	 AT(log_level),
	 LEVELS},
	{{"log.format", "text | json", "text", "form of a log line"},
	 VALUE_CHOICE,
	 AT(log_format),
	 FORMATS},
};

const SettingDef *
settings_at(size_t i)
{
	return i < COUNT_OF(ROWS) ? &ROWS[i].def : NULL;
}

static const Row *
find_row(const char *key, size_t len)
{
	for (size_t i = 0; i < COUNT_OF(ROWS); i++)
		if (strlen(ROWS[i].def.key) == len && memcmp(ROWS[i].def.key, key, len) == 0)
			return &ROWS[i];
	return NULL;
}

static Status
unknown_key(const char *key, size_t len, Error *err)
{
	const char *names[COUNT_OF(ROWS)];
	for (size_t i = 0; i < COUNT_OF(ROWS); i++)
		names[i] = ROWS[i].def.key;
	SCOPED(mem_drop) char *wanted = mem_strndup(key, len);
	if (wanted == NULL)
		return error_no_memory(err, "a setting");
	const char *near = setting_propose(wanted, names, COUNT_OF(ROWS));
	if (near == NULL)
		return error_set(err, ST_INVALID, "unknown setting %s; --print-config lists all", wanted);
	return error_set(err, ST_INVALID, "unknown setting %s; did you mean %s?", wanted, near);
}

static Status
parse_size(const char *text, uint64_t *out, Error *err)
{
	size_t len = strlen(text);
	if (len == 0 || text[len - 1] != '%')
		return setting_parse_size(text, out, err);

	// A percentage is of the smaller of the machine's memory and the cgroup's limit.
	SCOPED(mem_drop) char *number = mem_strndup(text, len - 1);
	if (number == NULL)
		return error_no_memory(err, "a setting");
	int64_t percent;
	TRY(setting_parse_int(number, &percent, err));
	if (percent < 1 || percent > 100)
		return error_set(err, ST_INVALID, "%s is not between 1%% and 100%%", text);
	*out = os_memory_bytes() / 100 * (uint64_t)percent;
	return ST_OK;
}

static Status
parse_rate(const char *text, uint64_t *out, Error *err)
{
	*out = 0;
	return strcmp(text, "unlimited") == 0 ? ST_OK : parse_size(text, out, err);
}

static Status
parse_choice(const char *text, const char *const *choices, int *out, Error *err)
{
	for (int i = 0; choices[i] != NULL; i++) {
		if (strcmp(text, choices[i]) == 0) {
			*out = i;
			return ST_OK;
		}
	}
	return error_set(err, ST_INVALID, "%s is none of its values", text);
}

static Status
parse_text(const char *text, char **out, Error *err)
{
	char *copy = mem_strdup(text);
	if (copy == NULL)
		return error_no_memory(err, "a setting");
	mem_free(*out);
	*out = copy;
	return ST_OK;
}

static Status
parse_value(const Row *row, const char *text, Settings *settings, Error *err)
{
	char *at = (char *)settings + row->offset;
	switch (row->kind) {
	case VALUE_SIZE: return parse_size(text, (uint64_t *)(void *)at, err);
	case VALUE_RATE: return parse_rate(text, (uint64_t *)(void *)at, err);
	case VALUE_DURATION: return setting_parse_duration(text, (int64_t *)(void *)at, err);
	case VALUE_BOOL: return setting_parse_bool(text, (bool *)at, err);
	case VALUE_TEXT: return parse_text(text, (char **)(void *)at, err);
	case VALUE_CHOICE: return parse_choice(text, row->choices, (int *)(void *)at, err);
	case VALUE_COUNT: break;
	}
	int64_t count;
	TRY(setting_parse_int(text, &count, err));
	if (count < 0)
		return error_set(err, ST_INVALID, "%s is negative", text);
	*(uint64_t *)(void *)at = (uint64_t)count;
	return ST_OK;
}

static Status
set_row(const Row *row, const char *text, Settings *settings, Error *err)
{
	Status st = parse_value(row, text, settings, err);
	if (st == ST_INVALID)
		return error_prefix(err, "setting %s (%s)", row->def.key, row->def.unit);
	return st;
}

// Outside of these the parts do not work: a log file holds a header and a record, a segment more
// than one batch, every thread has a stack.
typedef struct Limit {
	size_t offset;
	uint64_t min;
	uint64_t max;
	const char *text;
} Limit;

enum { MOST_THREADS = 1024 };

static const Limit LIMITS[] = {
	{AT(wal_segment_size), 64 << 10, UINT64_MAX, "wal.segment_size: at least 64KiB"},
	{AT(memtable_segment_size), 64 << 10, UINT64_MAX, "memtable.segment_size: at least 64KiB"},
	{AT(memtable_segment_age_ns), 1000000, INT64_MAX, "memtable.segment_age: at least 1ms"},
	{AT(memtable_limit), 1 << 20, UINT64_MAX, "memtable.limit: at least 1MiB"},
	{AT(flight_max_message), 64 << 10, 1 << 30, "flight.max_message: from 64KiB to 1GiB"},
	{AT(compaction_files), 2, 1000, "compaction.files: from 2 to 1000"},
	{AT(compaction_memory), 32 << 20, UINT64_MAX, "compaction.memory: at least 32MiB"},
	{AT(series_limit), 0, UINT32_MAX - 1, "series.limit: at most 4294967294"},
	{AT(query_running), 0, MOST_THREADS, "query.running: at most 1024"},
	{AT(query_threads), 0, MOST_THREADS, "query.threads: at most 1024"},
};

static Status
check_limits(const Settings *settings, Error *err)
{
	for (size_t i = 0; i < COUNT_OF(LIMITS); i++) {
		uint64_t value;
		memcpy(&value, (const char *)settings + LIMITS[i].offset, sizeof(value));
		if (value < LIMITS[i].min || value > LIMITS[i].max)
			return error_set(err, ST_INVALID, "setting %s", LIMITS[i].text);
	}
	return ST_OK;
}

Status
settings_parse(const char *const *texts, Settings *out, Error *err)
{
	SCOPED(settings_close) Settings settings = {0};
	for (size_t i = 0; i < COUNT_OF(ROWS); i++)
		TRY(set_row(&ROWS[i], ROWS[i].def.fallback, &settings, err));
	for (; texts != NULL && *texts != NULL; texts++) {
		const char *equals = strchr(*texts, '=');
		if (equals == NULL)
			return error_set(err, ST_INVALID, "%s: a setting is written key=value", *texts);
		const Row *row = find_row(*texts, (size_t)(equals - *texts));
		if (row == NULL)
			return unknown_key(*texts, (size_t)(equals - *texts), err);
		TRY(set_row(row, equals + 1, &settings, err));
		settings.log_wanted |= strncmp(row->def.key, "log.", 4) == 0;
	}
	TRY(check_limits(&settings, err));

	uint64_t cores = (uint64_t)os_core_count();
	if (settings.query_running == 0)
		settings.query_running = 2 * cores;
	if (settings.query_threads == 0)
		settings.query_threads = cores;
	*out = settings;
	settings = (Settings){0};
	return ST_OK;
}

void
settings_close(Settings *settings)
{
	mem_free(settings->flight_listen);
	mem_free(settings->http_listen);
	mem_free(settings->http_hosts);
	mem_free(settings->tls_certificate);
	mem_free(settings->tls_key);
	mem_free(settings->backup_dir);
	*settings = (Settings){0};
}

uint64_t
settings_number(const Settings *settings, const char *key)
{
	const Row *row = find_row(key, strlen(key));
	if (row == NULL || row->kind == VALUE_TEXT || row->kind == VALUE_CHOICE ||
		row->kind == VALUE_BOOL)
		return 0;
	uint64_t value;
	memcpy(&value, (const char *)settings + row->offset, sizeof(value));
	return value;
}

const char *
settings_text(const Settings *settings, const char *key)
{
	const Row *row = find_row(key, strlen(key));
	if (row == NULL || row->kind != VALUE_TEXT)
		return NULL;
	const char *text;
	memcpy(&text, (const char *)settings + row->offset, sizeof(text));
	return text;
}
