package Sync;

# Copyright (C) Event Router contributors

# What an event costs, beside what nginx does without us: requests a second and
# CPU of the worker (user and system) for each request, of the same order with
# the same headers.  One nginx worker is pinned on one core; wrk and an nginx
# that stands for all targets share another one.
#
# The cases take turns, a second each, again and again.  The table has medians
# of the rounds; the ratios are medians of what each round gave, so that noise
# that comes and goes meets both sides of them.  A case whose answers or whose
# number of deliveries are not as they must be ends the run.

use warnings;
use strict;

use Bench;

# name, path, what it must give: the id of its events ("*": a serial number),
# whether all answers refuse, deliveries for each of them

my @cases = (
    { name => 'return 200', path => '/return' },
    { name => 'proxy_pass', path => '/proxy', deliveries => 1 },

    { name => 'parse and match only', path => '/unverified' },
    { name => '+ verify', path => '/undeduped' },
    { name => '+ dedup: unrouted', path => '/unrouted' },

    { name => '1 target', path => '/one', deliveries => 1 },
    { name => '2 targets', path => '/two', deliveries => 2 },
    { name => '10 targets', path => '/ten', deliveries => 10 },

    { name => 'duplicate', path => '/two', id => 'again' },
    { name => 'bad signature: 401', path => '/two', forged => 1 },
);

my $aim = 2.5;

my $connections = $ENV{BENCH_CONNECTIONS} || 32;
my %port = (ROUTER => free_port(), UPSTREAM => free_port());
my ($first, $second, $worker);


sub run {
    @cases = grep { $_->{name} =~ /$ENV{BENCH_ONLY}/ } @cases
        if $ENV{BENCH_ONLY};

    ($first, $second) = cores();

    fill('upstream', 'upstream', %port);
    fill('router', 'router', %port);

    $_->{file} = order($_->{path}, $port{ROUTER}, $_->{forged}) for @cases;

    start_nginx('upstream', $second, $port{UPSTREAM});
    $worker = worker_of(start_nginx('router', $first, $port{ROUTER}));

    post('/two', 'first') =~ m{^HTTP/1.1 200} or die "no event is accepted\n";

    my $rounds = int(seconds() / (1.1 * @cases) + 0.5) || 1;

    printf "%s on %s\n%d rounds of a second each, %d connections, the worker "
        . "on core %s, the rest on core %s\n\n", version(), processor(),
        $rounds, $connections, $first, $second;

    for my $round (1 .. $rounds) {
        measure($_, $round) for @cases;
        progress("round $round of $rounds");
    }

    progress('');
    report();
}


sub measure {
    my ($case, $round) = @_;

    my $id = $case->{id} // "event-$round-" . $case->{path} =~ s/\W//gr . '-*';
    my $url = "http://127.0.0.1:$port{ROUTER}$case->{path}";

    # the key may have been thrown out since the last round

    post($case->{path}, $id) if $case->{id};

    my $deliveries = settled(@port{qw(ROUTER UPSTREAM)});
    my ($cpu, $user) = cpu($worker);
    my ($busy, $all) = core_time($first);

    my %r = wrk($second, $connections, $url, $case->{file}, $id);
    my ($after, $after_user) = cpu($worker);
    my ($after_busy, $after_all) = core_time($first);
    my $n = $r{requests};

    # what wrk did not wait for at its end is in one number only

    $deliveries = (settled(@port{qw(ROUTER UPSTREAM)}) - $deliveries) / $n;

    my $wanted = $case->{deliveries} // 0;
    my $slack = $wanted * $connections / $n + 0.001;

    die "$case->{name}: $r{refused} of $n were refused\n"
        if $r{refused} != ($case->{forged} ? $n : 0);
    die "$case->{name}: $r{broken} of $n broke\n" if $r{broken};
    die "$case->{name}: $deliveries deliveries for each, not $wanted\n"
        if abs($deliveries - $wanted) > $slack;

    push @{ $case->{rounds} }, { rate => $n / $r{us} * 1e6,
        cpu => ($after - $cpu) / $n * 1e6,
        user => ($after_user - $user) / ($after - $cpu),
        others => ($after_busy - $busy - ($after - $cpu))
                  / ($after_all - $all),
        p50 => $r{p50} / 1000, p99 => $r{p99} / 1000 };
}


sub post {
    my ($path, $id) = @_;

    my $request = slurp(order($path, $port{ROUTER})) =~ s/%%ID%%/$id/r;

    return ask($port{ROUTER},
        $request =~ s/\r\n/\r\nConnection: close\r\n/r);
}


# ---- the table

sub report {
    my ($proxy) = grep { $_->{path} eq '/proxy' } @cases;

    printf "%-22s %10s %9s %8s %8s %8s %8s\n", '', 'requests/s', 'CPU us',
        'user', 'p50 ms', 'p99 ms', 'x proxy';

    for my $case (@cases) {
        my @r = @{ $case->{rounds} };

        $case->{ratio} = median(map {
            $r[$_]{cpu} / $proxy->{rounds}[$_]{cpu} } 0 .. $#r) if $proxy;

        printf "%-22s %10.0f %9.1f %7.0f%% %8.2f %8.2f %8s\n", $case->{name},
            median(map { $_->{rate} } @r), median(map { $_->{cpu} } @r),
            100 * median(map { $_->{user} } @r),
            median(map { $_->{p50} } @r), median(map { $_->{p99} } @r),
            $proxy ? sprintf('%.2f', $case->{ratio}) : '';
    }

    printf "\nother processes had %.0f%% of the worker's core\n",
        100 * median(map { map { $_->{others} } @{ $_->{rounds} } } @cases);

    my ($two) = grep { $_->{name} eq '2 targets' } @cases;

    return if !$two || !$proxy;

    printf "an event to 2 targets costs %.2f times the CPU of a proxied "
        . "request; the aim, %.1f at most, is %s\n", $two->{ratio}, $aim,
        $two->{ratio} <= $aim ? 'met' : 'missed';
}


1;
