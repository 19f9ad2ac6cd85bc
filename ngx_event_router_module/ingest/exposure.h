
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What of a request may be kept: which headers a verifier needs, and where a
 * secret may stand.
 */


#ifndef _NGX_ER_EXPOSURE_H_INCLUDED_
#define _NGX_ER_EXPOSURE_H_INCLUDED_


#include "verify.h"


typedef enum {
    NGX_ER_EXPOSURE_NONE = 0,          /* nobody needs it: it is left out */
    NGX_ER_EXPOSURE_PLAIN,             /* no secret */
    NGX_ER_EXPOSURE_SECRET             /* it is sealed */
} ngx_er_exposure_e;


typedef struct {
    ngx_str_t              name;       /* of a header */
    ngx_er_exposure_e      exposure;
    unsigned               family:1;   /* what begins so */
} ngx_er_exposed_t;


/*
 * Each adds to "names" (of ngx_er_exposed_t) the headers that it knows: all
 * presets, a source's verifier, a source's templates (of ngx_er_template_t *),
 * one by its name.  What was added first counts.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_exposure_presets(ngx_array_t *names);
ngx_int_t ngx_er_exposure_verify(ngx_er_verify_t *v, ngx_array_t *names);
ngx_int_t ngx_er_exposure_templates(ngx_array_t *templates,
    ngx_array_t *names);
ngx_int_t ngx_er_exposure_add(ngx_array_t *names, ngx_str_t *name,
    ngx_er_exposure_e exposure, ngx_uint_t family);

/* of a header */
ngx_er_exposure_e ngx_er_exposure(ngx_array_t *names, ngx_str_t *name);

/* 1: the secret stands in the body, it is no signature */
ngx_uint_t ngx_er_exposure_body(ngx_er_verify_t *v);

/*
 * A copy of a header's value with a seal in the place of the secret: behind
 * "Bearer " and the like, of the whole otherwise.  "v" is that of the source,
 * "secret" which of its secrets has verified the request, or NGX_ERROR: none.
 * What is a signature, and no secret, stays as it is.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_exposure_seal(ngx_er_verify_t *v, ngx_int_t secret,
    ngx_pool_t *pool, u_char *salt, ngx_er_header_t *h, ngx_str_t *out);

/* the same of a URI with arguments that are secrets; as it is if the source
   signs it */
ngx_int_t ngx_er_exposure_uri(ngx_er_verify_t *v, ngx_pool_t *pool,
    u_char *salt, ngx_str_t *uri, ngx_str_t *out);


#endif /* _NGX_ER_EXPOSURE_H_INCLUDED_ */
