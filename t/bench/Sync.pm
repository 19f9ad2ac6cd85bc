package Sync;

# Copyright (C) Event Router contributors

# What an event costs, beside what nginx does without us: requests a second and
# CPU of the worker (user and system) for each request, of the same order with
# the same headers.  One nginx worker is pinned on one core; wrk, Redis and an
# nginx that stands for all targets share another one.
#
# "Bare" is the least that a fan-out to two targets can cost in nginx: the body
# is read, "proxy_pass" sends it to one of them and a subrequest to the other;
# no signature, no key, no rule, no receipt.  ("mirror" is dearer: it closes the
# connection to its target each time.)
#
# There is an nginx for each store, all of them idle but one.  The cases take
# turns, a second each, again and again.  The table has medians of the rounds;
# the ratios are medians of what each round gave, so that noise that comes and
# goes meets both sides of them.  A case whose answers or whose number of
# deliveries are not as they must be ends the run.
#
# With BENCH_OLD, the .so of another build, each nginx is there twice, and each
# case has its turn with both: first with the one, then with the other.

use warnings;
use strict;

use Bench;
use Event;

# name, path, store, what it must give: the id of its events ("*": a serial
# number), whether all answers refuse, deliveries for each of them; what it may
# cost at most, as a multiple of a proxied request

my @cases = (
    { name => 'return 200', path => '/return' },
    { name => 'proxy_pass', path => '/proxy', deliveries => 1 },
    { name => 'bare, 2 targets', path => '/bare', deliveries => 2 },

    { name => 'parse and match only', path => '/unverified' },
    { name => '+ verify', path => '/undeduped' },
    { name => '+ dedup: unrouted', path => '/unrouted' },

    { name => '1 target', path => '/one', deliveries => 1 },
    { name => '1 target, body jq', path => '/jq', deliveries => 1 },
    { name => '2 targets, dedup off', path => '/two-undeduped',
      deliveries => 2 },
    { name => '2 targets', path => '/two', deliveries => 2, aim => 1.9 },
    { name => '10 targets', path => '/ten', deliveries => 10 },

    { name => 'duplicate', path => '/two', id => 'again' },
    { name => 'bad signature: 401', path => '/two', forged => 1 },

    { name => 'dedup in Redis, 2', path => '/two', deliveries => 2,
      store => 'dedup', aim => 2.5 },
    { name => 'queued on file, 2', path => '/two', deliveries => 2,
      store => 'file', aim => 3.5 },
    { name => 'queued in Redis, 2', path => '/two', deliveries => 2,
      store => 'always', aim => 3.5 },
);

my @builds = ('', $ENV{BENCH_OLD} ? 'old' : ());
my %nginx;


sub run {
    @cases = grep { $_->{name} =~ /$ENV{BENCH_ONLY}/ } @cases
        if $ENV{BENCH_ONLY};

    die "BENCH_ONLY matches nothing\n" if !@cases;

    my ($first, $second) = cores();

    start_upstream($second);

    for my $case (@cases) {
        $case->{store} //= 'memory';

        for my $build (@builds) {
            $nginx{ $case->{store} }{$build}
                //= prepare("router-$case->{store}$build", $case->{store},
                    core => $first, rest => $second,
                    $build ? (module => $ENV{BENCH_OLD}) : ());
        }
    }

    my $rounds = int(seconds() / (1.2 * @cases * @builds) + 0.5) || 1;

    printf "%s on %s\n%d rounds of a second each, %d connections, the worker "
        . "on core %s, the rest on core %s\n\n", version(), processor(),
        $rounds, connections(), $first, $second;

    for my $round (1 .. $rounds) {
        for my $case (@cases) {
            progress("round $round of $rounds: $case->{name}");
            push @{ $case->{"rounds$_"} }, measure($case, $nginx{
                $case->{store} }{$_}, $round) for @builds;
        }
    }

    progress('');
    report();
}


# ---- the table

sub report {
    my ($proxy) = grep { $_->{path} eq '/proxy' } @cases;
    my ($bare) = grep { $_->{path} eq '/bare' } @cases;
    my $old = @builds > 1;

    printf "%-21s %10s %7s %6s %8s %8s %7s %8s %7s %5s%s\n", '', 'requests/s',
        'CPU us', 'user', 'p50 ms', 'p99 ms', 'Redis', 'x proxy', 'x bare',
        'aim', $old ? '   CPU old  x old' : '';

    for my $case (@cases) {
        my @r = @{ $case->{rounds} };

        $case->{cpu} = median(map { $_->{cpu} } @r);
        $case->{redis} = median(map { $_->{redis} } @r);

        printf "%-21s %10.0f %7.1f %5.0f%% %8.2f %8.2f %7s %8s %7s %5s%s\n",
            $case->{name}, median(map { $_->{rate} } @r), $case->{cpu},
            100 * median(map { $_->{user} } @r),
            median(map { $_->{p50} } @r), median(map { $_->{p99} } @r),
            $case->{redis} ? sprintf('%.1f', $case->{redis}) : '',
            beside($case, $proxy), beside($case, $bare), $case->{aim} // '',
            $old ? sprintf(' %9.1f %6s', median(map { $_->{cpu} }
                @{ $case->{roundsold} }), beside($case, $case, 'old')) : '';
    }

    my ($jq) = grep { $_->{path} eq '/jq' } @cases;

    printf "\nbody jq: and %.1f us of CPU of the child for each event\n",
        median(map { $_->{child} } @{ $jq->{rounds} }) if $jq;

    printf "\nother processes had %.0f%% of the worker's core\n",
        100 * median(map { map { $_->{others} } @{ $_->{rounds} } } @cases);

    record('sync', map { [ $_->{name}, cpu => $_->{cpu} ],
        $_->{redis} ? [ $_->{name}, redis => $_->{redis} ] : () } @cases);
}


# the CPU as a multiple of another case's, or of the other build's

sub beside {
    my ($case, $other, $build) = @_;

    return '' if !$other;

    my @r = @{ $case->{rounds} };
    my @other = @{ $other->{ 'rounds' . ($build // '') } };

    return sprintf '%.2f', median(map { $r[$_]{cpu} / $other[$_]{cpu} }
        0 .. $#r);
}


1;
