// h1_parser_int.h - HTTP/1.1 requests out of bytes. Behind it is http-parser, which nothing else
// knows.
//
// Threads  one owner.

#pragma once

#include "base/bytes.h"

typedef struct H1Parser H1Parser;

// What a request says of itself when its header has ended.
typedef struct H1Head {
	const char *method; // static
	Slice target;       // lent until the next request
	bool is_1_0;
	bool keep_alive;
	bool upgrade;           // Connection: upgrade, and to something
	bool chunked;           // the body
	int64_t content_length; // of the body; -1: not told
} H1Head;

// What came, in this order. Names are in lower case and tokens; slices are lent until the event
// returns. An event may pause or refuse.
typedef struct H1Events {
	void (*begin)(void *arg); // a request's first byte
	void (*field)(void *arg, Slice name, Slice value);
	void (*head)(void *arg, const H1Head *head);
	void (*body)(void *arg, Slice part);
	void (*end)(void *arg);
} H1Events;

// Why no more can be read.
typedef struct H1Problem {
	int status; // HTTP's; 0: none
	Status code;
	const char *text; // static
} H1Problem;

Status h1_parser_new(const H1Events *events, void *arg, size_t max_target, size_t max_header,
					 H1Parser **out, Error *err);
void h1_parser_free(H1Parser *parser); // NULL is allowed

// Says how many bytes were taken: fewer than there are when it was paused or there is a problem.
size_t h1_parser_push(H1Parser *parser, Slice in);
void h1_parser_pause(H1Parser *parser); // from within an event: none follows
void h1_parser_resume(H1Parser *parser);
void h1_parser_refuse(H1Parser *parser, H1Problem problem);
H1Problem h1_parser_problem(const H1Parser *parser);
