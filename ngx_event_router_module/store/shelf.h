
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The shelf: rows of the router's own in the store of the queue, beside
 * entries: numbers that outlive a restart, jobs, requests that were refused,
 * alerts, acts that are done once.  What a row says is its owner's; the store
 * keeps it, forgets it in time and bounds how much there is.  Pure.
 */


#ifndef _NGX_ER_SHELF_H_INCLUDED_
#define _NGX_ER_SHELF_H_INCLUDED_


#include "../base/base.h"


#define NGX_ER_SHELF_VALUE  131072     /* bytes of a row at most */


/* whose rows; in people's files and Redis, so numbers never change */

typedef enum {
    NGX_ER_SHELF_NUMBERS = 1,
    NGX_ER_SHELF_JOBS = 2,
    NGX_ER_SHELF_QUARANTINE = 3,
    NGX_ER_SHELF_ALERTS = 4,
    NGX_ER_SHELF_HELD = 5,
    NGX_ER_SHELF_SERIES = 6,
    NGX_ER_SHELF_ONCE = 7
} ngx_er_shelf_kind_e;


/* what has something of an event or a request is sealed, if there are keys */

#define ngx_er_shelf_seals(kind)                                              \
    ((kind) == NGX_ER_SHELF_JOBS || (kind) == NGX_ER_SHELF_QUARANTINE         \
     || (kind) == NGX_ER_SHELF_HELD || (kind) == NGX_ER_SHELF_ONCE)


typedef enum {
    NGX_ER_SHELF_PUT = 0,
    NGX_ER_SHELF_GET,
    NGX_ER_SHELF_DROP,
    NGX_ER_SHELF_LIST
} ngx_er_shelf_act_e;


typedef struct {
    uint64_t               id;
    uint64_t               until;      /* ms on the store's clock, or
                                          NGX_ER_NEVER */
    ngx_str_t              value;
} ngx_er_shelf_row_t;


/*
 * One act on the rows of (kind, name), of which each has an id; all in and out
 * unless said.  The operation's rc:
 *
 *     PUT   NGX_OK: "value" is there under "id" until "until", and what was
 *           there before is gone (out: "more": there was something).  id 0:
 *           under a new one (out), higher than all that are there; its first
 *           44 bits are ms on the store's clock.
 *           "bound", unless 0: bytes that all rows of (kind, name) may have;
 *           the oldest go for it (out: "done", how many).  NGX_BUSY: nothing
 *           was put: it is larger than "bound", or has one and the store is
 *           full.
 *           "from", unless 0: the row of (kind, from, id) goes for it in the
 *           same step, so of all who move a row one does; NGX_DECLINED: there
 *           is none any more, and nothing was put.  It may be "name": then a
 *           row is replaced, and none is made.  Not with "bound".
 *     GET   NGX_OK: "rows" has it; NGX_DECLINED: there is none
 *     DROP  NGX_OK: it is gone, whether it was there ("done") or not; id 0:
 *           all of (kind, name), "more": there are more, do it again
 *     LIST  NGX_OK: "rows", of (kind, name) behind "after", newest or oldest
 *           first, "limit" at most, and "bytes" at most but one; "more"
 *
 * What comes out is in the operation's pool.  A row whose time is over is not
 * given any more.  NGX_ERROR as with all operations.
 */

typedef struct {
    ngx_er_shelf_act_e     act;
    ngx_er_shelf_kind_e    kind;
    uint64_t               name;       /* a hash, 0: there is but one */
    uint64_t               id;
    uint64_t               until;      /* PUT; NGX_ER_NEVER: for ever */
    ngx_str_t              value;      /* PUT */
    uint64_t               bound;      /* PUT: bytes */
    uint64_t               from;       /* PUT: a name, 0: of none */

    unsigned               newest:1;   /* LIST: downwards */
    uint64_t               after;      /* LIST: an id; 0: from the beginning */
    ngx_uint_t             limit;      /* LIST: rows, > 0 */
    size_t                 bytes;      /* LIST: of values; 0: 1 MB */

    ngx_array_t           *rows;       /* out: of ngx_er_shelf_row_t */
    ngx_uint_t             done;       /* out */
    ngx_uint_t             more;       /* out */
} ngx_er_shelf_t;


#endif /* _NGX_ER_SHELF_H_INCLUDED_ */
