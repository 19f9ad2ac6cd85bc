
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The handshakes of a source whose block is being read.
 */


#ifndef _NGX_ER_HANDSHAKE_CONF_H_INCLUDED_
#define _NGX_ER_HANDSHAKE_CONF_H_INCLUDED_


#include "source_conf.h"


/* a block "handshake NAME { ... }"; draft is the conf, for the row's "set" */
char *ngx_er_handshake_block(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);

/*
 * Fills in source->handshakes and adds their methods to source->methods.
 * line: "handshake" of the block, or NULL.  The verifier is complete and the
 * content types are known.  NGX_ERROR after logging where the mistake is.
 */
ngx_int_t ngx_er_handshakes_conf(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_er_block_words_t *line);


#endif /* _NGX_ER_HANDSHAKE_CONF_H_INCLUDED_ */
