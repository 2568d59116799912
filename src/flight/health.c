// grpc.health.v1.Health: whether the server, or its Flight service, serves now.
//
//     HealthCheckRequest   1 service   "": the server as a whole
//     HealthCheckResponse  1 status    1 SERVING, 2 NOT_SERVING, 3 SERVICE_UNKNOWN
//
// A watch lives in its call's thread. Another thread that has news marks it `posted`, under the
// lock, and posts to it afterwards; until the post ran a watch stays, also one that is over.

#include "base/mem.h"
#include "flight/codec.h"
#include "flight/flight_int.h"
#include "flight/wire_int.h"

typedef enum HealthStatus { UNSAID, SERVING, NOT_SERVING, SERVICE_UNKNOWN } HealthStatus;

struct HealthWatch {
	FlightServer *server;
	GrpcCall *grpc; // referenced
	LoopCall post;
	HealthStatus said;
	bool known; // the service that is asked for
	bool over;
	bool posted;                  // Health.lock, like the list
	HealthWatch *next;            // all watches
	HealthWatch **at;             // what points here
	HealthWatch *next_to_be_told; // of whoever set `posted`
};

void
health_init(Health *health)
{
	pthread_mutex_init(&health->lock, NULL);
}

void
health_close(Health *health)
{
	pthread_mutex_destroy(&health->lock);
}

static HealthStatus
status_now(const FlightServer *server, bool draining)
{
	bool (*healthy)(void *) = server->options.healthy;
	return !draining && (healthy == NULL || healthy(server->options.service)) ? SERVING
																			  : NOT_SERVING;
}

static bool
is_draining(FlightServer *server)
{
	pthread_mutex_lock(&server->health.lock);
	bool draining = server->health.draining;
	pthread_mutex_unlock(&server->health.lock);
	return draining;
}

static void
send_status(GrpcCall *grpc, HealthStatus status)
{
	uint8_t message[] = {WIRE_VARINT(1), (uint8_t)status};
	grpc_send(grpc, &(Piece){message, sizeof(message), NULL}, 1);
}

static void
finish(GrpcCall *grpc, Status status, const Error *err)
{
	grpc_finish(grpc, grpc_status_of(status), err->text);
}

static Status
read_service(const GrpcMessage *message, bool *known, Error *err)
{
	Slice name;
	TRY(flight_bytes_decode(bytes_slice(message->head), 1, &name, err, "the HealthCheckRequest"));
	*known = name.len == 0 || slice_is(name, "arrow.flight.protocol.FlightService");
	return ST_OK;
}

void
health_open(GrpcCall *grpc)
{
	(void)grpc; // the request says everything
}

void
health_check(GrpcCall *grpc, GrpcMessage *message)
{
	FlightServer *server = grpc_call_service(grpc);
	Error err = ERROR_INIT;
	bool known = false;
	grpc_consume(grpc, message->wire_bytes);
	Status status = read_service(message, &known, &err);
	if (status == ST_OK && !known)
		status = error_set(&err, ST_NOT_FOUND,
						   "no such service; ask for arrow.flight.protocol.FlightService");
	if (status == ST_OK)
		send_status(grpc, status_now(server, is_draining(server)));
	finish(grpc, status, &err);
}

// ---- watching ----

static void
watch_free(HealthWatch *watch)
{
	grpc_call_unref(watch->grpc);
	mem_free(watch);
}

// In the call's thread: says what is new.
static void
watch_say(HealthWatch *watch)
{
	bool draining = is_draining(watch->server);
	HealthStatus status = watch->known ? status_now(watch->server, draining) : SERVICE_UNKNOWN;
	if (status != watch->said)
		send_status(watch->grpc, status);
	watch->said = status;
	if (draining)
		grpc_finish(watch->grpc, GRPC_UNAVAILABLE, "the server is shutting down");
}

static void
watch_told(void *arg)
{
	HealthWatch *watch = arg;
	pthread_mutex_lock(&watch->server->health.lock);
	watch->posted = false;
	pthread_mutex_unlock(&watch->server->health.lock);
	if (watch->over)
		watch_free(watch);
	else
		watch_say(watch);
}

static void
watch_link(HealthWatch *watch)
{
	Health *health = &watch->server->health;
	pthread_mutex_lock(&health->lock);
	watch->next = health->watches;
	watch->at = &health->watches;
	if (watch->next != NULL)
		watch->next->at = &watch->next;
	health->watches = watch;
	pthread_mutex_unlock(&health->lock);
}

void
health_watch(GrpcCall *grpc, GrpcMessage *message)
{
	Error err = ERROR_INIT;
	bool known = false;
	grpc_consume(grpc, message->wire_bytes);
	Status status = read_service(message, &known, &err);
	HealthWatch *watch = status == ST_OK ? mem_alloc(sizeof(*watch)) : NULL;
	if (watch == NULL) {
		finish(grpc, status == ST_OK ? error_no_memory(&err, "a health watch") : status, &err);
		return;
	}
	watch->server = grpc_call_service(grpc);
	watch->grpc = grpc_call_ref(grpc);
	watch->post = (LoopCall){.fn = watch_told, .arg = watch};
	watch->known = known;
	grpc_call_set_user(grpc, watch);

	// Linked first: news that come in between are posted.
	watch_link(watch);
	watch_say(watch);
}

void
health_watch_done(GrpcCall *grpc)
{
	HealthWatch *watch = grpc_call_user(grpc);
	if (watch == NULL)
		return;
	grpc_call_set_user(grpc, NULL);
	watch->over = true;
	pthread_mutex_lock(&watch->server->health.lock);
	*watch->at = watch->next;
	if (watch->next != NULL)
		watch->next->at = watch->at;
	bool posted = watch->posted;
	pthread_mutex_unlock(&watch->server->health.lock);
	if (!posted)
		watch_free(watch);
}

// ---- news ----

// Posts to all watches that have not been posted to, after the lock was given back.
static void
tell_all(Health *health, bool draining)
{
	HealthWatch *told = NULL;
	pthread_mutex_lock(&health->lock);
	health->draining |= draining;
	for (HealthWatch *watch = health->watches; watch != NULL; watch = watch->next) {
		if (watch->posted)
			continue;
		watch->posted = true;
		watch->next_to_be_told = told;
		told = watch;
	}
	pthread_mutex_unlock(&health->lock);

	while (told != NULL) {
		HealthWatch *next = told->next_to_be_told; // the post may free it
		grpc_post(told->grpc, &told->post);
		told = next;
	}
}

void
health_drain(FlightServer *server)
{
	tell_all(&server->health, true);
}

void
flight_server_health_changed(FlightServer *server)
{
	tell_all(&server->health, false);
}
