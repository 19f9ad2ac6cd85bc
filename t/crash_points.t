#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Every row of the table of crash points in docs/guarantees.md: something
# breaks at that very point, then the producer sends the event again, as it
# does.  Each row looks at both ends: what the producer is told, and which
# target got the event how often, as which attempt.
#
# Points inside a worker are reached from outside: a target that holds its
# answer, or a Redis in front of the real one that holds a command or loses a
# reply, says where the worker is; then it is killed.  The rows about workers
# run with keys in shared memory, those about Redis with a real Redis.  Where a
# lease in Redis has to end, the test moves its beginning into the past, as far
# as the script can tell that is the same as waiting.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use FakeRedis qw(:all);
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Dedup;
use Test::EventRouter::Port qw(wait_until);

my $secret = $Test::EventRouter::Dedup::SECRET;


# ---- one nginx with keys in shared memory

my $m = Test::EventRouter->new;

my %target = (one => $m->target(8081), two => $m->target(8082),
              three => $m->target(8083));
my %ports = map { $_ => $target{$_}->port } keys %target;

my $slow = <<'EOC';
    event_source slow {
        verify shopify;
        secret file:%%TESTDIR%%/secret;
        deadline 10s;
    }
    event_source strict {
        verify shopify;
        secret file:%%TESTDIR%%/secret;
        unrouted 422;
    }
    event_source brief {
        verify shopify;
        secret file:%%TESTDIR%%/secret;
        dedup 1s;
    }
    event_source long {
        verify shopify;
        secret file:%%TESTDIR%%/secret;
        deadline 10s;
    }
    event_route slow { from slow; to one; }
    event_route long { from long; to one two three; }
    event_route brief { from brief; to one; }
    event_route strict { from strict; when data.id = 99; to one; }
EOC

my $doors = join '', map { <<"EOC" } qw(slow strict brief long);
        location = /$_ {
            event_receive $_;
            add_header X-Dedup \$event_dedup always;
            add_header X-Outcome \$event_status always;
        }
EOC

my %memory = (deadline => '300ms', http => $slow, server => $doors,
    listen => 'listen 127.0.0.1:%%PORT_8090%% http2;');

node($m, router(%memory));


# ---- two with one Redis; the first one sees it through a fake

my $r1 = Test::EventRouter->new;
my $r2 = Test::EventRouter->new;

my $redis = $r1->redis(6379);
my $fake = $r1->own(FakeRedis->start(port => $r1->port(6380),
    backend => $redis->port,
    accept => sub { $_[0]{redis}->mode eq 'dead' ? drop() : () },
    commands => { map { $_ => \&between } qw(PING EVAL EVALSHA) }));

my $wait = 'timeout=10s connect_timeout=10s';

my %redis = (%memory, ports => \%ports, deadline => '1s', listen => '');

node($r1, router(%redis, http => "$slow event_concurrency 1;",
    store => 'event_store redis://127.0.0.1:' . $fake->port . " $wait;"));
node($r2, router(%redis,
    store => 'event_store redis://127.0.0.1:' . $redis->port . " $wait;"));

# all four scripts pass once, so that the fake can tell them

$target{two}->answer('/to/two', [ { status => 500 }, {} ]);
order($r1, 'first') for 1 .. 2;

is(join(' ', sort keys %{ { map { $_->{verb} => 1 } verbs($fake) } }),
    'claim finalize release settle', 'scripts are known');


# ---- the rows

subtest 'S0: before verification or the end of the body' => sub {
    my ($method, $uri, $headers, $body) = order_request('s0');

    # the worker dies with half of the body read

    my $c = $m->connect;

    $c->write(substr Test::EventRouter::Client::format_request($method, $uri,
        $headers, $body), 0, -5);
    wait_until(5, sub { $m->get('/status')->{status} == 200 });
    $m->kill_worker;
    $c->close;

    # and a forgery

    my $r = $m->post($uri, "$body ", $headers);
    is($r->{status}, 401, 'forged');

    is(outcome(order($m, 's0')), '200 delivered memory', 'new');
    is(attempts($target{one}, 's0'), '1', 'one called once');
    is(attempts($target{two}, 's0'), '1', 'two called once');

    # nor is anything left in Redis

    my $keys = $redis->command('DBSIZE');

    is($r1->post($uri, "$body ", $headers)->{status}, 401, 'forged again');
    is($redis->command('DBSIZE'), $keys, 'nothing in Redis');
};


subtest 'S1: after verification, before the claim is sent' => sub {
    my $pings = greetings();

    # the next connection to Redis gets no answer to its greeting, so the
    # claim waits in the worker

    $fake->mode('greeting hold');
    $r1->kill_worker;
    wait_until(5, sub { greetings() > $pings });

    my $c = $r1->connect;
    my $claims = grep { $_->{verb} eq 'claim' } verbs($fake);

    $c->send(order_request('s1'));
    wait_until(5, sub { verified($r1, 's1') });

    is(scalar(grep { $_->{verb} eq 'claim' } verbs($fake)), $claims,
        'no claim was sent');

    $fake->mode('');
    $r1->kill_worker;
    unlike(($c->response // {})->{status} // 0, qr/^2/, 'no 2xx');
    $c->close;

    is(outcome(order($r1, 's1')), '200 delivered redis', 'new');
    is(attempts($target{one}, 's1'), '1', 'one called once');
    is(attempts($target{two}, 's1'), '1', 'two called once');
};


subtest 'S2: claim executed, its reply lost, worker alive' => sub {
    my $n = grep { $_->{verb} eq 'claim' } verbs($fake);

    $fake->mode('claim lose');

    is(outcome(order($r1, 's2')), '200 delivered redis', 'delivered');

    my @claims = grep { $_->{verb} eq 'claim' } verbs($fake);

    is(scalar(@claims), $n + 2, 'claimed twice');
    is($claims[$n]{key}, $claims[$n + 1]{key}, 'the same key');
    is($claims[$n]{token}, $claims[$n + 1]{token}, 'with the same token');
    is(attempts($target{one}, 's2'), '1', 'one called once');
    is(attempts($target{two}, 's2'), '1', 'two called once');
    is(outcome(order($r2, 's2')), '200 duplicate redis', 'then a duplicate');
};


subtest 'S3: claim executed, worker killed' => sub {
    my $n = grep { $_->{verb} eq 'claim' } verbs($fake);
    my $c = $r1->connect;

    $fake->mode('claim mute');
    $c->send(order_request('s3'));
    wait_verb($fake, 'claim', $n + 1);
    $fake->mode('');
    $r1->kill_worker;
    unlike(($c->response // {})->{status} // 0, qr/^2/, 'no 2xx');
    $c->close;

    # here the lease ends by itself: 1 s of the deadline and 2 s more

    my ($r, @busy) = retry($r1, 's3');

    cmp_ok(scalar(@busy), '>', 5, 'busy until the lease ends');
    is(scalar(grep { outcome($_) ne '409 busy redis' } @busy), 0, 'always 409');
    is(scalar(grep { $_->header('Retry-After') !~ /^[1-3]$/ } @busy), 0,
        'with a Retry-After');
    is($busy[-1]->header('Retry-After'), 1, 'which goes down');

    is(outcome($r), '200 delivered redis', 'then delivered');
    is(attempts($target{one}, 's3'), '2', 'one called once');
    is(attempts($target{two}, 's3'), '2', 'two called once');
};


subtest 'S4: request sent to a target, worker killed before it answers' => sub {
    $target{one}->answer('/to/one', [ { fault => 'hang' }, {} ]);

    my $c = $m->connect;

    $c->send(order_request('s4'));
    wait_until(5, sub { calls($target{one}, 's4') && calls($target{two}, 's4') });
    $m->kill_worker;
    unlike(($c->response // {})->{status} // 0, qr/^2/, 'no 2xx');
    $c->close;

    my ($r, @busy) = retry($m, 's4');

    cmp_ok(scalar(@busy), '>', 0, 'busy until the lease ends');
    is(scalar(grep { outcome($_) ne '409 busy memory' } @busy), 0,
        'always 409');
    is(outcome($r), '200 delivered memory', 'then delivered');
    is(attempts($target{one}, 's4'), '1 2', 'the first called again');
    is(attempts($target{two}, 's4'), '1', 'the second was settled');
    is(scalar(grep { $_->{body} eq (calls($target{one}, 's4'))[0]{body} }
              calls($target{one}, 's4')), 2, 'the same event');
    is(outcome(order($m, 's4')), '200 duplicate memory', 'then a duplicate');
};


subtest 'S5: target answered 2xx, settle not executed' => sub {
    my $n = grep { $_->{verb} eq 'settle' } verbs($fake);
    my $c = $r1->connect;

    $fake->mode('settle hold');
    $c->send(order_request('s5'));

    my $settle = wait_verb($fake, 'settle', $n + 1);

    $fake->mode('');
    $r1->kill_worker;
    unlike(($c->response // {})->{status} // 0, qr/^2/, 'no 2xx');
    $c->close;

    is(outcome(order($r1, 's5')), '409 busy redis', 'busy');
    lease_ends($settle->{key});

    is(outcome(order($r1, 's5')), '200 delivered redis', 'resumed');
    is(attempts($target{one}, 's5'), '1 2', 'called again');
    like(attempts($target{two}, 's5'), qr/^(1 )?2$/, 'at most once more');
};


subtest 'S6: one target settled, another failed' => sub {
    for my $node ($m, $r1) {
        my $id = 's6-' . ($node == $m ? 'memory' : 'redis');

        $target{two}->answer('/to/two', [ { status => 503,
            headers => [ 'Retry-After' => 7 ] }, {} ]);

        my $r = order($node, $id);

        is($r->{status}, 502, "$id: not a 2xx");
        is($r->header('Retry-After'), 7, "$id: the target's Retry-After");
        is(join(' ', map { "$_->{name} $_->{state}" } @{ $r->json->{targets} }),
            'one ok two failed', "$id: receipt");

        $r = order($node, $id);
        is($r->{status}, 200, "$id: released at once");
        is(join(' ', map { "$_->{name} $_->{state}" } @{ $r->json->{targets} }),
            'one settled two ok', "$id: receipt of the retry");

        is(attempts($target{one}, $id), '1', "$id: not called again");
        is(attempts($target{two}, $id), '1 2', "$id: called again");
        is(order($node, $id)->header('X-Event-Duplicate'), 1,
            "$id: then a duplicate");
    }
};


subtest 'S7: all settled, finalize not executed' => sub {
    my $n = grep { $_->{verb} eq 'finalize' } verbs($fake);
    my $c = $r1->connect;

    $fake->mode('finalize hold');
    $c->send(order_request('s7'));

    my $finalize = wait_verb($fake, 'finalize', $n + 1);

    $fake->mode('');
    $r1->kill_worker;
    unlike(($c->response // {})->{status} // 0, qr/^2/, 'no 2xx');
    $c->close;

    is(outcome(order($r1, 's7')), '409 busy redis', 'busy');
    lease_ends($finalize->{key});

    my $r = order($r1, 's7');

    is(outcome($r), '200 delivered redis', 'resumed');
    is(join(' ', map { $_->{state} } @{ $r->json->{targets} }),
        'settled settled', 'nothing was left to do');
    is(attempts($target{one}, 's7'), '1', 'one not called again');
    is(attempts($target{two}, 's7'), '1', 'two not called again');
    is(outcome(order($r2, 's7')), '200 duplicate redis', 'then a duplicate');

    # the same with a worker that lives: the finalize is sent again

    $fake->mode('finalize drop');
    is(outcome(order($r1, 's7-alive')), '200 delivered redis', 'alive');
    is(outcome(order($r2, 's7-alive')), '200 duplicate redis', 'and final');
};


subtest 'S8: finalized, the 2xx lost on the wire' => sub {
    for my $node ($m, $r1) {
        my $id = 's8-' . ($node == $m ? 'memory' : 'redis');
        my $delivered = counters($node)->{delivered};
        my $c = $node->connect;

        $c->send(order_request($id));
        wait_until(5, sub { counters($node)->{delivered} > $delivered });
        $c->reset;

        my $r = order($node, $id);

        is("$r->{status} " . $r->header('X-Outcome'), '200 duplicate',
            "$id: a duplicate");
        is($r->header('X-Event-Duplicate'), 1, "$id: says so");
        is($r->header('Retry-After'), undef, "$id: no Retry-After");
        is(attempts($target{$_}, $id), '1', "$id: $_ called once")
            for qw(one two);
    }
};


subtest 'S9: the client disconnects during the fan-out' => sub {
    my %leave = (
        close => sub { $_[0]->close },
        half_close => sub { $_[0]->half_close },
        reset => sub { $_[0]->reset },
        rst_stream => sub { $_[0]->write(h2_frame(3, 0, 1, pack 'N', 8)) },
        h2_close => sub { $_[0]->close },
    );

    for my $how (sort keys %leave) {
        my $id = "s9-$how";
        my $c = $m->connect($how =~ /stream|h2/ ? (port => 8090) : ());

        $target{one}->answer('/to/one', [ { delay => 0.15 }, {} ]);

        $how =~ /stream|h2/ ? $c->write(h2_request(order_request($id)))
                            : $c->send(order_request($id));

        wait_until(5, sub { calls($target{one}, $id) });
        $leave{$how}->($c);

        # it is still under way, or was just finished

        my ($r, @busy) = retry($m, $id);

        cmp_ok(scalar(@busy), '>', 0, "$how: busy while it is delivered");
        is(outcome($r), '200 duplicate memory', "$how: a duplicate");
        is(attempts($target{$_}, $id), '1', "$how: $_ called once")
            for qw(one two);

        $c->close if $how eq 'rst_stream' || $how eq 'half_close';
    }

    # and if a target fails meanwhile, the retry resumes

    my $c = $m->connect;

    $target{one}->answer('/to/one', [ { delay => 0.15, status => 500 }, {} ]);
    $c->send(order_request('s9-failed'));
    wait_until(5, sub { calls($target{one}, 's9-failed') });
    $c->reset;

    is(outcome(retry($m, 's9-failed')), '200 delivered memory', 'resumed');
    is(attempts($target{one}, 's9-failed'), '1 2', 'failed one called again');
    is(attempts($target{two}, 's9-failed'), '1', 'the other not');
};


subtest 'S10: reload during the fan-out' => sub {
    $target{one}->answer('/to/one', [ { delay => 0.8 }, {} ]);

    my $c = $m->connect;

    $c->send(order_request('s10', uri => '/slow'));
    wait_until(5, sub { calls($target{one}, 's10') });
    ok($m->reload, 'reloaded');

    my $busy = order($m, 's10', uri => '/slow');

    is(outcome($busy), '409 busy memory', 'the new worker says busy');
    cmp_ok($busy->header('Retry-After'), '>', 5, 'for as long as the lease');

    my $r = $c->response;

    is(outcome($r), '200 delivered memory', 'the old one finishes');
    $c->close;

    is(outcome(order($m, 's10', uri => '/slow')), '200 duplicate memory',
        'then a duplicate');
    is(attempts($target{one}, 's10'), '1', 'called once');
    ok($m->wait_old_workers(10), 'the old worker left');
};


subtest 'S11: worker_shutdown_timeout cuts the old worker' => sub {
    my $t = Test::EventRouter->new;

    node($t, "%%GLOBALS%%\nworker_shutdown_timeout 300ms;\nhttp {\n"
        . "%%GLOBALS_HTTP%%\n" . router(%memory, listen => '',
            ports => \%ports) . "}\n");

    $target{one}->answer('/to/one', [ { fault => 'hang' }, {} ]);

    my $c = $t->connect;

    $c->send(order_request('s11', uri => '/slow'));
    wait_until(5, sub { calls($target{one}, 's11') });
    ok($t->reload, 'reloaded');
    is(order($t, 's11', uri => '/slow')->{status}, 409, 'busy meanwhile');
    ok($t->wait_old_workers(5), 'the old worker was cut');
    unlike(($c->response // {})->{status} // 0, qr/^2/, 'no 2xx');
    $c->close;

    is(outcome(order($t, 's11', uri => '/slow')), '200 delivered memory',
        'released, so resumed at once');
    is(attempts($target{one}, 's11'), '1 2', 'called again');

    $t->_check;
};


subtest 'S12: Redis dies after the claim, a target has the event' => sub {

    # all targets take it

    $fake->mode('settle die');
    is(order($r1, 's12')->{status}, 200, 'delivered: 200');
    is(outcome(order($r1, 's12')), '200 duplicate local',
        'a duplicate here, without Redis');

    # one does not

    $target{two}->answer('/to/two', [ { status => 500 }, {} ]);
    claim_then_die('s12-failed');

    is(attempts($target{one}, 's12-failed'), '1', 'one has it');
    is(outcome(order($r1, 's12-failed')), '200 delivered local', 'resumed');
    is(attempts($target{one}, 's12-failed'), '1', 'one not called again');
    is(attempts($target{two}, 's12-failed'), '1 2', 'two called again');

    # what Redis was not told it learns when it is back

    $fake->mode('');
    wait_until(10, sub { outcome(order($r1, 's12')) =~ / redis$/ });

    is(outcome(order($r1, 's12')), '200 duplicate redis', 'back: still known');
    is(outcome(retry($r2, 's12')), '200 duplicate redis',
        'and now to the other nginx');
    is(outcome(order($r1, 's12-failed')), '200 duplicate redis', 'both');
    is(attempts($target{one}, 's12'), '1', 'called once');
    is(attempts($target{two}, 's12'), '1', 'the other, too');
};


subtest 'S13: Redis loses its keys' => sub {
    is(outcome(order($r1, 's13')), '200 delivered redis', 'delivered');
    is(outcome(order($r1, 's13')), '200 duplicate redis', 'a duplicate');

    $redis->command('FLUSHALL');

    is(outcome(order($r1, 's13')), '200 delivered redis', 'new');
    is(attempts($target{one}, 's13'), '1 1', 'called twice');

    # in the middle of an attempt: whoever settles adopts the key

    $target{one}->answer('/to/one', [ { delay => 0.2 }, {} ]);

    my $c = $r1->connect;

    $c->send(order_request('s13-held', uri => '/slow'));
    wait_until(5, sub { calls($target{one}, 's13-held') });
    $redis->command('FLUSHALL');

    is(outcome($c->response), '200 delivered redis', 'adopted');
    $c->close;
    is(outcome(order($r2, 's13-held', uri => '/slow')),
        '200 duplicate redis', 'then a duplicate');
};


subtest 'S14: the window ends before the last retry' => sub {
    for my $node ($m, $r1) {
        my $id = 's14-' . ($node == $m ? 'memory' : 'redis');
        my $r = order($node, $id, uri => '/brief');

        is($r->{status}, 200, "$id: delivered");
        is(order($node, $id, uri => '/brief')->header('X-Event-Duplicate'), 1,
            "$id: a duplicate within the window");
        ok(wait_until(5, sub {
            $r = order($node, $id, uri => '/brief');
            return !$r->header('X-Event-Duplicate');
        }), "$id: new after it");
        is($r->{status}, 200, "$id: delivered again");
        is(attempts($target{one}, $id), '1 1', "$id: called twice");
    }
};


subtest 'S15: the wall clock jumps' => sub {
    my $t = Test::EventRouter->new;

    $t->clock(undef) or plan skip_all => 'no libfaketime';
    node($t, router(%memory, listen => '', ports => \%ports));

    # a day forth and back while a killed worker's lease runs

    $target{one}->answer('/to/one', [ { fault => 'hang' }, {} ]);

    my $c = $t->connect;
    my $start = time();

    $c->send(order_request('s15'));
    wait_until(5, sub { calls($target{one}, 's15') });
    $t->kill_worker;
    $c->close;

    $t->clock(time() + 86400);
    is(outcome(order($t, 's15')), '409 busy memory', 'a day forth: busy');
    $t->clock(time() - 86400);
    is(outcome(order($t, 's15')), '409 busy memory', 'a day back: busy');

    is(outcome(retry($t, 's15')), '200 delivered memory', 'resumed');
    cmp_ok(time() - $start, '<', 6, 'when the lease was over');
    is(attempts($target{one}, 's15'), '1 2', 'called again');

    # a window does not end sooner

    $t->clock(time() + 30 * 86400);
    is(outcome(order($t, 's15')), '200 duplicate memory', 'a month forth');
    $t->_check;

    # with Redis, the clock of nginx plays no part

    my $u = Test::EventRouter->new;

    $u->clock(time() + 30 * 86400);
    node($u, router(%redis,
        store => 'event_store redis://127.0.0.1:' . $redis->port . " $wait;"));

    is(outcome(order($u, 's15-redis')), '200 delivered redis',
        'a month ahead of Redis');
    is(outcome(order($r2, 's15-redis')), '200 duplicate redis',
        'a duplicate elsewhere');
    $u->_check;

    # if Redis' own clock is set back, a lease is not locked for that long

    my ($claim) = reverse grep { $_->{verb} eq 'claim' } verbs($fake);

    $target{one}->answer('/to/one', [ { fault => 'hang' }, {} ]);
    $c = $r1->connect;
    $c->send(order_request('s15-back'));
    wait_until(5, sub { calls($target{one}, 's15-back') });
    $r1->kill_worker;
    $c->close;

    ($claim) = reverse grep { $_->{verb} eq 'claim' } verbs($fake);
    $redis->command(HINCRBY => $claim->{key}, 'b', 3600_000);

    is(outcome(order($r1, 's15-back')), '200 delivered redis',
        'Redis an hour back: resumed');
};


subtest 'S16: the routes change between attempts' => sub {
    $target{two}->answer('/to/two', [ { status => 500 }, {} ]);
    is(order($m, 's16')->{status}, 502, 'one took it, two not');

    $m->config(router(%memory, to => [ 'one', 'three' ]));
    ok($m->reload, 'two is gone, three is new');

    is(outcome(retry($m, 's16')), '200 delivered memory', 'delivered');
    is(attempts($target{one}, 's16'), '1', 'the settled one not again');
    is(attempts($target{two}, 's16'), '1', 'the removed one not again');
    is(attempts($target{three}, 's16'), '2', 'the new one called');

    # nothing left to call

    $target{three}->answer('/to/three', [ { status => 500 }, {} ]);
    is(order($m, 's16-less')->{status}, 502, 'one took it, three not');

    $m->config(router(%memory, to => [ 'one' ]));
    ok($m->reload, 'three is gone');
    is(outcome(retry($m, 's16-less')), '200 delivered memory', 'delivered');
    is(attempts($target{one}, 's16-less'), '1', 'without a call');

    $m->config(router(%memory));
    ok($m->reload, 'as before');
};


subtest 'S17: no route matches' => sub {
    $m->config(router(%memory,
        route => 'event_route none { from shop; when data.id = 2; to one; }'));
    ok($m->reload, 'no route takes it');

    is(counters($m)->{unrouted}, 0, 'counter');

    my $r = order($m, 's17');

    is(outcome($r), '200 unrouted memory', '200 by default');
    is(counters($m)->{unrouted}, 1, 'counted');
    is(outcome(order($m, 's17')), '200 duplicate memory', 'done');

    # where the configuration calls that a failure, it is never a success

    $r = order($m, 's17-strict', uri => '/strict');
    is(outcome($r), '422 unrouted memory', 'as configured');
    is(outcome(order($m, 's17-strict', uri => '/strict')),
        '422 unrouted memory', 'again');

    my $routes = $slow =~ s/when data.id = 99; //r;

    $m->config(router(%memory, http => $routes));
    ok($m->reload, 'now there is a route');
    is(outcome(order($m, 's17-strict', uri => '/strict')),
        '200 delivered memory', 'then it is delivered');
};


subtest 'S18: a holder that slept longer than its lease wakes up' => sub {

    # within its deadline: it learns from Redis that it is fenced.  It calls
    # one target at a time; the second was called before it knew.

    $target{one}->answer('/to/one', [ { delay => 0.2 }, {} ]);

    my ($c, $key) = sleeper('s18', '/long');

    lease_ends($key);
    is(outcome(order($r2, 's18', uri => '/long')), '200 delivered redis',
        'the other nginx resumes');

    $target{two}->answer('/to/two', delay => 0.3);
    kill CONT => $r1->workers;

    my $r = $c->response;

    is(outcome($r), '503 fenced redis', 'fenced: no 2xx');
    is($r->header('Retry-After'), 10, 'Retry-After');
    $c->close;
    $target{two}->answer('/to/two');

    is(attempts($target{one}, 's18'), '1 2', 'one: called by both');
    like(attempts($target{two}, 's18'), qr/^2( 1)?$/, 'two: perhaps');
    is(attempts($target{three}, 's18'), '2', 'three: by one only');
    is(outcome(order($r1, 's18', uri => '/long')), '200 duplicate redis',
        'then a duplicate');

    # past its deadline: it knows by itself

    $target{one}->answer('/to/one', [ { delay => 0.2 }, {} ]);

    my $start = time();

    ($c, $key) = sleeper('s18-late', '/hook');
    lease_ends($key);
    is(outcome(order($r2, 's18-late')), '200 delivered redis',
        'the other nginx resumes');
    wait_until(5, sub { time() - $start > 1.3 });
    kill CONT => $r1->workers;

    $r = $c->response;
    is(outcome($r), '504 timeout redis', 'late: no 2xx');
    $c->close;

    is(outcome(order($r1, 's18-late')), '200 duplicate redis',
        'then a duplicate');
    is(attempts($target{one}, 's18-late'), '1 2', 'one: called by both');
    is(attempts($target{two}, 's18-late'), '2', 'two: by one only');
};


subtest 'S19: Redis answers with something else than its protocol' => sub {
    for my $verb (qw(claim settle finalize release)) {
        my $id = "s19-$verb";

        $target{two}->answer('/to/two', [ { status => 500 }, {} ])
            if $verb eq 'release';

        $fake->mode("$verb bad");

        my $r = order($r1, $id);

        is($r->{status}, $verb eq 'release' ? 502 : 200, "$verb: answer");
        is($r->header('X-Dedup'), 'redis', "$verb: asked again");

        $r = order($r1, $id) if $verb eq 'release';
        is($r->{status}, 200, "$verb: delivered");

        is(outcome(order($r2, $id)), '200 duplicate redis',
            "$verb: then a duplicate");
        is(attempts($target{one}, $id), '1', "$verb: one called once");
    }

    # and it goes on so

    $fake->mode('claim garbage');
    is(outcome(order($r1, 's19')), '200 delivered local', 'memory takes over');
    is(outcome(order($r1, 's19')), '200 duplicate local', 'and knows');
    $fake->mode('');
    wait_until(10, sub { outcome(order($r1, 's19')) =~ / redis$/ });
    is(outcome(order($r1, 's19')), '200 duplicate redis', 'also afterwards');
    is(attempts($target{one}, 's19'), '1', 'called once');
};


subtest 'S20: no memory after a target has the event' => sub {
    plan skip_all => 'memory belongs to the sanitizer'
        if $ENV{TEST_NGINX_STATIC};

    my $t = Test::EventRouter->new;
    my $library = "$t->{dir}/memory.so";

    plan skip_all => 'no C compiler'
        if system("cc -shared -fPIC -o $library $FindBin::Bin/fault/memory.c");

    $t->expect_log(qr/\[emerg\].*(malloc|posix_memalign)/, 'no memory');
    $t->expect_log(qr/\[(alert|crit)\].*Cannot allocate memory/, 'no memory');

    my $fault = $t->write_file('fault', pack 'qq', 0, 0);

    $t->{environment} = { LD_PRELOAD => $library, ER_FAULT_MEMORY => $fault };
    node($t, router(%redis, to => [ 'one' ], ports => \%ports,
        store => 'event_store redis://127.0.0.1:' . $redis->port . " $wait;"));

    # the first, the second ... allocation after the target got the event
    # fails, until there are no more

    my (%answers, @wrong);
    my $worker = join ' ', $t->workers;
    my $k = 0;
    my $count;

    do {
        my $id = 's20-' . ++$k;

        $target{one}->answer('/to/one', [ { delay => 0.05 }, {} ]);

        my $c = $t->connect;

        $c->send(order_request($id));
        wait_until(5, sub { calls($target{one}, $id) });
        fault($fault, $k);

        my $r = $c->response;

        $count = fault($fault, 0);
        $c->close;

        my $status = $r ? $r->{status} : 0;
        my $again = retry($t, $id);
        my $calls = calls($target{one}, $id);

        $answers{$status}++;

        push @wrong, "allocation $k: $status, then $again->{status}, "
            . "$calls calls"
            if $again->{status} != 200 || $calls > 2
               || ($status == 200 && $calls != 1);

    } while ($k <= $count && $k < 200);

    cmp_ok($k, '>', 3, "$k allocations failed in turn");
    note(join ', ', map { "$_: $answers{$_}" } sort keys %answers);
    is(join("\n", @wrong), '', 'every event was delivered, twice at most');
    is(join(' ', $t->workers), $worker, 'by the same worker');
    $t->_check;
};


done();


# ---- helpers

sub node {
    my ($t, $config) = @_;

    $t->secret($secret);
    $t->write_file('secret', "$secret\n");
    $t->config($config);
    $t->run;
}


sub done {
    $r1->_check;
    $r2->_check;
    $m->done;
}


# what stands between the first nginx and Redis; "mode" says "VERB ACTION":
#     drop   not executed, the connection is closed; once
#     lose   executed, the connection is closed instead of a reply; once
#     hold   not executed, no reply
#     mute   executed, no reply
#     die    not executed, from now on Redis is away ("dead")
#     bad    executed, then bytes that are no Redis; once
#     garbage  the same, every time

sub between {
    my ($conn, @args) = @_;

    my $fake = $conn->{redis};
    my ($verb, $action) = split ' ', $fake->mode;
    my $mine = uc $args[0] eq 'PING' ? 'greeting' : verb_of(@args);

    $verb //= '';

    return drop() if $verb eq 'dead';
    return nothing() if $conn->{held};
    return $conn->forward(@args) if $verb eq '' || $mine ne $verb;

    # nor is what comes behind it on this connection

    $conn->{held} = 1 if $action =~ /^(hold|mute)$/;

    return nothing() if $action eq 'hold';

    if ($action eq 'die') {
        $fake->mode('dead');
        return drop();
    }

    $fake->mode('') if $action =~ /^(drop|lose|bad)$/;

    return drop() if $action eq 'drop';

    my $reply = $conn->forward(@args);

    return $action eq 'lose' ? drop()
         : $action =~ /^(bad|garbage)$/ ? "\@bad\r\n" : nothing();
}


sub greetings {
    return scalar grep { uc $_->[0] eq 'PING' } $fake->commands;
}


# the request is in the hands of the worker: a status page asked after it, on
# the same worker, was answered

sub verified {
    my ($t) = @_;

    return $t->get('/status')->{status} == 200;
}


# as far as Redis' clock can tell, the lease began a minute ago

sub lease_ends {
    my ($key) = @_;

    $redis->command(HINCRBY => $key, 'b', -60_000);
}


# Redis dies between the answers of the two targets

sub claim_then_die {
    my ($id) = @_;

    $fake->mode('');
    wait_until(10, sub { outcome(order($r1, "$id-up-" . rand)) =~ / redis$/ });
    $target{two}->answer('/to/two', [ { status => 500 }, {} ]);
    $fake->mode('settle die');
    is(order($r1, $id)->{status}, 502, 'one did not take it: 502');
}


# an event is under way in the first nginx, which then sleeps: the producer's
# connection and the key

sub sleeper {
    my ($id, $uri) = @_;

    my $n = grep { $_->{verb} eq 'claim' } verbs($fake);
    my $c = $r1->connect;

    $c->send(order_request($id, uri => $uri));
    wait_until(5, sub { calls($target{one}, $id) });
    kill STOP => $r1->workers;

    return ($c, wait_verb($fake, 'claim', $n + 1)->{key});
}


# the k-th allocation from now on fails; how many there were before

sub fault {
    my ($file, $k) = @_;

    open my $f, '+<', $file or die "$file: $!\n";
    binmode $f;
    sysread $f, my $was, 16;
    sysseek $f, 0, 0;
    syswrite $f, pack('qq', $k, 0);
    close $f;

    return (unpack 'qq', $was)[1];
}


sub h2_frame {
    my ($type, $flags, $stream, $payload) = @_;

    return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags,
        $stream) . $payload;
}


sub h2_request {
    my ($method, $uri, $headers, $body) = @_;

    my @headers = @$headers;
    my $block = "\x83\x86" . "\x04" . chr(length $uri) . $uri
                . "\x01\x09localhost";

    while (my ($name, $value) = splice @headers, 0, 2) {
        $block .= "\0" . chr(length $name) . lc($name)
                  . chr(length $value) . $value;
    }

    return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . h2_frame(4, 0, 0, '')
           . h2_frame(1, 4, 1, $block) . h2_frame(0, 1, 1, $body);
}
