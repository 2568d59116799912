// merge_choice.h - which files of a table are merged next: a pure function of what there is.
//
// Level 0 is what flushes wrote: times of its files may overlap, seqs do not. From level 1 on the
// files of a level do not overlap in time, and where files of two levels do, the higher level holds
// the older rows. Every step keeps that:
//
//   - a merge of a prefix takes the oldest files of level 0 and what they overlap in level 1;
//   - a push takes files of one level and all they overlap in the next;
//   - a gathering takes neighbours of one level, and of the level before what lies over them alone;
//   - a move takes a file as far up as nothing overlaps it, and costs a change of the catalog only.
//
// So rows that come in order are written by their flush, when a few flushes are merged, and when
// the results are gathered to large files. Rows that come late lie in thin files over the large
// ones, merged among themselves until they are worth the rewriting of what is below.
//
// In a table without time, seqs stand for times: they never overlap.

#pragma once

#include "catalog/catalog.h"
#include "store/window.h"

enum { MERGE_LEVELS = 5, MERGE_MOST_INPUTS = 48 };

typedef struct MergeRules {
	bool by_time;         // the table has a time column
	bool all;             // whatever it costs
	bool urgent;          // what waits in level 0, into level 1 and no further; nothing else
	int32_t files;        // so many in level 0 start a merge
	uint64_t input_bytes; // most of one merge: what a crash repeats
	uint64_t tiny_bytes;  // smaller files are gathered by their number
	uint64_t large_bytes; // ones that have a fourth of it are gathered no more
} MergeRules;

MergeRules merge_rules(bool by_time, int32_t files); // as they are, but for tests
// It is gathered with its neighbours once they are enough.
bool merge_is_small(const MergeRules *rules, const FileMeta *file);

typedef enum MergeKind {
	MERGE_NOTHING,
	MERGE_MOVE,
	MERGE_PREFIX,
	MERGE_PUSH,
	MERGE_GATHER
} MergeKind;

typedef struct MergeChoice {
	MergeKind kind;
	int32_t count;
	const FileMeta *inputs[MERGE_MOST_INPUTS]; // in a time that several have, the older rows first
	int32_t levels[MERGE_MOST_INPUTS];         // of a move: where each goes
	int32_t level;                             // of others: where the result goes
	uint64_t bytes;
} MergeChoice;

// A table's files by level, in order: level 0 by seq, the others by time. They are borrowed.
typedef struct MergeList {
	const FileMeta **files;
	int32_t count;
	int32_t starts[MERGE_LEVELS + 1]; // of each level
} MergeList;

Status merge_list_init(MergeList *list, const MergeRules *rules, const FileMeta *const *files,
					   int32_t count, Error *err);
void merge_list_close(MergeList *list);
bool merge_list_is_sound(const MergeList *list,
						 const MergeRules *rules); // no level overlaps itself

// What is worth it, the most urgent first.
void merge_choose(const MergeList *list, const MergeRules *rules, MergeChoice *out);
// As far up from `level` as no file of the list overlaps `span`; not at all where it is urgent.
int32_t merge_highest_level(const MergeList *list, const MergeRules *rules, int32_t level,
							Span span);
// The file's times, or seqs.
Span merge_span(const MergeRules *rules, const FileMeta *file);
