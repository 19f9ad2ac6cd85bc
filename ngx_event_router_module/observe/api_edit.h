
/*
 * Copyright (C) Event Router contributors
 */


/*
 * POST v1/replay with a body: one event again, with these bytes.
 */


#ifndef _NGX_ER_API_EDIT_H_INCLUDED_
#define _NGX_ER_API_EDIT_H_INCLUDED_


#include "api.h"


/* rows for the table of arguments of replay */

#define NGX_ER_API_EDIT_ARGS                                                  \
    { "content_type", NGX_ER_API_TEXT, 0, NULL,                               \
      "with a body: its type, without it that of the original" },             \
    { "then", NGX_ER_API_TEXT, 0, "purge",                                    \
      "with a body: the original is forgotten when the copy is safe" },       \
    { "once", NGX_ER_API_TEXT, 0, NULL,                                       \
      "with a body: a key of yours; asked for again with it within a day, "   \
      "there is no second copy" }


/* what replay says of a body that is larger than that of any source */
#define NGX_ER_API_EDIT_LARGE                                                 \
    "no source takes a body of that size: see its max_size"

/* the handler of replay, for a body; who: for people, in api->pool */
ngx_int_t ngx_er_api_edit(ngx_er_api_t *api, ngx_str_t *body, ngx_str_t *who);


#endif /* _NGX_ER_API_EDIT_H_INCLUDED_ */
