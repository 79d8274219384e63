#include "daemon.h"
#include "isovox/convert/convert.h"
#include "isovox/deliver/deliver.h"
#include "isovox/http/http.h"
#include "isovox/plan/plan.h"
#include "isovox/query/query.h"
#include "isovox/receive/receive.h"

const struct ivx_role_kind ivx_role_kinds[IVX_ROLE_KINDS + 1] = {
    { "receive", ivx_receive_run, false },
    { "plan", ivx_plan_run, false },
    { "convert", ivx_convert_run, true },
    { "deliver", ivx_deliver_run, false },
    { "query", ivx_query_run, false },
    { "http", ivx_http_run, false },
    { NULL, NULL, false },
};
