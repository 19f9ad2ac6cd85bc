
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What error.log says of an attempt: which one it is, what its target said and
 * why that is a failure.  attempt.c asks for its own lines, and nginx for
 * those that it logs of a carrier; settle.c and others ask for lines about
 * entries.
 *
 * All of it writes into the caller's buffer and cuts at its end; nothing is
 * allocated, nothing can fail.  What comes from events and targets is hostile:
 * it cannot end its quotes, nor its line.
 */


#include "attempt_log.h"


#define NGX_ER_ATTEMPT_LOG_ID     128  /* bytes of an event's id in logs */
#define NGX_ER_ATTEMPT_LOG_WORDS  128  /* of what a target says */


u_char *
ngx_er_attempt_log(void *data, u_char *buf, size_t len)
{
    ngx_er_attempt_t *attempt = data;

    u_char  *p, *last;

    last = buf + len;

    p = ngx_snprintf(buf, len, "delivering event ");
    p = ngx_er_attempt_log_event(attempt->event, p, last - p);

    if (attempt->cargo && attempt->cargo->events > 1) {
        p = ngx_snprintf(p, last - p, " and %ui more",
                         attempt->cargo->events - 1);
    }

    return ngx_snprintf(p, last - p, " to target \"%V\"",
                        &attempt->target->name);
}


u_char *
ngx_er_attempt_log_answer(ngx_er_attempt_t *attempt, u_char *buf, size_t len)
{
    u_char  *p, *last;

    if (attempt->status == 0 || attempt->silent) {
        return ngx_snprintf(buf, len, ", no answer");
    }

    last = buf + len;

    p = ngx_snprintf(buf, len, ", answered %ui", attempt->status);
    p = ngx_er_attempt_log_words(attempt, p, last - p);

    return ngx_er_attempt_log_verdict(attempt, p, last - p);
}


u_char *
ngx_er_attempt_log_verdict(ngx_er_attempt_t *attempt, u_char *buf, size_t len)
{
    ngx_er_verdict_line_t  *line;

    line = attempt->line;

    if (attempt->verdict == NGX_ER_VERDICT_DOUBT) {
        return ngx_snprintf(buf, len, ", in doubt: %s",
                            ngx_er_lost_name(attempt->lost));
    }

    if (line && line->condition) {
        return ngx_snprintf(buf, len, ", a failure by \"%V\" in %V:%ui",
                            &line->text, &line->file, line->number);
    }

    if (attempt->status >= 200 && attempt->status < 300
        && attempt->verdict != NGX_ER_VERDICT_OK)
    {
        return ngx_snprintf(buf, len,
                            ", a failure by no line of \"success\"");
    }

    return buf;
}


/* ids have no control bytes; a quote must not end the quotes */

u_char *
ngx_er_attempt_log_event(ngx_er_event_t *event, u_char *buf, size_t len)
{
    u_char     *p, *last;
    size_t      i, n;
    ngx_str_t  *id;

    last = buf + len;
    id = &event->id;
    n = ngx_min(id->len, NGX_ER_ATTEMPT_LOG_ID);

    p = ngx_snprintf(buf, len, "\"");

    for (i = 0; i < n && p < last; i++) {
        *p++ = (id->data[i] == '"' || id->data[i] == '\\') ? '_'
                                                           : id->data[i];
    }

    return ngx_snprintf(p, last - p, "%s\" of source \"%V\"",
                        i < id->len ? "..." : "", &event->source->name);
}


/* what a target says is hostile: of it those bytes stay that are ASCII text */

u_char *
ngx_er_attempt_log_words(ngx_er_attempt_t *attempt, u_char *buf, size_t len)
{
    u_char  c, *p, *last;
    size_t  i, n;

    n = ngx_min(attempt->length, NGX_ER_ATTEMPT_LOG_WORDS);

    if (n == 0) {
        return buf;
    }

    last = buf + len;
    p = ngx_snprintf(buf, len, " \"");

    for (i = 0; i < n && p < last; i++) {
        c = attempt->body[i];

        *p++ = (c < 0x20 || c == '"' || c == '\\') ? ' '
                                                    : (c >= 0x7f) ? '?' : c;
    }

    return ngx_snprintf(p, last - p, "%s\"", attempt->length > n ? "..." : "");
}
