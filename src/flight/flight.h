// flight.h - Arrow Flight as a server library: a table of handlers over net/. No database in it.
//
// Each RPC is a FlightCall. Its handler starts in the call's I/O thread and may answer there at
// once or later; later answers hold a reference and come back through flight_post. Every function
// of a call belongs to that thread but flight_ref, flight_unref, flight_post.
//
// Unary RPCs (GetFlightInfo, PollFlightInfo, GetSchema) are answered by one flight_reply_*, which
// also ends them. The streaming ones by any number of flight_send_* and then flight_finish. An
// error is flight_finish with it, any time. `done` comes exactly once, whoever ended the call, for
// every call that `authenticate` saw; after either, everything sent is ignored.
//
// Bytes in arguments are borrowed until the handler returns, but FlightData, which is moved.

#pragma once

#include "base/buf.h"
#include "base/bytes.h"
#include "base/status.h"
#include "net/grpc.h"

typedef struct FlightCall FlightCall;

typedef enum DescriptorType {
	DESCRIPTOR_UNKNOWN = 0,
	DESCRIPTOR_PATH = 1,
	DESCRIPTOR_CMD = 2
} DescriptorType;

typedef struct FlightDescriptor {
	DescriptorType type;
	Slice cmd;
	const Slice *path;
	size_t path_count;
} FlightDescriptor;

typedef struct FlightEndpoint {
	Slice ticket;
	const char *location;  // a URI, or NULL: this server
	int64_t expiration_ns; // wall clock; 0: none
	Slice app_metadata;
} FlightEndpoint;

typedef struct FlightInfo {
	Slice schema; // encapsulated; empty: none
	const FlightDescriptor *descriptor;
	const FlightEndpoint *endpoints;
	size_t endpoint_count;
	int64_t total_records; // -1: unknown
	int64_t total_bytes;
	bool ordered;
	Slice app_metadata;
} FlightInfo;

// One message of DoPut or DoExchange as it came. Slices lie in `message`, which goes with it.
typedef struct FlightData {
	bool has_descriptor;
	FlightDescriptor descriptor; // path slices live in path_storage
	Slice header;                // the IPC message's flatbuffer; empty: none
	Slice app_metadata;
	Bytes *body;       // aligned; NULL: none
	size_t wire_bytes; // give back with flight_consume
	GrpcMessage message;
	Slice *path_storage;
} FlightData;
void flight_data_close(FlightData *data);

typedef struct FlightHandlers {
	// Before any other handler of a call, Handshake excepted: who is it? ST_UNAUTHENTICATED ends
	// the call. NULL: nobody is asked.
	Status (*authenticate)(FlightCall *call, Error *err);

	// Asked at once with an empty payload when `authorization` carries Basic or Bearer, else with
	// the first message's payload (empty: there was none). flight_credentials reads both.
	void (*handshake)(FlightCall *call, Slice basic_payload);
	void (*list_flights)(FlightCall *call, Slice expression);
	void (*get_flight_info)(FlightCall *call, const FlightDescriptor *descriptor);
	void (*poll_flight_info)(FlightCall *call, const FlightDescriptor *descriptor);
	void (*get_schema)(FlightCall *call, const FlightDescriptor *descriptor);
	void (*do_get)(FlightCall *call, Slice ticket);
	void (*do_put)(FlightCall *call);      // then put_message …
	void (*do_exchange)(FlightCall *call); // then put_message …
	void (*do_action)(FlightCall *call, Slice type, Slice body);
	void (*list_actions)(FlightCall *call);

	// Takes what it keeps: move the struct and zero *data. flight_consume is the handler's.
	void (*put_message)(FlightCall *call, FlightData *data);
	void (*put_end)(FlightCall *call);  // the client half-closed
	void (*writable)(FlightCall *call); // go on sending
	void (*done)(FlightCall *call);
} FlightHandlers; // NULL members answer UNIMPLEMENTED by name

typedef struct FlightOptions {
	const FlightHandlers *handlers;
	void *service; // the handlers' own
	// methods and service are filled in by flight_server_new; reserve and release get the service
	// above.
	GrpcOptions grpc;
	// grpc.health.v1: whether the server serves now. NULL: always.
	bool (*healthy)(void *service);
} FlightOptions;

typedef struct FlightServer FlightServer;
Status flight_server_new(const FlightOptions *options, FlightServer **out, Error *err);
GrpcServer *flight_server_grpc(FlightServer *server); // for the ports of a NetServer
// After net_server_free, which ended every call. Nobody may flight_post any more. NULL is allowed.
void flight_server_free(FlightServer *server);
// Says that `healthy` may answer otherwise now: whoever watches is told. Any thread.
void flight_server_health_changed(FlightServer *server);
// Before net_server_drain: an end to the health watches, which would outlast it.
void flight_server_drain(FlightServer *server);

void *flight_service(const FlightCall *call);
void flight_set_user(FlightCall *call, void *user);
void *flight_user(const FlightCall *call);
GrpcCall *flight_grpc(FlightCall *call); // headers, peer, deadline, added response headers

// ---- answers ----

void flight_reply_info(FlightCall *call, const FlightInfo *info);
// flight_descriptor of PollInfo: next == NULL means complete. progress < 0: unset. expiration_ns 0:
// none.
void flight_reply_poll(FlightCall *call, const FlightInfo *info, const FlightDescriptor *next,
					   double progress, int64_t expiration_ns);
void flight_reply_schema(FlightCall *call, Slice encapsulated_schema);

void flight_send_handshake(FlightCall *call, Slice payload);
void flight_send_info(FlightCall *call, const FlightInfo *info); // ListFlights
// One FlightData. pieces 0: without a body. False: above the high-water mark, wait for `writable`.
bool flight_send_data(FlightCall *call, Slice header, Slice app_metadata, const Piece *body,
					  size_t pieces);
bool flight_send_put_result(FlightCall *call, Slice app_metadata);
void flight_send_result(FlightCall *call, Slice body); // DoAction
void flight_send_action_type(FlightCall *call, const char *type, const char *description);

// Ends the call: OK when status is ST_OK, else with err's text (err may be NULL) and its position,
// if it has one, as the trailer `error-position`.
void flight_finish(FlightCall *call, Status status, const Error *err);

void flight_consume(FlightCall *call, size_t wire_bytes);

FlightCall *flight_ref(FlightCall *call);
void flight_unref(FlightCall *call);
void flight_post(FlightCall *call, LoopCall *post); // any thread

// ---- credentials ----

typedef enum CredentialsKind {
	CREDENTIALS_NONE,
	CREDENTIALS_BASIC,
	CREDENTIALS_BEARER
} CredentialsKind;

typedef struct FlightCredentials {
	CredentialsKind kind;
	Slice user; // BASIC
	Slice password;
	Slice token; // BEARER
	Buf storage; // of the decoded header
} FlightCredentials;
// What a caller shows: `authorization: Basic …` or `Bearer …`, else the BasicAuth of a Handshake's
// payload (empty: none), else `auth-token-bin`. Nothing of these is CREDENTIALS_NONE; one that
// cannot be read is ST_UNAUTHENTICATED. Slices lie in the call's headers, the payload and `out`,
// which is zeroed before.
Status flight_credentials(FlightCall *call, Slice payload, FlightCredentials *out, Error *err);
void flight_credentials_close(FlightCredentials *credentials); // and forgets the password
