#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What "nginx -t" says about an event_target, and about how gently it is
# treated.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Snippets;

my ($t) = snippets();


# ---- event_target

part('target');

wrong('misspelt directive', 'optionl;',
    'unknown directive "optionl" in event_target: did you mean "optional"?');
wrong('directive from elsewhere', 'proxy_pass http://127.0.0.1;',
    'unknown directive "proxy_pass" in event_target, which takes '
    . join(', ', rows()) . ' and include');
wrong('optional with an argument', 'optional on;',
    'invalid number of arguments in "optional" directive: write "optional;"');
wrong('method without arguments', 'method;',
    'invalid number of arguments in "method" directive: write "method '
    . 'POST|PUT|PATCH|DELETE|GET;"');
wrong('forward_headers without arguments', 'forward_headers;',
    'write "forward_headers NAME...;"');
wrong('include of two files', 'include a b;',
    '"include" takes one file or pattern');
wrong('optional twice', "optional;\noptional;  <<<",
    '"optional" directive is duplicate in event_target "erp"');
wrong('method twice', "method PUT;\nmethod POST;  <<<",
    '"method" directive is duplicate in event_target "erp"');
wrong('forward_headers twice', "forward_headers A;\nforward_headers B;  <<<",
    '"forward_headers" directive is duplicate in event_target "erp"');
wrong('unknown method', 'method FETCH;',
    'invalid method "FETCH": use POST, PUT, PATCH, DELETE or GET');
wrong('method in lower case', 'method post;',
    'invalid method "post": use POST');
wrong('header of the connection', 'forward_headers Transfer-Encoding;',
    'header "Transfer-Encoding" cannot be forwarded: it belongs to the '
    . 'producer\'s connection');
wrong('header of the delivery', 'forward_headers ce-id;',
    'header "ce-id" cannot be forwarded: every delivery has its own');
wrong('header that steers nginx', 'forward_headers X-Accel-Redirect;',
    'X-Accel-* headers steer nginx and are not the producer\'s to send');
wrong('header with a colon', 'forward_headers X-Id:;',
    'header "X-Id:" cannot be forwarded: it is not the name of a header');
wrong("forward_headers $_", "forward_headers $_;",
    "header \"$_\" cannot be forwarded: \"*\" stands for nothing here: write "
    . 'the name of each header') for '*', 'X-*';
wrong('header that is listed twice', 'forward_headers X-Id x-id;',
    'header "x-id" cannot be forwarded: it is listed twice');
wrong('block in the block', 'optional { }',
    'directive "optional" is not terminated by ";"');
fine('all directives', "    optional;\n    method  PUT;\n"
    . '    forward_headers  X-Id X-Shopify-Topic;');


# ---- how gently a target is treated

my %policy = (
    retry => 'for=24h base=1s max=1h', retry_on => '410 300-399 1xx',
    fail_on => '404 501 timeout', concurrency => '4',
    rate => '50r/s burst=100',
    breaker => 'failures=3 ratio=20% min=50 window=30s open=1s max=1m',
    expires => '48h', dead_for => '7d', order => 'by=data.order_id');

my $only = 'of event_target "erp" applies to queued deliveries only, and '
           . 'source "shop" delivers while the producer waits: write '
           . '"delivery queued;" there';

for my $directive (sort keys %policy) {
    wrong("$directive without arguments", "$directive;",
        "invalid number of arguments in \"$directive\" directive: write "
        . "\"$directive ");
    wrong("$directive twice", <<"EOC",
    $directive  $policy{$directive};
    $directive  $policy{$directive};  <<<
EOC
        "\"$directive\" directive is duplicate in event_target \"erp\"")
        if $directive !~ /_on$/;
    warned("$directive of a target that is reached at once",
        "$directive  $policy{$directive};", "\"$directive\" $only",
        at => 'block');
}

for my $case (
    [ 'retry on', 'invalid parameter "on" of "retry", which takes off, or '
      . 'for=TIME, base=TIME and max=TIME' ],
    [ 'retry off max=1h', 'invalid parameter "off" of "retry"' ],
    [ 'retry for=', 'invalid value "for=" in "retry": it is a time from 1s '
      . 'to 365d' ],
    [ 'retry for=366d', 'it is a time from 1s to 365d' ],
    [ 'retry for=0', 'it is a time from 1s to 365d' ],
    [ 'retry for=9999999999999999999m', 'it is a time from 1s to 365d' ],
    [ 'retry base=9ms', 'it is a time from 10ms to 24h' ],
    [ 'retry base=soon', 'it is a time from 10ms to 24h' ],
    [ 'retry max=31d', 'it is a time from 10ms to 30d' ],
    [ 'retry max=1h max=2h', '"max=" is given twice in "retry"' ],
    [ 'retry base=2h max=1h', 'base= of "retry" is longer than max= (by '
      . 'default 4h): the delay begins with base= and grows up to max=' ],
    [ 'retry base=5h', 'base= of "retry" is longer than max=' ],
    [ 'retry max=1s', 'base= of "retry" is longer than max=' ],
    [ 'retry for=4s', 'base= of "retry" is longer than for= (by default '
      . '72h), so nothing would be tried again: write '
      . '"retry off;" if that is meant' ],
    [ 'retry for=1h base=1h max=2h burst=1', 'invalid number of arguments' ],

    [ 'retry_on 99', 'invalid status "99": write a status from 100 to 599 '
      . '(404), a class (5xx), a range (500-503), or "when" and a condition; of '
      . 'failures also "timeout", which is no answer at all' ],
    [ 'retry_on 404,500', 'invalid status "404,500"' ],
    [ 'retry_on 600', 'invalid status "600"' ],
    [ 'retry_on 404 200', '"200" cannot be changed: with 2xx a target says '
      . 'that it has the event' ],
    [ 'fail_on 503-500', 'invalid status "503-500"' ],
    [ 'fail_on 2xx', '"2xx" cannot be changed' ],
    [ 'fail_on error', 'invalid status "error"' ],

    [ 'concurrency 0', 'invalid value "0" in "concurrency": it is a number '
      . 'from 1 to 65536' ],
    [ 'concurrency 65537', 'it is a number from 1 to 65536' ],
    [ 'concurrency -1', 'it is a number from 1 to 65536' ],
    [ 'concurrency many', 'it is a number from 1 to 65536' ],
    [ 'concurrency 9999999999999999999', 'it is a number from 1 to 65536' ],
    [ 'concurrency 1 2', 'invalid number of arguments' ],

    [ 'rate 50', 'invalid rate "50": it is a number from 1 to 1000000 and a '
      . 'unit, as in 50r/s, 100r/m or 1000r/h' ],
    [ 'rate r/s', 'invalid rate "r/s"' ],
    [ 'rate 0r/s', 'invalid rate "0r/s"' ],
    [ 'rate -1r/s', 'invalid rate "-1r/s"' ],
    [ 'rate 1.5r/s', 'invalid rate "1.5r/s"' ],
    [ 'rate 1000001r/h', 'invalid rate "1000001r/h"' ],
    [ 'rate 50r/d', 'invalid rate "50r/d"' ],
    [ 'rate burst=5', 'invalid rate "burst=5"' ],
    [ 'rate 5r/s burst=0', 'invalid value "burst=0" in "rate": it is a '
      . 'number from 1 to 1000000' ],
    [ 'rate 5r/s delay', 'invalid parameter "delay" of "rate", which takes '
      . 'burst=NUMBER' ],

    [ 'breaker on', 'invalid parameter "on" of "breaker", which takes off, '
      . 'or failures=NUMBER, ratio=NUMBER%, min=NUMBER, window=TIME, '
      . 'open=TIME and max=TIME' ],
    [ 'breaker failures=0', 'it is a number from 1 to 10000' ],
    [ 'breaker ratio=50', 'invalid value "ratio=50" in "breaker": it is a '
      . 'number from 1% to 100%' ],
    [ 'breaker ratio=%', 'it is a number from 1% to 100%' ],
    [ 'breaker ratio=0%', 'it is a number from 1% to 100%' ],
    [ 'breaker ratio=101%', 'it is a number from 1% to 100%' ],
    [ 'breaker min=0', 'it is a number from 1 to 100000' ],
    [ 'breaker window=2h', 'it is a time from 1s to 1h' ],
    [ 'breaker open=99ms', 'it is a time from 100ms to 24h' ],
    [ 'breaker max=25h', 'it is a time from 100ms to 24h' ],
    [ 'breaker open=10m', 'open= of "breaker" is longer than max= (by '
      . 'default 5m)' ],
    [ 'breaker open=2s max=1s', 'open= of "breaker" is longer than max=' ],

    [ 'expires 999ms', 'invalid value "999ms" in "expires": it is a time '
      . 'from 1s to 365d' ],
    [ 'expires never', 'it is a time from 1s to 365d' ],
    [ 'dead_for 0', 'invalid value "0" in "dead_for": it is a time from 1s '
      . 'to 3650d' ],
    [ 'dead_for 3651d', 'it is a time from 1s to 3650d' ],

    [ 'order data.id', 'invalid parameter "data.id" of "order", which takes '
      . 'by=FIELD, as in "order by=data.order_id;", and version=FIELD, '
      . 'coalesce and window=TIME' ],
    [ 'order by=', 'invalid value "by=" in "order": it is empty' ],
    [ 'order version=data.n', '"order" directive has no by=: '
      . 'write which events go one after the other' ],
    [ 'order coalesce', '"order" directive has no by=' ],
    [ 'order by=data.id coalesce', '"order" directive has coalesce or window=, '
      . 'but no version=FIELD, which says what is newer' ],
    [ 'order by=data.id window=1d', '"order" directive has coalesce or '
      . 'window=, but no version=FIELD' ],
    [ 'order by=data.id version=', 'invalid value "version=" in "order": it '
      . 'is empty' ],
    [ 'order by=data.id version=dta.n',
      'unknown field "dta.n": did you mean "data.n"?' ],
    [ 'order by=data.id version=data.id', '"order" directive has the same '
      . 'field in by= and version=' ],
    [ 'order by=data.id version=data.n window=x', 'window=x' ],
    [ 'order by=data.id version=data.n window=999ms', 'window=999ms' ],
    [ 'order by=data.id version=data.n window=3651d', 'window=3651d' ],
    [ 'order by=data.id version=data.n coalesce coalesce',
      '"coalesce" stands twice in "order"' ],
    [ 'order by=data.id version=data.n version=data.m', 'version=' ],
    [ 'order by=data.id version=data.n coalesced',
      'invalid parameter "coalesced" of "order"' ],
    [ 'order by=dta.id', 'unknown field "dta.id": did you mean "data.id"?' ],
    [ 'order by=.id', 'the field ".id" begins with "."' ])
{
    my ($line, $expected) = @$case;

    wrong($line, "$line;", $expected);
}

wrong('status in both lines', "retry_on 410 404;\nfail_on 400-404;  <<<",
    'status 404 stands in both "retry_on" and "fail_on": take it out of one');
wrong('time-out in both lines', "fail_on timeout;\nretry_on timeout;  <<<",
    '"timeout" stands in both "retry_on" and "fail_on"');

# ---- what an answer means

for my $case (
    [ 'success', 'invalid number of arguments in "success" directive: write '
      . '"success STATUS... | when FIELD [not] OP VALUE...;"' ],
    [ 'success 2x', 'invalid status "2x": write a status from 100 to 599' ],
    [ 'success 200 timeout', '"success" names "timeout": a target that did '
      . 'not answer has not said that it took the event' ],
    [ 'success when', 'a field is missing behind "when"' ],
    [ 'success when response.status', 'an operator is missing behind '
      . '"response.status"' ],
    [ 'success when response.status == 200', 'unknown operator "==": use "="'
    ],
    [ 'success when data.Success = true', 'the field "data.Success" is not of '
      . "the target's answer, which is looked at here: write "
      . 'response.status, response.header.NAME or response.body.PATH' ],
    [ 'success when $status = 200', "is not of the target's answer" ],
    [ 'fail_on when type = 1', "is not of the target's answer" ],
    [ 'retry_on when .Success = true', "is not of the target's answer" ],
    [ 'fail_on when response.bod.a = 1', 'did you mean "response.body.a"?' ],
    [ 'fail_on when response.body.a like', 'a value is missing' ],
    [ 'retry_on when response.status > x', '"x" is not a number' ],
    [ 'success when response.status = 2xx', '"2xx" is not a number, and '
      . 'response.status is one: classes and lists of statuses stand without '
      . '"when", as in "success 2xx", and a condition has numbers, as in '
      . '"when response.status between 200 299"' ],
    [ 'success when response.status = OK', 'as in "success 2xx"' ],
    [ 'success when response.status != 2xx', 'as in "success 2xx"' ],
    [ 'success when response.status not = 404 5xx', 'as in "success 5xx"' ],
    [ 'success when response.status between 2xx 3xx', 'as in "success 2xx"' ],
    [ 'success when response.status < 3xx', 'as in "success 3xx"' ],
    [ 'success when response.status = "200 OK"', '"200 OK" is not a number' ],
    [ 'success when response.status = ""', '"" is not a number' ],
    [ 'success when response.status = 200, 204', '"200," is not a number' ],
    [ 'fail_on when response.status = Conflict', 'as in "fail_on 5xx"' ],
    [ 'retry_on when response.status = 4xx', 'as in "retry_on 4xx"' ],
    [ 'retry_on 404 when response.status = 1', 'invalid status "when"' ])
{
    my ($line, $expected) = @$case;

    wrong($line, "$line;", $expected);
}

warned('success without a 2xx', "success 409;
retry_on 400;",
    '"success" of event_target "erp" names no 2xx, so what is answered 200 is '
    . 'sent again: write "success 409 2xx;" unless that is meant');
warned('a condition that says something else',
    'success when response.body.Success = true, false;',
    'the "," at the end of "true," is a part of the VALUE');

for my $case (
    [ 'success when response.status = 20', 'no', 'success 2xx' ],
    [ 'success when response.status like 2xx', 'no', 'success 2xx' ],
    [ 'success when response.status > 599', 'no', 'success 2xx' ],
    [ 'success when response.status missing', 'no', 'success 2xx' ],
    [ 'success when response.status exists', 'each', 'success 2xx' ],
    [ 'success when response.status >= 100', 'each', 'success 2xx' ],
    [ 'fail_on when response.status = 4040', 'no', 'fail_on 404 410' ],
    [ 'retry_on when response.status != 0', 'each', 'retry_on 404 410' ])
{
    my ($line, $which, $instead) = @$case;
    my ($name) = $line =~ /^(\w+)/;

    warned($line, "$line;", "this condition of \"$name\" holds for $which "
        . "status from 100 to 599: write statuses, as in \"$instead\"");
}

# lines before which others decide

my $body = 'success when response.body.Success = true';

for my $case (
    [ "$body;  <<<\nsuccess 2xx", $body, 'success 2xx' ],
    [ "success 409 200-299;\n$body;  <<<", $body, 'success 409 200-299' ],
    [ "success when response.status between 200 299;\n$body;  <<<", $body,
      'success when response.status between 200 299' ],
    [ "success 2xx;\nsuccess when response.header.X-Result = ok;  <<<",
      'success when response.header.X-Result = ok', 'success 2xx' ],
    [ "success 2xx;\nsuccess when response.status = 200;  <<<",
      'success when response.status = 200', 'success 2xx' ])
{
    my ($lines, $void, $other) = @$case;

    warned($lines, "$lines;" =~ s/<<<;$/<<</r, "\"$void\" never decides: of "
        . "several such lines one is enough, and \"$other\" is about each of "
        . 'its answers: take the one away that is not meant');
}

for my $case (
    [ "success 2xx 409;  <<<\nfail_on 409;", '409', 'fail_on 409' ],
    [ "retry_on 404;\nsuccess 2xx 404;  <<<", '404', 'retry_on 404' ],
    [ "success 2xx;\nsuccess 4xx;  <<<\nretry_on 400-499;", '4xx',
      'retry_on 400-499' ],
    [ "success 2xx 404 409;  <<<\nfail_on 404;\nretry_on 409;", '409',
      'retry_on 409' ],
    [ "success 2xx 409;  <<<\nfail_on when response.status > 400;", '409',
      'fail_on when response.status > 400' ])
{
    my ($lines, $word, $other) = @$case;

    warned($lines, $lines, "\"$word\" in \"success\" never decides: "
        . "\"$other\" is asked first: take it out of one of them");
}

warned('a condition over a status of fail_on',
    "success 2xx;\nsuccess when response.status = 409;  <<<\nfail_on 409;",
    '"success when response.status = 409" never decides: "fail_on 409" is '
    . 'asked first, and no answer is left for it: take one of them away');

wrong('retry off and retry_on', "retry off;\nretry_on 404;",
    'event_target "erp" has "retry off", so "retry_on" and "fail_on" have no '
    . 'meaning: take one of them away', at => 'block');
wrong('retry off behind fail_on', "fail_on 404;\nretry off;",
    'event_target "erp" has "retry off"', at => 'block');
wrong('expires before the retries end', "expires 1h;\nretry for=2h;",
    'event_target "erp" expires events before the end of "retry for=": lower '
    . 'for= or raise "expires"', at => 'block');

part('http');

for my $lines (join("\n", map { "$_  $policy{$_};" } sort keys %policy),
               'retry off;', 'breaker off;', 'retry for=1h;', 'expires 1h;',
               'expires 1h; retry for=1h;', 'expires 1h; retry base=1s;',
               'retry_on 4xx; fail_on 5xx timeout;', 'concurrency 65536;',
               'rate 1r/h;', 'rate 1000000r/s burst=1;', 'rate 7r/m;',
               'breaker ratio=100% failures=1;', 'order by=subject;',
               'order by=subject version=time coalesce window=1d;',
               'success 2xx 409; fail_on 404; retry_on 400;',
               'retry off; fail_on when response.body.a = 1;',
               'success 200; success 4xx; fail_on 404; retry_on 410;',
               'success when response.body.Success = true;',
               'success 2xx 4xx; fail_on 404; retry_on 410;',
               'success 2xx 404 409;', 'success 2xx 5xx; retry_on 503;',
               'success 2xx; fail_on when response.body.Success = false;',
               'success 200; success when response.body.Success = true;',
               'success when response.status like 2*;',
               'success when response.status = 200 409;',
               "success when 'response.body.\"odd key\"' not = x;",
               'fail_on when response.header.X-Error exists; '
               . 'fail_on when response.status between 210 220;')
{
    fine($lines =~ s/\n.*/ .../sr, <<"EOC");
event_target a {
$lines
}
server {
    listen  127.0.0.1:%%PORT_8081%%;
    location = /a { event_deliver a; proxy_pass http://127.0.0.1:1; }
}
EOC
}


# ---- of queued sources

my %file = (http => "event_store file:$t->{dir}/events size=64m;");

part('source');

fine("$_ of a queued target", 'delivery queued;',
    with => { %file, target => "$_  $policy{$_};" }) for sort keys %policy;

part('http');

warned('target of a queued source and of another', <<"EOC",
$file{http}
event_source b { verify bearer; secret file:secret; }
event_route b { from b; to erp; }
server { listen unix:%%TESTDIR%%/b; location / { event_receive b; } }
EOC
    '"rate" of event_target "erp" applies to queued deliveries only, and '
    . 'source "b" delivers while the producer waits', at => 'nowhere',
    with => { source => 'delivery queued;', target => 'rate 5r/s;' });

# an order is kept inside a part of the queue

my $shards = 'event_store redis://127.0.0.1:6379 shards=';
my %queued = (source => 'delivery queued;');

part('target');

warned('order in several shards', 'order by=data.id;',
    '"order" of event_target "erp" is kept inside each of the 3 shards of the '
    . 'queue only: take shards=1', at => 'block',
    with => { %queued, http => "${shards}3;" });
wrong('versions in several shards', 'order by=data.id version=data.n;',
    'event_target "erp" has "order" with version=, and the queue has '
    . 'shards=3', at => 'block', with => { %queued, http => "${shards}3;" });
fine('versions in one shard', 'order by=data.id version=data.n;',
    with => { %queued, http => "${shards}1;" });
fine('versions in a directory', 'order by=data.id version=data.n;',
    with => { %queued, %file });
warned('versions of a source that is not queued',
    'order by=data.id version=data.n;',
    '"order" of event_target "erp" applies to queued deliveries only',
    at => 'block', with => \%file);

$t->done;


# the directives of the table, in their order

sub rows {
    open my $f, '<', $t->root . '/ngx_event_router_module/deliver/target.c'
        or die "target.c: $!\n";
    my ($table) = do { local $/; <$f> } =~ /_rows\[\] = \{(.*?)^\};/ms;

    return $table =~ /^    \{ "(\w+)"/mg;
}
