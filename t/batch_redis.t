#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Calls of several events from a queue in Redis: what t/batch.t sees of the one
# in files.

use warnings;
use strict;

use FindBin;

$ENV{TEST_QUEUE_REDIS} = 1;

do "$FindBin::Bin/batch.t" or die $@ || $!;
