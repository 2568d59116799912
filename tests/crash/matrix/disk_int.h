// disk_int.h - what disk.c, which writes down, and disk_image.c, which reads, share.

#pragma once

#include <sys/types.h>

#include "disk.h"

typedef enum StepKind {
	STEP_NOTE,
	STEP_WRITE,  // node, off, data
	STEP_RESIZE, // node, off: the new size
	STEP_GROW,   // node, off: at least this size
	STEP_SYNC,   // node: a file or a directory
	STEP_LOSE,   // node: a sync that failed; what was not synced never will be
	STEP_ENTER,  // node is now name in dir: created or linked
	STEP_MOVE,   // node was from_name in from_dir and is name in dir
	STEP_REMOVE, // name in dir is gone
} StepKind;

typedef struct Step {
	StepKind kind;
	int node;
	int dir;
	int from_dir;
	NoteKind note;
	uint64_t off; // a note's number
	size_t len;
	uint8_t *data;
	char *name;
	char *from_name;
} Step;

typedef struct Node {
	bool is_dir;
	uint8_t *data; // what it held when watching began
	size_t len;    // up to the last byte that is not zero
	uint64_t size;
} Node;

typedef struct Entry {
	int dir;
	int node;
	char *name;
} Entry;

struct Trace {
	Node *nodes;
	ino_t *inodes; // of each
	int node_count;
	int node_room;
	Entry *entries; // when watching began; their names are owned
	int entry_count;
	Step *steps;
	long step_count;
	long step_room;
};
