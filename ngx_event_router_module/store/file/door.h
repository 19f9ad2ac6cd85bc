
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Whether the embedded store can be used: before there are workers, and in
 * each of them.
 */


#ifndef _NGX_ER_FILE_DOOR_H_INCLUDED_
#define _NGX_ER_FILE_DOOR_H_INCLUDED_


#include "queue.h"


/*
 * The zone, in postconfiguration; and init_conf: can the store be used?  If
 * not it is a warning, and NGX_ERROR only at a reload while the store of the
 * workers that run ("old", or NULL) is in order.
 */
ngx_int_t ngx_er_file_start_zone(ngx_conf_t *cf, ngx_er_file_queue_t *fq);
ngx_int_t ngx_er_file_start_check(ngx_er_queue_t *queue, ngx_er_queue_t *old,
    ngx_er_census_t *census, ngx_cycle_t *cycle);

/*
 * init() opens it if that is possible at once; a store that is closed is no
 * error.  lost() tells that it is not open any more.  When it is closed,
 * "flush" is posted and answers what waits.
 */
ngx_int_t ngx_er_file_door_init(ngx_er_file_queue_t *fq, uint64_t holder,
    ngx_cycle_t *cycle);
void ngx_er_file_door_lost(ngx_er_file_queue_t *fq);
void ngx_er_file_door_exit(ngx_er_file_queue_t *fq);


#endif /* _NGX_ER_FILE_DOOR_H_INCLUDED_ */
