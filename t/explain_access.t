#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Who may ask event_explain: clients on this machine for a name of it, as with
# event_admin, or whom token= or access=nginx let in.  The log says what to
# write to let others in, and what was signed wrongly.  No browser guesses what
# an answer of ours is.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;

my $token = $t->secret('t0ken-of-who-explains-0123456789');
my $secret = $t->secret('secret-of-the-shop-0123456789');

$t->write_file('token', "$token\n");
$t->write_file('conf/secret', $secret);
$t->target(8081);

$t->config(<<'EOC');

    event_store file:%%TESTDIR%%/store size=4m;

    event_source a { verify off; id "{json:id}"; }
    event_source s { verify shopify; secret file:secret; }
    event_source meta { verify meta; secret file:secret;
                        constant verify_token asked-for; }
    event_target e { retry off; }
    event_route all { from a s; to e; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        server_name hooks.example.com;
        set_real_ip_from 127.0.0.1;
        real_ip_header X-Test-From;

        location = /a      { event_receive a; }
        location = /meta   { event_receive meta; }
        location = /e      { event_deliver e; proxy_pass
                             http://127.0.0.1:%%PORT_8081%%; }
        location = /why    { event_explain a; }
        location = /why/s  { event_explain s; }
        location = /if     { event_explain a; if ($arg_x) { set $y 1; } }
        location = /token  { event_explain a token=file:%%TESTDIR%%/token; }
        location = /open   { event_explain a access=nginx; allow 10.0.0.0/8;
                             deny all; }
        location /admin/   { event_admin; if ($arg_limit) { set $y 1; } }
        location /events/  { event_status; }
    }
EOC

$t->run;

my @foreign = ('X-Test-From' => '10.1.2.3');


# ---- who

is(asked('/why'), 200, 'this machine');
is(asked('/why', Host => $_), 200, "for $_")
    for 'localhost', '127.0.0.1', '[::1]', 'hooks.example.com';
is(asked('/why', 'X-Test-From' => '127.9.9.9'), 200, 'by another address');
is(asked('/why', 'Sec-Fetch-Site' => $_), 200, "a page: $_")
    for 'none', 'same-origin';

for my $uri ('/why', '/if?x=1', '/if') {
    is(asked($uri, @foreign), 403, "$uri: a stranger");
    is(asked($uri, @foreign, Authorization => "Bearer $token"), 403,
        "$uri: with a token nobody asks for");
    is(asked($uri, Host => 'evil.example'), 403, "$uri: another name");
    is(asked($uri, Origin => 'http://evil.example'), 403, "$uri: another page");
    is(asked($uri, 'Sec-Fetch-Site' => 'cross-site'), 403,
        "$uri: for another page");
}

is($t->get('/admin/dead', [ 'Sec-Fetch-Site' => 'cross-site' ])->{status}, 403,
    'event_admin: for another page');
is($t->get('/admin/dead?limit=1')->{status}, 200, 'event_admin behind an if');
is($t->get('/admin/dead?limit=1', [ @foreign ])->{status}, 403,
    'for this machine only');

is(asked('/token'), 403, 'token=: none');
is(asked('/token', @foreign, Authorization => "Bearer $token"), 200,
    'the token');
is(asked('/token', @foreign, Authorization => "Bearer ${token}x"), 403,
    'another one');
is(asked('/open', @foreign, Host => 'evil.example'), 200,
    'access=nginx: whom its rules let in');
is(asked('/open'), 403, 'and nobody else');

# what is refused is not read, and the connection goes on

my $r = $t->post('/why', '{"id":"1"}', [ @foreign ]);

like($r->header('Content-Type'), qr/problem\+json/, 'a problem');
unlike($r->{body}, qr/"routes"|"source"/, 'that explains nothing');
is($t->get('/why', [ @foreign ])->{status}, 403, 'whatever the method');
is($t->post('/why', 'x' x 100_000, [ @foreign ])->{status}, 403,
    'whatever the body');


# ---- the log

for my $case ([ 'a stranger', qr/not on this machine/, @foreign ],
              [ 'another name', qr/in "server_name"/, Host => 'evil.example' ])
{
    my ($name, $way, @headers) = @$case;

    my $before = () = told(qr/access forbidden by "event_explain"/);
    asked('/why', @headers);
    my @lines = told(qr/access forbidden by "event_explain"/);

    is(@lines, $before + 1, "$name: a line");
    like($lines[-1], qr/\[error\].* in \S+nginx\.conf:\d+: .*$way/,
        'with the place and the way out');
    like($lines[-1], qr/"token=file:PATH".*"access=nginx"/, 'both ways');
}

my $before = () = told(qr/event from source "s" refused: /);
$r = $t->post('/why/s', '{"id":1}', [ 'X-Shopify-Hmac-Sha256' => 'A' x 43
    . '=', 'Content-Type' => 'application/json' ]);

is($r->json->{verification}{verdict}, 'failed', 'a wrong signature');
is(scalar(my @told = told(qr/event from source "s" refused: /)), $before + 1,
    'is logged');


# ---- nosniff, once, in whatever we answer

for my $case ([ POST => '/a', 200 ], [ GET => '/a', 405 ],
    [ POST => '/why', 200 ], [ POST => '/why', 403, @foreign ],
    [ GET => '/admin/dead', 200 ], [ GET => '/admin/', 404 ],
    [ GET => '/admin/dead', 403, @foreign ], [ POST => '/admin/pause', 403 ],
    [ GET => '/admin/pause', 405 ], [ HEAD => '/admin/dead', 200 ],
    [ GET => '/events/', 200 ], [ GET => '/events/metrics', 200 ],
    [ HEAD => '/events/', 200 ], [ POST => '/events/', 405 ],
    [ GET => '/meta?hub.mode=subscribe&hub.challenge=12&hub.verify_token='
             . 'asked-for', 200 ],
    [ GET => '/meta?hub.mode=subscribe&hub.challenge=12&hub.verify_token=x',
      403 ])
{
    my ($method, $uri, $status, @headers) = @$case;

    $r = $t->request($method => $uri, [ @headers, 'Content-Type' =>
        'application/json' ], $method eq 'POST' ? '{"id":"1"}' : ());

    is($r->{status}, $status, "$method $uri") or diag($r->{head});
    is(scalar(grep { lc $_->[0] eq 'x-content-type-options'
                     && $_->[1] eq 'nosniff' } @{ $r->{headers} }), 1,
        'is not guessed at');
}

$t->done;


# ---- helpers

sub asked {
    my ($uri, @headers) = @_;

    return $t->post($uri, '{"id":"1"}', [ @headers ])->{status};
}


sub told {
    my ($what) = @_;

    return grep { /$what/ } $t->log_lines;
}
