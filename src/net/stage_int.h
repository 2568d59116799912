// stage_int.h - the gathered write: frames collected in one list of pieces, sent together.
//
// Frame headers and small payloads are copied into the stage, large payloads are referred to until
// they were sent. A connection holds a stage only while it has something to send.
//
// Threads  one owner.

#pragma once

#include "base/bytes.h"
#include "net/queue_int.h"

typedef struct Stage Stage;

Stage *stage_new(size_t limit_bytes); // NULL: no memory
void stage_free(Stage *stage);        // NULL is allowed
bool stage_is_empty(const Stage *stage);

// Payload bytes that one more DATA frame may have; 0: send what is there first.
size_t stage_frame_room(const Stage *stage);
// How many of the first `max_bytes` of the queue one frame may take.
size_t stage_measure(const PieceQueue *queue, size_t max_bytes);

// Copies as much as there is room for and says how much.
size_t stage_copy(Stage *stage, const uint8_t *data, size_t len);
// A DATA frame: its header and the queue's first len bytes, as stage_frame_room and stage_measure
// allowed them.
void stage_frame(Stage *stage, const uint8_t *head, size_t head_len, PieceQueue *queue, size_t len);

// Copies up to `max` bytes off the front and says how many: what is encrypted is one piece.
size_t stage_join(Stage *stage, uint8_t *to, size_t max);

// One write. Bytes written are added to *sent; *blocked when the socket takes no more now.
Status stage_write(Stage *stage, int fd, size_t *sent, bool *blocked, Error *err);
