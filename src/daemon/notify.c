#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/file.h"

void ivx_notify(const char *format, ...)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    if (path == NULL || (path[0] != '/' && path[0] != '@')
        || !ivx_text_copy(to.sun_path, sizeof to.sun_path, path))
        return;
    const socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (path[0] == '@') /* the abstract name space */
        to.sun_path[0] = '\0';

    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    IVX_AUTO(ivx_fd_close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd != -1)
        sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&to, length);
}

int ivx_notify_interval_ms(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    long long value, owner;
    if (usec == NULL || !ivx_text_to_int64(usec, &value) || value < 2000)
        return 0;
    if (pid != NULL && (!ivx_text_to_int64(pid, &owner) || owner != getpid()))
        return 0;
    return (int)(value / 2000 < 3600000 ? value / 2000 : 3600000);
}
