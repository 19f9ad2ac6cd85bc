#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Every row of the table of crash points of the queue in docs/guarantees.md:
# something breaks at that very point, then the producer sends the event again
# if it was not told that it is accepted.  Each row looks at both ends: what
# the producer is told, and what the target got, as which attempt.
#
# Points inside a worker are those of ngx_event_router_module/base/crash.h, so the
# module is a build of its own; points inside a commit are reached from below,
# by a library that breaks the disk (t/fault/disk.c).

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EIO ENOSPC);
use File::Path qw(remove_tree);
use JSON::PP ();
use POSIX ();
use Test::More;
use Test::EventRouter;

my $module
    = "$FindBin::Bin/../build/crash/ngx_http_event_router_module.so";

die "there is no module with crash points; \"make test\" builds it\n"
    if !$ENV{TEST_NGINX_STATIC} && !-f $module;

my $serial = 0;
my $stores = 0;

my $t = node(workers => 2);
my $target = $t->target(8081);
my $crm = $t->target(8082);


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


$_->_check for nodes();
done_testing();


# ---- helpers

my ($now, @nodes);

BEGIN { @nodes = () }

# the nginx that a row uses: $now

sub node {
    my (%o) = @_;

    my $node = Test::EventRouter->new(module_path => $module, %o);

    $node->workers_may_change('they are killed');
    $node->expect_log(qr/exited on signal 9/, 'workers are killed');
    push @nodes, $node;

    return $now = $node;
}


sub nodes { return reverse @nodes }


# one with a disk that can be broken; undef: there is no compiler

{
    my $node;

    sub faulty {
        return $node if $node;

        my $new = node(workers => 1);
        my $library = "$new->{dir}/disk.so";

        return if system("cc -shared -fPIC -o $library"
                         . " $FindBin::Bin/fault/disk.c -ldl");

        $new->{environment} = { LD_PRELOAD => $library,
            ER_FAULT_DISK => $new->write_file('fault', pack 'q4', (0) x 4) };

        return $node = $new;
    }
}


# the disk breaks after "left" more writes and syncs; see t/fault/disk.c

sub fault {
    my ($node, $mode, $left, $error) = @_;

    open my $f, '+<', "$node->{dir}/fault" or die "fault: $!\n";
    binmode $f;
    syswrite $f, pack('q4', 0, $left // 0, $error // 0, 0);
    sysseek $f, 0, 0;
    syswrite $f, pack('q', $mode);
    close $f;
}


sub fault_count {
    my ($node) = @_;

    return (unpack 'q4', $node->read_file('fault'))[3];
}


# A new store, unless "same"; then nginx runs.  Options: node; crash (where),
# once (0: every time); store, source, erp, main (lines), to, sink (nginx itself
# is the target), path; clock; daemon; fails (with this sentence)

sub start {
    my (%o) = @_;

    $now->stop;
    $now = $o{node} // $t;

    if (!$o{same}) {
        $target->answer_anew('/erp', status => 200);
        $crm->forget;
    }

    $now->clock($o{clock}) if defined $o{clock};

    configure(%o);

    if ($o{fails}) {
        $now->expect_log(qr/$o{fails}/, 'its store cannot be opened');
        $now->{pid} = spawn();
        ok($now->wait_log(qr/\[crit\] .*$o{fails}/, 20), 'the log says why');
        is(post(event())->{status}, 503, 'events are not taken');
        return crash($now);
    }

    return daemon() if $o{daemon};

    $now->run;

    # until it knows what is due it may leave a first event to the dispatcher

    wait_until(10, sub {
        my $json = $now->get('/status')->json;

        return ref $json && $json->{queue}{size};
    });
}


# an event that the target has refused; it takes it from now on

sub refused {
    start(@_, erp => 'retry off;');
    $target->answer('/erp', status => 400);

    my $e = event();

    is(post($e)->{status}, 202, 'accepted');
    ok(wait_until(10, sub { 1 == entries('dead') }), 'and refused');
    $target->answer('/erp', status => 200);

    return $e;
}


sub finish {
    ok($now->stop, 'nginx ends');
}


sub configure {
    my (%o) = @_;

    $now->{store} = 'store-' . ++$stores if !$o{same};

    my $path = $o{path} // "$now->{dir}/$now->{store}";
    my $store = $o{store} // 'size=16m';
    my $to = $o{to} // 'erp';
    my ($source, $main) = map { $_ // '' } @o{qw(source main)};
    my $port = $target->port;
    my $crm_port = $crm->port;
    my $sink = $o{sink} ? '127.0.0.1:%%PORT_8080%%/sink?id=$event_id'
                        : "127.0.0.1:$port/erp";

    $main .= " env EVENT_ROUTER_CRASH_AT=$o{crash};" if $o{crash};
    $main .= " env EVENT_ROUTER_CRASH_ONCE=$now->{dir}/once-$now->{store};"
        if $o{crash} && ($o{once} // 1);

    my $erp_lines = $o{erp} // '';

    $erp_lines .= ' retry base=50ms max=200ms for=1h;'
        if $erp_lines !~ /retry/;

    my $erp = $to =~ /erp/ ? "
    event_target erp {
        breaker off;
        $erp_lines
    }" : '';

    my $location = $to =~ /erp/ ? "
        location = /deliver/erp {
            event_deliver erp;
            proxy_pass http://$sink;
        }" : '';

    $now->config(<<"EOC");

%%GLOBALS%%

$main

http {
    %%GLOBALS_HTTP%%

    event_store file:$path $store;

    event_source a {
        verify off;
        id "{json:id}";
        type "{json:type}";
        delivery queued;
        $source
    }
$erp
    event_route x { from a; to $to; }

    proxy_read_timeout 30s;

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        keepalive_requests 100000;

        location = /a    { event_receive a; }
        location /admin/ { event_admin; }
        location = /status { event_status; }
        location = /sink { return 204; }
$location
        location = /deliver/crm {
            event_deliver crm;
            proxy_pass http://127.0.0.1:$crm_port/crm;
        }
    }
}
EOC
}


# as a daemon: only then nginx takes USR2 and WINCH

sub daemon {
    my $conf = $now->read_file('conf/nginx.conf');

    unlink "$now->{dir}/nginx.pid";
    $now->write_file('conf/nginx.conf', $conf =~ s/daemon off/daemon on/r);

    waitpid spawn(), 0;
    ok(wait_until(20, sub { ($now->{pid} = pid_of('nginx.pid'))
                            && workers_of($now->{pid}) == 2 }), 'nginx runs');
}


sub spawn {
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $now->_environment;
        open STDOUT, '>>', "$now->{dir}/logs/stderr.log";
        open STDERR, '>&', \*STDOUT;
        exec $now->_command or POSIX::_exit(127);
    }

    return $pid;
}


sub pid_of {
    my ($name) = @_;

    return $now->read_file($name) =~ /(\d+)/ ? $1 : 0;
}


sub workers_of {
    my ($pid) = @_;

    local $now->{pid} = $pid;

    return scalar(() = $now->workers);
}


# also a process that nobody has waited for has ended

sub ended { return state($_[0]) eq 'Z' }


# as in /proc: T is stopped, Z has ended, and so has one that is not there

sub state {
    my ($pid) = @_;

    open my $f, '<', "/proc/$pid/stat" or return 'Z';

    return (<$f> // '') =~ /\) (\w) / ? $1 : 'Z';
}


# a worker dies at the point that start() named, and there is a new one

sub crashed {
    my $once = "$now->{dir}/once-$now->{store}";

    ok(wait_until(20, sub { -e $once
                            && $now->workers == $now->{workers} }), 'crashed');
}


# all at once, as when the machine stops

sub crash {
    my ($node) = @_;

    my $pid = delete $node->{pid} or return;

    # the master must not start another one meanwhile: it may be amid a fork

    kill STOP => $pid;
    wait_until(20, sub { state($pid) =~ /[TZ]/ });

    open my $f, '<', "/proc/$pid/task/$pid/children";
    my @all = ($pid, split ' ', <$f> // '');

    kill KILL => @all;
    waitpid $pid, 0;
    wait_until(20, sub { @all == grep { ended($_) } @all })
        or diag('something does not die');
}


# all workers, at the same time, and waits for the next

sub kill_workers {
    my @old = $now->workers;

    kill KILL => @old;

    my %old = map { $_ => 1 } @old;

    ok(wait_until(20, sub {
        my @new = $now->workers;

        return @new == $now->{workers} && !grep { $old{$_} } @new;
    }), 'workers are killed');
}


# nothing is pending any more

sub drained {
    my ($seconds) = @_;

    ok(wait_until($seconds // 30, sub { !entries('pending') }), 'drained');
}


# workers have looked twice for what dead ones left

sub swept { sleep 2.2 }


sub event {
    my (%o) = @_;

    return JSON::PP->new->utf8->canonical->encode(
        { id => 'e' . ++$serial, type => 'x', %o });
}


sub id_of { return $_[0] =~ /"id":"(\w+)"/ ? $1 : die }


sub post {
    my ($body) = @_;

    return $now->post('/a', $body, [ 'Content-Type' => 'application/json' ]);
}


# many at once on connections that are kept: "202 x 100"

sub burst {
    my (@e) = @_;

    my %n;

    $n{$_}++ for burst_statuses(@e);

    return join ' ', map { "$_ x $n{$_}" } sort keys %n;
}


{
    my %clients;

    sub burst_statuses {
        my (@e) = @_;

        my @statuses;
        my $pid = $now->{pid};

        %clients = ($pid => [ map { $now->connect } 1 .. 50 ])
            if !$clients{$pid};

        my @clients = @{ $clients{$pid} };

        while (my @some = splice @e, 0, scalar @clients) {
            $clients[$_]->send(POST => '/a',
                [ 'Content-Type' => 'application/json' ], $some[$_])
                for 0 .. $#some;

            push @statuses, ($clients[$_]->response // { status => 0 })
                            ->{status} for 0 .. $#some;
        }

        return @statuses;
    }
}


# pending or dead ones

sub entries {
    my ($kind) = @_;

    my (@entries, $after);

    do {
        my $r = $now->get("/admin/$kind?limit=1000"
                          . ($after ? "&after=$after" : ''));

        # a worker may die meanwhile

        my $page = $r->{status} == 200 ? $r->json : undef;

        return ({ reason => "status $r->{status}" }) if !$page;

        push @entries, @{ $page->{entries} };
        $after = $page->{next};
    } while ($after);

    return @entries;
}


sub admin {
    my ($what) = @_;

    my $r = $now->post("/admin/$what", '', [ 'X-Event-Admin' => 1 ]);

    return $r->json // { status => $r->{status} };
}


# the requests that a target got for an event

sub calls {
    my ($e, $which) = @_;

    my $id = id_of($e);

    return grep { $_->header('Webhook-Id') eq $id }
           ($which // $target)->requests;
}


sub attempts {
    return join ' ', map { $_->header('X-Event-Attempt') } calls(@_);
}


# the same of many events, in their order

sub all_attempts {
    my %calls;

    push @{ $calls{$_->header('Webhook-Id')} }, $_->header('X-Event-Attempt')
        for $target->requests;

    return map { join ' ', @{ $calls{id_of($_)} // [] } } @_;
}


# how many of the events have which attempts

sub count_attempts {
    my %n;

    $n{$_}++ for all_attempts(@_);

    return \%n;
}


sub bodies { return join ' ', map { $_->{body} } calls(@_) }


package Disk;

sub stop { system("umount -l $_[0]{dir}") if !$_[0]{gone}++ }
