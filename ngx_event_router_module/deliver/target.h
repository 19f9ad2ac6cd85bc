
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Targets in nginx.conf.
 */


#ifndef _NGX_ER_TARGET_H_INCLUDED_
#define _NGX_ER_TARGET_H_INCLUDED_


#include "../event_router.h"


/* a target while its block is being read: "conf" of its lines' handlers */

typedef struct {
    ngx_er_target_t       *target;
    ngx_er_main_conf_t    *mcf;
    const char            *statuses;   /* the first of retry_on and fail_on
                                          that lists statuses, or NULL */
    unsigned               horizon:1;  /* "retry for=" */
    unsigned               burst:1;    /* "rate" with burst= */
} ngx_er_target_draft_t;


/* a target by name, or NULL */
ngx_er_target_t *ngx_er_target_find(ngx_er_main_conf_t *mcf, ngx_str_t *name);

/* the same by the hash of its name */
ngx_er_target_t *ngx_er_target_hashed(ngx_er_main_conf_t *mcf, uint64_t hash);

/* finds the target or adds it with the defaults; NULL: no memory */
ngx_er_target_t *ngx_er_target_get(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_str_t *name);

/* the directive event_target */
char *ngx_er_target_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* postconfiguration, when routes know their sources and targets: warnings of
   what does not fit together; NGX_ERROR after logging what cannot be */
ngx_int_t ngx_er_targets_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_TARGET_H_INCLUDED_ */
