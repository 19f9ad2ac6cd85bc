
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The challenges of the producers, as data.
 */


#ifndef _NGX_ER_CHALLENGES_H_INCLUDED_
#define _NGX_ER_CHALLENGES_H_INCLUDED_


#include "../base/base.h"


#define NGX_ER_CHALLENGE_WORDS  8      /* of a line, with its name */


/* a row a challenge, in the words of nginx.conf */

typedef struct {
    const char            *preset;
    const char            *method;     /* "GET HEAD" */
    const char            *match;      /* lines "NAME VALUE..." */
    const char            *require;
    ngx_uint_t             deny;       /* status when "require" fails */
    ngx_uint_t             status;
    const char            *type;       /* of the body; NULL: empty */
    const char            *body;       /* text */
    const char            *headers;    /* lines "Name: TEXT" */
    const char            *apart;      /* "signed" of events that can be no
                                          challenge */
    unsigned               signed_:1;
} ngx_er_preset_handshake_t;


/* they end with a row whose preset is NULL */

extern ngx_er_preset_handshake_t  ngx_er_preset_handshakes[];


#endif /* _NGX_ER_CHALLENGES_H_INCLUDED_ */
