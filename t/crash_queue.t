#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The rows of the table of crash points of the queue in docs/guarantees.md that
# are about a point inside a worker or a commit: something breaks at that very
# point, then the producer sends the event again if it was not told that it is
# accepted.  Each row looks at both ends: what the producer is told, and what
# the target got, as which attempt.  t/crash_outside.t has the other rows.
#
# Points inside a worker are those of ngx_event_router_module/base/crash.h, so
# the module is a build of its own; points inside a commit are reached from
# below, by a library that breaks the disk (t/fault/disk.c).

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EIO ENOSPC);
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Crash;


# ---- the rows

subtest 'A0: before the event is written' => sub {
    start(crash => 'accept');

    my $e = event();

    is(post($e)->{status}, 0, 'no answer');
    crashed();
    is(join(' ', entries('pending')), '', 'nothing is stored');
    is(post($e)->{status}, 202, 'the retry is accepted');
    drained();
    is(attempts($e), '1', 'delivered once');
    is(post($e)->{status}, 200, 'then a duplicate');
    finish();
};


subtest 'A1: written, not committed; worker killed' => sub {
    start(crash => 'before-commit=accept');

    my $e = event();

    is(post($e)->{status}, 0, 'no answer');
    crashed();
    is(join(' ', entries('pending')), '', 'nothing is stored');
    is(post($e)->{status}, 202, 'the retry is accepted');
    drained();
    is(attempts($e), '1', 'delivered once');
    is(post($e)->{status}, 200, 'then a duplicate');
    finish();
};


subtest 'A2: power lost inside a commit' => sub {
    my $d = faulty() or plan skip_all => 'no C compiler';
    my %modes = (2 => 'killed', 3 => 'torn', 4 => 'lost');
    my $known = event();

    start(node => $d);
    is(post($known)->{status}, 202, 'an event before all that');
    drained();

    for my $mode (sort keys %modes) {
        my ($r, $n);

        $d->expect_log(qr/\[crit\].*was written over by something else/,
            'writes are lost') if $mode == 4;

        for ($n = 0; $n < 20; $n++) {
            my $e = event();

            fault($d, $mode, $n);
            $r = post($e);
            fault($d, 0);

            last if $r->{status} == 202;

            # a write that the disk has lost while nginx lives is noticed
            # before the 202; in the other modes nginx dies

            like($r->{status}, $mode == 4 ? qr/^(0|503)$/ : qr/^0$/,
                "$modes{$mode} at $n: no 202 for what is not there");

            crash($d);
            start(node => $d, same => 1);

            my $what = "$modes{$mode} at $n";

            is(post($known)->{status}, 200, "$what: the first one is known");
            like(post($e)->{status}, qr/^(202|200)$/, "$what: accepted");
            drained();
            like(attempts($e), qr/^[12]$/, "$what: delivered once");
        }

        cmp_ok($n, '>', 0, "$modes{$mode}: $n times");
        is($r->{status}, 202, 'then the commit went through');

        # what the fault did to the commit behind that one

        crash($d);
        start(node => $d, same => 1);
        drained();
    }

    finish();
};


subtest 'A3: a write or sync fails' => sub {
    my $d = faulty() or plan skip_all => 'no C compiler';

    start(node => $d);
    $d->expect_log(qr/\[crit\].*event store.*Input\/output error/,
        'the disk is broken');
    is(post(event())->{status}, 202, 'accepted');
    drained();

    my $worker = join ' ', $d->workers;

    for my $error (EIO, ENOSPC) {
        my $what = $error == EIO ? 'EIO' : 'ENOSPC';
        my ($r, $n);

        # without room it takes a second until it is tried again

        for ($n = 0; $n < 20; $n += $error == EIO ? 1 : 3) {
            my $e = event();

            fault($d, 1, $n, $error);
            $r = post($e);
            fault($d, 0);

            last if $r->{status} != 503;

            like($r->header('Retry-After'), qr/^\d+$/,
                "$what at $n: 503 with Retry-After");
            is(attempts($e), '', "$what at $n: not delivered");
            ok(wait_until(10, sub { post($e)->{status} =~ /^20[02]$/ }),
                "$what at $n: accepted afterwards");
            drained();
            is(attempts($e), '1', "$what at $n: delivered once");
        }

        cmp_ok($n, '>', 1, "$what: at all points to $n");
        is($r->{status}, 202, "$what: then the commit went through");
        drained();
    }

    ok($d->wait_log(qr/\[crit\].*event store.*Input\/output error/),
        'which is logged');

    # an attempt whose end cannot be written down

    my $e = event();

    $target->answer('/erp', delay => 0.5);
    is(post($e)->{status}, 202, 'accepted');
    fault($d, 1, 0, EIO);
    ok(wait_until(10, sub { attempts($e) eq '1' && fault_count($d) > 1 }),
        'it cannot be settled');
    fault($d, 0);
    drained();
    is(attempts($e), '1', 'settled afterwards, without a second attempt');
    is(join(' ', $d->workers), $worker, 'by the same worker');

    finish();
};


subtest 'A4: committed, killed before the answer' => sub {
    start(crash => 'after-commit=accept');

    my $e = event();

    is(post($e)->{status}, 0, 'no answer');
    crashed();
    drained();
    is(attempts($e), '2', 'delivered by the next worker, once');
    is(post($e)->{status}, 200, 'the retry is a duplicate');
    is(attempts($e), '2', 'not delivered again');
    finish();
};


subtest 'A5: answered, nothing dispatched' => sub {
    start(crash => 'answered');

    my $e = event();

    is(post($e)->{status}, 202, 'accepted');
    crashed();
    drained();
    is(attempts($e), '2', 'delivered by the next worker, once');

    # nor is what waited for a place at its target

    start(erp => 'concurrency 1;');
    $target->answer('/erp', fault => 'hang');

    my @e = map { event() } 1 .. 5;

    is(post($_)->{status}, 202, 'accepted') for @e;
    ok(wait_until(10, sub { attempts($e[0]) eq '1' }), 'the first is sent');
    $target->answer('/erp', status => 200);
    kill_workers();
    drained();
    is(join(',', map { attempts($_) } @e), '1 2,1,1,1,1', 'all are delivered');
    finish();
};


subtest 'A6: in flight, killed before the answer of the target' => sub {
    start();
    $target->answer('/erp', fault => 'hang');

    my @e = map { event() } 1 .. 4;

    is(post($_)->{status}, 202, 'accepted') for @e;
    ok(wait_until(10, sub { 4 == grep { attempts($_) eq '1' } @e }),
        'in flight');
    $target->answer('/erp', status => 200);
    kill_workers();
    drained();
    is(attempts($_), '1 2', 'delivered again, as the next attempt') for @e;
    is(bodies($_), "$_ $_", 'the same bytes') for @e;
    is(post($e[0])->{status}, 200, 'a duplicate');
    finish();
};


subtest 'A7: 2xx seen, not settled' => sub {
    start(crash => 'attempt-ok');

    my $e = event();

    is(post($e)->{status}, 202, 'accepted');
    crashed();
    drained();
    is(attempts($e), '1 2', 'delivered again');
    is(post($e)->{status}, 200, 'a duplicate');
    finish();
};


subtest 'A8: settled, not committed' => sub {
    start(crash => 'before-commit=settle');

    my $e = event();

    is(post($e)->{status}, 202, 'accepted');
    crashed();
    drained();
    is(attempts($e), '1 2', 'delivered again');

    # and once it is committed, never

    start(crash => 'after-commit=settle');
    $e = event();
    is(post($e)->{status}, 202, 'accepted');
    crashed();
    drained();
    swept();
    is(attempts($e), '1', 'delivered once');
    finish();
};


subtest 'A9: failure seen, the retry not written' => sub {
    for my $point (qw(attempt-failed before-commit=retry after-commit=retry)) {
        start(crash => $point);
        $target->answer('/erp', [ { status => 500 }, {} ]);

        my $e = event();

        is(post($e)->{status}, 202, "$point: accepted");
        crashed();
        drained();
        is(attempts($e), '1 2', "$point: tried again");
    }

    finish();
};


subtest 'A10: retries exhausted' => sub {
    my %attempts = ('before-commit=bury' => '1 2', 'after-commit=bury' => '1');

    for my $point (sort keys %attempts) {
        start(crash => $point);
        $target->answer('/erp', status => 400);

        my $e = event();

        is(post($e)->{status}, 202, "$point: accepted");
        crashed();
        drained();
        is(attempts($e), $attempts{$point}, "$point: attempts");
        is(join(' ', map { $_->{reason} } entries('dead')), 'final',
            "$point: one dead letter");

        # its body is there

        $target->answer_anew('/erp', status => 200);
        is(admin('replay?all=1')->{replayed}, 1, "$point: replayed");
        drained();
        is(attempts($e), '1', "$point: an attempt of its own count");
        is(bodies($e), $e, "$point: with its body");
        is(scalar(entries('dead')), 0, "$point: dead no longer");
        is(post($e)->{status}, 200, "$point: then a duplicate");
    }

    finish();
};


subtest 'A11: a replay half done' => sub {

    # one transaction replays 1000

    start(crash => 'replay-step', erp => 'concurrency 64;');
    $target->answer('/erp', status => 400);

    my @e = map { event() } 1 .. 1030;

    is(burst(@e), '202 x 1030', 'accepted');
    drained();
    is(scalar(entries('dead')), 1030, 'all are dead');

    admin('pause?target=erp');
    $target->answer_anew('/erp', status => 200);

    my $r = $t->post('/admin/replay?all=1', '', [ 'X-Event-Admin' => 1 ]);

    is($r->{status}, 0, 'no answer');
    crashed();
    is(scalar(entries('dead')), 30, 'some are still dead');
    is(scalar(entries('pending')), 1000, 'some are not');

    is(admin('replay?all=1')->{replayed}, 30, 'the same command again');
    admin('resume?target=erp');
    drained();

    is_deeply(count_attempts(@e), { 1 => 1030 }, 'each one is delivered once');
    finish();
};


subtest 'A13: two adopters' => sub {
    start(erp => 'concurrency 64;');
    $target->answer('/erp', fault => 'hang');

    my @e = map { event() } 1 .. 40;

    is(burst(@e), '202 x 40', 'accepted');
    ok(wait_until(20, sub { (count_attempts(@e)->{1} // 0) == 40 }),
        'in flight');
    $target->answer('/erp', status => 200);
    kill_workers();
    drained();
    swept();

    is_deeply(count_attempts(@e), { '1 2' => 40 },
        'each one is delivered once more');
    finish();
};


subtest 'A22: an event that kills its worker' => sub {
    my @e = map { event() } 1 .. 12;
    my $poison = $e[5];

    start(crash => 'event-read=' . id_of($poison), once => 0);
    $target->answer('/erp', fault => 'hang');
    is(post($_)->{status}, 202, 'accepted') for @e;
    ok(wait_until(10, sub { (count_attempts(@e)->{1} // 0) == 12 }),
        'in flight');
    $target->answer('/erp', status => 200);
    kill_workers();
    ok(wait_until(30, sub { 1 <= entries('dead') }), 'a dead letter');
    drained();

    my @dead = entries('dead');

    is(join(' ', map { $_->{reason} } @dead), 'poison', 'which is poison');
    is($dead[0]{id}, id_of($poison), 'the one');
    is(attempts($poison), '1', 'which was not delivered again');
    is(scalar(grep { attempts($_) !~ /^1 [23]( 3)?$/ }
              grep { $_ ne $poison } @e), 0, 'all others were');

    finish();
};


subtest 'A23: a repetition starts a dead letter, killed before the commit'
=> sub {
    my $e = refused(crash => 'before-commit=repeat');

    is(post($e)->{status}, 0, 'no answer');
    crashed();
    is(join(' ', entries('pending')), '', 'nothing is started');
    is(scalar entries('dead'), 1, 'it is still a dead letter');
    is(post($e)->{status}, 202, 'the next repetition starts it');
    drained();
    is(attempts($e), '1 1', 'delivered once');
    is(post($e)->{status}, 200, 'then a duplicate');
    finish();
};


subtest 'A24: the same, killed before the answer' => sub {
    my $e = refused(crash => 'after-commit=repeat');

    is(post($e)->{status}, 0, 'no answer');
    crashed();
    drained();
    is(scalar entries('dead'), 0, 'it is no dead letter any more');
    is(attempts($e), '1 1', 'delivered once');
    is(post($e)->{status}, 200, 'then a duplicate');
    finish();
};


subtest 'A25: a dead letter is purged, killed before or after the commit'
=> sub {
    for my $when (qw(before after)) {
        my $e = refused(crash => "$when-commit=purge");

        admin('purge?target=erp');
        crashed();
        is(scalar entries('dead'), $when eq 'before' ? 1 : 0, $when);
        is(post($e)->{status}, 202, 'the repetition is accepted');
        drained();
        is(attempts($e), '1 1', 'delivered once');
        is(post($e)->{status}, 200, 'then a duplicate');
        finish();
    }
};


# which versions the target got, of the only key, in that order

sub versions { join ' ', map { $_->json->{v} } $target->requests }


subtest 'A26: a newer version was taken, killed before that is settled' => sub {
    start(crash => 'attempt-ok', erp => 'order by=data.key version=data.v;');

    is(post(event(key => 'k', v => 2))->{status}, 202, 'accepted');
    crashed();
    is(post(event(key => 'k', v => 1))->{status}, 202, 'an older one comes');
    drained();
    is(versions(), '2 2', 'the newer one is sent again, the older one never');
    is(post(event(key => 'k', v => 1))->{status}, 202, 'and one more');
    drained();
    is(versions(), '2 2', 'neither');
    finish();

    for my $when (qw(before after)) {
        start(crash => "$when-commit=settle",
            erp => 'order by=data.key version=data.v;');
        is(post(event(key => 'k', v => 2))->{status}, 202, 'accepted');
        crashed();
        is(post(event(key => 'k', v => 1))->{status}, 202, 'an older one');
        drained();
        is(versions(), $when eq 'before' ? '2 2' : '2',
            "killed $when the commit of SETTLE: not sent");
        finish();
    }
};


subtest 'A27: a newer version replaces one that waits; killed at the commit'
=> sub {
    my $order = 'order by=data.key version=data.v coalesce;';

    for my $when (qw(before after)) {
        start(erp => $order);
        $target->answer('/erp', status => 503);

        my ($old, $new) = map { event(key => 'k', v => $_) } 1, 2;

        is(post($old)->{status}, 202, 'one that waits');
        ok(wait_until(10, sub { $target->count >= 1 }), 'for a retry');
        start(same => 1, crash => "$when-commit=accept", erp => $order);
        is(post($new)->{status}, 0, 'no answer to the newer one');
        crashed();

        my @left = entries('pending');

        is(scalar @left, 1, "killed $when the commit, one is there");
        is(post($new)->{status}, $when eq 'before' ? 202 : 200, 'repeated');
        $target->answer('/erp', status => 200);
        drained();
        like(versions(), qr/^[1 ]+(?: 2)+\z/, 'the newer one is the last one');
        finish();
    }
};


nodes_done();
