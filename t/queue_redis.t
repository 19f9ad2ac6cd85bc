#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The durable queue in Redis: what t/queue.t sees of the one in files.

use warnings;
use strict;

use FindBin;

$ENV{TEST_QUEUE_REDIS} = 1;

do "$FindBin::Bin/queue.t" or die $@ || $!;
