
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Two nginx run the same configuration, or one that was reloaded runs what is
 * on the disk, if the hash is the same: SHA-1 over the bytes of nginx.conf and
 * of each file in which a noun of ours stands, in that order, without their
 * names.  A file of which the router knows nothing (what an event_deliver
 * location includes) is not among them.
 *
 * Called once, when all was read, from module.c.  Only regular files are read:
 * a pipe has nothing any more.  What cannot be read counts as empty.  What may
 * fail is memory.
 */


#include "config.h"

#include <ngx_sha1.h>


#define NGX_ER_CONFIG_READ  65536      /* bytes at once */
#define NGX_ER_CONFIG_HASH  20


static ngx_int_t ngx_er_config_nouns(ngx_array_t *files,
    ngx_er_main_conf_t *mcf);
static ngx_int_t ngx_er_config_file(ngx_array_t *files, ngx_str_t *name);
static void ngx_er_config_read(ngx_conf_t *cf, ngx_sha1_t *sha1,
    ngx_str_t *name, u_char *buf);


ngx_int_t
ngx_er_config_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    u_char               *buf, digest[NGX_ER_CONFIG_HASH];
    ngx_str_t            *name;
    ngx_uint_t            i;
    ngx_sha1_t            sha1;
    ngx_array_t           files;
    volatile ngx_time_t  *tp;

    tp = ngx_timeofday();
    mcf->generation = (uint64_t) tp->sec * 1000 + tp->msec;

    buf = ngx_pnalloc(cf->temp_pool, NGX_ER_CONFIG_READ);
    mcf->hash.data = ngx_pnalloc(cf->pool, 2 * NGX_ER_CONFIG_HASH);

    if (buf == NULL || mcf->hash.data == NULL
        || ngx_array_init(&files, cf->temp_pool, 16, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_er_config_file(&files, &cf->cycle->conf_file) != NGX_OK
        || ngx_er_config_nouns(&files, mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_sha1_init(&sha1);

    name = files.elts;

    for (i = 0; i < files.nelts; i++) {
        ngx_er_config_read(cf, &sha1, &name[i], buf);
    }

    ngx_sha1_final(digest, &sha1);

    mcf->hash.len = ngx_hex_dump(mcf->hash.data, digest, NGX_ER_CONFIG_HASH)
                    - mcf->hash.data;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, cf->log, 0,
                   "event router config: %ui files, hash %V", files.nelts,
                   &mcf->hash);

    return NGX_OK;
}


static ngx_int_t
ngx_er_config_nouns(ngx_array_t *files, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i;
    ngx_er_route_t   **route;
    ngx_er_source_t  **source;
    ngx_er_target_t  **target;

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        if (ngx_er_config_file(files, &source[i]->where.file) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        if (ngx_er_config_file(files, &target[i]->where.file) != NGX_OK
            || ngx_er_config_file(files, &target[i]->deliver.file) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    route = mcf->routes.elts;

    for (i = 0; i < mcf->routes.nelts; i++) {
        if (ngx_er_config_file(files, &route[i]->where.file) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* each once; of many nouns most stand in the file of the one before */

static ngx_int_t
ngx_er_config_file(ngx_array_t *files, ngx_str_t *name)
{
    ngx_str_t   *file;
    ngx_uint_t   i;

    file = files->elts;

    for (i = files->nelts; i--; /* void */ ) {
        if (file[i].data == name->data
            || (file[i].len == name->len
                && ngx_strncmp(file[i].data, name->data, name->len) == 0))
        {
            return NGX_OK;
        }
    }

    if (name->len == 0) {
        return NGX_OK;
    }

    file = ngx_array_push(files);
    if (file == NULL) {
        return NGX_ERROR;
    }

    *file = *name;

    return NGX_OK;
}


static void
ngx_er_config_read(ngx_conf_t *cf, ngx_sha1_t *sha1, ngx_str_t *name,
    u_char *buf)
{
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_file_info_t  info;

    if (ngx_file_info(name->data, &info) == NGX_FILE_ERROR
        || !ngx_is_file(&info))
    {
        return;
    }

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        return;
    }

    for ( ;; ) {
        n = ngx_read_fd(fd, buf, NGX_ER_CONFIG_READ);

        if (n <= 0) {
            break;
        }

        ngx_sha1_update(sha1, buf, n);
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_NOTICE, cf->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", name);
    }
}
