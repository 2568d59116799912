// scenario_server.c - the second server on the Flight library: what integration clients run
// against.
//
//     scenario_server [-port N] [-scenario NAME]
//
// Prints "Server listening on localhost:<port>" and exits 0 on SIGTERM. Port 0 takes a free one.
// Without a scenario it gives back what was put.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/server.h"
#include "os/clock.h"
#include "os/sock.h"
#include "scenario.h"

static const Scenario *const SCENARIOS[] = {
	&SCENARIO_ROUND_TRIP, &SCENARIO_ECHO,    &SCENARIO_AUTH,  &SCENARIO_MIDDLEWARE,
	&SCENARIO_ORDERED,    &SCENARIO_REUSE,   &SCENARIO_POLL,  &SCENARIO_APP_METADATA,
	&SCENARIO_EXPIRATION, &SCENARIO_SESSION, &SCENARIO_LATER,
};

// A name that ends in ':' stands for all that begin so.
static const Scenario *
find_scenario(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(SCENARIOS); i++) {
		const char *has = SCENARIOS[i]->name;
		size_t len = strlen(has);
		if (strcmp(name, has) == 0 ||
			(len > 0 && has[len - 1] == ':' && strncmp(name, has, len) == 0))
			return SCENARIOS[i];
	}
	return NULL;
}

// The value of "-key=value" or "-key value", with one dash or two.
static const char *
argument(int argc, char **argv, const char *key, const char *otherwise)
{
	size_t len = strlen(key);
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i] + strspn(argv[i], "-");
		if (word == argv[i] || strncmp(word, key, len) != 0)
			continue;
		if (word[len] == '=')
			return word + len + 1;
		if (word[len] == '\0' && i + 1 < argc)
			return argv[i + 1];
	}
	return otherwise;
}

static Status
listen_on(NetServer *net, FlightServer *server, Service *service, const char *port, Error *err)
{
	char text[64];
	SockAddress wanted, bound;
	snprintf(text, sizeof(text), "127.0.0.1:%s", port);
	TRY(sock_parse_address(text, &wanted, err));
	int fd = -1;
	TRY(sock_listen(&wanted, &fd, &bound, err));
	service->port = bound.port; // before the first call
	return net_server_listen(net, fd, &(NetPort){.grpc = flight_server_grpc(server)}, err);
}

static void
wait_for_end(void)
{
	sigset_t ends;
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	int signal;
	sigwait(&ends, &signal);
}

static Status
serve(const Scenario *scenario, const char *port, Error *err)
{
	Service service = {0};
	NetServer *net = NULL;
	FlightServer *server = NULL;
	NetOptions net_options;
	FlightOptions options = {.handlers = &scenario->handlers, .service = &service};
	grpc_options_init(&options.grpc);
	net_options_init(&net_options);
	net_options.loops = scenario->loops > 0 ? scenario->loops : 1;
	if (scenario->start != NULL)
		scenario->start();
	TRY(flight_server_new(&options, &server, err));
	Status status = net_server_new(&net_options, &net, err);
	if (status == ST_OK)
		status = listen_on(net, server, &service, port, err);
	if (status == ST_OK) {
		printf("Server listening on localhost:%u\n", service.port);
		fflush(stdout);
		wait_for_end();
		flight_server_drain(server);
		net_server_drain(net, clock_mono_ns());
		if (scenario->stop != NULL)
			scenario->stop();
	}
	net_server_free(net);
	flight_server_free(server);
	if (scenario->forget != NULL)
		scenario->forget();
	return status;
}

int
main(int argc, char **argv)
{
	const Scenario *scenario = find_scenario(argument(argc, argv, "scenario", ""));
	if (scenario == NULL) {
		fprintf(stderr, "no scenario of that name here\n");
		return 2;
	}
	// Blocked before there are threads: only wait_for_end sees them.
	sigset_t ends;
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);

	Error err = ERROR_INIT;
	Status status = serve(scenario, argument(argc, argv, "port", "0"), &err);
	if (status != ST_OK)
		fprintf(stderr, "%s\n", err.text);
	return status == ST_OK ? 0 : 1;
}
