#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Pages of the store that kill the workers who touch them, again and again.
# Each crash is a real one (SIGSEGV, SIGBUS, SIGABRT) inside of LMDB.  After
# three the store is left closed until nginx is reloaded; other locations are
# served all the time, nothing that was accepted is lost, and what was in hand
# is not poison.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

plan(skip_all => 'AddressSanitizer takes the signals')
    if ($ENV{TEST_NGINX_BINARY} // '') =~ /asan/;

my %told = (
    worn   => 'every page of the trees is overwritten',
    zero   => 'every page is zeroed',
    short  => 'the file is cut off and grows again',
    loops  => 'pages point at each other',
);


sub slurp {
    my ($file) = @_;

    open my $f, '<:raw', $file or die "$file: $!\n";
    local $/;

    return scalar <$f>;
}


# in place, behind the back of all checks

sub damage {
    my ($file, $how) = @_;

    my $pages = (-s $file) / 4096;

    open my $f, '+<:raw', $file or die "$file: $!\n";

    if ($how eq 'short') {
        truncate $f, 8192;
        truncate $f, $pages * 4096;
    }

    for my $n (2 .. $pages - 1) {
        sysseek $f, $n * 4096, 0;
        sysread $f, my $page, 16;
        sysseek $f, $n * 4096, 0;

        if ($how eq 'zero') {
            syswrite $f, "\0" x 4096;

        } elsif ($how eq 'worn') {
            sysseek $f, 8, 1;
            syswrite $f, "\x5a\x5a\x06\x00\xff\x7f\x00\x00";

        } elsif ($how eq 'loops') {

            # a branch, all of whose children are far beyond the end

            syswrite $f, pack('Q<vvvv', $n, 0, 1, 16 + 4, 64) . pack('v*',
                64, 64) . "\0" x 44 . "\xff" x (4096 - 64);
        }
    }

    close $f;
}


# other locations, while all this goes on: in a process of its own

sub watch {
    my ($t) = @_;

    pipe my $r, my $w;

    my $pid = fork;

    if ($pid == 0) {
        my ($stop, $worst, $n, $bad) = (0, 0, 0, 0);

        close $r;
        local $SIG{TERM} = sub { $stop = 1 };

        while (!$stop) {
            my $began = time;
            my $ok = eval { $t->get('/ok', undef, timeout => 5)->{status}
                            == 200 };
            my $took = time - $began;

            $n++;
            $bad++ if !$ok;
            $worst = $took if $took > $worst;
            select undef, undef, undef, 0.02;
        }

        syswrite $w, "$n $bad $worst\n";
        POSIX::_exit(0);
    }

    close $w;

    return sub {
        kill 'TERM', $pid;
        my $said = <$r>;
        waitpid $pid, 0;

        return split ' ', $said // '0 0 0';
    };
}


sub left {
    my ($t) = @_;

    return scalar grep { /\[crit\] .*is left closed after \d+ crashes/ }
        $t->log_lines;
}


sub crashes {
    my ($t) = @_;

    return scalar grep { /worker process \d+ exited on signal (6|7|11)\b/ }
        $t->log_lines;
}


my $t = Test::EventRouter->new;
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);

$t->workers_may_change('that is what is tested');
$t->expect_log(qr/event store "\S+" is (closed|left closed|lost)/,
    'that is what is tested');
$t->expect_log(qr/exited on signal (6|7|11)\b/, 'pages that kill');


for my $workers (1, 3) {
    my $store = $t->dir . "/store$workers";
    my $name = "$workers workers";

    $t->{workers} = $workers;
    $target->forget;
    $q->config(dir => $store, store => 'size=4m', targets => { erp =>
        'breaker off; retry for=1h base=1s max=1s;' },
        server => 'location = /ok { return 200 ok; }');
    $target->answer('/erp/ok', status => 500);
    $t->run;

    my $event = sub {
        my ($id, $body) = $q->event('erp', p => 'x' x 2000);

        my $r = eval { $q->post($body) };

        return ($r ? $r->{status} : 0, $id);
    };

    my (@taken, $status, $id);

    for (1 .. 30) {
        ($status, $id) = $event->();
        push @taken, $id if $status == 202;
    }

    is(scalar @taken, 30, "$name: events wait");
    $t->stop;

    my $good = slurp("$store/data.mdb");
    my $restore = sub {
        unlink "$store/lock.mdb", "$store/data.mdb";
        open my $f, '>:raw', "$store/data.mdb.new" or die;
        print $f $good;
        close $f;
        rename "$store/data.mdb.new", "$store/data.mdb";
    };

    my $accepts = sub {
        return wait_until(15, sub { ($event->())[0] == 202 });
    };

    $t->run;
    ok($accepts->(), "$name: in order");

    my $stop = watch($t);
    my @how = $workers == 1 ? qw(worn zero worn loops worn worn worn)
                            : qw(worn short worn worn worn worn);
    my $before = crashes($t);
    my $closed = left($t);
    my $shut = sub { left($t) > $closed };

    # The first ones may be noticed before they kill.  What they do to the heap
    # may kill a thread that is not in the store: then nobody blames the store.

    while (@how) {
        my $how = shift @how;
        my $n = crashes($t);

        damage("$store/data.mdb", $how);

        ok(wait_until(10, sub { ($event->())[0] != 202 }),
            "$name: $told{$how}: not taken");
        wait_until(2, sub { crashes($t) > $n });
        note("$name: $how: ", crashes($t) - $n, ' crashes');

        last if crashes($t) - $before >= 3 && wait_until(3, $shut);

        # or another one has died meanwhile

        $restore->();
        ok(wait_until(15, sub { $shut->() || ($event->())[0] == 202 }),
            "$name: a back-up heals it") or last;
        last if $shut->();
    }

    ok($shut->(), "$name: it is left closed");

    # others may be at it when the last one dies

    sleep 2;

    my $died = crashes($t) - $before;
    my $elsewhere = () = $t->read_file('logs/error.log')
        =~ /^(?:free|malloc|realloc)\(\)|^double free|^corrupted /mg;

    cmp_ok($died, '>=', 3, "$name: three real crashes");
    cmp_ok($died, '<=', 3 + $workers + $elsewhere,
        "$name: and no more than were at it");

    $restore->();
    sleep 3;
    is(($event->())[0], 503, "$name: also when the files are well again");
    is($t->get('/ok')->{status}, 200, "$name: others are served");
    is(crashes($t) - $before, $died, "$name: nobody dies any more");

    my ($asked, $bad, $worst) = $stop->();

    cmp_ok($asked, '>', 50, "$name: others were served: $asked requests");
    cmp_ok($bad, '<=', $died, "$name: but for what was in hand: $bad");
    cmp_ok($worst, '<', 3, sprintf "%s: the slowest took %.2f s", $name,
        $worst);

    ok($t->reload, "$name: a reload");
    ok($accepts->(), "$name: opens it again");

    $target->forget;
    $target->answer('/erp/ok', status => 200);
    ok(wait_until(20, sub {
        my $seen = $q->seen($target);

        !grep { !$seen->{$_} } @taken;
    }), "$name: all that the back-up had is delivered");
    is(join(' ', map { $_->{reason} } $q->dead), '',
        "$name: nothing is a dead letter");

    $t->quit;
}

$t->done;
