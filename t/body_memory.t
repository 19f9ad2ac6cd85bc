#!/usr/bin/perl

# Copyright (C) Event Router contributors

# event_body_memory: bodies that are not verified yet have a bound together.
# What does not fit is a 503 that says when to come again; what was verified
# does not count; and on whatever path a request ends its share is given back,
# which is seen by a body that needs all of it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;

my $TOKEN = 'a-token-of-this-test';
my $ALL = 256 * 1024;
my $N = 25;

my @TOKEN = ('X-Token' => $TOKEN, 'Content-Type' => 'application/json');

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);
my $slow = $t->target(8082);

$t->secret($TOKEN);
$t->write_file('conf/secret', $TOKEN);

sub config {
    my (%o) = @_;

    my $memory = $o{memory} // 'event_body_memory 256k;';
    my $size = $o{size} // '256k';

    $t->config(<<"EOC");

    $memory
    client_body_timeout 1s;
    lingering_time 1s;
    lingering_timeout 1s;

    event_source a { verify token; signature header:X-Token;
                     secret file:secret; dedup off; max_size $size; }
    event_source b { verify off; max_size 100k; dedup off; unrouted 204; }
    event_source h { verify slack; secret file:secret; max_size 256k; }

    event_route all  { from a; when data.slow missing; to erp; }
    event_route slow { from a; when data.slow exists; to slow; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        listen 127.0.0.1:%%PORT_8083%% http2;
        location = /a       { event_receive a; }
        location = /b       { event_receive b; }
        location = /h       { event_receive h; }
        location = /explain { event_explain a; }
        location = /status  { event_status; }
        location = /erp     { event_deliver erp;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /slow    { event_deliver slow;
                              proxy_pass http://127.0.0.1:%%PORT_8082%%; }
    }
EOC
}

# ---- what nginx -t says

for my $case ([ 'the default holds 25 MB', '', '25m', '' ],
              [ 'as large as one', 'event_body_memory 256k;', '256k', '' ],
              [ 'a larger event', 'event_body_memory 256k;', '257k',
                qr/\[warn\].*max_size.*event_body_memory.*nginx\.conf:/ ])
{
    my ($name, $memory, $size, $says) = @$case;

    config(memory => $memory, size => $size);

    my ($ok, $said) = $t->check_config;

    ok($ok, "$name: passes");
    $says ? like($said, $says, "$name: is told")
          : unlike($said, qr/event_body_memory/, "$name: without a word");
}

for my $memory ('event_body_memory 0;', 'event_body_memory x;',
                'event_body_memory 1m 2m;',
                'event_body_memory 1m; event_body_memory 1m;')
{
    config(memory => $memory);
    ok(!scalar $t->check_config, "refused: $memory");
}

$t->expect_log(qr/\[emerg\]/, 'wrong sizes are what is tested');
config();
$t->run;

# ---- one at a time, all of it

my $all = '{"x":"' . 'x' x ($ALL - 8) . '"}';

is(length $all, $ALL, 'a body that needs all of it');
given_back('at first');
is($t->post('/a', $all, [ @TOKEN ], chunks => 5000)->{status}, 200,
    'in chunks');
is($t->post('/a', $all, [ @TOKEN ], pieces => 30_000)->{status}, 200,
    'in pieces');
is($t->post('/a', "$all ", [ @TOKEN ])->{status}, 413, 'a byte more');

my $keep = $t->connect;

is($keep->request(POST => '/a', [ @TOKEN ], $all)->{status}, 200,
    "one after the other: $_") for 1 .. 3;

$erp->forget;

# ---- too many at a time

my @slow = map { trickle(200_000, 100_000) } 1 .. 2;

my $r = $t->post('/a', '{"x":"' . 'x' x 1000 . '"}', [ @TOKEN ]);

is($r->{status}, 503, 'no room: 503');
is($r->header('Content-Type'), 'application/problem+json', 'a problem');
is($r->json->{status}, 503, 'that can be read');
cmp_ok($r->header('Retry-After') // 0, '>', 0, 'and says when to come again');
is($erp->count, 0, 'nothing is delivered');
is($keep->request(POST => '/a', [ @TOKEN ], '{"y":1}')->{status}, 503,
    'on a connection that goes on');
is($t->post('/b', '{}')->{status}, 503, 'to another source');
is($t->post('/a', $all, [ @TOKEN ], chunks => 5000)->{status}, 503,
    'in chunks');
is($t->get('/status')->json->{sources}{a}{body_memory}, 3, 'counted');
is($t->post('/explain', '{}', [ @TOKEN ])->json->{refused}{status}, 503,
    'explained');

my $start = time;

$t->post('/a', '{}', [ @TOKEN ]) for 1 .. 30;

my $lines = grep { /\[error\].*event_body_memory/ } $t->log_lines;

cmp_ok($lines, '>=', 1, 'error.log has a line');
cmp_ok($lines, '<=', 4 + time - $start, 'a line a second');

# those who wait go, and what they had is free

$slow[0]->close;
ok(soon('/b', '{}', 204), 'one has gone: there is room');
$slow[1]->reset;
given_back('both have gone');

# a crowd that trickles has no more than that, and is gone in a second

@slow = map { trickle(200_000, 70_000) } 1 .. 40;
is($t->post('/a', $all, [ @TOKEN ])->{status}, 503, 'a crowd');
given_back('the crowd was too slow');
$_->close for @slow;

# ---- what was verified does not count

$slow->answer('/slow', delay => 1);
@slow = ();

for my $i (1 .. 4) {
    push @slow, my $c = $t->connect;
    $c->send(POST => '/a', [ @TOKEN ], '{"slow":"' . 'x' x 200_000 . '"}');
    ok(wait_until(5, sub { $slow->count == $i }), "delivery $i begins");
}

given_back('deliveries are under way');
is(join(' ', map { $_->response->{status} } @slow), '200 200 200 200',
    'delivered');

# ---- every path that ends, again and again

my $half = '{"x":"' . 'x' x 100_000 . '"}';

my %path = (
    'another token' => [ 401, sub { $t->post('/a', $half,
        [ 'X-Token' => 'x', 'Content-Type' => 'application/json' ]) } ],
    'no JSON' => [ 400, sub { $t->post('/a', "$half x", [ @TOKEN ]) } ],
    'too large, in chunks' => [ 413, sub { $t->post('/b', "$half$half", [],
        chunks => 9000) } ],
    'no route' => [ 204, sub { $t->post('/b', '{"x":"' . 'x' x 90_000
        . '"}') } ],
    'another type' => [ 415, sub { $t->post('/a', $half,
        [ 'X-Token' => $TOKEN, 'Content-Type' => 'text/html' ]) } ],
    'declared too large' => [ 413, sub { $t->post('/a', 'x', [ @TOKEN,
        'Content-Length' => 300_000 ]) } ],
    'explained' => [ 200, sub { $t->post('/explain', $half, [ @TOKEN ]) } ],
    'a challenge' => [ 401, sub { $t->post('/h',
        '{"type":"url_verification","challenge":"' . 'x' x 90_000 . '"}',
        [ 'Content-Type' => 'application/json' ]) } ],
    'delivered' => [ 200, sub { $t->post('/a', $half, [ @TOKEN ]) } ],
    'HTTP/2' => [ 401, sub { $t->h2(POST => '/a',
        [ 'Content-Type' => 'application/json' ], $half, port => 8083) } ]);

for my $name (sort keys %path) {
    my ($status, $send) = @{ $path{$name} };
    my %got;

    $got{ $send->()->{status} }++ for 1 .. ($name eq 'HTTP/2' ? 5 : $N);

    is(join(' ', keys %got), $status, "$name: $status");
    given_back($name);
}

for my $i (1 .. $N) {
    my $c = trickle(200_000, 1000 + 2500 * $i);

    $i % 2 ? $c->close : $c->reset;
}

given_back('clients that leave');

for my $i (1 .. $N) {
    my $c = $t->connect;

    $c->write("POST /a HTTP/1.1\r\nHost: a\r\nX-Token: $TOKEN\r\n"
        . "Transfer-Encoding: chunked\r\n\r\nfff\r\n" . 'x' x 4095
        . "\r\nzz\r\n");
    $c->response;
    $c->close;
}

given_back('chunks that are none');

for my $i (1 .. 5) {
    system('curl', '-s', '-o', '/dev/null', '--http2-prior-knowledge',
        '--max-time', '0.2', '--limit-rate', '100k', '-H',
        'Content-Type: application/json', '-H', "X-Token: $TOKEN",
        '--data-binary', $half,
        'http://127.0.0.1:' . $t->port(8083) . '/a');
}

given_back('streams that are reset');

$t->done;


# ---- helpers

# a client that has sent so many bytes of a body of that length

sub trickle {
    my ($length, $sent) = @_;

    my $c = $t->connect;

    $c->write("POST /a HTTP/1.1\r\nHost: a\r\nX-Token: $TOKEN\r\n"
        . "Content-Length: $length\r\n\r\n" . 'x' x $sent);

    return $c;
}


# soon: until nginx has seen that somebody left

sub soon {
    my ($uri, $body, $status) = @_;

    return wait_until(5, sub {
        return $t->post($uri, $body, [ @TOKEN ])->{status} == $status;
    });
}


sub given_back {
    my ($name) = @_;

    ok(soon('/a', $all, 200), "$name: all of it is free");
}
