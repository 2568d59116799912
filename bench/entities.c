/* How long it takes to get one entity by its id through the embedded database.
 *
 *     entities DIR ROWS GETS        DIR must not hold a database; prints microseconds, medians of GETS calls at random ids
 *
 * memory: in a memory segment; first: the call that makes its index. copy: in a file whose rows are in memory as well.
 * file: in a file, after a start (a hundredth of the calls).
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
struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children, *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

static void release(struct ArrowSchema *schema) { schema->release = NULL; }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static mobius_status make(mobius *db, mobius_collection **out, mobius_error *err) {
    struct ArrowSchema name = {.format = "u", .name = "name", .flags = 2, .release = release};
    struct ArrowSchema x = {.format = "g", .name = "x", .flags = 2, .release = release};
    struct ArrowSchema y = {.format = "g", .name = "y", .flags = 2, .release = release};
    struct ArrowSchema n = {.format = "l", .name = "n", .flags = 2, .release = release};
    struct ArrowSchema *columns[] = {&name, &x, &y, &n};
    struct ArrowSchema schema = {.format = "+s", .name = "", .n_children = 4, .children = columns, .release = release};
    const char *const options[] = {"key=id", NULL};
    mobius_database *database = NULL;
    mobius_status st = mobius_database_open(db, "mobius", &database, err);
    if (st == MOBIUS_OK) st = mobius_create_collection(database, "things", &schema, options, out, err);
    mobius_database_close(database);
    return st;
}

static mobius_status fill(mobius_collection *things, int64_t rows, mobius_error *err) {
    mobius_writer *writer = NULL;
    mobius_status st = mobius_writer_open(things, NULL, &writer, err);
    int32_t name = st == MOBIUS_OK ? mobius_writer_column(writer, "name") : 0;
    for (int64_t i = 0; st == MOBIUS_OK && i < rows; i++) {
        char text[32];
        snprintf(text, sizeof(text), "thing %" PRId64, i % 5000);
        st = mobius_writer_set(writer, name, mobius_text(text), err);
        if (st == MOBIUS_OK) st = mobius_writer_set(writer, name + 1, mobius_double((double)(i % 1000) / 10), err);
        if (st == MOBIUS_OK) st = mobius_writer_set(writer, name + 2, mobius_double((double)(i % 777) / 7), err);
        if (st == MOBIUS_OK) st = mobius_writer_set(writer, name + 3, mobius_int(i), err);
        if (st == MOBIUS_OK) st = mobius_writer_end_row(writer, err);
    }
    if (st == MOBIUS_OK) st = mobius_writer_flush(writer, err);
    mobius_writer_close(writer);
    return st;
}

static mobius_status get(mobius_collection *things, int64_t id, double *seconds, mobius_error *err) {
    struct ArrowArray row;
    double start = now();
    mobius_status st = mobius_collection_get(things, id, NULL, &row, err);
    *seconds = now() - start;
    if (st == MOBIUS_OK) row.release(&row);
    return st;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static mobius_status median(mobius_collection *things, int64_t rows, int64_t gets, double *out, mobius_error *err) {
    double *times = calloc((size_t)gets, sizeof(double));
    uint64_t random = 123;
    mobius_status st = MOBIUS_OK;
    for (int64_t i = 0; st == MOBIUS_OK && i < gets; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        st = get(things, (int64_t)(random >> 33) % rows + 1, &times[i], err);
    }
    qsort(times, (size_t)gets, sizeof(double), compare);
    *out = times[gets / 2];
    free(times);
    return st;
}

static mobius_status flush(mobius *db, mobius_error *err) {
    struct ArrowArrayStream stream;
    mobius_status st = mobius_query(db, "FLUSH things", &stream, err);
    if (st == MOBIUS_OK) stream.release(&stream);
    return st;
}

static mobius_status open_again(mobius *db, mobius_collection **out, mobius_error *err) {
    mobius_database *database = NULL;
    mobius_status st = mobius_database_open(db, "mobius", &database, err);
    if (st == MOBIUS_OK) st = mobius_collection_open(database, "things", out, err);
    mobius_database_close(database);
    return st;
}

static const char *const settings[] = {"memtable.segment_size=1GiB", "memtable.limit=2GiB", "cache.columns=1GiB", NULL};

static mobius_status measure_fresh(const char *dir, int64_t rows, int64_t gets, mobius_error *err) {
    mobius *db = NULL;
    mobius_collection *things = NULL;
    double first = 0, memory = 0, copy = 0;
    mobius_status st = mobius_open(dir, settings, &db, err);
    if (st == MOBIUS_OK) st = make(db, &things, err);
    if (st == MOBIUS_OK) st = fill(things, rows, err);
    if (st == MOBIUS_OK) st = get(things, 1, &first, err);
    if (st == MOBIUS_OK) st = median(things, rows, gets, &memory, err);
    if (st == MOBIUS_OK) st = flush(db, err);
    if (st == MOBIUS_OK) st = median(things, rows, gets, &copy, err);
    mobius_collection_close(things);
    mobius_close(db);
    if (st == MOBIUS_OK)
        printf("{\"rows\": %" PRId64 ", \"memory\": %.2f, \"first\": %.0f, \"copy\": %.2f", rows, memory * 1e6, first * 1e6, copy * 1e6);
    return st;
}

static mobius_status measure_file(const char *dir, int64_t rows, int64_t gets, mobius_error *err) {
    mobius *db = NULL;
    mobius_collection *things = NULL;
    double file = 0;
    mobius_status st = mobius_open(dir, settings, &db, err);
    if (st == MOBIUS_OK) st = open_again(db, &things, err);
    if (st == MOBIUS_OK) st = median(things, rows, gets / 100 + 1, &file, err);
    mobius_collection_close(things);
    mobius_close(db);
    if (st == MOBIUS_OK) printf(", \"file\": %.1f}\n", file * 1e6);
    return st;
}

int main(int argc, char **argv) {
    if (argc != 4) return fprintf(stderr, "usage: entities DIR ROWS GETS\n"), 2;
    mobius_error err = {0};
    mobius_status st = measure_fresh(argv[1], atoll(argv[2]), atoll(argv[3]), &err);
    if (st == MOBIUS_OK) st = measure_file(argv[1], atoll(argv[2]), atoll(argv[3]), &err);
    if (st != MOBIUS_OK) fprintf(stderr, "%s\n", err.text);
    return st != MOBIUS_OK;
}
