// settings.h - the configuration: parsed once from "key=value" texts into an immutable struct.
//
// One table holds key, unit, default and meaning; --print-config and the documentation come from
// it.

#pragma once

#include "base/status.h"

typedef struct Settings {
	// flight.* and log.* are the server's: kept as text, checked here
	char *flight_listen;
	char *http_listen;
	char *http_hosts;
	char *tls_certificate;
	char *tls_key;
	uint64_t flight_max_message;
	int64_t flight_ticket_ttl_ns;
	uint64_t flight_ticket_memory;
	bool ingest_create_tables;
	uint64_t ingest_window;
	uint64_t ingest_memory;
	int64_t ingest_wait_ns;
	uint64_t compaction_files;
	uint64_t compaction_memory;
	uint64_t compaction_rate; // bytes a second; 0: unlimited
	uint64_t commit_max_bytes;
	uint64_t wal_segment_size;
	int64_t wal_keep_time_ns;
	uint64_t wal_keep_bytes;
	uint64_t wal_replay_bytes;
	int wal_on_sync_failure; // 0 readonly, 1 exit
	uint64_t memtable_segment_size;
	int64_t memtable_segment_age_ns;
	uint64_t memtable_limit;
	uint64_t rtdb_limit;
	uint64_t cache_columns; // 0: none
	uint64_t feed_memory;
	uint64_t series_limit;
	int64_t query_timeout_ns;
	int64_t query_stall_ns;
	uint64_t query_running;
	uint64_t query_memory;
	uint64_t query_threads;
	int64_t stop_flush_ns;
	int log_level;    // LogLevel
	int log_format;   // LogFormat
	bool log_wanted;  // one of these was given
	int wal_recovery; // 0 strict, 1 point-in-time, 2 salvage
	int verify;       // 0 lazy, 1 strict
	char *backup_dir;

} Settings;

typedef struct SettingDef {
	const char *key;
	const char *unit;
	const char *fallback;
	const char *help;
} SettingDef;

const SettingDef *settings_at(size_t i); // NULL past the end

// `texts` ("key=value", NULL-terminated, later ones win; NULL: none). ST_INVALID names the key and
// proposes one.
Status settings_parse(const char *const *texts, Settings *out, Error *err);
void settings_close(Settings *settings);

// The value in force of a size, duration or count (0: no such key), or of a text (NULL).
uint64_t settings_number(const Settings *settings, const char *key);
const char *settings_text(const Settings *settings, const char *key);
