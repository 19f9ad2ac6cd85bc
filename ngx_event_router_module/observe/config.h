
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Which configuration this is: when it was read and what its files had in
 * them.
 */


#ifndef _NGX_ER_CONFIG_H_INCLUDED_
#define _NGX_ER_CONFIG_H_INCLUDED_


#include "../event_router.h"


/* postconfiguration: mcf->generation and mcf->hash; NGX_ERROR: no memory */
ngx_int_t ngx_er_config_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_CONFIG_H_INCLUDED_ */
