#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The list of small faults, t/mutants/*.tsv, does not rot: each of them can be
# put into the sources as they are, and the tests that must notice it are
# there.  Whether they do is what "make mutants" finds out, in hours.

use warnings;
use strict;

use FindBin;
use Test::More tests => 3;

chdir "$FindBin::Bin/.." or die;

my $said = qx(DRY=1 t/bin/mutants 2>&1);

is($?, 0, 'each fault can be put in') or diag($said);

my ($n) = $said =~ /^(\d+) faults, 0 cannot/m;

cmp_ok($n // 0, '>=', 150, 'and there are enough of them');

ok(6 == grep({ -f "t/mutants/$_.tsv" }
            qw(conf deliver ingest observe route store)), "in every room");
