// gunzip_int.h - one gzip stream after another, inflated as its parts come.
//
// Threads  one owner.

#pragma once

#include "base/bytes.h"

typedef struct Gunzip Gunzip;

// Gets the inflated bytes, in parts, and may refuse them.
typedef Status (*GunzipSink)(void *arg, Slice part, Error *err);

Status gunzip_new(Gunzip **out, Error *err);
void gunzip_free(Gunzip *gunzip); // NULL is allowed
void gunzip_reset(Gunzip *gunzip);
// ST_INVALID: no gzip, or bytes behind its end. What the sink refuses is returned as it is.
Status gunzip_push(Gunzip *gunzip, Slice in, GunzipSink sink, void *arg, Error *err);
bool gunzip_is_complete(const Gunzip *gunzip);
