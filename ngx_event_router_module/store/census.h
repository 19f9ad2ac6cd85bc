
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a store holds, as a person who changes nginx.conf has to know it.
 */


#ifndef _NGX_ER_CENSUS_H_INCLUDED_
#define _NGX_ER_CENSUS_H_INCLUDED_


#include "entry.h"


#define NGX_ER_CENSUS_TARGETS  64
#define NGX_ER_CENSUS_STORES   8
#define NGX_ER_CENSUS_PATH     512


/* entries of a target that the configuration does not have */

typedef struct {
    uint64_t               pending;
    uint64_t               dead;
    size_t                 len;
    u_char                 name[NGX_ER_ENTRY_NAME];
} ngx_er_census_target_t;


/* another store of this nginx, which the configuration does not name */

typedef struct {
    uint64_t               pending;
    uint64_t               dead;
    size_t                 len;
    u_char                 path[NGX_ER_CENSUS_PATH];
} ngx_er_census_store_t;


/*
 * It goes from a process to another one as it is: "known" is the caller's, and
 * read in the process that counts.  Nothing was counted: all is 0.
 */

typedef struct {
    uint64_t              *known;      /* hashes of the configuration's
                                          targets */
    ngx_uint_t             nknown;

    uint64_t               used;       /* bytes, at least; 0: not known */
    uint64_t               high;       /* bytes from which on events are
                                          refused */
    uint64_t               size;       /* bytes that it may have */
    ngx_uint_t             ntargets;
    ngx_uint_t             more;       /* targets beyond these */
    ngx_uint_t             nstores;
    ngx_er_census_target_t targets[NGX_ER_CENSUS_TARGETS];
    ngx_er_census_store_t  stores[NGX_ER_CENSUS_STORES];
} ngx_er_census_t;


#endif /* _NGX_ER_CENSUS_H_INCLUDED_ */
