
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The one way an act of an administrator is told: by admin.c and by all files
 * of the API (api.h).  A warning in error.log says it for people, account.c
 * for whoever keeps a log of acts.  It comes after the act, or right before
 * one that cannot fail; what was refused is no act.
 *
 * nginx writes the client behind a line of a request; where that has gone it
 * is written here.  The sentence has a bound and is cut there.  Nothing is
 * owned here and nothing can fail.
 */


#include "audit.h"
#include "account.h"


#define NGX_ER_AUDIT_TEXT  1024        /* bytes */


void ngx_cdecl
ngx_er_audit(ngx_http_request_t *r, ngx_er_who_t *who, const char *act,
    ngx_str_t *noun, const char *fmt, ...)
{
    u_char     *p, *last, buf[NGX_ER_AUDIT_TEXT], line[NGX_ER_AUDIT_TEXT];
    va_list     args;
    ngx_str_t   by, text;
    ngx_log_t  *log;

    log = r ? r->connection->log : ngx_cycle->log;
    last = buf + NGX_ER_AUDIT_TEXT;

    va_start(args, fmt);
    p = ngx_vslprintf(buf, last, fmt, args);
    va_end(args);

    text.data = buf;
    text.len = p - buf;

    p = ngx_er_who_text(who, line, NGX_ER_AUDIT_TEXT);

    if (r == NULL) {

        /* as nginx says it in the lines of a request */

        p = ngx_slprintf(p, line + NGX_ER_AUDIT_TEXT, ", client: %V",
                         &who->address);
    }

    by.data = line;
    by.len = p - line;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, log, 0,
                   "event router audit: %s, role:%d request:%d", act,
                   who->role, r != NULL);

    ngx_log_error(NGX_LOG_WARN, log, 0, "%V by an operator%V", &text, &by);

    ngx_er_account_admin(r, who, act, noun, &text);
}
