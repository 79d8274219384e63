/* tool.h - the commands of `isovox`. Each gets its own arguments (argv[0] is the command's
 * name) and returns the exit status of docs/INTERFACE: one line per reason on standard
 * error, results on standard output. main() has called ivx_dicom_start() and
 * ivx_log_start("isovox", IVX_WARNING). */
#ifndef IVX_TOOL_TOOL_H
#define IVX_TOOL_TOOL_H

enum {
    IVX_EXIT_DONE = 0,
    IVX_EXIT_FAILED = 1,
    IVX_EXIT_USAGE = 2,
    IVX_EXIT_NOTHING = 3, /* nothing to convert: every group refused or passed over */
    IVX_EXIT_PARTLY = 4,  /* some converted, some refused */
    IVX_EXIT_CONFIG = 78  /* EX_CONFIG of sysexits.h */
};

/* Files, without a daemon. */
int ivx_tool_convert(int argc, char **argv);
int ivx_tool_inspect(int argc, char **argv);
int ivx_tool_bench(int argc, char **argv);
int ivx_tool_replay(int argc, char **argv);

/* Ask a running daemon. */
int ivx_tool_status(int argc, char **argv);
int ivx_tool_series(int argc, char **argv);
int ivx_tool_jobs(int argc, char **argv);
int ivx_tool_deliveries(int argc, char **argv);
int ivx_tool_commitments(int argc, char **argv);
int ivx_tool_retry(int argc, char **argv);
int ivx_tool_cancel(int argc, char **argv);
int ivx_tool_complete(int argc, char **argv);

/* Prints "isovox COMMAND: text" and where help is; returns IVX_EXIT_USAGE. */
int ivx_tool_usage(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
