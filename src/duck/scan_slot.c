#include <assert.h>
#include <inttypes.h>

#include "base/mem.h"
#include "duck/scan_int.h"

// ---- rows ----

void
shared_scan_unref(SharedScan *shared)
{
	if (shared == NULL || atomic_fetch_sub_explicit(&shared->refs, 1, memory_order_acq_rel) > 1)
		return;
	if (shared->scan.release != NULL)
		shared->scan.release(shared->scan.owner);
	mem_free(shared->starts);
	mem_free(shared);
}

static Status
shared_scan_new(const BatchScan *scan, SharedScan **out, Error *err)
{
	SCOPED(mem_drop) SharedScan *shared = mem_alloc(sizeof(*shared));
	int64_t *starts = mem_alloc_array((size_t)scan->part_count + 1, sizeof(*starts));
	if (shared == NULL || starts == NULL) {
		mem_free(starts);
		return error_no_memory(err, "a scan");
	}
	for (int64_t i = 0; i < scan->part_count; i++)
		starts[i + 1] = starts[i] + scan->parts[i].rows;
	assert(starts[scan->part_count] == scan->rows);
	atomic_init(&shared->refs, 1);
	shared->scan = *scan;
	shared->starts = starts;

	*out = TAKE(shared);
	return ST_OK;
}

// ---- slots ----

static ScanSlot **
bucket_of(Duck *duck, uint64_t number)
{
	return &duck->slots[number % SLOT_BUCKETS];
}

Status
scan_slot_new(Duck *duck, Schema *schema, DuckForm form, int64_t expected_rows, ScanSlot **out,
			  Error *err)
{
	for (int32_t i = 0; i < schema_field_count(schema); i++)
		TRY(duck_check_field(schema_field(schema, i), err));
	ScanSlot *slot = mem_alloc(sizeof(*slot));
	if (slot == NULL)
		return error_no_memory(err, "a scan");
	atomic_init(&slot->refs, 1);
	slot->duck = duck;
	slot->schema = schema_ref(schema);
	slot->form = form;
	slot->expected_rows = expected_rows;

	pthread_mutex_lock(&duck->lock);
	slot->number = duck->next_slot++;
	ScanSlot **bucket = bucket_of(duck, slot->number);
	slot->next = *bucket;
	*bucket = slot;
	pthread_mutex_unlock(&duck->lock);

	*out = slot;
	return ST_OK;
}

Status
duck_slot_new(Duck *duck, Schema *schema, int64_t expected_rows, ScanSlot **out, Error *err)
{
	return scan_slot_new(duck, schema, FORM_QUERY, expected_rows, out, err);
}

void
scan_slot_unref(ScanSlot *slot)
{
	if (atomic_fetch_sub_explicit(&slot->refs, 1, memory_order_acq_rel) > 1)
		return;
	assert(slot->shared == NULL); // its maker took the rows away
	schema_unref(slot->schema);
	mem_free(slot);
}

// What the slot held before.
static SharedScan *
exchange_rows(ScanSlot *slot, SharedScan *next)
{
	pthread_mutex_lock(&slot->duck->lock);
	SharedScan *before = slot->shared;
	slot->shared = next;
	pthread_mutex_unlock(&slot->duck->lock);
	return before;
}

void
duck_slot_free(ScanSlot *slot)
{
	if (slot == NULL)
		return;
	pthread_mutex_lock(&slot->duck->lock);
	ScanSlot **link = bucket_of(slot->duck, slot->number);
	while (*link != slot)
		link = &(*link)->next;
	*link = slot->next;
	pthread_mutex_unlock(&slot->duck->lock);

	shared_scan_unref(exchange_rows(slot, NULL));
	scan_slot_unref(slot);
}

uint64_t
duck_slot_number(const ScanSlot *slot)
{
	return slot->number;
}

Status
duck_slot_set(ScanSlot *slot, const BatchScan *scan, Error *err)
{
	SharedScan *shared = NULL;
	if (scan != NULL)
		TRY(shared_scan_new(scan, &shared, err));
	shared_scan_unref(exchange_rows(slot, shared));
	return ST_OK;
}

ScanSlot *
scan_slot_acquire(Duck *duck, uint64_t number)
{
	pthread_mutex_lock(&duck->lock);
	ScanSlot *slot = *bucket_of(duck, number);
	while (slot != NULL && slot->number != number)
		slot = slot->next;
	if (slot != NULL)
		atomic_fetch_add_explicit(&slot->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&duck->lock);
	return slot;
}

SharedScan *
scan_slot_rows(ScanSlot *slot)
{
	pthread_mutex_lock(&slot->duck->lock);
	SharedScan *shared = slot->shared;
	if (shared != NULL)
		atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&slot->duck->lock);
	return shared;
}
