
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Who may publish events.
 */


#ifndef _NGX_ER_SOURCE_H_INCLUDED_
#define _NGX_ER_SOURCE_H_INCLUDED_


#include "../event_router.h"


/* the directive event_source */
char *ngx_er_source_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* 1: the name of the source of the router's own events, which nobody writes */
ngx_uint_t ngx_er_source_router(ngx_str_t *name);

/* that source, in front of its routes; "where" is the first of these.  NULL
   after logging, or no memory */
ngx_er_source_t *ngx_er_source_own(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_where_t *where);

/* a source by name, or NULL */
ngx_er_source_t *ngx_er_source_find(ngx_er_main_conf_t *mcf, ngx_str_t *name);

/* the largest max_size of all, bytes; 0: there is no source */
size_t ngx_er_source_largest(ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_SOURCE_H_INCLUDED_ */
