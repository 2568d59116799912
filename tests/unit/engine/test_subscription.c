// Subscriptions as a server has them: what is told, what it costs, and that nothing is missed or
// told twice, whoever is slow, comes and goes.

#include <jansson.h>

#include "support.h"

typedef struct Sub {
	mobius_subscription *sub;
	Watch watch;
	mobius_message message;
	json_t *json; // of the message
} Sub;

static mobius_status
try_subscribe(mobius_session *session, const char *request, mobius_rows_form form, Sub *s,
			  mobius_error *err)
{
	*s = (Sub){0};
	mobius_subscribe_options options = {
		.request = {(const uint8_t *)request, strlen(request)},
		.form = form,
		.event = watch_init(&s->watch),
	};
	return mobius_subscription_open(session, &options, &s->sub, err);
}

static void
sub_close(Sub *s)
{
	mobius_subscription_close(s->sub);
	watch_close(&s->watch);
	json_decref(s->json);
}

// The next message; false: the end.
static bool
next(Sub *s)
{
	mobius_next state;
	while ((state = mobius_subscription_next(s->sub, &s->message)) == MOBIUS_NEXT_WAIT)
		watch_wait(&s->watch);
	if (state != MOBIUS_NEXT_FRAME)
		return false;
	SCOPED(buf_close) Buf text = BUF_INIT;
	for (size_t i = 0; i < s->message.text_pieces; i++)
		buf_add(&text, s->message.text[i].data, s->message.text[i].len);
	assert_int_equal(text.len, s->message.text_len);
	json_decref(s->json);
	s->json = json_loadb((const char *)text.data, text.len, 0, NULL);
	assert_non_null(s->json);
	return true;
}

static Sub *
subscribe(mobius_session *session, const char *request, mobius_rows_form form, Sub *s)
{
	mobius_error err = {0};
	fine(try_subscribe(session, request, form, s, &err), &err);
	assert_true(next(s));
	if (s->message.kind != MOBIUS_MESSAGE_SUBSCRIBED)
		fail_msg("%s: %s", request, s->message.error != NULL ? s->message.error->text : "?");
	return s;
}

static void
text_is(const Sub *s, const char *text)
{
	SCOPED(buf_close) Buf whole = BUF_INIT;
	for (size_t i = 0; i < s->message.text_pieces; i++)
		buf_add(&whole, s->message.text[i].data, s->message.text[i].len);
	assert_string_equal(buf_text(&whole), text);
}

// ---- what is told ----

static void
rows_are_told_as_arrays_or_objects(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 1);
	Sub arrays, objects;
	subscribe(fx.session, "{\"sql\":\"SELECT v, host FROM t\",\"id\":\"a\\\"b\"}",
			  MOBIUS_ROWS_ARRAYS, &arrays);
	subscribe(fx.session, "{\"sql\":\"SELECT v, host FROM t\"}", MOBIUS_ROWS_OBJECTS, &objects);
	uint64_t seq = append_rows(fx.db, "t", 7, 2);
	char text[200];
	assert_true(next(&arrays));
	snprintf(text, sizeof(text),
			 "{\"type\":\"rows\",\"id\":\"a\\\"b\",\"seq\":%" PRIu64
			 ",\"rows\":[[7,\"h0\"],[8,\"h1\"]]}",
			 seq);
	text_is(&arrays, text);
	assert_true(next(&objects));
	snprintf(text, sizeof(text),
			 "{\"type\":\"rows\",\"seq\":%" PRIu64
			 ",\"rows\":[{\"v\":7,\"host\":\"h0\"},{\"v\":8,\"host\":\"h1\"}]}",
			 seq);
	text_is(&objects, text);
	sub_close(&arrays);
	sub_close(&objects);
	fixture_close(&fx);
}

static void
those_who_ask_for_the_same_share_its_bytes(void **state)
{
	(void)state;
	enum { SAME = 5 };
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 1);
	Sub subs[SAME];
	for (int i = 0; i < SAME; i++)
		subscribe(fx.session, "{\"sql\":\"SELECT * FROM t\",\"progress_ms\":1}", MOBIUS_ROWS_ARRAYS,
				  &subs[i]);
	// Once they are told how far they are, they have caught up and are together.
	append_rows(fx.db, "other", 0, 1);
	for (int i = 0; i < SAME; i++)
		while (next(&subs[i]) && subs[i].message.kind != MOBIUS_MESSAGE_PROGRESS)
			;
	bool shared = false;
	for (int64_t v = 1; v < 500 && !shared; v++) {
		append_rows(fx.db, "t", v, 1);
		for (int i = 0; i < SAME; i++)
			while (next(&subs[i]) && subs[i].message.kind != MOBIUS_MESSAGE_ROWS)
				;
		shared = true;
		for (int i = 1; i < SAME; i++)
			shared &= subs[i].message.text[1].data == subs[0].message.text[1].data;
	}
	assert_true(shared);
	for (int i = 0; i < SAME; i++)
		sub_close(&subs[i]);
	fixture_close(&fx);
}

static void
a_database_in_memory_tells_its_changes(void **state)
{
	(void)state;
	mobius *db = db_open(":memory:", NULL);
	SCOPED(session_drop) mobius_session *session = session_of(db);
	append_rows(db, "t", 0, 1);
	Sub s;
	subscribe(session, "{\"sql\":\"SELECT v FROM t\",\"start\":\"snapshot\"}", MOBIUS_ROWS_ARRAYS,
			  &s);
	assert_true(next(&s) && s.message.snapshot);
	assert_true(next(&s) && s.message.kind == MOBIUS_MESSAGE_SNAPSHOT_END);
	append_rows(db, "t", 1, 1);
	assert_true(next(&s) && s.message.kind == MOBIUS_MESSAGE_ROWS);
	sub_close(&s);
	mobius_session_unref(session);
	session = NULL;
	mobius_close(db);
}

// ---- parameters ----

static void
parameters_stand_for_constants(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 1);
	static const char *const refused[][2] = {
		{"{\"sql\":\"SELECT v FROM t WHERE v > ?\"}", "no value for this parameter"},
		{"{\"sql\":\"SELECT v FROM t WHERE v > $2\",\"params\":[1]}",
		 "no value for this parameter"},
		{"{\"sql\":\"SELECT v FROM t WHERE v > ?\",\"params\":[[1]]}", "a parameter is"},
	};
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		Sub s;
		mobius_error err = {0};
		fine(try_subscribe(fx.session, refused[i][0], MOBIUS_ROWS_ARRAYS, &s, &err), &err);
		assert_true(next(&s));
		assert_int_equal(s.message.kind, MOBIUS_MESSAGE_ERROR);
		says(s.message.error->text, refused[i][1]);
		assert_false(next(&s));
		sub_close(&s);
	}
	fixture_close(&fx);
}

// ---- a reader that is slow ----

// What was told so far: every v up to `v` came once, or lies in a gap.
typedef struct History {
	int64_t v; // the last one
	uint64_t seq;
	int gaps;
	bool gap; // the next row may be any later one
} History;

static void
history_add(History *history, const Sub *s)
{
	const mobius_message *message = &s->message;
	if (message->kind == MOBIUS_MESSAGE_GAP) {
		history->gaps++;
		history->gap = true;
		assert_int_equal(json_integer_value(json_object_get(s->json, "from")), history->seq + 1);
		history->seq = message->seq;
	}
	if (message->kind != MOBIUS_MESSAGE_ROWS)
		return;
	assert_true(message->seq > history->seq);
	history->seq = message->seq;
	const json_t *all = json_object_get(s->json, "rows");
	for (size_t i = 0; i < json_array_size(all); i++) {
		int64_t v = json_integer_value(json_array_get(json_array_get(all, i), 0));
		assert_true(history->gap ? v > history->v : v == history->v + 1);
		history->gap = false;
		history->v = v;
	}
}

static void
who_takes_nothing_costs_a_bounded_queue_and_is_told_the_gap(void **state)
{
	(void)state;
	enum { ROWS = 20000, COMMITS = 60 };
	Fixture fx;
	fixture_open(&fx, SETTINGS("feed.memory=256KiB"));
	append_rows(fx.db, "t", 0, 1);
	Sub s;
	subscribe(fx.session, "{\"sql\":\"SELECT v, time, host FROM t\",\"on_slow\":\"gap\"}",
			  MOBIUS_ROWS_ARRAYS, &s);
	for (int64_t i = 0; i < COMMITS; i++)
		append_rows(fx.db, "t", 1 + i * ROWS, ROWS);
	History history = {0};
	while (history.gaps == 0) {
		assert_true(next(&s));
		history.seq = history.seq == 0 ? s.message.seq - 1 : history.seq;
		history_add(&history, &s);
	}
	int64_t v = 1 + COMMITS * ROWS;
	append_rows(fx.db, "t", v, 1);
	while (history.v < v) {
		assert_true(next(&s));
		history_add(&history, &s);
	}
	assert_int_equal(history.gaps, 1);
	sub_close(&s);
	fixture_close(&fx);
}

static void
a_snapshot_that_nobody_takes_is_given_up(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, SETTINGS("query.stall=1ms"));
	append_rows(fx.db, "t", 0, 100);
	Sub s;
	subscribe(fx.session, "{\"sql\":\"SELECT v FROM t\",\"start\":\"snapshot\",\"credit\":0}",
			  MOBIUS_ROWS_ARRAYS, &s);
	while (next(&s) && s.message.kind != MOBIUS_MESSAGE_ERROR)
		assert_true(s.message.kind == MOBIUS_MESSAGE_ROWS);
	assert_int_equal(s.message.error->code, MOBIUS_DEADLINE);
	says(s.message.error->text, "query.stall");
	sub_close(&s);
	fixture_close(&fx);
}

// ---- failures ----

static void
a_call_that_fails_ends_a_subscription_or_nothing(void **state)
{
	(void)state;
	bool failed = true;
	for (long nth = 0; failed; nth += 1 + nth / 12) {
		Fixture fx;
		fixture_open(&fx, NULL);
		append_rows(fx.db, "t", 0, 1);
		Sub s;
		mobius_error err = {0};
		fault_arm(nth);
		mobius_status st = try_subscribe(
			fx.session, "{\"sql\":\"SELECT v FROM t\",\"start\":\"snapshot\",\"progress_ms\":1}",
			MOBIUS_ROWS_ARRAYS, &s, &err);
		bool going = st == MOBIUS_OK;
		int64_t last = -1;
		while (going && last < 1) {
			mobius_next n = mobius_subscription_next(s.sub, &s.message);
			if (n == MOBIUS_NEXT_WAIT)
				watch_wait(&s.watch);
			going = n == MOBIUS_NEXT_WAIT || n == MOBIUS_NEXT_FRAME;
			if (n != MOBIUS_NEXT_FRAME)
				continue;
			if (s.message.kind == MOBIUS_MESSAGE_SNAPSHOT_END)
				failed = fault_disarm();
			if (s.message.kind == MOBIUS_MESSAGE_SNAPSHOT_END)
				append_rows(fx.db, "t", 1, 1);
			last += s.message.kind == MOBIUS_MESSAGE_ROWS;
		}
		failed = fault_disarm() || failed;
		assert_true(going || failed);
		sub_close(&s);
		fixture_close(&fx);
		if (going && last == 1 && !failed)
			break;
	}
}

// ---- who comes and goes ----

enum { COMMITS = 1200, READERS = 5 };

typedef struct Reader {
	mobius_session *session;
	int which;
	uint64_t seq;
	char epoch[40];
	uint64_t opened;
} Reader;

// Each in its own way: all the time, with little credit, with breaks of which it resumes.
static void
run_reader(void *arg)
{
	Reader *self = arg;
	uint32_t chance = (uint32_t)self->which * 7919 + 1;
	History history = {.seq = self->seq};
	while (history.v < COMMITS) {
		char request[200];
		Sub s;
		snprintf(request, sizeof(request),
				 "{\"sql\":\"SELECT v FROM t\",\"start\":{\"epoch\":\"%s\",\"seq\":%" PRIu64 "}%s}",
				 self->epoch, history.seq, self->which == 1 ? ",\"credit\":1" : "");
		subscribe(self->session, request, MOBIUS_ROWS_ARRAYS, &s);
		self->opened++;
		assert_true(json_is_true(json_object_get(s.json, "recovered")));
		chance = chance * 1664525 + 1013904223;
		uint32_t stay = self->which < 2 ? UINT32_MAX : chance >> 26;
		for (uint32_t i = 0; i < stay && history.v < COMMITS; i++) {
			assert_true(next(&s));
			history_add(&history, &s);
			if (self->which == 1)
				mobius_subscription_credit(s.sub, s.message.credit);
		}
		sub_close(&s);
	}
	assert_int_equal(history.v, COMMITS);
	assert_int_equal(history.gaps, 0);
}

static void
nobody_misses_or_sees_twice_what_was_committed(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, SETTINGS("feed.memory=4KiB"));
	append_rows(fx.db, "t", 0, 1);
	Reader readers[READERS];
	Thread *threads[READERS];
	Sub first;
	subscribe(fx.session, "{\"sql\":\"SELECT v FROM t\"}", MOBIUS_ROWS_ARRAYS, &first);
	for (int i = 0; i < READERS; i++) {
		Error err;
		readers[i] = (Reader){.session = fx.session, .which = i};
		readers[i].seq = (uint64_t)json_integer_value(json_object_get(first.json, "from_seq")) - 1;
		snprintf(readers[i].epoch, sizeof(readers[i].epoch), "%s",
				 json_string_value(json_object_get(first.json, "epoch")));
		ok(thread_start(&(ThreadOptions){.name = "reader"}, run_reader, &readers[i], &threads[i],
						&err),
		   &err);
	}
	for (int64_t v = 1; v <= COMMITS; v++)
		append_rows(fx.db, "t", v, 1);
	for (int i = 0; i < READERS; i++)
		thread_join(threads[i]);
	sub_close(&first);
	fixture_close(&fx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rows_are_told_as_arrays_or_objects),
		TEST(those_who_ask_for_the_same_share_its_bytes),
		TEST(a_database_in_memory_tells_its_changes),
		TEST(parameters_stand_for_constants),
		TEST(who_takes_nothing_costs_a_bounded_queue_and_is_told_the_gap),
		TEST(a_snapshot_that_nobody_takes_is_given_up),
		TEST(a_call_that_fails_ends_a_subscription_or_nothing),
		TEST(nobody_misses_or_sees_twice_what_was_committed),
	};
	return RUN(tests);
}
