// flood_int.h - what a peer may waste: frames that carry nothing are paid from a budget that time
// and useful traffic refill.
//
// Threads  one owner.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct FloodBudget {
	int64_t tokens;
	int64_t refilled_ns;
} FloodBudget;

void flood_init(FloodBudget *budget, int64_t now_ns);
void flood_earn(FloodBudget *budget, int64_t tokens);
bool flood_spend(FloodBudget *budget, int64_t now_ns); // one token; false: there was none
