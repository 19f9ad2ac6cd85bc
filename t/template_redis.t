#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What t/template.t sees of a store in files, of one in Redis.

use warnings;
use strict;

use FindBin;

$ENV{TEST_TEMPLATE_REDIS} = 1;

do "$FindBin::Bin/template.t" or die $@ || $!;
