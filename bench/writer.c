/* How many single rows a second one thread puts through a mobius_writer, each durable in the end.
 *
 *     writer DIR ROWS        DIR must not hold a database; prints {"rows": …, "seconds": …}
 */
#include <inttypes.h>
#include <mobius.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct ArrowSchema { /* as the Arrow C Data Interface has it */
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    struct ArrowSchema **children, *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

static void release(struct ArrowSchema *schema) { schema->release = NULL; }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static mobius_status make(mobius *db, mobius_collection **out, mobius_error *err) {
    struct ArrowSchema ts = {.format = "tsn:", .name = "ts", .release = release};
    struct ArrowSchema host = {.format = "u", .name = "host", .flags = 2, .release = release};
    struct ArrowSchema load = {.format = "g", .name = "load", .flags = 2, .release = release};
    struct ArrowSchema *columns[] = {&ts, &host, &load};
    struct ArrowSchema schema = {.format = "+s", .name = "", .n_children = 3, .children = columns, .release = release};
    const char *const options[] = {"time=ts", "tags=host", NULL};
    mobius_database *database = NULL;
    mobius_status st = mobius_create_database(db, "bench", err);
    if (st == MOBIUS_OK) st = mobius_database_open(db, "bench", &database, err);
    if (st == MOBIUS_OK) st = mobius_create_collection(database, "load", &schema, options, out, err);
    mobius_database_close(database);
    return st;
}

static mobius_status put(mobius_writer *writer, int64_t i, mobius_error *err) {
    static const char *const hosts[] = {"athens", "berlin", "cairo", "delhi"};
    mobius_status st = mobius_writer_set(writer, 0, mobius_int(INT64_C(1767225600000000000) + i * 1000000), err);
    if (st == MOBIUS_OK) st = mobius_writer_set(writer, 1, mobius_text(hosts[i % 4]), err);
    if (st == MOBIUS_OK) st = mobius_writer_set(writer, 2, mobius_double((double)(i % 1000) / 10), err);
    return st == MOBIUS_OK ? mobius_writer_end_row(writer, err) : st;
}

static mobius_status measure(mobius *db, int64_t rows, mobius_error *err) {
    mobius_collection *collection = NULL;
    mobius_writer *writer = NULL;
    int64_t stored = 0;
    mobius_status st = make(db, &collection, err);
    if (st == MOBIUS_OK) st = mobius_writer_open(collection, NULL, &writer, err);
    double start = now();
    for (int64_t i = 0; st == MOBIUS_OK && i < rows; i++) st = put(writer, i, err);
    if (st == MOBIUS_OK) st = mobius_writer_flush(writer, err);
    double seconds = now() - start;
    mobius_writer_close(writer);
    if (st == MOBIUS_OK) st = mobius_collection_size(collection, &stored, err);
    mobius_collection_close(collection);
    if (st == MOBIUS_OK) printf("{\"rows\": %" PRId64 ", \"seconds\": %.6f}\n", stored, seconds);
    return st;
}

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "usage: writer DIR ROWS\n"), 2;
    mobius *db = NULL;
    mobius_error err = {0};
    mobius_status st = mobius_open(argv[1], NULL, &db, &err);
    if (st == MOBIUS_OK) st = measure(db, atoll(argv[2]), &err);
    mobius_close(db);
    if (st != MOBIUS_OK) fprintf(stderr, "%s\n", err.text);
    return st != MOBIUS_OK;
}
