#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The rows from S12 on of the table of crash points in docs/guarantees.md: a
# Redis that dies, loses its keys or answers nonsense, windows, clocks and
# routes that change, a holder that slept, no memory.  t/crash_points.t has the
# first ones and says how a row looks at both ends.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Dedup;
use Test::EventRouter::Points;


# ---- the rows

subtest 'S12: Redis dies after the claim, a target has the event' => sub {

    # all targets take it

    $target{two}->answer('/to/two', [ { delay => 0.1 }, {} ]);
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

    # it dies at the end, when it was told of no target yet

    for my $verb (qw(finalize release)) {
        my $failed = $verb eq 'release';
        my $id = "s12-$verb";

        $target{two}->answer('/to/two', [ { status => 500 }, {} ]) if $failed;
        $fake->mode("$verb die");
        is(order($r1, $id)->{status}, $failed ? 502 : 200, "$verb: as ever");
        is(outcome(order($r1, $id)),
            $failed ? '200 delivered local' : '200 duplicate local',
            "$verb: remembered here");
        is(attempts($target{one}, $id), '1', "$verb: one called once");
        is(attempts($target{two}, $id), $failed ? '1 2' : '1',
            "$verb: the other");

        $fake->mode('');
        wait_until(10, sub { outcome(order($r1, $id)) =~ / redis$/ });
        lease_ends((reverse verbs($fake))[0]{key}) if $failed;
        is(outcome(order($r1, $id)), '200 duplicate redis',
            "$verb: also when Redis is back");
    }
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

        $target{two}->answer('/to/two', [ {
            delay => $verb eq 'settle' ? 0.1 : 0,
            status => $verb eq 'release' ? 500 : 200 }, {} ]);

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

    cmp_ok($k, '>', 1, "$k allocations failed in turn");
    note(join ', ', map { "$_: $answers{$_}" } sort keys %answers);
    is(join("\n", @wrong), '', 'every event was delivered, twice at most');
    is(join(' ', $t->workers), $worker, 'by the same worker');
    $t->_check;
};


points_done();


# ---- helpers

# Redis dies between the answers of the two targets

sub claim_then_die {
    my ($id) = @_;

    $fake->mode('');
    wait_until(10, sub { outcome(order($r1, "$id-up-" . rand)) =~ / redis$/ });
    $target{two}->answer('/to/two', [ { status => 500, delay => 0.1 }, {} ]);
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
