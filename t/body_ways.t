#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What becomes of an event whose target has a "body": what cannot be made, what
# is tried again, signatures, questions, answers that are handed on, the order,
# and another nginx.conf while events wait.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256);
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Port qw(wait_until);
use Test::EventRouter::Queue;

# t/body_ways_redis.t runs this file, too

my $t = Test::EventRouter->new;
my $q = Test::EventRouter::Queue->new($t);
my $redis = $ENV{TEST_BODY_REDIS} && $t->redis(6379);
my $target = $t->target(8081);
my $has = $t->target(8082);

my $fast = 'breaker off; retry base=50ms max=100ms for=1h;';
my $key = encode_base64('k' x 32, '');

$t->secret($key);
chmod 0600, $t->write_file('key', "whsec_$key");
$t->expect_log(qr/there is no body for it/, 'some have none');
$t->expect_log(qr/prematurely closed/, 'some answers are lost');
$t->expect_log(qr/stay behind in redis/, 'no source queues for a while')
    if $redis;


sub config {
    my ($targets, %o) = @_;

    $q->config(targets => $targets, admin => 'reveal',
        http => 'event_history 1d;',
        ($redis ? (in => 'redis://127.0.0.1:%%PORT_6379%%') : ()), %o);
}


sub request {
    my ($id) = @_;

    wait_until(4, sub { $q->attempts($target, $id) });

    return ($q->attempts($target, $id))[-1] // {};
}


# ---- what cannot be made

my $form = "$fast body form id=id a=data.a.b";
my $none = { twice => '"a":{"b":1,"b":2}', deep => '"a":{"b":1},"a":{"b":2}' };

config({ twice => "$form;", deep => "$form;", hurt => "$fast optional;" });
$t->run;

for my $name (sort keys %$none) {
    my $id = "n-$name";
    my $r = $q->post(qq({"id":"$id","type":"$name",$none->{$name}}));

    is($r->{status}, 202, "$name: taken");
    ok(wait_until(4, sub { grep { $_->{id} eq $id } $q->dead }),
        "$name: a dead letter");

    my ($dead) = grep { $_->{id} eq $id } $q->dead;
    my $key = $name eq 'twice' ? 'b' : 'a';

    is($dead->{reason}, 'final', "$name: no retry helps");
    is($dead->{attempts}, 0, "$name: nothing was sent");
    like($dead->{answer}, qr/^"$key" of "data\.a\.b" is given twice, at byte/,
        "$name: why");
    is($target->count, 0, "$name: the target has seen nothing");

    my ($event) = @{ $t->get("/admin/v1/events?id=$id")->json->{events} };
    my ($seen) = @{ $t->get("/admin/v1/events/$event->{event}")->json
                    ->{targets} };

    is($seen->{state}, 'dead', "$name: in its history");
    is(join(' ', map { $_->{state} // 'why' } @{ $seen->{history} }),
        'why dead', "$name: step by step");
    is($seen->{history}[0]{why}, $dead->{answer}, "$name: and why");
    ok($t->wait_log(qr/is a dead letter now: final, "$id" of source "a", /
                    . qr/there is no body for it: "$key" of "data\.a\.b" is/),
        "$name: error.log says so");
}

# another body, and they are replayed

config({ map { $_ => "$fast body form id=id;" } sort keys %$none });
ok($t->reload && $t->wait_old_workers, 'a body that can be made');
is($q->change(replay => target => "twice")->json->{replayed}, 1, 'replayed');
is(request('n-twice')->{body}, 'id=n-twice', 'it is delivered');


# ---- the same while the producer waits

config({ twice => "body form a=data.a.b;", part => 'breaker off;' },
    delivery => 'sync', source => 'reply from=twice;', more => '
    event_route both { from a; when type = twice; to part; copy; }');
ok($t->reload && $t->wait_old_workers, 'at once');
$target->forget;

my $r = $q->post('{"id":"s1","type":"twice","a":{"b":1,"b":2}}');
my %state = map { $_->{name} => $_ } @{ $r->json->{targets} };

is($r->{status}, 502, 'no body: the producer is told to try again');
is($state{twice}{state}, 'failed', 'no body: it failed');
like($state{twice}{error}, qr/^"b" of "data\.a\.b" is given twice/,
    'no body: and why');
is($state{part}{state}, 'ok', 'no body: the others have it');
ok($t->wait_log(qr/event "s1" of source "a" is not delivered to target /
                . qr/"twice", there is no body for it: "b" of "data/),
    'no body: error.log says so');

my ($event) = @{ $t->get('/admin/v1/events?id=s1')->json->{events} };
my ($seen) = grep { $_->{target} eq 'twice' }
             @{ $t->get("/admin/v1/events/$event->{event}")->json->{targets} };

is(join(' ', map { $_->{state} // 'why' } @{ $seen->{history} }),
    'why failed', 'no body: in its history');

# the answer of the target is handed on

$target->answer('/twice/ok', status => 201, body => 'thanks');
$r = $q->post('{"id":"s2","type":"twice","kind":"ok","a":{"b":"x"}}');
is($r->{status}, 201, 'a body: what the target says');
is($r->{body}, 'thanks', 'a body: is the answer');
is((grep { $_->{uri} =~ m{/twice/} } $q->attempts($target, 's2'))[0]{body},
    'a=x', 'a body: of what it got');


# ---- a test of a target

$target->forget;
$r = $t->post('/admin/test?target=twice', '{"a":{"b":"1","b":2}}',
    [ 'Content-Type' => 'application/json', 'X-Event-Admin' => 1 ]);
is($r->{status}, 200, 'a test');
is($r->json->{verdict}, 'final', 'no body');
like($r->json->{why}, qr/^"b" of "data\.a\.b" is given twice/, 'and why');
is($target->count, 0, 'nothing is sent');

$r = $t->post('/admin/test?target=twice', '{"a":{"b":"1"}}',
    [ 'Content-Type' => 'application/json', 'X-Event-Admin' => 1 ]);
is($r->json->{status}, 200, 'a test that is sent');
is(($target->requests)[0]{body}, 'a=1', 'with the body that was made');


# ---- tried again, signed, asked, in order; and while events wait

my $sign = 'sign standardwebhooks secret=file:%%TESTDIR%%/key;';

config({
    again => "$fast body form id=id n=data.n; $sign",
    asked => { lines => "$fast body form id=id; in_doubt /asked { wait 0; }",
               location => 'proxy_next_upstream off;' },
    line  => "$fast order by=data.key; body form n=data.n;",
    waits => 'breaker off; retry base=1h max=1h for=72h; '
             . 'body form old=data.n;' },
    server => 'location = /asked { internal;
                   proxy_pass http://127.0.0.1:%%PORT_8082%%/asked; }');
ok($t->reload && $t->wait_old_workers, 'more');
$target->forget;

$target->answer('/again/bad', [ { status => 500 }, { status => 503 }, {} ]);
my $id = $q->send('again', kind => 'bad', n => 7);
ok(wait_until(4, sub { $q->attempts($target, $id) == 3 }), 'tried again');

for my $got ($q->attempts($target, $id)) {
    my $stamp = $got->header('Webhook-Timestamp');

    is($got->{body}, "id=$id&n=7", 'the same body');
    is($got->header('Webhook-Signature'), 'v1,' . encode_base64(hmac_sha256(
        "$id.$stamp.$got->{body}", decode_base64($key)), ''), 'signed');
}

$target->answer('/asked/lost', [ { fault => 'close' }, {} ]);
$has->answer('/asked', status => 404);
$id = $q->send('asked', kind => 'lost');
ok(wait_until(4, sub { $q->attempts($target, $id) == 2 }),
    'in doubt: sent again');
is(request($id)->{body}, "id=$id", 'in doubt: with its body');

my @line = map { $q->send('line', key => 'k', n => $_) } 1 .. 20;

ok(wait_until(5, sub { keys %{ $q->seen($target, uri => '/line/ok') } == 20 }),
    'in order');
is(join(' ', map { $_->{body} } grep { $_->{uri} eq '/line/ok' }
        $target->requests), join(' ', map { "n=$_" } 1 .. 20), 'each its own');

$target->answer('/waits/ok', status => 500);
$id = $q->send('waits', n => 1);
is(request($id)->{body}, 'old=1', 'the body of now');
config({ waits => "$fast body form new=data.n;" });
ok($t->reload && $t->wait_old_workers, 'another body');
$target->answer('/waits/ok', status => 200);
is($q->change("v1/retry" => target => "waits")->{status}, 200, 'now');
ok(wait_until(4, sub { $q->attempts($target, $id) == 2 }), 'tried again');
is(request($id)->{body}, 'new=1', 'the new one counts');

my $status = $t->get('/status')->json;

is($status->{targets}{$_}{queue}{unaccounted} // 0, 0, "$_: none is missing")
    for sort keys %{ $status->{targets} };

$t->done;
