
/*
 * Copyright (C) Event Router contributors
 */


#ifndef _NGX_ER_JQ_CHILD_H_INCLUDED_
#define _NGX_ER_JQ_CHILD_H_INCLUDED_


#include "jq_frame.h"
#include "jq_program.h"


/*
 * The life of a child, from fork() on: "fd" is its socket, "programs" has one
 * for each of jqs->files, or NULL where it could not be compiled; "secret" as
 * in jq_text.h.  Does not return.
 */
void ngx_er_jq_child_run(ngx_er_jqs_t *jqs, ngx_er_jq_program_t **programs,
    u_char *secret, ngx_socket_t fd);


#endif /* _NGX_ER_JQ_CHILD_H_INCLUDED_ */
