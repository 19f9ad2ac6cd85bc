
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Guesses about the message.
 */


#ifndef _NGX_ER_GUESS_MESSAGE_H_INCLUDED_
#define _NGX_ER_GUESS_MESSAGE_H_INCLUDED_


#include "guess.h"


/* the end of the body and its beginning; gzip; the URL; JSON */
void ngx_er_guess_message_lines(ngx_er_guess_t *guess);
void ngx_er_guess_message_packed(ngx_er_guess_t *guess);
void ngx_er_guess_message_url(ngx_er_guess_t *guess);
void ngx_er_guess_message_body(ngx_er_guess_t *guess);


#endif /* _NGX_ER_GUESS_MESSAGE_H_INCLUDED_ */
