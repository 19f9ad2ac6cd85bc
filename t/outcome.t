#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What the producer is told: the status that follows from what the targets
# answered, the receipt, Retry-After, the deadline; what optional targets may
# and may not do; events that no route takes; and that a retry calls only the
# targets that did not take the event.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use POSIX qw(strftime);
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $target = $t->target(8081);

my $serial = 0;

$t->write_file('secret', 'hush-hush');
$t->secret('hush-hush');

my $conf = <<'EOC';

    upstream target {
        server 127.0.0.1:%%PORT_8081%%;
        keepalive 16;
    }

    upstream nobody { server 127.0.0.1:%%PORT_8089%%; }

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_connect_timeout 1s;

    event_source a {
        verify off;
        id "{json:id}";
        type "{json:type}";
        deadline 3s;
    }

    event_source quick {
        verify off;
        id "{json:id}";
        type "{json:type}";
        deadline 700ms;
    }

    event_source again { verify off; id "{json:id}"; dedup off; }
    event_source u202  { verify off; id "{json:id}"; unrouted 202; }
    event_source u204  { verify off; id "{json:id}"; unrouted 204; }
    event_source u404  { verify off; id "{json:id}"; unrouted 404; }
    event_source shop  { verify shopify; secret file:%%TESTDIR%%/secret; }

    event_target spare { optional; }
    event_target extra { optional; }

    event_route two  { from a quick again; when type = two; to one two; }
    event_route bad  { from a; when type = refused; to one nobody; }
    event_route opt  { from a quick; when type = opt; to one spare; }
    event_route opts { from a; when type = opts; to spare extra; }
    event_route again { from again; when type missing; to one two; }
    event_route shop { from shop; to slow; }

    event_route l1 { from a; when data.l exists; to one; }
    event_route l2 { from a; when data.l = 2; last; to two; }
    event_route l3 { from a; when data.l exists; to three; }
    event_route fb { from a; fallback; when data.f exists; to three; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /a     { event_receive a; }
        location = /quick { event_receive quick; }
        location = /again { event_receive again; }
        location = /u202  { event_receive u202; }
        location = /u204  { event_receive u204; }
        location = /u404  { event_receive u404; }
        location = /shop  { event_receive shop; }
        location = /status { event_status; }

        location = /deliver/nobody {
            event_deliver nobody;
            proxy_pass http://nobody;
        }
EOC

$conf .= "
        location = /deliver/$_ {
            event_deliver $_;
            proxy_pass http://target/$_;
        }\n" for qw(one two three spare extra slow);

$t->config("$conf    }\n")->run;


# ---- helpers

# JSON of an event; its id is new each time

sub event {
    my (%o) = @_;

    return JSON::PP->new->utf8->canonical->encode(
        { id => 'o' . ++$serial, type => 'two', %o });
}


sub post {
    my ($uri, $body) = @_;

    my $start = time;
    my $r = $t->post($uri, $body // event(),
        [ 'Content-Type' => 'application/json' ]);

    $r->{seconds} = time - $start;

    return $r;
}


# answers: what the paths do from now on

sub answers {
    my (%o) = @_;

    $target->answer("/$_", ref $o{$_} ? @{ $o{$_} } : (status => $o{$_}))
        for sort keys %o;

    $target->forget;
}


sub called {
    return join ' ', sort map { $_->{uri} } $target->requests;
}


sub states {
    my ($r) = @_;

    return join ' ', map { "$_->{name}=$_->{state}:$_->{status}" }
                     @{ $r->json->{targets} };
}


sub counter {
    my ($source, $name) = @_;

    return $t->get('/status')->json->{sources}{$source}{$name};
}


# ---- a target that is slower than Shopify waits: awaited at the end

my $secret = 'hush-hush';
my $order = '{"id":1}';
my $shop = $t->connect;

$target->answer('/slow', delay => 5);
my $shop_start = time;
$shop->send(POST => '/shop', [ shopify($order, $secret) ], $order);


# ---- receipts

my $r = post('/a', event(id => 'r1'));

is($r->{status}, 200, 'all took it');
is($r->header('Content-Type'), 'application/json', 'receipt is JSON');
is($r->header('Retry-After'), undef, 'no Retry-After');
like($r->{body}, qr/\A[^\n]*\n\z/, 'receipt is one line');

my $json = $r->json;

is($json->{id}, 'r1', 'receipt: id');
is($json->{type}, 'two', 'receipt: type');
is($json->{outcome}, 'delivered', 'receipt: outcome');
is_deeply($json->{routes}, [ 'two' ], 'receipt: routes');
is($json->{attempt}, 1, 'receipt: attempt');
is(states($r), 'one=ok:200 two=ok:200', 'receipt: targets');
like($json->{ms}, qr/^\d+$/, 'receipt: milliseconds');
is(join(' ', sort keys %{ $json->{targets}[0] }), 'ms name state status',
    'receipt: members of a target');

# whatever an id is, the receipt parses and says it

for my $case ([ 'quotes', 'a"b\\c/d\'' ],
              [ 'unicode', "\x{e9}\x{20ac}\x{1f600}" ],
              [ 'line separators', "a\x{2028}b" ],
              [ 'DEL', "a\x7fb", 'a%7Fb' ],
              [ 'controls', "\r\n\t\0\x1f", '%0D%0A%09%00%1F' ],
              [ 'braces', '{"a":[1,2],}' ],
              [ 'format', '%s%n%V%d' ])
{
    my ($name, $id, $want) = @$case;

    $r = post('/a', event(id => $id));

    is($r->{status}, 200, "id of $name");
    is(($r->json // {})->{id}, $want // $id, "id of $name in the receipt");
}

# what is too long is cut between characters and ends in a hash

for my $end ('a', 'b') {
    $r = post('/a', event(id => "\x{20ac}" x 200 . $end));
    is($r->json->{outcome}, 'delivered', "long id: an event of its own, $end");
    like($r->json->{id}, qr/^\x{20ac}{60,}.[0-9a-f]{32}$/,
        "long id: cut, $end");
}

$r = post('/a', event(id => 'v', type => 'x"]}\\'));
is($r->json->{type}, 'x"]}\\', 'type in the receipt');

# a duplicate

$target->forget;
$r = post('/a', event(id => 'r1'));
is($r->{status}, 200, 'duplicate');
is($r->header('X-Event-Duplicate'), 1, 'duplicate: header');
is($r->json->{outcome}, 'duplicate', 'duplicate: outcome');
is_deeply($r->json->{targets}, [], 'duplicate: no targets');
is($target->count, 0, 'duplicate: not delivered');


# ---- what counts as taken

for my $status (200, 201, 202, 203, 204, 205, 206, 226, 299) {
    answers(one => $status);
    $r = post('/a');
    is("$r->{status} " . states($r), "200 one=ok:$status two=ok:200",
        "$status is taken");
}

answers('other' => 200);

for my $status (300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 408,
                409, 410, 413, 422, 429, 499, 500, 501, 502, 503, 504, 599,
                600, 999)
{
    answers(one => [ status => $status,
                     headers => [ Location => '/other' ] ]);
    $r = post('/a');
    is("$r->{status} " . states($r), "502 one=failed:$status two=ok:200",
        "$status is not");
    is(called(), '/one /two', "$status: not followed")
        if $status > 300 && $status < 400;
}

answers(one => 500, two => 503);

$r = post('/a');
is($r->{status}, 502, 'all failed');
is($r->json->{outcome}, 'failed', 'failed: outcome');
is($r->header('Retry-After'), 10, 'failed: Retry-After');
is($r->header('Content-Type'), 'application/json', 'failed: a receipt');
is(states($r), 'one=failed:500 two=failed:503', 'failed: targets');

answers(one => 200, two => 200);

$r = post('/a', event(type => 'refused'));
is($r->{status}, 502, 'nobody listens');
is(states($r), 'one=ok:200 nobody=failed:502', 'nobody listens: 502');


# ---- Retry-After of a target

for my $case ([ 17, 17 ], [ ' 5 ', 5 ], [ 0, 10 ], [ -1, 10 ], [ '', 10 ],
              [ '1.5', 10 ], [ 'soon', 10 ], [ '99999999999999999999', 86400 ],
              [ 86401, 86400 ],
              [ 'Thu, 01 Jan 1970 00:00:10 GMT', 10 ],
              [ 'Fri, 31 Dec 9999 23:59:59 GMT', 86400 ])
{
    my ($said, $want) = @$case;

    answers(one => [ status => 503, headers => [ 'Retry-After' => $said ] ]);
    is(post('/a')->header('Retry-After'), $want, "Retry-After \"$said\"");
}

answers(one => [ status => 503, headers => [ 'Retry-After' =>
    strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time + 100)) ] ]);
like(post('/a')->header('Retry-After'), qr/^(98|99|100)$/,
    'Retry-After as a date');

answers(one => [ status => 503, headers => [ 'retry-after' => 20 ] ],
        two => [ status => 429, headers => [ 'Retry-After' => 30 ] ]);
is(post('/a')->header('Retry-After'), 30, 'the longest Retry-After');

answers(one => 500,
        two => [ status => 200, headers => [ 'Retry-After' => 30 ] ]);
is(post('/a')->header('Retry-After'), 10, 'Retry-After with 200');

answers(one => 500,
        spare => [ status => 503, headers => [ 'Retry-After' => 30 ] ]);
is(post('/a', event(type => 'opt'))->header('Retry-After'), 10,
    'Retry-After of an optional target');


# ---- retries call only who did not take it

answers(one => 200, two => [ [ { status => 500 }, { status => 503 },
                               { status => 200 } ] ]);

my $retry = event(id => 'retry');

$r = post('/a', $retry);
is("$r->{status} " . states($r), '502 one=ok:200 two=failed:500', 'S6 fails');
is(called(), '/one /two', 'S6 called both');

$target->forget;
$r = post('/a', $retry);
is("$r->{status} " . states($r), '502 one=settled:0 two=failed:503',
    'S6 retry fails');
is($r->json->{attempt}, 2, 'S6 second attempt');
is(called(), '/two', 'S6 retry calls the one that failed');
is(($target->requests)[0]->header('X-Event-Attempt'), 2,
    'S6 X-Event-Attempt 2');
is(($target->requests)[0]->header('Webhook-Id'), 'retry', 'S6 the same id');

$target->forget;
$r = post('/a', $retry);
is("$r->{status} " . states($r), '200 one=settled:0 two=ok:200',
    'S6 third attempt');
is($r->json->{attempt}, 3, 'S6 counted');
is(($target->requests)[0]->header('X-Event-Attempt'), 3,
    'S6 X-Event-Attempt 3');

$target->forget;
$r = post('/a', $retry);
is("$r->{status} " . $r->json->{outcome}, '200 duplicate', 'S8 duplicate');
is($target->count, 0, 'S8 nobody is called');

answers(one => 200, two => 500);

my $undeduped = '{"id":"again"}';

for (1 .. 2) {
    $target->forget;
    is(post('/again', $undeduped)->{status}, 502, "dedup off: attempt $_");
    is(called(), '/one /two', "dedup off: both are called, $_");
}

answers(one => 200, two => 200);

for (1 .. 2) {
    is(post('/again', $undeduped)->json->{outcome}, 'delivered',
        "dedup off: no duplicate, $_");
}


# ---- the deadline

answers(one => 200, two => [ [ { fault => 'hang' }, { status => 200 } ] ]);

my $late = event(id => 'late');

$r = post('/quick', $late);
is($r->{status}, 504, 'deadline');
cmp_ok(abs($r->{seconds} - 0.7), '<', 0.15, 'deadline kept');
is($r->json->{outcome}, 'timeout', 'deadline: outcome');
is(states($r), 'one=ok:200 two=running:0', 'deadline: what runs');
like($r->header('Retry-After'), qr/^[1-9]/, 'deadline: Retry-After');
cmp_ok(abs($r->json->{ms} - 700), '<', 150, 'deadline: milliseconds');

# S9, S18: it is still under way, nobody takes it for delivered

$r = post('/quick', $late);
is($r->{status}, 409, 'in flight: 409');
is($r->json->{outcome}, 'busy', 'in flight: outcome');
like($r->header('Retry-After'), qr/^[1-3]$/, 'in flight: Retry-After');
is(called(), '/one /two', 'in flight: nobody is called');

# 2 s after the deadline the hanging delivery is cut, the next one resumes

$target->forget;
ok(wait_until(6, sub { ($r = post('/quick', $late))->{status} != 409 }),
    'lease ends');
is("$r->{status} " . states($r), '200 one=settled:0 two=ok:200',
    'after the lease: resumed');
is(called(), '/two', 'after the lease: one call');
ok($t->wait_log(qr/no answer after \d+ms while delivering event "late" of/),
    'the cut is in the log');

# an answer after the deadline counts

answers(two => [ [ { delay => 1 }, { status => 500 } ] ]);

$late = event(id => 'late2');
is(post('/quick', $late)->{status}, 504, 'late answer: 504');
ok(wait_until(5, sub { ($r = post('/quick', $late))->{status} != 409 }),
    'late answer: settled');
is("$r->{status} " . $r->json->{outcome}, '200 duplicate',
    'late answer: duplicate');
is(called(), '/one /two', 'late answer: no further call');

# a late failure frees the event before the lease ends

answers(two => [ [ { delay => 1, status => 500 }, { status => 200 } ] ]);

$late = event(id => 'late3');
is(post('/quick', $late)->{status}, 504, 'late failure: 504');

my $start = time;

ok(wait_until(5, sub { ($r = post('/quick', $late))->{status} != 409 }),
    'late failure: released');
cmp_ok(time - $start, '<', 1, 'late failure: at once');
is("$r->{status} " . states($r), '200 one=settled:0 two=ok:200',
    'late failure: resumed');


# ---- optional targets

answers(one => [ delay => 0.2 ], two => 200, spare => 500);

$r = post('/a', event(type => 'opt'));
is("$r->{status} " . states($r), '200 one=ok:200 spare=failed:500',
    'optional: may fail');
is($r->json->{targets}[1]{optional}, JSON::PP::true, 'optional: marked');
is($r->json->{outcome}, 'delivered', 'optional: outcome');

answers(one => 200, spare => [ delay => 0.7 ]);

my $opt = event(type => 'opt');

$r = post('/a', $opt);
is("$r->{status} " . states($r), '200 one=ok:200 spare=running:0',
    'optional: hangs');
cmp_ok($r->{seconds}, '<', 0.4, 'optional: no delay');
is(post('/a', $opt)->json->{outcome}, 'duplicate', 'optional: duplicate');
ok($target->wait_requests(2), 'optional: called all the same');

# when the event failed, its optional deliveries end before the next attempt

answers(one => [ [ { status => 500 }, { status => 200 } ] ],
        spare => [ delay => 0.7 ]);

$opt = event(type => 'opt');
$r = post('/a', $opt);
is("$r->{status} " . states($r), '502 one=failed:500 spare=running:0',
    'optional: does not delay a failure');
cmp_ok($r->{seconds}, '<', 0.4, 'optional: no delay of a failure');
is(post('/a', $opt)->{status}, 409, 'optional: still under way');
ok(wait_until(5, sub { ($r = post('/a', $opt))->{status} != 409 }),
    'optional: ends');
is("$r->{status} " . states($r), '200 one=ok:200 spare=settled:0',
    'optional: settled, too');

answers(spare => 500, extra => 404);

$r = post('/a', event(type => 'opts'));
is("$r->{status} " . $r->json->{outcome}, '200 delivered',
    'all optional: never fails');

answers(map { ($_ => 200) } qw(one two three spare extra));


# ---- nothing to do

my $unrouted = counter(a => 'unrouted');

$r = post('/a', event(type => 'other'));
is($r->{status}, 200, 'unrouted: 200');
is($r->json->{outcome}, 'unrouted', 'unrouted: outcome');
is_deeply($r->json->{routes}, [], 'unrouted: no routes');
is($target->count, 0, 'unrouted: nobody is called');
is(counter(a => 'unrouted'), $unrouted + 1, 'unrouted: counted');

$r = post('/u202');
is("$r->{status} " . $r->json->{outcome}, '202 unrouted', 'unrouted 202');

$r = post('/u204');
is("$r->{status} $r->{body}", '204 ', 'unrouted 204');

$r = post('/u404');
is("$r->{status} " . $r->json->{outcome}, '404 unrouted', 'unrouted 404');

is(join(' ', map { counter($_ => 'unrouted') } qw(u202 u204 u404)), '1 1 1',
    'unrouted: counted by source');


# ---- last and fallback

for my $case ([ 'no last route', { l => 1 }, 'l1 l3', '/one /three' ],
              [ 'last', { l => 2 }, 'l1 l2', '/one /two' ],
              [ 'last before fallback', { l => 2, f => 1 }, 'l1 l2',
                '/one /two' ],
              [ 'fallback', { f => 1 }, 'fb', '/three' ],
              [ 'no fallback', { f => 1, l => 1 }, 'l1 l3', '/one /three' ],
              [ 'fallback has conditions', { g => 1 }, '', '' ])
{
    my ($name, $fields, $routes, $called) = @$case;

    $target->forget;
    $r = post('/a', event(type => 'x', %$fields));
    is(join(' ', @{ $r->json->{routes} }), $routes, "$name: routes");
    is(called(), $called, "$name: targets");
}


# ---- Shopify's budget

$r = $shop->response;
is($r->{status}, 504, 'Shopify: 504');
cmp_ok(abs($r->json->{ms} - 4000), '<', 150, 'Shopify: after 4 s');

$t->done;
