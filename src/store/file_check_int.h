// file_check_int.h - the part of a DataFile that changes: how far it was checked.

#pragma once

#include <pthread.h>

#include "store/verify.h"

typedef struct FileCheck {
	pthread_mutex_t lock; // guards all below
	FileMark mark;        // of the file that was looked at; zeros: it was missing, or nobody looked
	VerifyDepth depth;    // how far it was right
	int64_t whole_ns;     // wall: when all of it was right; 0: not in this run
	bool used;            // a statement reads it
	bool doubted;         // an earlier run found it damaged: nothing of it counts but all
	char *finding;        // why it is quarantined; NULL: it is not
} FileCheck;

void file_check_init(FileCheck *check);
void file_check_close(FileCheck *check);
