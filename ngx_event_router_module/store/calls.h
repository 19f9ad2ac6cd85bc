
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Which of the calls of an entry are made: the blob that stores keep of an
 * entry that is several calls (the words "split" and "jq" of a target).  An
 * entry that is one call has none.
 */


#ifndef _NGX_ER_CALLS_H_INCLUDED_
#define _NGX_ER_CALLS_H_INCLUDED_


#include "../base/base.h"


#define NGX_ER_CALLS_MAX    4000       /* calls of an entry */
#define NGX_ER_CALLS_HEAD   8

/* bytes of a blob of n calls; of the largest one */
#define ngx_er_calls_size(n)  (NGX_ER_CALLS_HEAD + ((n) + 3) / 4)
#define NGX_ER_CALLS_SIZE     ngx_er_calls_size(NGX_ER_CALLS_MAX)


/* of a call; kept in stores, so numbers never change */

typedef enum {
    NGX_ER_CALL_TODO = 0,
    NGX_ER_CALL_DONE = 1,              /* the target has it */
    NGX_ER_CALL_DEAD = 2               /* an answer that no retry changes */
} ngx_er_call_e;


typedef struct {
    ngx_uint_t             todo;
    ngx_uint_t             done;
    ngx_uint_t             dead;
    ngx_uint_t             of;         /* all of them */
} ngx_er_calls_count_t;


/* a blob of n calls, all to do; p has ngx_er_calls_size(n) bytes */
void ngx_er_calls_init(u_char *p, ngx_uint_t n);

/*
 * Copies a blob as it was kept into p, which has as many bytes, and does what
 * was asked of it by again().  NGX_DECLINED: it is none, nothing was copied.
 */
ngx_int_t ngx_er_calls_read(u_char *p, ngx_str_t *kept);

/* how many calls it has; as all below, of what init() or read() made */
ngx_uint_t ngx_er_calls_number(u_char *p);

/* of call i, from 0 */
ngx_er_call_e ngx_er_calls_get(u_char *p, ngx_uint_t i);
void ngx_er_calls_set(u_char *p, ngx_uint_t i, ngx_er_call_e state);

/*
 * The round over all of them that is under way: the call that is looked at
 * next, how many are left of it (0: the next one begins there), and whether
 * one has failed in it.
 */
ngx_uint_t ngx_er_calls_first(u_char *p);
ngx_uint_t ngx_er_calls_left(u_char *p);
ngx_uint_t ngx_er_calls_failed(u_char *p);

/* "first" of the number of calls is 0 */
void ngx_er_calls_round(u_char *p, ngx_uint_t first, ngx_uint_t left,
    ngx_uint_t failed);

/* 1: it was replayed since its number of calls had changed, so that all calls
   are made anew if it is not this number again */
ngx_uint_t ngx_er_calls_anew(u_char *p);

/* NGX_DECLINED: it is none, or there is none; all is 0 then */
ngx_int_t ngx_er_calls_count(ngx_str_t *kept, ngx_er_calls_count_t *count);

/*
 * For stores: a dead letter is replayed.  What is done stays, dead calls are
 * to do again, from the first one on; "changed": its reason was MAPPING.  In
 * its place, and any bytes may be there.
 */
void ngx_er_calls_again(ngx_str_t *kept, ngx_uint_t changed);


#endif /* _NGX_ER_CALLS_H_INCLUDED_ */
