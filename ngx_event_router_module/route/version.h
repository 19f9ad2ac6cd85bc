
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Versions: numbers and times as bytes that compare as what they say.  Pure.
 */


#ifndef _NGX_ER_VERSION_H_INCLUDED_
#define _NGX_ER_VERSION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_ER_VERSION_LEN     64      /* bytes at most */

/* the first byte; versions of two kinds do not compare.  Kept in stores */

#define NGX_ER_VERSION_NUMBER  1
#define NGX_ER_VERSION_TIME    2


/*
 * Writes a text that is wholly a JSON number, or an RFC 3339 time, into "buf"
 * of NGX_ER_VERSION_LEN bytes.  Of two that were written memcmp() tells which
 * is less, and where one is the beginning of the other the shorter one is.
 * Equal ones have equal bytes; digits for which there is no room are left out,
 * so that numbers that differ there only are equal.  Returns the length, or 0:
 * the text is neither.
 */
size_t ngx_er_version_write(u_char *buf, ngx_str_t *text);


#endif /* _NGX_ER_VERSION_H_INCLUDED_ */
