#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Versions with a queue in Redis: what t/order_version.t sees of one in files.

use warnings;
use strict;

use FindBin;

$ENV{TEST_QUEUE_REDIS} = 1;

do "$FindBin::Bin/order_version.t" or die $@ || $!;
