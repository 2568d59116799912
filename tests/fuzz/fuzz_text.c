// What people and programs write as text beside SQL: settings, sizes, durations, times, addresses,
// a table's options, what a client says beside a batch, a backup's manifest, base64, the types of
// Arrow's C data interface. The first byte says which. What is accepted is within its bounds, and
// the same when it was written and read again.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arrow/cdata.h"
#include "base/mem.h"
#include "base/setting.h"
#include "base/text.h"
#include "base/timeval.h"
#include "catalog/table_def.h"
#include "engine/manifest.h"
#include "engine/put_metadata.h"
#include "engine/settings.h"
#include "os/file.h"
#include "os/sock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

// ---- settings ----

// Lines are "key=value".
static void
read_settings(char *text)
{
	enum { MOST = 32 };
	const char *texts[MOST + 1] = {NULL};
	char *rest = NULL;
	int count = 0;
	for (char *line = strtok_r(text, "\n", &rest); line != NULL && count < MOST;
		 line = strtok_r(NULL, "\n", &rest))
		texts[count++] = line;
	Settings settings = {0};
	Error err = ERROR_INIT;
	Status st = settings_parse(texts, &settings, &err);
	check(st == ST_OK || (st == ST_INVALID && err.text[0] != '\0'));
	if (st == ST_OK)
		settings_close(&settings);
}

static void
read_values(const char *text)
{
	uint64_t bytes;
	int64_t ns, number;
	bool on;
	char written[DURATION_TEXT];
	(void)!setting_parse_size(text, &bytes, NULL);
	(void)!setting_parse_bool(text, &on, NULL);
	(void)!setting_parse_int(text, &number, NULL);
	if (setting_parse_duration(text, &ns, NULL) != ST_OK || ns <= 0)
		return;
	setting_format_duration(ns, written);
	check(setting_parse_duration(written, &number, NULL) == ST_OK && number == ns);
}

static void
read_time(Slice text)
{
	int64_t ns, again;
	char written[48];
	if (time_parse(text, &ns, NULL) != ST_OK)
		return;
	time_format(ns, 9, true, written);
	check(time_parse(slice_text(written), &again, NULL) == ST_OK && again == ns);
}

static void
read_address(const char *text)
{
	SockAddress address;
	Error err = ERROR_INIT;
	if (sock_parse_address(text, &address, &err) != ST_OK)
		check(err.text[0] != '\0');
}

// ---- a table's options ----

static Status
any_field(const Field *field, Error *err)
{
	(void)field;
	(void)err;
	return ST_OK;
}

// What is accepted can be kept.
static void
check_kept(TableDef *def)
{
	SCOPED(table_def_drop) TableDef *again = NULL;
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	check(table_def_encode(def, &bytes, NULL) == ST_OK);
	check(table_def_decode(buf_slice(&bytes), &again, NULL) == ST_OK);
	check(table_ttl_ns(def) >= 0 && table_ttl_ns(again) == table_ttl_ns(def));
	check(table_tag_count(again) == table_tag_count(def));
	check(table_time_column(again) == table_time_column(def));
	check(table_key_column(again) == table_key_column(def));
	check(table_replaces(again) == table_replaces(def));
	check(table_key_column(def) < 0 || (table_time_column(def) < 0 && table_replaces(def)));
}

// What a table was made with can be set again.
static void
set_options(TableDef *def, const TableOptions *options)
{
	SCOPED(table_def_drop) TableDef *next = NULL;
	check(table_def_set_options(def, options, &next, NULL) == ST_OK);
	check_kept(next);
}

// Lines: name, time, tags, durability, ttl, dedup, key; an empty one was not given.
static void
read_options(char *text)
{
	enum { PARTS = 7 };
	const char *parts[PARTS] = {NULL};
	for (int i = 0; i < PARTS && text != NULL; i++) {
		char *line = strsep(&text, "\n");
		parts[i] = *line != '\0' ? line : NULL;
	}
	const Field fields[] = {
		{.name = "at", .type = {.id = TYPE_TIMESTAMP, .unit = UNIT_MS}},
		{.name = "host", .type = {.id = TYPE_UTF8}, .nullable = true},
		{.name = "rack", .type = {.id = TYPE_INT16}, .nullable = true},
		{.name = "n", .type = {.id = TYPE_FLOAT64}, .nullable = true},
	};
	SCOPED(schema_drop) Schema *schema = NULL;
	SCOPED(table_def_drop) TableDef *def = NULL;
	check(schema_new(fields, COUNT_OF(fields), NULL, 0, &schema, NULL) == ST_OK);
	TableRequest request = {.database = "mobius",
							.name = parts[0] != NULL ? parts[0] : "t",
							.schema = schema,
							.time = parts[1],
							.tags = parts[2],
							.durability = parts[3],
							.ttl = parts[4],
							.dedup = parts[5],
							.key = parts[6]};
	if (table_def_create(&request, NULL, 7, 0, any_field, &def, NULL) != ST_OK)
		return;
	check_kept(def);
	set_options(def, &(TableOptions){.durability = parts[3], .ttl = parts[4]});
}

// ---- base64, types ----

static void
read_base64(Slice text)
{
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	SCOPED(buf_close) Buf written = BUF_INIT;
	SCOPED(buf_close) Buf again = BUF_INIT;
	if (text_unbase64(text, &bytes, NULL) != ST_OK)
		return;
	text_base64(&written, buf_slice(&bytes));
	check(text_unbase64(buf_slice(&written), &again, NULL) == ST_OK);
	check(slice_equal(buf_slice(&bytes), buf_slice(&again)));
}

static void
let_go(struct ArrowSchema *schema)
{
	schema->release = NULL;
}

// Lines: the type, then those of its children. An error says which column.
static void
read_types(char *text)
{
	enum { MOST = 4 };
	struct ArrowSchema children[MOST] = {0}, *list[MOST];
	struct ArrowSchema top = {.format = "+s", .children = list, .release = let_go};
	for (; text != NULL && top.n_children < MOST; top.n_children++) {
		struct ArrowSchema *child = &children[top.n_children];
		*child =
			(struct ArrowSchema){.format = strsep(&text, "\n"), .name = "c", .release = let_go};
		list[top.n_children] = child;
	}
	if (top.n_children > 1) { // the second is the child of the first
		children[0].n_children = --top.n_children;
		children[0].children = list + 1;
	}
	top.n_children = 1;
	SCOPED(schema_drop) Schema *schema = NULL, *again = NULL;
	struct ArrowSchema written = {0};
	if (cdata_import_schema(&top, &schema, NULL) != ST_OK)
		return;
	check(cdata_export_schema(schema, &written, NULL) == ST_OK);
	check(cdata_import_schema(&written, &again, NULL) == ST_OK);
	check(field_equal(schema_field(schema, 0), schema_field(again, 0), true));
	written.release(&written);
}

// ---- JSON ----

static void
read_metadata(Slice text)
{
	PutMetadata metadata = {0};
	Status st = put_metadata_parse(text, &metadata, NULL);
	if (st == ST_OK && metadata.client != NULL)
		check(utf8_valid((const uint8_t *)metadata.client, strlen(metadata.client)));
	put_metadata_close(&metadata);
}

static void
read_manifest(Slice text)
{
	static char dir[] = "/tmp/mobius-fuzz-XXXXXX", path[64];
	if (path[0] == '\0') {
		check(mkdtemp(dir) != NULL);
		(void)snprintf(path, sizeof(path), "%s/manifest.json", dir);
	}
	FILE *file = fopen(path, "wb");
	check(file != NULL && fwrite(text.data, 1, text.len, file) == text.len && fclose(file) == 0);
	SCOPED(manifest_close) Manifest manifest = {0}, again = {0};
	Error err = ERROR_INIT;
	Status st = manifest_load(dir, &manifest, &err);
	if (st != ST_OK) {
		check(st == ST_CORRUPT && strstr(err.text, path) != NULL && manifest.files == NULL);
		return;
	}
	for (int32_t i = 0; i < manifest.count; i++)
		check(manifest.files[i].path[0] != '/' && strstr(manifest.files[i].path, "..") == NULL);
	check(file_unlink(path, NULL) == ST_OK && manifest_save(&manifest, dir, NULL) == ST_OK);
	check(manifest_load(dir, &again, NULL) == ST_OK && again.count == manifest.count);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	Slice rest = slice_of(data + 1, size - 1);
	SCOPED(mem_drop) char *text = mem_strndup((const char *)rest.data, rest.len);
	check(text != NULL);
	switch (data[0] % 9) {
	case 0: read_settings(text); break;
	case 1: read_values(text); break;
	case 2: read_time(rest); break;
	case 3: read_address(text); break;
	case 4: read_options(text); break;
	case 5: read_metadata(rest); break;
	case 6: read_manifest(rest); break;
	case 7: read_base64(rest); break;
	default: read_types(text); break;
	}
	return 0;
}
