#!/usr/bin/perl

# Copyright (C) Event Router contributors

# A delay and the time for retries: an event is as old as its delay when it is
# first delivered.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new;
my $q = Test::EventRouter::Queue->new($t);

for my $case (
    # delay, lines of the target, is it told?
    [ '10m', 'retry for=5m base=1s max=1m;', 1 ],
    [ '10m', 'retry for=10m;', 1 ],
    [ '4d', 'rate 10r/s;', 1 ],
    [ '4d', '', 1 ],
    [ '600001ms', 'retry for=10m;', 1 ],
    [ '10m', 'retry for=601s;', 0 ],
    [ '10m', 'rate 10r/s;', 0 ],
    [ '71h', '', 0 ],
    [ '7d', 'retry off;', 0 ],
    [ '', 'retry for=1s base=10ms max=10ms;', 0 ])
{
    my ($delay, $lines, $told) = @$case;
    my $name = "delay $delay, $lines";

    $q->config(targets => { erp => $lines },
        routes => { erp => $delay ? "delay $delay;" : '' });

    my ($ok, $said) = $t->check_config;

    ok($ok, "$name: taken");

    if ($told) {
        like($said, qr/\[warn\] .*"delay" of event_route "to-erp" .*"retry for=" of event_target "erp" .*one attempt.* in \S+nginx\.conf:\d+$/m,
            'and told, with its place');

    } else {
        unlike($said, qr/"delay"/, 'and nothing is told');
    }
}

# one of several targets

$q->config(targets => { erp => 'retry for=5m;', crm => '', old => '' },
    routes => { crm => 'delay 10m; to erp old;' });

my ($ok, $said) = $t->check_config;

is(scalar(() = $said =~ /"delay" of/g), 1, 'the target that is meant');
like($said, qr/event_target "erp"/, 'by name');

$t->done;
