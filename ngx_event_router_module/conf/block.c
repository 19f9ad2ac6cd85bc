
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The engine of blocks (block.h).  A flat block is read with a handler, as
 * nginx reads "map" and "geo".  But nginx refuses "{" in what is read with a
 * handler.  So the rows of a table with blocks in it become the directives of
 * a module that nginx knows only as long as the block lasts: the cycle's list
 * of modules is replaced by a list of that one, and nginx itself checks where
 * a directive may stand, and its ";" or "{".
 *
 * For nginx a directive is either a line or a block.  Where ours may be both,
 * it has two rows, and of their two commands one may not stand here: before
 * nginx reads a line of the block, ahead.c looks which one it will need.
 *
 * Called by the rooms at configuration time only; what it keeps of a line is
 * the room's.
 */


#include "block.h"
#include "ahead.h"
#include "nearest.h"
#include "where.h"


#define NGX_ER_BLOCK_MODULE  0x4B4C4245    /* "EBLK" */

/* what cf->cmd_type says: the block itself, or a block in it */

#define NGX_ER_BLOCK_CONF    0x00100000
#define NGX_ER_INNER_CONF    0x00200000


static char *ngx_er_block_nested(ngx_conf_t *cf, ngx_er_block_t *block);
static void ngx_er_block_commands(ngx_er_block_row_t *row,
    ngx_command_t *command);
static ngx_er_block_row_t *ngx_er_block_twin(ngx_er_block_row_t *row);
static void ngx_er_block_next(ngx_conf_t *cf, ngx_er_block_t *block,
    ngx_str_t *file);
static void ngx_er_block_hint(ngx_conf_t *cf, ngx_er_block_t *block);
static char *ngx_er_block_command(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_er_block_include(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_er_block_files(ngx_conf_t *cf, ngx_er_block_t *block,
    ngx_str_t *pattern);
static char *ngx_er_block_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static ngx_er_block_row_t *ngx_er_block_find(ngx_er_block_row_t *row,
    ngx_str_t *name);
static char *ngx_er_block_unknown(ngx_conf_t *cf, ngx_er_block_t *block,
    ngx_str_t *name);
static ngx_uint_t ngx_er_block_outer(ngx_str_t *name);
static char *ngx_er_block_set(ngx_conf_t *cf, ngx_er_block_t *block,
    ngx_er_block_row_t *row);
static char *ngx_er_block_value(ngx_conf_t *cf, ngx_er_block_t *block,
    ngx_er_block_row_t *row);


void
ngx_er_block_init(ngx_er_block_t *block, const char *noun, ngx_str_t *name,
    ngx_er_block_row_t *rows, void *conf)
{
    ngx_memzero(block, sizeof(ngx_er_block_t));

    block->noun = noun;
    block->name = name;
    block->rows = rows;
    block->conf = conf;
}


char *
ngx_er_block_parse(ngx_conf_t *cf, ngx_er_block_t *block)
{
    char                *rv;
    ngx_conf_t           save;
    ngx_er_block_row_t  *row;

    for (row = block->rows; row->name; row++) {
        if (row->flags & NGX_ER_BLOCK_OPEN) {
            return ngx_er_block_nested(cf, block);
        }
    }

    save = *cf;
    cf->handler = ngx_er_block_line;
    cf->handler_conf = (char *) block;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv;
}


static char *
ngx_er_block_nested(ngx_conf_t *cf, ngx_er_block_t *block)
{
    char           *rv;
    void           *ctx[1];
    ngx_conf_t      save;
    ngx_module_t  **modules, *list[2], module;
    ngx_command_t   commands[NGX_ER_BLOCK_ROWS + 2];

    ngx_er_block_commands(block->rows, commands);
    ngx_memzero(&module, sizeof(ngx_module_t));

    module.type = NGX_ER_BLOCK_MODULE;
    module.commands = commands;

    list[0] = &module;
    list[1] = NULL;
    ctx[0] = block;

    save = *cf;
    block->outer = cf->ctx;
    block->commands = commands;
    block->twin = ngx_er_block_twin(block->rows);
    modules = cf->cycle->modules;

    cf->ctx = ctx;
    cf->module_type = NGX_ER_BLOCK_MODULE;
    cf->cmd_type = NGX_ER_BLOCK_CONF;
    cf->cycle->modules = list;

    ngx_er_block_next(cf, block, NULL);

    rv = ngx_conf_parse(cf, NULL);

    if (rv != NGX_CONF_OK) {
        ngx_er_block_hint(cf, block);
    }

    *cf = save;
    cf->cycle->modules = modules;

    return rv;
}


static void
ngx_er_block_commands(ngx_er_block_row_t *row, ngx_command_t *command)
{
    static ngx_command_t  include = {
        ngx_string("include"),
        NGX_DIRECT_CONF|NGX_ER_BLOCK_CONF|NGX_ER_INNER_CONF|NGX_CONF_ANY,
        ngx_er_block_include, 0, 0, NULL
    };

    static ngx_command_t  none = ngx_null_command;

    for ( /* void */ ; row->name; row++) {
        command->name.data = (u_char *) row->name;
        command->name.len = ngx_strlen(row->name);
        command->type = NGX_DIRECT_CONF|NGX_ER_BLOCK_CONF|NGX_CONF_ANY;
        command->set = ngx_er_block_command;
        command->conf = 0;
        command->offset = 0;
        command->post = row;

        if (row->flags & NGX_ER_BLOCK_INNER) {
            command->type |= NGX_ER_INNER_CONF;
        }

        if (row->flags & NGX_ER_BLOCK_OPEN) {
            command->type |= NGX_CONF_BLOCK;
        }

        command++;
    }

    *command++ = include;
    *command = none;
}


static ngx_er_block_row_t *
ngx_er_block_twin(ngx_er_block_row_t *row)
{
    for ( /* void */ ; row->name; row++) {
        if (row[1].name && ngx_strcmp(row[0].name, row[1].name) == 0) {
            return row;
        }
    }

    return NULL;
}


/* what nginx reads next, in this file or at the beginning of another one */

static void
ngx_er_block_next(ngx_conf_t *cf, ngx_er_block_t *block, ngx_str_t *file)
{
    ngx_uint_t      opens;
    ngx_command_t  *line;

    if (block->twin == NULL) {
        return;
    }

    line = &block->commands[block->twin - block->rows];
    opens = ngx_er_ahead_opens(cf, file, block->twin->name);

    line[opens].type |= NGX_ER_BLOCK_CONF;
    line[!opens].type &= ~NGX_ER_BLOCK_CONF;
}


char *
ngx_er_block_parse_inner(ngx_conf_t *cf)
{
    char        *rv;
    ngx_uint_t   cmd_type;

    cmd_type = cf->cmd_type;
    cf->cmd_type = NGX_ER_INNER_CONF;

    rv = ngx_conf_parse(cf, NULL);

    cf->cmd_type = cmd_type;

    return rv;
}


/* after nginx's own "unknown directive" */

static void
ngx_er_block_hint(ngx_conf_t *cf, ngx_er_block_t *block)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (cf->args->nelts == 0
        || ngx_strcmp(value[0].data, "include") == 0
        || ngx_er_block_find(block->rows, &value[0]))
    {
        return;
    }

    (void) ngx_er_block_unknown(cf, block, &value[0]);
}


/* what is no block of this table is read as in a flat one: it may ask for
   variables */

static char *
ngx_er_block_command(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_block_t *block = conf;

    char                *rv;
    void                *ctx;
    ngx_er_block_row_t  *row;

    ctx = cf->ctx;
    row = cmd->post;

    if (!(row->flags & NGX_ER_BLOCK_OPEN)
        || (row->flags & NGX_ER_BLOCK_TABLE) == NGX_ER_BLOCK_TABLE)
    {
        cf->ctx = block->outer;
    }

    rv = ngx_er_block_set(cf, block, row);

    cf->ctx = ctx;

    if (rv == NGX_CONF_ERROR
        && (row->flags & NGX_ER_BLOCK_TABLE) == NGX_ER_BLOCK_TABLE)
    {
        /* all was said: the last line is no word of this table */

        cf->args->nelts = 0;
    }

    if (rv == NGX_CONF_OK) {
        ngx_er_block_next(cf, block, NULL);
    }

    return rv;
}


static char *
ngx_er_block_include(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_block_t *block = conf;

    char       *rv;
    ngx_str_t  *value;

    if (cf->args->nelts == 2) {

        if (block->twin == NULL) {
            return ngx_conf_include(cf, cmd, conf);
        }

        value = cf->args->elts;
        rv = ngx_er_block_files(cf, block, &value[1]);

        if (rv == NGX_CONF_OK) {
            ngx_er_block_next(cf, block, NULL);
        }

        return rv;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"include\" takes one file or pattern");

    return NGX_CONF_ERROR;
}


/* as ngx_conf_include(), with a look into each file */

static char *
ngx_er_block_files(ngx_conf_t *cf, ngx_er_block_t *block, ngx_str_t *pattern)
{
    char        *rv;
    ngx_int_t    rc;
    ngx_str_t    file, name;
    ngx_glob_t   gl;

    file = *pattern;

    if (ngx_conf_full_name(cf->cycle, &file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (strpbrk((char *) file.data, "*?[") == NULL) {
        ngx_er_block_next(cf, block, &file);
        return ngx_conf_parse(cf, &file);
    }

    ngx_memzero(&gl, sizeof(ngx_glob_t));

    gl.pattern = file.data;
    gl.log = cf->log;
    gl.test = 1;

    if (ngx_open_glob(&gl) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_glob_n " \"%s\" failed", file.data);
        return NGX_CONF_ERROR;
    }

    rv = NGX_CONF_OK;

    while (rv == NGX_CONF_OK) {
        rc = ngx_read_glob(&gl, &name);

        if (rc != NGX_OK) {
            break;
        }

        file.len = name.len++;
        file.data = ngx_pstrdup(cf->pool, &name);

        if (file.data == NULL) {
            rv = NGX_CONF_ERROR;
            break;
        }

        ngx_er_block_next(cf, block, &file);
        rv = ngx_conf_parse(cf, &file);
    }

    ngx_close_glob(&gl);

    return rv;
}


/* the handler of a flat block */

static char *
ngx_er_block_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_er_block_t *block = conf;

    ngx_str_t           *value;
    ngx_er_block_row_t  *row;

    value = cf->args->elts;

    if (ngx_strcmp(value[0].data, "include") == 0) {
        return ngx_er_block_include(cf, dummy, conf);
    }

    row = ngx_er_block_find(block->rows, &value[0]);

    return row ? ngx_er_block_set(cf, block, row)
               : ngx_er_block_unknown(cf, block, &value[0]);
}


static ngx_er_block_row_t *
ngx_er_block_find(ngx_er_block_row_t *row, ngx_str_t *name)
{
    for ( /* void */ ; row->name; row++) {
        if (ngx_strcmp(name->data, row->name) == 0) {
            return row;
        }
    }

    return NULL;
}


static char *
ngx_er_block_unknown(ngx_conf_t *cf, ngx_er_block_t *block, ngx_str_t *name)
{
    u_char              *p, *last, list[NGX_MAX_CONF_ERRSTR / 2];
    const char          *near;
    ngx_er_block_row_t  *row;

    if (ngx_er_block_outer(name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" cannot stand in %s: is a \"}\" missing "
                           "before it?", name, block->noun);
        return NGX_CONF_ERROR;
    }

    near = ngx_er_nearest(name, block->rows, sizeof(ngx_er_block_row_t));

    if (near) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown directive \"%V\" in %s: did you mean "
                           "\"%s\"?", name, block->noun, near);
        return NGX_CONF_ERROR;
    }

    p = list;
    last = list + sizeof(list);

    for (row = block->rows; row->name; row++) {

        if (row[1].name && ngx_strcmp(row[0].name, row[1].name) == 0) {
            continue;
        }

        p = ngx_slprintf(p, last, "%s%s", row->name, row[1].name ? ", " : "");
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown directive \"%V\" in %s, which takes %*s and "
                       "include", name, block->noun, p - list, list);

    return NGX_CONF_ERROR;
}


/* 1: a directive that stands beside blocks of ours */

static ngx_uint_t
ngx_er_block_outer(ngx_str_t *name)
{
    const char  **word;

    static const char  *words[] = {
        "server", "upstream", "location", "map", "log_format", NULL
    };

    for (word = words; *word; word++) {
        if (ngx_strcmp(name->data, *word) == 0) {
            return 1;
        }
    }

    return ngx_strncmp(name->data, "event_", sizeof("event_") - 1) == 0;
}


static char *
ngx_er_block_set(ngx_conf_t *cf, ngx_er_block_t *block,
    ngx_er_block_row_t *row)
{
    uint64_t    bit;
    ngx_uint_t  n;

    n = cf->args->nelts - 1;

    if (n < row->min || n > row->max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"%s\" directive: "
                           "write \"%s%s%s%s\"", row->name, row->name,
                           *row->syntax ? " " : "", row->syntax,
                           (row->flags & NGX_ER_BLOCK_OPEN) ? " { ... }"
                                                            : ";");
        return NGX_CONF_ERROR;
    }

    bit = (uint64_t) 1 << (row - block->rows);

    if ((block->seen & bit) && !(row->flags & NGX_ER_BLOCK_REPEAT)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" directive is duplicate in %s \"%V\"",
                           row->name, block->noun, block->name);
        return NGX_CONF_ERROR;
    }

    block->seen |= bit;

    if ((row->flags & NGX_ER_BLOCK_NOTED) && block->noted == NULL) {
        block->noted = row;
    }

    return row->set ? row->set(cf, row, block->conf)
                    : ngx_er_block_value(cf, block, row);
}


static char *
ngx_er_block_value(ngx_conf_t *cf, ngx_er_block_t *block,
    ngx_er_block_row_t *row)
{
    ngx_str_t       *value;
    ngx_er_error_t   err;
    ngx_er_param_t  *param;

    param = block->values;

    while (ngx_strcmp(param->name, row->name) != 0) {
        param++;
    }

    value = cf->args->elts;

    if (ngx_er_param_set(param, &value[0], &value[1], &value[1], block->base,
                         &err)
        != NGX_OK)
    {
        return ngx_er_where_error(cf, &err);
    }

    return NGX_CONF_OK;
}


char *
ngx_er_block_params(ngx_conf_t *cf, ngx_er_params_t *params, ngx_uint_t from,
    void *base, ngx_uint_t *given)
{
    ngx_er_error_t  err;

    if (ngx_er_params_set(params, cf->args, from, base, given, &err)
        != NGX_OK)
    {
        return ngx_er_where_error(cf, &err);
    }

    return NGX_CONF_OK;
}


/* only the array of the words is used again for the next line */

char *
ngx_er_block_keep(ngx_conf_t *cf, ngx_er_block_row_t *row, ngx_array_t *lines)
{
    ngx_er_block_words_t  *line;

    line = ngx_array_push(lines);
    if (line == NULL) {
        return NGX_CONF_ERROR;
    }

    line->flags = row->flags;
    line->nargs = cf->args->nelts;
    line->args = ngx_palloc(cf->temp_pool, line->nargs * sizeof(ngx_str_t));

    if (line->args == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(line->args, cf->args->elts, line->nargs * sizeof(ngx_str_t));
    ngx_er_where_set(cf, &line->where);

    return NGX_CONF_OK;
}
