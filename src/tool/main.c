#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "isovox/dicom/dicom.h"
#include "isovox/sys/log.h"
#include "tool.h"

/* The order is the order of use; --help prints this table. */
static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *arguments, *help;
} commands[] = {
    { "convert", ivx_tool_convert, "INPUT... -o OUTPUT", "convert files without a daemon" },
    { "inspect", ivx_tool_inspect, "[--json] [--values] INPUT...",
      "which volumes would be made of this, and why not" },
    { "replay", ivx_tool_replay, "MANIFEST INPUT... [-o OUTPUT]",
      "repeat a conversion from its manifest; compare" },
    { "status", ivx_tool_status, "[--url URL] [--json]", "what a running daemon does" },
    { "series", ivx_tool_series, "[ID...]", "what it received, and where it stands" },
    { "jobs", ivx_tool_jobs, "[ID...]", "its conversions" },
    { "deliveries", ivx_tool_deliveries, "[ID...]", "what was sent where" },
    { "commitments", ivx_tool_commitments, "[ID...]", "what senders asked it to keep" },
    { "retry", ivx_tool_retry, "ID...", "try failed work again, now" },
    { "cancel", ivx_tool_cancel, "ID...", "give unfinished work up" },
    { "complete", ivx_tool_complete, "ID...", "decide a series now" },
    { "bench", ivx_tool_bench, "[--json]", "how fast this machine converts" },
    { NULL, NULL, NULL, NULL },
};

static void print_help(FILE *to)
{
    fputs("usage: isovox COMMAND [OPTIONS] [ARGUMENTS]\n\n", to);
    for (const struct command *c = commands; c->name != NULL; c++)
        fprintf(to, "  %-12s%-30s%s\n", c->name, c->arguments, c->help);
    fputs("\n  isovox --version\n  isovox COMMAND --help\n"
          "\nexit status: 0 done, 1 error, 2 usage, 3 nothing to convert,\n"
          "4 some converted and some refused, 78 configuration. See isovox(1).\n",
          to);
}

int ivx_tool_usage(const char *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "isovox %s: ", command);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\ntry: isovox %s --help\n", command);
    return IVX_EXIT_USAGE;
}

static const struct command *find(const char *name)
{
    for (const struct command *c = commands; c->name != NULL; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return IVX_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return IVX_EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts(PACKAGE_STRING);
        return IVX_EXIT_DONE;
    }
    const struct command *command = find(argv[1]);
    if (command == NULL) {
        fprintf(stderr, "isovox: no command '%s'\ntry: isovox --help\n", argv[1]);
        return IVX_EXIT_USAGE;
    }
    ivx_log_start("isovox", IVX_WARNING);
    ivx_dicom_start();
    return command->run(argc - 1, argv + 1);
}
