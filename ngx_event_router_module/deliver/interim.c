
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Interim answers.  A server may say "100 Continue" or "103 Early Hints" in
 * front of its answer, also to who did not ask for it.  nginx 1.22 takes the
 * first status line for the answer and what follows for its body; so swallow.c
 * has the body read here for the status line that counts.
 *
 * Nothing is allocated and nothing fails; what is not HTTP is BROKEN.
 */


#include "interim.h"


static void ngx_er_interim_line(ngx_er_interim_t *in);


void
ngx_er_interim_begin(ngx_er_interim_t *in)
{
    ngx_memzero(in, sizeof(ngx_er_interim_t));

    in->state = NGX_ER_INTERIM_LINE_IN;
}


u_char *
ngx_er_interim_read(ngx_er_interim_t *in, u_char *pos, u_char *last)
{
    u_char  ch;

    while (pos < last) {

        switch (in->state) {

        case NGX_ER_INTERIM_LINE_IN:
            ch = *pos++;

            if (ch == LF) {
                ngx_er_interim_line(in);

            } else if (in->len < NGX_ER_INTERIM_LINE) {
                in->line[in->len++] = ch;
            }

            break;

        case NGX_ER_INTERIM_HEADER:
            ch = *pos++;

            if (ch == LF && in->blank) {
                in->state = in->status ? NGX_ER_INTERIM_BODY
                                       : NGX_ER_INTERIM_LINE_IN;
                in->len = 0;

            } else if (ch == LF) {
                in->blank = 1;

            } else if (ch != CR) {
                in->blank = 0;
            }

            break;

        case NGX_ER_INTERIM_BROKEN:
            return last;

        default: /* NGX_ER_INTERIM_NONE, NGX_ER_INTERIM_BODY */
            return pos;
        }
    }

    return last;
}


/* "HTTP/1.1 200", and a blank or the end */

static void
ngx_er_interim_line(ngx_er_interim_t *in)
{
    u_char     *p;
    ngx_int_t   status;

    p = in->line;
    in->state = NGX_ER_INTERIM_BROKEN;

    if (in->len < 12
        || ngx_memcmp(p, "HTTP/1.", 7) != 0
        || p[7] < '0' || p[7] > '9' || p[8] != ' '
        || (in->len > 12 && p[12] != ' ' && p[12] != CR))
    {
        return;
    }

    status = ngx_atoi(p + 9, 3);

    if (status < 100) {
        return;
    }

    in->state = NGX_ER_INTERIM_HEADER;
    in->status = ngx_er_interim(status) ? 0 : status;
    in->blank = 1;
}
