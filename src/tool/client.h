/* client.h - one request to a running daemon. */
#ifndef IVX_TOOL_CLIENT_H
#define IVX_TOOL_CLIENT_H

#include <cjson/cJSON.h>

#include "isovox/base/err.h"

/* GET, or POST with an empty body; *json_out is the caller's (cJSON_Delete). The text of a
 * failure is for people: nobody answers, or the daemon's own words. */
bool ivx_client_get(const char *url, const char *path, cJSON **json_out, struct ivx_err *err);
bool ivx_client_post(const char *url, const char *path, cJSON **json_out, struct ivx_err *err);

#endif
