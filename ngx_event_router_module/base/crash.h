
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Points where a test lets a process die, as a crash would: at once, in the
 * midst of what it does, in whatever thread.  They compile to nothing unless
 * NGX_ER_CRASH_POINTS is defined, which no build for users does.
 *
 *     EVENT_ROUTER_CRASH_AT    NAME, or NAME=TEXT where a point has a text (a
 *                              verb, the id of an event), with :N behind it
 *                              the N-th time only
 *     EVENT_ROUTER_CRASH_ONCE  a file made just before; where it is already,
 *                              nothing happens
 *
 * nginx.conf has to let them through to the workers: "env NAME=VALUE;".
 */


#ifndef _NGX_ER_CRASH_H_INCLUDED_
#define _NGX_ER_CRASH_H_INCLUDED_


#include "base.h"


#if (NGX_ER_CRASH_POINTS)

void ngx_er_crash(const char *name, u_char *text, size_t len);

#define ngx_er_crash_point(name)  ngx_er_crash(name, NULL, 0)
#define ngx_er_crash_point_of(name, text)                                     \
    ngx_er_crash(name, (text)->data, (text)->len)

#else

#define ngx_er_crash_point(name)
#define ngx_er_crash_point_of(name, text)

#endif


#endif /* _NGX_ER_CRASH_H_INCLUDED_ */
