#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What "nginx -t" says about the "body" of an event_target.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Snippets;

my ($t) = snippets();

part('target');

wrong('no arguments', 'body;', 'invalid number of arguments in "body"');
wrong('twice', "body data;\nbody original;  <<<",
    '"body" directive is duplicate in event_target "erp"');
wrong('misspelt', 'body dta;', 'unknown body "dta": did you mean "data"?');
wrong('unknown', 'body x-y-z-0-1-2;',
    'unknown body "x-y-z-0-1-2": the bodies are original, data, cloudevents');
wrong('original with more', 'body original x;',
    'invalid number of arguments in "body original": write "body original;"');
wrong('data with more', 'body data data.x;',
    'invalid number of arguments in "body data": write "body data;"');
wrong('cloudevents with more', 'body cloudevents x;',
    'write "body cloudevents;"');
wrong('form without fields', 'body form;',
    'write "body form NAME=FIELD...;"');
wrong("form of $_", "body form id=id $_;",
    "\"$_\" of \"body form\" is not NAME=FIELD, as in total=data.total_price")
    for 'data.total', '=data.total', 'total=', '=';
wrong('no field', 'body form a=total;', 'unknown field "total"');
wrong('half a field', 'body form a=data.;', '"data."');
wrong('a field of an answer', 'body form a=response.body.x;',
    'is of a target\'s answer');
wrong('a variable', 'body form a=$request_id;',
    'the field "$request_id" is a variable of nginx: it is of the producer\'s '
    . 'request, which is gone when a queued event is sent');
wrong('an element', 'body form a=.sku;  <<<',
    'the field ".sku" begins with ".", so it is of an element of "split", '
    . 'which the target has not: begin it with "data."');

fine($_, "body $_;") for 'original', 'data', 'cloudevents',
    'form id=id type=type s=subject t=time v=specversion c=datacontenttype',
    'form a=data b=data.a.b[0].c "c d=data.\"x y\"" h=header.X-A q=arg.q',
    'form a=data.x a=data.y';


# ---- a location that sends something else

part('deliver');

my %with = (at => 'nowhere', with => { target => 'body data;' });

warned('another body', 'proxy_set_body "{}";',
    'the location of target "erp" has "proxy_set_body", so what is sent is '
    . 'not what "body" makes: take it away', %with);
warned('no body', 'proxy_pass_request_body off;',
    'has "proxy_pass_request_body off", so what is sent is not', %with);
fine('another type', 'proxy_set_header Content-Type application/x;',
    with => $with{with});
fine('another body of the same bytes', 'proxy_set_body "{}";',
    with => { target => 'body original;' });

$t->done;
