#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/sys/file.h"
#include "isovox/sys/log.h"

/* ---- seccomp -------------------------------------------------------------------------- */

#if defined __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/* The leak checker of the sanitizers looks at its own process by ptrace. */
#if defined __SANITIZE_ADDRESS__
#define PTRACE
#else
#define PTRACE SYS_ptrace,
#endif

#ifdef ARCHITECTURE
/* Refused with EPERM, so that a library that tries goes on. A list of what is refused, not
 * of what is allowed: another libc must not stop conversions. */
static const uint32_t refused[] = {
    SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_execve, SYS_execveat,
    PTRACE SYS_process_vm_readv, SYS_process_vm_writev, SYS_kexec_load, SYS_bpf,
    SYS_perf_event_open, SYS_userfaultfd, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot,
    SYS_setns, SYS_unshare, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_keyctl,
    SYS_add_key, SYS_request_key, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_io_uring_setup,
    SYS_open_by_handle_at,
};
enum { REFUSED = IVX_COUNT(refused), BEFORE = 6, AFTER = 5 };

#define FIELD(name) ((uint32_t)offsetof(struct seccomp_data, name))
#define LOAD(field) \
    (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(field))
#define JUMP(test, value, when, otherwise) \
    (struct sock_filter) BPF_JUMP(BPF_JMP | (test) | BPF_K, value, when, otherwise)
#define RETURN(value) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, value)
#define NO (SECCOMP_RET_ERRNO | EPERM)

/* Sockets of our own machine are for waking the deliver role. The other half of a 64-bit
 * argument is not looked at: the kernel takes the family as an int. */
static bool filter_calls(void)
{
    struct sock_filter filter[BEFORE + 2 * REFUSED + AFTER];
    size_t n = 0;
    filter[n++] = LOAD(arch);
    filter[n++] = JUMP(BPF_JEQ, ARCHITECTURE, 1, 0);
    filter[n++] = RETURN(SECCOMP_RET_KILL_PROCESS);
    filter[n++] = LOAD(nr);
    /* Another architecture's numbers mean other calls (x32 has its bit in the number). */
    filter[n++] = JUMP(BPF_JGE, 0x40000000, 0, 1);
    filter[n++] = RETURN(SECCOMP_RET_KILL_PROCESS);
    for (size_t k = 0; k < REFUSED; k++) {
        filter[n++] = JUMP(BPF_JEQ, refused[k], 0, 1);
        filter[n++] = RETURN(NO);
    }
    filter[n++] = JUMP(BPF_JEQ, SYS_socket, 0, 2);
    filter[n++] = LOAD(args[0]);
    filter[n++] = JUMP(BPF_JEQ, AF_UNIX, 0, 1);
    filter[n++] = RETURN(SECCOMP_RET_ALLOW);
    filter[n++] = RETURN(NO);
    const struct sock_fprog program = { (unsigned short)n, filter };
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
#else
static bool filter_calls(void)
{
    errno = ENOSYS;
    return false;
}
#endif

/* ---- Landlock ------------------------------------------------------------------------- */

/* Access rights of later versions than the headers' may be. */
enum { REFER = 1 << 13, TRUNCATE = 1 << 14, VERSION_WITH_REFER = 2, VERSION_WITH_TRUNCATE = 3 };

/* Everything that changes something. Without REFER (kernel 5.19) nothing could be renamed
 * from one folder to another, and results are. */
static const uint64_t changes =
    REFER | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR
    | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR
    | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK
    | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK
    | LANDLOCK_ACCESS_FS_MAKE_SYM;

static bool permit(int rules, const char *path, uint64_t access)
{
    IVX_AUTO(ivx_fd_close) int fd = open(path, O_PATH | O_CLOEXEC);
    const struct landlock_path_beneath_attr rule = { .allowed_access = access,
                                                     .parent_fd = fd };
    return fd != -1
           && syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

static bool permit_below(int rules, const char *state_dir, const char *name, uint64_t access)
{
    char path[4096];
    const int length = snprintf(path, sizeof path, "%s/%s", state_dir, name);
    return length > 0 && length < (int)sizeof path && permit(rules, path, access);
}

/* The catalogue's files are named one by one: SQLite makes -wal and -shm when it opens it,
 * and they stay as long as somebody has it open. */
static bool fence_files(const char *state_dir)
{
    static const char *const files[] = { "catalogue.db", "catalogue.db-wal",
                                         "catalogue.db-shm" };
    const long version =
        syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version >= 0 && version < VERSION_WITH_REFER)
        errno = ENOSYS;
    if (version < VERSION_WITH_REFER)
        return false;
    const uint64_t shorten = version >= VERSION_WITH_TRUNCATE ? TRUNCATE : 0;
    const struct landlock_ruleset_attr what = { .handled_access_fs = changes | shorten };
    IVX_AUTO(ivx_fd_close)
    int rules = (int)syscall(SYS_landlock_create_ruleset, &what, sizeof what, 0);
    if (rules == -1)
        return false;
    for (size_t n = 0; n < IVX_COUNT(files); n++)
        if (!permit_below(rules, state_dir, files[n],
                          LANDLOCK_ACCESS_FS_WRITE_FILE | shorten))
            return false;
    return permit_below(rules, state_dir, "outbox", changes | shorten)
           && permit(rules, "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE)
           && syscall(SYS_landlock_restrict_self, rules, 0) == 0;
}

/* ---- both ----------------------------------------------------------------------------- */

void ivx_sandbox_enter(const char *state_dir)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1) {
        ivx_log(IVX_WARNING, "convert.sandbox", "files=no calls=no text=\"%s\"",
                strerror(errno));
        return;
    }
    const bool files = fence_files(state_dir);
    const int files_error = errno;
    const bool calls = filter_calls();
    const int calls_error = errno;
    ivx_log(files && calls ? IVX_INFO : IVX_WARNING, "convert.sandbox",
            "files=%s calls=%s", files ? "landlock" : strerror(files_error),
            calls ? "seccomp" : strerror(calls_error));
}
