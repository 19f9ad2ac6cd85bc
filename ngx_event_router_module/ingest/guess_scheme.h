
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Guesses about the verifier.
 */


#ifndef _NGX_ER_GUESS_SCHEME_H_INCLUDED_
#define _NGX_ER_GUESS_SCHEME_H_INCLUDED_


#include "guess.h"


/* when it was signed, what a token claims, by whose secret */
void ngx_er_guess_scheme_clock(ngx_er_guess_t *guess);
void ngx_er_guess_scheme_claims(ngx_er_guess_t *guess);
void ngx_er_guess_scheme_others(ngx_er_guess_t *guess);

/* around the signature and how it is written, in which header, by which
   digest */
void ngx_er_guess_scheme_place(ngx_er_guess_t *guess);
void ngx_er_guess_scheme_header(ngx_er_guess_t *guess);
void ngx_er_guess_scheme_digest(ngx_er_guess_t *guess);

/* what bytes the secret is, and what an editor has made of it */
void ngx_er_guess_scheme_secret(ngx_er_guess_t *guess);
void ngx_er_guess_scheme_edited(ngx_er_guess_t *guess);

/* as another preset says */
void ngx_er_guess_scheme_presets(ngx_er_guess_t *guess);


#endif /* _NGX_ER_GUESS_SCHEME_H_INCLUDED_ */
