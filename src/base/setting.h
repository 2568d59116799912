// setting.h - values of configuration and options as users write them.

#pragma once

#include "base/bytes.h"

Status setting_parse_size(const char *text, uint64_t *out_bytes,
						  Error *err); // 64MiB, 1GiB, 4096, 10KB
Status setting_parse_duration(const char *text, int64_t *out_ns,
							  Error *err); // 10s, 1h30m; ns us ms s m h d w
// The shortest text that setting_parse_duration reads as these nanoseconds: "30d", "1h30m".
enum { DURATION_TEXT = 64 };
void setting_format_duration(int64_t ns, char out[DURATION_TEXT]); // ns > 0
Status setting_parse_bool(const char *text, bool *out,
						  Error *err); // on/off, true/false, yes/no, 1/0
Status setting_parse_int(const char *text, int64_t *out, Error *err);

// The closest of `names` to `wanted` by edit distance, or NULL when none is near: for proposals.
const char *setting_propose(const char *wanted, const char *const *names, size_t count);
