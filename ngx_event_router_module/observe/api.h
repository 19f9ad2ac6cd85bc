
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The API of event_admin: what is below v1/ of its location.
 *
 * The scheme of its paths.  A path is a word, a noun to look at (GET) or a
 * verb to act (POST), and of a noun one thing: "events/{event}", where a name
 * in braces is an argument that stands in the path.  All other arguments stand
 * behind the "?", for POST, too, under the names that the old paths have:
 * target=, source=, event= (16 hexadecimal digits), route=, from= and to=
 * (when it was received), limit=, after= (the "next" of the page before),
 * all=1, body=1.  A list is {"NOUNS": [...], "next": "..."}; times are RFC
 * 3339, names are snake_case, what is not known is left out.
 *
 * To add an endpoint, write its row, the rows of its arguments and of its
 * answer into a file of its noun, as api_entries.c is, and name the table in
 * api_table.c.  A row has all that a person must know of it: what
 * v1/openapi.json says is made of nothing but these rows, and a request is
 * checked against them before its handler is called.  A POST has the header
 * X-Event-Admin, which gate.c asks for.
 */


#ifndef _NGX_ER_API_H_INCLUDED_
#define _NGX_ER_API_H_INCLUDED_


#include "args.h"
#include "audit.h"
#include "errand.h"
#include "../base/json.h"
#include "../store/queue.h"


typedef struct ngx_er_api_s  ngx_er_api_t;
typedef struct ngx_er_api_schema_s  ngx_er_api_schema_t;


typedef enum {
    NGX_ER_API_TEXT = 0,
    NGX_ER_API_NUMBER,                 /* not negative */
    NGX_ER_API_FLAG,                   /* an argument: 1; an answer: true */
    NGX_ER_API_TIME,                   /* RFC 3339; an argument may be seconds
                                          since 1970, too */
    NGX_ER_API_EVENT,                  /* 16 hexadecimal digits, not all 0 */
    NGX_ER_API_OBJECT,                 /* answers only: of a schema */
    NGX_ER_API_LIST,                   /* an array of that, or of texts */
    NGX_ER_API_NUMBERS,                /* an array of numbers, null where there
                                          is none */
    NGX_ER_API_MAP,                    /* of that by name, or of numbers */
    NGX_ER_API_ANY,                    /* JSON of another standard */
    NGX_ER_API_SIGNED                  /* answers only: a number that may be
                                          negative */
} ngx_er_api_type_e;


/* an argument; a table of them ends with NGX_ER_API_ARGS_END */

typedef struct {
    const char            *name;
    ngx_er_api_type_e      type;
    ngx_uint_t             required;   /* 1; one in the path is */
    const char            *words;      /* TEXT: "a|b", nothing else is taken;
                                          NUMBER: "1..1000"; or NULL */
    const char            *help;
} ngx_er_api_arg_t;


/* a member of an answer; a table of them ends with NGX_ER_API_FIELDS_END */

typedef struct {
    const char            *name;
    ngx_er_api_type_e      type;
    ngx_uint_t             always;     /* 1: it is always there */
    const char            *words;      /* TEXT: "a|b", it is one of these; or
                                          NULL */
    ngx_er_api_schema_t   *schema;     /* of OBJECT, LIST, MAP; or NULL */
    const char            *help;
} ngx_er_api_field_t;


struct ngx_er_api_schema_s {
    const char            *name;       /* "Event" */
    const char            *help;
    ngx_er_api_field_t    *fields;
};


#define NGX_ER_API_QUEUE   0x1         /* it needs a store with a queue */
#define NGX_ER_API_STREAM  0x2         /* the answer is lines of JSON */


/* a table of them ends with NGX_ER_API_ENDPOINTS_END */

typedef struct {
    const char            *path;       /* below v1/ */
    ngx_uint_t             method;     /* NGX_HTTP_GET, which is HEAD, too, or
                                          NGX_HTTP_POST */
    ngx_er_role_e          role;       /* who may */
    ngx_uint_t             flags;
    const char            *summary;    /* a sentence without its dot */
    ngx_er_api_arg_t      *args;       /* or NULL: none */
    const char            *body;       /* what the body of the request is;
                                          NULL: it is not read */
    ngx_er_api_schema_t   *answer;

    /* as a content handler */
    ngx_int_t            (*handler)(ngx_er_api_t *api);
} ngx_er_api_endpoint_t;


#define NGX_ER_API_ARGS_END       { NULL, 0, 0, NULL, NULL }
#define NGX_ER_API_FIELDS_END     { NULL, 0, 0, NULL, NULL, NULL }
#define NGX_ER_API_ENDPOINTS_END                                              \
    { NULL, 0, 0, 0, NULL, NULL, NULL, NULL, NULL }

/* arguments that mean the same wherever they stand */

#define NGX_ER_API_ARG_TARGET                                                 \
    { "target", NGX_ER_API_TEXT, 0, NULL, "the name of a target" }
#define NGX_ER_API_ARG_SOURCE                                                 \
    { "source", NGX_ER_API_TEXT, 0, NULL, "the name of a source" }
#define NGX_ER_API_ARG_EVENT                                                  \
    { "event", NGX_ER_API_EVENT, 0, NULL, "the number of an event" }
#define NGX_ER_API_ARG_ROUTE                                                  \
    { "route", NGX_ER_API_TEXT, 0, NULL, "the name of a route that matched" }
#define NGX_ER_API_ARG_FROM                                                   \
    { "from", NGX_ER_API_TIME, 0, NULL, "received at this time or later" }
#define NGX_ER_API_ARG_TO                                                     \
    { "to", NGX_ER_API_TIME, 0, NULL, "received before this time" }
#define NGX_ER_API_ARG_ALL                                                    \
    { "all", NGX_ER_API_FLAG, 0, NULL, "all of them, without a filter" }
#define NGX_ER_API_ARG_LIMIT                                                  \
    { "limit", NGX_ER_API_NUMBER, 0, "1..1000",                               \
      "how many at most, 50 by default" }
#define NGX_ER_API_ARG_AFTER                                                  \
    { "after", NGX_ER_API_TEXT, 0, NULL,                                      \
      "the \"next\" of the page before" }
#define NGX_ER_API_ARG_BODY                                                   \
    { "body", NGX_ER_API_FLAG, 0, NULL,                                       \
      "with bodies, if the location has \"reveal\"" }

/* the last member of a list */
#define NGX_ER_API_FIELD_NEXT                                                 \
    { "next", NGX_ER_API_TEXT, 0, NULL, NULL,                                 \
      "there is more: the after= of the next page" }

#define NGX_ER_API_PAGE  50


/* called when the store has answered, perhaps after the request has gone: as a
   content handler; NGX_DONE if another operation was begun */
typedef ngx_int_t (*ngx_er_api_done_pt)(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);


/* a request.  It is in a pool of its own, which is there until the request and
   what it waits for are over */

struct ngx_er_api_s {
    ngx_er_errand_t         errand;    /* the first */
    ngx_http_request_t     *request;   /* NULL: it is gone */
    ngx_er_api_endpoint_t  *endpoint;
    ngx_er_api_endpoint_t **tables;    /* all there are, the last one NULL */
    ngx_er_main_conf_t     *mcf;
    ngx_er_loc_conf_t      *lcf;
    ngx_er_who_t            who;
    ngx_pool_t             *pool;
    ngx_str_t              *values;    /* of the arguments, decoded, in their
                                          order; data NULL: it is not there */
    void                   *data;      /* the handler's */

    ngx_uint_t              held;      /* somebody comes back to it */
    ngx_er_queue_op_t      *op;        /* the operation that is under way */
    ngx_er_api_done_pt      done;
};


/* what is below v1/ in the path of a request; NGX_DECLINED: it is not below
   v1/.  known(): 1 if there is an endpoint of this path */
ngx_int_t ngx_er_api_path(ngx_http_request_t *r, ngx_str_t *path);
ngx_uint_t ngx_er_api_known(ngx_er_api_endpoint_t **tables, ngx_str_t *path);

/* the content handler for it */
ngx_int_t ngx_er_api(ngx_http_request_t *r, ngx_er_api_endpoint_t **tables,
    ngx_str_t *path);

/* an argument, which was checked.  1: it is there, and its value, which is the
   API's and ends with a zero byte; a number, or "none"; ms of a time or the
   number of an event, or 0 */
ngx_uint_t ngx_er_api_arg(ngx_er_api_t *api, const char *name,
    ngx_str_t *value);
ngx_uint_t ngx_er_api_flag(ngx_er_api_t *api, const char *name);
ngx_uint_t ngx_er_api_number(ngx_er_api_t *api, const char *name,
    ngx_uint_t none);
uint64_t ngx_er_api_time(ngx_er_api_t *api, const char *name);
uint64_t ngx_er_api_event(ngx_er_api_t *api, const char *name);

/* the target or the source that target= or source= names.  NGX_OK, with NULL
   if the argument is not there; NGX_DECLINED: it was answered 404, and the
   handler returns *rc */
ngx_int_t ngx_er_api_target(ngx_er_api_t *api, ngx_er_target_t **target,
    ngx_int_t *rc);
ngx_int_t ngx_er_api_source(ngx_er_api_t *api, ngx_er_source_t **source,
    ngx_int_t *rc);

/* answers 404 with the nearest name; "noun" is "target" or "source" */
ngx_int_t ngx_er_api_noun(ngx_er_api_t *api, const char *noun,
    ngx_str_t *name);

/* after= of a list, of the form that ngx_er_api_next() writes; NGX_ERROR: it
   is another, and the handler answers 400.  0, 0: it is not there */
ngx_int_t ngx_er_api_after(ngx_er_api_t *api, uint64_t after[2]);
void ngx_er_api_next(ngx_er_json_t *json, uint64_t after[2]);

/* answers, for a handler to return; if the request has gone nothing is sent.
   "detail" has no byte of the request; JSON is begun in the request's pool */
ngx_int_t ngx_er_api_problem(ngx_er_api_t *api, ngx_uint_t status,
    const char *detail);
ngx_int_t ngx_er_api_json(ngx_er_api_t *api, ngx_er_json_t *json);

/* 503 */
ngx_int_t ngx_er_api_away(ngx_er_api_t *api);

/* members of JSON: any bytes made safe to show, a time, an event's number */
void ngx_er_api_text(ngx_er_json_t *json, const char *name, ngx_str_t *text);
void ngx_er_api_when(ngx_er_json_t *json, const char *name, uint64_t ms);
void ngx_er_api_seq(ngx_er_json_t *json, const char *name, uint64_t seq);

/*
 * Runs an operation of the store, made by ngx_er_api_op() (NULL: no memory) or
 * the one that has just ended, with results in its pool until done() returns.
 * NGX_DONE, for the handler to return.
 */
ngx_er_queue_op_t *ngx_er_api_op(ngx_er_api_t *api, ngx_er_queue_verb_e verb);
ngx_int_t ngx_er_api_run(ngx_er_api_t *api, ngx_er_queue_op_t *op,
    ngx_er_api_done_pt done);

/* the same for what is no operation: NGX_DONE; whoever comes back then calls
   finish() with what a content handler returns, once, and api is no more */
ngx_int_t ngx_er_api_hold(ngx_er_api_t *api);
void ngx_er_api_finish(ngx_er_api_t *api, ngx_int_t rc);

/* tells that it was done, and by whom: see audit.h */
#define ngx_er_api_audit(api, ...)                                            \
    ngx_er_audit((api)->request, &(api)->who, __VA_ARGS__)


#endif /* _NGX_ER_API_H_INCLUDED_ */
