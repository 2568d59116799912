// Every kind of request, with one fallible call after another failing on its way, once or from then
// on: it is answered, or its connection ends, and the server goes on. Which call is the n-th
// differs from run to run, for the database has threads of its own.

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "os/sock.h"
#include "support.h"
#include "web/web.h"

typedef struct Rig {
	mobius *db;
	mobius_session *session;
	NetServer *net;
	Web *web;
	uint16_t port;
} Rig;

static void
listen_on_a_free_port(Rig *rig)
{
	SockAddress address, bound;
	Error err = ERROR_INIT;
	int fd;
	ok(sock_parse_address("127.0.0.1:0", &address, &err), &err);
	ok(sock_listen(&address, &fd, &bound, &err), &err);
	NetPort port = {.http = web_http(rig->web)};
	ok(net_server_listen(rig->net, fd, &port, &err), &err);
	rig->port = bound.port;
}

static void
rig_open(Rig *rig)
{
	*rig = (Rig){0};
	mobius_error e = {0};
	Error err = ERROR_INIT;
	assert_int_equal(mobius_open(":memory:", NULL, &rig->db, &e), MOBIUS_OK);
	assert_int_equal(mobius_session_open(rig->db, &rig->session, &e), MOBIUS_OK);
	WebOptions options = {
		.db = rig->db, .session = rig->session, .hosts = "db.example", .max_body = 1 << 20};
	ok(web_new(&options, &rig->web, &err), &err);
	NetOptions net;
	net_options_init(&net);
	net.loops = 1;
	ok(net_server_new(&net, &rig->net, &err), &err);
	listen_on_a_free_port(rig);
}

static void
rig_close(Rig *rig)
{
	net_server_free(rig->net);
	web_free(rig->web);
	mobius_session_unref(rig->session);
	mobius_close(rig->db);
}

static int
connect_to(const Rig *rig)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
							 .sin_port = htons(rig->port),
							 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = 60};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

// What goes wrong with a request: from its nth fallible call on, or that one alone.
typedef struct Fault {
	bool sticky;
	long nth;
} Fault;

// A first request, so that faults find the connection open: none is accepted while all calls fail.
static void
warm_up(int fd)
{
	static const char ping[] = "GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n";
	char answer[1024] = "";
	size_t len = 0;
	assert_int_equal(send(fd, ping, sizeof(ping) - 1, MSG_NOSIGNAL), sizeof(ping) - 1);
	while (strstr(answer, "\r\n\r\n") == NULL) {
		ssize_t got = recv(fd, answer + len, sizeof(answer) - 1 - len, 0);
		assert_true(got > 0);
		answer[len += (size_t)got] = '\0';
	}
}

static void
arm(const Fault *fault)
{
	if (fault->sticky)
		fault_arm_sticky(fault->nth);
	else
		fault_arm(fault->nth);
}

// Sends one request and reads until the connection ends. The answer's status; 0: none came.
static int
ask_over(int fd, const char *method, const char *path, const char *type, const char *body)
{
	char text[2048], answer[4096];
	int len = snprintf(text, sizeof(text),
					   "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: "
					   "%s\r\nAccept: %s\r\nContent-Length: %zu\r\n\r\n%s",
					   method, path, type, strcmp(type, "text/csv") == 0 ? type : "*/*",
					   strlen(body), body);
	int status = 0;
	ssize_t got, at = 0;
	(void)!send(fd, text, (size_t)len, MSG_NOSIGNAL); // it may be closed already
	while ((got = recv(fd, answer, sizeof(answer) - 1, 0)) > 0) {
		answer[got] = '\0';
		if (at == 0)
			(void)sscanf(answer, "HTTP/1.1 %d", &status);
		at += got;
	}
	if (got < 0 && errno == EAGAIN)
		fail_msg("%s %s is never answered", method, path);
	return status;
}

static int
ask(const Rig *rig, const char *method, const char *path, const char *type, const char *body)
{
	int fd = connect_to(rig);
	int status = ask_over(fd, method, path, type, body);
	close(fd);
	return status;
}

static const struct {
	const char *method, *path, *type, *body;
	int status;
} REQUESTS[] = {
	{"POST", "/write", "text/plain", "m,h=a\\ b f=1,s=\"x\" 1\nn,h=b g=2i 2\n", 204},
	{"POST", "/api/v1/write?precision=s", "text/plain", "m,h=a f=1i 1\nm f=2 2\nbad\n", 400},
	{"POST", "/api/v1/write?table=c&tags=h", "text/csv", "time,h,v\n1,a,1.5\n2,\"b\"\"\",\n", 200},
	{"POST", "/api/v1/write?table=j", "application/x-ndjson",
	 "{\"time\":1,\"h\":\"a\\n\",\"v\":true}\n{\"v\":null}\n", 400},
	{"POST", "/api/v1/query", "text/plain", "SELECT 1 AS a, 'x' AS b, NULL AS c", 200},
	{"POST", "/api/v1/query", "text/csv", "SELECT 1 AS a, 'x,y' AS b", 200},
	{"POST", "/api/v1/query?database=nobody", "text/plain", "SELECT 1", 404},
	{"POST", "/api/v1/query", "application/json", "{\"sql\": \"SELEC\"}", 400},
	{"POST", "/api/v1/action/server.info", "application/json", "{}", 200},
	{"POST", "/api/v1/action/nothing", "application/json", "{}", 501},
	{"GET", "/metrics", "text/plain", "", 200},
	{"GET", "/ready", "text/plain", "", 200},
	{"GET", "/openapi.json", "text/plain", "", 200},
};

static void
every_request_is_answered_as_it_should(void **state)
{
	(void)state;
	Rig rig;
	rig_open(&rig);
	for (size_t i = 0; i < COUNT_OF(REQUESTS); i++) {
		int status =
			ask(&rig, REQUESTS[i].method, REQUESTS[i].path, REQUESTS[i].type, REQUESTS[i].body);
		if (status != REQUESTS[i].status)
			fail_msg("%s is answered with %d", REQUESTS[i].path, status);
	}
	rig_close(&rig);
}

// Whether it happened.
static bool
ask_with_a_fault(const Rig *rig, size_t request, Fault fault)
{
	int fd = connect_to(rig);
	warm_up(fd);
	arm(&fault);
	(void)ask_over(fd, REQUESTS[request].method, REQUESTS[request].path, REQUESTS[request].type,
				   REQUESTS[request].body);
	bool happened = fault_disarm();
	close(fd);
	return happened;
}

static void
faults_harm_one_request_at_most(void **state)
{
	(void)state;
	Rig rig;
	rig_open(&rig);
	for (size_t i = 0; i < COUNT_OF(REQUESTS); i++) {
		for (long nth = 0; ask_with_a_fault(&rig, i, (Fault){.nth = nth}) && nth < 5000; nth++)
			(void)ask_with_a_fault(&rig, i, (Fault){.nth = nth, .sticky = true});
		assert_int_equal(ask(&rig, "GET", "/health", "text/plain", ""), 200);
	}
	assert_int_equal(
		ask(&rig, "POST", "/api/v1/query", "text/plain", "SELECT count(*) FROM range(1000)"), 200);
	rig_close(&rig);
}

static Status
make_and_free(const Rig *rig, Error *err)
{
	SCOPED(web_drop) Web *web = NULL;
	WebOptions options = {.db = rig->db, .session = rig->session, .hosts = "a, b ,,c"};
	return web_new(&options, &web, err);
}

static void
a_port_that_cannot_be_made_is_none(void **state)
{
	(void)state;
	Rig rig = {0}; // what it is made of is not looked at yet
	Error err = ERROR_INIT;
	FAULTS_IN_TURN(mem_live(), st != ST_OK, st, st = make_and_free(&rig, &err));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_request_is_answered_as_it_should),
		cmocka_unit_test(faults_harm_one_request_at_most),
		cmocka_unit_test(a_port_that_cannot_be_made_is_none),
	};
	return RUN(tests);
}
