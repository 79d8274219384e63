/* server.h - what the http role's own files share. A request is answered from plain values,
 * so that everything but server.c is tested without a socket. */
#ifndef IVX_HTTP_SERVER_H
#define IVX_HTTP_SERVER_H

#include <cjson/cJSON.h>

#include "isovox/base/text.h"
#include "isovox/catalogue/breaker.h"
#include "isovox/catalogue/commitment.h"
#include "isovox/config/config.h"
#include "isovox/sys/disk.h"

/* Borrowed during the call; what the client did not send is NULL. */
struct ivx_request {
    const char *method, *path;
    const char *host, *origin, *fetch_site, *content_type; /* header fields */
    const char *limit, *after, *order, *series, *job;      /* query */
    bool is_loopback;                                      /* the peer's address */
};

struct ivx_reply {
    int status;
    const char *type;          /* media type */
    const char *policy;        /* Content-Security-Policy; NULL: nothing may load */
    const char *allow;         /* with 405 */
    struct ivx_text body;
    bool is_stream;            /* server.c goes on with events */
    bool failed;               /* out of memory while it was made */
};

struct ivx_histograms; /* metrics.c */

struct ivx_site {
    const struct ivx_config *config;
    struct ivx_catalogue *catalogue; /* read only; opened when first needed */
    struct ivx_histograms *histograms;
    struct ivx_text page;            /* the page, with style and script inside */
    char policy[512];                /* its Content-Security-Policy */
    int64_t started_us;
    enum ivx_disk_level disk_level; /* when it was looked at last, and since when it is that */
    int64_t disk_since_us;
};

void ivx_site_end(struct ivx_site *site);
/* The catalogue, opened if need be; NULL and *err when that fails. */
struct ivx_catalogue *ivx_site_catalogue(struct ivx_site *site, struct ivx_err *err);

/* guard.c: Host, Origin, method rules. False: the reply says why. */
bool ivx_guard(const struct ivx_config *config, const struct ivx_request *request,
               struct ivx_reply *reply);

/* routes.c: guards, finds, answers. Always leaves a reply. */
void ivx_site_answer(struct ivx_site *site, const struct ivx_request *request,
                     struct ivx_reply *reply);

/* reply.c */
void ivx_reply_text(struct ivx_reply *reply, int status, const char *type, const char *text);
/* Prints and frees *json. */
void ivx_reply_json(struct ivx_reply *reply, int status, cJSON **json);
/* application/problem+json, RFC 9457. */
void ivx_reply_problem(struct ivx_reply *reply, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void ivx_reply_error(struct ivx_reply *reply, const struct ivx_err *err);
void ivx_reply_free(struct ivx_reply *reply);
void ivx_json_free(cJSON **json);
/* Members; a failure is noted in the reply and found when it is finished. */
void ivx_put_text(struct ivx_reply *reply, cJSON *to, const char *key, const char *value);
void ivx_put_number(struct ivx_reply *reply, cJSON *to, const char *key, int64_t value);
void ivx_put_bool(struct ivx_reply *reply, cJSON *to, const char *key, bool value);
void ivx_put_time(struct ivx_reply *reply, cJSON *to, const char *key, int64_t us);
/* Takes *value, also when it fails. */
void ivx_put_json(struct ivx_reply *reply, cJSON *to, const char *key, cJSON **value);
/* Takes the text of the catalogue, *text (malloc()ed JSON), and leaves NULL. */
void ivx_put_parsed(struct ivx_reply *reply, cJSON *to, const char *key, char **text);
cJSON *ivx_put_object(struct ivx_reply *reply, cJSON *to, const char *key);
cJSON *ivx_put_array(struct ivx_reply *reply, cJSON *to, const char *key);

/* rows.c: one object per row; NULL only without memory. */
cJSON *ivx_json_series(struct ivx_reply *reply, const struct ivx_series_row *row);
cJSON *ivx_json_job(struct ivx_reply *reply, const struct ivx_job_row *row);
cJSON *ivx_json_delivery(struct ivx_reply *reply, const struct ivx_delivery_row *row);
cJSON *ivx_json_commitment(struct ivx_reply *reply, const struct ivx_commitment_row *row);
cJSON *ivx_json_role(struct ivx_reply *reply, const struct ivx_role_row *row);

/* status.c, api.c, metrics.c: the answers. id is the number in the path, or 0. */
typedef void ivx_answer(struct ivx_site *site, const struct ivx_request *request, int64_t id,
                        struct ivx_reply *reply);
ivx_answer ivx_answer_page, ivx_answer_alive, ivx_answer_ready, ivx_answer_metrics,
    ivx_answer_status, ivx_answer_series_list, ivx_answer_series, ivx_answer_job_list,
    ivx_answer_job, ivx_answer_manifest, ivx_answer_delivery_list, ivx_answer_delivery,
    ivx_answer_events, ivx_answer_complete, ivx_answer_job_retry, ivx_answer_job_cancel,
    ivx_answer_delivery_retry, ivx_answer_delivery_cancel, ivx_answer_commitment_list,
    ivx_answer_commitment, ivx_answer_commitment_retry;

/* status.c: what the page's first row shows, as JSON text for the event stream. */
bool ivx_status_text(struct ivx_site *site, struct ivx_text *out);
/* Of state_dir, against the marks of the configuration. */
struct ivx_disk ivx_site_disk(struct ivx_site *site);

/* metrics.c */
void ivx_histograms_free(struct ivx_histograms **histograms);

/* page.c, generated from page/ by embed.sh */
extern const unsigned char ivx_page_html[], ivx_page_css[], ivx_page_js[];
extern const unsigned int ivx_page_html_size, ivx_page_css_size, ivx_page_js_size;
/* assemble.c: puts the three together; the policy allows exactly this style and script. */
bool ivx_page_make(struct ivx_text *page_out, char policy_out[512], struct ivx_err *err);

#endif
