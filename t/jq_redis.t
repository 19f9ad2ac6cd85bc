#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What t/jq.t sees of a store in files, of one in Redis.

use warnings;
use strict;

use FindBin;

$ENV{TEST_JQ_REDIS} = 1;

do "$FindBin::Bin/jq.t" or die $@ || $!;
