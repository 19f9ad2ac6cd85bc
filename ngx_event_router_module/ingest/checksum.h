
/*
 * Copyright (C) Event Router contributors
 */


#ifndef _NGX_ER_CHECKSUM_H_INCLUDED_
#define _NGX_ER_CHECKSUM_H_INCLUDED_


#include "../base.h"


/* what ngx_crc32_long() gives, several times as fast; for the event loop, not
   for threads */
uint32_t ngx_er_crc32(u_char *p, size_t len);


#endif /* _NGX_ER_CHECKSUM_H_INCLUDED_ */
