#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "daemon.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/dicom/dicom.h"
#include "isovox/sys/file.h"
#include "isovox/sys/stop.h"

#define DEFAULT_FILE "/etc/isovox/isovoxd.conf"

enum { EXIT_USAGE = 2, EXIT_CONFIG = 78 };

static const char help[] =
    "usage: isovoxd [-c FILE] [-t] [-r ROLE[,ROLE...]] [-v]\n\n"
    "  -c FILE  configuration, default " DEFAULT_FILE "\n"
    "  -t       check it, print every setting, stop (0 good, 78 wrong)\n"
    "  -r       roles to run: receive, plan, convert, deliver, query, http; default all\n"
    "  -v       log more\n"
    "  --help, --version\n\n"
    "SIGTERM ends it in good order, SIGHUP reads the configuration again. See isovoxd(8).\n";

struct arguments {
    const char *file, *roles;
    bool is_test, is_verbose;
};

/* Returns -1 to go on, else the exit status. */
static int read_arguments(int argc, char **argv, struct arguments *out)
{
    static const struct option options[] = {
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { NULL, 0, NULL, 0 },
    };
    int option;
    while ((option = getopt_long(argc, argv, "c:tr:v", options, NULL)) != -1)
        switch (option) {
        case 'c':
            out->file = optarg;
            break;
        case 't':
            out->is_test = true;
            break;
        case 'r':
            out->roles = optarg;
            break;
        case 'v':
            out->is_verbose = true;
            break;
        case 'h':
            fputs(help, stdout);
            return 0;
        case 'V':
            puts("isovoxd " PACKAGE_VERSION);
            return 0;
        default:
            fputs(help, stderr);
            return EXIT_USAGE;
        }
    if (optind == argc)
        return -1;
    fprintf(stderr, "isovoxd: what is '%s'?\n%s", argv[optind], help);
    return EXIT_USAGE;
}

/* Only the default file may be missing. */
static bool load_config(const char *file, struct ivx_config **out, struct ivx_err *err)
{
    if (file == NULL && access(DEFAULT_FILE, F_OK) == -1)
        return ivx_config_load(NULL, out, err);
    return ivx_config_load(file == NULL ? DEFAULT_FILE : file, out, err);
}

static bool has_role(const struct ivx_supervisor *s, const char *kind)
{
    for (size_t n = 0; n < s->role_count; n++)
        if (strcmp(s->roles[n].kind->name, kind) == 0)
            return true;
    return false;
}

/* All that one daemon holds; the locks outlive it in its role processes. */
struct locks {
    int fd[IVX_ROLE_KINDS];
};

static void locks_free(struct locks *locks)
{
    for (size_t n = 0; n < IVX_ROLE_KINDS; n++)
        ivx_fd_close(&locks->fd[n]);
}

static bool take_locks(const struct ivx_supervisor *s, struct locks *locks, struct ivx_err *err)
{
    for (size_t n = 0; n < IVX_ROLE_KINDS; n++)
        if (has_role(s, ivx_role_kinds[n].name)
            && !ivx_instance_lock(s->config, ivx_role_kinds[n].name, &locks->fd[n], err))
            return false;
    return true;
}

/* Rows that a daemon which was killed left, and those of workers that there are no more. */
static bool forget_roles(const struct ivx_supervisor *s, struct ivx_catalogue *catalogue,
                         struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) struct ivx_role_row *rows = NULL;
    size_t count = 0;
    if (!ivx_catalogue_list_roles(catalogue, &rows, &count, err))
        return false;
    for (size_t n = 0; n < count; n++) {
        char kind[sizeof rows[n].name];
        snprintf(kind, sizeof kind, "%.*s", (int)strcspn(rows[n].name, "."), rows[n].name);
        if (!has_role(s, kind) || strcmp(rows[n].state, "stopped") == 0)
            continue;
        ivx_text_copy(rows[n].state, sizeof rows[n].state, "stopped");
        rows[n].pid = 0;
        if (!ivx_catalogue_role_report(catalogue, &rows[n], err))
            return false;
    }
    return true;
}

/* What must be right before any role is started: later it would only fail, be restarted,
 * and fail again. */
static bool prepare(const struct ivx_supervisor *s, struct locks *locks, struct ivx_err *err)
{
    char key[65];
    const struct ivx_config *config = s->config;
    if (!take_locks(s, locks, err) || !ivx_instance_key(config->state_dir, key, err))
        return false;
    ivx_log_key(key);
    if ((has_role(s, "receive")
         && !ivx_instance_port_free("receive", config->receive.address, config->receive.port,
                                    err))
        || (has_role(s, "http")
            && !ivx_instance_port_free("http", config->http.address, config->http.port, err)))
        return false;
    IVX_AUTO(ivx_catalogue_free) struct ivx_catalogue *catalogue = NULL;
    return ivx_catalogue_open(config->state_dir, &catalogue, err)
           && forget_roles(s, catalogue, err);
}

static int run(struct ivx_supervisor *s, const char *roles)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(locks_free) struct locks locks = { { -1, -1, -1, -1, -1 } };
    if (!ivx_roles_make(s->config, roles, &s->roles, &s->role_count, &err)) {
        fprintf(stderr, "isovoxd: %s\n", err.text);
        return EXIT_USAGE;
    }
    if (!prepare(s, &locks, &err)) {
        ivx_log(IVX_ERROR, "daemon.refused", "reason=\"%s\"", err.text);
        return EXIT_FAILURE;
    }
    return ivx_supervisor_run(s);
}

int main(int argc, char **argv)
{
    struct arguments given = { 0 };
    const int ended = read_arguments(argc, argv, &given);
    if (ended != -1)
        return ended;

    /* Received instances are patients' data: nobody else reads a file or a core dump. */
    umask(077);
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });

    struct ivx_err err = { 0 };
    struct ivx_supervisor supervisor = { .log_level = given.is_verbose ? IVX_DEBUG : IVX_INFO };
    if (!load_config(given.file, &supervisor.config, &err)) {
        fprintf(stderr, "isovoxd: %s\n", err.text);
        return EXIT_CONFIG;
    }
    int status = EXIT_SUCCESS;
    if (given.is_test) {
        ivx_config_print(supervisor.config, stdout);
    } else {
        ivx_log_start("supervisor", supervisor.log_level);
        ivx_stop_start();
        ivx_dicom_start();
        status = run(&supervisor, given.roles);
    }
    free(supervisor.roles);
    ivx_config_free(&supervisor.config);
    return status;
}
