
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A block of directives in nginx.conf, "event_source NAME { ... }", read from
 * a table.  The room that has the noun has the table, a row for each
 * directive: its name, how many arguments it takes, how they are written, and
 * the function that sets it, or the row of conf/param.h by which its one value
 * is read.
 *
 * The engine finds the row of a line, reads "include", says what was meant by
 * a word that is not in the table, counts arguments and refuses what stands
 * twice.  What is wrong is logged by ngx_conf_log_error(), with file and line.
 *
 * Blocks may be in such a block (NGX_ER_BLOCK_OPEN): then nginx itself says
 * where a directive must not stand, and where ";" and "{" are missing.  Two
 * rows of one name, the second of them NGX_ER_BLOCK_OPEN, are a directive that
 * may be either: a line, or a block.
 *
 * Tables are static; ngx_er_block_t and all that it points to is the caller's,
 * who needs it until ngx_er_block_parse() returns.  Nothing is allocated, but
 * by ngx_er_block_keep().
 */


#ifndef _NGX_ER_BLOCK_H_INCLUDED_
#define _NGX_ER_BLOCK_H_INCLUDED_


#include "param.h"
#include "where.h"


#define NGX_ER_BLOCK_ROWS    60        /* of a table, at most */

#define NGX_ER_BLOCK_MORE    1000000   /* as many arguments as one likes */

#define NGX_ER_BLOCK_REPEAT  0x01      /* may stand more than once */
#define NGX_ER_BLOCK_OPEN    0x02      /* begins a block in the block */
#define NGX_ER_BLOCK_INNER   0x04      /* may stand in one of those, too */
#define NGX_ER_BLOCK_NOTED   0x08      /* the block knows the first of them */
#define NGX_ER_BLOCK_TABLE   0x12      /* OPEN, and it has another table, which
                                          is read by ngx_er_block_parse() */
#define NGX_ER_BLOCK_OWN     0x20      /* the room's flags begin here */


typedef struct ngx_er_block_row_s  ngx_er_block_row_t;

/* NGX_CONF_OK, NGX_CONF_ERROR after logging, or what is wrong */
typedef char *(*ngx_er_block_set_pt)(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);


struct ngx_er_block_row_s {
    const char            *name;       /* NULL ends a table */
    ngx_uint_t             min;        /* arguments */
    ngx_uint_t             max;
    ngx_uint_t             flags;
    const char            *syntax;     /* the arguments, for people */
    ngx_er_block_set_pt    set;        /* NULL: the block's "values" have it */
    ngx_uint_t             tag;        /* the room's own */
};


typedef struct {
    const char            *noun;       /* "event_source" */
    ngx_str_t             *name;
    ngx_er_block_row_t    *rows;
    void                  *conf;       /* for "set" */
    ngx_er_param_t        *values;     /* of directives of one value, by name;
                                          or NULL */
    void                  *base;       /* the structure that they are for */
    uint64_t               seen;       /* a bit for each row; 0 at first */
    void                  *outer;      /* the engine's own, as the next two */
    ngx_command_t         *commands;
    ngx_er_block_row_t    *twin;       /* the first of two rows of one name */
    ngx_er_block_row_t    *noted;      /* the first line that was read and has
                                          NGX_ER_BLOCK_NOTED, or NULL */
} ngx_er_block_t;


/*
 * A line whose meaning depends on others of its block (a preset comes first,
 * wherever it stands), kept until the block ends.
 */

typedef struct {
    ngx_str_t             *args;       /* args[0] is the directive's name */
    ngx_uint_t             nargs;
    ngx_uint_t             flags;      /* of its row */
    ngx_er_where_t         where;
} ngx_er_block_words_t;


/* all but "values" and "base", which are NULL */
void ngx_er_block_init(ngx_er_block_t *block, const char *noun,
    ngx_str_t *name, ngx_er_block_row_t *rows, void *conf);

/* reads the block whose "{" was read */
char *ngx_er_block_parse(ngx_conf_t *cf, ngx_er_block_t *block);

/* the same for a row with NGX_ER_BLOCK_OPEN, called by its "set" */
char *ngx_er_block_parse_inner(ngx_conf_t *cf);

/* for "set": keeps the line that is read, in an array of
   ngx_er_block_words_t; its words are in the configuration's pool, the array
   of them in the temporary one; NGX_CONF_ERROR: no memory */
char *ngx_er_block_keep(ngx_conf_t *cf, ngx_er_block_row_t *row,
    ngx_array_t *lines);

/* the arguments of the line that is read, behind the first "from - 1" */
char *ngx_er_block_params(ngx_conf_t *cf, ngx_er_params_t *params,
    ngx_uint_t from, void *base, ngx_uint_t *given);


#endif /* _NGX_ER_BLOCK_H_INCLUDED_ */
