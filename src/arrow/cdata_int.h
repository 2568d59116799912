// cdata_int.h - how the C Data Interface names types.

#pragma once

#include "arrow/cdata.h"

// "u", "d:10,2", "tsu:UTC", "+w:3", ...: the type alone, not its children.
void cdata_format(const Type *type, Buf *out);

// The reverse. The zone points into format. ST_UNIMPLEMENTED for what is known but not read.
Status cdata_format_parse(const char *format, Type *out, Error *err);
