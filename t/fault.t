#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Nothing that was acknowledged is lost, whatever breaks: three short runs of
# the fault rig.  What it says stands behind each; "make soak" is the long run.
#
# The environment:
#     TEST_FAULT_SEED    of all runs (default: by chance; it is printed)
#     TEST_FAULT_RATE    events a second (120)

use warnings;
use strict;

use FindBin;
use Test::More tests => 3;
use Time::HiRes qw(time);

my $seed = $ENV{TEST_FAULT_SEED} // int rand 1e6;
my $rate = $ENV{TEST_FAULT_RATE} // 120;
my $child;

# the rig ends its servers when it is told to end, or when it is killed

$SIG{$_} = sub { kill 'TERM', $child if $child; exit 1 } for qw(INT TERM HUP);

run(kills => 'workers are killed, targets are bad', 15);
run(reloads => 'reload every 200 ms, more and fewer workers', 10);
run(disk => $> == 0 ? 'a full disk, the master is killed'
                    : 'the master is killed', 12);


sub run {
    my ($scene, $name, $seconds) = @_;

    my @command = ($^X, "$FindBin::Bin/fault/chaos", "scene=$scene",
        "seed=$seed", "rate=$rate", 'events=' . $rate * $seconds);

    $child = open my $f, '-|', @command or die "cannot run the rig: $!\n";

    my $said = join '', <$f>;

    my $ok = ok(close $f, $name);

    undef $child;

    # in full where something is wrong

    $said =~ s/^# //mg;
    $ok ? note($said) : diag($said);
}
