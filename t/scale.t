#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The simulation behind docs/scaling.md (t/bench/Model.pm): it loses nothing,
# more of anything is never worse, it agrees with what can be reckoned by hand,
# and the page has what it says now.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/bench";

use Model;
use Test::More;

# round figures, microseconds and bytes

my %queued = map { my $store = $_; map { ("$store: $_->[0]" =>
        { cpu => $_->[1], loop => $_->[1] - 30, redis => $_->[2] }) }
    [ 'queued, 1 target', 100, 90 ], [ 'queued, delay 1h', 60, 60 ] }
    'file', 'redis always';

my $figures = {
    sync => { '1 target' => { cpu => 50 }, '10 targets' => { cpu => 230 },
              'dedup in Redis, 2' => { cpu => 80, redis => 40 } },
    queued => { %queued,
                'file: queued, 1 target' => { cpu => 100, loop => 50 } },
    drain => { map { $_ => { lease => 60, redis => 50, commit => 0.005,
                             entry => 200, event => 800 } } qw(file redis) },
};

my %small = (rate => 1000, fanout => 2, outage => 30, concurrency => 64,
    answer => 0.05);


# ---- at rest

my $sync = model(store => 'sync', workers => 1, busy => 1)->capacity;

# 30 of the worker to accept, 20 for each delivery

is(sprintf('%.0f', $sync->{worker}), sprintf('%.0f', 1e6 / 70),
    'one worker, two targets');
is(sprintf('%.0f', model(store => 'redis', busy => 1)->capacity->{store}),
    sprintf('%.0f', 1e6 / (60 + 2 * 30)), 'one Redis');
is(sprintf('%.0f', model(store => 'file', busy => 1)->capacity->{store}),
    sprintf('%.0f', 1e6 / (30 + 2 * 20)), 'one file');

for my $more ([ workers => 1, 2, 8 ], [ nodes => 1, 2, 5 ],
              [ shards => 1, 2, 16 ], [ concurrency => 16, 64, 512 ])
{
    my ($name, @values) = @$more;

    for my $store (qw(sync dedup file redis)) {
        my @can = map { smallest(model(store => $store, $name => $_)) }
            @values;

        ok($can[0] <= $can[1] && $can[1] <= $can[2],
            "$store: no less with more $name");
    }
}

for my $store (qw(sync dedup file redis)) {
    cmp_ok(smallest(model(store => $store, fanout => 1)), '>=',
        smallest(model(store => $store, fanout => 5)),
        "$store: no more with more targets");
}

is(model(store => 'redis', workers => 8, concurrency => 512)->bottleneck,
    'store', 'one Redis is full before eight workers');
is(model(store => 'redis', workers => 1, shards => 8, concurrency => 512)
    ->bottleneck, 'worker', 'and one worker before eight');
is(model(store => 'file', concurrency => 4)->bottleneck, 'places',
    'four places are few');
is(model(store => 'file', target_rate => 10)->bottleneck, 'target rate',
    'and ten a second fewer');


# ---- nothing is lost

for my $case ([], [ store => 'redis' ], [ nodes => 3 ],
              [ store => 'redis', nodes => 3, shards => 2 ],
              [ breaker => 0 ], [ breaker => 0, hang => 3 ], [ away => 2 ],
              [ size => 50e6 ], [ rate => 50_000 ], [ target_rate => 1100 ],
              [ outage => 400, horizon => 100 ])
{
    my %o = @$case;
    my $m = model(%o);
    my $r = $m->run;
    my $name = join(' ', map { "$_=$o{$_}" } sort keys %o) || 'as it is';

    about($r->{accepted} + $r->{refused}, $r->{offered},
        "$name: taken or refused");
    about($r->{delivered} + $r->{pending}, $r->{accepted} * 2,
        "$name: delivered or waiting");
    is(scalar(grep { $_->{waiting} < -1e-3 } $m->_queues), 0,
        "$name: no less than nothing waits");
}


# ---- an outage

# 1,000 a second wait for one of two targets, and a second of both is on the way

my $r = model()->run;

about($r->{waiting}, 30_000, 'what has waited', 0.01);
about($r->{bytes}, 30_000 * 7000, 'and what it takes', 0.01);
is($r->{refused}, 0, 'nothing was refused');
is_deeply(model()->run, $r, 'the same again');
is(model(seed => 2)->run->{accepted} > 0, 1, 'another seed');

# with 2,000 a second it takes as long again, but for the breaker; that is 5, 10
# and 20 s open (a fifth more or less), and begins with one at a time

my $limited = model(target_rate => 2000, concurrency => 512, open => 0.1,
    open_max => 0.1)->run;

cmp_ok($limited->{drained}, '>', 30, 'not faster than the target takes it');
cmp_ok($limited->{drained}, '<', 45, 'and hardly slower');
is(slowest($limited), 'target rate', 'which is what it waits for');

# 64 places of 50 ms are 1,280 a second, of which 1,000 are new

my $places = model(open => 0.1, open_max => 0.1)->run;

cmp_ok($places->{drained}, '>', 30_000 / 280, 'nor than the places allow');
is(slowest($places), 'places', 'which is what it waits for then');
is(model(target_rate => 900, outage => 10)->run->{drained}, undef,
    'too slow a target never has it all');

my @drained = map { model(outage => $_, concurrency => 256)->run->{drained} }
    10, 30, 100;

ok($drained[0] < $drained[1] && $drained[1] < $drained[2],
    'longer away, longer until it is over');

for my $more ([ concurrency => 128, 512 ], [ target_rate => 1200, 3000 ],
              [ nodes => 1, 3 ])
{
    my ($name, $few, $many) = @$more;
    my ($slow, $fast) = map { model(concurrency => 128, open => 0.1,
        open_max => 0.1, $name => $_)->run->{drained} } $few, $many;

    cmp_ok($fast, '<=', $slow, "no later with more $name");
}

my ($with, $without) = map { model(breaker => $_, concurrency => 512)->run }
    1, 0;

cmp_ok($with->{storm} * 10, '<', $without->{storm},
    'a breaker keeps a target that is away from most of it');

# 10 s of events fit

$r = model(size => 70e6, concurrency => 512, open => 0.1,
    open_max => 0.1)->run;
cmp_ok($r->{refused}, '>', 19_000, 'when the store is full events are refused');
cmp_ok($r->{refused}, '<', 30_000, 'and not for long after');

# ---- what it cannot know

is(eval { Model->new({}, store => 'file'); 1 }, undef, 'no figures');
like($@, qr/nothing was measured for sync, 1 target, cpu/, 'which');
is(eval { model(node => 2); 1 }, undef, 'no such thing');
like($@, qr/no "node"; there is: answer away/, 'but these');


# ---- the page

my $dir = "$FindBin::Bin/..";

delete $ENV{SCALE_FIGURES};

my $said = qx($dir/t/bench/scale);

is($?, 0, 'the tables');
ok(index(slurp("$dir/docs/scaling.md"), $_) >= 0,
    'are on the page: ' . substr($_, 0, 30)) or diag('t/bench/scale write')
    for split /\n\n/, $said;

like(qx($dir/t/bench/scale rate=1000 store=redis outage=60 concurrency=512),
    qr/^drained +\d+ s, slowed by/m, 'and one of one\'s own');

done_testing();


sub model {
    return Model->new($figures, %small, @_);
}


sub smallest {
    my ($m) = @_;

    return $m->capacity->{ $m->bottleneck };
}


sub slowest {
    my ($r) = @_;

    my $s = $r->{slowed};

    return (sort { $s->{$b} <=> $s->{$a} } keys %$s)[0];
}


sub about {
    my ($got, $wanted, $name, $part) = @_;

    my $off = abs($got - $wanted);

    ok($off <= abs($wanted) * ($part // 1e-6), $name)
        or diag("$got, not $wanted");
}


sub slurp {
    my ($path) = @_;

    open my $f, '<', $path or die "cannot read $path: $!\n";
    local $/;

    return <$f>;
}
