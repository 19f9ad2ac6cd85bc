#!/usr/bin/perl

# Copyright (C) Event Router contributors

# healthz and readyz below event_status: 200 while an event would be taken, 503
# with the reasons while it would not, and 200 again when they are over.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;

my $serial = 0;


sub nginx {
    my ($store, %o) = @_;

    my $t = Test::EventRouter->new(%o);

    $t->{target} = $t->target(8081);
    $t->config(<<"EOC");
    $store

    event_source a { verify off; id "{json:id}"; type "{json:type}";
                     delivery queued; }
    event_source b { verify off; id "{json:id}"; type "{json:type}";
                     dedup 1h on_error=closed; }
    event_target one { retry for=1h base=1h max=1h; breaker off; }
    event_route one { from *; to one; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /a { event_receive a; }
        location = /b { event_receive b; }
        location /status { event_status; }
        location = /d { event_deliver one;
                        proxy_pass http://127.0.0.1:%%PORT_8081%%/; }
    }
EOC

    return $t;
}


sub post {
    my ($t, $fill) = @_;

    return $t->post('/a', JSON::PP::encode_json({ id => 'h' . ++$serial,
        type => 'x', fill => $fill // '' }),
        [ 'Content-Type' => 'application/json' ])->{status};
}


# "200", or "503 store_away,store_full"

sub says {
    my ($t, $path) = @_;

    my $r = $t->get("/status/$path");
    my $json = eval { $r->json } || {};

    return join ' ', $r->{status}, @{ $json->{reasons} // [ 'none' ] }
        ? join(',', @{ $json->{reasons} }) : ();
}


sub becomes {
    my ($t, $path, $want, $name) = @_;

    my $said;

    wait_until(20, sub { ($said = says($t, $path)) eq $want });
    is($said, $want, $name);
}


# ---- files: well, gone, back, full

my $t = nginx('event_store file:%%TESTDIR%%/store size=16m;');

$t->run;
becomes($t, 'readyz', '200', 'ready');

my $r = $t->get('/status/healthz');

is($r->{status}, 200, 'healthy');
is($r->header('Content-Type'), 'application/json', 'JSON');
is($r->header('Cache-Control'), 'no-store', 'for nobody else');
is_deeply($r->json, { status => 'ok', reasons => [] }, 'ok');
is($t->request(HEAD => '/status/healthz')->{status}, 200, 'HEAD');
is($t->post('/status/healthz', '')->{status}, 405, 'POST');
is(post($t), 202, 'and takes an event');

$t->{target}->answer('/', status => 500);

for (1 .. 200) {
    last if post($t, 'x' x 200_000) == 503;
}

becomes($t, 'healthz', '503 store_full', 'full');
becomes($t, 'readyz', '503 store_full', 'not ready while it is full');

my $dir = $t->dir;

$t->expect_log(qr/\[crit\]/, 'the store is taken away');
rename "$dir/store", "$dir/away" or die;
post($t);
like(says($t, 'healthz'), qr/^503 store_away/, 'gone, told at once')
    or becomes($t, 'healthz', '503 store_away,store_full', 'gone, told later');
rename "$dir/away", "$dir/store" or die;
ok(wait_until(20, sub { says($t, 'healthz') !~ /store_away/ }), 'back');

# a request whose line came before the worker began to end

my $c = $t->connect;

$c->write("GET /status/readyz HTTP/1.1\r\nHost: x\r\n");
$t->get('/status/healthz');
$t->workers_may_change('it is to exit');
$t->signal('QUIT');
wait_until(10, sub { !port($t) });
$c->write("\r\n");
like($c->response->{body} // '', qr/"exiting"/, 'exiting');
$c->close;
$t->quit;


# ---- Redis: not there at the start, there, away

$t = nginx('event_store redis://127.0.0.1:%%PORT_6379%%;'
           . ' event_dedup_store redis://127.0.0.1:%%PORT_6379%%;');
$t->run;
like(says($t, 'readyz'), qr/starting/, 'starting');
unlike(says($t, 'healthz'), qr/starting/, 'which is no matter of healthz');
becomes($t, 'healthz', '503 store_away,dedup_redis_away', 'no Redis');

my $redis = $t->redis(6379);

becomes($t, 'readyz', '200', 'ready with Redis');
is(post($t), 202, 'and takes an event');
$redis->stop;
post($t);
becomes($t, 'healthz', '503 store_away,dedup_redis_away', 'Redis is away');
$t->stop;


# ---- nothing to be away

$t = nginx('');
$t->config(<<'EOC');
    event_source a { verify off; }
    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location = /a { event_receive a; }
        location /status { event_status; }
    }
EOC
$t->run;
is(says($t, 'healthz'), '200', 'without a store');
is(says($t, 'readyz'), '200', 'ready at once');
$t->done;


sub port {
    my ($t) = @_;

    return Test::EventRouter::Port::port_open($t->port(8080));
}
