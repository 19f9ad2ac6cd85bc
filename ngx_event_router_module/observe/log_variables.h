
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The variables of a line of event_log.
 */


#ifndef _NGX_ER_LOG_VARIABLES_H_INCLUDED_
#define _NGX_ER_LOG_VARIABLES_H_INCLUDED_


#include "log.h"


/* preconfiguration: adds $event_log_kind and its kin */
ngx_int_t ngx_er_log_variables_add(ngx_conf_t *cf);

/* from now on all variables of ours speak of that line, in any request; NULL:
   of their requests again */
void ngx_er_log_speak(ngx_er_log_line_t *line);

/* the line that is written now, or NULL */
ngx_er_log_line_t *ngx_er_log_spoken(void);

/* now, "2026-11-30T03:35:18.123Z"; "p" has NGX_ER_LOG_TIME bytes */
#define NGX_ER_LOG_TIME  24

u_char *ngx_er_log_time(u_char *p);

/* ms that the event or the attempt took; NGX_ERROR: it is not known */
ngx_int_t ngx_er_log_ms(ngx_er_log_line_t *line);

/* ms since a request began */
ngx_int_t ngx_er_log_since(ngx_http_request_t *r);

/* "request", "event", "attempt", "delivery", "admin" */
const char *ngx_er_log_kind_name(ngx_er_log_kind_e kind);


#endif /* _NGX_ER_LOG_VARIABLES_H_INCLUDED_ */
