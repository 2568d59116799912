// lines.c - how fast line protocol becomes columns: points (lines) a second of one core, in memory,
// by the time that the core had for it.
//
//     build/lines [POINTS]
//
// Prints one JSON line for each shape of data: points a second, MB a second, and the ratio to the
// least that any reader of lines does: find their ends and check that they are UTF-8.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "os/clock.h"
#include "web/line_protocol.h"

static const int64_t START_NS = INT64_C(1451606400000000000);

enum { PIECE = 64 << 10, ROUNDS = 5 };

static uint32_t
next(uint32_t *seed)
{
	return *seed = *seed * 1664525 + 1013904223;
}

// Two tags, two doubles.
static void
add_sensor(Buf *out, int i, uint32_t *seed)
{
	buf_add_printf(out,
				   "sensor,site=s%d,device=dev%04d temperature=%.2f,humidity=%.1f %" PRId64 "\n",
				   i % 10, i % 1000, (double)(next(seed) % 10000) / 100,
				   (double)(next(seed) % 1000) / 10, START_NS + (int64_t)i * 1000000);
}

// As monitoring agents send it: ten tags, ten integers.
static void
add_cpu(Buf *out, int i, uint32_t *seed)
{
	static const char *const names[] = {"user", "system",  "idle",  "nice",  "iowait",
										"irq",  "softirq", "steal", "guest", "guest_nice"};
	buf_add_printf(out,
				   "cpu,hostname=host_%d,region=eu-central-1,datacenter=eu-central-1a,rack=%d,"
				   "os=Ubuntu16.10,arch=x86,team=CHI,service=%d,service_version=0,"
				   "service_environment=test ",
				   i % 1000, i % 100, i % 20);
	for (size_t k = 0; k < COUNT_OF(names); k++)
		buf_add_printf(out, "%susage_%s=%ui", k > 0 ? "," : "", names[k], next(seed) >> 25);
	buf_add_printf(out, " %" PRId64 "\n", START_NS + (int64_t)(i / 1000) * 10000000000);
}

// A double of all its digits, a text, four measurements in turns.
static void
add_mixed(Buf *out, int i, uint32_t *seed)
{
	buf_add_printf(out, "m%d,unit=u%d value=%.17g,state=\"on \\\"%d\\\"\",ok=%s %" PRId64 "\n",
				   i % 4, i % 50, (double)next(seed) / 4294967296.0 * 100, i % 7,
				   i % 3 == 0 ? "t" : "false", START_NS + i);
}

static int64_t
read_all(Slice text)
{
	LineParser *parser = NULL;
	int64_t rows = 0;
	if (line_parser_new(&(LineOptions){.precision = LINE_NS}, &parser, NULL) != ST_OK)
		abort();
	while (text.len > 0) {
		Slice piece = slice_of(text.data, text.len < PIECE ? text.len : PIECE);
		text = slice_of(text.data + piece.len, text.len - piece.len);
		for (bool full = true; full || piece.len > 0;) {
			if (line_parser_add(parser, &piece, text.len == 0, NULL) != ST_OK)
				abort();
			full = line_parser_full(parser);
			for (LineBatch taken = {.batch = NULL}; full || text.len == 0;) {
				if (line_parser_take(parser, &taken, NULL) != ST_OK)
					abort();
				if (taken.batch == NULL)
					break;
				rows += batch_rows(taken.batch);
				batch_unref(taken.batch);
			}
		}
	}
	line_parser_free(parser);
	return rows;
}

static int64_t
look_only(Slice text)
{
	int64_t lines = 0;
	const uint8_t *p = text.data, *end = p + text.len, *line;
	for (; (line = memchr(p, '\n', (size_t)(end - p))) != NULL; p = line + 1)
		lines += utf8_valid(p, (size_t)(line - p));
	return lines;
}

static int64_t
best_ns(int64_t (*fn)(Slice), Slice text, int64_t points)
{
	int64_t best = INT64_MAX;
	for (int i = 0; i < ROUNDS; i++) {
		int64_t from = clock_thread_cpu_ns();
		if (fn(text) != points)
			abort();
		int64_t took = clock_thread_cpu_ns() - from;
		best = took < best ? took : best;
	}
	return best;
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*add)(Buf *out, int i, uint32_t *seed);
	} shapes[] = {{"sensor", add_sensor}, {"cpu", add_cpu}, {"mixed", add_mixed}};
	int points = argc > 1 ? atoi(argv[1]) : 200000;
	for (size_t k = 0; k < COUNT_OF(shapes); k++) {
		Buf text = BUF_INIT;
		uint32_t seed = 123;
		for (int i = 0; i < points; i++)
			shapes[k].add(&text, i, &seed);
		if (text.failed)
			return 1;
		int64_t took = best_ns(read_all, buf_slice(&text), points);
		int64_t least = best_ns(look_only, buf_slice(&text), points);
		printf("{\"metric\":\"lines.%s\",\"points\":%d,\"bytes\":%zu,\"points_per_s\":%.0f,"
			   "\"mb_per_s\":%.0f,\"times_looking\":%.1f}\n",
			   shapes[k].name, points, text.len, (double)points / (double)took * 1e9,
			   (double)text.len / (double)took * 1e3, (double)took / (double)least);
		buf_close(&text);
	}
	return 0;
}
