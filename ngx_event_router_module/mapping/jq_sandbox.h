
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a process gives up before it runs a program of jq.
 */


#ifndef _NGX_ER_JQ_SANDBOX_H_INCLUDED_
#define _NGX_ER_JQ_SANDBOX_H_INCLUDED_


#include "../base/base.h"


#define NGX_ER_JQ_SOCKET  3            /* the only descriptor that is left */


typedef void (*ngx_er_jq_signal_pt)(int signo);


/*
 * The first thing behind fork(): no signal means what it meant in nginx.
 * Those of a person are ignored, a fault ends the process with the code 1, and
 * so does, with the code 0, the death of "parent".
 */
void ngx_er_jq_sandbox_begin(ngx_pid_t parent);

/*
 * Gives up what fork() left: all descriptors but "fd", which becomes
 * NGX_ER_JQ_SOCKET, all memory that is shared (zones, the map of the store),
 * and the environment.  NGX_ERROR: there is no /proc, or no memory.
 */
ngx_int_t ngx_er_jq_sandbox_drop(ngx_socket_t fd);

/*
 * And what is left: no file can be opened, no core is dumped, at most "memory"
 * bytes more are had than now, and of system calls only those for that.
 * NGX_OK; NGX_DECLINED: all but the last, the kernel has no seccomp;
 * NGX_ERROR: there is no /proc, or a limit was refused.
 */
ngx_int_t ngx_er_jq_sandbox_close(size_t memory);

/* a signal of a fault or a timer, on a stack of its own */
void ngx_er_jq_sandbox_catch(int signo, ngx_er_jq_signal_pt handler);

/* SIGPROF after "cpu" ms of CPU time, SIGALRM after "wall" ms; 0: neither */
void ngx_er_jq_sandbox_alarm(ngx_msec_t cpu, ngx_msec_t wall);


#endif /* _NGX_ER_JQ_SANDBOX_H_INCLUDED_ */
