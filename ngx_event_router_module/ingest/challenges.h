
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The challenges of the producers, as data.
 */


#ifndef _NGX_ER_CHALLENGES_H_INCLUDED_
#define _NGX_ER_CHALLENGES_H_INCLUDED_


#include "../base/base.h"


/*
 * A handshake: a row a challenge.  match and require hold "NAME VALUE" lines
 * in the notation of templates: "query:hub.mode *", "json:type 1".
 */

typedef struct {
    const char            *preset;
    const char            *method;
    const char            *match;
    const char            *require;
    ngx_uint_t             deny;       /* status when "require" fails */
    ngx_uint_t             status;
    const char            *headers;    /* "Name: TEMPLATE" lines */
    const char            *body;       /* template */
    unsigned               signed_:1;
} ngx_er_preset_handshake_t;


/* they end with a row whose preset is NULL */

extern ngx_er_preset_handshake_t  ngx_er_preset_handshakes[];


#endif /* _NGX_ER_CHALLENGES_H_INCLUDED_ */
