// logic.c - AND, OR and NOT with three values, and IS NULL.

#include <string.h>

#include "expr/kernel_int.h"

// `decides` is the value that one of them has to have for the answer to be that.
static void
conjoin(Call *c, uint8_t decides)
{
	for (int64_t i = 0; i < c->n; i++) {
		bool decided = false, null = false;
		for (int32_t k = 0; k < c->count; k++) {
			null |= !c->in[k].ok[i];
			decided |= c->in[k].ok[i] && c->in[k].bools[i] == decides;
		}
		c->out.ok[i] = decided || !null;
		c->out.bools[i] = decided ? decides : !decides;
	}
}

void
logic_and(Call *c)
{
	conjoin(c, 0);
}

void
logic_or(Call *c)
{
	conjoin(c, 1);
}

void
logic_not(Call *c)
{
	for (int64_t i = 0; i < c->n; i++)
		c->out.bools[i] = !c->in[0].bools[i];
}

void
logic_is_null(Call *c)
{
	bool negated = c->node->detail == 1;
	for (int64_t i = 0; i < c->n; i++)
		c->out.bools[i] = (c->in[0].ok[i] != 0) == negated;
	memset(c->out.ok, 1, (size_t)c->n);
}
