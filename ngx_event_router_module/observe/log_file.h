
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Where the lines of event_log go.
 */


#ifndef _NGX_ER_LOG_FILE_H_INCLUDED_
#define _NGX_ER_LOG_FILE_H_INCLUDED_


#include "log.h"


/* opens what "name" says, with a buffer of so many bytes that is written at
   the latest after "flush" ms; NGX_ERROR, logged */
ngx_int_t ngx_er_log_file_open(ngx_conf_t *cf, ngx_er_log_t *log,
    ngx_str_t *name, size_t buffer, ngx_msec_t flush);

/* the same for syslog:..., which has no buffer */
ngx_int_t ngx_er_log_syslog_open(ngx_conf_t *cf, ngx_er_log_t *log);

/* a line with its "\n"; what cannot be written is lost, and counted */
void ngx_er_log_put(ngx_er_log_t *log, ngx_str_t *line);

/* what waits in the buffer is written now */
void ngx_er_log_drain(ngx_er_log_t *log);


#endif /* _NGX_ER_LOG_FILE_H_INCLUDED_ */
