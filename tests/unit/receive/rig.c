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
#include <sys/wait.h>
#include <unistd.h>

const char ct_class[] = "1.2.840.10008.5.1.4.1.1.2";
const char explicit_little[] = "1.2.840.10008.1.2.1";

char folder[64];
static int port;
pid_t role;

void good(bool done, const struct ivx_err *err)
{
    ck_assert_msg(done, "%s", err->text);
}

static void find_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    port = ntohs(address.sin_port);
    close(fd);
}

void write_config(const char *more)
{
    char text[800], path[100];
    const int length = snprintf(text, sizeof text,
                                "state_dir = \"%s\"\nshutdown_grace = 2\n"
                                "receive { address = \"127.0.0.1\" port = %d\n"
                                "acse_timeout = 2 dimse_timeout = 5 %s }\n",
                                folder, port, more);
    struct ivx_err err = { 0 };
    snprintf(path, sizeof path, "%s/conf", folder);
    good(ivx_file_publish(path, text, (size_t)length, &err), &err);
}

int connect_raw(void)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                         .sin_port = htons((uint16_t)port) };
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

void run_role(void)
{
    char path[100];
    struct ivx_config *config = NULL;
    snprintf(path, sizeof path, "%s/conf", folder);
    ivx_stop_start();
    ivx_log_start("receive", getenv("TEST_LOG") != NULL ? IVX_DEBUG : IVX_ERROR);
    if (!ivx_config_load(path, &config, NULL))
        _exit(78);
    const int status = ivx_receive_run(config, "receive");
    ivx_config_free(&config);
    _exit(status);
}

void start_role(const char *more)
{
    write_config(more);
    role = fork();
    ck_assert_int_ne(role, -1);
    if (role == 0)
        run_role();

    const int64_t until = ivx_clock_steady_us() + 5000000;
    int fd = -1;
    while ((fd = connect_raw()) == -1 && ivx_clock_steady_us() < until)
        ivx_clock_sleep_ms(5);
    ck_assert_int_ne(fd, -1);
    close(fd);
}

int stop_role(void)
{
    int status = 0;
    kill(role, SIGTERM);
    waitpid(role, &status, 0);
    role = 0;
    return status;
}

void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/isovox-receive-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ivx_dicom_start();
    find_port();
}

void tear_down(void)
{
    if (role != 0)
        stop_role();
    ivx_tree_remove(folder, NULL);
}

/* ---- what is in the journal ---- */

static bool collect(void *context, const struct ivx_record *record,
                    const struct ivx_spool_mark *after, struct ivx_err *err)
{
    (void)after, (void)err;
    struct journal *journal = context;
    ck_assert_uint_lt(journal->count, IVX_COUNT(journal->records));
    journal->records[journal->count++] = *record;
    return true;
}

struct journal read_journal(void)
{
    struct ivx_err err = { 0 };
    struct journal journal = { 0 };
    IVX_AUTO(ivx_spool_free) struct ivx_spool *spool = NULL;
    good(ivx_spool_open(folder, &spool, &err), &err);
    good(ivx_spool_scan(spool, NULL, 0, collect, &journal, NULL, &err), &err);
    return journal;
}

void check_payload(const struct ivx_record *record, const char *file)
{
    struct ivx_err err = { 0 };
    char path[4096], *expected = NULL;
    size_t length = 0;
    uint8_t *payload = NULL;
    IVX_AUTO(ivx_spool_free) struct ivx_spool *spool = NULL;
    good(ivx_spool_open(folder, &spool, &err), &err);
    good(ivx_spool_path(spool, record->segment, path, sizeof path, &err), &err);
    const struct ivx_blob blob = { path, record->offset, record->length };
    good(ivx_blob_read(&blob, &payload, &err), &err);
    good(ivx_file_read(file, 1 << 24, &expected, &length, &err), &err);

    /* The meta header is ours, the data set as it came. Both files have explicit syntax. */
    ck_assert_uint_ge(record->length, 132);
    const uint8_t *data_set = memmem(payload, record->length, "\x08\0\x16\0UI", 6);
    const char *original = memmem(expected, length, "\x08\0\x16\0UI", 6);
    ck_assert_ptr_nonnull(data_set);
    ck_assert_ptr_nonnull(original);
    const size_t rest = length - (size_t)(original - expected);
    ck_assert_uint_eq(record->length - (size_t)(data_set - payload), rest);
    ck_assert_mem_eq(data_set, original, rest);
    free(payload);
    free(expected);
}

/* ---- a client ---- */

bool open_as(const char *calling, const char *called, struct ivx_scu **out,
             struct ivx_err *err)
{
    const struct ivx_scu_peer peer = { .calling_ae = calling, .called_ae = called,
                                       .address = "127.0.0.1", .port = port,
                                       .connect_seconds = 5, .dimse_seconds = 10 };
    const struct ivx_scu_context context = { ct_class, explicit_little };
    return ivx_scu_open(&peer, &context, 1, out, err);
}

struct ivx_scu *open_well(void)
{
    struct ivx_err err = { 0 };
    struct ivx_scu *scu = NULL;
    good(open_as("CT1", "ISOVOX", &scu, &err), &err);
    return scu;
}

const char *make_file(const char *sop_uid, size_t pixels)
{
    static char path[100];
    struct ivx_err err = { 0 };
    snprintf(path, sizeof path, "%s/%s.dcm", folder, sop_uid);
    IVX_AUTO(ivx_memory_free) uint16_t *values = calloc(pixels, sizeof *values);
    for (size_t i = 0; i < pixels; i++)
        values[i] = (uint16_t)(i * 2654435761u >> 7);
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *made = NULL;
    IVX_AUTO(ivx_fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    good(ivx_dataset_new(&made, &err), &err);
    struct ivx_item *root = ivx_dataset_root(made);
    good(ivx_item_put_text(root, IVX_TAG(0x0008, 0x0016), ct_class, &err), &err);
    good(ivx_item_put_text(root, IVX_TAG(0x0008, 0x0018), sop_uid, &err), &err);
    good(ivx_dataset_write(made, values, pixels, fd, &err), &err);
    return path;
}

uint16_t store(struct ivx_scu *scu, const char *path)
{
    struct ivx_err err = { 0 };
    struct ivx_scu_answer answer;
    good(ivx_scu_store(scu, path, &answer, &err), &err);
    return answer.status;
}
