
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Tenants: which configurations still have workers, so that a place in shared
 * memory that was made for a noun is given to another one only when nobody
 * has it any more; and the places, which are in lists.
 */


#ifndef _NGX_ER_TENANTS_H_INCLUDED_
#define _NGX_ER_TENANTS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct ngx_er_tenants_sh_s  ngx_er_tenants_sh_t;


/* a configuration's */

typedef struct {
    ngx_uint_t             generation; /* counts configurations, from 1 */
    ngx_uint_t             running;    /* that of those that run; 0: none */
    ngx_er_tenants_sh_t   *sh;         /* NULL: nothing is known of others */
} ngx_er_tenants_t;


/* in a place: the configurations that have it are in between; 0: nobody has
   had it yet */

typedef struct {
    ngx_uint_t             first;
    ngx_uint_t             last;
} ngx_er_tenancy_t;


/* the first member of a place; "next" is the place behind it, of its list */

typedef struct {
    void                  *next;
    ngx_er_tenancy_t       tenancy;
} ngx_er_place_t;


/*
 * postconfiguration: adds the zone, which is to be the first one of those that
 * ask here.  "tag" is as for ngx_shared_memory_add().
 */
ngx_int_t ngx_er_tenants_init(ngx_conf_t *cf, ngx_er_tenants_t *tenants,
    void *tag);

/* a worker begins and ends */
void ngx_er_tenants_enter(ngx_er_tenants_t *tenants);
void ngx_er_tenants_leave(ngx_er_tenants_t *tenants);

/*
 * In init of a zone.  1: a place is free, neither this configuration nor one
 * that has workers has it.
 */
ngx_uint_t ngx_er_tenants_free(ngx_er_tenants_t *tenants,
    ngx_er_tenancy_t *tenancy);

/* this configuration has the place, too.  1: nobody had it, so what stands in
   it is nobody's */
ngx_uint_t ngx_er_tenants_take(ngx_er_tenants_t *tenants,
    ngx_er_tenancy_t *tenancy);

/*
 * In init of a zone: a place of "size" bytes, all zeros, which this
 * configuration has.  Where there is no memory for it, the places of the list
 * that are free are given back before.  NULL: there is none then either.  It
 * is in no list yet: fill it, then put it into the list.
 */
void *ngx_er_place_alloc(ngx_er_tenants_t *tenants, ngx_slab_pool_t *pool,
    void **list, size_t size);

/* puts it in front of the list, under the lock of the pool: who walks the list
   under this lock sees only places that are filled */
void ngx_er_place_link(ngx_slab_pool_t *pool, void **list, void *data);


#endif /* _NGX_ER_TENANTS_H_INCLUDED_ */
