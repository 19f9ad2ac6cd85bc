#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The rows of the table of crash points of the queue in docs/guarantees.md that
# come from outside of a worker: a reload, another binary, a store or a disk
# that is full, damage, a target that is gone, the clock, a master that is
# killed, a directory that is lost.  t/crash_queue.t has the other rows.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Path qw(remove_tree);
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Crash;


# ---- the rows

subtest 'A12: the file does not grow' => sub {
    start(sink => 1, store => 'size=4m', source => 'dedup 1s;',
        erp => 'concurrency 64;');

    my $file = "$t->{dir}/$t->{store}/data.mdb";
    my @before = (stat $file)[7, 12];
    my %status;

    for (1 .. 20) {
        my @e = map { event(pad => 'x' x 600) } 1 .. 500;

        $status{$_}++ for burst_statuses(@e);
    }

    is(join(' ', map { "$_ x $status{$_}" } sort keys %status), '202 x 10000',
        '10,000 events of 7 MB are accepted');
    drained();
    is_deeply([ (stat $file)[7, 12] ], \@before,
        'by a file of 4 MB, which is as large as before');

    my %ids = map { $_ => 1 }
              $t->read_file('logs/access.log') =~ m{ /sink\?id=(\S+) }g;

    is(scalar(keys %ids), 10000, 'all are delivered');
    finish();
};


subtest 'A14: reload with deliveries in flight' => sub {
    start();
    $target->answer('/erp', delay => 1);

    my @e = map { event() } 1 .. 10;

    is(post($_)->{status}, 202, 'accepted') for @e;
    ok(wait_until(10, sub { $target->begun == 10 }), 'in flight');
    ok($t->reload, 'new workers');

    my $e = event();

    is(post($e)->{status}, 202, 'which accept');
    is(post($e[0])->{status}, 200, 'and know what the old ones have');
    ok($t->wait_old_workers, 'the old ones have gone');
    drained();
    is(join(' ', map { attempts($_) } @e, $e), '1 ' x 10 . '1',
        'each one is delivered once');

    # an old worker that may not finish

    start(main => 'worker_shutdown_timeout 300ms;');
    $target->answer('/erp', fault => 'hang');
    @e = map { event() } 1 .. 4;
    is(post($_)->{status}, 202, 'accepted') for @e;
    ok(wait_until(10, sub { $target->begun == 4 }), 'in flight');
    $target->answer('/erp', status => 200);
    ok($t->reload, 'new workers');
    ok($t->wait_old_workers, 'the old ones have gone');
    drained();
    is(join(',', map { attempts($_) } @e), '1 2,1 2,1 2,1 2',
        'what was in flight is delivered again');
    finish();
};


subtest 'A15: another binary, and back' => sub {
    start(daemon => 1);

    my $old = $t->{pid};

    for my $back (0, 1) {
        my $what = $back ? 'back' : 'upgrade';
        my @e = map { event() } 1 .. 3;

        $target->answer('/erp', delay => 1);
        is(post($e[0])->{status}, 202, "$what: accepted by the old one");
        kill USR2 => $old;
        ok(wait_until(20, sub { pid_of('nginx.pid') != $old
                                && workers_of(pid_of('nginx.pid')) == 2 }),
            "$what: a new one runs beside it");

        my $new = pid_of('nginx.pid');

        is(post($e[1])->{status}, 202, "$what: accepted by one of them");
        kill WINCH => $old;
        ok(wait_until(20, sub { workers_of($old) == 0 }),
            "$what: the old workers have gone");
        is(post($e[2])->{status}, 202, "$what: accepted by the new one");
        is(post($e[0])->{status}, 200, "$what: which knows the first one");

        if ($back) {
            kill HUP => $old;
            ok(wait_until(20, sub { workers_of($old) == 2 }),
                "$what: the old one has workers again");
            ($old, $new) = ($new, $old);
        }

        kill QUIT => $old;
        ok(wait_until(20, sub { ended($old) }), "$what: one is left");

        $old = $t->{pid} = $new;

        drained();
        is(join(' ', map { attempts($_) } @e), '1 1 1',
            "$what: each one is delivered once");
    }

    kill QUIT => $old;
    ok(wait_until(20, sub { ended($old) }), 'ended');
    delete $t->{pid};

    # what another version wrote

    my $dir = "$t->{dir}/$t->{store}";
    my $owner = $t->read_file("$t->{store}/owner");
    my $data = $t->read_file("$t->{store}/data.mdb");

    $t->write_file("$t->{store}/owner", $owner =~ s/ 1\n/ 2\n/r);

    my $was = $t->read_file("$t->{store}/owner");
    my ($ok, $said) = $t->check_config;

    ok($ok, 'a format that is not known: nginx starts without it');
    like($said, qr/format that this version does not know/, 'with a sentence');
    is($t->read_file("$t->{store}/owner"), $was, 'and left as it is');
    ok($t->read_file("$t->{store}/data.mdb") eq $data, 'all of it');
};


subtest 'A16: the store is full' => sub {
    start(store => 'size=2m', erp => 'concurrency 4; fail_on 418;');
    $target->answer('/erp', fault => 'hang');

    my ($r, @e);

    for (1 .. 1000) {
        my $e = event(pad => 'x' x 3000);

        $r = post($e);
        last if $r->{status} != 202;
        push @e, $e;
    }

    is($r->{status}, 503, 'refused after ' . @e);
    like($r->header('Retry-After'), qr/^\d+$/, 'with Retry-After');
    cmp_ok(scalar(@e), '>', 100, 'not before');
    ok($t->wait_log(qr/\[error\] .*" is full: \d+ of its 2097152 bytes are used/),
        'which is logged');
    is(post($e[0])->{status}, 200, 'a duplicate is still known');

    # two die, the others are settled; a new worker might not see it full

    $target->answer('/erp', [ { status => 418 }, { status => 418 }, {} ]);
    $target->stop;
    $target->start;
    drained(60);
    is(join(' ', map { $_->{reason} } entries('dead')), 'final final',
        'dead letters go through');
    is(count_attempts(@e)->{''}, undef, 'all were called');
    ok(wait_until(20, sub { post(event())->{status} == 202 }),
        'there is room again');
    ok($t->wait_log(qr/\[notice\] .*event store "\S+" has room again/),
        'which is logged too');
    finish();
};


subtest 'A16: the disk is full' => sub {
    my $dir = "$t->{dir}/disk";

    mkdir $dir;

    plan skip_all => 'only root can mount' if $> != 0;
    plan skip_all => 'no tmpfs can be mounted'
        if system("mount -t tmpfs -o size=6m none $dir 2>/dev/null");

    $t->own(bless { dir => $dir }, 'Disk');

    start(path => "$dir/large", store => 'size=16m',
        fails => 'no room for 16777216 bytes in');
    remove_tree("$dir/large");

    start(path => "$dir/store", store => 'size=4m');
    system("head -c 16m /dev/zero >$dir/rest 2>/dev/null");

    $target->answer('/erp', status => 500);

    my @e = map { event(pad => 'x' x 1000) } 1 .. 200;

    is(burst(@e), '202 x 200', 'its room cannot be taken');
    $target->answer('/erp', status => 200);
    drained();
    is(count_attempts(@e)->{''}, undef, 'all are delivered');
    finish();
    unlink "$dir/rest";
};


subtest 'A17: an event in the store is damaged' => sub {
    start();
    $target->answer('/erp', fault => 'hang');

    my @e = map { event(pad => "mark-$_-" . 'x' x ($_ % 2 ? 100 : 9000)) }
            1 .. 10;

    is(post($_)->{status}, 202, 'accepted') for @e;
    ok(wait_until(10, sub { (count_attempts(@e)->{1} // 0) == 10 }),
        'in flight');
    crash($t);

    my $data = $t->read_file("$t->{store}/data.mdb");

    for my $n (3, 4) {
        ok($data =~ s/mark-$n-xxxx/mark-$n-xyxx/g, "event $n is damaged");
    }

    $t->write_file("$t->{store}/data.mdb", $data);
    $target->answer_anew('/erp', status => 200);

    start(same => 1);
    drained();
    is(join(',', map { attempts($_) } @e), '2,2,,,2,2,2,2,2,2',
        'all others are delivered');
    is(join(' ', map { $_->{reason} } entries('dead')), 'corrupt corrupt',
        'the two are dead letters');
    ok($t->wait_log(qr/is a dead letter now: corrupt/), 'which is logged');
    finish();
};


subtest 'A18: a target is no longer configured' => sub {
    start();
    $target->answer('/erp', status => 500);

    my @e = map { event() } 1 .. 3;

    is(post($_)->{status}, 202, 'accepted') for @e;
    ok(wait_until(10, sub { 3 == grep { attempts($_) ne '' } @e }), 'tried');
    configure(erp => undef, to => 'crm', same => 1);
    ok($t->reload, 'reloaded without it');
    ok(wait_until(20, sub { 3 == entries('dead') }), 'they are dead letters');
    is(join(' ', map { $_->{reason} } entries('dead')),
        'target_removed target_removed target_removed', 'and say why');
    is(scalar(entries('pending')), 0, 'nothing is pending');

    is(admin('replay?target=erp&deliver_to=crm')->{replayed}, 3,
        'replayed to another target');
    drained();
    is(join(' ', map { attempts($_, $crm) } @e), '1 1 1', 'which gets them');
    finish();
};


subtest 'A19: the clock jumps' => sub {
    plan skip_all => 'no libfaketime' if !$t->clock;

    for my $jump (3600, -3600) {
        start(clock => time(), erp => 'retry base=1s max=1s for=10h;');
        $target->answer('/erp', [ { status => 500 }, {} ]);

        my ($e, $later) = (event(), event());

        is(post($e)->{status}, 202, "$jump s: accepted");
        ok(wait_until(10, sub { attempts($e) eq '1' }), "$jump s: tried");
        $t->clock(time() + $jump);
        drained();
        is(attempts($e), '1 2', "$jump s: tried again in time");

        is(post($later)->{status}, 202, "$jump s: accepted afterwards");
        drained();
        is(attempts($later), '1', "$jump s: and delivered");
        is(post($e)->{status}, 200, "$jump s: the first one is known");

        # a clock that is wrong at the start

        $target->answer('/erp', status => 500);

        my $kept = event();

        is(post($kept)->{status}, 202, "$jump s: accepted before a stop");
        ok(wait_until(10, sub { attempts($kept) ne '' }), "$jump s: tried");
        $t->stop;
        $target->answer('/erp', status => 200);
        start(same => 1, clock => time(),
            erp => 'retry base=1s max=1s for=10h;');
        drained();
        is((split ' ', attempts($kept))[0], 1, "$jump s: delivered");
        is(post($kept)->{status}, 200, "$jump s: and known");
    }

    finish();
    delete $t->{environment};
};


subtest 'A20: master killed' => sub {
    start();
    $target->answer('/erp', fault => 'hang');

    my @e = map { event() } 1 .. 3;

    is(post($_)->{status}, 202, 'accepted') for @e;
    ok(wait_until(10, sub { $target->begun == 3 }), 'in flight');

    # nginx's workers go on without it

    my @workers = $t->workers;

    kill KILL => $t->{pid};
    waitpid delete $t->{pid}, 0;
    $target->answer('/erp', status => 200);
    push @e, event();
    is(post($e[3])->{status}, 202, 'the workers accept');
    ok(wait_until(10, sub { attempts($e[3]) eq '1' }), 'and deliver');

    # whoever starts nginx again has to end them

    kill KILL => @workers;
    ok(wait_until(10, sub { @workers == grep { ended($_) } @workers }),
        'killed as well');
    start(same => 1);
    drained();
    is(join(',', map { attempts($_) } @e[0 .. 2]), '1 2,1 2,1 2',
        'what was in flight is delivered again');
    like(attempts($e[3]), qr/^1( 2)?$/, 'what was delivered: perhaps');
    is(post($e[0])->{status}, 200, 'a duplicate');
    finish();
};


subtest 'A21: the directory is lost' => sub {
    start();
    $target->answer('/erp', status => 500);

    my $e = event();

    is(post($e)->{status}, 202, 'accepted');
    ok(wait_until(10, sub { attempts($e) ne '' }), 'tried');
    crash($t);
    remove_tree("$t->{dir}/$t->{store}");
    $target->answer_anew('/erp', status => 200);
    start(same => 1);
    is(scalar(entries('pending')), 0, 'the store is empty');
    is(post($e)->{status}, 202, 'what is sent again is new');
    drained();
    is(attempts($e), '1', 'and delivered');
    finish();
};


nodes_done();


package Disk;

sub stop { system("umount -l $_[0]{dir}") if !$_[0]{gone}++ }
