
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The blob that says which calls of an entry are made.  It is in people's
 * files and Redis, so what is there never changes its meaning:
 *
 *     0  1  format
 *     1  1  bits: 1 it was replayed, dead calls are to do; 2 the reason was
 *           MAPPING; 4 a call has failed in this round
 *     2  2  how many calls, big-endian, as all numbers are
 *     4  2  the call that is looked at next, from 0
 *     6  2  how many of this round are left, 0: the next round begins there
 *     8     two bits a call, the lowest ones first
 *
 * A store writes it as it came and sets the bits of 1 when it replays a dead
 * letter, no more, so that a script of Redis need not look into the calls.
 * The room deliver reads and writes the rest.  Pure; owns nothing.
 */


#include "calls.h"


#define NGX_ER_CALLS_FORMAT   1

#define NGX_ER_CALLS_AGAIN    1
#define NGX_ER_CALLS_CHANGED  2
#define NGX_ER_CALLS_FAILED   4


static ngx_int_t ngx_er_calls_check(ngx_str_t *kept);
static ngx_uint_t ngx_er_calls_take(u_char *p);
static void ngx_er_calls_put(u_char *p, ngx_uint_t n);


void
ngx_er_calls_init(u_char *p, ngx_uint_t n)
{
    ngx_memzero(p, ngx_er_calls_size(n));

    p[0] = NGX_ER_CALLS_FORMAT;
    ngx_er_calls_put(p + 2, n);
}


ngx_int_t
ngx_er_calls_read(u_char *p, ngx_str_t *kept)
{
    ngx_uint_t  i, n;

    if (ngx_er_calls_check(kept) != NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_memcpy(p, kept->data, kept->len);

    if (!(p[1] & NGX_ER_CALLS_AGAIN)) {
        return NGX_OK;
    }

    n = ngx_er_calls_number(p);

    for (i = 0; i < n; i++) {
        if (ngx_er_calls_get(p, i) == NGX_ER_CALL_DEAD) {
            ngx_er_calls_set(p, i, NGX_ER_CALL_TODO);
        }
    }

    p[1] &= ~NGX_ER_CALLS_AGAIN;
    ngx_er_calls_round(p, 0, 0, 0);

    return NGX_OK;
}


/* of a call that has the fourth state nothing is known: it is none of ours */

static ngx_int_t
ngx_er_calls_check(ngx_str_t *kept)
{
    u_char      *p;
    ngx_uint_t   i, n;

    p = kept->data;

    if (kept->len < NGX_ER_CALLS_HEAD || p[0] != NGX_ER_CALLS_FORMAT) {
        return NGX_DECLINED;
    }

    n = ngx_er_calls_number(p);

    if (n == 0 || n > NGX_ER_CALLS_MAX || kept->len != ngx_er_calls_size(n)
        || ngx_er_calls_first(p) >= n || ngx_er_calls_left(p) > n)
    {
        return NGX_DECLINED;
    }

    for (i = 0; i < n; i++) {
        if (ngx_er_calls_get(p, i) > NGX_ER_CALL_DEAD) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


ngx_uint_t
ngx_er_calls_number(u_char *p)
{
    return ngx_er_calls_take(p + 2);
}


ngx_er_call_e
ngx_er_calls_get(u_char *p, ngx_uint_t i)
{
    return (ngx_er_call_e) (p[NGX_ER_CALLS_HEAD + i / 4] >> 2 * (i % 4) & 3);
}


void
ngx_er_calls_set(u_char *p, ngx_uint_t i, ngx_er_call_e state)
{
    u_char  *byte;

    byte = &p[NGX_ER_CALLS_HEAD + i / 4];

    *byte = (u_char) ((*byte & ~(3 << 2 * (i % 4))) | state << 2 * (i % 4));
}


ngx_uint_t
ngx_er_calls_first(u_char *p)
{
    return ngx_er_calls_take(p + 4);
}


ngx_uint_t
ngx_er_calls_left(u_char *p)
{
    return ngx_er_calls_take(p + 6);
}


ngx_uint_t
ngx_er_calls_failed(u_char *p)
{
    return (p[1] & NGX_ER_CALLS_FAILED) ? 1 : 0;
}


void
ngx_er_calls_round(u_char *p, ngx_uint_t first, ngx_uint_t left,
    ngx_uint_t failed)
{
    ngx_er_calls_put(p + 4, first % ngx_er_calls_number(p));
    ngx_er_calls_put(p + 6, left);

    p[1] = (u_char) ((p[1] & ~NGX_ER_CALLS_FAILED)
                     | (failed ? NGX_ER_CALLS_FAILED : 0));
}


ngx_uint_t
ngx_er_calls_anew(u_char *p)
{
    return (p[1] & NGX_ER_CALLS_CHANGED) ? 1 : 0;
}


ngx_int_t
ngx_er_calls_count(ngx_str_t *kept, ngx_er_calls_count_t *count)
{
    u_char      *p;
    ngx_uint_t   i, again;

    ngx_memzero(count, sizeof(ngx_er_calls_count_t));

    if (ngx_er_calls_check(kept) != NGX_OK) {
        return NGX_DECLINED;
    }

    p = kept->data;
    again = p[1] & NGX_ER_CALLS_AGAIN;
    count->of = ngx_er_calls_number(p);

    for (i = 0; i < count->of; i++) {

        switch (ngx_er_calls_get(p, i)) {

        case NGX_ER_CALL_TODO:
            count->todo++;
            break;

        case NGX_ER_CALL_DONE:
            count->done++;
            break;

        case NGX_ER_CALL_DEAD:
            count->todo += again;
            count->dead += !again;
            break;
        }
    }

    return NGX_OK;
}


void
ngx_er_calls_again(ngx_str_t *kept, ngx_uint_t changed)
{
    if (kept->len < NGX_ER_CALLS_HEAD
        || kept->data[0] != NGX_ER_CALLS_FORMAT)
    {
        return;
    }

    kept->data[1] = (u_char) (NGX_ER_CALLS_AGAIN
                              | (changed ? NGX_ER_CALLS_CHANGED : 0));
}


static ngx_uint_t
ngx_er_calls_take(u_char *p)
{
    return p[0] << 8 | p[1];
}


static void
ngx_er_calls_put(u_char *p, ngx_uint_t n)
{
    p[0] = (u_char) (n >> 8);
    p[1] = (u_char) n;
}
