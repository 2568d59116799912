// http-parser reports names and values in parts, and takes more than HTTP allows: parts are put
// together here, and what it lets pass (blanks in names, other versions) is refused here.

#include "net/h1_parser_int.h"

#include <http_parser.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

enum { FIELD_OVERHEAD = 32 }; // what a field counts besides its text, as in HTTP/2

struct H1Parser {
	http_parser parser;
	const H1Events *events;
	void *arg;
	size_t max_target;
	size_t max_header;
	size_t header_bytes; // of the fields so far, trailers too
	Buf target;
	Buf name;
	Buf value;
	bool has_field; // name, and perhaps value, wait to be told
	bool in_value;  // what came last was part of a value
	bool head_ended;
	H1Problem problem;
};

static const H1Problem NO_MEMORY = {503, ST_NO_MEMORY,
									"no memory for the request; try again later"};

void
h1_parser_refuse(H1Parser *parser, H1Problem problem)
{
	if (parser->problem.status == 0)
		parser->problem = problem;
	h1_parser_pause(parser); // takes effect when the event returns
}

void
h1_parser_pause(H1Parser *parser)
{
	if (HTTP_PARSER_ERRNO(&parser->parser) == HPE_OK)
		http_parser_pause(&parser->parser, 1);
}

void
h1_parser_resume(H1Parser *parser)
{
	if (HTTP_PARSER_ERRNO(&parser->parser) == HPE_PAUSED && parser->problem.status == 0)
		http_parser_pause(&parser->parser, 0);
}

H1Problem
h1_parser_problem(const H1Parser *parser)
{
	return parser->problem;
}

// ---- fields ----

static bool
is_token(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		   (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

// In lower case. False: HTTP has no such name.
static bool
fold_name(Buf *name)
{
	for (size_t i = 0; i < name->len; i++) {
		name->data[i] = text_fold(name->data[i]);
		if (!is_token(name->data[i]))
			return false;
	}
	return name->len > 0;
}

static Slice
trimmed(Slice value)
{
	while (value.len > 0 && (value.data[value.len - 1] == ' ' || value.data[value.len - 1] == '\t'))
		value.len--;
	return value;
}

static void
tell_field(H1Parser *parser)
{
	if (!parser->has_field)
		return;
	parser->has_field = parser->in_value = false;
	if (parser->name.failed || parser->value.failed)
		h1_parser_refuse(parser, NO_MEMORY);
	else if (!fold_name(&parser->name))
		h1_parser_refuse(parser,
						 (H1Problem){400, ST_INVALID, "a header field's name is no HTTP token"});
	else if (!parser->head_ended) // trailers say nothing to us
		parser->events->field(parser->arg, buf_slice(&parser->name),
							  trimmed(buf_slice(&parser->value)));
	buf_reset(&parser->name);
	buf_reset(&parser->value);
}

static bool
count_header(H1Parser *parser, size_t len)
{
	parser->header_bytes += len;
	if (parser->header_bytes <= parser->max_header)
		return true;
	h1_parser_refuse(parser, (H1Problem){431, ST_LIMIT,
										 "the header fields are too large; send fewer or shorter "
										 "ones"});
	return false;
}

// ---- what http-parser calls ----

static int
on_begin(http_parser *http)
{
	H1Parser *parser = http->data;
	buf_reset(&parser->target);
	parser->header_bytes = 0;
	parser->has_field = parser->in_value = parser->head_ended = false;
	parser->events->begin(parser->arg);
	return 0;
}

static int
on_url(http_parser *http, const char *at, size_t len)
{
	H1Parser *parser = http->data;
	if (parser->target.len + len > parser->max_target)
		h1_parser_refuse(parser, (H1Problem){414, ST_LIMIT, "the request's target is too long"});
	else
		buf_add(&parser->target, at, len);
	return 0;
}

static int
on_name(http_parser *http, const char *at, size_t len)
{
	H1Parser *parser = http->data;
	if (parser->in_value)
		tell_field(parser);
	size_t overhead = parser->has_field ? 0 : FIELD_OVERHEAD;
	parser->has_field = true;
	if (count_header(parser, overhead + len))
		buf_add(&parser->name, at, len);
	return 0;
}

static int
on_value(http_parser *http, const char *at, size_t len)
{
	H1Parser *parser = http->data;
	parser->in_value = true;
	if (count_header(parser, len))
		buf_add(&parser->value, at, len);
	return 0;
}

static bool
is_sound(H1Parser *parser)
{
	const http_parser *http = &parser->parser;
	if (parser->target.failed)
		h1_parser_refuse(parser, NO_MEMORY);
	else if (http->http_major != 1 || http->http_minor > 1)
		h1_parser_refuse(parser, (H1Problem){505, ST_UNIMPLEMENTED, "HTTP/1.1 is spoken here"});
	return parser->problem.status == 0;
}

static int
on_head(http_parser *http)
{
	H1Parser *parser = http->data;
	tell_field(parser);
	parser->head_ended = true;
	if (parser->problem.status != 0 || !is_sound(parser))
		return 0;
	bool chunked = (http->flags & F_CHUNKED) != 0;
	bool has_length = (http->flags & F_CONTENTLENGTH) != 0 && !chunked;
	H1Head head = {
		.method = http_method_str((enum http_method)http->method),
		.target = buf_slice(&parser->target),
		.is_1_0 = http->http_minor == 0,
		.keep_alive = http_should_keep_alive(http) != 0,
		.upgrade = http->upgrade != 0,
		.chunked = chunked,
		.content_length = has_length ? (int64_t)http->content_length : -1,
	};
	parser->events->head(parser->arg, &head);
	return 0;
}

static int
on_body(http_parser *http, const char *at, size_t len)
{
	H1Parser *parser = http->data;
	parser->events->body(parser->arg, slice_of(at, len));
	return 0;
}

static int
on_end(http_parser *http)
{
	H1Parser *parser = http->data;
	tell_field(parser);
	if (parser->problem.status == 0)
		parser->events->end(parser->arg);
	return 0;
}

static const http_parser_settings SETTINGS = {
	.on_message_begin = on_begin,
	.on_url = on_url,
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_end,
};

// ---- parsers ----

Status
h1_parser_new(const H1Events *events, void *arg, size_t max_target, size_t max_header,
			  H1Parser **out, Error *err)
{
	H1Parser *parser = mem_alloc(sizeof(*parser));
	if (parser == NULL)
		return error_no_memory(err, "an HTTP/1.1 connection");
	parser->events = events;
	parser->arg = arg;
	parser->max_target = max_target;
	parser->max_header = max_header;
	http_parser_init(&parser->parser, HTTP_REQUEST);
	parser->parser.data = parser;
	*out = parser;
	return ST_OK;
}

void
h1_parser_free(H1Parser *parser)
{
	if (parser == NULL)
		return;
	buf_close(&parser->target);
	buf_close(&parser->name);
	buf_close(&parser->value);
	mem_free(parser);
}

static H1Problem
problem_of(enum http_errno error)
{
	switch (error) {
	case HPE_INVALID_METHOD: return (H1Problem){501, ST_UNIMPLEMENTED, "no such method is known"};
	case HPE_INVALID_VERSION: return (H1Problem){505, ST_UNIMPLEMENTED, "HTTP/1.1 is spoken here"};
	case HPE_HEADER_OVERFLOW:
		return (H1Problem){431, ST_LIMIT,
						   "the header fields are too large; send fewer or shorter ones"};
	case HPE_INVALID_CHUNK_SIZE:
		return (H1Problem){400, ST_INVALID, "a chunk of the body has no valid size"};
	case HPE_INVALID_CONTENT_LENGTH:
	case HPE_UNEXPECTED_CONTENT_LENGTH:
	case HPE_INVALID_TRANSFER_ENCODING:
		return (H1Problem){400, ST_INVALID, "the length of the body is told in no sound way"};
	default: return (H1Problem){400, ST_INVALID, "the request is not HTTP/1.1"};
	}
}

size_t
h1_parser_push(H1Parser *parser, Slice in)
{
	http_parser *http = &parser->parser;
	if (in.len == 0 || parser->problem.status != 0 || HTTP_PARSER_ERRNO(http) == HPE_PAUSED)
		return 0;
	size_t taken = http_parser_execute(http, &SETTINGS, (const char *)in.data, in.len);
	enum http_errno error = HTTP_PARSER_ERRNO(http);
	if (error != HPE_OK && error != HPE_PAUSED && parser->problem.status == 0)
		parser->problem = problem_of(error);
	// Another protocol may follow, and then http-parser stops by itself; whoever goes on with
	// HTTP pushes the rest again.
	return taken;
}
