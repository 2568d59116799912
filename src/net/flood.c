#include "net/flood_int.h"

enum { TOKENS_MAX = 10000 };

// 333 a second.
static const int64_t NS_PER_TOKEN = 3000000;

void
flood_init(FloodBudget *budget, int64_t now_ns)
{
	*budget = (FloodBudget){TOKENS_MAX, now_ns};
}

void
flood_earn(FloodBudget *budget, int64_t tokens)
{
	budget->tokens += tokens;
	if (budget->tokens > TOKENS_MAX)
		budget->tokens = TOKENS_MAX;
}

bool
flood_spend(FloodBudget *budget, int64_t now_ns)
{
	if (budget->tokens == 0) {
		int64_t earned = (now_ns - budget->refilled_ns) / NS_PER_TOKEN;
		budget->refilled_ns += earned * NS_PER_TOKEN;
		flood_earn(budget, earned);
	}
	if (budget->tokens == 0)
		return false;
	budget->tokens--;
	return true;
}
