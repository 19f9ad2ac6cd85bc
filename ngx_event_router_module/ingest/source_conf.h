
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A source while its block is being read: source.c collects, source_conf.c
 * completes.  Nothing of it is needed after the block.
 */


#ifndef _NGX_ER_SOURCE_CONF_H_INCLUDED_
#define _NGX_ER_SOURCE_CONF_H_INCLUDED_


#include "source.h"
#include "../conf/block.h"
#include "../route/lines.h"


/* the flag of lines that are parameters of the verifier */

#define NGX_ER_LINE_PARAM  NGX_ER_BLOCK_OWN


typedef struct {
    ngx_er_source_t       *source;
    ngx_er_main_conf_t    *mcf;
    ngx_array_t            lines;      /* of ngx_er_block_words_t */
    ngx_array_t            handshakes; /* blocks; handshake_conf.c's own */
    ngx_er_lines_t         require;
    ngx_er_route_element_t element;    /* as of a route: of "require" */
} ngx_er_draft_t;


/* the block is over; NGX_OK, or NGX_ERROR after logging where the mistake is,
   as below */
ngx_int_t ngx_er_source_complete(ngx_conf_t *cf, ngx_er_draft_t *draft);

/* all of nginx.conf was read: what of the sources does not fit together */
ngx_int_t ngx_er_sources_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_SOURCE_CONF_H_INCLUDED_ */
