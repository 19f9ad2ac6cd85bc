
/*
 * Copyright (C) Event Router contributors
 */


/*
 * GET v1/me: under which name and with which role the client is here, so that
 * a page shows no button that would be refused.  The name is that in the
 * audit: of the token, of the client's certificate, or of its user.  Nothing
 * but the request is looked at, and it needs no queue.
 */


#include "api_me.h"
#include "gate.h"


#define NGX_ER_API_ME_JSON  256


static ngx_int_t ngx_er_api_me_handler(ngx_er_api_t *api);


static ngx_er_api_field_t  ngx_er_api_me_fields[] = {
    { "name", NGX_ER_API_TEXT, 0, NULL, NULL,
      "of the token, the certificate or the user, as the audit has it" },
    { "role", NGX_ER_API_TEXT, 1, "look|act", NULL, "what the client may do" },
    { "reveal", NGX_ER_API_FLAG, 1, NULL, NULL,
      "the location shows bodies and answers" },
    { "tokens", NGX_ER_API_FLAG, 1, NULL, NULL,
      "the location asks for a token" },
    { "version", NGX_ER_API_TEXT, 1, NULL, NULL, "of the module" },
    { "nginx", NGX_ER_API_TEXT, 1, NULL, NULL, "the version of nginx" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_me_answer = {
    "Me", "Who asks", ngx_er_api_me_fields
};


ngx_er_api_endpoint_t  ngx_er_api_me[] = {

    { "me", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, 0,
      "Who asks, and what this client may do", NULL, NULL,
      &ngx_er_api_me_answer, ngx_er_api_me_handler },

    NGX_ER_API_ENDPOINTS_END
};


static ngx_int_t
ngx_er_api_me_handler(ngx_er_api_t *api)
{
    ngx_str_t      *name;
    ngx_er_who_t   *who;
    ngx_er_json_t   json;

    who = &api->who;

    name = who->token.len ? &who->token
           : who->subject.len ? &who->subject : &who->user;

    ngx_er_json_begin(&json, api->request->pool, NGX_ER_API_ME_JSON);
    ngx_er_json_open(&json, NULL, "{");

    if (name->len) {
        ngx_er_api_text(&json, "name", name);
    }

    ngx_er_json_word(&json, "role", who->role == NGX_ER_ROLE_ACT ? "act"
                                                                  : "look");
    ngx_er_json_flag(&json, "reveal", api->lcf->reveal);
    ngx_er_json_flag(&json, "tokens", ngx_er_gate_tokens(api->lcf->gate));
    ngx_er_json_word(&json, "version", NGX_ER_VERSION);
    ngx_er_json_word(&json, "nginx", NGINX_VERSION);
    ngx_er_json_close(&json, "}\n");

    return ngx_er_api_json(api, &json);
}
