#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What t/split_crash.t sees of a store in files, of one in Redis.

use warnings;
use strict;

use FindBin;

$ENV{TEST_SPLIT_REDIS} = 1;

do "$FindBin::Bin/split_crash.t" or die $@ || $!;
