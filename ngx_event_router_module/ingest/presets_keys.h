
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The producers whose proof is a public key, a token or nothing, as data.
 */


#ifndef _NGX_ER_PRESETS_KEYS_H_INCLUDED_
#define _NGX_ER_PRESETS_KEYS_H_INCLUDED_


#include "presets.h"


/* in alphabetical order; it ends with a row whose name is NULL */

extern ngx_er_preset_t  ngx_er_presets_keys[];


#endif /* _NGX_ER_PRESETS_KEYS_H_INCLUDED_ */
