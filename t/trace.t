#!/usr/bin/perl

# Copyright (C) Event Router contributors

# traceparent and tracestate of W3C Trace Context: passed on where they came
# and are valid, made with "event_trace on", kept in the queue.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;

my $trace = '0af7651916cd43dd8448eb211c80319c';
my $span = 'b7ad6b7169203331';
my $parent = "00-$trace-$span-01";

my $t = Test::EventRouter->new(workers => 2);
my $erp = $t->target(8081);

my $conf = <<'EOC';

    TRACE
    event_store file:%%TESTDIR%%/store size=16m;
    proxy_read_timeout 5s;
    proxy_connect_timeout 5s;
    proxy_send_timeout 5s;
    log_format traced '$uri "$event_trace_id" "$http_traceparent"';
    access_log %%TESTDIR%%/logs/access.log traced;

    event_source now   { verify off; id "{json:id}"; }
    event_source later { verify off; id "{json:id}"; delivery queued; }
    event_source many  { verify off; id "{json:id}"; split data.list; }

    event_target plain  { retry base=50ms max=50ms; breaker off; }
    event_target named  { retry base=50ms max=50ms; breaker off;
                          forward_headers TraceParent X-Mine TRACESTATE; }
    event_target set    { }

    event_route now   { from now; to plain named set; }
    event_route later { from later; to plain named; }
    event_route many  { from many; to plain; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location = /now     { event_receive now; log_subrequest on; }
        location = /later   { event_receive later; }
        location = /many    { event_receive many; }
        location = /plain   { event_deliver plain; log_subrequest on;
                              proxy_set_header X-Trace "<$event_trace_id>";
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /named   { event_deliver named;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /set     { event_deliver set;
                              proxy_set_header traceparent "theirs";
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }
EOC

$t->config($conf =~ s/TRACE//r);
$t->run;

my $n = 0;


# ---- off: what came is passed on

my %got = send_one('now', 3, traceparent => $parent, tracestate => 'a=1,b=2');

for my $name (qw(plain named)) {
    is(all($got{$name}, 'traceparent'), $parent, "$name: passed on, once");
    is(all($got{$name}, 'tracestate'), 'a=1,b=2', "$name: its state");
}

is(all($got{set}, 'traceparent'), 'theirs', 'proxy_set_header wins, alone');
is($got{plain}->header('X-Trace'), "<$trace>", '$event_trace_id');

%got = send_one('now', 3, 'X-Mine' => 'a');
is(all($got{$_}, 'traceparent'), '', "$_: none came, none is made")
    for qw(plain named);
is($got{plain}->header('X-Trace'), '<>', 'no $event_trace_id');

my @bad = (
    [ 'short' => substr($parent, 0, 54) ],
    [ 'long' => "$parent-" ],
    [ 'longer' => "$parent-aa" ],
    [ 'upper case' => uc $parent ],
    [ 'no hex' => $parent =~ s/0af/0ag/r ],
    [ 'no trace' => '00-' . '0' x 32 . "-$span-01" ],
    [ 'no span' => "00-$trace-" . '0' x 16 . '-01' ],
    [ 'version ff' => "ff-$trace-$span-01" ],
    [ 'version' => "0-$trace-$span-011" ],
    [ 'blanks' => "00 $trace $span 01" ],
    [ 'flags' => "00-$trace-$span-0x" ],
    [ 'a quote' => "$parent\"" ],
    [ 'later, cut' => "cc-$trace-$span-01." ],
    [ 'empty' => '' ],
);

for my $bad (@bad) {
    my ($name, $value) = @$bad;

    %got = send_one('now', 3, traceparent => $value, tracestate => 'a=1',
        'X-Mine' => 'mine');
    is(join('|', map { all($got{$_}, 'traceparent'),
        all($got{$_}, 'tracestate') } qw(plain named)), '|||',
        "$name: dropped, with its state");
}

is($got{named}->header('X-Mine'), 'mine', 'others are forwarded');

%got = send_one('now', 3, traceparent => $parent, traceparent => $parent);
is(all($got{plain}, 'traceparent'), '', 'two of them are none');

%got = send_one('now', 3, traceparent => "cc-$trace-$span-09-what.ever");
is(all($got{plain}, 'traceparent'), "00-$trace-$span-01",
    'of a later version what is known');

%got = send_one('now', 3, traceparent => "\t$parent\t", tracestate => "\ta=1");
is(all($got{plain}, 'traceparent'), $parent, 'blanks around it');
is(all($got{plain}, 'tracestate'), 'a=1', 'and around its state');

my @states = (
    [ 'a=1' => 'a=1' ],
    [ 'a=1 , b=2,,c=3 ' => 'a=1,b=2,c=3' ],
    [ 'a@b=x y,0c/d*e-_=!"#' => 'a@b=x y,0c/d*e-_=!"#' ],
    [ 'a' => '' ],
    [ 'a=1,b' => '' ],
    [ '=1' => '' ],
    [ 'A=1' => '' ],
    [ 'a=1=2' => '' ],
    [ 'a=' => '' ],
    [ "a=\x01" => '' ],
    [ "a=\x7f" => '' ],
    [ "a=\xc3\xa4" => '' ],
    [ join(',', map { "a$_=1" } 1 .. 32) => join(',', map { "a$_=1" } 1 .. 32) ],
    [ join(',', map { "a$_=1" } 1 .. 33) => '' ],
    [ 'a=' . 'x' x 510 => 'a=' . 'x' x 510 ],
    [ 'a=' . 'x' x 511 => '' ],
    [ 'a=1,b=' . 'x' x 510 . ',c=3' => 'a=1,c=3' ],
    [ join(',', map { "k$_=" . 'v' x 56 } 10 .. 19)
        => join(',', map { "k$_=" . 'v' x 56 } 10 .. 17) ],
);

for my $state (@states) {
    my ($given, $want) = @$state;

    %got = send_one('now', 3, traceparent => $parent, tracestate => $given);
    is(all($got{plain}, 'tracestate'), $want, 'state '
        . substr($given, 0, 24) =~ s/[^ -~]/?/gr);
    is(all($got{named}, 'traceparent'), $parent, 'the trace is the same');
}

%got = send_one('now', 3, traceparent => $parent, tracestate => 'a=1',
    tracestate => 'b=2');
is(all($got{plain}, 'tracestate'), 'a=1,b=2', 'several lines are one list');

%got = send_one('now', 3, tracestate => 'a=1');
is(all($got{plain}, 'tracestate'), '', 'no state without a trace');


# ---- in the queue

$erp->answer('/plain', [ { status => 503 }, { status => 200 } ]);
my @all = send_many('later', 3, traceparent => $parent, tracestate => 'q=1');
is(join(' ', map { all($_, 'traceparent') . all($_, 'tracestate') } @all),
    join(' ', ("${parent}q=1") x 3), 'each attempt out of the queue');

$erp->answer('/plain', [ { status => 503 }, { status => 200 } ]);
@all = send_many('later', 3, traceparent => "$parent-");
is(join(' ', map { all($_, 'traceparent') } @all), '  ',
    'what is not valid is not kept');


# ---- on

$t->config($conf =~ s/TRACE/event_trace on;/r);
$t->reload;

%got = send_one('now', 3);
my ($id, @spans) = split_up($got{plain}, $got{named});
ok($id && $spans[0] && $spans[1], 'a trace was made');
isnt($spans[0], $spans[1], 'each delivery is a span of its own');
is(flags($got{plain}), '01', 'sampled');
is($got{plain}->header('X-Trace'), "<$id>", '$event_trace_id of it');
is(all($got{set}, 'traceparent'), 'theirs', 'proxy_set_header wins');

ok($t->wait_file('logs/access.log', qr{^/now "$id" "-?"$}m),
    '$event_trace_id in the producer\'s request');

my %again = send_one('now', 3);
my ($other) = split_up($again{plain}, $again{named});
isnt($other, $id, 'another event, another trace');

%got = send_one('now', 3, traceparent => "00-$trace-$span-00",
    tracestate => 'a=1');
($id, @spans) = split_up($got{plain}, $got{named});
is($id, $trace, 'a trace that came goes on');
ok((!grep { $_ eq $span } @spans), 'with spans of ours');
is(flags($got{plain}), '00', 'and with its flags');
is(all($got{named}, 'tracestate'), 'a=1', 'and its state');

%got = send_one('now', 3, traceparent => "$parent-", tracestate => 'a=1');
($id, @spans) = split_up($got{plain}, $got{named});
isnt($id, $trace, 'instead of a broken one a trace is made');
is(all($got{plain}, 'tracestate'), '', 'without its state');

$erp->answer('/plain', [ { status => 503 }, { status => 200 } ]);
@all = send_many('later', 3);
my %ids = map { $_ => 1 } map { (split /-/, all($_, 'traceparent'))[1] } @all;
my %spans = map { $_ => 1 } map { (split /-/, all($_, 'traceparent'))[2] } @all;
is(keys %ids, 1, 'out of the queue: one trace');
is(keys %spans, 3, 'and a span for each attempt');

$erp->forget;
$t->post('/many', '{"list":[{"id":"a"},{"id":"b"}]}',
    [ 'Content-Type' => 'application/json', traceparent => $parent ]);
@all = $erp->wait_requests(2);
is(join(' ', map { (split /-/, all($_, 'traceparent'))[1] } @all),
    "$trace $trace", 'the events of a body are of its trace');

$t->config($conf =~ s/TRACE/event_trace on sampled=off;/r);
$t->reload;
%got = send_one('now', 3);
is(flags($got{plain}), '00', 'sampled=off');
%got = send_one('now', 3, traceparent => $parent);
is(flags($got{plain}), '01', 'is not for those that came');


# ---- in nginx.conf

$t->expect_log(qr/\[emerg\]/, 'each of these is refused');

for my $row (
    [ 'event_trace maybe;', qr/invalid value "maybe" .*on.*off/ ],
    [ 'event_trace on sampled=maybe;', qr/"sampled=on"/ ],
    [ 'event_trace on; event_trace on;', qr/duplicate/ ],
    [ 'event_trace;', qr/number of arguments/ ],
    [ 'event_target h { auth header TraceParent file:t; }',
        qr/header "TraceParent" cannot have the secret/ ],
) {
    my ($text, $want) = @$row;

    $t->config($conf =~ s/TRACE/$text/r);
    my ($ok, $said) = $t->check_config;

    ok(!$ok, "$text: refused");
    like($said, $want, 'and told why');
}

$t->done;


sub send_many {
    my ($source, $count, @headers) = @_;

    $erp->forget;
    $n++;
    my $r = $t->post("/$source", qq({"id":"t$n"}),
        [ 'Content-Type' => 'application/json', @headers ]);
    like($r->{status}, qr/^20/, "event $n: taken") or diag($r->{body});

    return $erp->wait_requests($count);
}


sub send_one {
    return map { $_->{uri} =~ m{^/(\w+)} ? ($1 => $_) : () } send_many(@_);
}


sub all {
    my ($request, $name) = @_;

    return join ';', map { $_->[1] } grep { lc $_->[0] eq $name }
        @{ $request->{headers} };
}


sub split_up {
    my @parts = map { [ split /-/, all($_, 'traceparent') ] } @_;

    is($parts[0][1], $parts[1][1], 'one trace');

    return ($parts[0][1], map { $_->[2] } @parts);
}


sub flags { return (split /-/, all($_[0], 'traceparent'))[3] }
