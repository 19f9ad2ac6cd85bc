
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Files of secrets of a store: its keys, "encrypt=", and passwords of a Redis.
 */


#ifndef _NGX_ER_KEYS_H_INCLUDED_
#define _NGX_ER_KEYS_H_INCLUDED_


#include "../event_router.h"
#include "../base/safe.h"


/*
 * Reads the keys that "word" names, file:PATH, below nginx's own directory.
 * NGX_OK and *safe, which is NULL if the word is empty; NGX_ERROR after
 * logging at emerg.
 */
ngx_int_t ngx_er_keys_read(ngx_conf_t *cf, ngx_str_t *word, ngx_uint_t plain,
    ngx_er_safe_t **safe);


/*
 * Reads a file of less than "size" bytes into memory of base/vault.h.  "path"
 * becomes a full name, below nginx's own directory; "what" names the file in
 * messages; "exposed" is the level at which it is told that every user has
 * access to it, and NGX_LOG_EMERG an error.  NGX_ERROR after logging at emerg,
 * also if the file is empty.
 */
ngx_int_t ngx_er_keys_file(ngx_conf_t *cf, ngx_uint_t exposed,
    const char *what, ngx_str_t *path, size_t size, ngx_str_t *text);


#endif /* _NGX_ER_KEYS_H_INCLUDED_ */
