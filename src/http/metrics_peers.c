#include "metrics.h"

#include <stdio.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/counters.h"

/* ---- what the roles count ------------------------------------------------------------------ */

struct counter {
    const char *metric, *labels, *help;
};
static const struct counter of_receive[] = {
#define X(id, metric, labels, help) { metric, labels, help },
    IVX_RECEIVE_COUNTERS(X)
#undef X
};
static const struct counter of_deliver[] = {
#define X(id, metric, labels, help) { metric, labels, help },
    IVX_DELIVER_COUNTERS(X)
#undef X
};

/* All samples of a metric stand together, under one head. */
static void put_counters(struct ivx_text *to, const struct ivx_site *site, const char *role,
                         const char *label, const struct counter *counters, size_t count)
{
    struct ivx_err ignored = { 0 }; /* that role has not run here */
    IVX_AUTO(ivx_memory_free) struct ivx_counter_row *rows = NULL;
    size_t row_count = 0;
    if (!ivx_counters_read(site->config->state_dir, role, count, &rows, &row_count, &ignored))
        return;
    for (size_t n = 0; n < count; n++) {
        const struct counter *counter = &counters[n];
        if (n == 0 || strcmp(counter->metric, counters[n - 1].metric) != 0)
            ivx_metrics_head(to, counter->metric, "counter", counter->help);
        for (size_t k = 0; k < row_count; k++)
            ivx_text_add(to, "isovox_%s{%s=\"%s\"%s%s} %llu\n", counter->metric, label,
                         rows[k].owner, counter->labels[0] == '\0' ? "" : ",",
                         counter->labels, (unsigned long long)rows[k].value[n]);
    }
}

/* ---- destinations -------------------------------------------------------------------------- */

struct troubles {
    struct ivx_breaker_row *breakers;
    struct ivx_backlog *backlogs;
    size_t breaker_count, backlog_count;
};

static void troubles_end(struct troubles *troubles)
{
    ivx_memory_free(&troubles->breakers);
    ivx_memory_free(&troubles->backlogs);
}

/* One without a row was never in trouble. */
static enum ivx_breaker_state state_of(const struct troubles *troubles, const char *name)
{
    for (size_t n = 0; n < troubles->breaker_count; n++)
        if (strcmp(troubles->breakers[n].destination, name) == 0)
            return troubles->breakers[n].state;
    return IVX_BREAKER_CLOSED;
}

static struct ivx_backlog backlog_of(const struct troubles *troubles, const char *name)
{
    for (size_t n = 0; n < troubles->backlog_count; n++)
        if (strcmp(troubles->backlogs[n].destination, name) == 0)
            return troubles->backlogs[n];
    return (struct ivx_backlog){ 0 };
}

static void put_breakers(struct ivx_text *to, const struct ivx_config *config,
                         const struct troubles *troubles)
{
    ivx_metrics_head(to, "destination_up", "gauge", "0 while its circuit breaker is open.");
    for (size_t n = 0; n < config->destination_count; n++) {
        const char *name = config->destinations[n].name;
        const enum ivx_breaker_state state = state_of(troubles, name);
        ivx_text_add(to, "isovox_destination_up{destination=\"%s\"} %d\n", name,
                     state == IVX_BREAKER_CLOSED || state == IVX_BREAKER_HALF_OPEN);
    }
    ivx_metrics_head(to, "destination_breaker", "gauge",
                     "1 for the state that its circuit breaker is in.");
    for (size_t n = 0; n < config->destination_count; n++)
        for (int k = 0; k < IVX_BREAKER_STATE_COUNT; k++) {
            const enum ivx_breaker_state state = (enum ivx_breaker_state)k;
            const char *name = config->destinations[n].name;
            ivx_text_add(to, "isovox_destination_breaker{destination=\"%s\",state=\"%s\"} %d\n",
                         name, ivx_breaker_state_name(state),
                         state_of(troubles, name) == state);
        }
}

static void put_backlogs(struct ivx_text *to, const struct ivx_config *config,
                         const struct troubles *troubles)
{
    const int64_t now = ivx_clock_wall_us();
    ivx_metrics_head(to, "destination_open_deliveries", "gauge",
                     "Deliveries that are not over: queued, under way, to be repeated, or sent "
                     "and not committed yet.");
    for (size_t n = 0; n < config->destination_count; n++)
        ivx_text_add(to, "isovox_destination_open_deliveries{destination=\"%s\"} %lld\n",
                     config->destinations[n].name,
                     (long long)backlog_of(troubles, config->destinations[n].name).deliveries);
    ivx_metrics_head(to, "destination_oldest_open_seconds", "gauge",
                     "Age of the oldest of them; 0: there is none.");
    for (size_t n = 0; n < config->destination_count; n++) {
        const int64_t since = backlog_of(troubles, config->destinations[n].name).oldest_us;
        ivx_text_add(to, "isovox_destination_oldest_open_seconds{destination=\"%s\"} %.3f\n",
                     config->destinations[n].name,
                     since > 0 && now > since ? (double)(now - since) / 1e6 : 0.0);
    }
}

void ivx_metrics_peers(struct ivx_text *to, const struct ivx_site *site,
                       struct ivx_catalogue *catalogue)
{
    struct ivx_err ignored = { 0 };
    IVX_AUTO(troubles_end) struct troubles troubles = { 0 };
    put_counters(to, site, "receive", "ae", of_receive, IVX_COUNT(of_receive));
    put_counters(to, site, "deliver", "destination", of_deliver, IVX_COUNT(of_deliver));
    if (site->config->destination_count == 0
        || !ivx_catalogue_list_breakers(catalogue, &troubles.breakers, &troubles.breaker_count,
                                        &ignored)
        || !ivx_catalogue_backlogs(catalogue, &troubles.backlogs, &troubles.backlog_count,
                                   &ignored))
        return;
    put_breakers(to, site->config, &troubles);
    put_backlogs(to, site->config, &troubles);
}
