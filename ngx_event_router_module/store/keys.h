
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "encrypt=" of a store: its file of keys.
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
ngx_int_t ngx_er_keys_read(ngx_conf_t *cf, ngx_str_t *word,
    ngx_er_safe_t **safe);


#endif /* _NGX_ER_KEYS_H_INCLUDED_ */
