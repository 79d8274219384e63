#include "client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"

enum { CONNECT_SECONDS = 5, TOTAL_SECONDS = 60, ANSWER_MOST = 64 << 20 };

static void handle_free(CURL **handle)
{
    if (*handle != NULL)
        curl_easy_cleanup(*handle);
    *handle = NULL;
}

static void fields_free(struct curl_slist **fields)
{
    curl_slist_free_all(*fields);
    *fields = NULL;
}

/* Returning less than it was given ends the transfer. */
static size_t keep(char *bytes, size_t size, size_t count, void *context)
{
    struct ivx_text *body = context;
    size_t length;
    if (__builtin_mul_overflow(size, count, &length) || length > ANSWER_MOST
        || body->used > ANSWER_MOST - length)
        return 0;
    ivx_text_add_bytes(body, bytes, length);
    return body->failed ? 0 : length;
}

static bool understand(const char *url, const char *path, long status,
                       const struct ivx_text *body, cJSON **json_out, struct ivx_err *err)
{
    cJSON *json = body->data == NULL ? NULL : cJSON_ParseWithLength(body->data, body->used);
    if (status >= 200 && status < 300 && json != NULL) {
        *json_out = json;
        return true;
    }
    const cJSON *detail = cJSON_GetObjectItemCaseSensitive(json, "detail");
    if (cJSON_IsString(detail))
        ivx_fail(err, status == 404 ? IVX_ABSENT : IVX_REFUSED, "%s", detail->valuestring);
    else
        ivx_fail(err, IVX_DAMAGED, "%s%s answers with status %ld and no JSON: is it isovoxd?",
                 url, path, status);
    cJSON_Delete(json);
    return false;
}

static bool perform(CURL *curl, const char *url, const char *path, struct ivx_text *body,
                    long *status_out, struct ivx_err *err)
{
    IVX_AUTO(ivx_text_free) struct ivx_text whole = { 0 };
    const size_t length = strlen(url);
    ivx_text_add(&whole, "%.*s%s", (int)(length > 0 && url[length - 1] == '/' ? length - 1
                                                                             : length),
                 url, path);
    if (whole.failed)
        return ivx_fail(err, IVX_FULL, "no memory");
    curl_easy_setopt(curl, CURLOPT_URL, whole.data);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TOTAL_SECONDS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "isovox");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    const CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return ivx_fail(err, IVX_REFUSED, "%s is no http:// address", url);
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST
        || code == CURLE_OPERATION_TIMEDOUT)
        return ivx_fail(err, IVX_ABSENT,
                        "no isovoxd answers at %s: %s. Is it running? --url names another place",
                        url, curl_easy_strerror(code));
    if (code != CURLE_OK)
        return ivx_fail(err, IVX_RETRY, "%s: %s", url, curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status_out);
    return true;
}

static bool request(const char *url, const char *path, bool is_post, cJSON **json_out,
                    struct ivx_err *err)
{
    IVX_AUTO(handle_free) CURL *curl = curl_easy_init();
    IVX_AUTO(fields_free) struct curl_slist *fields =
        curl_slist_append(NULL, "Content-Type: application/json");
    IVX_AUTO(ivx_text_free) struct ivx_text body = { 0 };
    long status = 0;
    if (curl == NULL || fields == NULL)
        return ivx_fail(err, IVX_FULL, "no memory");
    if (is_post) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
    }
    return perform(curl, url, path, &body, &status, err)
           && understand(url, path, status, &body, json_out, err);
}

bool ivx_client_get(const char *url, const char *path, cJSON **json_out, struct ivx_err *err)
{
    return request(url, path, false, json_out, err);
}

bool ivx_client_post(const char *url, const char *path, cJSON **json_out, struct ivx_err *err)
{
    return request(url, path, true, json_out, err);
}
