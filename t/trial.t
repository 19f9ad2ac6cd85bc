#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The test button: one delivery to a target that an operator asks for, by the
# target's own location; what is told of it, and that it counts nowhere.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::OAuth2;
use Test::EventRouter::Port qw(wait_until);

my $t = Test::EventRouter->new(level => 'warn');
my $erp = $t->target(8081);
my $secret = $t->secret('a-canary-of-trials');
my $idp = $t->own(Test::EventRouter::OAuth2->new(port => $t->port(8082)));
my $file = $t->dir . '/conf/nginx.conf';

$t->certificate('target');
$t->write_file('secret', $secret);
chmod 0600, $t->write_file('odd', $t->secret('a canary/of+lines'));
chmod 0600, $t->write_file('client', "trials:$secret\n");
$t->secret('canary-token');

# TLS in front of the recording target

$t->config(<<"EOC");

%%GLOBALS%%

http {
    %%GLOBALS_HTTP%%

    event_store file:%%TESTDIR%%/store size=16m;
    event_set \$order data.order.id;

    event_source shop { verify off; id "{json:id}"; delivery queued; }
    event_route all { from shop; to erp; }

    event_target erp {
        auth     bearer file:%%TESTDIR%%/secret;
        success  when response.body.Success = true;
        success  409;
        fail_on  when response.body.Error exists;
        breaker  failures=1;
    }

    event_target plain { method PUT; }
    event_target many { batch max=10 form=lines; }
    event_target away { }
    event_target asked { auth query key file:%%TESTDIR%%/odd; }
    event_target slow { }
    event_target secure { }
    event_target strict { }
    event_target cloud { auth oauth2 /oauth client=file:%%TESTDIR%%/client; }

    # nginx does not free the one that it keeps, when it ends

    proxy_ssl_session_reuse off;

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        listen 127.0.0.1:%%PORT_8084%% http2;

        set \$nowhere "";

        location = /hook     { event_receive shop; }
        location = /status   { event_status; }
        location /admin/     { event_admin; }
        location /open/      { event_admin reveal; }
        location /token/     { event_admin token=file:%%TESTDIR%%/secret; }

        location = /deliver/erp {
            event_deliver erp;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/erp/\$order;
        }
        location = /deliver/plain {
            event_deliver plain;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/plain;
        }
        location = /deliver/many {
            event_deliver many;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/many;
        }
        location = /deliver/away {
            event_deliver away;
            error_log %%TESTDIR%%/logs/away.log crit;
            proxy_pass http://127.0.0.1:%%PORT_8089%%/away?key=$secret;
        }
        location = /deliver/asked {
            event_deliver asked;
            error_log %%TESTDIR%%/logs/asked.log crit;
            proxy_pass http://\$nowhere/asked?\$args;
        }
        location = /deliver/slow {
            event_deliver slow;
            proxy_read_timeout 300ms;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/slow;
        }
        location = /oauth {
            internal;
            proxy_pass http://127.0.0.1:%%PORT_8082%%/token;
        }
        location = /deliver/cloud {
            event_deliver cloud;
            proxy_pass http://127.0.0.1:%%PORT_8082%%/cloud;
        }
        location = /deliver/secure {
            event_deliver secure;
            proxy_pass https://127.0.0.1:%%PORT_8443%%/secure;
        }
        location = /deliver/strict {
            event_deliver strict;
            proxy_ssl_verify on;
            proxy_ssl_name other.example;
            proxy_ssl_trusted_certificate %%TESTDIR%%/target.crt;
            proxy_pass https://127.0.0.1:%%PORT_8443%%/strict;
        }
    }

    server {
        listen 127.0.0.1:%%PORT_8443%% ssl;
        ssl_certificate     %%TESTDIR%%/target.crt;
        ssl_certificate_key %%TESTDIR%%/target.key;
        ssl_protocols       TLSv1.2;

        location / { proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }
}
EOC

$t->run;


sub press {
    my ($target, %o) = @_;

    return $t->post(($o{at} // '/open') . "/test?target=$target", $o{body},
        [ 'X-Event-Admin' => 1, @{ $o{headers} // [] } ]);
}


sub last_request {
    my ($path) = @_;

    return (grep { $_->{uri} =~ m{^\Q$path\E} } $erp->requests)[-1];
}


sub header {
    my ($request, $name) = @_;

    my ($value) = map { $_->[1] } grep { lc $_->[0] eq lc $name }
        @{ $request->{headers} };

    return $value;
}


# ---- one that works

$erp->answer('/erp/7', body => '{"Success":true}');

my $r = press('erp', body => '{"order":{"id":7}}',
    headers => [ 'Content-Type' => 'application/vnd.order+json' ]);
my $json = $r->json;

is($r->{status}, 200, 'a test is answered');
is($json->{target}, 'erp', 'the target');
is($json->{status}, 200, 'its status');
like($json->{ms}, qr/^\d+$/, 'how long it took');
is($json->{verdict}, 'ok', 'what that means');
is($json->{by}{line}, 'success when response.body.Success = true',
    'by which line');
like("$json->{by}{file}:$json->{by}{number}", qr/^\Q$file\E:\d+$/, 'where');
is($json->{answer}, '{"Success":true}', 'the answer');
is_deeply($json->{log}, [], 'nothing was logged');
is($json->{tls}, undef, 'no TLS');

my $request = last_request('/erp/7');

ok($request, 'variables of the location know the body');
is($request->{body}, '{"order":{"id":7}}', 'the body');
is(header($request, 'Content-Type'), 'application/vnd.order+json', 'its type');
is(header($request, 'X-Event-Test'), 1, 'the mark');
is(header($request, 'ce-type'), 'event-router.test', 'the type of the event');
is(header($request, 'ce-source'), 'event-router', 'its source');
is(header($request, 'ce-id'), $json->{id}, 'its id');
is(header($request, 'Webhook-Id'), $json->{id}, 'is that of the webhook');
is(header($request, 'Authorization'), "Bearer $secret", 'auth is sent');
is(header($request, 'X-Event-Attempt'), 1, 'the attempt');

# ---- one that takes several events in a call gets a call of one


is(press('many', body => '{"a":' . "\n" . '1}')->{status}, 200,
    'a test of "batch"');

my ($line) = $erp->requests(uri => '/many');

is($line->{body}, '{"a": 1}' . "\n", 'one line');
is($line->header('X-Event-Batch'), 1, 'of one event');
is($line->header('Content-Type'), 'application/x-ndjson', 'as any other');

my $bad = press('many', body => 'a=1');

is($bad->{status}, 200, 'a body that cannot be in one');
is($bad->json->{why}, 'not JSON', 'which is told') or diag $bad->{body};
is(scalar($erp->requests(uri => '/many')), 1, 'and not sent');

# ---- and without a body

is(press('plain')->{status}, 200, 'a test without a body');

$request = last_request('/plain');
is($request->{method}, 'PUT', 'the method of the target');
is(eval { JSON::PP::decode_json($request->{body})->{test} }, JSON::PP::true,
    'a body of its own');
is(header($request, 'Content-Type'), 'application/json', 'which is JSON');

# ---- what does not work

$erp->answer('/erp/8', body => '{"Error":"no ' . $secret . ' here"}');
$r = press('erp', body => '{"order":{"id":8}}');
$json = $r->json;

is($json->{verdict}, 'final', 'a failure inside of a 200');
is($json->{by}{line}, 'fail_on when response.body.Error exists', 'its line');
unlike($r->{body}, qr/\Q$secret\E/, 'a secret that comes back is not shown');

$erp->answer('/erp/9', body => '{}');
$json = press('erp', body => '{"order":{"id":9}}')->json;
is("$json->{status} $json->{verdict}", '200 retry', 'no line of success');
is($json->{by}, undef, 'names none');

$erp->answer('/erp/10', status => 409, body => 'x' x 5000);
$json = press('erp', body => '{"order":{"id":10}}')->json;
is("$json->{verdict} $json->{by}{line}", 'ok success 409', 'a status');
is(length $json->{answer}, 1024, 'the first 1 KB of the answer');

$erp->answer('/erp/11', body => '{"Success":true}' . ' ' x 70_000);
$json = press('erp', body => '{"order":{"id":11}}')->json;
is("$json->{verdict}: $json->{why}", 'doubt: the body is longer than 64 KB',
    'in doubt');

$json = press('erp', body => 'no JSON')->json;
is($json->{status}, 200, 'a body that is no JSON');

$r = press('away');
$json = $r->json;
is($json->{status}, undef, 'nobody there');
is("$json->{verdict}: $json->{why}", 'retry: there was no answer',
    'is told');
like($json->{log}[0], qr/^\[error\] .*connect\(\)\ failed\ \(111: .*refused\)
    .*\ while\ connecting\ to\ upstream\ while\ delivering\ event/x,
    'with what nginx logged');
unlike($r->{body}, qr/\Q$secret\E/, 'and no argument of its URL');

$r = press('asked');
like($r->json->{log}[0], qr/no host in upstream "\/asked\?key=\*{23}"/,
    'the argument of "auth query" in a line of nginx');
unlike($r->{body}, qr/canary/, 'is not shown');

$erp->answer('/slow', delay => 2);
$json = press('slow')->json;
is("$json->{verdict}: $json->{why}", 'doubt: the answer was lost',
    'one that is silent');
like($json->{log}[0], qr/upstream timed out/, 'is told by nginx');

# ---- TLS

$json = press('secure')->json;
is($json->{tls}{version}, 'TLSv1.2', 'the version of TLS');
like($json->{tls}{cipher}, qr/^[A-Z0-9-]+$/, 'the cipher');
like($json->{tls}{subject}, qr/CN=/, 'whose certificate');
like($json->{tls}{ends}, qr/^\w{3} .*\d{4} GMT$/, 'and when it ends');

$json = press('strict')->json;
is("$json->{verdict}: $json->{why}", 'retry: there was no answer',
    'a certificate of somebody else');
like($json->{log}[0], qr/upstream SSL certificate/, 'is told');

# ---- a token

$idp->answer('/cloud', echo => 1);

$r = press('cloud');
$json = $r->json;
is("$json->{status} $json->{token}", '200 sent', 'a token was fetched');
unlike($r->{body}, qr/canary-token/, 'and is not shown where it comes back');

$idp->revoke;
$json = press('cloud')->json;
is("$json->{status} $json->{token}", '200 renewed', 'after a 401 another one');

$idp->revoke;
$idp->answer('/token', status => 503);
$json = press('cloud')->json;
is("$json->{verdict} $json->{token}: $json->{why}",
    'retry missing: there is no token: error.log says why', 'and none');

# ---- who may, and what is wrong

$r = press('erp', at => '/admin', body => '{"order":{"id":7}}');
is($r->json->{answer}, undef, 'without "reveal" the answer is not shown');
is($r->json->{hidden}, 'event_admin shows answers with "reveal"',
    'and it is said');
is($r->json->{verdict}, 'ok', 'the rest is');

is($t->post('/open/test?target=erp')->{status}, 403,
    'not without the header that browsers do not send');
is(press('erp', at => '/token')->{status}, 403, 'not without the token');
is(press('erp', at => '/token', headers => [ Authorization =>
    "Bearer $secret" ])->{status}, 200, 'but with it');
is($t->get('/open/test?target=erp')->{status}, 405, 'GET tests nothing');
is(press('none')->{status}, 404, 'an unknown target');
is(press('')->{status}, 400, 'no target');
is(press('erp&all=1')->{status}, 400, 'an argument too many');
is(press('erp', body => ' ' x 1_048_577)->{status}, 413, 'too large a body');
is(press('plain', body => ' ' x 1_048_576)->{status}, 200, 'and 1 MB');

my $before = $erp->requests;

$t->post('/open/test?target=plain', '{}');
is($erp->requests, $before, 'who may not tests nothing');

# ---- it counts nowhere

my $status = $t->get('/status')->json;

is_deeply([ map { $status->{targets}{erp}{$_} } qw(ok failed) ], [ 0, 0 ],
    'no counter knows of tests');
is($status->{queue}{targets}{erp}{breaker}, 'closed', 'nor does the breaker');
is($status->{queue}{targets}{away}{breaker}, 'closed', 'of one that is away');
is(scalar @{ $t->get('/admin/pending')->json->{entries} }, 0,
    'nothing is in the queue');

# ---- many at once, and one whose client goes

$erp->answer('/slow', delay => 0.2);

my @clients = map {
    my $c = $t->connect;
    $c->send(POST => '/open/test?target=slow', [ 'X-Event-Admin' => 1 ], '');
    $c;
} 1 .. 9;

my %answers;

$answers{$_->response->{status}}++ for @clients;
is_deeply(\%answers, { 200 => 8, 503 => 1 }, 'eight at once');

my $c = $t->connect;
$c->send(POST => '/open/test?target=slow', [ 'X-Event-Admin' => 1 ], '');
sleep 0.05;
$c->close;
sleep 0.3;

is(press('slow')->{status}, 200, 'a client that went is no harm');

# those of clients that go end at once, and leave their places to others

for my $how (qw(close reset)) {
    $erp->answer('/plain', delay => 30);

    my @gone = map { $t->connect } 1 .. 8;

    for my $c (@gone) {
        $c->send(POST => '/open/test?target=plain', [ 'X-Event-Admin' => 1 ],
            '{}');
    }

    ok(wait_until(5, sub { press('slow')->{status} == 503 }),
        'eight run');
    $_->$how for @gone;
    ok(wait_until(5, sub { press('slow')->{status} == 200 }),
        "and none after a $how");
}

# one that says no more stays

$erp->answer('/plain', delay => 0.5);
$c = $t->connect;
$c->send(POST => '/open/test?target=plain', [ 'X-Event-Admin' => 1 ], '{}');
is($c->response->{status}, 200, 'a client that waits has its answer');
is($t->h2(POST => '/open/test?target=plain', [ 'X-Event-Admin' => 1 ], '{}',
    port => 8084)->{status}, 200, 'by HTTP/2, too');

ok((grep { /\[warn\].*a test of target "erp" is asked for by an operator/ }
    $t->log_lines), 'tests are in the log');

$t->done;
