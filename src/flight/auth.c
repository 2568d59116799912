#include <string.h>

#include "base/text.h"
#include "flight/codec.h"
#include "flight/flight_int.h"

// What follows "<scheme> " in a header, schemes compared without case.
static bool
after_scheme(Slice header, const char *scheme, Slice *rest)
{
	size_t len = strlen(scheme);
	if (header.len <= len || header.data[len] != ' ' ||
		!text_equal_fold(slice_of(header.data, len), slice_text(scheme)))
		return false;
	while (len < header.len && header.data[len] == ' ')
		len++;
	*rest = slice_of(header.data + len, header.len - len);
	return true;
}

bool
auth_is_in_header(FlightCall *call)
{
	Slice header, rest;
	for (size_t i = 0; grpc_call_header(call->grpc, "authorization", i, &header); i++) {
		if (after_scheme(header, "Basic", &rest) || after_scheme(header, "Bearer", &rest))
			return true;
	}
	return false;
}

// base64(user:password); the password may hold more colons.
static Status
read_basic(Slice text, FlightCredentials *out, Error *err)
{
	if (text_unbase64(text, &out->storage, err) != ST_OK)
		return error_set(
			err, ST_UNAUTHENTICATED,
			"the authorization header is not base64; send Basic base64(user:password)");
	Slice pair = buf_slice(&out->storage);
	const uint8_t *colon = pair.len == 0 ? NULL : memchr(pair.data, ':', pair.len);
	if (colon == NULL)
		return error_set(err, ST_UNAUTHENTICATED,
						 "the authorization header has no colon; send Basic base64(user:password)");
	out->kind = CREDENTIALS_BASIC;
	out->user = slice_of(pair.data, (size_t)(colon - pair.data));
	out->password = slice_of(colon + 1, pair.len - out->user.len - 1);
	return ST_OK;
}

static Status
read_authorization(FlightCall *call, FlightCredentials *out, Error *err)
{
	Slice header, rest;
	for (size_t i = 0; grpc_call_header(call->grpc, "authorization", i, &header); i++) {
		if (after_scheme(header, "Basic", &rest))
			return read_basic(rest, out, err);
		if (after_scheme(header, "Bearer", &rest)) {
			out->kind = CREDENTIALS_BEARER;
			out->token = rest;
			return ST_OK;
		}
	}
	return ST_OK;
}

static Status
read_payload(Slice payload, FlightCredentials *out, Error *err)
{
	if (flight_basic_auth_decode(payload, &out->user, &out->password, NULL) != ST_OK)
		return error_set(err, ST_UNAUTHENTICATED,
						 "the handshake's payload is no BasicAuth; send user name and password");
	out->kind = CREDENTIALS_BASIC;
	return ST_OK;
}

Status
flight_credentials(FlightCall *call, Slice payload, FlightCredentials *out, Error *err)
{
	SCOPED(flight_credentials_close) FlightCredentials found = {0};
	TRY(read_authorization(call, &found, err));
	if (found.kind == CREDENTIALS_NONE && payload.len > 0)
		TRY(read_payload(payload, &found, err));

	// Clients that have not shaken hands yet send this one empty.
	Slice token;
	if (found.kind == CREDENTIALS_NONE &&
		grpc_call_header(call->grpc, "auth-token-bin", 0, &token) && token.len > 0) {
		found.kind = CREDENTIALS_BEARER;
		found.token = token;
	}
	*out = found;
	found.storage = (Buf)BUF_INIT; // moved
	return ST_OK;
}

void
flight_credentials_close(FlightCredentials *credentials)
{
	if (credentials->storage.data != NULL)
		explicit_bzero(credentials->storage.data, credentials->storage.cap);
	buf_close(&credentials->storage);
	*credentials = (FlightCredentials){0};
}
