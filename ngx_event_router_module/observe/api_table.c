
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The tables of the API, each of a file of its noun, in the order in which
 * people see them.  Read by admin.c, which gives them to api.c.
 */


#include "api_table.h"
#include "api_acts.h"
#include "api_bytes.h"
#include "api_config.h"
#include "api_drain.h"
#include "api_entries.h"
#include "api_events.h"
#include "api_explain.h"
#include "api_jobs.h"
#include "api_me.h"
#include "api_openapi.h"
#include "api_quarantine.h"
#include "api_routes.h"
#include "api_series.h"
#include "api_sources.h"
#include "api_status.h"
#include "api_tail.h"
#include "api_targets.h"


ngx_er_api_endpoint_t  *ngx_er_api_tables[] = {
    ngx_er_api_events,
    ngx_er_api_explain,
    ngx_er_api_entries,
    ngx_er_api_bytes,
    ngx_er_api_quarantine,
    ngx_er_api_targets,
    ngx_er_api_acts,
    ngx_er_api_drains,
    ngx_er_api_jobs,
    ngx_er_api_tail,
    ngx_er_api_me,
    ngx_er_api_sources,
    ngx_er_api_routes,
    ngx_er_api_series,
    ngx_er_api_config,
    ngx_er_api_status,
    ngx_er_api_openapi,
    NULL
};
