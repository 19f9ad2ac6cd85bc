
/*
 * Copyright (C) Event Router contributors
 */


/*
 * event_log: a line for each event, each attempt, each delivery of the queue
 * that did not go as it should, each request that brought no event, and each
 * act of an administrator.
 */


#ifndef _NGX_ER_LOG_H_INCLUDED_
#define _NGX_ER_LOG_H_INCLUDED_


#include "../base/json.h"
#include "../deliver/attempt.h"
#include "who.h"


typedef enum {
    NGX_ER_LOG_REQUEST = 0,            /* it brought no event */
    NGX_ER_LOG_EVENT,
    NGX_ER_LOG_ATTEMPT,
    NGX_ER_LOG_DELIVERY,               /* of an event to a target, its end */
    NGX_ER_LOG_ADMIN
} ngx_er_log_kind_e;


/* what a line says; all of it is the caller's, and may be NULL or 0 */

typedef struct {
    ngx_er_log_kind_e      kind;
    const char            *outcome;    /* a word of ours */
    const char            *reason;     /* a sentence or a word of ours */
    const char            *by;         /* which check refused it, a word */
    ngx_http_request_t    *request;    /* the producer's or administrator's */
    ngx_er_source_t       *source;
    ngx_er_event_t        *event;
    ngx_er_target_t       *target;
    ngx_er_attempt_t      *attempt;
    uint64_t               number;     /* in the queue */
    ngx_uint_t             status;     /* of HTTP */
    ngx_int_t              ms;         /* DELIVERY: how long it took;
                                          NGX_ERROR: that is not known */
    ngx_er_who_t          *who;        /* the administrator: the outcome is
                                          what was done */
    ngx_str_t             *text;       /* a sentence */
} ngx_er_log_line_t;


/* where lines go: log_file.c */

typedef struct {
    ngx_open_file_t           *file;   /* or NULL */
    ngx_syslog_peer_t         *peer;   /* or NULL */
    ngx_array_t               *ops;    /* of ngx_er_log_op_t; NULL: JSON */
    ngx_uint_t                 escape; /* ngx_er_log_escape_e */
    ngx_http_complex_value_t  *filter; /* "if=", or NULL */
    ngx_uint_t                 lost;   /* lines, since that was told */
    time_t                     told;
} ngx_er_log_t;


typedef enum {
    NGX_ER_LOG_ESCAPE_JSON = 0,
    NGX_ER_LOG_ESCAPE_DEFAULT          /* as log_format has it: \xXX */
} ngx_er_log_escape_e;


/* a piece of a line of one's own: a text, or a variable */

typedef struct {
    ngx_str_t              text;       /* of a variable its name */
    ngx_int_t              index;      /* NGX_CONF_UNSET: it is a text */
    ngx_uint_t             foreign;    /* 1: the variable is not ours */
    ngx_int_t              field;      /* that "event_set" shows by it, or
                                          NGX_CONF_UNSET */
} ngx_er_log_op_t;


/* init_module, also of a configuration without ours (NULL), and init_process;
   exit_process: what was not written yet is */
void ngx_er_logs_init(ngx_er_main_conf_t *mcf);
void ngx_er_logs_exit_worker(void);

/* one of each that account.c is told; without event_log they do nothing */
void ngx_er_log_request(ngx_er_source_t *source, ngx_http_request_t *r,
    const char *outcome, ngx_uint_t status, const char *by, const char *why);
void ngx_er_log_event(ngx_er_event_t *event, const char *outcome);
void ngx_er_log_answered(ngx_er_attempt_t *attempt, ngx_http_request_t *r);
void ngx_er_log_attempt(ngx_er_attempt_t *attempt, const char *outcome);
void ngx_er_log_delivery(ngx_er_target_t *target, uint64_t seq,
    ngx_er_event_t *event, const char *outcome, const char *reason,
    ngx_int_t ms);
void ngx_er_log_admin(ngx_http_request_t *r, ngx_er_who_t *who,
    const char *act, ngx_str_t *noun, ngx_str_t *text);

/* members of JSON: the trace of an event, if it has one, with the span of an
   attempt (NULL: of none); and who acted */
void ngx_er_log_json_trace(ngx_er_json_t *json, ngx_er_event_t *event,
    ngx_er_attempt_t *attempt);
void ngx_er_log_json_who(ngx_er_json_t *json, ngx_er_who_t *who);


#endif /* _NGX_ER_LOG_H_INCLUDED_ */
