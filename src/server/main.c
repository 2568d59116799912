// main.c - mobiusd: listens, opens the database, says when it is ready, and stops in order.
//
// Exit codes: 0 clean stop, 1 anything else, 2 usage or configuration, 3 damage found, 4 data
// directory in use, 5 cannot listen.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/signals.h"
#include "os/sock.h"
#include "os/thread.h"
#include "server/certificate.h"
#include "server/config.h"
#include "server/server_int.h"

extern char **environ;

#define SECOND_NS INT64_C(1000000000)

enum {
	EXIT_OTHER = 1,
	EXIT_CONFIG = 2,
	EXIT_DAMAGE = 3,
	EXIT_IN_USE = 4,
	EXIT_LISTEN = 5,
	MOST_LISTENERS = 16,
	IO_LOOPS = 2,
	DRAIN_SECONDS = 10,
};

// The addresses that are listened on, as they are bound.
typedef struct Listeners {
	SockAddress bound[MOST_LISTENERS];
	int fds[MOST_LISTENERS];
	int count;
} Listeners;

static void
listeners_close(Listeners *listeners)
{
	for (int i = 0; i < listeners->count; i++)
		sock_close(listeners->fds[i]);
}

// What the two ports listen on.
typedef struct Ports {
	Listeners flight;
	Listeners http;
} Ports;

static void
ports_close(Ports *ports)
{
	listeners_close(&ports->flight);
	listeners_close(&ports->http);
}

static int
fail(int code, const char *text)
{
	fprintf(stderr, "mobiusd: %s\n", text);
	return code;
}

static int
exit_code(mobius_status status)
{
	switch (status) {
	case MOBIUS_INVALID: return EXIT_CONFIG;
	case MOBIUS_CORRUPT: return EXIT_DAMAGE;
	case MOBIUS_CONFLICT: return EXIT_IN_USE;
	default: return EXIT_OTHER;
	}
}

static void
print_help(void)
{
	puts("mobiusd [--config FILE] [--data DIR] [--set key=value]...\n"
		 "  --config FILE        an INI file of settings\n"
		 "  --data DIR           the data directory (default ./data)\n"
		 "  --set key=value      one setting; wins over the file and the environment "
		 "(MOBIUS_SECTION_KEY)\n"
		 "  --wal-recovery=MODE  strict (default), point-in-time or salvage: what to do about a "
		 "damaged log\n"
		 "  --print-config       every setting with its meaning, unit and default\n"
		 "  --no-tls --no-auth   needed to listen beyond this machine, the first only without "
		 "tls.certificate: anybody who reaches the port has access\n"
		 "  --version\n"
		 "  --help, -h");
}

// ---- listening ----

static Status
check_reach(const SockAddress *address, const Config *config, Error *err)
{
	bool tls = certificate_is_set(config);
	if (address->loopback || ((tls || config->no_tls) && config->no_auth))
		return ST_OK;
	return error_set(err, ST_INVALID,
					 "%s is open to other machines, and users are not built yet; say %s--no-auth "
					 "if everybody who reaches it may do anything",
					 address->text, tls ? "" : "--no-tls ");
}

static Status
listen_one(const char *text, const Config *config, Listeners *out, Error *err)
{
	SockAddress address;
	TRY(sock_parse_address(text, &address, err));
	TRY(check_reach(&address, config, err));
	if (out->count == MOST_LISTENERS)
		return error_set(err, ST_INVALID, "at most %d addresses", MOST_LISTENERS);
	TRY(sock_listen(&address, &out->fds[out->count], &out->bound[out->count], err));
	out->count++;
	return ST_OK;
}

static Status
listen_all(const char *key, const Config *config, Listeners *out, Error *err)
{
	for (const char *p = config_text(config, key); *p != '\0';) {
		size_t len = strcspn(p, ",");
		SCOPED(mem_drop) char *text = mem_strndup(p, len);
		if (text == NULL)
			return error_no_memory(err, "an address");
		if (listen_one(text, config, out, err) != ST_OK)
			return error_prefix(err, "%s", key);
		p += len + (p[len] == ',');
	}
	return ST_OK;
}

static Status
listen_ports(const Config *config, Ports *out, Error *err)
{
	TRY(listen_all("flight.listen", config, &out->flight, err));
	if (out->flight.count == 0)
		return error_set(err, ST_INVALID, "flight.listen is empty; give it an address:port");
	return listen_all("http.listen", config, &out->http, err);
}

// ---- the service ----

static bool
reserve_assembling(void *service, size_t bytes)
{
	Server *server = service;
	if (atomic_fetch_add(&server->assembling, bytes) + bytes <= server->ingest_memory)
		return true;
	atomic_fetch_sub(&server->assembling, bytes);
	return false;
}

static void
release_assembling(void *service, size_t bytes)
{
	atomic_fetch_sub(&((Server *)service)->assembling, bytes);
}

static bool
is_healthy(void *service)
{
	return mobius_health_now(((Server *)service)->db).ready;
}

static Status
start_flight(Server *server, Error *err)
{
	mobius *db = server->db;
	FlightOptions options = {
		.handlers = &SERVER_HANDLERS, .service = server, .healthy = is_healthy};
	grpc_options_init(&options.grpc);
	options.grpc.pool = mobius_io_pool(db);
	options.grpc.max_message = (size_t)mobius_setting_number(db, "flight.max_message");
	options.grpc.stream_window = (size_t)mobius_setting_number(db, "ingest.window");
	options.grpc.reserve = reserve_assembling;
	options.grpc.release = release_assembling;
	return flight_server_new(&options, &server->flight, err);
}

static Status
start_web(Server *server, Error *err)
{
	WebOptions options = {
		.db = server->db,
		.session = server->session,
		.hosts = mobius_setting_text(server->db, "http.hosts"),
		.max_body = (size_t)mobius_setting_number(server->db, "flight.max_message"),
		.net = server->net,
	};
	return web_new(&options, &server->web, err);
}

static Status
open_port(Server *server, Listeners *listeners, const NetPort *port, Error *err)
{
	for (int i = 0; i < listeners->count; i++) {
		int fd = listeners->fds[i];
		listeners->fds[i] = -1;
		TRY(net_server_listen(server->net, fd, port, err));
	}
	return ST_OK;
}

static Status
start_service(Server *server, Ports *ports, Error *err)
{
	server->ingest_memory = mobius_setting_number(server->db, "ingest.memory");
	NetOptions net;
	net_options_init(&net);
	net.loops = os_core_count() < IO_LOOPS ? os_core_count() : IO_LOOPS;
	TRY(net_server_new(&net, &server->net, err));
	TRY(start_flight(server, err));
	TRY(start_web(server, err));
	NetPort flight = {.grpc = flight_server_grpc(server->flight), .tls = server->tls};
	NetPort http = {.http = web_http(server->web), .tls = server->tls};
	TRY(open_port(server, &ports->flight, &flight, err));
	return open_port(server, &ports->http, &http, err);
}

static bool
all_loopback(const Listeners *listeners)
{
	bool all = true;
	for (int i = 0; i < listeners->count; i++)
		all &= listeners->bound[i].loopback;
	return all;
}

static void
add_addresses(const Listeners *listeners, Buf *line)
{
	for (int i = 0; i < listeners->count; i++) {
		buf_add_text(line, i > 0 ? "," : "");
		text_percent_encode(line, slice_text(listeners->bound[i].text), ".:[]-_");
	}
	if (listeners->count == 0)
		buf_add_byte(line, '-');
}

static void
print_ready(const Ports *ports, const char *data_dir)
{
	SCOPED(buf_close) Buf line = BUF_INIT;
	buf_add_text(&line, "ready flight=");
	add_addresses(&ports->flight, &line);
	buf_add_text(&line, " http=");
	add_addresses(&ports->http, &line);
	buf_add_text(&line, " data=");
	text_percent_encode(&line, slice_text(data_dir), "/.-_");
	buf_add_printf(&line, " pid=%d\n", (int)getpid());
	fputs(buf_text(&line), stdout);
	fflush(stdout);
}

// ---- the run ----

// Waits until the database is open; false when it was told to stop first.
static bool
wait_open(mobius *db, mobius_status *status, mobius_error *err)
{
	while (!mobius_open_result(db, status, err))
		if (signals_wait(SECOND_NS / 500) == SIGNAL_STOP)
			return false;
	return true;
}

static void
stop(Server *server)
{
	signals_next_stop_ends();
	log_info("stopping", "drain_s=%d", DRAIN_SECONDS);
	flight_server_drain(server->flight);
	net_server_drain(server->net, clock_mono_ns() + DRAIN_SECONDS * SECOND_NS);
}

static int
serve(Server *server, Ports *ports, const Config *config)
{
	Error e = ERROR_INIT;
	if (start_service(server, ports, &e) != ST_OK)
		return fail(EXIT_OTHER, e.text);
	mobius_status status = MOBIUS_OK;
	mobius_error err = {0};
	if (!wait_open(server->db, &status, &err)) {
		stop(server);
		return 0;
	}
	if (status != MOBIUS_OK)
		return fail(exit_code(status), err.text);
	flight_server_health_changed(server->flight);
	log_info("ready", "access=\"everybody %s\"",
			 all_loopback(&ports->flight) && all_loopback(&ports->http) ? "on this machine"
																		: "who reaches the port");
	print_ready(ports, config->data_dir);
	for (SignalAsked asked; (asked = signals_wait(-1)) != SIGNAL_STOP;) {
		if (asked == SIGNAL_RELOAD)
			certificate_reload(server->tls);
	}
	stop(server);
	return 0;
}

// With a data directory that is open, or being opened.
static int
run_open(Server *server, Ports *ports, const Config *config)
{
	mobius_error err = {0};
	if (mobius_session_open(server->db, &server->session, &err) != MOBIUS_OK)
		return fail(EXIT_OTHER, err.text);
	return serve(server, ports, config);
}

// A start that cannot be leaves the data directory as it is: settings and ports come first.
static int
run(const Config *config)
{
	Server server = {0};
	SCOPED(ports_close) Ports ports = {0};
	const char *const *settings = (const char *const *)config->texts;
	mobius_error err = {0};
	Error e = ERROR_INIT;
	mobius_status status = mobius_settings_check(settings, &err);
	if (status != MOBIUS_OK)
		return fail(exit_code(status), err.text);
	SCOPED(tls_drop) TlsContext *tls = NULL;
	if (certificate_open(config, &tls, &e) != ST_OK)
		return fail(EXIT_CONFIG, e.text);
	server.tls = tls;
	Status st = listen_ports(config, &ports, &e);
	if (st != ST_OK)
		return fail(st == ST_INVALID ? EXIT_CONFIG : EXIT_LISTEN, e.text);
	status = mobius_open_async(config->data_dir, settings, (mobius_event){0}, &server.db, &err);
	if (status != MOBIUS_OK)
		return fail(exit_code(status), err.text);
	if (config->misspelt != NULL)
		log_warn("the environment has a variable that is no setting", "%s", config->misspelt);

	int code = run_open(&server, &ports, config);
	net_server_free(server.net);
	flight_server_free(server.flight);
	web_free(server.web);
	mobius_session_unref(server.session);
	mobius_close(server.db);
	if (code == 0)
		log_info("stopped", "data=\"%s\"", config->data_dir);
	return code;
}

int
main(int argc, char **argv)
{
#ifdef MOBIUS_HOLD_WRITES
	file_hold_writes(true);
#endif
	signals_block();
	SCOPED(config_close) Config config = {0};
	Error e = ERROR_INIT;
	if (config_read(argc, argv, environ, &config, &e) != ST_OK)
		return fail(EXIT_CONFIG, e.text);
	if (config.help)
		print_help();
	else if (config.version)
		printf("mobiusd %s\n", mobius_version());
	else if (config.print_config)
		config_print(&config);
	else
		return run(&config);
	return 0;
}
