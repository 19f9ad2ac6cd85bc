
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What is told of a copy of an event with another body.
 */


#ifndef _NGX_ER_API_EDITED_H_INCLUDED_
#define _NGX_ER_API_EDITED_H_INCLUDED_


#include "api.h"
#include "api_stored.h"
#include "../ingest/edited.h"


/* all of it is the caller's */

typedef struct {
    uint64_t               seq;        /* of the original, */
    ngx_er_api_stored_e    place;      /* and where it is */
    ngx_er_event_t        *event;      /* the copy */
    ngx_er_target_t       *to;
    ngx_str_t             *routes;
    ngx_str_t             *who;
    size_t                 was;        /* bytes of the original's body */
    ngx_er_edited_bytes_t  *bytes;
    ngx_uint_t             preview;
    ngx_uint_t             stale;
} ngx_er_api_edited_t;


/* the members of the answer, and "edited" of events and entries */
extern ngx_er_api_schema_t  ngx_er_api_edit_answer;
extern ngx_er_api_schema_t  ngx_er_api_edited_from;

/* an object up to the end of its member "edited", which is not closed yet;
   and more members of that, of a preview */
void ngx_er_api_edited_json(ngx_er_json_t *json, ngx_er_api_edited_t *told);
void ngx_er_api_edited_headers(ngx_er_json_t *json, ngx_er_api_edited_t *told);


#endif /* _NGX_ER_API_EDITED_H_INCLUDED_ */
