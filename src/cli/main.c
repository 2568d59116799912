// main.c - mobius: what is done to directories that no server has open.
//
// Exit codes: 0 done, 1 anything else, 2 usage, 3 damage found, 4 directory in use.

#include <inttypes.h>
#include <mobius_io.h>
#include <stdio.h>
#include <string.h>

enum {
	EXIT_OTHER = 1,
	EXIT_USAGE = 2,
	EXIT_DAMAGE = 3,
	EXIT_IN_USE = 4,
};

typedef struct Command {
	const char *name;
	int words; // that follow
	const char *usage;
	int (*run)(char **words);
} Command;

static int
fail(int code, const char *text)
{
	fprintf(stderr, "mobius: %s\n", text);
	return code;
}

static int
failed(mobius_status status, const mobius_error *err)
{
	switch (status) {
	case MOBIUS_CORRUPT: return fail(EXIT_DAMAGE, err->text);
	case MOBIUS_CONFLICT: return fail(EXIT_IN_USE, err->text);
	case MOBIUS_INVALID:
	case MOBIUS_NOT_FOUND: return fail(EXIT_USAGE, err->text);
	default: return fail(EXIT_OTHER, err->text);
	}
}

// ---- check ----

static void
print_finding(void *arg, bool damage, const char *text)
{
	(void)arg;
	printf("%s: %s\n", damage ? "damage" : "note", text);
}

static int
run_check(char **words)
{
	mobius_error err = {0};
	mobius_checked checked = {0};
	mobius_status status =
		mobius_check(words[0], &(mobius_findings){print_finding, NULL}, &checked, &err);
	if (status != MOBIUS_OK)
		return failed(status, &err);
	fprintf(stderr, "mobius: %" PRIu64 " files of %" PRIu64 " bytes, up to seq %" PRIu64 ": ",
			checked.files, checked.bytes, checked.last_seq);
	if (checked.damaged == 0)
		fprintf(stderr, "whole\n");
	else
		fprintf(stderr, "%" PRIu64 " damaged\n", checked.damaged);
	return checked.damaged > 0 ? EXIT_DAMAGE : 0;
}

// ---- restore ----

static int
run_restore(char **words)
{
	mobius_error err = {0};
	mobius_status status = mobius_restore(words[0], words[1], &err);
	if (status == MOBIUS_CONFLICT) // a directory that is not empty is a wrong argument
		return fail(EXIT_USAGE, err.text);
	if (status != MOBIUS_OK)
		return failed(status, &err);
	fprintf(stderr, "mobius: restored; mobiusd --data %s starts with it\n", words[1]);
	return 0;
}

// ---- words ----

static const Command COMMANDS[] = {
	{"check", 1, "mobius check DIR            reads all of a data directory or a backup",
	 run_check},
	{"restore", 2, "mobius restore BACKUP DIR   makes a data directory of a backup", run_restore},
};

static void
print_usage(FILE *to)
{
	for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++)
		fprintf(to, "%s\n", COMMANDS[i].usage);
	fprintf(to, "mobius --version\n");
}

int
main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	if (strcmp(word, "--version") == 0) {
		printf("mobius %s\n", mobius_version());
		return 0;
	}
	if (strcmp(word, "--help") == 0) {
		print_usage(stdout);
		return 0;
	}
	for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++)
		if (strcmp(word, COMMANDS[i].name) == 0 && argc == COMMANDS[i].words + 2)
			return COMMANDS[i].run(argv + 2);
	print_usage(stderr);
	return EXIT_USAGE;
}
