/* file.h - files that close themselves, whole reads and writes, durable names. */
#ifndef IVX_SYS_FILE_H
#define IVX_SYS_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "isovox/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes [offset, offset + length) of a file: one Part 10 object, be it a file of
 * its own or a record of the spool. The path is borrowed: the owner says how long. */
struct ivx_blob {
    const char *path;
    uint64_t offset;
    uint64_t length;
};

/* For IVX_AUTO: closes *fd unless it is -1, and leaves -1 behind. */
void ivx_fd_close(int *fd);

/* A failed sync is final (the kernel has dropped the pages): never call it again
 * in the hope that it succeeds. ENOSPC and EDQUOT are IVX_FULL, the rest IVX_RETRY. */
bool ivx_fd_sync(int fd, const char *what, struct ivx_err *err);
bool ivx_fd_datasync(int fd, const char *what, struct ivx_err *err);

/* All of it or an error; EINTR and short transfers are handled here. A read that
 * meets the end of the file is IVX_DAMAGED. */
bool ivx_fd_write(int fd, const void *bytes, size_t length, const char *what,
                  struct ivx_err *err);
bool ivx_fd_pwrite(int fd, const void *bytes, size_t length, uint64_t offset,
                   const char *what, struct ivx_err *err);
bool ivx_fd_pread(int fd, void *bytes, size_t length, uint64_t offset,
                  const char *what, struct ivx_err *err);

/* The error path of a failed system call: text is "what name: strerror(errno)". */
bool ivx_fail_errno(struct ivx_err *err, const char *what, const char *name);

/* mkdir -p, mode 0700; every directory that was made is synced into its parent. */
bool ivx_directory_make(const char *path, struct ivx_err *err);
/* fsync of a directory by its path. */
bool ivx_directory_sync(const char *path, struct ivx_err *err);
/* rm -r; a missing path is no error. Never follows symbolic links. */
bool ivx_tree_remove(const char *path, struct ivx_err *err);

/* Whole file into malloc()ed memory, at most `most` bytes (else IVX_FULL). One
 * terminating NUL is added beyond length. The caller frees *bytes_out. */
bool ivx_file_read(const char *path, size_t most, char **bytes_out, size_t *length_out,
                   struct ivx_err *err);
/* Whole blob into malloc()ed memory; the caller frees. */
bool ivx_blob_read(const struct ivx_blob *blob, uint8_t **bytes_out, struct ivx_err *err);
/* Write <path>.tmp, fsync, rename to path, fsync the directory. */
bool ivx_file_publish(const char *path, const void *bytes, size_t length,
                      struct ivx_err *err);

#ifdef __cplusplus
}
#endif
#endif
