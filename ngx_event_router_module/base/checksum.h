
/*
 * Copyright (C) Event Router contributors
 */


/*
 * CRC-32, as zlib's: of records.
 */


#ifndef _NGX_ER_CHECKSUM_H_INCLUDED_
#define _NGX_ER_CHECKSUM_H_INCLUDED_


#include "base.h"


uint32_t ngx_er_checksum(u_char *p, size_t len);


#endif /* _NGX_ER_CHECKSUM_H_INCLUDED_ */
