#include "network_rig.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <stdarg.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

const char ct_class[] = "1.2.840.10008.5.1.4.1.1.2";
const char explicit_little[] = "1.2.840.10008.1.2.1";

/* ---- a server: one association, in a process of its own; what happens there is written
 * into files here ---- */

char folder[64];
int port;
static pid_t server;

struct plan plan;

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...)
{
    char path[100];
    snprintf(path, sizeof path, "%s/events", folder);
    FILE *to = fopen(path, "a");
    va_list args;
    va_start(args, format);
    vfprintf(to, format, args);
    va_end(args);
    fclose(to);
}

static enum ivx_scp_verdict on_associate(void *context, const struct ivx_scp_peer *peer)
{
    const struct plan *self = context;
    tell("associate %s %s %s\n", peer->calling_ae, peer->called_ae, peer->address);
    return self->verdict;
}

static bool on_begin(void *context, const struct ivx_scp_store *store, struct ivx_err *err)
{
    const struct plan *self = context;
    tell("begin %s %s %s\n", store->sop_class, store->sop_uid, store->syntax);
    if (self->trouble == AT_BEGIN && self->stored == 0)
        return ivx_fail(err, IVX_FULL, "no room");
    return true;
}

static bool on_data(void *context, const void *bytes, size_t length, struct ivx_err *err)
{
    const struct plan *self = context;
    char path[100];
    snprintf(path, sizeof path, "%s/object.%d", folder, self->stored);
    FILE *to = fopen(path, "ab");
    const bool written = fwrite(bytes, 1, length, to) == length;
    const long used = ftell(to);
    fclose(to);
    if (self->trouble == DIES && used > 1000)
        _exit(9);
    if (self->trouble == AT_DATA && self->stored == 0 && used > 1000)
        return ivx_fail(err, IVX_RETRY, "disk is slow");
    return written;
}

static bool on_end(void *context, bool keep, struct ivx_err *err)
{
    struct plan *self = context;
    tell("end %d\n", keep);
    const bool fails = self->trouble == AT_END && self->stored == 0;
    self->stored++;
    return fails ? ivx_fail(err, IVX_BUG, "flush failed") : true;
}

static void on_refused(void *context, const struct ivx_err *why)
{
    struct plan *self = context;
    self->stored += self->trouble == AT_BEGIN;
    tell("refused %s\n", why->text);
}

static void on_ended(void *context, bool released)
{
    (void)context;
    tell("ended %d\n", released);
}

static bool on_stop_wanted(void *context)
{
    const struct plan *self = context;
    return self->trouble == STOPS;
}

static _Noreturn void serve(int listener)
{
    const struct ivx_scp_handler handler = {
        .context = &plan, .associate = on_associate, .store_begin = on_begin,
        .store_data = on_data, .store_end = on_end, .refused = on_refused,
        .ended = on_ended, .stop_wanted = on_stop_wanted };
    struct ivx_err err = { 0 };
    const int fd = accept(listener, NULL, NULL);
    const bool served = ivx_scp_serve(fd, &plan.limits, &handler, &err);
    tell("served %d %s\n", served, err.text);
    exit(0); /* with the leak check, where there is one */
}

int listen_somewhere(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    port = ntohs(address.sin_port);
    return fd;
}

void start_server(void)
{
    const int listener = listen_somewhere();
    server = fork();
    ck_assert_int_ne(server, -1);
    if (server == 0)
        serve(listener);
    close(listener);
}

void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/isovox-network-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ivx_dicom_start();
    plan = (struct plan){ .limits = { .acse_seconds = 5, .dimse_seconds = 5,
                                      .max_pdu = 16384, .max_instance = 1 << 20 } };
    server = 0;
}

void tear_down(void)
{
    ivx_tree_remove(folder, NULL);
}

const char *events(void)
{
    static char text[4096];
    char path[100];
    int status = 0;
    if (server != 0)
        ck_assert_int_eq(waitpid(server, &status, 0), server);
    server = 0;
    ck_assert_msg(plan.trouble == DIES || status == 0, "server ended with %x", status);
    snprintf(path, sizeof path, "%s/events", folder);
    FILE *from = fopen(path, "r");
    if (from == NULL)
        return "";
    text[fread(text, 1, sizeof text - 1, from)] = '\0';
    fclose(from);
    return text;
}

/* ---- a client ---- */

struct ivx_scu *open_well(void)
{
    const struct ivx_scu_peer peer = { .calling_ae = "CT1", .called_ae = "ISOVOX",
                                       .address = "127.0.0.1", .port = port,
                                       .connect_seconds = 5, .dimse_seconds = 5 };
    const struct ivx_scu_context context = { ct_class, explicit_little };
    struct ivx_err err = { 0 };
    struct ivx_scu *scu = NULL;
    ck_assert_msg(ivx_scu_open(&peer, &context, 1, &scu, &err), "%s", err.text);
    return scu;
}

enum ivx_code open_badly(struct ivx_err *err)
{
    const struct ivx_scu_peer peer = { .calling_ae = "CT1", .called_ae = "ISOVOX",
                                       .address = "127.0.0.1", .port = port,
                                       .connect_seconds = 1, .dimse_seconds = 5 };
    struct ivx_scu *scu = NULL;
    ck_assert(!ivx_scu_open(&peer, NULL, 0, &scu, err));
    ck_assert_ptr_null(scu);
    return err->code;
}

const char *make_file(const char *sop_class, const char *sop_uid, size_t length)
{
    static char path[100];
    uint8_t head[IVX_META_ROOM];
    snprintf(path, sizeof path, "%s/sent", folder);
    FILE *to = fopen(path, "wb");
    const size_t used = ivx_meta_write(sop_class, sop_uid, explicit_little, head);
    ck_assert_uint_eq(fwrite(head, 1, used, to), used);
    uint32_t state = 12345;
    for (size_t i = 0; i < length; i++) {
        state = state * 1664525u + 1013904223u;
        fputc((int)(state >> 24), to);
    }
    fclose(to);
    return path;
}

uint16_t store(struct ivx_scu *scu, const char *path, struct ivx_scu_answer *answer)
{
    struct ivx_err err = { 0 };
    ck_assert_msg(ivx_scu_store(scu, path, answer, &err), "%s", err.text);
    return answer->status;
}

void check_arrived(int n, const char *sent)
{
    char path[100];
    char *arrived = NULL, *expected = NULL;
    size_t arrived_length = 0, expected_length = 0;
    struct ivx_err err = { 0 };
    snprintf(path, sizeof path, "%s/object.%d", folder, n);
    ck_assert_msg(ivx_file_read(path, 1 << 22, &arrived, &arrived_length, &err), "%s",
                  err.text);
    ck_assert(ivx_file_read(sent, 1 << 22, &expected, &expected_length, &err));
    ck_assert_uint_eq(arrived_length, expected_length);
    ck_assert(memcmp(arrived, expected, expected_length) == 0);
    free(arrived);
    free(expected);
}
