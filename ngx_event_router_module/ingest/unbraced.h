
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Templates of an event's attributes that have no variable, since its braces
 * were forgotten.
 */


#ifndef _NGX_ER_UNBRACED_H_INCLUDED_
#define _NGX_ER_UNBRACED_H_INCLUDED_


#include "template.h"
#include "../conf/where.h"


/*
 * Of the line "id", "type", "subject" or "time".  NGX_ERROR after logging: all
 * events would have the same id; else there can be a warning.
 */
ngx_int_t ngx_er_unbraced(ngx_conf_t *cf, ngx_str_t *line,
    ngx_er_template_t *template, ngx_er_where_t *where);


#endif /* _NGX_ER_UNBRACED_H_INCLUDED_ */
