// log.h - one line an event on standard error: time level event key=value ...
//
//     log_info("segment flushed", "table=%s rows=%" PRId64, name, rows);
//
// Values with blanks are the caller's to quote. Nothing secret is ever logged. Until log_configure
// nothing is written: a library speaks only when it was asked to.
// Threads  any; a line is one write.

#pragma once

typedef enum LogLevel { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_NOTHING } LogLevel;
typedef enum LogFormat { LOG_TEXT, LOG_JSON } LogFormat;

void log_configure(LogLevel level, LogFormat format);
void log_line(LogLevel level, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_debug(event, ...) log_line(LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...)  log_line(LOG_INFO, event, __VA_ARGS__)
#define log_warn(event, ...)  log_line(LOG_WARN, event, __VA_ARGS__)
#define log_error(event, ...) log_line(LOG_ERROR, event, __VA_ARGS__)
