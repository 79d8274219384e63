/* Rows as structures; the columns are those of the lists in db.h. */
#include "db.h"

void ivx_series_read(sqlite3_stmt *statement, void *row)
{
    struct ivx_series_row *out = row;
    out->id = NUMBER(statement, 0);
    COLUMN(statement, 1, out->series_uid);
    COLUMN(statement, 2, out->study_uid);
    COLUMN(statement, 3, out->modality);
    COLUMN(statement, 4, out->calling_ae);
    out->state = (enum ivx_series_state)NUMBER(statement, 5);
    out->generation = NUMBER(statement, 6);
    out->instances = NUMBER(statement, 7);
    out->first_us = NUMBER(statement, 8);
    out->last_us = NUMBER(statement, 9);
    out->decided_us = NUMBER(statement, 10);
    COLUMN(statement, 11, out->code);
    COLUMN(statement, 12, out->note);
    out->all_released = NUMBER(statement, 13) != 0;
    out->gone = NUMBER(statement, 14);
    out->broken = NUMBER(statement, 15) != 0;
    out->limit_us = NUMBER(statement, 16);
    COLUMN(statement, 17, out->why);
    out->new_us = NUMBER(statement, 18);
    out->due_us = NUMBER(statement, 19);
    out->forced = NUMBER(statement, 20) != 0;
}

void ivx_instance_row_read(sqlite3_stmt *statement, void *row)
{
    struct ivx_instance_row *out = row;
    out->id = NUMBER(statement, 0);
    COLUMN(statement, 1, out->sop_uid);
    COLUMN(statement, 2, out->sha256_hex);
    COLUMN(statement, 3, out->calling_ae);
    out->segment = (uint64_t)NUMBER(statement, 4);
    out->offset = (uint64_t)NUMBER(statement, 5);
    out->length = (uint64_t)NUMBER(statement, 6);
}

void ivx_job_read(sqlite3_stmt *statement, void *row)
{
    struct ivx_job_row *out = row;
    out->id = NUMBER(statement, 0);
    out->series_id = NUMBER(statement, 1);
    out->attempts = NUMBER(statement, 2);
    out->generation = NUMBER(statement, 3);
    out->created_us = NUMBER(statement, 4);
    out->started_us = NUMBER(statement, 5);
    out->finished_us = NUMBER(statement, 6);
    out->next_us = NUMBER(statement, 7);
    out->state = (enum ivx_job_state)NUMBER(statement, 8);
    COLUMN(statement, 9, out->recipe);
    COLUMN(statement, 10, out->route);
    COLUMN(statement, 11, out->code);
    COLUMN(statement, 12, out->note);
    COLUMN(statement, 13, out->volume);
    COLUMN(statement, 14, out->derived_series_uid);
    COLUMN(statement, 15, out->owner);
    out->outputs = NUMBER(statement, 16);
    out->superseded = NUMBER(statement, 17) != 0;
}

void ivx_delivery_read(sqlite3_stmt *statement, void *row)
{
    struct ivx_delivery_row *out = row;
    out->id = NUMBER(statement, 0);
    out->job_id = NUMBER(statement, 1);
    out->attempts = NUMBER(statement, 2);
    out->epoch = NUMBER(statement, 3);
    COLUMN(statement, 4, out->destination);
    COLUMN(statement, 5, out->derived_series_uid);
    COLUMN(statement, 6, out->outbox_key);
    COLUMN(statement, 7, out->sop_class);
    COLUMN(statement, 8, out->syntax);
    out->state = (enum ivx_delivery_state)NUMBER(statement, 9);
    out->instances = NUMBER(statement, 10);
    out->accepted = NUMBER(statement, 11);
    out->created_us = NUMBER(statement, 12);
    out->next_us = NUMBER(statement, 13);
    out->finished_us = NUMBER(statement, 14);
    out->last_status = NUMBER(statement, 15);
    COLUMN(statement, 16, out->last_comment);
    out->committed = NUMBER(statement, 17) != 0;
    out->commitment = (enum ivx_commitment_wanted)NUMBER(statement, 18);
    out->priority = NUMBER(statement, 19);
    out->probe_us = NUMBER(statement, 20);
}
