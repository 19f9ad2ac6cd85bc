#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What of the console needs no browser: t/console/unit/*.test.js, in node.  CI
# must have one.

use warnings;
use strict;

use File::Basename qw(basename);
use FindBin;
use Test::More;

plan skip_all => 'no node'
    if ($ENV{CI} // '') ne 'true' && !grep { -x "$_/node" }
                                      split /:/, $ENV{PATH};

my @files = sort glob "$FindBin::Bin/console/unit/*.test.js";

cmp_ok(scalar(@files), '>', 0, 'there are tests');

for my $file (@files) {
    my $said = qx(timeout -k 10 60 node --test-reporter=tap $file 2>&1 </dev/null);
    my $status = $?;
    my @ran = $said =~ /^ok \d+ - /mg;

    ok($status == 0 && @ran > 0, basename($file, '.test.js') . ': '
        . @ran . ' tests') or diag($said);
}

done_testing();
