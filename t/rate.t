#!/usr/bin/perl

# Copyright (C) Event Router contributors

# How many events a source may publish: "rate" of event_source, counted by all
# workers, over a reload, and by several nginx that share a Redis; what is
# refused is not lost.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Port qw(wait_until);

my $t = Test::EventRouter->new(workers => 2);
my $erp = $t->target(8081);
my $serial = 0;

$t->expect_log(qr/\[emerg\]/, 'wrong configurations are what is tested');
$t->expect_log(qr/redis \S+: /, 'a Redis that is away is tested');


# ---- nginx -t

fine($_) for 'rate 1r/s;', 'rate 1000000r/s;', 'rate 5r/m burst=1;',
    'rate 100r/h by=subject;', 'rate 5000r/d by=data.shop burst=100;',
    'rate 5r/s burst=20 by=header.X-Shop;', 'rate 5r/s by=$remote_addr;',
    'rate 1r/d burst=366;';

my $unit = 'it is a number from 1 to 1000000 and a unit, as in 50r/s';

wrong('rate 0r/s;', $unit);
wrong('rate 1000001r/s;', $unit);
wrong('rate -1r/s;', $unit);
wrong('rate 1.5r/s;', $unit);
wrong('rate 5;', $unit);
wrong('rate r/s;', $unit);
wrong('rate 5r/w;', $unit);
wrong('rate 5R/S;', $unit);
wrong('rate 5r/s burst=0;', 'burst=');
wrong('rate 5r/s burst=x;', 'burst=');
wrong('rate 5r/s by=;', 'by=');
wrong('rate 5r/s by=dta.shop;', 'did you mean');
wrong('rate 5r/s bye=subject;', 'takes by=FIELD and burst=NUMBER');
wrong('rate 5r/s by=subject by=type;', 'by=');
wrong('rate 1r/d burst=1000;', 'takes more than a year');
wrong('rate 5r/s; rate 6r/s;', 'directive is duplicate');
wrong('rate;', 'rate NUMBERr/s');


# who never sends an event again loses it

$t->config(conf('verify github; secret file:secret; delivery sync; '
    . 'rate 5r/s;'));
$t->write_file('conf/secret', 'a-secret-of-github');

my ($ok, $said) = $t->check_config;

ok($ok, 'a producer that sends once') or diag($said);
like($said, qr/\[warn\] .*only once: what is more than its "rate" is lost .*nginx\.conf:\d+$/m,
    'is warned of');


# the element of a body that is split is "data"

for my $row ([ 'data.l', 'data.l.sku', '.sku' ],
             [ 'data.a.b data.l', 'data.l.x.y', '.x.y' ],
             [ 'data.a.b data.l', 'data.a.b.c', '.c' ])
{
    my ($split, $by, $rest) = @$row;
    my $array = $by =~ s/\Q$rest\E$//r;

    $t->config(conf("split $split; rate 5r/s by=$by;"));

    my ($ok, $said) = $t->check_config;

    ok($ok, "split $split, by=$by") or diag($said);
    like($said, qr/\[warn\] "rate" of event_source "shop" is by "\Q$by\E", /,
        'is warned of');
    like($said, qr/is split by "\Q$array\E": "data" is the element then, write /,
        'with the array');
    like($said, qr/write "by=data\Q$rest\E" in .*nginx\.conf:\d+$/m,
        'and the way out');
}

for my $line ('data.l; rate 5r/s by=data.sku', 'data; rate 5r/s by=data.data',
              'data.l; rate 5r/s by=data.list.a', 'data.l; rate 5r/s',
              'data.l; rate 5r/s by=data.l',
              'data.l; rate 5r/s by=header.X-Data.l.a',
              'off; rate 5r/s by=data.l.sku')
{
    $t->config(conf("split $line;"));

    my ($ok, $said) = $t->check_config;

    ok($ok && $said !~ /is split by/, "fine: split $line") or diag($said);
}


# ---- one bucket

start('rate 1r/h burst=3;');

is(statuses(5), '200 200 200 429 429', 'as many as the burst');

my $r = post();

is($r->{status}, 429, 'one more');
is($r->header('Content-Type'), 'application/problem+json', 'a problem');
is_deeply($r->json, { type => 'about:blank', title => 'Too Many Requests',
    status => 429, detail => 'the source has published more events than it '
    . 'may: send it again later' }, 'what it says');
cmp_ok($r->header('Retry-After'), '>', 3500, 'when to come again');
cmp_ok($r->header('Retry-After'), '<=', 3600, 'not later');
is(counter('limited'), 3, 'counted');
ok($t->wait_log(qr/\[warn\] .*request from source "shop" answered 429: it has published more than "rate 1r\/h"/),
    'logged');
is(scalar(() = $erp->requests), 3, 'the target got what was let through');

$t->reload;
is(post()->{status}, 429, 'a reload forgets nothing');

is(post(uri => '/free')->{status}, 200, 'another source is not limited');
$t->stop;

# another rate holds from the reload on: what has come stays as many events,
# and nobody waits longer than for the burst

for my $by ('', ' by=data.shop') {
    for my $c (changes()) {
        my ($name, $before, $events, $after, $least, $most) = @$c;

        start("rate $before$by;");
        post() for 1 .. $events;
        again("rate $after$by;");
        changed("$name$by", $least, $most);
        $t->stop;
    }
}

# by default what comes in the time that is named

start('rate 4r/h;');
is(statuses(6), '200 200 200 200 429 429', 'the default burst');
$t->stop;

# what was refused is no duplicate

start('rate 2r/s burst=1;');
is(post(id => 'a')->{status}, 200, 'the first one');
$r = post(id => 'b');
is($r->{status}, 429, 'the second one');
is($r->header('Retry-After'), 1, 'a second is the least');
sleep $r->header('Retry-After');
is(post(id => 'b')->json->{outcome}, 'delivered', 'comes again and is taken');
sleep 1;
is(post(id => 'b')->json->{outcome}, 'duplicate', 'a duplicate is one still');
is(post(id => 'b')->{status}, 429, 'and has counted');
$t->stop;


# ---- what counts

start('rate 1r/h burst=2; split data.events; require data.bad missing;');

sub batch { JSON::PP->new->encode({ events =>
    [ map { { id => 'b' . ++$serial } } 1 .. $_[0] ] }) }

is($t->post('/hook', batch(5), json())->{status}, 200,
    'a batch that is larger than the burst');
$r = post();
is($r->{status}, 429, 'and what comes behind it waits');
cmp_ok($r->header('Retry-After'), '>', 3 * 3600 + 3500, 'for all of it');
$t->stop;

start('rate 1r/h burst=3; require data.bad missing;');
is(post(bad => 1)->{status}, 422, 'one that is not what it must be');
is(statuses(3), '200 200 429', 'has counted');
$t->stop;

$t->write_file('conf/secret', 'what-is-signed-with');
start('rate 1r/h burst=2; verify bearer; secret file:secret;');
is(post()->{status}, 401, 'who is not verified') for 1 .. 4;
is(post(headers => [ Authorization => 'Bearer what-is-signed-with' ])
    ->{status}, 200, "counts for nobody: $_") for 1 .. 2;
is(post(headers => [ Authorization => 'Bearer what-is-signed-with' ])
    ->{status}, 429, 'but those who are do');
is($t->post('/explain', '{"id":1}', [ @{ json() },
        Authorization => 'Bearer what-is-signed-with' ])->json
    ->{events}[0]{rate}{limit}, '1r/h', 'explained');
$t->stop;


# ---- by a field

start('rate 1r/h by=data.shop burst=2;');

is(statuses(3, shop => 'a'), '200 200 429', 'one value');
is(statuses(3, shop => 'b'), '200 200 429', 'another one');
is(statuses(3), '200 200 429', 'none');
is(statuses(1, shop => ''), '200', 'an empty one is a value');
is(statuses(1, shop => 'a'), '429', 'the first one still');

is($t->post('/hook', '{"id":"v1","shop":"b"}', json())->json->{detail},
    'the source has published more events than it may for "b": send it again '
    . 'later', 'the value is named');
is($t->post('/hook', '{"id":"v2"}', json())->json->{detail},
    'the source has published more events than it may for events without that '
    . 'field: send it again later', 'or that there is none');

for my $row ([ 'x\"y\\\n\u0001' => 'x"y\\n%01' ],
             [ 'v' x 300 => ('v' x 64) . '...' ])
{
    my ($value, $want) = @$row;
    my $body = qq({"id":"h%d","shop":"$value"});

    $t->post('/hook', sprintf($body, ++$serial), json()) for 1, 2;
    is($t->post('/hook', sprintf($body, ++$serial), json())->json->{detail},
        "the source has published more events than it may for \"$want\": "
        . 'send it again later', 'a hostile one, safely');
}

ok($t->wait_log(qr/answered 429: it has published more than "rate 1r\/h by=data\.shop" for "b"/),
    'and in the log');
is($t->post('/explain', '{"shop":"acme"}', json())->json
    ->{events}[0]{rate}{values}[0]{text}, 'acme', 'explained');
$t->stop;

start('rate 1r/h by=data.shop burst=2; split data.events;');

sub mixed { JSON::PP->new->encode({ events =>
    [ map { { id => 'm' . ++$serial, shop => $_ } } @_ ] }) }

# events that no route takes count as well

sub quiet { JSON::PP->new->encode({ events =>
    [ map { { id => 'q' . ++$serial, quiet => 1, shop => $_ } } @_ ] }) }

is($t->post('/hook', mixed('a', 'b', 'a'), json())->{status}, 200,
    'of several values');
my $several = $t->post('/hook', mixed('c', 'a'), json());
like($several->json->{detail}, qr/than it may for one of its values: /,
    'of several it is one');
is($several->{status}, 429,
    'if one has had enough none is taken');
is($t->post('/hook', mixed('c'), json())->{status}, 200,
    'the other one has not counted') for 1 .. 2;
is($t->post('/hook', mixed('c'), json())->{status}, 429, 'until it has');
$t->stop;

start('rate 1r/h by=header.X-Key burst=1;');
$t->post('/hook', qq({"id":"k$_"}), [ @{ json() },
    'X-Key' => $t->secret('a-key-of-somebody-1234') ]) for 1, 2;
ok($t->wait_log(qr/more than "rate 1r\/h by=header\.X-Key"$|by=header\.X-Key", client/),
    'a header can be a secret: it is not named');
$t->stop;

# more values than are remembered: the last ones are

start('rate 1r/h by=data.shop burst=1; split data.events; max_batch 10000;');

is($t->post('/hook', mixed('old'), json())->{status}, 200, 'a value');
is($t->post('/hook', quiet(map { "s$_" } 1 .. 6000), json())->{status}, 200,
    'many others');
is($t->post('/hook', mixed('old'), json())->{status}, 429, 'it is known');
is($t->post('/hook', quiet(map { "t$_" } 1 .. 6000), json())->{status}, 200,
    'more than there is room for');
is($t->post('/hook', mixed('t6000'), json())->{status}, 429,
    'the last one is known');
is($t->post('/hook', mixed('old'), json())->{status}, 200,
    'the oldest one is forgotten');
$t->stop;


# ---- Redis, two nginx

my $redis = $t->redis(6379);
my $other = Test::EventRouter->new;

$other->{ports}{$_} = $t->port($_) for 6379, 8081;
$other->expect_log(qr/redis \S+: /, 'a Redis that is away is tested');

for my $mode ('sync', 'queued') {
    $redis->command('FLUSHALL');

    my $lines = "rate 1r/h by=data.shop burst=3; delivery $mode;";
    my $ok = $mode eq 'sync' ? 200 : 202;

    $_->config(conf($lines, 'redis://127.0.0.1:%%PORT_6379%%')) for $t, $other;
    $_->run for $t, $other;

    # until each of them has its Redis

    for my $n ($t, $other) {
        ok(wait_until(10, sub { post(on => $n, shop => 'w' . ++$serial)
            ->{status} == $ok }), "$mode: ready");
    }

    is(join(' ', map { post(on => $_, shop => 'a')->{status} }
            $t, $other, $t, $other, $t), "$ok $ok $ok 429 429",
        "$mode: two nginx count together");
    $r = post(on => $other, shop => 'a');
    cmp_ok($r->header('Retry-After'), '>', 3500, "$mode: when to come again");
    cmp_ok($r->header('Retry-After'), '<=', 3600, "$mode: not later");
    is(post(on => $other, shop => 'b')->{status}, $ok, "$mode: another value");

    my ($key) = grep { /:\{r\}:/ } @{ $redis->command(KEYS => '*') };

    like($key, qr/^er:\{r\}:[0-9a-f]{16}:[0-9a-f]{32}$/, "$mode: its key");
    cmp_ok($redis->command(PTTL => $key), '>', 0, "$mode: will go");

    $redis->command(SCRIPT => 'FLUSH');
    is(post(on => $t, shop => 'a')->{status}, 429, "$mode: a lost script");

    if ($mode eq 'sync') {

        # a larger rate in one nginx, and the smaller one still in the other

        post(on => $t, shop => 'c') for 1 .. 3;
        again('rate 1000r/s by=data.shop burst=1000; delivery sync;',
            'redis://127.0.0.1:%%PORT_6379%%');
        ok(wait_until(10, sub { post(on => $t, shop => 'a')->{status}
            == 200 }), 'another rate holds at once');
        is(post(on => $t, shop => 'c')->{status}, 200, 'for each value');
        is(join(' ', map { post(on => $other, shop => 'd')->{status} }
                1 .. 4), '200 200 200 429', 'the other nginx has its own');
        again($lines, 'redis://127.0.0.1:%%PORT_6379%%');
        $redis->command(DEL => $_)
            for grep { /:\{r\}:/ } @{ $redis->command(KEYS => '*') };
    }

    next if $mode eq 'queued';

    $redis->stop;

    is(join(' ', map { post(on => $t, shop => 'z')->{status} } 1 .. 5),
        '200 200 200 429 429', 'Redis is away: it counts by itself');
    is(join(' ', map { post(on => $other, shop => 'z')->{status} } 1 .. 4),
        '200 200 200 429', 'so does the other one');

    $redis->start;
    $_->stop for $t, $other;
}

# a client that goes while Redis is asked

$redis->pause;

for my $how ('close', 'reset') {
    my $c = $t->connect;

    $c->send(POST => '/hook', json(), qq({"id":"$how","shop":"gone"}));
    select undef, undef, undef, 0.05;
    $c->$how;
}

$redis->resume;

is(post(on => $t, shop => 'after')->{status}, 202, 'and the next one');

$other->stop;
$t->done;


sub conf {
    my ($lines, $store) = @_;

    $lines = "verify off; $lines" if $lines !~ /verify/;
    $store //= '';
    $store &&= "event_store $store;";

    return <<"EOC";
$store
event_source shop {                    # block of source
    id "{json:id}";
    $lines
}

event_source free { verify off; id "{json:id}"; }
event_route all { from *; when data.quiet missing; to erp; }

server {
    listen  127.0.0.1:%%PORT_8080%%;

    location = /hook { event_receive  shop; }
    location = /free { event_receive  free; }
    location = /explain { event_explain  shop access=nginx; allow all; }
    location = /status/ { event_status; }

    location = /deliver/erp {
        event_deliver  erp;
        proxy_pass     http://127.0.0.1:%%PORT_8081%%;
        proxy_connect_timeout  2s;
        proxy_send_timeout     2s;
        proxy_read_timeout     2s;
    }
}
EOC
}


# name, rate before, how many come, rate after, and how long the next one that
# is refused waits

sub changes {
    return (
        [ 'more', '100r/d burst=10', 12, '1000r/s burst=1000', 0, 0 ],
        [ 'a shorter time', '1r/h burst=3', 4, '1r/m burst=3', 30, 60 ],
        [ 'a larger burst', '1r/h burst=3', 4, '1r/h burst=9', 0, 0 ],
        [ 'less', '1000r/m burst=50', 60, '1r/h burst=2', 3000, 3600 ],
        [ 'a smaller burst', '1r/d burst=300', 20, '1r/d burst=1', 80000,
            86400 ],
    );
}


sub changed {
    my ($name, $least, $most) = @_;

    my $r = post();
    my $wait = $r->header('Retry-After') // 0;

    is($r->{status}, $most ? 429 : 200, "$name: the next one");
    ok($least <= $wait && $wait <= $most, "$name: when to come again")
        or diag($wait);
}


sub again {
    $t->config(conf(@_));
    $t->reload;
}


# each begins anew: another source would have another zone, a reload keeps it

sub start {
    $t->config(conf(@_));
    $t->run;
}


sub json { [ 'Content-Type' => 'application/json' ] }


sub post {
    my (%o) = @_;

    my $on = delete $o{on} // $t;
    my $uri = delete $o{uri} // '/hook';
    my $headers = delete $o{headers} // [];

    return $on->post($uri, JSON::PP->new->encode({ id => ++$serial, %o }),
        [ @{ json() }, @$headers ]);
}


sub statuses {
    my ($n, %event) = @_;

    return join ' ', map { post(%event)->{status} } 1 .. $n;
}


sub counter {
    my ($name) = @_;

    return $t->get('/status/')->json->{sources}{shop}{$name};
}


sub fine {
    my ($line) = @_;

    $t->config(conf($line));

    my ($ok, $said) = $t->check_config;

    ok($ok, "fine: $line") or diag($said);
}


sub wrong {
    my ($line, $expected) = @_;

    $t->config(conf($line));

    my ($ok, $said) = $t->check_config;

    ok(!$ok && $said =~ /\[emerg\] .*\Q$expected\E.*nginx\.conf:\d+$/m,
        "wrong: $line") or diag($said);
}
