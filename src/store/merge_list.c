// merge_list.c - the files of a table in the order in which merges look at them.

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/merge_choice.h"

static int
compare_numbers(int64_t x, int64_t y)
{
	return (x > y) - (x < y);
}

static int
by_level_and_seq(const void *a, const void *b)
{
	const FileMeta *x = *(const FileMeta *const *)a, *y = *(const FileMeta *const *)b;
	int order = compare_numbers(x->level, y->level);
	if (order == 0)
		order = compare_numbers((int64_t)x->min_seq, (int64_t)y->min_seq);
	// Those of one commit.
	return order != 0 ? order : compare_numbers((int64_t)x->segment_id, (int64_t)y->segment_id);
}

static int
by_level_and_time(const void *a, const void *b)
{
	const FileMeta *x = *(const FileMeta *const *)a, *y = *(const FileMeta *const *)b;
	if (x->level != y->level || x->level == 0)
		return by_level_and_seq(a, b);
	return compare_numbers(x->min_time, y->min_time);
}

Status
merge_list_init(MergeList *list, const MergeRules *rules, const FileMeta *const *files,
				int32_t count, Error *err)
{
	*list = (MergeList){.count = count};
	list->files = mem_alloc_array((size_t)count, sizeof(FileMeta *));
	if (list->files == NULL)
		return error_no_memory(err, "a merge");
	if (count > 0) {
		memcpy(list->files, files, (size_t)count * sizeof(FileMeta *));
		qsort(list->files, (size_t)count, sizeof(FileMeta *),
			  rules->by_time ? by_level_and_time : by_level_and_seq);
	}
	for (int32_t level = 1; level <= MERGE_LEVELS; level++) {
		int32_t at = list->starts[level - 1];
		while (at < count && (list->files[at]->level < level || level == MERGE_LEVELS))
			at++;
		list->starts[level] = at;
	}
	return ST_OK;
}

void
merge_list_close(MergeList *list)
{
	mem_free(list->files);
	*list = (MergeList){0};
}

bool
merge_list_is_sound(const MergeList *list, const MergeRules *rules)
{
	for (int32_t level = 0; level < MERGE_LEVELS; level++) {
		for (int32_t i = list->starts[level] + 1; i < list->starts[level + 1]; i++) {
			const FileMeta *before = list->files[i - 1], *file = list->files[i];
			if (level == 0 ? before->max_seq >= file->min_seq
						   : merge_span(rules, before).max >= merge_span(rules, file).min)
				return false;
		}
	}
	return true;
}
