/* rig.h - a catalogue with a little of everything, and requests to a site that shows it. */
#ifndef IVX_TESTS_HTTP_RIG_H
#define IVX_TESTS_HTTP_RIG_H

#include "server.h"

extern struct ivx_site site;
extern struct ivx_reply reply; /* of the last request */

void rig_start(void);
void rig_stop(void);
/* Series 1: three instances, job 1 done with two results, delivery 1 (pacs) failed with A700
 * after one was accepted. Series 2: one instance, refused.
 * Commitment 1 (CT1) dead. Role rows receive and convert.0. */
void rig_fill(void);
/* "pacs" cannot be reached and is asked again at next_us. */
void rig_trip(int64_t next_us);
/* Another instance of series 1 comes now; plan says what is waited for and how long. */
void rig_open_again(const char *why, int64_t limit_us);

/* Answers a request as a browser on this host would send it; path may have a query. */
void rig_get(const char *path);
void rig_post(const char *path);
/* The reply's body as JSON, freed with the next request; fails when it is none. */
const cJSON *rig_json(int status);
/* A member, "jobs/0/state" for short. */
const cJSON *rig_at(const cJSON *json, const char *path);
const char *rig_text(const cJSON *json, const char *path);
double rig_number(const cJSON *json, const char *path);

#endif
