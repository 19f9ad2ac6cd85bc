
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Who takes the samples of the series, in shared memory that is there where a
 * location has an API.
 */


#ifndef _NGX_ER_SERIES_TURN_H_INCLUDED_
#define _NGX_ER_SERIES_TURN_H_INCLUDED_


#include "../event_router.h"
#include "series.h"


/* postconfiguration, behind the counters': the zone, if there is an API;
   NGX_ERROR: no memory */
ngx_int_t ngx_er_series_zone(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

/* init_process and exit_process; without the memory they do nothing */
void ngx_er_series_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf);
void ngx_er_series_exit_worker(void);

/* NULL: there are none */
ngx_er_series_t *ngx_er_series_of(ngx_er_main_conf_t *mcf);

/* this nginx ends: what was measured of the step is its last one */
void ngx_er_series_last(void);

/* ms since 1970, on the clock of the machine */
uint64_t ngx_er_series_now(void);


#endif /* _NGX_ER_SERIES_TURN_H_INCLUDED_ */
