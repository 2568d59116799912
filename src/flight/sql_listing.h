// sql_listing.h - the rows that answer Flight SQL's questions about what there is, in the schemas
// that clients compare with theirs: GetCatalogs, GetDbSchemas, GetTables, GetTableTypes.
//
// Who knows what there is adds all of it, in order of names; what was not asked for is left out.
//
// Threads  one owner.

#pragma once

#include "arrow/ipc_write.h"
#include "flight/flight_sql.h"

typedef struct SqlListing SqlListing;

bool sql_listing_answers(const SqlCommand *command); // whether it is one of these questions
// The answer's schema, encapsulated: of FlightInfo and GetSchema.
Status sql_listing_schema(const SqlCommand *command, Buf *out, Error *err);

// `command` is copied; what its slices lie in stays.
Status sql_listing_new(const SqlCommand *command, SqlListing **out, Error *err);
void sql_listing_free(SqlListing *listing); // NULL is allowed
DEFINE_DROP(SqlListing, sql_listing_drop, sql_listing_free)

typedef struct SqlListed {
	const char *catalog;
	const char *db_schema;
	const char *table;
	const char *type;   // "TABLE"
	Slice arrow_schema; // encapsulated
} SqlListed;
// A catalog, a schema, a type or a table, by what was asked: later members are not looked at.
void sql_listing_add(SqlListing *listing, const SqlListed *row);

uint64_t sql_listing_bytes(const SqlListing *listing); // of what was added since the last message
// The schema message; and the rows that were added since, as a message. *rows 0: there are none,
// and no message.
Status sql_listing_begin(const SqlListing *listing, Buf *out, Error *err);
Status sql_listing_take(SqlListing *listing, IpcMessage *out, int64_t *rows, Error *err);
