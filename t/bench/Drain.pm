package Drain;

# Copyright (C) Event Router contributors

# All targets are away for some seconds, while events come at an even pace, and
# go on coming: how long until what was left is delivered?  Beside it, what the
# simulation (Model.pm) says of the same installation.  Also measured: CPU of
# the worker, and of Redis, for a delivery from the store, and what waiting
# events take there.
#
# One worker is on one core; producers, targets and Redis share another one.
# Times are by the clock, so it takes a quiet machine.

use warnings;
use strict;

use Bench;
use IO::Select;
use JSON::PP ();
use Model;
use POSIX ();
use Test::EventRouter::Client;
use Time::HiRes qw(time sleep);

my $rate = $ENV{BENCH_RATE} || 500;
my $outage = $ENV{BENCH_OUTAGE} || 10;
my $producers = 8;

# what a target takes, and the same for the simulation

my @cases = (
    { name => 'rate', targets => 1, path => '/',
      limits => 'rate 1500r/s; concurrency 64;',
      model => { target_rate => 1500, concurrency => 64, answer => 0.0005 } },
    { name => 'places', targets => 1, path => '/slow',
      limits => 'concurrency 128;',
      model => { concurrency => 128, answer => 0.05 } },
    { name => 'two targets', targets => 2, path => '/',
      limits => 'rate 1500r/s; concurrency 64;',
      model => { target_rate => 1500, concurrency => 64, answer => 0.0005 } },
);

my @stores = qw(file redis);
my (@turns, $first, $second);


sub run {
    ($first, $second) = cores();

    printf "%s on %s\n%d events/s, targets away for %d s\n\n", version(),
        processor(), $rate, $outage;

    for my $store (@stores) {
        for my $case (@cases) {
            my $turn = { %$case, store => $store,
                name => "$store: $case->{name}" };

            next if $ENV{BENCH_ONLY} && $turn->{name} !~ /$ENV{BENCH_ONLY}/;

            progress($turn->{name});
            measure($turn);
            push @turns, $turn;
        }
    }

    progress('');
    report();
}


sub start_router {
    my ($turn) = @_;

    my $name = 'drain-' . $turn->{name} =~ s/\W+/-/gr;
    my $where = "file:$dir/$name-events size=4g";

    $turn->{target} = free_port();
    $turn->{port} = free_port();

    if ($turn->{store} eq 'redis') {
        my $port = $turn->{redis_port} = free_port();

        $turn->{redis} = start_redis("$name-redis", $second, $port, 'always');
        $where = "redis://127.0.0.1:$port timeout=20s";
    }

    fill('upstream', "$name-target", UPSTREAM => $turn->{target});
    fill('drain', $name, ROUTER => $turn->{port}, STORE => $where,
        TARGET => $turn->{target}, PATH => $turn->{path},
        LIMITS => $turn->{limits},
        TARGETS => join(' ', map { "t$_" } 1 .. $turn->{targets}));

    start_nginx("$name-target", $second, $turn->{target});
    $turn->{worker} = worker_of(start_nginx($name, $first, $turn->{port}));
    $turn->{nginx} = $name;
    $turn->{file} = order('/hook', $turn->{port});
}


# well for 2 s, away, and back

sub measure {
    my ($turn) = @_;

    start_router($turn);

    my $pipe = produce($turn);

    sleep 2;
    stop("$turn->{nginx}-target");

    # what ran to its end or failed at once is not what waiting costs

    sleep 1;

    my $before = state($turn);

    sleep $outage - 1;

    my $away = state($turn);
    my $back = time;

    start_nginx("$turn->{nginx}-target", $second, $turn->{target});
    drained($turn, $back);

    my $after = state($turn);

    close $pipe->{stop};

    waitpid $_, 0 for @{ $pipe->{pids} };

    my @said = map { JSON::PP::decode_json(slurp("$dir/producer-$_")) }
        @{ $pipe->{pids} };
    my $sent = 0;

    $sent += $_->{sent} for @said;

    die "$turn->{name}: an event was refused\n"
        if grep { $_->{refused} } @said;
    warn sprintf("%s: the producers were late: %d events/s\n", $turn->{name},
        $sent / (time - $pipe->{start}))
        if $sent < 0.97 * $rate * (time - $pipe->{start});

    $turn->{commit} = median(map { @{ $_->{took} } } @said);

    stop($turn->{nginx}, "$turn->{nginx}-target", "$turn->{nginx}-redis");
    costs($turn, $before, $away, $after);
}


# until the target had about what was sent to it: an event has 0.1 s

sub drained {
    my ($turn, $back) = @_;

    my $sent = sub { $rate * $turn->{targets} * (time - $back + $outage) };

    wait_until(120, sub {
        return count($turn->{target}) > $sent->() - 0.1 * $rate
               * $turn->{targets};
    }) or die "$turn->{name}: it does not drain\n";

    $turn->{drained} = time - $back;
    $turn->{delivered} = count($turn->{target});
}


sub state {
    my ($turn) = @_;

    my %state = (time => time, cpu => (cpu($turn->{worker}))[0]);

    $state{redis} = (cpu($turn->{redis}))[0] if $turn->{redis};

    # as of the last second

    ($state{bytes}) = ask($turn->{port}, "GET /status/metrics HTTP/1.0\r\n\r\n")
        =~ /^event_router_store_bytes\{kind="used"\} (\d+)/m
        or die "$turn->{name}: no status\n";

    return \%state;
}


# by the events of the time while the target was away, and while it took all

sub costs {
    my ($turn, $before, $away, $after) = @_;

    my $waited = $rate * ($away->{time} - $before->{time});
    my $came = $rate * ($after->{time} - $away->{time});

    for my $what (qw(cpu redis)) {
        next if !defined $away->{$what};

        my $accept = ($away->{$what} - $before->{$what}) / $waited;

        $turn->{"accept_$what"} = $accept * 1e6;
        $turn->{"lease_$what"} = ($after->{$what} - $away->{$what}
            - $came * $accept) / $turn->{delivered} * 1e6;
    }

    $turn->{bytes} = ($away->{bytes} - $before->{bytes}) / $waited;
}


# ---- producers

# each sends its part of the events at its times, until told to stop, and then
# says how many there were

sub produce {
    my ($turn) = @_;

    pipe my $wait, my $stop or die "pipe: $!\n";

    my $start = time + 0.1;
    my $text = slurp($turn->{file});
    my @pids;

    for my $i (0 .. $producers - 1) {
        my $pid = fork // die "fork: $!\n";

        push @pids, $pid;

        next if $pid;

        close $stop;

        my %r = (sent => 0, refused => 1, took => [], eval {
            send_all($turn, $wait, $text, $start, $i) });

        spew("$dir/producer-$$", JSON::PP::encode_json(\%r));
        POSIX::_exit(0);
    }

    return { stop => $stop, pids => \@pids, start => $start };
}


# on connections in turn; an answer that is not there yet is waited for when its
# connection is needed again

sub send_all {
    my ($turn, $wait, $text, $start, $i) = @_;

    my @clients = map { Test::EventRouter::Client->new(port => $turn->{port}) }
        1 .. 8;
    my $select = IO::Select->new($wait, map { $_->{socket} } @clients);
    my %by = map { $_->{socket} => $_ } @clients;
    my %r = (sent => 0, refused => 0, took => []);

    my $read = sub {
        my ($client) = @_;

        my $status = ($client->response // { status => 0 })->{status};

        $r{refused}++ if $status != 202;
        push @{ $r{took} }, time - delete $client->{sent};
    };

    for (my $n = $i; ; $n += $producers) {
        my $client = $clients[$n / $producers % @clients];

        while (1) {
            my $early = $start + $n / $rate - time;
            my @ready = $select->can_read($early > 0 ? $early : 0);

            return %r if grep { $_ == $wait } @ready;

            $read->($by{$_}) for @ready;

            last if !@ready && $early <= 0;
        }

        $read->($client) if $client->{sent};
        $client->write($text =~ s/%%ID%%/event-$n/r);
        $client->{sent} = time;
        $r{sent}++;
    }
}


# ---- the table

sub report {
    printf "%-20s %10s %10s %6s %10s %10s %10s %10s %8s\n", '',
        'drained s', 'simulated', 'x', 'commit ms', 'accept us', 'deliver us',
        'Redis us', 'bytes';

    record('drain', map { figures_of($_) } @stores);

    my $file = $ENV{BENCH_FIGURES} || "$FindBin::Bin/figures.tsv";
    my $figures = Model::figures($file);

    for my $turn (@turns) {
        my $said = simulated($turn, $figures);

        printf "%-20s %10.1f %10.1f %6.2f %10.1f %10.1f %10.1f %10s %8.0f\n",
            $turn->{name}, $turn->{drained}, $said, $turn->{drained} / $said,
            1000 * $turn->{commit}, @$turn{qw(accept_cpu lease_cpu)},
            $turn->{redis} ? sprintf('%.1f', $turn->{lease_redis}) : '',
            $turn->{bytes};
    }
}


sub simulated {
    my ($turn, $figures) = @_;

    return Model->new($figures, %{ $turn->{model} }, store => $turn->{store},
        rate => $rate, fanout => $turn->{targets}, away => $turn->{targets},
        outage => $outage, workers => 1, open => 1, open_max => 1)
        ->run->{drained};
}


# an event with one delivery that waits, and with two

sub figures_of {
    my ($store) = @_;

    my %by = map { $_->{name} => $_ } @turns;
    my ($one, $two) = map { $by{"$store: $_"} } 'rate', 'two targets';

    return if !$one || !$two;

    my $entry = $two->{bytes} - $one->{bytes};
    my $body = -s "$root/t/data/shopify/order.json";

    $entry = 0 if $entry < 0;

    return ([ $store, commit => $one->{commit} ],
        [ $store, lease => $one->{lease_cpu} ],
        [ $store, entry => $entry ],
        [ $store, event => $one->{bytes} - $entry - $body ],
        $one->{redis} ? [ $store, redis => $one->{lease_redis} ] : ());
}


1;
