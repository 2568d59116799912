// files.h - a table's flushed segments, by immutable set: Parquet files, which of their rows are
// deleted, and which of them are in memory as well.
//
// Threads  sets are immutable and counted. A File leaves the disk when it was doomed and its last
// user is gone.

#pragma once

#include "catalog/catalog.h"
#include "store/hot.h"
#include "store/mask.h"

typedef struct DataFile DataFile;
typedef struct FileSet FileSet;
typedef struct FileCheck FileCheck;

// Takes references of def (the version it was written under). `path` is copied.
Status data_file_new(const FileMeta *meta, TableDef *def, const char *path, DataFile **out,
					 Error *err);
DataFile *data_file_ref(DataFile *file);
void data_file_unref(DataFile *file); // NULL is allowed
DEFINE_DROP(DataFile, data_file_drop, data_file_unref)
void data_file_doom(DataFile *file);                  // unlink at the last unref
void data_file_adopt(DataFile *file, uint64_t seq);   // whose commit it is; before anybody reads it
const FileMeta *data_file_meta(const DataFile *file); // its level: where it began
int32_t data_file_level(const DataFile *file);        // where it is
void data_file_move(DataFile *file, int32_t level);   // sets that are made from now on know it
TableDef *data_file_def(const DataFile *file);        // borrowed
const char *data_file_path(const DataFile *file);
FileCheck *data_file_check(DataFile *file); // how far its bytes are known: quarantine.h

typedef struct FileMask {
	uint64_t segment_id;
	Mask *mask;
} FileMask;

// What changes in a set. Everything is borrowed; the set takes references of its own.
typedef struct FileSetEdit {
	const uint64_t *removed; // segment ids; others than the set's are nothing
	int32_t removed_count;
	DataFile *const *added;
	Mask *const *added_masks; // one for each of them, or NULL; an entry may be NULL
	Hot *const *added_hots;   // the same
	int32_t added_count;
	uint64_t cold;         // a segment id: its rows leave memory; 0: none
	const FileMask *masks; // that replace those of files which stay, by rising segment id
	int32_t mask_count;
} FileSetEdit;

// `base` (NULL: empty) without the removed and with the added files, from the highest level down,
// each in order of min_seq, those of one commit in order of their segment ids: of rows of one key,
// the older first.
Status file_set_edit(const FileSet *base, const FileSetEdit *edit, FileSet **out, Error *err);
FileSet *file_set_ref(FileSet *set); // NULL is allowed
void file_set_unref(FileSet *set);   // NULL is allowed
DEFINE_DROP(FileSet, file_set_drop, file_set_unref)
int32_t file_set_count(const FileSet *set);               // NULL: 0
DataFile *file_set_at(const FileSet *set, int32_t i);     // borrowed
const Mask *file_set_mask(const FileSet *set, int32_t i); // borrowed; NULL: nothing is deleted
const Hot *file_set_hot(const FileSet *set, int32_t i);   // borrowed; NULL: it is read as a file
int32_t file_set_find(const FileSet *set, uint64_t segment_id); // -1: it is not among them
