// scenario.h - the scenarios of the scenario server: each is a table of handlers.
//
// All but `later` run in one I/O thread, so what they remember needs no lock.

#pragma once

#include "arrow/schema.h"
#include "flight/flight.h"

typedef struct Scenario {
	const char *name; // "": no -scenario was given
	int loops;        // I/O threads; 0: one
	// Each may be NULL.
	void (*start)(void);  // before the server starts
	void (*stop)(void);   // while it drains: nobody may post to it afterwards
	void (*forget)(void); // after it is gone
	FlightHandlers handlers;
} Scenario;

// The service of every call.
typedef struct Service {
	uint16_t port;
} Service;

extern const Scenario SCENARIO_ROUND_TRIP; // scenario_put.c
extern const Scenario SCENARIO_ECHO;

extern const Scenario SCENARIO_AUTH; // scenario_calls.c
extern const Scenario SCENARIO_MIDDLEWARE;
extern const Scenario SCENARIO_ORDERED;
extern const Scenario SCENARIO_REUSE;
extern const Scenario SCENARIO_POLL;
extern const Scenario SCENARIO_APP_METADATA;

extern const Scenario SCENARIO_EXPIRATION; // scenario_expiration.c

extern const Scenario SCENARIO_SESSION; // scenario_session.c

extern const Scenario SCENARIO_LATER; // scenario_later.c

// ---- scenario_rows.c: the data of scenarios is one column, "number" ----

// Encapsulated; TYPE_NULL: no column at all.
Status rows_schema(TypeId type, Buf *out, Error *err);
Status rows_send_schema(FlightCall *call, TypeId type, Error *err);
// *room as flight_send_data says.
Status rows_send_batch(FlightCall *call, TypeId type, const int64_t *values, size_t count,
					   bool *room, Error *err);
// Answers a DoGet with one batch of these.
void rows_send(FlightCall *call, TypeId type, const int64_t *values, size_t count);
