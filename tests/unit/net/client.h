// client.h - an HTTP/2 client of nghttp2 that speaks gRPC to a server over fake_os.h: a test says
// what is sent and in what parts, and looks at what came.

#pragma once

#include <nghttp2/nghttp2.h>

#include "fake_os.h"

enum { CLIENT_STREAMS = 2048, CLIENT_FIELDS = 32 };

typedef struct Stream {
	int32_t id;
	FakeBytes body; // to be sent
	bool ends;      // after body
	bool reset_sent;
	// What came:
	int http_status;
	int grpc_status; // -1: none
	char message[4096];
	char fields[4096]; // "name: value\n" of all header blocks
	int header_blocks;
	FakeBytes data; // never read from here
	bool ended;     // by END_STREAM
	bool closed;
	uint32_t error; // of RST_STREAM
} Stream;

typedef struct Client {
	nghttp2_session *session;
	FakeSock *sock;
	size_t frame_max; // bytes of a DATA frame it sends
	Stream *streams[CLIENT_STREAMS];
	size_t count;
	int goaways;
	uint32_t goaway_error;
	int32_t goaway_last;
	int pings_answered;
	int first_frame;      // type of the first frame that came; -1: none
	uint32_t settings[8]; // by id
} Client;

static inline Stream *
client_stream(Client *client, int32_t id)
{
	for (size_t i = 0; i < client->count; i++) {
		if (client->streams[i]->id == id)
			return client->streams[i];
	}
	return NULL;
}

static inline int
client_on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
				 size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
	(void)session, (void)flags;
	Stream *stream = client_stream(arg, frame->hd.stream_id);
	size_t at = strlen(stream->fields);
	snprintf(stream->fields + at, sizeof(stream->fields) - at, "%.*s: %.*s\n", (int)name_len, name,
			 (int)value_len, value);
	if (name_len == 7 && memcmp(name, ":status", 7) == 0)
		stream->http_status = atoi((const char *)value);
	if (name_len == 11 && memcmp(name, "grpc-status", 11) == 0)
		stream->grpc_status = atoi((const char *)value);
	if (name_len == 12 && memcmp(name, "grpc-message", 12) == 0)
		snprintf(stream->message, sizeof(stream->message), "%.*s", (int)value_len, value);
	return 0;
}

static inline int
client_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	(void)session;
	Client *client = arg;
	if (client->first_frame < 0)
		client->first_frame = frame->hd.type;
	Stream *stream = client_stream(client, frame->hd.stream_id);
	if (stream != NULL && frame->hd.type == NGHTTP2_HEADERS)
		stream->header_blocks++;
	if (stream != NULL && frame->hd.type <= NGHTTP2_HEADERS &&
		(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		stream->ended = true;
	if (frame->hd.type == NGHTTP2_GOAWAY) {
		client->goaways++;
		client->goaway_error = frame->goaway.error_code;
		client->goaway_last = frame->goaway.last_stream_id;
	}
	if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK))
		client->pings_answered++;
	for (size_t i = 0; frame->hd.type == NGHTTP2_SETTINGS && i < frame->settings.niv; i++) {
		if (frame->settings.iv[i].settings_id < 8)
			client->settings[frame->settings.iv[i].settings_id] = frame->settings.iv[i].value;
	}
	return 0;
}

static inline int
client_on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
			   void *arg)
{
	(void)session, (void)flags;
	Stream *stream = client_stream(arg, id);
	fake_put(&stream->data, data, len);
	return 0;
}

static inline int
client_on_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
	(void)session;
	Stream *stream = client_stream(arg, id);
	if (stream != NULL) {
		stream->closed = true;
		stream->error = error;
	}
	return 0;
}

static inline ssize_t
client_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
			nghttp2_data_source *source, void *arg)
{
	(void)session, (void)id;
	Stream *stream = source->ptr;
	size_t max = ((Client *)arg)->frame_max;
	size_t n = fake_get(&stream->body, buf, length < max ? length : max);
	if (stream->ends && stream->body.pos == stream->body.len)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	else if (n == 0)
		return NGHTTP2_ERR_DEFERRED;
	return (ssize_t)n;
}

// Connects; the preface goes with the next client_pump. The window is what the client lets streams
// have unread; manual: it gives nothing back by itself.
static inline Client *
client_new(uint32_t window, bool manual)
{
	Client *client = calloc(1, sizeof(*client));
	nghttp2_session_callbacks *cb;
	nghttp2_option *option;
	nghttp2_session_callbacks_new(&cb);
	nghttp2_session_callbacks_set_on_header_callback(cb, client_on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, client_on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, client_on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, client_on_close);
	nghttp2_option_new(&option);
	nghttp2_option_set_no_auto_window_update(option, manual);
	nghttp2_session_client_new2(&client->session, cb, client, option);
	nghttp2_session_callbacks_del(cb);
	nghttp2_option_del(option);
	nghttp2_settings_entry entries[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window},
										{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
	nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, entries, 2);
	nghttp2_session_set_local_window_size(client->session, NGHTTP2_FLAG_NONE, 0, 1 << 30);
	client->sock = fake_connect();
	client->frame_max = SIZE_MAX;
	client->first_frame = -1;
	return client;
}

// Both sides talk until neither has more to say.
static inline void
client_pump(Client *client)
{
	for (bool any = true; any;) {
		any = false;
		const uint8_t *data;
		ssize_t n;
		while ((n = nghttp2_session_mem_send(client->session, &data)) > 0) {
			fake_put(&client->sock->to_server, data, (size_t)n);
			any = true;
		}
		fake_run();
		FakeBytes *in = &client->sock->to_client;
		if (in->pos < in->len) {
			nghttp2_session_mem_recv(client->session, in->data + in->pos, in->len - in->pos);
			in->pos = in->len;
			any = true;
		}
	}
}

static inline nghttp2_nv
client_field(const char *name, const char *value)
{
	return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
						strlen(value), NGHTTP2_NV_FLAG_NONE};
}

// Any request; `fields` are name, value, name, value, ..., NULL. Without a body it ends at once.
static inline Stream *
client_request(Client *client, const char *const *fields, bool has_body)
{
	nghttp2_nv nv[CLIENT_FIELDS];
	size_t count = 0;
	for (; fields[2 * count] != NULL; count++)
		nv[count] = client_field(fields[2 * count], fields[2 * count + 1]);
	Stream *stream = calloc(1, sizeof(*stream));
	stream->grpc_status = -1;
	nghttp2_data_provider data = {.source.ptr = stream, .read_callback = client_read};
	stream->id =
		nghttp2_submit_request(client->session, NULL, nv, count, has_body ? &data : NULL, NULL);
	assert(client->count < CLIENT_STREAMS);
	client->streams[client->count++] = stream;
	return stream;
}

// A gRPC call; one more field when `name` is not NULL.
static inline Stream *
client_call_with(Client *client, const char *path, const char *name, const char *value)
{
	const char *fields[] = {":method", "POST",       ":scheme", "http",         ":path",
							path,      ":authority", "test",    "content-type", "application/grpc",
							"te",      "trailers",   name,      value,          NULL};
	return client_request(client, fields, true);
}

static inline Stream *
client_call(Client *client, const char *path)
{
	return client_call_with(client, path, NULL, NULL);
}

static inline void
client_resume(Client *client, Stream *stream)
{
	nghttp2_session_resume_data(client->session, stream->id);
}

static inline void
client_send(Client *client, Stream *stream, const void *data, size_t len)
{
	fake_put(&stream->body, data, len);
	client_resume(client, stream);
}

static inline void
client_end(Client *client, Stream *stream)
{
	stream->ends = true;
	client_resume(client, stream);
}

static inline void
client_reset(Client *client, Stream *stream, uint32_t error)
{
	nghttp2_submit_rst_stream(client->session, NGHTTP2_FLAG_NONE, stream->id, error);
}

// One message, with its prefix.
static inline void
client_send_message(Client *client, Stream *stream, const void *data, size_t len)
{
	uint8_t prefix[] = {0, (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
						(uint8_t)len};
	client_send(client, stream, prefix, sizeof(prefix));
	client_send(client, stream, data, len);
}

static inline bool
client_has_field(const Stream *stream, const char *line)
{
	return strstr(stream->fields, line) != NULL;
}

// Leaves, and lets the server notice.
static inline void
client_free(Client *client)
{
	client->sock->ended = true;
	client->sock->waiting = false;
	if (os.loop != NULL)
		fake_run();
	if (!client->sock->open)
		fake_forget(client->sock);
	nghttp2_session_del(client->session);
	for (size_t i = 0; i < client->count; i++) {
		free(client->streams[i]->body.data);
		free(client->streams[i]->data.data);
		free(client->streams[i]);
	}
	free(client);
}
