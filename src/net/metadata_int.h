// metadata_int.h - header fields of a call, and gRPC's ways to write things into them.

#pragma once

#include "base/buf.h"

// Names and values in the order they came, in one block: per field u16 name length, u16 value
// length, name, value. An append that finds no memory sets text.failed.
typedef struct HeaderList {
	Buf text;
	size_t count;
} HeaderList;

enum { HEADER_FIELD_MAX = 32 << 10 }; // bytes of one name or value that a list takes

void headers_close(HeaderList *list);
void headers_add(HeaderList *list, Slice name, Slice value); // longer fields are left out
// Steps from *pos, which starts at 0; false at the end.
bool headers_next(const HeaderList *list, size_t *pos, Slice *name, Slice *value);
bool headers_find(const HeaderList *list, const char *name, size_t i, Slice *value);

bool metadata_is_binary(Slice name); // "-bin" ends it
// Adds each of the comma separated base64 values. False when one is not base64.
bool metadata_add_received(HeaderList *list, Slice name, Slice value);
// Base64 without padding for -bin names. False, and nothing added, when HTTP cannot carry it.
bool metadata_add_sent(HeaderList *list, Slice name, Slice value);

bool metadata_is_grpc(Slice content_type); // application/grpc, or that with '+' or ';' behind it
bool metadata_parse_timeout(Slice text, int64_t *out_ns); // saturates at INT64_MAX
// grpc-message: at most 1 KiB of `text`, percent-encoded.
void metadata_add_message(Buf *out, const char *text);
