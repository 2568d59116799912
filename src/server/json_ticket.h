// json_ticket.h - a ticket as clients of InfluxDB 3 write it: {"database", "sql_query",
// "query_type": "sql"}.

#pragma once

#include "base/buf.h"

// Appends the statement to `text`. *database: its name, to be freed; NULL: none is given.
// ST_INVALID: it is no such ticket. ST_UNIMPLEMENTED: of another type than sql.
Status json_ticket_read(Slice ticket, Buf *text, char **database, Error *err);
