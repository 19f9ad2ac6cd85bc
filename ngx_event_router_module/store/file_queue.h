
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Between file_queue_conf.c, which makes the queue of "event_store file:", and
 * file_queue.c, which runs it.
 */


#ifndef _NGX_ER_FILE_QUEUE_H_INCLUDED_
#define _NGX_ER_FILE_QUEUE_H_INCLUDED_


#include "queue.h"
#include "file.h"

#include <ngx_thread_pool.h>


typedef struct {
    ngx_er_file_conf_t       conf;
    ngx_msec_t               window;   /* ms that accepts wait for company */
    ngx_thread_pool_t       *threads;

    /* the worker's */

    ngx_er_file_t           *file;
    ngx_queue_t              waiting;  /* of ngx_er_queue_op_t */
    ngx_uint_t               nwaiting; /* of those that may lag, more or
                                          less */
    ngx_uint_t               urgent;   /* some of them may not lag */
    ngx_queue_t              failed;   /* no thread was to be had */
    ngx_thread_task_t       *task;
    ngx_event_t              timer;
    ngx_event_t              flush;    /* posted */
    ngx_connection_t         dummy;    /* their data: debug logs its fd */
    unsigned                 busy:1;
} ngx_er_file_queue_t;


/* file_queue.c */
extern ngx_er_queue_backend_t  ngx_er_file_backend;


#endif /* _NGX_ER_FILE_QUEUE_H_INCLUDED_ */
