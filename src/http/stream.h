/* stream.h - server-sent events: the status as JSON whenever it has changed. */
#ifndef IVX_HTTP_STREAM_H
#define IVX_HTTP_STREAM_H

#include <microhttpd.h>

#include "server.h"

struct ivx_streams; /* all that are open; one thread */

bool ivx_streams_new(struct ivx_streams **out, struct ivx_err *err);
/* After the daemon has been stopped. */
void ivx_streams_free(struct ivx_streams **streams);
/* A response that never ends by itself; NULL when there are too many. */
struct MHD_Response *ivx_stream_open(struct ivx_streams *streams,
                                     struct MHD_Connection *connection);
/* Call about twice a second: asks for the status when somebody listens. */
void ivx_streams_turn(struct ivx_streams *streams, struct ivx_site *site);
/* Ends all; the daemon must run once more to say so. */
void ivx_streams_stop(struct ivx_streams *streams);

#endif
