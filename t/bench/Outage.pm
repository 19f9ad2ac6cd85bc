package Outage;

# Copyright (C) Event Router contributors

# One of four targets hangs, with what an hour has left behind: do the others
# notice?  Events come at an even pace, whatever becomes of those before; the
# time is that from sending an event until a target has it.  Three nginx take
# turns of some seconds:
#
#     without         all four targets are well, nothing is waiting
#     breaker         t4 takes connections and never answers; 3,600 seconds of
#                     events are waiting for it
#     breaker off     the same, and all it may have in hand is always in hand
#
# Producer, targets and clock are this process; what it is late by itself is in
# the times of all three alike.  The ratios are medians of those of the rounds.

use warnings;
use strict;

use Bench;
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);

my $rate = $ENV{BENCH_RATE} || 100;
my $waiting = $ENV{BENCH_ENTRIES} || 3600 * $rate;
my $turn = 3;
my $aim = 1.2;

my @cases = (
    { name => 'without', breaker => 'failures=5', well => 1 },
    { name => 'breaker', breaker => 'failures=5' },
    { name => 'breaker off', breaker => 'off' },
);

my $target = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 512)
    or die "listen: $!\n";
my $hung = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 4096)
    or die "listen: $!\n";

my $select = IO::Select->new($target);
my (%input, %idle, %sent, %took, $answered, $refused, $case);


sub run {
    my ($first, $second) = cores();

    prepare($_, $first) for @cases;

    for my $case (@cases) {
        $case->{client} = [ map { client($case->{port}) } 1 .. 16 ];
    }

    # the seeds of t1 to t3 are delivered now

    serve(time + 2);

    my $rounds = int(seconds() / ($turn * @cases) + 0.5) || 1;

    printf "%s on %s\n%d rounds of %d s each, %d events/s of 1 KB to 4 "
        . "targets, %d waiting for t4\n\n", version(), processor(), $rounds,
        $turn, $rate, $waiting;

    for my $round (1 .. $rounds) {
        for (@cases) {
            progress("round $round of $rounds: $_->{name}");
            measure($_);
        }
    }

    progress('');
    report();
}


sub prepare {
    my ($case, $core) = @_;

    my $name = 'router-' . $case->{name} =~ s/ /-/gr;
    my $port = $case->{port} = free_port();

    fill('outage', $name, ROUTER => $port, TARGET => $target->sockport,
        FOURTH => ($case->{well} ? $target : $hung)->sockport,
        BREAKER => $case->{breaker});

    start_nginx($name, $core, $port);

    if (!$case->{well}) {

        # one event of its kind, while nothing answers

        my $answer = ask($port, request('seed')
            =~ s/\r\n/\r\nConnection: close\r\n/r);

        $answer =~ /^HTTP\S+ 202/ or die "the seed is refused:\n$answer";
        stop($name);

        my $said = `$root/build/bench/store clone $dir/$name-events \\
            $dir/$name.conf $waiting t4`;

        $said =~ /events=$waiting/ or die "not filled\n";
        start_nginx($name, $core, $port);
    }
}


sub client {
    my ($port) = @_;

    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
        or die "connect: $!\n";

    $s->autoflush(1);
    $select->add($s);
    $idle{$s} = 1;

    return $s;
}


sub measure {
    ($case) = @_;

    my $start = time;
    my $n = $rate * $turn;
    my @pending;

    (%sent, %took) = ();
    ($answered, $refused) = (0, 0);

    for my $i (0 .. $n - 1) {
        serve($start + $i / $rate);
        push @pending, $i;
        produce($start, \@pending);
    }

    my $wanted = $case->{well} ? 4 : 3;
    my $end = time + 20;

    while (time < $end
        && grep { @{ $took{"/t$_"} // [] } < $n } 1 .. $wanted)
    {
        serve(time + 0.01);
        produce($start, \@pending);
    }

    die "$case->{name}: $refused events were refused\n" if $refused;

    for my $i (1 .. $wanted) {
        my $ms = $took{"/t$i"} // [];

        die "$case->{name}: t$i got ", scalar @$ms, " of $n\n" if @$ms != $n;
    }

    my @ms = map { @{ $took{"/t$_"} } } 1 .. 3;

    push @{ $case->{rounds} }, { p50 => median(@ms),
        p99 => percentile(99, @ms), max => percentile(100, @ms) };
    push @{ $case->{all} }, @ms;
}


# one that has to wait for a connection was due before, and that counts

sub produce {
    my ($start, $pending) = @_;

    for my $s (@{ $case->{client} }) {
        last if !@$pending;
        next if !$idle{$s};

        my $i = shift @$pending;

        $sent{"e$i-$start"} = $start + $i / $rate;
        $idle{$s} = 0;
        print $s request("e$i-$start");
    }
}


# the producer's answers and the targets' requests, until then

sub serve {
    my ($until) = @_;

    while (1) {
        my $left = $until - time;

        return if $left <= 0;

        for my $s ($select->can_read($left)) {

            if ($s == $target) {
                my $new = $s->accept or next;
                $select->add($new);
                $input{$new} = '';
                next;
            }

            my $n = sysread $s, my $data, 65536;

            if (!$n) {
                $select->remove($s);
                delete $input{$s};
                close $s;
                next;
            }

            if (defined $idle{$s}) {

                # an answer is one segment here

                $refused++ if $data !~ /^HTTP\S+ 202/;
                $idle{$s} = 1;
                $answered++;
                next;
            }

            $input{$s} .= $data;
            delivered($s) while $input{$s} =~
                /\A(?:.*\r\n)*?Content-Length: (\d+)\r\n(?:.+\r\n)*\r\n/i
                && length $input{$s} >= $+[0] + $1;
        }
    }
}


sub delivered {
    my ($s) = @_;

    my $now = time;

    $input{$s} =~ /\A\S+ (\S+).*?^Content-Length: (\d+).*?\r\n\r\n/msi;

    my ($path, $length) = ($1, $+[0] + $2);
    my ($id) = $input{$s} =~ /^Webhook-Id: (\S+)/mi;

    substr $input{$s}, 0, $length, '';
    syswrite $s, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    push @{ $took{$path} }, 1000 * ($now - $sent{$id})
        if defined $id && $sent{$id};
}


sub request {
    my ($id) = @_;

    my $body = '{"text":"' . 'x' x 1013 . '"}';

    return "POST /paced HTTP/1.1\r\nHost: localhost\r\nX-Id: $id\r\n"
        . "X-Type: paced\r\nContent-Type: application/json\r\n"
        . "Content-Length: " . length($body) . "\r\n\r\n$body";
}


sub report {
    my ($without) = @cases;

    printf "%-12s %9s %8s %8s %8s %12s %12s\n", '', 'delivered', 'p50 ms',
        'p99 ms', 'max ms', 'x p50', 'x p99';

    for my $case (@cases) {
        my @r = @{ $case->{rounds} };
        my @all = @{ $case->{all} };

        printf "%-12s %9d %8.2f %8.2f %8.2f %12s %12s\n", $case->{name},
            scalar @all, median(@all), percentile(99, @all),
            percentile(100, @all), map { my $key = $_;
                sprintf '%.2f', median(map {
                    $r[$_]{$key} / $without->{rounds}[$_]{$key} } 0 .. $#r)
            } qw(p50 p99);

        next if $case->{well};

        my $ratio = median(map { $r[$_]{p99} / $without->{rounds}[$_]{p99} }
            0 .. $#r);

        printf "%-12s p99 is %.2f times as long (%.2f, all rounds in one); the "
            . "aim, %.1f at most, is %s\n", '', $ratio,
            percentile(99, @all) / percentile(99, @{ $without->{all} }), $aim,
            $ratio <= $aim ? 'met' : 'missed';
    }
}


1;
