
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A target while its block is being read: target.c reads the lines, those of
 * its policy are target_policy.c's.  Nothing of it is needed after the block.
 */


#ifndef _NGX_ER_TARGET_H_INCLUDED_
#define _NGX_ER_TARGET_H_INCLUDED_


#include "../event_router.h"
#include "../conf/block.h"


/* the flag of lines that are for queued deliveries only */

#define NGX_ER_TARGET_QUEUED  NGX_ER_BLOCK_NOTED


typedef struct {
    ngx_er_target_t       *target;
    ngx_er_main_conf_t    *mcf;
    unsigned               statuses:1;  /* retry_on or fail_on is written */
    unsigned               horizon:1;   /* "retry for=" */
} ngx_er_target_draft_t;


/* target_policy.c: NGX_CONF_OK, or what is wrong, or that was logged */

char *ngx_er_target_retry(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
char *ngx_er_target_statuses(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
char *ngx_er_target_rate(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
char *ngx_er_target_breaker(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
char *ngx_er_target_order(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);

/* and the lines of one value, of an ngx_er_policy_t */
extern ngx_er_param_t  ngx_er_target_values[];

/* when the block ends: lines that contradict one another */
ngx_int_t ngx_er_target_policy_complete(ngx_conf_t *cf,
    ngx_er_target_draft_t *draft);

/* when all was read: warns of lines that a source without a queue ignores */
void ngx_er_target_policy_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_target_t *target);


#endif /* _NGX_ER_TARGET_H_INCLUDED_ */
