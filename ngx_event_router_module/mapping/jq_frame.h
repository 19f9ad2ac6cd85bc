
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a worker and its children of jq say to each other over a socket.
 *
 * A question is a head and the event; an answer is a head and "count" texts,
 * each behind its length, which has four bytes.  The worker believes no length
 * of a child and no text: what runs there may be somebody else's by now.
 */


#ifndef _NGX_ER_JQ_FRAME_H_INCLUDED_
#define _NGX_ER_JQ_FRAME_H_INCLUDED_


#include "../base/base.h"


#define NGX_ER_JQ_OUTPUTS  1000        /* of one event at most */
#define NGX_ER_JQ_OUTPUT   (16 * 1024 * 1024)  /* bytes of all of them */
#define NGX_ER_JQ_DEPTH    256         /* nested arrays and objects: what is
                                          deeper libjq 1.6 does not write */

/* bytes of an answer behind its head */
#define NGX_ER_JQ_ANSWER                                                      \
    (NGX_ER_JQ_OUTPUT + NGX_ER_JQ_OUTPUTS * sizeof(uint32_t))


typedef enum {
    NGX_ER_JQ_READY = 1,               /* a child has begun */
    NGX_ER_JQ_OPEN,                    /* the same, without seccomp */
    NGX_ER_JQ_GIVEN,                   /* the texts are the outputs */
    NGX_ER_JQ_FAILED,                  /* the text is the message */
    NGX_ER_JQ_NUMBER,                  /* one that would change; the texts are
                                          its path as it may be shown, and the
                                          whole path */
    NGX_ER_JQ_TWICE,                   /* a key; the same */
    NGX_ER_JQ_MANY,                    /* too many outputs */
    NGX_ER_JQ_LARGE,                   /* too many bytes of them */
    NGX_ER_JQ_DEEP,                    /* one is nested too deep */
    NGX_ER_JQ_TIME,                    /* too much CPU time; this and the
                                          following are a child's last words */
    NGX_ER_JQ_MEMORY,                  /* too much memory */
    NGX_ER_JQ_CRASH,
    NGX_ER_JQ_SLOW                     /* it got no CPU time */
} ngx_er_jq_answer_e;


typedef struct {
    uint32_t               size;       /* bytes behind it */
    uint32_t               program;
    uint32_t               strings;    /* numbers=string */
} ngx_er_jq_question_t;


typedef struct {
    uint32_t               size;       /* bytes behind it */
    uint32_t               answer;     /* ngx_er_jq_answer_e */
    uint32_t               count;      /* texts */
    uint32_t               last;       /* 1: the child ends now */
} ngx_er_jq_head_t;


/* what the configuration says of programs, for all processes */

typedef struct {
    ngx_str_t              name;       /* of the file, as in nginx.conf */
    ngx_str_t              path;
    ngx_str_t              text;       /* a zero byte is behind it */
} ngx_er_jq_file_t;


typedef struct {
    ngx_array_t            files;      /* of ngx_er_jq_file_t */
    ngx_uint_t             processes;  /* of a worker */
    size_t                 memory;     /* bytes, of each */
    ngx_msec_t             timeout;    /* ms of CPU time an event */
    ngx_uint_t             given;      /* "event_jq" stands in nginx.conf */
} ngx_er_jqs_t;


#endif /* _NGX_ER_JQ_FRAME_H_INCLUDED_ */
