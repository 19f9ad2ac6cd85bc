
/*
 * Copyright (C) Event Router contributors
 */


/*
 * event_history: how long, how much, and by which fields it is found.
 */


#ifndef _NGX_ER_HISTORY_CONF_H_INCLUDED_
#define _NGX_ER_HISTORY_CONF_H_INCLUDED_


#include "../event_router.h"
#include "../store/ring.h"


/* index= */

typedef struct {
    ngx_uint_t             field;      /* in main conf's fields */
    ngx_str_t              text;       /* as it stands in nginx.conf */
    uint64_t               name;       /* ngx_er_history_name() of it */
} ngx_er_history_field_t;


struct ngx_er_history_s {
    ngx_msec_t             time;       /* how long a record is kept */
    off_t                  size;       /* bytes; 0: none is written */
    ngx_array_t            fields;     /* of ngx_er_history_field_t */
    ngx_er_where_t         where;
    size_t                 memory;     /* bytes of the ring */
    ngx_er_ring_t         *ring;       /* of what no store keeps */
    ngx_shmtx_t           *mutex;      /* of those who write to it */
    uint64_t               id;         /* ngx_er_history_name() of "id" */
    uint64_t               trace;      /* and of "trace" */
};


/* event_history TIME [size=SIZE] [index=FIELD ...] */
char *ngx_er_history_line(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* postconfiguration, when the queue is known */
ngx_int_t ngx_er_history_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_HISTORY_CONF_H_INCLUDED_ */
