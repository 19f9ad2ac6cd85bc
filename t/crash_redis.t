#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The rows of the table of the queue in Redis in docs/guarantees.md: something
# breaks between nginx and Redis, in Redis or in another nginx at that very
# point, then the producer sends the event again.  Each row looks at both ends:
# what the producer is told, and what the target got, as which attempt.  Where a
# row promises less than a queue in files with keys in Redis, both are tried.
#
# t/crash_late.t has the rows of a Redis that answers too late.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use FakeRedis qw(:all);
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Nodes;
use Test::EventRouter::Broken;

my $u = breakable();


# ---- the rows

subtest 'R1: the script was sent, its reply is lost' => sub {
    my $fake = proxy();

    begin($t, store => 'redis://127.0.0.1:' . $fake->port . fresh());
    warm($t);

    my ($e, $later) = (event(), event());

    $fake->mode('lose once');
    is(told(post($t, $e)), '202', 'sent again, accepted');
    ok(wait_until(10, sub { attempts($e) eq '1' }), 'delivered');
    is(told(post($t, $e)), '200', 'known');
    drained($t);

    $fake->mode('lose twice');
    is(told(post($t, $later)), '503, later', 'lost again: not accepted');
    $fake->mode('');
    ok(wait_until(10, sub { told(post($t, $later)) eq '200' }),
        'but it is there: a duplicate');

    # leased to the worker that was not told so: until that ends, or the worker

    kill_workers($t);
    drained($t);
    is(attempts($later), '2', 'delivered once');
    is(attempts($e), '1', 'the other one as well');
    ok(said($t, qr/redis.*it closed the connection, trying again/),
        'the log says what happened');
    finish($t);
};


subtest 'R1: the same when it started a dead letter again' => sub {
    my $fake = proxy();

    for my $mode ('lose once', 'lose twice') {
        begin($t, store => 'redis://127.0.0.1:' . $fake->port . fresh(),
            erp => 'retry off;');
        warm($t);
        $target->answer('/erp', status => 400);

        my $e = event();

        is(told(post($t, $e)), '202', 'accepted');
        ok(wait_until(10, sub { @{ entries($t, 'dead') // [] } }), 'refused');
        $target->answer('/erp', status => 200);
        $fake->mode($mode);
        is(told(post($t, $e)), $mode =~ /once/ ? '202' : '503, later',
            $mode);
        $fake->mode('');
        drained($t);
        is(attempts($e), '1 1', 'delivered once');
        is(told(post($t, $e)), '200', 'known');
        finish($t);
    }
};


subtest 'R2: the script fails behind the event' => sub {
    for my $dedup ('', "$queue prefix=guard-$$") {
        my $what = $dedup ? 'guarded' : 'Redis alone';

        begin($t, store => $queue . fresh(), dedup => $dedup,
            route => 'delay 1s;');
        $t->expect_log(qr/\[crit\].*WRONGTYPE/, 'of the test');
        is(told(post($t, event())), '202', "$what: an event before");

        # somebody's string where the list of what is pending was

        my ($list) = @{ $redis->command(KEYS => "$prefix:{q0}:k:*") };

        drained($t);
        $redis->command(SET => $list, 'x');

        my $e = event();

        is(told(post($t, $e)), '503, later', "$what: not accepted");
        ok(said($t, qr/WRONGTYPE.*choose another prefix=/),
            "$what: the log says why");
        is($redis->command(EXISTS => "$prefix:{q0}:d:" . id_of($e)), 0,
            "$what: no key says that it is known");
        $redis->command(DEL => $list);

        # who sends it again at once may find its key still claimed: 409

        ok(wait_until(10, sub { told(post($t, $e)) eq '202' }),
            "$what: the retry is accepted");
        is(told(post($t, $e)), '200', "$what: and known then");
        drained($t);
        is(attempts($e), $dedup ? '1' : '1 1', "$what: delivered "
            . ($dedup ? 'once' : 'twice, as it is there twice'));
        finish($t);
    }
};


subtest 'R3: Redis is killed' => sub {
    my %durable = (always => 1, everysec => 0, none => 0);

    for my $kind (sort keys %durable) {
        my $other = $t->redis(6380, $kind eq 'none' ? () : (
            appendonly => 'yes', appendfsync => $kind));
        my $url = 'redis://127.0.0.1:' . $other->port . fresh();

        begin($t, store => $url, erp => 'retry base=4s max=4s for=1h;');
        $target->answer('/erp', status => 500);

        my @e = map { event() } 1 .. 3;

        is(told(post($t, $_)), '202', "$kind: accepted") for @e[0, 1];
        tried($t, 2);

        my ($log) = glob "$other->{dir}/appendonlydir/*.incr.aof";

        # what was accepted may not be written yet while a sync takes long

        ok(wait_until(10, sub { my $info = $other->command(INFO =>
                                    'persistence');
                                $info =~ /aof_buffer_length:0\b/
                                && $info =~ /aof_pending_bio_fsync:0\b/ }),
            "$kind: written") if $log;

        my $size = $log ? -s $log : 0;

        is(told(post($t, $e[2])), '202', "$kind: accepted") ;
        $other->stop;
        like(told(post($t, event())), qr/^503, later/, "$kind: away: 503");

        # what an end of the machine takes with it

        truncate $log, $size if $kind eq 'everysec';

        $target->answer_anew('/erp', status => 200);
        $other->start;

        ok(wait_until(15, sub { told(post($t, event())) eq '202' }),
            "$kind: back by itself");
        drained($t);

        my @got = map { attempts($_) ? 1 : 0 } @e;

        is("@got", $kind eq 'always' ? '1 1 1' : $kind eq 'none' ? '0 0 0'
            : '1 1 0', "$kind: what is delivered");
        is(told_at_last($e[2]), $durable{$kind} ? '200' : '202',
            "$kind: and what is known");
        drained($t);
        ok(attempts($e[2]), "$kind: sent again: delivered");
        finish($t);
        is(said($t, qr/appendfsync is not always/) ? 1 : 0,
            $kind eq 'everysec' ? 1 : 0, "$kind: what the log says of it")
            if $log;
        $other->stop;
        system('rm', '-r', $other->{dir});
    }

    file_survives(sub { $redis->stop; $redis->start });
};


subtest 'R4: a failover loses the last events' => sub {
    my @o = ('repl-diskless-sync-delay' => 0);
    my $one = $t->redis(6381, @o);
    my $two = $t->redis(6382, @o, replicaof => [ '127.0.0.1', $one->port ]);
    my $sentinel = FakeRedis->start(commands => { SENTINEL => sub {
        array(bulk('127.0.0.1'), bulk($_[0]{redis}->mode)) } });

    for my $wait (0, 1) {
        ok(wait_until(20, sub { $two->command(INFO => 'replication')
                                =~ /master_link_status:up/ }),
            "wait=$wait: a replica");
        $sentinel->mode($one->port);
        begin($t, store => 'redis-sentinel://127.0.0.1:' . $sentinel->port
            . '/main' . fresh() . " wait=$wait",
            erp => 'retry base=4s max=4s for=1h;');
        $target->answer('/erp', status => 500);

        my @e = map { event() } 1 .. 2;

        ok(wait_until(10, sub { told(post($t, $e[0])) =~ /^20/ }),
            "wait=$wait: accepted");
        tried($t, 1);
        $one->command(SET => 'x', 'y');
        is($one->command(WAIT => 1, 4000), 1, "wait=$wait: the replica has it");

        # the sentinel takes the master for dead: nginx cannot know

        $two->command(REPLICAOF => 'NO', 'ONE');
        $sentinel->mode($two->port);
        is(told(post($t, $e[1])), $wait ? '503, later' : '202',
            "wait=$wait: on the old master");

        # its first attempt is not to be taken for a later one

        wait_until(10, sub { attempts($e[1]) ne '' }) if !$wait;
        $one->stop;
        $target->answer_anew('/erp', status => 200);

        if ($wait) {
            ok(wait_until(20, sub { told(post($t, event())) eq '503, later'
                && said($t, qr/redis.*ready again/) }),
                "wait=$wait: the new master has no replica either");

            $one->{options} = [ @o, replicaof => [ '127.0.0.1',
                                                   $two->port ] ];
            $one->start;
        }

        ok(wait_until(20, sub { told(post($t, event())) eq '202' }),
            "wait=$wait: goes on with the new master");
        ok(wait_until(15, sub { attempts($e[0]) ne '' }),
            "wait=$wait: what the replica had is delivered");
        drained($t);

        if (!$wait) {
            is(attempts($e[1]), '', "wait=$wait: the other one is lost");
        }

        is(told_at_last($e[1]), '202', "wait=$wait: its retry is accepted");
        drained($t);
        ok(attempts($e[1]), "wait=$wait: and delivered");
        finish($t);

        is(said($t, qr/fewer than wait=1 replicas/) ? 1 : 0, $wait,
            "wait=$wait: what the log says");

        # they change places

        if (!$wait) {
            ($one, $two) = ($two, $one);
            $two->{options} = [ @o, replicaof => [ '127.0.0.1',
                                                   $one->port ] ];
            $two->start;
        }
    }
};


subtest 'R5: a worker dies with events in hand' => sub {
    begin($t, store => $queue . fresh());
    $target->answer('/erp', fault => 'hang');

    my @e = map { event() } 1 .. 3;

    is(told(post($t, $_)), '202', 'accepted') for @e;
    ok(wait_until(10, sub { $target->begun == 3 }), 'in flight');
    $target->answer('/erp', status => 200);
    kill_workers($t);
    drained($t, 10);
    is(join(', ', map { attempts($_) } @e), '1 2, 1 2, 1 2',
        'delivered again, as the second attempt');
    is(told(post($t, $e[0])), '200', 'known');
    finish($t);

    # one that kills whoever reads it

    my $poison = event();
    my $other = event();

    begin($t, store => $queue . fresh(),
        main => 'env EVENT_ROUTER_CRASH_AT=event-read=' . id_of($poison) . ';');
    warm($t);
    $target->forget;
    $target->answer('/erp', fault => 'hang');
    is(told(post($t, $poison)), '202', 'accepted');
    ok(wait_until(10, sub { $target->begun == 1 }), 'in flight');
    $target->answer('/erp', status => 200);
    kill_workers($t);
    ok(wait_until(30, sub { my $d = entries($t, 'dead'); $d && @$d == 1 }),
        'poison: a dead letter');
    is((entries($t, 'dead') // [])->[0]{reason}, 'poison', 'which says why');
    is(told(post($t, $other)), '202', 'the next event: accepted');
    drained($t);
    is(attempts($poison), '1', 'the poison is not delivered again');
    is(attempts($other), '1', 'the next event is');
    finish($t);
};


subtest 'R5: the same with a newer version in hand' => sub {
    begin($t, store => $queue . fresh(),
        erp => 'order by=data.key version=data.v;');
    $target->answer('/erp', fault => 'hang');

    is(told(post($t, event(key => 'k', v => 2))), '202', 'accepted');
    ok(wait_until(10, sub { $target->begun == 1 }), 'in flight');
    is(told(post($t, event(key => 'k', v => 1))), '202', 'and an older one');
    $target->answer('/erp', status => 200);
    kill_workers($t);
    drained($t, 10);
    is(join(' ', map { $_->json->{v} } $target->requests), '2 2',
        'the newer one again, the older one never');
    finish($t);
};


subtest 'R6: a worker that lost its lease settles' => sub {
    my $store = $queue . fresh();

    begin($t, store => $store);
    begin($u, store => $store);
    $target->answer('/erp', [ { delay => 4 }, {} ]);

    my $e = event();

    is(told(post($t, $e)), '202', 'accepted');
    ok(wait_until(10, sub { $target->begun == 1 }), 'in flight');

    # asleep, and silent for longer than 15 s, as Redis has it

    my @workers = $t->workers;

    kill STOP => @workers;

    ok(wait_until(20, sub {
        my $h = $redis->command(ZRANGE => "$prefix:{q0}:holders", 0, -1);

        $redis->command(ZADD => "$prefix:{q0}:holders", 1, $_)
            for grep { $redis->command(SCARD => "$prefix:{q0}:h:$_") } @$h;
        $redis->command(HSET => "$prefix:{q0}:m", y => 1);

        return attempts($e) =~ /2/;
    }), 'another nginx takes over');
    drained($u);
    kill CONT => @workers;
    ok(said($t, qr/another worker has it, it may be delivered twice/, 10),
        'the first one is told, and says so');
    is(metric($t, 'fenced'), 1, 'counted');
    is(join(' ', sort split ' ', attempts($e)), '1 2', 'delivered twice');
    is(told(post($t, $e)), '200', 'known');
    finish($t, $u);
};


subtest 'R7: the keys are gone' => sub {
    begin($t, store => $queue . fresh());
    $target->answer('/erp', status => 500);

    my @e = map { event() } 1 .. 3;

    is(told(post($t, $_)), '202', 'accepted') for @e;
    $redis->command('FLUSHALL');
    $redis->command(SCRIPT => 'FLUSH');
    sleep 1;
    $target->answer_anew('/erp', status => 200);

    my $new = event();

    is(told(post($t, $new)), '202', 'a new event: accepted');
    ok(wait_until(10, sub { attempts($new) eq '1' }), 'and delivered');
    ok(quiet(), 'Redis alone: the others are lost');
    is(told(post($t, $e[0])), '202', 'a retry is new');
    drained($t);
    is(attempts($e[0]), '1', 'and delivered');
    finish($t);

    file_survives(sub { $redis->command('FLUSHALL') });
};


subtest 'R8: events are deleted from outside' => sub {
    begin($t, store => $queue . fresh());
    $target->answer('/erp', status => 500);

    $t->expect_log(qr/queued events have disappeared/, 'they are deleted');

    my @e = map { event() } 1 .. 4;

    is(told(post($t, $_)), '202', 'accepted') for @e;
    ok(wait_until(10, sub { 4 == grep { attempts($_) ne '' } @e }), 'tried');

    my @keys = sort @{ $redis->command(KEYS => "$prefix:{q0}:e:*") };

    is(scalar(@keys), 4, 'four events');
    $redis->command(DEL => @keys[0, 1]);
    $target->answer_anew('/erp', status => 200);
    drained($t);
    is(join(', ', map { attempts($_) ? 1 : 0 } @e), '0, 0, 1, 1',
        'the others are delivered');
    ok(said($t, qr/\d queued events have disappeared/), 'the log says so');

    # one that was in hand is met when its lease is over

    ok(wait_until(30, sub {
        !@{ $redis->command(KEYS => "$prefix:{q0}:[akf]:*") } }),
        'nothing points to them');
    finish($t);
};


subtest 'R9: Redis has no memory left' => sub {
    begin($t, store => $queue . fresh(),
        erp => 'retry base=300ms max=300ms for=1h;');
    $target->answer('/erp', [ ({ status => 500 }) x 6, {} ]);

    my @e = map { event() } 1 .. 6;

    is(told(post($t, $_)), '202', 'accepted') for @e;
    $redis->command(CONFIG => SET => maxmemory => '1mb');
    is(told(post($t, event())), '503, later', 'not accepted');
    is(told(post($t, $e[0])), '503, later', 'nor is a duplicate told');
    ok(said($t, qr/refused with "OOM/), 'the log says why');
    drained($t);
    is(join(', ', map { attempts($_) } @e), join(', ', ('1 2') x 6),
        'what was accepted is delivered');
    $redis->command(CONFIG => SET => maxmemory => 0);

    my $new = event();

    is(told(post($t, $new)), '202', 'room again: accepted');
    drained($t);
    is(attempts($new), '1', 'and delivered');
    finish($t);
};


subtest 'R12: another number of shards' => sub {
    my $store = $queue . fresh();

    begin($t, store => "$store shards=4");

    my $e = event();

    is(told(post($t, $e)), '202', 'one nginx has four');
    drained($t);
    $t->stop;

    my $keys = keys_of($redis);

    for my $n (1, 2, 8) {
        $u->expect_log(qr/\[crit\].*has layout "1 4" .*this nginx has "1 $n"/,
            'it has another number');
        begin($u, store => "$store shards=$n");
        is(told(post($u, event())), '503, later', "the other one $n: refused");
        ok(said($u, qr/layout "1 4".*"1 $n".*until shards= of event_store/),
            'the log says why');
        finish($u);
    }

    is(keys_of($redis), $keys, 'nothing is written');
    begin($u, store => "$store shards=4", keep => 1);
    is(told(post($u, $e)), '200', 'the same number: the event is known');

    # one that changes while the other one runs

    $redis->command(HSET => "$prefix:{q$_}:m", v => '1 8') for 0 .. 7;
    $u->expect_log(qr/\[crit\].*layout "1 8".*has "1 4"/, 'it was changed');
    is(told(post($u, event())), '503, later', 'changed meanwhile: refused');
    finish($u);
};


nodes_done();


# ---- helpers

# what a producer is told when Redis is back for all workers

sub told_at_last {
    my ($e) = @_;

    return told(ask_again(20, sub { post($t, $e) }));
}


# n entries have failed once, and Redis knows that

sub tried {
    my ($node, $n) = @_;

    ok(wait_until(10, sub { my $list = entries($node, 'pending');
        $list && $n == grep { $_->{attempts} } @$list }), 'tried once');
}
