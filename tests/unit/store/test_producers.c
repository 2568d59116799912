// Of each producer the last sequence that was stored, and who holds it.

#include "base/fault.h"
#include "store/producers.h"
#include "support.h"

typedef struct Stream {
	ProducerHold hold;
	Producer *producer;
	int ready;
	int lost;
} Stream;

static void
count_ready(void *arg)
{
	((Stream *)arg)->ready++;
}

static void
count_lost(void *arg)
{
	((Stream *)arg)->lost++;
}

static void
hold(Producers *producers, const char *name, Stream *stream)
{
	Error err = ERROR_INIT;
	*stream = (Stream){.hold = {.ready = count_ready, .lost = count_lost, .arg = stream}};
	ok(producer_hold(producers, slice_text(name), &stream->hold, &stream->producer, &err), &err);
}

static ProducerAnswer
offer(Stream *stream, int64_t seq)
{
	return producer_offer(stream->producer, &stream->hold, seq);
}

static void
settle(Stream *stream, int64_t seq)
{
	producer_store(stream->producer, seq);
	producer_settle(stream->producer);
}

static Producers *
make(void)
{
	Producers *producers = NULL;
	Error err = ERROR_INIT;
	ok(producers_new(&producers, &err), &err);
	return producers;
}

static void
finish(Producers *producers)
{
	producers_free(producers);
	assert_int_equal(mem_live(), 0);
}

static void
a_repetition_is_told_from_what_is_new(void **state)
{
	(void)state;
	Producers *producers = make();
	Stream s;
	int64_t last;
	hold(producers, "gateway-1", &s);
	assert_false(producers_find(producers, slice_text("gateway-1"), &last));
	assert_int_equal(offer(&s, 5), PRODUCER_NEW);
	assert_int_equal(offer(&s, 5), PRODUCER_PENDING);
	assert_int_equal(offer(&s, 9), PRODUCER_NEW);
	settle(&s, 5);
	assert_int_equal(offer(&s, 5), PRODUCER_STORED);
	assert_int_equal(offer(&s, 7), PRODUCER_PENDING);
	settle(&s, 9);
	assert_int_equal(offer(&s, 9), PRODUCER_STORED);
	assert_int_equal(offer(&s, INT64_MIN), PRODUCER_STORED);
	assert_true(producers_find(producers, slice_text("gateway-1"), &last));
	assert_int_equal(last, 9);
	assert_false(producers_find(producers, slice_text("gateway-2"), &last));
	finish(producers);
}

static void
what_failed_may_come_again(void **state)
{
	(void)state;
	Producers *producers = make();
	Stream s, again;
	hold(producers, "p", &s);
	assert_int_equal(offer(&s, 1), PRODUCER_NEW);
	producer_settle(s.producer);
	producer_let_go(s.producer, &s.hold);
	hold(producers, "p", &again);
	assert_int_equal(s.lost, 0);
	assert_int_equal(offer(&again, 1), PRODUCER_NEW);
	settle(&again, 1);
	assert_int_equal(offer(&again, 1), PRODUCER_STORED);
	finish(producers);
}

static void
the_newest_holder_waits_for_what_is_under_way(void **state)
{
	(void)state;
	Producers *producers = make();
	Stream old, new;
	int64_t last;
	bool busy;
	hold(producers, "p", &old);
	assert_int_equal(offer(&old, 1), PRODUCER_NEW);
	assert_int_equal(offer(&old, 2), PRODUCER_NEW);
	hold(producers, "p", &new);
	assert_int_equal(old.lost, 1);
	assert_int_equal(offer(&old, 3), PRODUCER_LOST);
	assert_int_equal(offer(&new, 2), PRODUCER_BUSY);
	(void)producer_last(new.producer, &new.hold, &last, &busy);
	assert_true(busy);
	settle(&old, 1);
	assert_int_equal(new.ready, 0);
	producer_settle(old.producer);
	assert_int_equal(new.ready, 1);
	assert_true(producer_last(new.producer, &new.hold, &last, &busy));
	assert_false(busy);
	assert_int_equal(last, 1);
	assert_int_equal(offer(&new, 1), PRODUCER_STORED);
	assert_int_equal(offer(&new, 2), PRODUCER_NEW);
	settle(&new, 2);
	producer_let_go(old.producer, &old.hold); // it is not the holder any more
	assert_int_equal(offer(&new, 3), PRODUCER_NEW);
	settle(&new, 3);
	finish(producers);
}

static void
names_are_checked(void **state)
{
	(void)state;
	Producers *producers = make();
	Stream s = {0};
	char name[257];
	memset(name, 'x', 256);
	name[256] = '\0';
	Error err = ERROR_INIT;
	assert_int_equal(producer_hold(producers, slice_text(""), &s.hold, &s.producer, &err),
					 ST_INVALID);
	assert_int_equal(producer_hold(producers, slice_text(name), &s.hold, &s.producer, &err),
					 ST_INVALID);
	assert_non_null(strstr(err.text, "256 bytes"));
	finish(producers);
}

static void
what_is_stored_is_saved_and_read_back(void **state)
{
	(void)state;
	Producers *producers = make(), *copy = make();
	SCOPED(buf_close) Buf saved = BUF_INIT;
	Error err = ERROR_INIT;
	Stream never;
	hold(producers, "never stored", &never);
	for (int64_t i = 0; i < 3000; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "producer %d", (int)i);
		ok(producers_replay(producers, slice_text(name), -i, &err), &err);
	}
	ok(producers_replay(producers, slice_text("producer 7"), -8, &err), &err); // an older one
	ok(producers_save(producers, &saved, &err), &err);
	ok(producers_load(copy, buf_slice(&saved), &err), &err);
	int64_t last;
	assert_true(producers_find(copy, slice_text("producer 7"), &last));
	assert_int_equal(last, -7);
	assert_true(producers_find(copy, slice_text("producer 2999"), &last));
	assert_int_equal(last, -2999);
	assert_false(producers_find(copy, slice_text("never stored"), &last));
	producers_free(copy);

	for (size_t len = 0; len < 64; len++) {
		copy = make();
		assert_int_equal(producers_load(copy, slice_of(saved.data, len), &err), ST_CORRUPT);
		producers_free(copy);
	}
	buf_close(&saved);
	finish(producers);
}

static Status
hold_and_save(void)
{
	Error err = ERROR_INIT;
	SCOPED(buf_close) Buf saved = BUF_INIT;
	Producers *producers = NULL;
	Stream s = {0};
	TRY(producers_new(&producers, &err));
	Status st = producer_hold(producers, slice_text("p"), &s.hold, &s.producer, &err);
	if (st == ST_OK)
		st = producers_replay(producers, slice_text("q"), 1, &err);
	if (st == ST_OK)
		st = producers_save(producers, &saved, &err);
	producers_free(producers);
	return st;
}

static void
without_memory_nothing_is_left_over(void **state)
{
	(void)state;
	for (long nth = 0;; nth++) {
		fault_arm(nth);
		Status st = hold_and_save();
		if (!fault_disarm()) {
			assert_int_equal(st, ST_OK);
			break;
		}
		assert_int_equal(st, ST_NO_MEMORY);
		assert_int_equal(mem_live(), 0);
	}
}

static void
a_name_of_which_nothing_was_stored_is_nobodys(void **state)
{
	(void)state;
	Producers *producers = make();
	long blocks = mem_live();
	Stream first, second;
	hold(producers, "a", &first);
	hold(producers, "a", &second);
	assert_int_equal(offer(&second, 1), PRODUCER_NEW);
	producer_let_go(second.producer, &second.hold);
	producer_let_go(first.producer, &first.hold);
	assert_int_equal(mem_live(), blocks + 1);
	producer_settle(second.producer); // its commit failed
	assert_int_equal(mem_live(), blocks);
	hold(producers, "a", &first);
	assert_int_equal(offer(&first, 1), PRODUCER_NEW);
	settle(&first, 1);
	producer_let_go(first.producer, &first.hold);
	assert_int_equal(mem_live(), blocks + 1);
	finish(producers);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_repetition_is_told_from_what_is_new),
		cmocka_unit_test(what_failed_may_come_again),
		cmocka_unit_test(the_newest_holder_waits_for_what_is_under_way),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(what_is_stored_is_saved_and_read_back),
		cmocka_unit_test(a_name_of_which_nothing_was_stored_is_nobodys),
		cmocka_unit_test(without_memory_nothing_is_left_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
