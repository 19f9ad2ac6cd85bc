
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What an answer of a target means: it took the event, it may be asked again,
 * or no retry will change its mind.  Pure.
 *
 * Lines of nginx.conf (success, fail_on, retry_on) are lists of statuses or
 * conditions over the answer.  What they are about is their kind, a number:
 * here a verdict; whoever has other questions to an answer has lines of kinds
 * of its own.
 */


#ifndef _NGX_ER_VERDICT_H_INCLUDED_
#define _NGX_ER_VERDICT_H_INCLUDED_


#include "../route/condition.h"
#include "policy.h"
#include "response.h"


#define NGX_ER_VERDICT_STATUSES  600


typedef enum {
    NGX_ER_VERDICT_NONE = 0,           /* there is none yet */
    NGX_ER_VERDICT_OK,                 /* it has the event */
    NGX_ER_VERDICT_RETRY,
    NGX_ER_VERDICT_FINAL,              /* no retry will change that */
    NGX_ER_VERDICT_DOUBT               /* nobody knows: the answer, or what of
                                          its body decides, was lost.  Where
                                          nobody can be asked: as RETRY */
} ngx_er_verdict_e;


/* what is not known of an answer, and will never be */

typedef enum {
    NGX_ER_LOST_NONE = 0,
    NGX_ER_LOST_ANSWER,                /* all of it, of a request that was
                                          sent */
    NGX_ER_LOST_CUT,                   /* the rest of a body that decides: the
                                          connection ended, */
    NGX_ER_LOST_LONG,                  /* there is more than is read, */
    NGX_ER_LOST_SLOW,                  /* or it took too long */
    NGX_ER_LOST_UNTOLD,                /* nothing; but what it means could not
                                          be told: no time, no memory, or a
                                          text too long for an expression, */
    NGX_ER_LOST_UNREADABLE             /* or it is encoded, or broken JSON */
} ngx_er_lost_e;


/* a line of nginx.conf */

typedef struct {
    ngx_uint_t             kind;
    ngx_er_condition_t    *condition;  /* NULL: the statuses */
    unsigned               body:1;     /* it looks at the body */
    unsigned               response:1;  /* or at a header */
    unsigned               status:1;   /* or at the status */
    u_char                 statuses[NGX_ER_VERDICT_STATUSES / 8];  /* by
                                          status, a bit each; 0: no answer.
                                          Of a condition over the status: 100
                                          to 599 for which it holds */
    ngx_str_t              text;       /* for people, the caller's to fill: as
                                          it stands there, */
    ngx_str_t              file;       /* and where */
    ngx_uint_t             number;
} ngx_er_verdict_line_t;


/* of one target, NULL: it has none */

typedef struct {
    ngx_array_t            lines;      /* of ngx_er_verdict_line_t */
    ngx_er_fields_t       *fields;     /* of conditions; NULL: none */
    uint32_t               kinds[2];   /* a bit each: there is a line that
                                          needs no body, or one that does */
    uint32_t               any;        /* and of kinds whose conditions are
                                          about every answer; else about a
                                          2xx, if they read no status */
} ngx_er_verdict_lines_t;


/* no lines so far, or NULL: no memory */
ngx_er_verdict_lines_t *ngx_er_verdict_lines_create(ngx_pool_t *pool);

/*
 * A line of the words behind its name: STATUS..., which are 404, 5xx, 500-503
 * and "timeout" (0 is written so, 504 is a status), or "when" and a condition.
 * "kind" is 31 at most.  Everything is in the pool of the configuration.
 * NULL with a sentence in err.
 */
ngx_er_verdict_line_t *ngx_er_verdict_line(ngx_pool_t *pool,
    ngx_er_verdict_lines_t *lines, ngx_uint_t kind, ngx_str_t *words,
    ngx_uint_t n, ngx_er_error_t *err);

/* 1: the line lists the status */
#define ngx_er_verdict_lists(line, status)                                    \
    ((line)->condition == NULL && (status) < NGX_ER_VERDICT_STATUSES          \
     && ((line)->statuses[(status) / 8] & (1 << (status) % 8)))

/* 1: it holds for each answer of that status */
#define ngx_er_verdict_sure(line, status)                                     \
    (((line)->statuses[(status) / 8] >> (status) % 8) & 1)

/* the statuses of a word, first and last; NGX_ERROR with a sentence */
ngx_int_t ngx_er_verdict_statuses(ngx_str_t *word, ngx_uint_t *first,
    ngx_uint_t *last, ngx_er_error_t *err);

/*
 * Whether the answer meets a line of the kind: NGX_OK with the line that does;
 * NGX_DECLINED: none does, or none is of that kind; NGX_AGAIN: the rest of the
 * body decides; NGX_ABORT: it would have, but it is lost or cannot be read, or
 * the condition cannot be told.  An answer that never came (status 0) meets
 * lists only.
 */
ngx_int_t ngx_er_verdict_find(ngx_er_verdict_lines_t *lines, ngx_uint_t kind,
    ngx_er_response_t *response, ngx_er_verdict_line_t **line);

/* 1: there is a line of that kind */
#define ngx_er_verdict_has(lines, kind)                                       \
    ((((lines)->kinds[0] | (lines)->kinds[1]) >> (kind)) & 1)

/*
 * What the answer means; lines NULL: there are none.  FINAL lines (fail_on)
 * are asked first, then RETRY (retry_on), then OK (success); what no line says
 * goes by the status, but where there are OK lines a 2xx is a RETRY.  NONE:
 * the rest of the body decides.  "line": that decided, or NULL.
 */
ngx_er_verdict_e ngx_er_verdict(ngx_er_verdict_lines_t *lines,
    ngx_er_response_t *response, ngx_er_verdict_line_t **line);

/* without any line */
ngx_er_verdict_e ngx_er_verdict_default(ngx_uint_t status);

/* what a verdict says about the target itself; "retry_after" is -1 or that of
   the answer, "known": the answer came as a whole, as far as it was needed */
ngx_er_evidence_e ngx_er_verdict_evidence(ngx_er_verdict_e verdict,
    ngx_uint_t status, ngx_uint_t known, time_t retry_after);

/* "ok", "retry", "final", "doubt", "none".  Both take what a store has, too:
   "unknown" is what a newer version may have written */
const char *ngx_er_verdict_name(ngx_er_verdict_e verdict);

/* "the answer was lost" and the like, NULL: nothing was lost */
const char *ngx_er_lost_name(ngx_er_lost_e lost);


#endif /* _NGX_ER_VERDICT_H_INCLUDED_ */
