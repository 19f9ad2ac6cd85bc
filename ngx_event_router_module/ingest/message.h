
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A producer's request as the pure files see it: what signatures, handshakes
 * and attribute templates may refer to.  parse.c fills it in from the HTTP
 * request; tests fill it in from vectors.
 */


#ifndef _NGX_ER_MESSAGE_H_INCLUDED_
#define _NGX_ER_MESSAGE_H_INCLUDED_


#include "scan.h"
#include "../route/field.h"


typedef struct ngx_er_batch_s  ngx_er_batch_t;    /* batch.h */
typedef struct ngx_er_item_s   ngx_er_item_t;


typedef struct {
    ngx_str_t              name;
    ngx_str_t              value;
} ngx_er_header_t;


/* what a header or an argument is that a message has more than once */

typedef enum {
    NGX_ER_TWICE_NOTHING = 0,          /* a signature would cover one of them,
                                          and another one might be read */
    NGX_ER_TWICE_JOINED,               /* one value, "a, b" (RFC 9110, 5.3) */
    NGX_ER_TWICE_ANY                   /* each of them in its turn */
} ngx_er_twice_e;


typedef struct {
    ngx_pool_t            *pool;
    ngx_str_t              method;
    ngx_str_t              url;        /* as the producer has it: public_url */
    ngx_str_t              path_query; /* the request line's, undecoded */
    ngx_str_t              args;       /* undecoded, without "?" */
    ngx_str_t              body;       /* raw bytes */
    ngx_str_t              type;       /* Content-Type; empty: none */
    ngx_str_t              sent;       /* as they came, packed (coding.h); or
                                          NULL */
    ngx_er_header_t       *headers;    /* in their order, repeated ones too */
    ngx_uint_t             nheaders;
    ngx_er_facts_t        *facts;      /* of the body; json: and form: */
    ngx_er_facts_t        *inner;      /* of the document in it; data:; NULL:
                                          data is the body */
    ngx_er_scan_limits_t  *limits;     /* of the body; NULL: the defaults */
    ngx_er_batch_t        *batch;      /* the events in the body, and the one
                                          at hand, or NULL: what {item:PATH}
                                          refers to */
    ngx_er_item_t         *item;
    ngx_uint_t             apart;      /* body and facts are those of one
                                          event of several */
    time_t                 now;        /* wall clock, seconds */
    ngx_uint_t             msec;       /* of that second */
    u_char                *salt;       /* it was kept, and secrets in it are
                                          sealed with this (seal.h); NULL: it
                                          is as it came */

    ngx_er_twice_e         twice;      /* values that are the same in a row
                                          are one, empty ones are none */
    ngx_uint_t             turn;       /* ANY: from 0; used up by what reads */
    ngx_uint_t             turns;      /* ANY, out: how many there are, times
                                          what the caller set */

    unsigned               packed:1;   /* what speaks of the whole body means
                                          "sent": verify.c tries both */

    /* out: what was read of the body; the reader of templates clears them */

    unsigned               crossed:1;  /* something in an array, the item's
                                          own values are not meant; or
                                          several that are JOINED */
    unsigned               own:1;      /* a value of the item at hand */
    unsigned               hashed:1;   /* the body's SHA-256 */
} ngx_er_message_t;


/* the whole body, for a signature, a hash or a digest of it */
#define ngx_er_message_bytes(m)  ((m)->packed ? &(m)->sent : &(m)->body)


#endif /* _NGX_ER_MESSAGE_H_INCLUDED_ */
