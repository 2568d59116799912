// Which statement a text is, and what is refused, where.

#include "support.h"

static SqlStatement *
parse(const char *text)
{
	Error err = ERROR_INIT;
	SqlStatement *s = NULL;
	Status st = sql_parse(slice_text(text), &s, &err);
	if (st != ST_OK)
		fail_msg("%s\n%s at %d: %s", text, status_name(st), err.position, err.text);
	return s;
}

static void
first_words_say_what_it_is(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		StatementKind kind;
		const char *trimmed;
	} cases[] = {
		{"SELECT 1", STATEMENT_READ, "SELECT 1"},
		{"  select 1 ; ; ", STATEMENT_READ, "  select 1"},
		{"-- a comment\nWITH x AS (SELECT 1) FROM x -- end", STATEMENT_READ,
		 "-- a comment\nWITH x AS (SELECT 1) FROM x"},
		{"/* a /* nested */ one */ (SELECT 1)", STATEMENT_READ,
		 "/* a /* nested */ one */ (SELECT 1)"},
		{"FROM t", STATEMENT_READ, "FROM t"},
		{"TABLE t", STATEMENT_READ, "TABLE t"},
		{"VALUES (1)", STATEMENT_READ, "VALUES (1)"},
		{"EXPLAIN ANALYZE SELECT 1", STATEMENT_READ, "EXPLAIN ANALYZE SELECT 1"},
		{"DESCRIBE t", STATEMENT_DESCRIBE, "DESCRIBE t"},
		{"desc TABLE d.htdb.\"t\";", STATEMENT_DESCRIBE, "desc TABLE d.htdb.\"t\""},
		{"DESCRIBE SELECT 1", STATEMENT_READ, "DESCRIBE SELECT 1"},
		{"SUMMARIZE t", STATEMENT_READ, "SUMMARIZE t"},
		{"SELECT ';', \";\", $$;$$, $a$;$a$, E'\\';'", STATEMENT_READ,
		 "SELECT ';', \";\", $$;$$, $a$;$a$, E'\\';'"},
		{"show tables;", STATEMENT_SHOW_TABLES, "show tables"},
		{"FLUSH", STATEMENT_FLUSH, "FLUSH"},
		{"FLUSH TABLE t", STATEMENT_FLUSH, "FLUSH TABLE t"},
		{"compact", STATEMENT_COMPACT, "compact"},
		{"COMPACT d.htdb.t;", STATEMENT_COMPACT, "COMPACT d.htdb.t"},
		{"DROP TABLE IF EXISTS t", STATEMENT_DROP_TABLE, "DROP TABLE IF EXISTS t"},
		{"INSERT INTO t VALUES (1)", STATEMENT_INSERT, "INSERT INTO t VALUES (1)"},
		{"SHOW DATABASES", STATEMENT_SHOW_DATABASES, "SHOW DATABASES"},
		{"show create table t", STATEMENT_SHOW_CREATE_TABLE, "show create table t"},
		{"CREATE DATABASE d", STATEMENT_CREATE_DATABASE, "CREATE DATABASE d"},
		{"drop database if exists d", STATEMENT_DROP_DATABASE, "drop database if exists d"},
		{"alter table t drop c", STATEMENT_ALTER_TABLE, "alter table t drop c"},
		{"update t set a = 1;", STATEMENT_UPDATE, "update t set a = 1"},
		{"DELETE FROM t -- all", STATEMENT_DELETE, "DELETE FROM t"},
		{"TRUNCATE TABLE t", STATEMENT_TRUNCATE, "TRUNCATE TABLE t"},
		{"BEGIN; TRUNCATE t; COMMIT;", STATEMENT_BEGIN, "BEGIN; TRUNCATE t; COMMIT"},
		{"SELECT\u00a01", STATEMENT_READ, "SELECT  1"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		SCOPED(sql_statement_drop) SqlStatement *s = parse(cases[i].text);
		assert_int_equal(s->kind, cases[i].kind);
		assert_string_equal(s->text, cases[i].trimmed);
	}
}

static void
a_table_is_created_from_columns_and_options(void **state)
{
	(void)state;
	SCOPED(sql_statement_drop)
	SqlStatement *s =
		parse("CREATE TABLE IF NOT EXISTS d.htdb.\"T t\" (host VARCHAR TAG, ts TIMESTAMP "
			  "WITH TIME ZONE NOT NULL, p DECIMAL(10, 2), l STRUCT(a INT, \"b\" "
			  "VARCHAR[])[] NULL TAG) WITH (TIME = 'ts', tags='', ttl = '7d', "
			  "durability = async, dedup=last)");
	assert_int_equal(s->kind, STATEMENT_CREATE_TABLE);
	assert_true(s->if_exists);
	assert_string_equal(s->table.database.text, "d");
	assert_string_equal(s->table.schema.text, "htdb");
	assert_string_equal(s->table.table.text, "T t");
	assert_true(s->table.table.quoted);
	assert_int_equal(s->column_count, 4);
	assert_string_equal(s->columns[0].type, "VARCHAR");
	assert_true(s->columns[0].tag);
	assert_string_equal(s->columns[1].type, "TIMESTAMP WITH TIME ZONE");
	assert_true(s->columns[1].not_null);
	assert_string_equal(s->columns[2].type, "DECIMAL(10, 2)");
	assert_string_equal(s->columns[3].type, "STRUCT(a INT, \"b\" VARCHAR[])[]");
	assert_true(s->columns[3].tag && !s->columns[3].not_null);
	assert_int_equal(s->option_count, 5);
	assert_string_equal(s->options[0].key, "time");
	assert_string_equal(s->options[0].value, "ts");
	assert_string_equal(s->options[1].value, "");
	assert_string_equal(s->options[3].value, "async");
}

static void
a_table_is_altered_one_thing_at_a_time(void **state)
{
	(void)state;
	SCOPED(sql_statement_drop)
	SqlStatement *add = parse("ALTER TABLE IF EXISTS d.htdb.t ADD COLUMN IF NOT EXISTS \"C c\" "
							  "DECIMAL(10, 2)[] TAG");
	assert_int_equal(add->alter, ALTER_ADD_COLUMN);
	assert_true(add->if_exists && add->if_column);
	assert_string_equal(add->table.database.text, "d");
	assert_int_equal(add->column_count, 1);
	assert_string_equal(add->columns[0].name.text, "C c");
	assert_string_equal(add->columns[0].type, "DECIMAL(10, 2)[]");
	assert_true(add->columns[0].tag);

	SCOPED(sql_statement_drop) SqlStatement *drop = parse("alter table t drop if exists c");
	assert_int_equal(drop->alter, ALTER_DROP_COLUMN);
	assert_true(drop->if_column && !drop->if_exists && !drop->column.quoted);
	assert_string_equal(drop->column.text, "c");

	SCOPED(sql_statement_drop)
	SqlStatement *rename = parse("ALTER TABLE t RENAME COLUMN a TO \"b\";");
	assert_int_equal(rename->alter, ALTER_RENAME_COLUMN);
	assert_string_equal(rename->column.text, "a");
	assert_string_equal(rename->renamed.text, "b");
	assert_true(rename->renamed.quoted);

	SCOPED(sql_statement_drop)
	SqlStatement *set = parse("ALTER TABLE t SET (TTL = '7d', durability = async)");
	assert_int_equal(set->alter, ALTER_SET);
	assert_int_equal(set->option_count, 2);
	assert_string_equal(set->options[0].key, "ttl");
	assert_string_equal(set->options[0].value, "7d");
}

static void
databases_are_made_and_dropped_by_name(void **state)
{
	(void)state;
	SCOPED(sql_statement_drop) SqlStatement *make = parse("CREATE DATABASE IF NOT EXISTS \"D\"");
	assert_true(make->if_exists && make->database.quoted);
	assert_string_equal(make->database.text, "D");
	SCOPED(sql_statement_drop) SqlStatement *drop = parse("DROP DATABASE d");
	assert_false(drop->if_exists);
	assert_string_equal(drop->database.text, "d");
	assert_int_equal(drop->database.position, 14);
}

static void
an_insert_has_targets_and_a_source_with_its_position(void **state)
{
	(void)state;
	SCOPED(sql_statement_drop) SqlStatement *s = parse("INSERT INTO 't' (a, \"B\") SELECT 1, 2");
	assert_string_equal(s->table.table.text, "t");
	assert_int_equal(s->target_count, 2);
	assert_string_equal(s->targets[1].text, "B");
	assert_true(s->targets[1].quoted && !s->targets[0].quoted);
	assert_string_equal(s->source, "SELECT 1, 2");
	assert_int_equal(sql_source_position(s, 0), 25);
	assert_int_equal(sql_source_position(s, 10), 35);

	SCOPED(sql_statement_drop) SqlStatement *all = parse("INSERT INTO t (SELECT 1);");
	assert_null(all->targets);
	assert_string_equal(all->source, "(SELECT 1)");
}

// Where each part of the source is written.
static void
positions_are(const SqlStatement *s)
{
	for (int32_t i = 0; i < s->origin_count; i++) {
		const SqlOrigin *o = &s->origins[i];
		assert_memory_equal(s->source + o->at, s->text + o->from, (size_t)o->len);
		assert_int_equal(sql_source_position(s, o->at), o->from);
		assert_int_equal(sql_source_position(s, o->at + o->len), o->from + o->len);
	}
	assert_int_equal(sql_source_position(s, -1), -1);
	assert_int_equal(s->source[SQL_MATCH_ITEM], '0');
}

static void
a_change_of_rows_is_a_select_of_them(void **state)
{
	(void)state;
	static const struct {
		const char *text, *table, *source;
	} cases[] = {
		{"DELETE FROM t", "t", "SELECT 0 FROM t"},
		{"DELETE FROM d.htdb.\"T\" AS x WHERE x.a > 1 -- end", "T",
		 "SELECT 0 FROM d.htdb.\"T\" AS x WHERE (x.a > 1)"},
		{"DELETE FROM 't' y WHERE a IN (SELECT b FROM u) AND c IS DISTINCT FROM d;", "t",
		 "SELECT 0 FROM 't' y WHERE (a IN (SELECT b FROM u) AND c IS DISTINCT FROM d)"},
		{"UPDATE t SET a = 1", "t", "SELECT 0, (1) AS \"\x01\" FROM t"},
		{"UPDATE t AS x SET a = x.a + 1, \"B\" = [1, 2], c = CASE WHEN a = 1 THEN 'WHERE' END "
		 "WHERE (a, b) = (1, 2)",
		 "t",
		 "SELECT 0, (x.a + 1) AS \"\x01\", ([1, 2]) AS \"\x01\", (CASE WHEN a = 1 THEN 'WHERE' "
		 "END) AS \"\x01\" FROM t AS x WHERE ((a, b) = (1, 2))"},
		{"UPDATE t SET a = (SELECT max(b) FROM u WHERE u.c = t.c)", "t",
		 "SELECT 0, ((SELECT max(b) FROM u WHERE u.c = t.c)) AS \"\x01\" FROM t"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		SCOPED(sql_statement_drop) SqlStatement *s = parse(cases[i].text);
		assert_string_equal(s->table.table.text, cases[i].table);
		assert_string_equal(s->source, cases[i].source);
		positions_are(s);
	}
	SCOPED(sql_statement_drop) SqlStatement *s = parse("UPDATE t SET a = 1, \"B\" = 2");
	assert_int_equal(s->target_count, 2);
	assert_string_equal(s->targets[1].text, "B");
	assert_true(s->targets[1].quoted);
	assert_int_equal(s->targets[1].position, 20);
}

static void
several_changes_are_one_statement_with_its_parts(void **state)
{
	(void)state;
	SCOPED(sql_statement_drop)
	SqlStatement *s = parse("begin transaction;\nINSERT INTO t (a) VALUES (';');; UPDATE u SET "
							"b = 2 WHERE c; truncate v\n; COMMIT WORK ;");
	static const struct {
		StatementKind kind;
		const char *table, *text;
	} parts[] = {
		{STATEMENT_INSERT, "t", "INSERT INTO t (a) VALUES (';')"},
		{STATEMENT_UPDATE, "u", "UPDATE u SET b = 2 WHERE c"},
		{STATEMENT_TRUNCATE, "v", "truncate v"},
	};
	assert_int_equal(s->kind, STATEMENT_BEGIN);
	assert_int_equal(s->part_count, COUNT_OF(parts));
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		assert_int_equal(s->parts[i]->kind, parts[i].kind);
		assert_string_equal(s->parts[i]->table.table.text, parts[i].table);
		assert_string_equal(s->parts[i]->text, parts[i].text);
	}
	// Positions are of the whole text.
	const char *found = strstr(s->text, "VALUES");
	assert_int_equal(sql_source_position(s->parts[0], 0), (int32_t)(found - s->text));
	found = strstr(s->text, "u SET");
	assert_int_equal(s->parts[1]->table.table.position, (int32_t)(found - s->text));
}

static void
what_is_refused_says_where(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		Status status;
		int position;
		const char *says;
	} cases[] = {
		{"", ST_INVALID, -1, "no statement"},
		{" ; ", ST_INVALID, -1, "no statement"},
		{"SELECT 1; SELECT 2", ST_INVALID, 10, "second statement"},
		{"SELECT 'x", ST_INVALID, 7, "does not end"},
		{"SELECT /* x", ST_INVALID, 7, "*/"},
		{"SELECT $a$ x $b$", ST_INVALID, 7, "does not end"},
		{"ALTER TASK t DISABLE", ST_UNIMPLEMENTED, 0, "ALTER TASK"},
		{"ALTER USER u PASSWORD 'x'", ST_UNIMPLEMENTED, 0, "ALTER USER"},
		{"ALTER", ST_INVALID, 5, "TABLE"},
		{"ALTER VIEW v", ST_INVALID, 6, "TABLE"},
		{"ALTER TABLE t", ST_INVALID, 13, "ADD COLUMN"},
		{"ALTER TABLE t ADD", ST_INVALID, 17, "name of a column"},
		{"ALTER TABLE t ADD COLUMN c", ST_INVALID, 26, "a type"},
		{"ALTER TABLE t ADD c INT NOT NULL", ST_INVALID, 18, "NOT NULL"},
		{"ALTER TABLE t ADD c INT DEFAULT 1", ST_INVALID, 24, "coalesce"},
		{"ALTER TABLE t ADD a INT, ADD b INT", ST_INVALID, 23, "the end"},
		{"ALTER TABLE t DROP COLUMN", ST_INVALID, 25, "name of a column"},
		{"ALTER TABLE t RENAME a", ST_INVALID, 22, "TO"},
		{"ALTER TABLE t RENAME TO u", ST_UNIMPLEMENTED, 21, "renaming a table"},
		{"ALTER TABLE t ALTER COLUMN a TYPE INT", ST_UNIMPLEMENTED, 14, "ALTER COLUMN"},
		{"ALTER TABLE t SET ttl = '1d'", ST_INVALID, 18, "\"(\""},
		{"ALTER TABLE t SET (tll = '1d')", ST_INVALID, 19, "did you mean ttl"},
		{"ALTER TABLE t SET (time = 'x')", ST_INVALID, 19, "when the table is made"},
		{"ALTER TABLE t SET (nothing = 'x')", ST_INVALID, 19, "durability and ttl"},
		{"ALTER TABLE t SET (ttl = -1)", ST_INVALID, 25, "the value"},
		{"CREATE DATABASE", ST_INVALID, 15, "name of a database"},
		{"CREATE DATABASE a.b", ST_INVALID, 17, "the end"},
		{"DROP DATABASE d CASCADE", ST_INVALID, 16, "the end"},
		{"UPDATE", ST_INVALID, 6, "the name of a table"},
		{"UPDATE t", ST_INVALID, 8, "SET"},
		{"UPDATE t SET", ST_INVALID, 12, "the name of a column"},
		{"UPDATE t SET a", ST_INVALID, 14, "\"=\""},
		{"UPDATE t SET a =", ST_INVALID, 16, "an expression"},
		{"UPDATE t SET a = 1,", ST_INVALID, 19, "the name of a column"},
		{"UPDATE t SET a = 1 WHERE", ST_INVALID, 24, "an expression"},
		{"UPDATE t SET a = 1)", ST_INVALID, 18, "the end"},
		{"UPDATE t SET a = 1) OR (1", ST_INVALID, 18, "the end"},
		{"UPDATE t SET (a, b) = (1, 2)", ST_UNIMPLEMENTED, 13, "several columns"},
		{"UPDATE t SET a = 1 FROM u", ST_UNIMPLEMENTED, 19, "UPDATE with FROM"},
		{"UPDATE t SET a = 1 WHERE b RETURNING a", ST_UNIMPLEMENTED, 27, "RETURNING"},
		{"DELETE", ST_INVALID, 6, "FROM"},
		{"DELETE FROM", ST_INVALID, 11, "the name of a table"},
		{"DELETE t", ST_INVALID, 7, "FROM"},
		{"delete from t where", ST_INVALID, 19, "an expression"},
		{"DELETE FROM t WHERE a) OR (1", ST_INVALID, 21, "the end"},
		{"DELETE FROM t USING u WHERE 1", ST_UNIMPLEMENTED, 14, "DELETE with USING"},
		{"DELETE FROM t LIMIT 1", ST_INVALID, 20, "the end"},
		{"TRUNCATE", ST_INVALID, 8, "the name of a table"},
		{"TRUNCATE t, u", ST_INVALID, 10, "the end"},
		{"BEGIN", ST_INVALID, 5, "COMMIT"},
		{"BEGIN; COMMIT", ST_INVALID, 7, "no statement between"},
		{"BEGIN; DELETE FROM t", ST_INVALID, 20, "COMMIT"},
		{"BEGIN; DELETE FROM t; ROLLBACK", ST_INVALID, 22, "only INSERT"},
		{"BEGIN; SELECT 1; COMMIT", ST_INVALID, 7, "only INSERT"},
		{"BEGIN; DELETE FROM t; COMMIT; SELECT 1", ST_INVALID, 30, "the end"},
		{"BEGIN; BEGIN; COMMIT; COMMIT", ST_INVALID, 7, "only INSERT"},
		{"BEGIN DELETE FROM t; COMMIT", ST_INVALID, 6, "COMMIT"},
		{"COMMIT", ST_INVALID, 0, "BEGIN"},
		{"ROLLBACK", ST_INVALID, 0, "not allowed"},
		{"CREATE STREAM s INTO t AS SELECT 1", ST_UNIMPLEMENTED, 0, "CREATE STREAM"},
		{"CREATE RULE r ON t", ST_UNIMPLEMENTED, 0, "CREATE RULE"},
		{"CREATE ARCHIVE FROM t", ST_UNIMPLEMENTED, 0, "CREATE ARCHIVE"},
		{"CREATE WEBHOOK w URL 'x'", ST_UNIMPLEMENTED, 0, "CREATE WEBHOOK"},
		{"CREATE USER u PASSWORD 'x'", ST_UNIMPLEMENTED, 0, "CREATE USER"},
		{"DROP USER u", ST_UNIMPLEMENTED, 0, "DROP USER"},
		{"BACKUP 'x'", ST_INVALID, 7, "TO"},
		{"BACKUP TO", ST_INVALID, 9, "the name of the backup"},
		{"BACKUP TO 'x' WITH copy", ST_INVALID, 19, "("},
		{"BACKUP TO 'x' WITH (link)", ST_INVALID, 20, "copy"},
		{"BACKUP TO 'x' y", ST_INVALID, 14, "end"},
		{"SHOW TASKS", ST_UNIMPLEMENTED, 0, "SHOW TASKS"},
		{"SHOW CREATE VIEW t", ST_INVALID, 12, "TABLE"},
		{"SHOW", ST_INVALID, 4, "DATABASES"},
		{"CANCEL QUERY '1'", ST_UNIMPLEMENTED, 0, "CANCEL"},
		{"GRANT ALL ON t TO u", ST_UNIMPLEMENTED, 0, "GRANT"},
		{"SET threads = 1", ST_INVALID, 0, "SET is not allowed"},
		{"COPY t TO 'x'", ST_INVALID, 0, "COPY is not allowed"},
		{"ATTACH 'x' AS y", ST_INVALID, 0, "not allowed"},
		{"PRAGMA version", ST_INVALID, 0, "not allowed"},
		{"INSTALL httpfs", ST_INVALID, 0, "not allowed"},
		{"LOAD httpfs", ST_INVALID, 0, "not allowed"},
		{"EXPORT DATABASE 'x'", ST_INVALID, 0, "not allowed"},
		{"CALL pragma_version()", ST_INVALID, 0, "not allowed"},
		{"VACUUM", ST_INVALID, 0, "not allowed"},
		{"CHECKPOINT", ST_INVALID, 0, "not allowed"},
		{"USE x", ST_INVALID, 0, "not allowed"},
		{"CREATE VIEW v AS SELECT 1", ST_INVALID, 0, "CREATE VIEW is not allowed"},
		{"CREATE MACRO m() AS 1", ST_INVALID, 0, "not allowed"},
		{"CREATE TABLE t AS SELECT 1", ST_UNIMPLEMENTED, 15, "CREATE TABLE AS"},
		{"CREATE TABLE t (a)", ST_INVALID, 17, "a type"},
		{"CREATE TABLE t (a INT PRIMARY KEY)", ST_INVALID, 22, "key = 'id'"},
		{"CREATE TABLE t (a INT, PRIMARY KEY (a))", ST_INVALID, 23, "dedup = 'last'"},
		{"CREATE TABLE t (a INT, CONSTRAINT c UNIQUE (a))", ST_INVALID, 36, "dedup = 'last'"},
		{"CREATE TABLE t (UNIQUE (a), a INT)", ST_INVALID, 16, "not kept"},
		{"CREATE TABLE t (a INT DEFAULT 5)", ST_INVALID, 22, "coalesce"},
		{"CREATE TABLE t (a INT NOT NULL CHECK (a > 5))", ST_INVALID, 31, "WHERE"},
		{"CREATE TABLE t (a INT REFERENCES u (b))", ST_INVALID, 22, "join"},
		{"CREATE TABLE t (a INT AS (b + 1))", ST_INVALID, 22, "compute"},
		{"ALTER TABLE t ADD COLUMN a INT DEFAULT 5", ST_INVALID, 31, "coalesce"},
		{"CREATE TABLE t (a INT", ST_INVALID, 21, "statement ends"},
		{"CREATE TABLE t (a INT) WITH (tgs='a')", ST_INVALID, 29, "did you mean tags"},
		{"CREATE TABLE t (a INT) WITH (tags='a', tags='b')", ST_INVALID, 39, "twice"},
		{"CREATE TABLE t (a INT) x", ST_INVALID, 23, "the end"},
		{"CREATE TABLE a.b.c.d (a INT)", ST_INVALID, 19, "fourth part"},
		{"DROP TABLE t, u", ST_INVALID, 12, "the end"},
		{"DROP TABLE t CASCADE", ST_INVALID, 13, "the end"},
		{"INSERT INTO t", ST_INVALID, 13, "VALUES or SELECT"},
		{"INSERT OR REPLACE INTO t VALUES (1)", ST_UNIMPLEMENTED, 7, "INSERT OR REPLACE"},
		{"INSERT INTO t BY NAME SELECT 1", ST_UNIMPLEMENTED, 14, "BY NAME"},
		{"INSERT INTO t VALUES (1) RETURNING a", ST_UNIMPLEMENTED, 25, "RETURNING"},
		{"INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", ST_UNIMPLEMENTED, 28, "ON CONFLICT"},
		{"INSERT INTO \"\" VALUES (1)", ST_INVALID, 12, "empty"},
		{"?", ST_INVALID, 0, "not allowed"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		Error err = ERROR_INIT;
		SqlStatement *s = NULL;
		Status st = sql_parse(slice_text(cases[i].text), &s, &err);
		if (st != cases[i].status || err.position != cases[i].position ||
			strstr(err.text, cases[i].says) == NULL)
			fail_msg("%s\ngave %s at %d: %s", cases[i].text, status_name(st), err.position,
					 err.text);
		assert_null(s);
	}
	Error err = ERROR_INIT;
	SqlStatement *s = NULL;
	assert_int_equal(sql_parse(slice_of("SELECT \0", 8), &s, &err), ST_INVALID);
	assert_int_equal(err.position, 7);
}

static void
every_beginning_of_a_statement_is_answered(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"CREATE TABLE IF NOT EXISTS a.htdb.t (c DECIMAL(1,2)[] TAG NOT NULL) WITH (time='c')",
		"ALTER TABLE IF EXISTS d.htdb.t ADD COLUMN IF NOT EXISTS c DECIMAL(1,2)[] TAG",
		"ALTER TABLE t RENAME COLUMN a TO \"b\"",
		"ALTER TABLE t SET (ttl = '1d', durability = async)",
		"INSERT INTO t (a, \"b\") VALUES ($$x$$, E'\\n', 1e5, -- c\n /* c */ 'y')",
		"SELECT \"a\"\"b\", 'x''y', $1, ?, 0x1F, 1_000.5e+3 FROM t;",
		"UPDATE d.htdb.t AS x SET a = (b + 1), \"c\" = 'd' WHERE e IS DISTINCT FROM 2",
		"BEGIN; DELETE FROM t x WHERE [1] = a; INSERT INTO u VALUES (1); COMMIT",
	};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		for (size_t len = 0; len <= strlen(texts[i]); len++) {
			SCOPED(mem_drop) char *copy = mem_copy(texts[i], len > 0 ? len : 1);
			SCOPED(sql_statement_drop) SqlStatement *s = NULL;
			Error err = ERROR_INIT;
			Status st = sql_parse(slice_of(copy, len), &s, &err);
			assert_true(st == ST_OK || err.text[0] != '\0');
		}
	}
}

static void
parsing_undoes_itself_on_every_fault(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"CREATE TABLE t (a INT, b INT, c INT TAG) WITH (time='a', tags='c')",
		"BEGIN; DELETE FROM t; UPDATE u SET a = 1, b = 2 WHERE c; INSERT INTO v SELECT 1; COMMIT",
	};
	for (long nth = 0, text = 0; text < (long)COUNT_OF(texts); nth++) {
		SqlStatement *s = NULL;
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st = sql_parse(slice_text(texts[text]), &s, &err);
		if (!fault_disarm()) {
			assert_int_equal(st, ST_OK);
			sql_statement_free(s);
			text++;
			nth = -1;
			continue;
		}
		assert_int_equal(st, ST_NO_MEMORY);
		assert_null(s);
		assert_int_equal(mem_live(), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_words_say_what_it_is),
		cmocka_unit_test(a_table_is_created_from_columns_and_options),
		cmocka_unit_test(a_table_is_altered_one_thing_at_a_time),
		cmocka_unit_test(databases_are_made_and_dropped_by_name),
		cmocka_unit_test(an_insert_has_targets_and_a_source_with_its_position),
		cmocka_unit_test(a_change_of_rows_is_a_select_of_them),
		cmocka_unit_test(several_changes_are_one_statement_with_its_parts),
		cmocka_unit_test(what_is_refused_says_where),
		cmocka_unit_test(every_beginning_of_a_statement_is_answered),
		cmocka_unit_test(parsing_undoes_itself_on_every_fault),
	};
	return RUN(tests);
}
