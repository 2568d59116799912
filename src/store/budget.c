#include "store/budget.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "os/clock.h"

#define DELAY_MOST_NS  INT64_C(20000000)
// Of delays by rate. Shorter ones would be rounded up by those who wait; what they are late is
// credited.
#define RATE_LEAST_NS  INT64_C(20000000)
#define RATE_MOST_NS   INT64_C(900000000)
#define RATE_CREDIT_NS INT64_C(40000000)

struct Budget {
	char *name;
	uint64_t limit;
	_Atomic uint64_t used;
	_Atomic uint64_t rate;
	_Atomic int64_t paid_until_ns; // mono: what was reserved takes until then at the rate
	pthread_mutex_t waits_lock;    // guards waits; nothing is called with it
	BudgetWaits waits;
	pthread_mutex_t lock; // guards the queue of waiters
	BudgetWaiter *head;
	BudgetWaiter **tail;
	atomic_bool waiting; // the queue is not empty
};

Status
budget_new(const char *name, uint64_t limit, Budget **out, Error *err)
{
	Budget *budget = mem_alloc(sizeof(*budget));
	if (budget == NULL)
		return error_no_memory(err, name);
	budget->name = mem_strdup(name);
	if (budget->name == NULL) {
		mem_free(budget);
		return error_no_memory(err, name);
	}
	budget->limit = limit;
	budget->tail = &budget->head;
	pthread_mutex_init(&budget->lock, NULL);
	pthread_mutex_init(&budget->waits_lock, NULL);
	*out = budget;
	return ST_OK;
}

void
budget_free(Budget *budget)
{
	if (budget == NULL)
		return;
	pthread_mutex_destroy(&budget->lock);
	pthread_mutex_destroy(&budget->waits_lock);
	mem_free(budget->name);
	mem_free(budget);
}

static bool
try_take(Budget *budget, uint64_t bytes)
{
	uint64_t used = atomic_load(&budget->used);
	do {
		if (used != 0 && (bytes > budget->limit || used > budget->limit - bytes))
			return false;
	} while (!atomic_compare_exchange_weak(&budget->used, &used, used + bytes));
	return true;
}

// The last quarter slows senders down in proportion, so that there is no cliff at its end.
static int64_t
delay_at(const Budget *budget, uint64_t used)
{
	uint64_t from = budget->limit / 4 * 3;
	if (used <= from || budget->limit == 0)
		return 0;
	double over = (double)(used - from), span = (double)(budget->limit - from);
	return over >= span ? DELAY_MOST_NS : (int64_t)(over / span * (double)DELAY_MOST_NS);
}

void
budget_set_rate(Budget *budget, uint64_t rate)
{
	atomic_store(&budget->rate, rate);
}

static int64_t
delay_by_rate(Budget *budget, uint64_t bytes)
{
	uint64_t rate = atomic_load(&budget->rate);
	if (rate == 0)
		return 0;
	double cost = (double)bytes / (double)rate * 1e9, most = (double)RATE_MOST_NS;
	int64_t takes = (int64_t)(cost < most ? cost : most);
	int64_t now = clock_mono_ns(), until = atomic_load(&budget->paid_until_ns), next;
	do {
		int64_t from = until > now - RATE_CREDIT_NS ? until : now - RATE_CREDIT_NS;
		next = from + takes < now + RATE_MOST_NS ? from + takes : now + RATE_MOST_NS;
	} while (!atomic_compare_exchange_weak(&budget->paid_until_ns, &until, next));
	return next - now < RATE_LEAST_NS ? 0 : next - now;
}

static int64_t
delay_of(Budget *budget, uint64_t bytes)
{
	int64_t by_memory = delay_at(budget, atomic_load(&budget->used));
	int64_t by_rate = delay_by_rate(budget, bytes);
	int64_t delay = by_memory > by_rate ? by_memory : by_rate;
	if (delay > 0) {
		pthread_mutex_lock(&budget->waits_lock);
		budget->waits.delays_ns += delay;
		pthread_mutex_unlock(&budget->waits_lock);
	}
	return delay;
}

static void
enqueue(Budget *budget, BudgetWaiter *waiter) // under the lock
{
	if (waiter->queued)
		return;
	waiter->queued = true;
	waiter->next = NULL;
	*budget->tail = waiter;
	budget->tail = &waiter->next;
	atomic_store(&budget->waiting, true);
}

bool
budget_reserve(Budget *budget, uint64_t bytes, BudgetWaiter *waiter, int64_t *delay_ns)
{
	bool taken = try_take(budget, bytes);
	if (taken && waiter != NULL && atomic_load(&budget->waiting))
		budget_cancel(budget, waiter); // it may have queued before
	if (!taken && waiter != NULL) {
		// Memory may come back between the first try and the queue: look again from inside.
		pthread_mutex_lock(&budget->lock);
		enqueue(budget, waiter);
		pthread_mutex_unlock(&budget->lock);
		taken = try_take(budget, bytes);
		if (taken)
			budget_cancel(budget, waiter);
	}
	*delay_ns = taken ? delay_of(budget, bytes) : 0;
	return taken;
}

void
budget_cancel(Budget *budget, BudgetWaiter *waiter)
{
	pthread_mutex_lock(&budget->lock);
	for (BudgetWaiter **at = &budget->head; *at != NULL; at = &(*at)->next) {
		if (*at != waiter)
			continue;
		*at = waiter->next;
		if (budget->tail == &waiter->next)
			budget->tail = at;
		break;
	}
	waiter->queued = false;
	atomic_store(&budget->waiting, budget->head != NULL);
	pthread_mutex_unlock(&budget->lock);
}

void
budget_charge(Budget *budget, uint64_t bytes)
{
	atomic_fetch_add(&budget->used, bytes);
}

// All waiters look again, in the order they came; who finds nothing queues anew. Woken under the
// lock, so that none is woken after budget_cancel.
static void
wake_waiters(Budget *budget)
{
	pthread_mutex_lock(&budget->lock);
	BudgetWaiter *waiter = TAKE(budget->head);
	budget->tail = &budget->head;
	atomic_store(&budget->waiting, false);
	for (BudgetWaiter *next; waiter != NULL; waiter = next) {
		next = waiter->next;
		waiter->queued = false;
		waiter->wake(waiter->arg);
	}
	pthread_mutex_unlock(&budget->lock);
}

void
budget_release(Budget *budget, uint64_t bytes)
{
	uint64_t was = atomic_fetch_sub(&budget->used, bytes);
	must(was >= bytes);
	uint64_t left = was - bytes;
	bool room = left == 0 || left < budget->limit;
	if (bytes > 0 && room && atomic_load(&budget->waiting))
		wake_waiters(budget);
}

void
budget_note_wait(Budget *budget, int64_t waited_ns)
{
	pthread_mutex_lock(&budget->waits_lock);
	BudgetWaits *waits = &budget->waits;
	waits->count++;
	waits->total_ns += waited_ns;
	waits->longest_ns = waited_ns > waits->longest_ns ? waited_ns : waits->longest_ns;
	pthread_mutex_unlock(&budget->waits_lock);
}

BudgetWaits
budget_waits(Budget *budget)
{
	pthread_mutex_lock(&budget->waits_lock);
	BudgetWaits waits = budget->waits;
	pthread_mutex_unlock(&budget->waits_lock);
	return waits;
}

uint64_t
budget_used(const Budget *budget)
{
	return atomic_load(&budget->used);
}

uint64_t
budget_limit(const Budget *budget)
{
	return budget->limit;
}

const char *
budget_name(const Budget *budget)
{
	return budget->name;
}
