
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Attempts in error.log.  Each function writes at most "len" bytes to "buf"
 * and returns the end.
 */


#ifndef _NGX_ER_ATTEMPT_LOG_H_INCLUDED_
#define _NGX_ER_ATTEMPT_LOG_H_INCLUDED_


#include "attempt.h"


#define NGX_ER_ATTEMPT_LOG   512       /* bytes of an attempt in a log line */


/* "delivering event "1" of source "shopify" to target "erp""; "data" is the
   attempt (an ngx_log_handler_pt) */
u_char *ngx_er_attempt_log(void *data, u_char *buf, size_t len);

/* "1" of source "shopify"; NGX_ER_ATTEMPT_LOG bytes do */
u_char *ngx_er_attempt_log_event(ngx_er_event_t *event, u_char *buf,
    size_t len);

/* ", answered 400 "the first words"" or ", no answer" */
u_char *ngx_er_attempt_log_answer(ngx_er_attempt_t *attempt, u_char *buf,
    size_t len);

/* why the status is not what decided, if so */
u_char *ngx_er_attempt_log_verdict(ngx_er_attempt_t *attempt, u_char *buf,
    size_t len);

/* the first words of the answer in quotes, or nothing */
u_char *ngx_er_attempt_log_words(ngx_er_attempt_t *attempt, u_char *buf,
    size_t len);


#endif /* _NGX_ER_ATTEMPT_LOG_H_INCLUDED_ */
