
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The lines of a route that are a whole condition by themselves.  Each reads
 * the words of its directive in cf->args.
 */


#ifndef _NGX_ER_LINE_H_INCLUDED_
#define _NGX_ER_LINE_H_INCLUDED_


#include "../event_router.h"


/* NULL with a sentence in err */
typedef ngx_er_condition_t *(*ngx_er_line_pt)(ngx_conf_t *cf,
    ngx_er_fields_t *fields, ngx_er_error_t *err);

/* pattern FILE [root=data];   filter FILE;   sample N% [by=FIELD]; */
ngx_er_condition_t *ngx_er_line_pattern(ngx_conf_t *cf,
    ngx_er_fields_t *fields, ngx_er_error_t *err);
ngx_er_condition_t *ngx_er_line_filter(ngx_conf_t *cf,
    ngx_er_fields_t *fields, ngx_er_error_t *err);
ngx_er_condition_t *ngx_er_line_sample(ngx_conf_t *cf,
    ngx_er_fields_t *fields, ngx_er_error_t *err);


#endif /* _NGX_ER_LINE_H_INCLUDED_ */
