package Queued;

# Copyright (C) Event Router contributors

# What a durable event costs, store by store, beside the bare store: the same
# operations on records of the same size, made by t/bench/store.c as by the
# same number of clients.  In both the acknowledgement comes when the store
# says that it is done: the file store after its fsync, a Redis as its
# appendfsync has it.
#
# One worker is pinned on one core, and so is the bare store's driver; wrk, the
# upstream and Redis share another one.  All cases of all stores take turns, a
# second each; ratios are medians of those of the rounds.  An event that is
# refused, or delivered not once, ends the run.

use warnings;
use strict;

use Bench;

# about the length of the record that nginx makes of t/data/shopify/order.json

my $record = 6500;

my @stores = (
    { name => 'file', store => "file:$dir/events size=8g high_water=95%" },
    { name => 'redis always', aof => 'always' },
    { name => 'redis everysec', aof => 'everysec' },
    { name => 'redis no AOF', aof => 'no' },
);

# "settle" and "keep" are what the bare store does

my @cases = (
    { name => 'return 200', path => '/return', once => 1 },
    { name => 'sync, 1 target', path => '/sync', once => 1,
      deliveries => 1 },

    { name => 'queued, 1 target', path => '/queued', bare => 'settle',
      deliveries => 1 },
    { name => '+ concurrency 16', path => '/narrow', bare => 'settle',
      deliveries => 1 },
    { name => '+ batch max=100', path => '/batched', bare => 'settle',
      calls => 100 },
    { name => '+ split, 2 calls', path => '/split', bare => 'settle',
      deliveries => 2 },
    { name => 'queued, delay 1h', path => '/kept', bare => 'keep' },
);

my $connections = $ENV{BENCH_CONNECTIONS} || 64;
my $upstream = free_port();
my ($first, $second);
my @turns;


sub run {
    ($first, $second) = cores();

    fill('upstream', 'upstream', UPSTREAM => $upstream);
    start_nginx('upstream', $second, $upstream);

    prepare($_) for @stores;

    die "BENCH_ONLY matches nothing\n" if !@turns;

    my $rounds = int(seconds() / (1.3 * @turns) + 0.5) || 1;

    printf "%s on %s\n%d rounds of a second each, %d connections, the worker "
        . "on core %s, the rest on core %s\n\n", version(), processor(),
        $rounds, $connections, $first, $second;

    for my $round (1 .. $rounds) {
        for my $turn (@turns) {
            progress("round $round of $rounds: $turn->{store}{name}, "
                . $turn->{name});
            $turn->{bare_only} ? measure_bare($turn) : measure($turn, $round);
        }
    }

    progress('');
    report();
}


# one nginx for each store, all of them idle but one

sub prepare {
    my ($store) = @_;

    my $name = 'router-' . $store->{name} =~ s/\W+/-/gr;
    my $first_one = !grep { $_->{port} } @stores;
    my (%bare, @mine);

    for my $case (@cases) {
        next if $case->{once} && !$first_one;
        next if $ENV{BENCH_ONLY}
            && "$store->{name}: $case->{name}" !~ /$ENV{BENCH_ONLY}/;

        push @mine, { %$case, store => $store };
        $bare{ $case->{bare} } = 1 if $case->{bare};
    }

    return if !@mine;

    if ($store->{aof}) {
        $store->{redis} = free_port();
        $store->{server} = start_redis("$name-redis", $second,
            $store->{redis}, $store->{aof});
        $store->{store} = "redis://127.0.0.1:$store->{redis} timeout=20s";
    }

    $store->{port} = free_port();
    fill('queued', $name, ROUTER => $store->{port}, UPSTREAM => $upstream,
        STORE => $store->{store});
    $store->{worker} = worker_of(start_nginx($name, $first, $store->{port}));

    $_->{file} = order($_->{path}, $store->{port}) for @mine;

    for my $what (sort keys %bare) {
        $store->{bare}{$what} = { name => "bare, $what", what => $what,
            bare_only => 1, store => $store };
        push @mine, $store->{bare}{$what};
    }

    push @turns, @mine;
}


# ---- measuring

sub measure {
    my ($case, $round) = @_;

    my $store = $case->{store};
    my $id = "event-$round-" . $case->{path} =~ s/\W//gr . '-*';
    my $before = settled($store->{port}, $upstream);
    my ($cpu, $user, $main) = cpu($store->{worker});
    my ($redis) = $store->{server} ? cpu($store->{server}) : 0;
    my ($busy, $all) = core_time($first);

    my %r = wrk($second, $connections,
        "http://127.0.0.1:$store->{port}$case->{path}", $case->{file}, $id);
    my $n = $r{requests};
    my ($after_busy, $after_all) = core_time($first);
    my ($busy_cpu) = cpu($store->{worker});
    my $late = count($upstream);

    my $wanted = ($case->{deliveries} // 0) * $n;

    # what is delivered later belongs to it

    wait_until(60, sub { count($upstream) - $before >= $wanted });

    my $deliveries = settled($store->{port}, $upstream) - $before;
    my ($after, $after_user, $after_main) = cpu($store->{worker});

    # wrk does not count what was under way when the second was over

    die "$store->{name}: $case->{name}: $r{refused} of $n were refused\n"
        if $r{refused};
    die "$store->{name}: $case->{name}: $r{broken} of $n broke\n"
        if $r{broken};

    # of calls of several events at least as many as full ones would be

    my ($least, $most) = $case->{calls} ? ($n / $case->{calls}, $n)
        : ($wanted, $wanted + $connections * ($case->{deliveries} // 0));

    die "$store->{name}: $case->{name}: $deliveries deliveries, not $least\n"
        if $deliveries < $least || $deliveries > $most;

    push @{ $case->{rounds} }, { rate => $n / $r{us} * 1e6,
        p50 => $r{p50} / 1000, p99 => $r{p99} / 1000,
        cpu => ($after - $cpu) / $n * 1e6,
        main => ($after_main - $main) / $n * 1e6,
        redis => $store->{server}
            ? ((cpu($store->{server}))[0] - $redis) / $n * 1e6 : 0,
        behind => $deliveries ? 1 - ($late - $before) / $deliveries : 0,
        others => ($after_busy - $busy - ($busy_cpu - $cpu))
                  / ($after_all - $all) };
}


sub measure_bare {
    my ($bare) = @_;

    my $store = $bare->{store};
    my ($redis) = $store->{server} ? cpu($store->{server}) : 0;
    my @what = $store->{redis} ? ('redis', $store->{redis})
                               : ('file', "$dir/bare-$bare->{what}");

    mkdir $what[1], 0700 if !$store->{redis};

    my $said = `taskset -c $first $root/build/bench/store @what 1 \\
        $connections $record $bare->{what}`;
    my %r = $said =~ /(\w+)=(\d+)/g;
    my $n = $r{events} or die "the bare store failed: $said\n";

    push @{ $bare->{rounds} }, { rate => $n / $r{us} * 1e6,
        p50 => $r{p50} / 1000, p99 => $r{p99} / 1000,
        cpu => $r{cpu} / $n, main => $r{cpu} / $n,
        redis => $store->{server}
            ? ((cpu($store->{server}))[0] - $redis) / $n * 1e6 : 0 };
}


# ---- the table

sub report {
    printf "%-36s %9s %7s %8s %8s %7s %7s %7s %7s\n", '', 'events/s', 'x bare',
        'p50 ms', 'p99 ms', 'CPU us', 'loop us', 'Redis', 'behind';

    for my $turn (@turns) {
        my @r = @{ $turn->{rounds} };
        my $bare = $turn->{bare} && $turn->{store}{bare}{ $turn->{bare} };
        my %m = map { my $key = $_; $key => median(map { $_->{$key} } @r) }
            qw(rate p50 p99 cpu main redis);

        record('queued', map { [ ($turn->{once} ? ''
            : "$turn->{store}{name}: ") . $turn->{name}, @$_ ] }
            [ rate => $m{rate} ], [ cpu => $m{cpu} ], [ loop => $m{main} ],
            $m{redis} ? [ redis => $m{redis} ] : ());

        printf "%-36s %9.0f %7s %8.2f %8.2f %7.1f %7.1f %7s %7s\n",
            ($turn->{once} ? '' : "$turn->{store}{name}: ") . $turn->{name},
            $m{rate},
            $bare ? sprintf('%.2f', median(map {
                $r[$_]{rate} / $bare->{rounds}[$_]{rate} } 0 .. $#r)) : '',
            @m{qw(p50 p99 cpu main)},
            $m{redis} ? sprintf('%.1f', $m{redis}) : '',
            $turn->{deliveries} ? sprintf('%.0f%%',
                100 * median(map { $_->{behind} } @r)) : '';
    }

    printf "\nother processes had %.0f%% of the worker's core\n",
        100 * median(map { map { $_->{others} // () } @{ $_->{rounds} } }
        @turns);
}


1;
