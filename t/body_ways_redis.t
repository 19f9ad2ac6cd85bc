#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What t/body_ways.t sees of a store in files, of one in Redis.

use warnings;
use strict;

use FindBin;

$ENV{TEST_BODY_REDIS} = 1;

do "$FindBin::Bin/body_ways.t" or die $@ || $!;
