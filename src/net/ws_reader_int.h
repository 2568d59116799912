// ws_reader_int.h - WebSocket frames of a client, taken apart and put together to messages.
//
// Threads  one owner.

#pragma once

#include "base/buf.h"
#include "net/websocket.h"

enum { WS_CONTROL_MAX = 125 };

enum {
	WS_CONTINUATION = 0x0,
	WS_TEXT = 0x1,
	WS_BINARY = 0x2,
	WS_CLOSE = 0x8,
	WS_PING = 0x9,
	WS_PONG = 0xA,
	WS_FINAL = 0x80, // in a frame's first byte
};

typedef enum WsNext {
	WS_MORE,     // all was taken, and it is not enough
	WS_FRAME,    // part of a message ended: nothing to do
	WS_MESSAGE,  // *message
	WS_CONTROL,  // control_opcode and control
	WS_REFUSED,  // close_code and problem; nothing more can be read
	WS_NO_SPACE, // no memory
} WsNext;

typedef struct WsReader {
	size_t max_message;
	uint8_t head[14];
	uint8_t head_len; // bytes of it so far
	bool in_payload;
	bool final;
	uint8_t opcode;
	uint8_t message_opcode; // of the message that is being put together; 0: none
	uint8_t fragments;      // of it
	uint64_t left;          // of the payload
	size_t mask_at;
	Buf message;
	Buf control; // empty but while a control frame is read or told
	int close_code;
	const char *problem;
} WsReader;

void ws_reader_init(WsReader *reader, size_t max_message);
void ws_reader_close(WsReader *reader);
// Takes from *in what makes one of WsNext.
WsNext ws_reader_next(WsReader *reader, Slice *in, WebSocketMessage *message);
// Whether a message has begun and not ended.
bool ws_reader_is_between(const WsReader *reader);

// What a close frame says. WEBSOCKET_NO_CODE when it is empty; 0 when it may not be so, and then
// *refusal is why.
int ws_close_code(Slice payload, int *refusal);
