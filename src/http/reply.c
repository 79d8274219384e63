#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "isovox/base/auto.h"
#include "isovox/sys/clock.h"
#include "server.h"

void ivx_reply_free(struct ivx_reply *reply)
{
    ivx_text_free(&reply->body);
}

void ivx_json_free(cJSON **json)
{
    cJSON_Delete(*json);
    *json = NULL;
}

void ivx_reply_text(struct ivx_reply *reply, int status, const char *type, const char *text)
{
    ivx_text_free(&reply->body);
    reply->status = status;
    reply->type = type;
    ivx_text_add(&reply->body, "%s", text);
}

static void no_memory(struct ivx_reply *reply)
{
    reply->failed = false;
    ivx_reply_text(reply, 507, "application/problem+json",
                   "{\"type\":\"about:blank\",\"title\":\"Insufficient Storage\","
                   "\"status\":507,\"detail\":\"out of memory\"}\n");
}

void ivx_reply_json(struct ivx_reply *reply, int status, cJSON **json)
{
    char *text = *json == NULL || reply->failed ? NULL : cJSON_PrintUnformatted(*json);
    ivx_json_free(json);
    if (text == NULL) {
        no_memory(reply);
        return;
    }
    const bool is_problem = status >= 400 && status != 503;
    ivx_reply_text(reply, status,
                   is_problem ? "application/problem+json" : "application/json", text);
    ivx_text_add(&reply->body, "\n");
    cJSON_free(text);
}

static const char *title_of(int status)
{
    switch (status) {
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 503: return "Service Unavailable";
    case 507: return "Insufficient Storage";
    default: return "Internal Server Error";
    }
}

void ivx_reply_problem(struct ivx_reply *reply, int status, const char *format, ...)
{
    char detail[400];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);

    cJSON *json = cJSON_CreateObject();
    ivx_put_text(reply, json, "type", "about:blank");
    ivx_put_text(reply, json, "title", title_of(status));
    ivx_put_number(reply, json, "status", status);
    ivx_put_text(reply, json, "detail", detail);
    ivx_reply_json(reply, status, &json);
    reply->type = "application/problem+json";
}

void ivx_reply_error(struct ivx_reply *reply, const struct ivx_err *err)
{
    /* What an operator asks for and the state does not allow is a conflict, not a format. */
    const int status = err->code == IVX_REFUSED ? 409 : ivx_code_http(err->code);
    ivx_reply_problem(reply, status, "%s", err->text);
}

static void note(struct ivx_reply *reply, const cJSON *added)
{
    if (added == NULL)
        reply->failed = true;
}

void ivx_put_text(struct ivx_reply *reply, cJSON *to, const char *key, const char *value)
{
    note(reply, cJSON_AddStringToObject(to, key, value));
}

void ivx_put_number(struct ivx_reply *reply, cJSON *to, const char *key, int64_t value)
{
    note(reply, cJSON_AddNumberToObject(to, key, (double)value));
}

void ivx_put_bool(struct ivx_reply *reply, cJSON *to, const char *key, bool value)
{
    note(reply, cJSON_AddBoolToObject(to, key, value));
}

/* ISO 8601, UTC; null when it has not happened. */
void ivx_put_time(struct ivx_reply *reply, cJSON *to, const char *key, int64_t us)
{
    char text[32];
    if (us <= 0) {
        note(reply, cJSON_AddNullToObject(to, key));
        return;
    }
    ivx_clock_iso(us, text);
    ivx_put_text(reply, to, key, text);
}

void ivx_put_json(struct ivx_reply *reply, cJSON *to, const char *key, cJSON **value)
{
    cJSON *taken = IVX_STEAL(*value);
    const bool added = taken != NULL && to != NULL
                       && (key == NULL ? cJSON_AddItemToArray(to, taken)
                                       : cJSON_AddItemToObject(to, key, taken));
    if (added)
        return;
    cJSON_Delete(taken);
    reply->failed = true;
}

void ivx_put_parsed(struct ivx_reply *reply, cJSON *to, const char *key, char **text)
{
    cJSON *parsed = *text == NULL ? cJSON_CreateNull() : cJSON_Parse(*text);
    free(*text);
    *text = NULL;
    ivx_put_json(reply, to, key, &parsed);
}

cJSON *ivx_put_object(struct ivx_reply *reply, cJSON *to, const char *key)
{
    cJSON *made = cJSON_AddObjectToObject(to, key);
    note(reply, made);
    return made;
}

cJSON *ivx_put_array(struct ivx_reply *reply, cJSON *to, const char *key)
{
    cJSON *made = cJSON_AddArrayToObject(to, key);
    note(reply, made);
    return made;
}
