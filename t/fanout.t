#!/usr/bin/perl

# Copyright (C) Event Router contributors

# One event to its targets: any number of them, all in parallel, within the
# bounds that event_concurrency and event_backlog set; and what exactly a
# target gets: the raw bytes, headers of ours, none of the producer's but those
# that forward_headers names.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $target = $t->target(8081);

my $serial = 0;


# ---- helpers

# JSON of an event; its id is new each time

sub event {
    my (%o) = @_;

    return JSON::PP->new->utf8->canonical->encode(
        { id => 'e' . ++$serial, type => 'order', shop => 'acme', %o });
}


sub post {
    my ($uri, $body, @headers) = @_;

    return $t->post($uri, $body // event(),
        [ 'Content-Type' => 'application/json', @headers ]);
}


# how many of the requests were open at the same time, if each was answered
# no sooner than "delay" after it was complete

sub at_once {
    my ($delay, @requests) = @_;

    my @steps = sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] }
                map { [ $_->{begun}, 1 ], [ $_->{time} + $delay, -1 ] }
                @requests;
    my ($now, $most) = (0, 0);

    for (@steps) {
        $now += $_->[1];
        $most = $now if $now > $most;
    }

    return $most;
}


# one event after the other: delivered, failed and duplicate

sub some_events {
    my ($n) = @_;

    my $c = $t->connect;

    for my $i (1 .. $n) {
        $c->request(POST => '/to3', [ 'Content-Type' => 'application/json' ],
            $i % 5 ? event() : '{"id":"same","type":"order"}');
    }

    $c->close;
}


# of a worker, in kilobytes

sub memory {
    my ($pid) = @_;

    open my $f, '<', "/proc/$pid/status" or return 0;
    my ($kb) = map { /^VmRSS:\s*(\d+)/ } <$f>;

    return $kb;
}


sub maps {
    my ($pid) = @_;

    open my $f, '<', "/proc/$pid/maps" or return '';

    return join '', <$f>;
}


sub locations {
    my (@names) = @_;

    return join '', map { "
            location = /deliver/$_ {
                event_deliver $_;
                proxy_pass http://target/$_;
            }" } @names;
}


# ---- any number of targets

my @many = map { "m$_" } 1 .. 200;
my %count = map { ("to$_" => [ @many[0 .. $_ - 1] ]) } 1, 3, 60, 200;

my $common = <<'EOC';

    upstream target {
        server 127.0.0.1:%%PORT_8081%%;
        keepalive 300;
    }

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_connect_timeout 4s;
    proxy_send_timeout 8s;
    proxy_read_timeout 8s;
    client_max_body_size 8m;
EOC

my $listen = "listen 127.0.0.1:%%PORT_8080%%;";

my $conf = $common;

for my $name (sort keys %count) {
    $conf .= <<"EOC";

    event_source $name {
        verify off;
        accept */*;
        id "{json:id}" "{header:X-Id}";
        type "{json:type}";
        subject "{json:shop}";
        deadline 9s;
    }

    event_route $name {
        from $name;
        to @{ $count{$name} };
    }
EOC
}

$conf .= <<"EOC";

    server {
        $listen
EOC

$conf .= "location = /$_ { event_receive $_; }\n" for sort keys %count;
$conf .= locations(@many) . "\n    }\n";

$t->config($conf)->run;

for my $n (1, 3, 60, 200) {
    my $body = " {\"id\": \"many-$n\",\r\n\t\"type\":\"order\", \"x\": "
        . "[1.0, 1e2, \"\xc3\xa9\\u00e9\\/\"] }\n ";

    $target->forget;

    my $r = post("/to$n", $body);

    is($r->{status}, 200, "$n targets");

    my @got = $target->requests;

    is(scalar @got, $n, "$n: each called once");
    is(join(' ', sort map { $_->{uri} } @got),
        join(' ', sort map { "/$_" } @{ $count{"to$n"} }), "$n: all called");
    is(scalar(grep { $_->{body} ne $body
                     || $_->header('Content-Length') != length $body
                     || $_->header('Content-Type') ne 'application/json'
                     || $_->{method} ne 'POST' } @got), 0, "$n: raw bytes");

    my $json = $r->json;

    is(scalar(grep { $_->{state} eq 'ok' && $_->{status} == 200 }
                  @{ $json->{targets} }), $n, "$n: in the receipt");
    is(join(' ', map { $_->{name} } @{ $json->{targets} }),
        join(' ', @{ $count{"to$n"} }), "$n: in the order of the route");
}

# in parallel

$target->answer("/m$_", delay => 0.3) for 1 .. 60;
$target->forget;

my $start = time;

is(post('/to60')->{status}, 200, 'delayed targets');
cmp_ok(time - $start, '<', 1.5, '60 of 300 ms in parallel');
is(at_once(0.3, $target->requests), 60, 'all at once');

$target->answer("/m$_", status => 200) for 1 .. 60;

# connections to the target are kept

post('/to60') for 1 .. 2;
$target->forget;
post('/to3') for 1 .. 5;

my @got = $target->requests;

is(scalar @got, 15, 'further events');
is($target->connections, 0, 'no new connection');

# bodies of all sizes

for my $size (1, 4095, 65536, 900_000) {
    my $body = event(fill => 'x' x $size);

    $target->forget;

    is(post('/to3', $body)->{status}, 200, "$size bytes");
    is(join(' ', map { sha256_hex($_->{body}) } $target->requests),
        join(' ', (sha256_hex($body)) x 3), "$size bytes unchanged");
}

$target->forget;

is(post('/to3', event(fill => 'x' x (2 << 20)))->{status}, 413, 'too large');
is($target->count, 0, 'too large: not delivered');

# what is not JSON, and nothing at all

my $binary = join '', map { chr } 0 .. 255;

is($t->post('/to3', $binary, [ 'Content-Type' => 'application/octet-stream',
    'X-Id' => 'b1' ])->{status}, 200, 'binary body');
is(join(' ', map { unpack 'H*', $_->{body} } $target->requests),
    join(' ', (unpack 'H*', $binary) x 3), 'binary body unchanged');

$target->forget;

is($t->post('/to3', '', [ 'Content-Type' => 'application/octet-stream',
    'X-Id' => 'b2' ])->{status}, 200, 'empty body');

@got = $target->requests;

is(scalar @got, 3, 'empty body delivered');
is(scalar(grep { $_->header('Content-Length') ne '0' || $_->{body} ne '' }
              @got), 0, 'empty body: length 0');
is(post('/to3', '')->{status}, 400, 'empty JSON');

# chunked

my $body = event(fill => 'y' x 10000);

$target->forget;

is($t->post('/to3', $body, [ 'Content-Type' => 'application/json' ],
    chunks => 333)->{status}, 200, 'chunked');

@got = $target->requests;

is(join(' ', map { $_->{body} eq $body ? 'same' : 'other' } @got),
    'same same same', 'chunked: body');
is(join(' ', map { $_->header('Content-Length') } @got),
    join(' ', (length $body) x 3), 'chunked: length');
is(join(' ', map { $_->header('Transfer-Encoding') // '-' } @got), '- - -',
    'chunked: not passed on');

# events leave no memory behind, whatever becomes of them

SKIP: {
    my ($pid) = $t->workers;

    skip 'freed memory waits in quarantine', 1 if maps($pid) =~ /libasan/;

    $target->answer('/m2', [ ({}, { status => 500 }) x 2000, {} ]);

    some_events(300);

    my $before = memory($pid);

    some_events(1500);
    cmp_ok(memory($pid) - $before, '<', 1500, 'memory, in kilobytes');
}

# a delivery location is nobody else's

is($t->get('/deliver/m1')->{status}, 404, 'GET of a delivery location');
is(post('/deliver/m1')->{status}, 404, 'POST to a delivery location');

$t->quit;


# ---- headers

$target->stop;
$target->start;
$target->forget;

$conf = $common . <<"EOC";

    event_source a {
        verify off;
        id "{json:id}";
        type "{json:type}";
        subject "{json:shop}";
        time "{json:at}";
    }

    event_source typeless { verify off; id "{json:id}"; }
    event_source loop { verify off; id "{json:id}"; dedup off; max_hops 1; }
    event_source ring { verify off; id "{json:id}"; dedup off; }

    event_target put    { method PUT; }
    event_target patch  { method PATCH; }
    event_target delete { method DELETE; }
    event_target get    { method GET; }
    event_target choosy { forward_headers X-Shopify-Topic Authorization
                                          x-missing X-Two User-Agent; }

    event_route typeless { from typeless; to one; }
    event_route first  { from a; when type = order; to one two; }
    event_route second { from a; when type = order; to two; }
    event_route third  { from a; when type = order; to two one; }
    event_route verbs  { from a; when type = verbs;
                         to put patch delete get; }
    event_route choosy { from a; when type = choosy; to choosy; }
    event_route own    { from a; when type = own; to own bare; }
    event_route ring   { from ring; to ring; }
    event_route loop   { from loop; to loop; }

    map \$event_type \$class { own mapped; default other; }

    server {
        $listen

        location = /a    { event_receive a; }
        location = /loop { event_receive loop; }
        location = /typeless { event_receive typeless; }
        location = /ring {
            event_receive ring;
            access_log %%TESTDIR%%/logs/ring.log;
        }

        location = /deliver/own {
            event_deliver own;
            proxy_pass http://target/own/\$event_id?t=\$event_target;
            proxy_set_header Host own.example;
            proxy_set_header Authorization "Basic b3du";
            proxy_set_header X-Class \$class;
            proxy_set_header X-Who
                \$event_source/\$event_target/\$event_routes;
            proxy_set_header X-Event-Attempt "";
            proxy_set_header Webhook-Id mine;
        }

        location = /deliver/bare {
            event_deliver bare;
            proxy_pass http://target/bare;
            proxy_pass_request_headers off;
        }

        location = /deliver/loop {
            event_deliver loop;
            proxy_pass http://127.0.0.1:%%PORT_8080%%/loop;
        }

        location = /deliver/ring {
            event_deliver ring;
            proxy_pass http://127.0.0.1:%%PORT_8080%%/ring;
        }
EOC

$conf .= locations(qw(one two put patch delete get choosy)) . "\n    }\n";

$t->config($conf)->run;


sub names {
    my ($request) = @_;

    return join ' ', sort map { $_->[0] } @{ $request->{headers} };
}


my $now = time;
my $r = post('/a', event(id => 'h1', at => '2026-01-02T03:04:05Z'),
    Authorization => 'Bearer producer', Cookie => 'a=b',
    'X-Shopify-Topic' => 'orders/paid', 'X-Forwarded-For' => '1.2.3.4',
    'User-Agent' => 'producer', Accept => '*/*', Referer => 'http://x/',
    Range => 'bytes=0-1', 'If-Modified-Since' => 'x', 'If-Match' => 'x',
    Upgrade => 'websocket', Expect => '', 'Accept-Encoding' => 'gzip',
    'X-Accel-Redirect' => '/deliver/one', TE => 'trailers',
    'Webhook-Id' => 'forged', 'Webhook-Timestamp' => '1',
    'ce-id' => 'forged', 'ce-type' => 'forged', 'ce-source' => 'forged',
    'X-Event-Route' => 'forged', 'X-Event-Attempt' => '99',
    'x-event-hops' => '1', 'X-Event-Target' => 'forged');

is($r->{status}, 200, 'headers: delivered');
is($target->count, 2, 'two routes, one target: called once');

my ($one) = $target->requests(uri => '/one');
my ($two) = $target->requests(uri => '/two');

is(names($one), 'Content-Length Content-Type Host User-Agent Webhook-Id '
    . 'Webhook-Timestamp X-Event-Attempt X-Event-Hops X-Event-Route '
    . 'ce-id ce-source ce-specversion ce-subject ce-time ce-type',
    'headers of a delivery');
is(names($two), names($one), 'the same for each target');

is($one->header('Webhook-Id'), 'h1', 'Webhook-Id');
cmp_ok(abs($one->header('Webhook-Timestamp') - $now), '<', 5,
    'Webhook-Timestamp');
is($one->header('ce-id'), 'h1', 'ce-id');
is($one->header('ce-type'), 'order', 'ce-type');
is($one->header('ce-source'), 'a', 'ce-source');
is($one->header('ce-subject'), 'acme', 'ce-subject');
is($one->header('ce-specversion'), '1.0', 'ce-specversion');
is($one->header('ce-time'), '2026-01-02T03:04:05Z', 'ce-time');
is($one->header('X-Event-Route'), 'first,third', 'routes of one');
is($two->header('X-Event-Route'), 'first,second,third', 'routes of two');
is($one->header('X-Event-Attempt'), 1, 'X-Event-Attempt');
is($one->header('X-Event-Hops'), 2, 'X-Event-Hops counts on');
is($one->header('Host'), 'target', 'Host');
is_deeply($r->json->{routes}, [ qw(first second third) ],
    'routes in the receipt');

# what the event does not say is left out; without a type it is no CloudEvent

$target->forget;
post('/a', '{"id":"h2","type":"order"}');
is(names(($target->requests(uri => '/one'))[0]),
    'Content-Length Content-Type Host User-Agent Webhook-Id Webhook-Timestamp '
    . 'X-Event-Attempt X-Event-Hops X-Event-Route ce-id ce-source '
    . 'ce-specversion ce-type', 'no subject, no time');

$target->forget;
post('/typeless', '{"id":"h3"}');
is(names(($target->requests(uri => '/one'))[0]),
    'Content-Length Content-Type Host User-Agent Webhook-Id Webhook-Timestamp '
    . 'X-Event-Attempt X-Event-Hops X-Event-Route ce-id ce-source',
    'no type: no CloudEvent');

# methods

$target->forget;
is(post('/a', $body = event(type => 'verbs'))->{status}, 200, 'methods');
is(join(' ', sort map { "$_->{method} $_->{uri}" } $target->requests),
    'DELETE /delete GET /get PATCH /patch PUT /put', 'methods of targets');
is(scalar(grep { $_->{body} ne $body } $target->requests), 0,
    'methods: bodies');

# forwarded headers

$target->forget;
post('/a', event(type => 'choosy'), Authorization => 'Bearer producer',
    'x-shopify-topic' => 'orders/paid', 'X-Two' => 'a', 'X-Two' => 'b',
    'X-Other' => 'no', 'User-Agent' => "pro\tducer\x7f");

my ($choosy) = $target->requests;

is(names($choosy), 'Authorization Content-Length Content-Type Host User-Agent '
    . 'Webhook-Id Webhook-Timestamp X-Event-Attempt X-Event-Hops '
    . 'X-Event-Route X-Shopify-Topic X-Two X-Two ce-id ce-source '
    . 'ce-specversion ce-subject ce-type', 'forwarded headers');
is($choosy->header('X-Shopify-Topic'), 'orders/paid', 'forwarded value');
is($choosy->header('X-Two'), 'a, b', 'forwarded twice');
is($choosy->header('User-Agent'), 'pro ducer ', 'forwarded without controls');

# the location's own say

$target->forget;
post('/a', event(id => 'own-1', type => 'own'));

my ($own) = $target->requests(uri => '/own/own-1?t=own');

ok($own, 'variables in proxy_pass');
is($own->header('Host'), 'own.example', 'proxy_set_header Host');
is($own->header('Authorization'), 'Basic b3du', 'proxy_set_header');
is($own->header('X-Class'), 'mapped', 'map of a variable');
is($own->header('X-Who'), 'a/own/own', 'variables in proxy_set_header');
is($own->header('X-Event-Attempt'), undef, 'header taken away');
is($own->header('Webhook-Id'), 'mine', 'header replaced');

my ($bare) = $target->requests(uri => '/bare');

is(names($bare), 'Content-Length Host', 'proxy_pass_request_headers off');

# a target that is the router itself

$r = post('/loop');
is($r->{status}, 502, 'loop: failed');
is($r->json->{outcome}, 'failed', 'loop: outcome');
is($r->json->{targets}[0]{status}, 508, 'loop: 508 at max_hops');

$r = post('/loop', event(), 'X-Event-Hops' => 1);
is($r->{status}, 508, 'hops at the limit');
is($r->header('Content-Type'), 'application/problem+json', 'hops: a problem');

$r = post('/ring');
is($r->{status}, 502, 'ring: failed');
$t->wait_file('logs/ring.log', qr/(?:.*\n){4}/);
is(join(' ', sort map { /" (\d+) / } split /\n/,
        $t->read_file('logs/ring.log')), '502 502 502 508', 'ring: 3 hops');

is(post('/a', event(), 'X-Event-Hops' => $_)->{status}, 200, "hops \"$_\"")
    for '', '-1', 'x', '2';
is(post('/a', event(), 'X-Event-Hops' => $_)->{status}, 508, "hops $_")
    for 3, 4000000000;

$t->quit;


# ---- bounds

$conf = $common . <<"EOC";

    event_concurrency 4;
    event_backlog 17;

    event_source a { verify off; id "{json:id}"; type "{json:type}"; }

    event_route all  { from a; when type = all; to @many[0 .. 19]; }
    event_route more { from a; when type = more; to @many[0 .. 21]; }
    event_route one  { from a; when type = one; to m1; }
    event_route two  { from a; when type = two; to m1 m2; }

    server {
        $listen
        location = /a { event_receive a; }
EOC

$t->config($conf . locations(@many) . "\n    }\n")->run;

$target->answer("/$_", delay => 0.05) for @many[0 .. 19];
$target->forget;

my $all = event(type => 'all');
my $wait = $t->connect;

$start = time;
$wait->send(POST => '/a', [ 'Content-Type' => 'application/json' ], $all);
wait_until(5, sub { $target->begun >= 4 });

# 20 of 21 places are taken

is(post('/a', my $two_event = event(type => 'two'))->{status}, 503,
    'backlog: no room for two');
is($wait->response->{status}, 200, 'concurrency: all delivered');
cmp_ok(time - $start, '>=', 0.25, 'concurrency: 5 rounds');

@got = $target->requests;

is(scalar @got, 20, 'concurrency: each once');
is(at_once(0.05, @got), 4, 'concurrency: 4 at once');
is(join(' ', sort map { $_->{uri} } @got[0 .. 3]), '/m1 /m2 /m3 /m4',
    'concurrency: first come, first served');

$target->forget;

$r = post('/a', event(type => 'more'));
is($r->{status}, 503, 'backlog: too many for ever');
is($r->json->{outcome}, 'overloaded', 'backlog: outcome');
is_deeply($r->json->{targets}, [], 'backlog: no targets in the receipt');
like($r->header('Retry-After'), qr/^[1-9]\d*$/, 'backlog: Retry-After');
is($target->count, 0, 'backlog: nothing delivered');

is(post('/a', $two_event)->{status}, 200, 'backlog: the retry is new');
is($target->count, 2, 'backlog: the retry is delivered');
is(($target->requests)[0]->header('X-Event-Attempt'), 1,
    'backlog: that was no attempt');

# 40 events at once, 4 places, 17 in the queue

$target->answer('/m1', delay => 0.02);
$target->forget;

my @clients = map { $t->connect } 1 .. 40;

$_->send(POST => '/a', [ 'Content-Type' => 'application/json' ],
    event(type => 'one')) for @clients;

my %status;

$status{($_->response // {})->{status} // 0}++ for @clients;
$_->close for @clients;

is(join(' ', sort keys %status), '200 503', 'flood: 200 or 503');
cmp_ok($status{200}, '>=', 21, 'flood: all places used');
is($target->count, $status{200}, 'flood: 200 is delivered, 503 is not');
cmp_ok(at_once(0.02, $target->requests), '<=', 4, 'flood: 4 at once');

is(post('/a', event(type => 'all'))->{status}, 200,
    'flood: no place was lost');

$t->quit;

# no queue at all

$conf =~ s/event_backlog 17/event_backlog 0/;
$conf =~ s/event_concurrency 4/event_concurrency 1/;

$t->config($conf . locations(@many) . "\n    }\n")->run;
$target->forget;

is(post('/a', event(type => 'two'))->{status}, 503, 'no backlog: two targets');
is($target->count, 0, 'no backlog: nothing delivered');
is(post('/a', event(type => 'one'))->{status}, 200, 'no backlog: one target');

$t->quit;


# ---- connections run out: an error, and all of them come back

$t->{connections} = 64;

$conf = $common . <<"EOC";

    event_source a { verify off; id "{json:id}"; type "{json:type}"; }

    event_route all { from a; when type = all; to @many; }
    event_route one { from a; when type = one; to m1; }

    server {
        $listen
        location = /a { event_receive a; }
EOC

$target->answer("/$_", delay => 0.05) for @many;
$target->forget;

$t->expect_log(qr/64 worker_connections are not enough/, 'that is the test');
$t->config($conf . locations(@many) . "\n    }\n")->run;

my $id = event(type => 'all');

$r = post('/a', $id);
like($r->{status}, qr/^50[23]$/, 'no connections: not delivered');
like($r->json->{outcome}, qr/^(failed|error)$/, 'no connections: outcome');

my %state;

$state{$_->{state}}++ for @{ $r->json->{targets} };
is(join(' ', sort keys %state), 'failed ok', 'no connections: some got it');

my $attempts = 1;

while ($r->{status} != 200 && $attempts++ < 40) {
    $r = post('/a', $id);
}

is($r->{status}, 200, 'no connections: retries bring it home');
is($r->json->{attempt}, $attempts, 'no connections: attempts counted');

my %calls;

$calls{$_->{uri}}++ for $target->requests;

is(scalar keys %calls, 200, 'no connections: each target has it');
is(scalar(grep { $_ > 1 } values %calls), 0, 'no connections: none twice');
is(post('/a', event(type => 'one'))->{status}, 200,
    'no connections: they came back');

$t->done;
