#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "table.h"
#include "tool.h"

#define DEFAULT_URL "http://127.0.0.1:8080"
enum { LIMIT_DEFAULT = 50, PAGE = 500 };

struct question {
    const char *command;
    const char *url;
    bool is_json, is_all;
    long long limit;
    char **ids;
    int id_count;
};

static void json_free(cJSON **json)
{
    cJSON_Delete(*json);
    *json = NULL;
}

static void print_help(const char *command, const char *arguments, const char *help, bool lists)
{
    printf("usage: isovox %s [--url URL] [--json]%s %s\n\n%s\n\n"
           "  --url URL   where isovoxd listens; default $ISOVOX_URL or " DEFAULT_URL "\n"
           "  --json      the daemon's answer as it is\n",
           command, lists ? " [--limit N | --all]" : "", arguments, help);
    if (lists)
        puts("  --limit N   the newest N, default 50\n"
             "  --all       everything, oldest first");
}

/* -1: go on, else the exit status. */
static int read_options(int argc, char **argv, const char *arguments, const char *help,
                        bool lists, struct question *out)
{
    static const struct option options[] = {
        { "url", required_argument, NULL, 'u' },   { "json", no_argument, NULL, 'j' },
        { "limit", required_argument, NULL, 'l' }, { "all", no_argument, NULL, 'a' },
        { "help", no_argument, NULL, 'h' },        { NULL, 0, NULL, 0 },
    };
    const char *from_environment = getenv("ISOVOX_URL");
    int option;
    *out = (struct question){ .command = argv[0], .limit = LIMIT_DEFAULT,
                              .url = from_environment == NULL ? DEFAULT_URL : from_environment };
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'u')
            out->url = optarg;
        else if (option == 'j')
            out->is_json = true;
        else if (option == 'a' && lists)
            out->is_all = true;
        else if (option == 'l' && lists && ivx_text_to_int64(optarg, &out->limit)
                 && out->limit >= 1 && out->limit <= 1000)
            continue;
        else if (option == 'h') {
            print_help(argv[0], arguments, help, lists);
            return IVX_EXIT_DONE;
        } else
            return ivx_tool_usage(argv[0], "what is '%s'?", argv[optind - 1]);
    }
    out->ids = argv + optind;
    out->id_count = argc - optind;
    return -1;
}

static int failed(const struct question *q, const struct ivx_err *err)
{
    fprintf(stderr, "isovox %s: %s\n", q->command, err->text);
    return IVX_EXIT_FAILED;
}

static int print_json(const struct question *q, const cJSON *json)
{
    char *text = cJSON_Print(json);
    if (text == NULL)
        return failed(q, &(struct ivx_err){ .text = "no memory" });
    puts(text);
    cJSON_free(text);
    return fflush(stdout) == 0 ? IVX_EXIT_DONE : IVX_EXIT_FAILED;
}

static const char letters[] = "sjdc";

/* "j12", "job/12" and "12" are all 12 when letter is 'j'; *letter_out says what was named. */
static bool read_id(const char *text, char fallback, char *letter_out, long long *id_out)
{
    static const char *const words[] = { "series/", "job/", "delivery/", "commitment/" };
    const bool is_named = text[0] != '\0' && strchr(letters, text[0]) != NULL;
    *letter_out = is_named ? text[0] : fallback;
    for (size_t n = 0; n < IVX_COUNT(words); n++)
        if (strncmp(text, words[n], strlen(words[n])) == 0)
            return ivx_text_to_int64(text + strlen(words[n]), id_out) && *id_out > 0;
    return ivx_text_to_int64(is_named ? text + 1 : text, id_out) && *id_out > 0;
}

static const char *collection_of(char letter)
{
    static const char *const names[] = { "series", "jobs", "deliveries", "commitments" };
    const char *found = strchr(letters, letter);
    return names[found == NULL ? 0 : found - letters];
}

/* ---- status ------------------------------------------------------------------------------- */

static void print_disk(const cJSON *disk)
{
    const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(disk, "free_bytes");
    const cJSON *level = cJSON_GetObjectItemCaseSensitive(disk, "level");
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(disk, "text");
    const cJSON *since = cJSON_GetObjectItemCaseSensitive(disk, "since");
    if (!cJSON_IsNumber(bytes) || !cJSON_IsString(level))
        return;
    printf("%-12s %llu MiB free, %s\n", "disk", (unsigned long long)bytes->valuedouble >> 20,
           level->valuestring);
    const char *why = cJSON_IsString(text) ? strstr(text->valuestring, ": ") : NULL;
    if (why != NULL && cJSON_IsString(since))
        printf("%-12s since %s%s\n", "", since->valuestring, why);
}

static void print_status(const cJSON *json)
{
    static const struct ivx_column roles[] = {
        { "ROLE", "name", "" },     { "STATE", "state", "" },  { "PID", "pid", "" },
        { "RESTARTS", "restarts", "" }, { "SINCE", "since", "" }, { "WHY", "note", "" },
    };
    static const struct ivx_column destinations[] = {
        { "DESTINATION", "name", "" }, { "AE TITLE", "ae_title", "" },
        { "ADDRESS", "address", "" },  { "PORT", "port", "" },
        { "BREAKER", "breaker.state", "" }, { "NEXT TRY", "breaker.next_at", "" },
        { "WHY", "breaker.text", "" },
    };
    static const char *const groups[] = { "series",      "jobs",   "deliveries",
                                          "commitments", "totals", "queue" };
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(json, "version");
    printf("isovoxd %s\n\n", cJSON_IsString(version) ? version->valuestring : "?");
    for (size_t n = 0; n < IVX_COUNT(groups); n++) {
        const cJSON *group = cJSON_GetObjectItemCaseSensitive(json, groups[n]);
        const cJSON *each;
        printf("%-12s", groups[n]);
        cJSON_ArrayForEach(each, group)
        {
            if (cJSON_IsNumber(each))
                printf(" %.15g %s ", each->valuedouble, each->string);
        }
        putchar('\n');
    }
    print_disk(cJSON_GetObjectItemCaseSensitive(json, "disk"));
    putchar('\n');
    ivx_table_print(cJSON_GetObjectItemCaseSensitive(json, "roles"), roles, IVX_COUNT(roles),
                    stdout);
    putchar('\n');
    ivx_table_print(cJSON_GetObjectItemCaseSensitive(json, "destinations"), destinations,
                    IVX_COUNT(destinations), stdout);
}

int ivx_tool_status(int argc, char **argv)
{
    struct question q;
    struct ivx_err err = { 0 };
    IVX_AUTO(json_free) cJSON *json = NULL;
    const int ended = read_options(argc, argv, "", "What a running daemon does now.", false, &q);
    if (ended != -1)
        return ended;
    if (q.id_count > 0)
        return ivx_tool_usage(q.command, "what is '%s'?", q.ids[0]);
    if (!ivx_client_get(q.url, "/api/v1/status", &json, &err))
        return failed(&q, &err);
    if (q.is_json)
        return print_json(&q, json);
    print_status(json);
    return IVX_EXIT_DONE;
}

/* ---- lists -------------------------------------------------------------------------------- */

/* Moves the rows of one page to the end of *all; *after_out is -1 on the last page. */
static bool append_page(cJSON *page, const char *name, cJSON *all, long long *after_out)
{
    cJSON *rows = cJSON_GetObjectItemCaseSensitive(page, name);
    const cJSON *after = cJSON_GetObjectItemCaseSensitive(page, "after");
    while (rows != NULL && rows->child != NULL)
        if (!cJSON_AddItemToArray(all, cJSON_DetachItemFromArray(rows, 0)))
            return false;
    *after_out = cJSON_IsNumber(after) ? (long long)after->valuedouble : -1;
    return true;
}

static bool get_list(const struct question *q, const char *name, cJSON **json_out,
                     struct ivx_err *err)
{
    char path[128];
    IVX_AUTO(json_free) cJSON *json = cJSON_CreateObject();
    cJSON *all = cJSON_AddArrayToObject(json, name);
    long long after = 0;
    do {
        IVX_AUTO(json_free) cJSON *page = NULL;
        if (q->is_all)
            snprintf(path, sizeof path, "/api/v1/%s?limit=%d&after=%lld", name, PAGE, after);
        else
            snprintf(path, sizeof path, "/api/v1/%s?limit=%lld&order=newest", name, q->limit);
        if (!ivx_client_get(q->url, path, &page, err))
            return false;
        if (!append_page(page, name, all, &after))
            return ivx_fail(err, IVX_FULL, "no memory");
    } while (q->is_all && after >= 0);
    *json_out = IVX_STEAL(json);
    return true;
}

static int show_one(const struct question *q, const char *name, const char *id_text)
{
    char path[128], letter;
    long long id;
    struct ivx_err err = { 0 };
    IVX_AUTO(json_free) cJSON *json = NULL;
    if (!read_id(id_text, name[0], &letter, &id) || letter != name[0])
        return ivx_tool_usage(q->command, "'%s' is no id of %s", id_text, name);
    snprintf(path, sizeof path, "/api/v1/%s/%lld", name, id);
    if (!ivx_client_get(q->url, path, &json, &err))
        return failed(q, &err);
    if (q->is_json)
        return print_json(q, json);
    ivx_members_print(json, 0, stdout);
    return IVX_EXIT_DONE;
}

static int run_list(int argc, char **argv, const char *name, const char *help,
                    const struct ivx_column *columns, size_t count)
{
    struct question q;
    struct ivx_err err = { 0 };
    IVX_AUTO(json_free) cJSON *json = NULL;
    const int ended = read_options(argc, argv, "[ID...]", help, true, &q);
    if (ended != -1)
        return ended;
    for (int n = 0; n < q.id_count; n++) {
        const int status = show_one(&q, name, q.ids[n]);
        if (status != IVX_EXIT_DONE)
            return status;
    }
    if (q.id_count > 0)
        return IVX_EXIT_DONE;
    if (!get_list(&q, name, &json, &err))
        return failed(&q, &err);
    if (q.is_json)
        return print_json(&q, json);
    ivx_table_print(cJSON_GetObjectItemCaseSensitive(json, name), columns, count, stdout);
    return IVX_EXIT_DONE;
}

int ivx_tool_series(int argc, char **argv)
{
    static const struct ivx_column columns[] = {
        { "ID", "id", "s" },           { "STATE", "state", "" },
        { "INSTANCES", "instances", "" }, { "MODALITY", "modality", "" },
        { "FROM", "calling_ae", "" },  { "LAST", "last_at", "" },
        { "SERIES", "series_uid", "" }, { "CODE", "code", "" },
        { "WHY", "text", "" },         { "WAITING FOR", "waiting_for", "" },
    };
    return run_list(argc, argv, "series", "Received series; with ids, everything about each.",
                    columns, IVX_COUNT(columns));
}

int ivx_tool_jobs(int argc, char **argv)
{
    static const struct ivx_column columns[] = {
        { "ID", "id", "j" },          { "STATE", "state", "" },    { "SERIES", "series_id", "s" },
        { "RECIPE", "recipe", "" },   { "VOLUME", "volume", "" },  { "ATTEMPTS", "attempts", "" },
        { "OUTPUTS", "outputs", "" }, { "FINISHED", "finished_at", "" },
        { "CODE", "code", "" },       { "WHY", "text", "" },
    };
    return run_list(argc, argv, "jobs", "Conversions; with ids, everything about each.", columns,
                    IVX_COUNT(columns));
}

int ivx_tool_deliveries(int argc, char **argv)
{
    static const struct ivx_column columns[] = {
        { "ID", "id", "d" },         { "STATE", "state", "" }, { "JOB", "job_id", "j" },
        { "DESTINATION", "destination", "" }, { "ACCEPTED", "accepted/instances", "" },
        { "ATTEMPTS", "attempts", "" }, { "NEXT", "next_at", "" },
        { "DIMSE", "last_status", "" }, { "WHY", "last_comment", "" },
    };
    return run_list(argc, argv, "deliveries", "Deliveries; with ids, everything about each.",
                    columns, IVX_COUNT(columns));
}

int ivx_tool_commitments(int argc, char **argv)
{
    static const struct ivx_column columns[] = {
        { "ID", "id", "c" },          { "STATE", "state", "" },
        { "SENDER", "calling_ae", "" }, { "INSTANCES", "instances", "" },
        { "REFUSED", "refused", "" }, { "ATTEMPTS", "attempts", "" },
        { "ASKED", "requested_at", "" }, { "NEXT", "next_at", "" },
        { "WHY", "text", "" },
    };
    return run_list(argc, argv, "commitments",
                    "Storage commitment that senders asked for; with ids, everything about each.",
                    columns, IVX_COUNT(columns));
}

/* ---- operators ---------------------------------------------------------------------------- */

/* `allowed`: the letters of what this can be done to; the first is meant by a bare number. */
static int operate(int argc, char **argv, const char *allowed, const char *help)
{
    struct question q;
    int status = IVX_EXIT_DONE;
    const int ended = read_options(argc, argv, "ID...", help, false, &q);
    if (ended != -1)
        return ended;
    if (q.id_count == 0)
        return ivx_tool_usage(q.command, "which?");
    for (int n = 0; n < q.id_count; n++) {
        char letter, path[128];
        long long id;
        struct ivx_err err = { 0 };
        IVX_AUTO(json_free) cJSON *json = NULL;
        if (!read_id(q.ids[n], allowed[0], &letter, &id) || strchr(allowed, letter) == NULL)
            return ivx_tool_usage(q.command, "'%s' is no id for it", q.ids[n]);
        snprintf(path, sizeof path, "/api/v1/%s/%lld/%s", collection_of(letter), id, q.command);
        if (!ivx_client_post(q.url, path, &json, &err)) {
            fprintf(stderr, "isovox %s %s: %s\n", q.command, q.ids[n], err.text);
            status = IVX_EXIT_FAILED;
        } else if (q.is_json) {
            print_json(&q, json);
        } else {
            const cJSON *state = cJSON_GetObjectItemCaseSensitive(json, "state");
            printf("%c%lld %s\n", letter, id, cJSON_IsString(state) ? state->valuestring : "");
        }
    }
    return status;
}

int ivx_tool_retry(int argc, char **argv)
{
    return operate(argc, argv, "jdc",
                   "Tries failed, dead or cancelled work again, now. IDs are those of the lists: "
                   "j3 is a job,\nd7 a delivery, c2 a report on storage commitment; a bare number "
                   "is a job.");
}

int ivx_tool_cancel(int argc, char **argv)
{
    return operate(argc, argv, "jd",
                   "Gives work up that is not finished. IDs are those of the lists: j3 is a job, "
                   "d7 a delivery;\na bare number is a job.");
}

int ivx_tool_complete(int argc, char **argv)
{
    return operate(argc, argv, "s",
                   "Decides a series now, without waiting for more instances. IDs are those of "
                   "isovox series.");
}
