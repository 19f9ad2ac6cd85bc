
/*
 * Copyright (C) Event Router contributors
 */


/*
 * One guess of the signature doctor: another verifier, or another message, and
 * whether that fits.
 */


#ifndef _NGX_ER_GUESS_H_INCLUDED_
#define _NGX_ER_GUESS_H_INCLUDED_


#include "doctor.h"
#include "verifier.h"


typedef struct {
    ngx_er_doctor_t       *doctor;
    ngx_pool_t            *pool;       /* of what is tried */
    uint64_t               end;        /* ns on the CPU's clock */
    ngx_uint_t             tries;
    ngx_uint_t             secret;     /* which one has fitted */
    time_t                 sec;        /* and the timestamp, or -1 */
} ngx_er_guess_t;


/* 1: so it would have been verified, at some time; 0, too, if the doctor has
   no time any more */
ngx_uint_t ngx_er_guess_fits(ngx_er_guess_t *guess, ngx_er_verify_t *v,
    ngx_er_message_t *m);

/*
 * Gives "v" the secrets of "from", made for it anew, with a tail (or NULL) or,
 * "-", without what stands around them.  NGX_DECLINED: none of them is one;
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_guess_keys(ngx_er_guess_t *guess, ngx_er_verify_t *v,
    ngx_er_verify_t *from, const char *tail);

/* 1: it has signatures, no tokens; 1: and a secret that both sides know */
ngx_uint_t ngx_er_guess_sealed(ngx_er_verify_t *v);
ngx_uint_t ngx_er_guess_shared(ngx_er_verify_t *v);

/* a finding; no memory: one fewer */
void ngx_cdecl ngx_er_guess_say(ngx_er_guess_t *guess, const char *what,
    const char *fmt, ...);


#endif /* _NGX_ER_GUESS_H_INCLUDED_ */
