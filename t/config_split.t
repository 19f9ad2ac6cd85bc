#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What "nginx -t" says about "split" of an event_target.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Snippets;

my ($t) = snippets();
my %queued = (with => { source => 'delivery queued;',
                        http => 'event_store file:%%TESTDIR%%/store;' });

part('target');

fine($_, "split $_;", %queued)
    for 'data', 'data.items', 'data.orders.items', 'data.orders[0].items',
        'data."odd.key"', 'data.items max=1', 'data.items max=4000';
fine('beside a body', "split data.items;\nbody data;", %queued);
fine('beside an order', "split data.items;\norder by=data.id;", %queued);

wrong('no field', 'split;',
    'invalid number of arguments in "split" directive: write "split FIELD '
    . '[max=NUMBER];"', %queued);
wrong('twice', "split data.a;\nsplit data.b;  <<<",
    '"split" directive is duplicate in event_target "erp"', %queued);
wrong('no field of data', 'split header.X-Items;',
    '"split header.X-Items": only an array of data can be split, for example '
    . '"split data.line_items;"', %queued);
wrong('an attribute', 'split type;', 'only an array of data can be split',
    %queued);
wrong('a misspelt field', 'split dat.items;', 'dat.items', %queued);
wrong('of nothing', 'split .items;', '.items', %queued);
wrong('none at all', 'split data.items max=0;',
    'invalid value "max=0" in "split": it is a number from 1 to 4000',
    %queued);
wrong('too many', 'split data.items max=4001;',
    'it is a number from 1 to 4000', %queued);
wrong('another parameter', 'split data.items min=1;',
    'invalid parameter "min=1" of "split", which takes a FIELD and '
    . 'max=NUMBER', %queued);

wrong('a source that is not queued', 'split data.items;',
    '"split" of event_target "erp" applies to queued deliveries only, and '
    . 'source "shop" delivers while the producer waits: write "delivery '
    . 'queued;" there', at => 'block');
wrong('beside "in_doubt"',
    "split data.items;\nin_doubt /has { missing 404; }  <<<",
    '"in_doubt" of event_target "erp" asks about an event, and with "split" '
    . 'an event is several calls: take one of them out', %queued);
wrong('beside "batch"', "split data.items;\nbatch max=10;",
    '"split" of event_target "erp" makes several calls of an event, and '
    . '"batch" one of several events: take one of them out', at => 'block',
    %queued);

$t->done;
