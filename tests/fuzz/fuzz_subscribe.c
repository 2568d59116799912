// What a client asks a subscription for: the request's JSON.

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/subscription_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool holds)
{
	if (!holds)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SubscriptionRequest request = {0};
	Error err = ERROR_INIT;
	Status st = subscription_request_read(slice_of(data, size), &request, &err);
	if (st != ST_OK) {
		need(st == ST_INVALID || st == ST_UNIMPLEMENTED || st == ST_NO_MEMORY);
		need(err.text[0] != '\0' && request.json == NULL);
		return 0;
	}
	need(request.sql != NULL && request.options.progress_ns >= 0);
	need(request.params == NULL || json_is_array(request.params));
	need(request.id == NULL || strlen(request.id) <= size);
	subscription_request_close(&request);
	need(mem_live() == 0);
	return 0;
}
