#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Tests for the harness itself, with an nginx without the module: a harness
# that sees nothing makes every other test pass.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_hex);
use MIME::Base64 ();
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new(module => 0);
my $erp = $t->target(8081);

$t->certificate('tls');

$t->config(<<'EOC');

    upstream erp {
        server 127.0.0.1:%%PORT_8081%%;
        keepalive 4;
    }

    log_format when '$time_iso8601';

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        listen 127.0.0.1:%%PORT_8443%% ssl http2;
        listen 127.0.0.1:%%PORT_8082%% http2;

        ssl_certificate      %%TESTDIR%%/tls.crt;
        ssl_certificate_key  %%TESTDIR%%/tls.key;

        client_max_body_size 8m;

        location /clock {
            access_log %%TESTDIR%%/logs/clock.log when;
            return 204;
        }

        location / {
            proxy_pass http://erp;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_read_timeout 2s;
            proxy_max_temp_file_size 0;
        }
    }
EOC

$t->run;

# what a target records

my $r = $t->post('/a?b=c', "\0\xff body", [ 'X-One' => 1, 'X-Two' => 2 ]);

is($r->{status}, 200, 'answered');
is($r->{body}, 'ok', 'default body');

my ($request) = $erp->requests;

is($request->{method}, 'POST', 'method');
is($request->{uri}, '/a?b=c', 'uri');
is($request->{body}, "\0\xff body", 'binary body');
is($request->header('x-one'), 1, 'header');
is(join(',', map { $_->[0] } grep { $_->[0] =~ /^X-/ }
             @{ $request->{headers} }), 'X-One,X-Two', 'order of headers');

# what a target answers

$erp->answer('/list', [ { status => 503, headers => [ 'Retry-After' => 7 ] },
                        { status => 201, body => '{"a":[1]}' } ]);

$r = $t->get('/list');
is($r->{status}, 503, 'first of a list');
is($r->header('retry-after'), 7, 'header of an answer');
is($t->get('/list')->{status}, 201, 'second of a list');
is($t->get('/list')->json->{a}[0], 1, 'last of a list stays');

for my $fault (qw(close reset early_reset)) {
    $erp->answer("/$fault", fault => $fault);
    is($t->post("/$fault", 'x')->{status}, 502, "fault $fault");
}

# nginx takes it for HTTP/0.9 and passes it on without a head

$erp->answer('/garbage', fault => 'garbage');
is($t->post('/garbage', 'x')->{status}, 0, "fault garbage");

for my $fault (qw(hang half)) {
    $erp->answer("/$fault", fault => $fault);
    like($t->get("/$fault")->{status}, $fault eq 'hang' ? qr/504/ : qr/502/,
        "fault $fault");
}

$erp->answer('/truncate', fault => 'truncate', body => 'x' x 1000);
$r = $t->get('/truncate');
ok($r->{status} == 200 && !$r->{complete}, 'fault truncate');

$erp->answer('/early', fault => 'early', status => 413);
is($t->post('/early', 'x' x 100)->{status}, 413, 'fault early');

$erp->answer('/slow', delay => 0.5);
cmp_ok($t->get('/slow')->{seconds}, '>=', 0.5, 'delay');

$erp->answer('/drip', body => 'x' x 40, drip => [ 30, 0.05 ]);
$r = $t->get('/drip');
ok($r->{body} eq 'x' x 40 && $r->{seconds} >= 0.1, 'drip');

$erp->answer('/big', size => 20_000_000);
is(length $t->get('/big')->{body}, 20_000_000, 'big answer');

$erp->answer('/none', status => 204);
is($t->get('/none')->{status}, 204, 'no body');

# how a client sends

my $body = join '', map { chr(65 + $_ % 26) } 1 .. 300_000;

$erp->forget;

is($t->post('/chunked', $body, [], chunks => 7777)->{status}, 200, 'chunked');
is($t->post('/pieces', substr($body, 0, 500), [], pieces => 10,
    pause => 0.001)->{status}, 200, 'in pieces');

is(sha256_hex(($erp->requests(uri => '/chunked'))[0]{body}),
    sha256_hex($body), 'chunked body');
is(($erp->requests(uri => '/pieces'))[0]{body}, substr($body, 0, 500),
    'body in pieces');

my $c = $t->connect;

is($c->request(GET => "/k$_")->{body}, 'ok', "keep-alive $_") for 1 .. 3;
$c->reset;

is($t->connect(timeout => 0.2)->response, undef, 'no answer, no waiting');

is(scalar($erp->wait_requests(5)), 5, 'requests counted');
cmp_ok($erp->connections, '<', 5, 'upstream connections were kept');

SKIP: {
    eval { require IO::Socket::SSL };
    skip 'no IO::Socket::SSL', 1 if $@;

    is($t->get('/tls', [], port => 8443, tls => 1)->{body}, 'ok', 'TLS');
}

is($t->h2(GET => '/h2', [], undef, port => 8082)->{body}, 'ok', 'HTTP/2');
is($t->h2(POST => '/h2', [ 'X-A' => 'b' ], $body, port => 8443,
    tls => 1)->{status}, 200, 'HTTP/2 over TLS');
is(length(($erp->requests(uri => '/h2'))[1]{body}), 300_000, 'HTTP/2 body');

# 100 connections at once

my @clients = map { $t->connect } 1 .. 100;

$erp->forget;
$_->send(GET => '/slow') for @clients;
is(scalar(grep { ($_->response // {})->{status} == 200 } @clients), 100,
    'many connections');
$_->close for @clients;

# a target that is away

$erp->stop;
is($t->get('/gone')->{status}, 502, 'target refuses');
$erp->start;
is($t->get('/none')->{status}, 204, 'target is back with its answers');

# workers

my ($worker) = $t->workers;

ok($t->reload, 'reload');
isnt(($t->workers)[0], $worker, 'another worker');
ok($t->wait_old_workers, 'the old one left');

$worker = $t->kill_worker;
isnt(($t->workers)[0], $worker, 'worker replaced');

# Redis

my $redis = $t->redis(6379, requirepass => 'letmein');

eval { $redis->command('PING') };
like($@, qr/NOAUTH/, 'error of redis');
is($redis->command(AUTH => 'letmein'), 'OK', 'authenticated');
is($redis->command(SET => "a\r\n", "b\0"), 'OK', 'set');
is($redis->command(GET => "a\r\n"), "b\0", 'get');
is($redis->command(GET => 'none'), undef, 'nil');
is_deeply($redis->command(MGET => 'none', "a\r\n"), [ undef, "b\0" ], 'array');

$redis->pause;
$redis->resume;
$redis->restart;
$redis->command(AUTH => 'letmein');
is($redis->command('DBSIZE'), 0, 'restarted empty');

# signatures

my %headers = shopify('{}', 'hush', topic => 'orders/paid');

is($headers{'X-Shopify-Topic'}, 'orders/paid', 'topic');
is(unpack('H*', MIME::Base64::decode_base64(hmac_base64(
    'what do ya want for nothing?', 'Jefe'))), '5bdcc146bf60754e6a042426089575c7'
    . '5a003f089d2739839dec58b964ec3843', 'HMAC as in RFC 4231');

ok($t->quit, 'quit');

# the clock

SKIP: {
    skip 'no libfaketime', 3 if !$t->clock(1_500_000_000);

    $t->config(<<'EOC');

    log_format when '$time_iso8601';

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        access_log %%TESTDIR%%/logs/clock.log when;
        return 204;
    }
EOC

    $t->run;
    $t->get('/');
    ok($t->wait_file('logs/clock.log', qr/^2017-07-14T02:40:/), 'clock set');

    $t->clock(2_000_000_000);
    $t->get('/');
    ok($t->wait_file('logs/clock.log', qr/^2033-05-18T03:33:/m),
        'clock set again');

    ok($t->quit(5), 'timers run on');
}

# the implicit checks do see something: a failing child tells

for my $case ([ 'alert', '[alert] 1#1: oops', 'no alerts' ],
              [ 'sanitizer', '==1==ERROR: AddressSanitizer: x',
                'no sanitizer errors' ],
              [ 'undefined', 'a.c:1:2: runtime error: y',
                'no sanitizer errors' ],
              [ 'socket', 'open socket #7 left in connection 3',
                'no open sockets' ],
              [ 'secret', 'a hush-hush b', 'no secrets in the logs' ])
{
    my ($name, $line, $check) = @$case;

    open my $f, '-|', $^X, "-I$FindBin::Bin/lib", '-e', <<"EOC" or die;
        use Test::More; use Test::EventRouter;
        open STDERR, '>', '/dev/null';
        Test::More->builder->failure_output(\\my \$nothing);
        my \$t = Test::EventRouter->new(module => 0);
        \$t->secret('hush-hush');
        \$t->write_file('logs/error.log', "$line\\n");
        \$t->done;
EOC

    my @failed = grep { /^not ok/ } <$f>;
    close $f;

    ok(@failed == 1 && $failed[0] =~ /$check/, "check sees $name");
}

$t->done;
