
/*
 * Copyright (C) Event Router contributors
 */


/*
 * GET v1/status: the numbers of event_status as JSON, which status.c writes,
 * for those who have a way to the API and no other one.
 */


#include "api_status.h"
#include "status.h"


static ngx_int_t ngx_er_api_status_handler(ngx_er_api_t *api);


static ngx_er_api_schema_t  ngx_er_api_status_answer = {
    "Status", "Numbers, as event_status has them", NULL
};


ngx_er_api_endpoint_t  ngx_er_api_status[] = {

    { "status", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, 0,
      "The numbers of event_status", NULL, NULL, &ngx_er_api_status_answer,
      ngx_er_api_status_handler },

    NGX_ER_API_ENDPOINTS_END
};


static ngx_int_t
ngx_er_api_status_handler(ngx_er_api_t *api)
{
    return ngx_er_status_json(api->request, api->mcf);
}
