
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "payload" of a source whose block is being read.
 */


#ifndef _NGX_ER_PAYLOAD_CONF_H_INCLUDED_
#define _NGX_ER_PAYLOAD_CONF_H_INCLUDED_


#include "payload.h"
#include "source_conf.h"


/*
 * Sets source->payload: that of the line, or the preset's if it is NULL.  It
 * comes before the arrays of "split" and the attributes are known.  NGX_ERROR
 * after logging where the mistake is.
 */
ngx_int_t ngx_er_payload_conf(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_er_block_words_t *line);

/* what else the source has does not fit to it; as above, when the verifier is
   complete and the content types are known */
ngx_int_t ngx_er_payload_fits(ngx_conf_t *cf, ngx_er_source_t *s,
    ngx_er_block_words_t *line);


#endif /* _NGX_ER_PAYLOAD_CONF_H_INCLUDED_ */
