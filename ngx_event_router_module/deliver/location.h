
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The locations by which targets are reached.
 */


#ifndef _NGX_ER_LOCATION_H_INCLUDED_
#define _NGX_ER_LOCATION_H_INCLUDED_


#include "../event_router.h"


/* the directive event_deliver */
char *ngx_er_location_deliver(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * Postconfiguration: each target has a location, and routes name such targets.
 * NGX_ERROR: it was logged, with file and line, or no memory.
 */
ngx_int_t ngx_er_locations_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

/*
 * For lines of event_target, after ngx_er_locations_init(): the location of
 * the target's server to which a subrequest of "uri" goes.  With "prefix" only
 * the beginning of the URI is known.  It must be internal; then caches and
 * what its answers could command are off there.  NULL: it was logged, at
 * "where", and "line" is what stands there.
 */
ngx_http_core_loc_conf_t *ngx_er_location_internal(ngx_conf_t *cf,
    ngx_er_target_t *target, ngx_str_t *uri, ngx_uint_t prefix,
    ngx_er_where_t *where, const char *line);

/* the same for a call of another noun: the location of that server, NULL:
   there is none, or it is not internal */
ngx_http_core_loc_conf_t *ngx_er_location_called(ngx_conf_t *cf,
    ngx_http_conf_ctx_t *ctx, ngx_str_t *uri);

/* the prefix of the module ("proxy") that may send a request of the target's
   location more than once, or NULL: "NAME_next_upstream off" is written */
const char *ngx_er_location_repeats(ngx_conf_t *cf, ngx_er_target_t *target);

/* when routes know their sources: warnings of what does not fit together;
   NGX_ERROR: no memory */
ngx_int_t ngx_er_locations_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_LOCATION_H_INCLUDED_ */
