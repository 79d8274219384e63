#include "isovox/sys/stop.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "isovox/sys/clock.h"

/* Set by signal handlers, the only way they can tell anybody. */
static volatile sig_atomic_t stop_flag, reload_flag;
static _Atomic int64_t stop_us;
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a handler may write no other");

static void on_stop(int number)
{
    (void)number;
    if (stop_flag == 0)
        stop_us = ivx_clock_steady_us();
    stop_flag = 1;
}

static void on_reload(int number)
{
    (void)number;
    reload_flag = 1;
}

void ivx_stop_start(void)
{
    /* No SA_RESTART: a wait has to end when somebody asks to stop. */
    struct sigaction action = { .sa_handler = on_stop };
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    action.sa_handler = on_reload;
    sigaction(SIGHUP, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    stop_flag = 0;
    reload_flag = 0;
}

bool ivx_stop_wanted(void)
{
    return stop_flag != 0;
}

int64_t ivx_stop_wanted_us(void)
{
    return stop_us;
}

bool ivx_reload_wanted(void)
{
    if (reload_flag == 0)
        return false;
    reload_flag = 0;
    return true;
}

void ivx_stop_with_parent(int parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) /* it died before the call */
        raise(SIGTERM);
}
