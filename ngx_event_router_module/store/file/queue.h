
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The queue of "event_store file:", also for door.c, which opens the store in
 * a worker.
 */


#ifndef _NGX_ER_FILE_QUEUE_H_INCLUDED_
#define _NGX_ER_FILE_QUEUE_H_INCLUDED_


#include "../queue.h"
#include "db.h"

#include <ngx_thread_pool.h>


#define NGX_ER_FILE_CRASHES  3         /* of workers in the store: then it is
                                          left closed */


/* in shared memory, what workers tell each other of the store */

typedef struct {
    ngx_atomic_t             crashes;  /* in it, since nginx.conf was read */
    ngx_atomic_t             away;     /* 1: who looked last could not use
                                          it */
    ngx_atomic_t             lost;     /* 1: it was open and its files went,
                                          so none are made in their place */
    ngx_atomic_t             epoch;    /* counts losses: then all close it */
    ngx_atomic_t             opened;   /* 1: it was since nginx.conf was
                                          read, so it is there */
    ngx_atomic_t             pending;  /* deliveries, as of the last sweep */
    ngx_atomic_t             gone;     /* those that were told as lost and did
                                          not come back */
    ngx_atomic_t             total;    /* all that were told as lost */
} ngx_er_file_sh_t;


typedef enum {
    NGX_ER_FILE_DOOR_CLOSED = 0,       /* tried again and again */
    NGX_ER_FILE_DOOR_OPENING,          /* in a thread */
    NGX_ER_FILE_DOOR_OPEN,
    NGX_ER_FILE_DOOR_CLOSING,          /* in a thread */
    NGX_ER_FILE_DOOR_LEFT              /* closed until a reload */
} ngx_er_file_door_e;


typedef struct {
    ngx_er_file_conf_t       conf;
    ngx_msec_t               window;   /* ms that accepts wait for company */
    ngx_thread_pool_t       *threads;
    ngx_er_file_sh_t        *sh;
    ngx_uint_t               doubt;    /* it could not be used when nginx.conf
                                          was read */

    /* the worker's */

    ngx_er_file_t           *file;
    ngx_queue_t              waiting;  /* of ngx_er_queue_op_t */
    ngx_uint_t               nwaiting; /* of those that may lag, more or
                                          less */
    ngx_uint_t               urgent;   /* some of them may not lag */
    ngx_queue_t              failed;   /* no thread was to be had, or no
                                          store */
    ngx_thread_task_t       *task;
    ngx_event_t              timer;
    ngx_event_t              flush;    /* posted */
    ngx_connection_t         dummy;    /* their data: debug logs its fd */
    unsigned                 busy:1;

    /* door.c's */

    ngx_er_file_door_e       door;
    ngx_thread_task_t       *opener;
    ngx_event_t              tick;
    ngx_atomic_uint_t        epoch;    /* sh->epoch when it was opened */
    ngx_uint_t               tries;
    ngx_msec_t               next;     /* when it is tried again */
    ngx_msec_t               told;     /* when the log was told, */
    ngx_er_error_t           why;      /* and what */
} ngx_er_file_queue_t;


/* the arguments of event_store; NULL after logging what is wrong */
ngx_er_queue_t *ngx_er_file_queue_create(ngx_conf_t *cf, ngx_command_t *cmd);


#endif /* _NGX_ER_FILE_QUEUE_H_INCLUDED_ */
