// budget.h - memory that is promised before it is used.
//
// A put reserves what its batch occupies before its commit is queued, so that the commit path never
// waits and never refuses. Who gets none waits, parked, and is woken when memory was released.
//
// Threads  any.

#pragma once

#include "base/status.h"

typedef struct Budget Budget;

typedef struct BudgetWaiter {
	void (*wake)(void *arg); // from the releasing thread; must be short (post elsewhere)
	void *arg;
	struct BudgetWaiter *next; // the budget's
	bool queued;
} BudgetWaiter;

Status budget_new(const char *name, uint64_t limit, Budget **out,
				  Error *err);    // name: the setting, for error texts
void budget_free(Budget *budget); // NULL is allowed

// True: reserved, *delay_ns is how long to hold the sender back (0 below three quarters of the
// limit, rising to 20 ms near it; longer where a rate asks for it), and a waiter that was queued no
// longer is. False: nothing was taken; with a waiter it is queued (unless already) and woken once
// there is room for somebody; who is woken asks again. One reservation is always possible when
// nothing is reserved.
bool budget_reserve(Budget *budget, uint64_t bytes, BudgetWaiter *waiter, int64_t *delay_ns);
void budget_cancel(Budget *budget, BudgetWaiter *waiter); // leaves the queue
void budget_charge(Budget *budget,
				   uint64_t bytes); // takes without asking (a chunk of the commit path)
void budget_release(Budget *budget, uint64_t bytes);
// Bytes a second that all senders together may reserve, 0 (from the start): any. It is kept by
// delays, of at most 0.9 s: none below 20 ms, which are left to grow. Nobody is refused for it.
void budget_set_rate(Budget *budget, uint64_t rate);
// Who had to wait says for how long, whatever came of it.
void budget_note_wait(Budget *budget, int64_t waited_ns);
typedef struct BudgetWaits {
	int64_t count; // since the start
	int64_t longest_ns;
	int64_t total_ns;
	int64_t delays_ns; // that senders were told, in all
} BudgetWaits;
BudgetWaits budget_waits(Budget *budget);
uint64_t budget_used(const Budget *budget);
uint64_t budget_limit(const Budget *budget);
const char *budget_name(const Budget *budget);
