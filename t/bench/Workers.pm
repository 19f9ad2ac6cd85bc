package Workers;

# Copyright (C) Event Router contributors

# Do more workers do as much more?  The same events with 1, 2 and 4 workers, for
# each store.  What two workers share (dedup keys, counters, lanes, the file
# store's lock, a Redis) may make an event dearer, and that is what is measured:
# CPU of all workers for an event.  Events a second of this machine say less,
# since wrk, targets and Redis have the same two cores as the workers; with
# cores enough N workers do N / CPU, and "x 1" is that beside one worker.

use warnings;
use strict;

use Bench;
use Event;

my @cases = (
    { name => 'sync', store => 'memory' },
    { name => 'dedup in Redis', store => 'dedup' },
    { name => 'queued on file', store => 'file' },
    { name => 'queued in Redis', store => 'always' },
);

my @workers = (1, 2, 4);


sub run {
    my $cores = join ',', cores();

    @cases = grep { $_->{name} =~ /$ENV{BENCH_ONLY}/ } @cases
        if $ENV{BENCH_ONLY};

    die "BENCH_ONLY matches nothing\n" if !@cases;

    start_upstream($cores);

    for my $case (@cases) {
        @$case{qw(path deliveries)} = ('/two', 2);

        for my $n (@workers) {
            $case->{$n} = prepare("router-$case->{store}-$n", $case->{store},
                core => $cores, rest => $cores, workers => $n);
        }
    }

    my $rounds = int(seconds() / (1.3 * @cases * @workers) + 0.5) || 1;

    printf "%s on %s\n%d rounds of a second each, %d connections, 2 targets, "
        . "all on cores %s\n\n", version(), processor(), $rounds,
        connections(), $cores;

    for my $round (1 .. $rounds) {
        for my $case (@cases) {
            progress("round $round of $rounds: $case->{name}");
            push @{ $case->{rounds}{$_} }, measure($case, $case->{$_}, $round)
                for @workers;
        }
    }

    progress('');
    report();
}


sub report {
    printf "%-18s %8s %10s %8s %14s %8s %8s\n", '', 'workers', 'events/s',
        'CPU us', 'workers / CPU', 'x 1', 'p99 ms';

    my @record;

    for my $case (@cases) {
        my $one = $case->{rounds}{ $workers[0] };

        for my $n (@workers) {
            my @r = @{ $case->{rounds}{$n} };
            my $cpu = median(map { $_->{cpu} } @r);
            my $scale = median(map { $n * $one->[$_]{cpu} / $r[$_]{cpu} }
                0 .. $#r);

            printf "%-18s %8d %10.0f %8.1f %14.0f %8.2f %8.2f\n",
                $case->{name}, $n, median(map { $_->{rate} } @r), $cpu,
                $n / $cpu * 1e6, $scale, median(map { $_->{p99} } @r);

            push @record, [ "$case->{name}, $n workers", scale => $scale ];
        }
    }

    record('workers', @record);
}


1;
