#include "base/fault.h"

#include <stdatomic.h>

static atomic_long calls_left = -1; // until the armed fault; negative: none to come
static atomic_bool sticky;          // what armed it wants every later call to fail too
static atomic_bool failing;         // a sticky fault has happened
static atomic_bool hit;

bool
fault_here(void)
{
	// The first test is all that a product pays.
	if (atomic_load_explicit(&calls_left, memory_order_relaxed) < 0)
		return atomic_load_explicit(&failing, memory_order_relaxed);
	if (atomic_fetch_sub(&calls_left, 1) != 0)
		return atomic_load(&failing);
	atomic_store(&hit, true);
	atomic_store(&failing, atomic_load(&sticky));
	return true;
}

static void
arm(long nth, bool and_later)
{
	atomic_store(&failing, false);
	atomic_store(&hit, false);
	atomic_store(&sticky, and_later);
	atomic_store(&calls_left, nth);
}

void
fault_arm(long nth)
{
	arm(nth, false);
}

void
fault_arm_sticky(long nth)
{
	arm(nth, true);
}

bool
fault_disarm(void)
{
	atomic_store(&calls_left, -1);
	atomic_store(&failing, false);
	return atomic_load(&hit);
}
