
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The rule of a challenge while it is read: from the lines of a block of
 * nginx.conf, or from a row of challenges.c.
 */


#ifndef _NGX_ER_HANDSHAKE_RULE_H_INCLUDED_
#define _NGX_ER_HANDSHAKE_RULE_H_INCLUDED_


#include "echo.h"
#include "handshake.h"


typedef enum {
    NGX_ER_DEMAND_ANY = 0,             /* it is there, whatever it says */
    NGX_ER_DEMAND_WORDS,
    NGX_ER_DEMAND_HEX                  /* digits in lower case, "min" to "max"
                                          of them */
} ngx_er_demand_kind_e;


/* a line "match" or "require" */

typedef struct {
    ngx_er_demand_kind_e   kind;
    ngx_er_ref_t           ref;
    ngx_array_t            words;      /* of ngx_str_t; one of them */
    size_t                 min;
    size_t                 max;
    unsigned               any:1;      /* a constant is "*" */
} ngx_er_demand_t;


/* a line "header" */

typedef struct {
    ngx_str_t              name;
    ngx_er_echo_t         *value;
} ngx_er_handshake_header_t;


struct ngx_er_handshake_s {
    ngx_uint_t             methods;    /* a mask */
    ngx_array_t            match;      /* of ngx_er_demand_t */
    ngx_array_t            require;    /* of ngx_er_demand_t */
    ngx_array_t            headers;    /* of ngx_er_handshake_header_t */
    ngx_str_t              type;       /* of the body; empty: none */
    ngx_er_echo_t         *body;       /* NULL: empty */
    ngx_str_t              apart;      /* of a row: signed so, no event can be
                                          what the handshake signs */
    ngx_uint_t             deny;
    ngx_uint_t             status;
    ngx_uint_t             signed_;
};


typedef struct {
    ngx_pool_t            *pool;
    ngx_er_fields_t       *fields;
    ngx_er_verify_t       *verify;     /* complete */
    ngx_er_error_t        *err;
    ngx_er_handshake_t    *handshake;
    unsigned               row:1;      /* of challenges.c */
} ngx_er_rule_t;


/*
 * Begins a rule; pool to err are set.  Words and texts must live as long as
 * the pool.  NGX_ERROR with a sentence in err, as all here.
 */
ngx_int_t ngx_er_rule_begin(ngx_er_rule_t *rule);

/* a line: its name and its words */
ngx_int_t ngx_er_rule_line(ngx_er_rule_t *rule, ngx_str_t *words,
    ngx_uint_t n);

/* the last line was read: is it a whole? */
ngx_int_t ngx_er_rule_end(ngx_er_rule_t *rule);

/*
 * The rules of one preset, appended to the array (of ngx_er_handshake_t *).  A
 * constant that a rule requires and that the source does not define is an
 * error with a sentence: "constant verify_token ...;".
 */
ngx_int_t ngx_er_rules_add(ngx_pool_t *pool, ngx_array_t *handshakes,
    ngx_str_t *preset, ngx_er_fields_t *fields, ngx_er_verify_t *verify,
    ngx_er_error_t *err);


#endif /* _NGX_ER_HANDSHAKE_RULE_H_INCLUDED_ */
