/* config.h - every setting, once: its default, unit, range and help. libconfuse reads the
 * file; a wrong setting stops the start with file, line and reason. */
#ifndef IVX_CONFIG_CONFIG_H
#define IVX_CONFIG_CONFIG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "isovox/base/err.h"

/* The parser, `isovoxd -t`, isovoxd.conf(5) and etc/isovoxd.conf all come from these tables.
 *   name              default     least     most  unit        what it does */
#define IVX_GENERAL_OPTIONS(X) \
  X(shutdown_grace,      20,         1,    3600, "seconds",  "How long SIGTERM waits for work in hand.")
#define IVX_RECEIVE_OPTIONS(X) \
  X(port,             11112,         1,   65535, "port",     "Where the Storage SCP listens.") \
  X(max_associations,    64,         1,    4096, "",         "Associations at the same time; more are rejected as transient.") \
  X(max_per_peer,        32,         1,    4096, "",         "The same, from one address.") \
  X(acse_timeout,        10,         1,    3600, "seconds",  "A connection must bring its association request by then.") \
  X(dimse_timeout,       60,         1,    3600, "seconds",  "Longest silence of a peer.") \
  X(max_pdu,         131072,      4096,  131072, "bytes",    "Longest PDU that we offer to receive.") \
  X(max_instance,      2047,         1,    2047, "MiB",      "Larger instances are refused (C000).") \
  X(low_water,          512,         0, 1073741824, "MiB",   "With less room on the disk no new association is accepted.") \
  X(high_water,         256,         0, 1073741824, "MiB",   "With less room on the disk no instance is accepted (A700).")
#define IVX_PLAN_OPTIONS(X) \
  X(quiet,               15,         1,   86400, "seconds",  "Without a new instance, when nothing better says 'complete'.") \
  X(quiet_full,           1,         0,   86400, "seconds",  "The same, when all that was named or counted is here, without a hole.") \
  X(quiet_released,       2,         0,   86400, "seconds",  "The same, when its associations are released and the geometry has no hole.") \
  X(deadline,           900,         1,  604800, "seconds",  "After which an incomplete series is decided by its route's policy.") \
  X(keep,                24,         0,   87600, "hours",    "Instances and results stay for that long after all of it is delivered.") \
  X(keep_committed,     168,         0,   87600, "hours",    "Instances that a sender was told are committed stay for that long at least.") \
  X(history,             90,         1,   36500, "days",     "What is known about a series is forgotten that long after all of it is over and removed.")
#define IVX_CONVERT_OPTIONS(X) \
  X(workers,              0,         0,     256, "processes", "0: one per core.") \
  X(threads,              1,         1,     256, "threads",  "Per worker.") \
  X(attempts,             3,         1,     100, "",         "Then a job is dead.") \
  X(lease,               60,         2,    3600, "seconds",  "A job whose worker is silent for that long is taken by another.") \
  X(max_memory,        1024,        64, 1048576, "MiB",      "Working memory of one conversion.")
#define IVX_DELIVER_OPTIONS(X) \
  X(first_retry,          5,         1,   86400, "seconds",  "Wait after the first failure; doubles each time.") \
  X(longest_retry,      900,         1,   86400, "seconds",  "The wait grows no longer than this.") \
  X(budget,              72,         1,   10000, "hours",    "Then a delivery is dead.") \
  X(lease,               60,         2,    3600, "seconds",  "A delivery whose sender is silent for that long is taken by another.")
#define IVX_HTTP_OPTIONS(X) \
  X(port,              8080,         1,   65535, "port",     "Where the status page is.") \
  X(connections,         64,         1,    4096, "",         "At the same time.")
#define IVX_SENDER_OPTIONS(X) \
  X(port,               104,         1,   65535, "port",     "The sender's own, as an SCP.")
#define IVX_DESTINATION_OPTIONS(X) \
  X(port,               104,         1,   65535, "port",     "The peer's.") \
  X(associations,         2,         1,      64, "",         "At the same time.") \
  X(connect_timeout,     10,         1,    3600, "seconds",  "For connecting and associating.") \
  X(dimse_timeout,       60,         1,    3600, "seconds",  "For an answer.") \
  X(commitment_timeout, 600,         1,   86400, "seconds",  "For the report on storage commitment; then it is asked for again.")

#define IVX_SOURCE_OPTIONS(X) \
  X(port,               104,         1,   65535, "port",     "The archive's.") \
  X(connect_timeout,     10,         1,    3600, "seconds",  "For connecting and associating.") \
  X(dimse_timeout,       60,         1,    3600, "seconds",  "For an answer.")

#define IVX_FIELD(name, value, least, most, unit, help) long name;

enum { IVX_CONFIG_LIST = 32 };

/* A list of globs; count 0: the condition is not given. */
struct ivx_globs {
    char **value;
    size_t count;
};
struct ivx_allow {
    char *ae_title;           /* calling AE title, glob */
    struct ivx_globs address; /* CIDR networks or single addresses */
};
/* A calling AE title that may ask for storage commitment, and where it hears the answer. */
struct ivx_sender {
    char *ae_title, *address;
    IVX_SENDER_OPTIONS(IVX_FIELD)
};
struct ivx_config_recipe {
    char *name;
    double spacing_mm;        /* > 0, -1 for "min", -2 for "native": as in recipes */
    /* Checked names, those of `isovox convert`. */
    char *kernel, *align, *antialias, *boundary, *orientation, *format, *clamp;
};
struct ivx_destination {
    char *name, *ae_title, *address, *calling_ae; /* calling_ae: default receive.ae_title */
    char *transfer_syntax; /* a name of ivx_transcode_syntax(), or "uncompressed" */
    bool commitment;
    IVX_DESTINATION_OPTIONS(IVX_FIELD)
};
/* An archive that knows how many instances a series has, and sends those that are missing. */
struct ivx_source {
    char *name, *ae_title, *address, *calling_ae; /* calling_ae: default receive.ae_title */
    struct ivx_globs senders; /* calling AE titles whose series it knows */
    bool fetch;               /* C-MOVE to receive.ae_title */
    IVX_SOURCE_OPTIONS(IVX_FIELD)
};
/* Every condition given must hold; lists are alternatives; globs. */
#define IVX_ROUTE_CONDITIONS(X) \
  X(modality) X(calling_ae) X(station_name) X(series_description) X(body_part) \
  X(manufacturer) X(study_description) X(protocol)
struct ivx_route {
    char *name;
#define X(condition) struct ivx_globs condition;
    IVX_ROUTE_CONDITIONS(X)
#undef X
    struct ivx_globs recipes, destinations; /* names that exist: checked */
    char *on_gap;                           /* refuse, interpolate, split */
    char *priority;                         /* routine, stat */
};

struct ivx_config {
    char *file;      /* NULL: built-in defaults */
    char *state_dir;
    struct { IVX_GENERAL_OPTIONS(IVX_FIELD) } general;
    struct {
        char *ae_title, *address;
        struct ivx_allow *allow;
        size_t allow_count;
        IVX_RECEIVE_OPTIONS(IVX_FIELD)
    } receive;
    struct { IVX_PLAN_OPTIONS(IVX_FIELD) } plan;
    struct { IVX_CONVERT_OPTIONS(IVX_FIELD) } convert;
    struct { IVX_DELIVER_OPTIONS(IVX_FIELD) } deliver;
    struct {
        char *address;
        IVX_HTTP_OPTIONS(IVX_FIELD)
    } http;
    struct ivx_config_recipe *recipes;
    size_t recipe_count;
    struct ivx_sender *senders;
    size_t sender_count;
    struct ivx_destination *destinations;
    size_t destination_count;
    struct ivx_route *routes;
    size_t route_count;
    struct ivx_source *sources;
    size_t source_count;
};

/* path NULL: the defaults (a recipe "iso-1mm", no destination, no route). Errors read
 * "/etc/isovox/isovoxd.conf:12: receive.port must be 1 to 65535, not 70000". */
bool ivx_config_load(const char *path, struct ivx_config **out, struct ivx_err *err);
void ivx_config_free(struct ivx_config **config);
/* Every setting in the file's own syntax, for `isovoxd -t`. */
void ivx_config_print(const struct ivx_config *config, FILE *to);

/* May this calling AE title at this numeric address associate? With an empty allow list:
 * loopback addresses only. */
bool ivx_config_allows(const struct ivx_config *config, const char *calling_ae,
                       const char *address);
/* What stands for it in the configuration: a sender, or the first pattern of the allow list
 * that it matches; NULL: nothing does. For counting, where strangers must not make names. */
const char *ivx_config_calling_name(const struct ivx_config *config, const char *calling_ae);
const struct ivx_config_recipe *ivx_config_recipe_find(const struct ivx_config *config,
                                                       const char *name);
/* By its calling AE title; NULL: it is not offered storage commitment. */
const struct ivx_sender *ivx_config_sender_find(const struct ivx_config *config,
                                                const char *ae_title);
const struct ivx_source *ivx_config_source_find(const struct ivx_config *config,
                                                const char *name);
/* The first source that knows the series of this calling AE title; NULL: none does. */
const struct ivx_source *ivx_config_source_for(const struct ivx_config *config,
                                               const char *calling_ae);
const struct ivx_destination *ivx_config_destination_find(const struct ivx_config *config,
                                                          const char *name);

/* How long a role may take after its SIGTERM, in microseconds, to end before it is killed: the
 * supervisor waits for receive first, for a quarter of shutdown_grace at most. */
int64_t ivx_config_drain_us(const struct ivx_config *config);

#endif
