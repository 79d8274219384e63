#include "isovox/dicom/inflate.h"

#include <stdlib.h>
#include <zlib.h>

#include "isovox/base/auto.h"

enum { ROOM = 65536, RAW_DEFLATE = -15 };
/* How far apart the places are from which inflating can go on: 45 KiB each. */
enum { MARK_DISTANCE = 4 << 20, MOST_MARKS = IVX_INFLATE_MOST / MARK_DISTANCE };

struct mark {
    z_stream zlib;
    uint64_t next, produced;
};

struct ivx_inflate {
    int fd;
    const struct ivx_blob *blob;
    uint64_t start;
    uint64_t next;     /* of the input that zlib has not seen, within the blob */
    uint64_t produced; /* bytes of the data set so far */
    bool running, ended;
    z_stream zlib;
    struct mark *mark[MOST_MARKS]; /* owned; [n] is for (n + 1) * MARK_DISTANCE and beyond */
    uint8_t input[ROOM], scratch[ROOM];
};

static bool damaged(struct ivx_err *err, const char *what)
{
    return ivx_fail(err, IVX_DAMAGED, "inflate: %s", what);
}

static bool rewind_all(struct ivx_inflate *self, struct ivx_err *err)
{
    if (self->running)
        inflateEnd(&self->zlib);
    self->zlib = (z_stream){ 0 };
    self->running = inflateInit2(&self->zlib, RAW_DEFLATE) == Z_OK;
    self->next = self->start;
    self->produced = 0;
    self->ended = false;
    return self->running || ivx_fail(err, IVX_FULL, "inflate: no memory");
}

bool ivx_inflate_new(int fd, const struct ivx_blob *blob, uint64_t start,
                     struct ivx_inflate **out, struct ivx_err *err)
{
    if (start > blob->length)
        return damaged(err, "there is no data set");
    IVX_AUTO(ivx_inflate_free) struct ivx_inflate *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "inflate: no memory");
    made->fd = fd;
    made->blob = blob;
    made->start = start;
    if (!rewind_all(made, err))
        return false;
    *out = IVX_STEAL(made);
    return true;
}

void ivx_inflate_free(struct ivx_inflate **owner)
{
    if (*owner == NULL)
        return;
    if ((*owner)->running)
        inflateEnd(&(*owner)->zlib);
    for (size_t n = 0; n < MOST_MARKS; n++) {
        if ((*owner)->mark[n] != NULL)
            inflateEnd(&(*owner)->mark[n]->zlib);
        free((*owner)->mark[n]);
    }
    free(*owner);
    *owner = NULL;
}

static bool refill(struct ivx_inflate *self, struct ivx_err *err)
{
    const uint64_t rest = self->blob->length - self->next;
    const size_t size = rest < ROOM ? (size_t)rest : ROOM;
    if (size == 0)
        return damaged(err, "the deflated data set is cut off");
    if (!ivx_fd_pread(self->fd, self->input, size,
                      self->blob->offset + self->next, self->blob->path, err))
        return false;
    self->next += size;
    self->zlib.next_in = self->input;
    self->zlib.avail_in = (uInt)size;
    return true;
}

/* So that going back need not begin at the beginning. Without memory it does. */
static void leave_mark(struct ivx_inflate *self)
{
    const uint64_t n = self->produced / MARK_DISTANCE;
    if (n == 0 || n > MOST_MARKS || self->mark[n - 1] != NULL || self->ended)
        return;
    struct mark *made = calloc(1, sizeof *made);
    if (made == NULL || inflateCopy(&made->zlib, &self->zlib) != Z_OK) {
        free(made);
        return;
    }
    made->next = self->next - self->zlib.avail_in;
    made->produced = self->produced;
    self->mark[n - 1] = made;
}

/* The last mark at or before `at`, if that is nearer than where we are. */
static bool go_to_mark(struct ivx_inflate *self, uint64_t at, struct ivx_err *err)
{
    uint64_t n = at / MARK_DISTANCE < MOST_MARKS ? at / MARK_DISTANCE : MOST_MARKS;
    while (n > 0 && (self->mark[n - 1] == NULL || self->mark[n - 1]->produced > at))
        n--;
    const bool forward = at >= self->produced;
    if (n == 0 || (forward && self->mark[n - 1]->produced <= self->produced))
        return forward || rewind_all(self, err);
    struct mark *mark = self->mark[n - 1];
    inflateEnd(&self->zlib);
    self->running = inflateCopy(&self->zlib, &mark->zlib) == Z_OK;
    self->zlib.avail_in = 0;
    self->next = mark->next;
    self->produced = mark->produced;
    self->ended = false;
    return self->running || ivx_fail(err, IVX_FULL, "inflate: no memory");
}

/* Up to `room` <= ROOM bytes; fewer only at the end of the data set. Input that is used up
 * may still owe output: the rest of a long match. */
static bool produce(struct ivx_inflate *self, uint8_t *out, size_t room, size_t *size_out,
                    struct ivx_err *err)
{
    self->zlib.next_out = out;
    self->zlib.avail_out = (uInt)room;
    while (self->zlib.avail_out > 0 && !self->ended) {
        const int done = inflate(&self->zlib, Z_NO_FLUSH);
        if (done == Z_MEM_ERROR)
            return ivx_fail(err, IVX_FULL, "inflate: no memory");
        if (done != Z_OK && done != Z_STREAM_END && done != Z_BUF_ERROR)
            return damaged(err, "the deflated data set is malformed");
        self->ended = done == Z_STREAM_END;
        if (done == Z_BUF_ERROR && !refill(self, err))
            return false;
    }
    *size_out = room - self->zlib.avail_out;
    self->produced += *size_out;
    leave_mark(self);
    return true;
}

bool ivx_inflate_measure(struct ivx_inflate *self, uint64_t *length_out, struct ivx_err *err)
{
    if (!rewind_all(self, err))
        return false;
    while (!self->ended) {
        size_t size;
        if (!produce(self, self->scratch, ROOM, &size, err))
            return false;
        if (self->produced > IVX_INFLATE_MOST)
            return ivx_fail(err, IVX_REFUSED, "inflate: the data set is longer than %llu bytes",
                            (unsigned long long)IVX_INFLATE_MOST);
    }
    *length_out = self->produced;
    return true;
}

static bool skip_to(struct ivx_inflate *self, uint64_t at, struct ivx_err *err)
{
    if (!go_to_mark(self, at, err))
        return false;
    while (self->produced < at) {
        const uint64_t rest = at - self->produced;
        size_t size;
        if (!produce(self, self->scratch, rest < ROOM ? (size_t)rest : ROOM, &size, err))
            return false;
        if (size == 0)
            return damaged(err, "the deflated data set is too short");
    }
    return true;
}

bool ivx_inflate_read(struct ivx_inflate *self, uint64_t at, void *out, size_t length,
                      struct ivx_err *err)
{
    uint8_t *to = out;
    if (!skip_to(self, at, err))
        return false;
    while (length > 0) {
        size_t size;
        if (!produce(self, to, length < ROOM ? length : ROOM, &size, err))
            return false;
        if (size == 0)
            return damaged(err, "the deflated data set is too short");
        to += size;
        length -= size;
    }
    return true;
}
