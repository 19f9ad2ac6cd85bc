
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The one thing that all rooms need and no room owns: a sentence for the
 * person who wrote nginx.conf.  Pure; nothing here can fail, a sentence that
 * is too long is cut.
 */


#include "base.h"


void
ngx_er_error(ngx_er_error_t *err, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(err->text, err->text + NGX_ER_ERROR_LEN, fmt, args);
    va_end(args);

    err->len = p - err->text;
}
