
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Events in a store that a new configuration does not name.
 */


#ifndef _NGX_ER_LEFT_H_INCLUDED_
#define _NGX_ER_LEFT_H_INCLUDED_


#include "../event_router.h"
#include "../store/census.h"


/* init_module; mcf NULL: there is nothing of ours in this configuration */
void ngx_er_left(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf);


/* init_conf: a census that knows the configuration's targets; NGX_ERROR: no
   memory */
ngx_int_t ngx_er_left_known(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf,
    ngx_er_census_t *census);

/* and what it found is told */
void ngx_er_left_census(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf,
    ngx_er_census_t *census);


#endif /* _NGX_ER_LEFT_H_INCLUDED_ */
