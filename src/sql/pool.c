#include "sql/pool.h"

#include <pthread.h>

#include "base/mem.h"
#include "sql/plan.h"

enum { MOST_IDLE = 32 };

struct Instance {
	Pool *pool;
	Duck *duck;
	int32_t conns; // guarded by the pool's lock
};

struct Pool {
	DuckOptions options;
	char *temp_dir;
	char *allowed_dir;
	pthread_mutex_t lock; // guards all below
	Instance *current;    // NULL: to be opened
	Conn *idle;           // the most recently used one first
	int32_t idle_count;
};

// ---- instances ----

static Status
instance_open(Pool *pool, Instance **out, Error *err)
{
	Instance *instance = mem_alloc(sizeof(*instance));
	if (instance == NULL)
		return error_no_memory(err, "a DuckDB instance");
	instance->pool = pool;
	Status st = duck_open(&pool->options, &instance->duck, err);
	if (st != ST_OK) {
		mem_free(instance);
		return st;
	}
	*out = instance;
	return ST_OK;
}

static void
instance_free(Instance *instance)
{
	if (instance == NULL)
		return;
	duck_close(instance->duck);
	mem_free(instance);
}

// The current instance, counted for one more connection. Opened under the lock when there is none:
// everybody waits for it anyway.
static Status
instance_acquire(Pool *pool, Instance **out, Error *err)
{
	Status st = ST_OK;
	pthread_mutex_lock(&pool->lock);
	if (pool->current == NULL)
		st = instance_open(pool, &pool->current, err);
	if (st == ST_OK) {
		*out = pool->current;
		(*out)->conns++;
	}
	pthread_mutex_unlock(&pool->lock);
	return st;
}

// One connection less. The instance to free, if it was the last of one that is no longer current.
static Instance *
instance_release_locked(Pool *pool, Instance *instance)
{
	instance->conns--;
	return instance->conns == 0 && instance != pool->current ? instance : NULL;
}

// ---- connections ----

static void
conn_close(Conn *conn)
{
	if (conn == NULL)
		return;
	plans_free(conn);
	duck_disconnect(conn->duck);
	mem_free(conn);
}

// Closes it and, if it was the last of its instance, that as well.
static void
conn_end(Pool *pool, Conn *conn)
{
	Instance *instance = conn->instance;
	conn_close(conn);
	pthread_mutex_lock(&pool->lock);
	Instance *gone = instance_release_locked(pool, instance);
	pthread_mutex_unlock(&pool->lock);
	instance_free(gone);
}

static Status
conn_open(Pool *pool, Conn **out, Error *err)
{
	Conn *conn = mem_alloc(sizeof(*conn));
	if (conn == NULL)
		return error_no_memory(err, "a connection");
	Status st = instance_acquire(pool, &conn->instance, err);
	if (st != ST_OK) {
		mem_free(conn);
		return st;
	}
	conn->instance_duck = conn->instance->duck;
	conn->pool = pool;
	st = duck_connect(conn->instance_duck, &conn->duck, err);
	if (st != ST_OK) {
		conn_end(pool, conn);
		return st;
	}
	*out = conn;
	return ST_OK;
}

// ---- the pool ----

Status
pool_open(const DuckOptions *options, Pool **out, Error *err)
{
	SCOPED(pool_drop) Pool *pool = mem_alloc(sizeof(*pool));
	if (pool == NULL)
		return error_no_memory(err, "connections");
	pthread_mutex_init(&pool->lock, NULL);
	pool->options = *options;
	pool->temp_dir = options->temp_dir != NULL ? mem_strdup(options->temp_dir) : NULL;
	pool->allowed_dir = options->allowed_dir != NULL ? mem_strdup(options->allowed_dir) : NULL;
	if ((options->temp_dir != NULL && pool->temp_dir == NULL) ||
		(options->allowed_dir != NULL && pool->allowed_dir == NULL))
		return error_no_memory(err, "connections");
	pool->options.temp_dir = pool->temp_dir;
	pool->options.allowed_dir = pool->allowed_dir;
	// What is wrong with the options shows at once; with those of `later`, when somebody connects.
	TRY(instance_open(pool, &pool->current, err));
	*out = TAKE(pool);
	return ST_OK;
}

void
pool_close(Pool *pool)
{
	if (pool == NULL)
		return;
	for (Conn *next; pool->idle != NULL; pool->idle = next) {
		next = pool->idle->next;
		conn_end(pool, pool->idle);
	}
	instance_free(pool->current);
	pthread_mutex_destroy(&pool->lock);
	mem_free(pool->temp_dir);
	mem_free(pool->allowed_dir);
	mem_free(pool);
}

static bool
has_plan(const Conn *conn, const uint64_t *hashes, int hash_count)
{
	for (int i = 0; i < hash_count; i++)
		if (plans_have(conn, hashes[i]))
			return true;
	return false;
}

static Conn *
take_idle(Pool *pool, const uint64_t *hashes, int hash_count)
{
	pthread_mutex_lock(&pool->lock);
	Conn **link = &pool->idle;
	while (*link != NULL && !has_plan(*link, hashes, hash_count))
		link = &(*link)->next;
	if (*link == NULL)
		link = &pool->idle;
	Conn *conn = *link;
	if (conn != NULL) {
		*link = conn->next;
		conn->next = NULL;
		pool->idle_count--;
	}
	pthread_mutex_unlock(&pool->lock);
	return conn;
}

Status
pool_acquire(Pool *pool, const uint64_t *hashes, int hash_count, Conn **out, Error *err)
{
	// One whose instance was poisoned by another is thrown away; a fresh instance is not poisoned.
	for (;;) {
		Conn *conn = take_idle(pool, hashes, hash_count);
		if (conn == NULL)
			TRY(conn_open(pool, &conn, err));
		if (!duck_conn_poisoned(conn->duck)) {
			*out = conn;
			return ST_OK;
		}
		pool_release(conn);
	}
}

bool
pool_has_idle(Pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	bool sound = pool->idle != NULL && !duck_conn_poisoned(pool->idle->duck);
	pthread_mutex_unlock(&pool->lock);
	return sound;
}

void
pool_release(Conn *conn)
{
	if (conn == NULL)
		return;
	Pool *pool = conn->pool;
	bool poisoned = duck_conn_poisoned(conn->duck);
	pthread_mutex_lock(&pool->lock);
	if (poisoned && pool->current == conn->instance)
		pool->current = NULL; // the next connection opens another one
	bool keep = !poisoned && pool->idle_count < MOST_IDLE;
	if (keep) {
		conn->next = pool->idle;
		pool->idle = conn;
		pool->idle_count++;
	}
	pthread_mutex_unlock(&pool->lock);
	if (!keep)
		conn_end(pool, conn);
}
