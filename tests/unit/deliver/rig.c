#include "rig.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

const char ct_class[] = "1.2.840.10008.5.1.4.1.1.2";
const char explicit_little[] = "1.2.840.10008.1.2.1";

char folder[64];
static struct ivx_catalogue *catalogue;
static int port, listener = -1;
static pid_t pacs;
pid_t role;

/* ---- the PACS: a process per association; each instance is a line in folder/events ---- */

struct orders orders;

static void append(const char *name, const char *text)
{
    char path[100];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

const char *content(const char *name)
{
    static char *text;
    char path[100];
    size_t length = 0;
    free(text);
    text = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return ivx_file_read(path, 1 << 20, &text, &length, NULL) ? text : "";
}

static char storing[65];

static enum ivx_scp_verdict on_associate(void *context, const struct ivx_scp_peer *peer)
{
    (void)context;
    append("associations", "one\n");
    return strcmp(peer->called_ae, "PACS") == 0 ? IVX_SCP_WELCOME : IVX_SCP_CALLED_AE_UNKNOWN;
}

static bool on_begin(void *context, const struct ivx_scp_store *store, struct ivx_err *err)
{
    (void)context;
    snprintf(storing, sizeof storing, "%s", store->sop_uid);
    if (orders.sop_uid == NULL || strcmp(storing, orders.sop_uid) != 0)
        return true;
    const bool before = strstr(content("troubles"), storing) != NULL;
    append("troubles", storing);
    if (orders.die && !before)
        _exit(9);
    if (orders.answer == IVX_OK || (orders.once && before))
        return true;
    return ivx_fail(err, orders.answer, "as ordered");
}

static bool on_data(void *context, const void *bytes, size_t length, struct ivx_err *err)
{
    (void)context, (void)bytes, (void)length, (void)err;
    return true;
}

static bool on_end(void *context, bool keep, struct ivx_err *err)
{
    (void)context, (void)err;
    char line[80];
    snprintf(line, sizeof line, "%s\n", storing);
    if (orders.slow_ms > 0)
        ivx_clock_sleep_ms(orders.slow_ms);
    if (keep)
        append("events", line);
    return true;
}

static void on_refused(void *context, const struct ivx_err *why)
{
    (void)context, (void)why;
}

static void on_ended(void *context, bool released)
{
    (void)context, (void)released;
}

static bool on_stop(void *context)
{
    (void)context;
    return false;
}

static _Noreturn void serve_pacs(void)
{
    const struct ivx_scp_limits limits = { .acse_seconds = 5, .dimse_seconds = 20,
                                           .max_pdu = 16384, .max_instance = 1 << 20 };
    const struct ivx_scp_handler handler = {
        .associate = on_associate, .store_begin = on_begin, .store_data = on_data,
        .store_end = on_end, .refused = on_refused, .ended = on_ended,
        .stop_wanted = on_stop };
    for (;;) {
        const int fd = accept(listener, NULL, NULL);
        if (fork() == 0) {
            ivx_scp_serve(fd, &limits, &handler, NULL);
            _exit(0);
        }
        close(fd);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
    }
}

static void find_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    port = ntohs(address.sin_port);
}

void start_pacs(void)
{
    ck_assert_int_eq(listen(listener, 20), 0);
    pacs = fork();
    if (pacs == 0)
        serve_pacs();
}

/* ---- a result that waits for delivery ---- */

void good(bool done, const struct ivx_err *err)
{
    ck_assert_msg(done, "%s", err->text);
}

static void write_instance(const char *path, const char *sop_uid)
{
    struct ivx_err err = { 0 };
    const uint16_t pixels[256] = { 0 };
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *made = NULL;
    IVX_AUTO(ivx_fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    good(ivx_dataset_new(&made, &err), &err);
    struct ivx_item *root = ivx_dataset_root(made);
    good(ivx_item_put_text(root, IVX_TAG(0x0008, 0x0016), ct_class, &err), &err);
    good(ivx_item_put_text(root, IVX_TAG(0x0008, 0x0018), sop_uid, &err), &err);
    good(ivx_item_put_u16(root, IVX_TAG(0x0028, 0x0010), 16, &err), &err);
    good(ivx_dataset_write(made, pixels, 256, fd, &err), &err);
}

static void publish(const char *key, int n, struct ivx_job_instance *instances)
{
    struct ivx_err err = { 0 };
    char stage[4096], path[4200];
    IVX_AUTO(ivx_outbox_free) struct ivx_outbox *outbox = NULL;
    good(ivx_outbox_open(folder, &outbox, &err), &err);
    good(ivx_outbox_stage(outbox, key, 1, stage, &err), &err);
    for (int i = 0; i < PER_RESULT; i++) {
        snprintf(instances[i].sop_uid, sizeof instances[i].sop_uid, "2.25.%d%02d", n, i + 1);
        snprintf(instances[i].file, sizeof instances[i].file, "%06d.dcm", i + 1);
        snprintf(path, sizeof path, "%s/%s", stage, instances[i].file);
        write_instance(path, instances[i].sop_uid);
    }
    good(ivx_outbox_publish(outbox, key, 1, &err), &err);
}

static int64_t index_series(int n)
{
    struct ivx_err err = { 0 };
    enum ivx_arrival_fate fate;
    char uid[32], series[32], digest[65];
    snprintf(uid, sizeof uid, "2.25.1%d", n);
    snprintf(series, sizeof series, "2.25.2%d", n);
    snprintf(digest, sizeof digest, "%064d", n);
    const struct ivx_arrival arrival = {
        .sop_uid = uid, .sop_class = ct_class, .syntax = explicit_little,
        .series_uid = series, .study_uid = "2.25.3", .modality = "CT", .calling_ae = "CT1",
        .peer = "127.0.0.1", .association = "a", .sha256_hex = digest, .received_us = 1,
        .segment = 1, .offset = (uint64_t)n, .length = 1 };
    good(ivx_catalogue_index_begin(catalogue, &err), &err);
    good(ivx_catalogue_index_arrival(catalogue, &arrival, &fate, &err), &err);
    good(ivx_catalogue_index_end(catalogue, &err), &err);

    int64_t *ids = NULL;
    size_t count = 0;
    good(ivx_catalogue_due(catalogue, 0, &ids, &count, &err), &err);
    ck_assert_uint_eq(count, 1);
    const int64_t id = ids[0];
    free(ids);
    return id;
}

static void decide(int n, int64_t series_id)
{
    struct ivx_err err = { 0 };
    struct ivx_instance_row *rows = NULL;
    size_t count = 0;
    char key[32];
    const char *destination = "pacs";
    snprintf(key, sizeof key, "key-%d", n);
    good(ivx_catalogue_series_instances(catalogue, series_id, &rows, &count, &err), &err);
    const struct ivx_new_job job = {
        .key = key, .recipe_name = "iso", .recipe_json = "{}", .route = "ct",
        .volume_text = "", .instance_ids = &rows[0].id, .instance_count = 1,
        .destinations = &destination, .destination_count = 1 };
    const struct ivx_decision decision = {
        .series_id = series_id, .seen_instances = 1, .state = IVX_SERIES_PLANNED,
        .code = "", .note = "", .warnings_json = "[]", .jobs = &job, .job_count = 1 };
    good(ivx_catalogue_decide(catalogue, &decision, &err), &err);
    free(rows);
}

int64_t make_delivery(int n)
{
    struct ivx_err err = { 0 };
    struct ivx_claim claim = { 0 };
    struct ivx_job_instance instances[PER_RESULT];
    char key[32], series_uid[32];
    snprintf(key, sizeof key, "result-%d", n);
    snprintf(series_uid, sizeof series_uid, "2.25.9%d", n);
    publish(key, n, instances);
    decide(n, index_series(n));
    good(ivx_catalogue_claim(catalogue, "test:", 60, 3, &claim, &err), &err);
    const struct ivx_job_result result = {
        .outbox_key = key, .derived_series_uid = series_uid, .sop_class = ct_class,
        .syntax = explicit_little, .manifest_json = "{}", .stages_json = "{}",
        .instances = instances, .instance_count = PER_RESULT };
    good(ivx_catalogue_job_done(catalogue, claim.job_id, claim.epoch, &result, &err), &err);

    struct ivx_delivery_row *rows = NULL;
    size_t count = 0;
    good(ivx_catalogue_list_deliveries(catalogue, claim.job_id, 0, 10, &rows, &count, &err),
         &err);
    ck_assert_uint_eq(count, 1);
    const int64_t id = rows[0].id;
    free(rows);
    ivx_claim_free(&claim);
    return id;
}

/* ---- the role ---- */

void write_config(void)
{
    char text[600], path[100];
    const int length = snprintf(
        text, sizeof text,
        "state_dir = \"%s\"\nshutdown_grace = 5\n"
        "deliver { first_retry = 1 longest_retry = 2 }\n"
        "destination \"pacs\" { ae_title = \"PACS\" address = \"127.0.0.1\" port = %d\n"
        " associations = 2 connect_timeout = 2 dimse_timeout = 5 }\n", folder, port);
    snprintf(path, sizeof path, "%s/conf", folder);
    struct ivx_err err = { 0 };
    good(ivx_file_publish(path, text, (size_t)length, &err), &err);
}

void start_role(void)
{
    role = fork();
    ck_assert_int_ne(role, -1);
    if (role != 0)
        return;
    char path[100];
    struct ivx_config *config = NULL;
    snprintf(path, sizeof path, "%s/conf", folder);
    ivx_stop_start();
    ivx_log_start("deliver", getenv("TEST_LOG") != NULL ? IVX_DEBUG : IVX_ERROR);
    if (!ivx_config_load(path, &config, NULL))
        _exit(78);
    _exit(ivx_deliver_run(config, "deliver"));
}

int stop_role(int number)
{
    int status = 0;
    if (role == 0)
        return 0;
    kill(role, number);
    waitpid(role, &status, 0);
    role = 0;
    return status;
}

void set_up(void)
{
    struct ivx_err err = { 0 };
    snprintf(folder, sizeof folder, "/tmp/isovox-deliver-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ivx_dicom_start();
    good(ivx_catalogue_open(folder, &catalogue, &err), &err);
    orders = (struct orders){ 0 };
    find_port();
    write_config();
}

void tear_down(void)
{
    stop_role(SIGTERM);
    if (pacs > 0) {
        kill(pacs, SIGKILL);
        waitpid(pacs, NULL, 0);
    }
    pacs = 0;
    close(listener);
    ivx_catalogue_free(&catalogue);
    ivx_tree_remove(folder, NULL);
}

struct ivx_delivery_row look(int64_t id)
{
    struct ivx_err err = { 0 };
    struct ivx_delivery_row row;
    good(ivx_catalogue_get_delivery(catalogue, id, &row, &err), &err);
    return row;
}

struct ivx_delivery_row wait_for(int64_t id, enum ivx_delivery_state state)
{
    const int64_t until = ivx_clock_steady_us() + 20000000;
    struct ivx_delivery_row row = look(id);
    while (row.state != state && ivx_clock_steady_us() < until) {
        ivx_clock_sleep_ms(20);
        row = look(id);
    }
    ck_assert_msg(row.state == state, "delivery is %s after %d attempts: %s",
                  ivx_delivery_state_name(row.state), (int)row.attempts, row.last_comment);
    return row;
}

size_t lines_of(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

int times(int n, int i)
{
    char line[40];
    int count = 0;
    snprintf(line, sizeof line, "2.25.%d%02d\n", n, i);
    for (const char *at = content("events"); (at = strstr(at, line)) != NULL; at++)
        count++;
    return count;
}

void all_arrived_once(int n)
{
    for (int i = 1; i <= PER_RESULT; i++)
        ck_assert_msg(times(n, i) == 1, "instance %d arrived %d times", i, times(n, i));
}
