
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a source is expected to send.
 */


#ifndef _NGX_ER_EXPECT_H_INCLUDED_
#define _NGX_ER_EXPECT_H_INCLUDED_


#include "event.h"
#include "source_conf.h"


/* a line "expect" */

typedef struct {
    ngx_str_t              type;       /* empty: any */
    ngx_msec_t             every;
    ngx_er_where_t         where;
    ngx_er_alert_t        *alert;      /* NULL: nobody is told */
} ngx_er_expect_t;


/* the line "expect" of event_source */
char *ngx_er_expect_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf);

/* an event came; its source has "expects" */
void ngx_er_expect_heard(ngx_er_event_t *event);

/* of a source: within how many ms it is to send something, the shortest time
   of its lines (0: nothing is expected); *silent is 1 if that did not come */
ngx_msec_t ngx_er_expect_view(ngx_er_source_t *source, ngx_uint_t *silent);

/* now and then, of a source that has "expects": tells what does not come */
void ngx_er_expect_look(ngx_er_source_t *source);


#endif /* _NGX_ER_EXPECT_H_INCLUDED_ */
