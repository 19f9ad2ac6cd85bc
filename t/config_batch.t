#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What "nginx -t" says about "batch" of an event_target.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Snippets;

my ($t) = snippets();

my @parts = (http => "event_store file:%%TESTDIR%%/store;",
    source => 'delivery queued;');

sub with { return (once => 1, with => { @parts, @_ }) }

part('target');


# ---- right ones

fine($_->[0], $_->[1], with(@$_[2 .. $#$_]))
    for [ 'no word', 'batch;' ],
        [ 'one word', 'batch max=100;' ],
        [ 'all', 'batch max=50 size=512k wait=250ms form=lines;' ],
        [ 'the least', 'batch max=2 size=1k wait=0;' ],
        [ 'the most', 'batch max=1000 size=64m wait=10m;' ],
        [ 'an array', 'batch form=array;' ],
        [ 'CloudEvents', 'body cloudevents; batch form=cloudevents;' ],
        [ 'a rate', 'batch max=100; rate 5r/s;' ],
        [ 'a burst', 'rate 5r/s burst=100; batch max=100;' ],
        [ 'producers that wait longer', 'batch wait=1s;',
          source => 'delivery queued wait=2s;' ],
        [ 'it expires later', 'batch wait=1s; expires 2s; retry off;' ],
        [ 'with order', 'batch max=100; order by=data.id version=data.v;' ];


# ---- wrong ones

my $takes = 'which takes max=NUMBER, size=SIZE, wait=TIME and form=array, '
            . 'lines or cloudevents';

wrong('none', 'batch max=;  <<<', 'max=', with());
wrong('one', 'batch max=1;  <<<', 'max=', with());
wrong('too many', 'batch max=1001;  <<<', 'max=', with());
wrong('no number', 'batch max=many;  <<<', 'many', with());
wrong('no size', 'batch size=0;  <<<', 'size=', with());
wrong('too small', 'batch size=1023;  <<<', 'size=', with());
wrong('too large', 'batch size=65m;  <<<', 'size=', with());
wrong('too long', 'batch wait=11m;  <<<', 'wait=', with());
wrong('no time', 'batch wait=soon;  <<<', 'soon', with());
wrong('no form', 'batch form=;  <<<', 'form=', with());
wrong('another form', 'batch form=xml;  <<<', 'xml', with());
wrong('another word', 'batch mx=5;  <<<', $takes, with());
wrong('twice', "batch max=100;\nbatch max=100;  <<<", '"batch" directive is duplicate',
    with());
wrong('five', 'batch max=5 size=1m wait=1s form=array max=6;  <<<',
    'invalid number of arguments in "batch"', with());

wrong('in_doubt', "batch max=100;\nin_doubt /has { missing 404; }",
    'event_target "erp" has "batch" and "in_doubt", which asks about one '
    . 'event, and a call whose answer is lost had several: take one of the '
    . 'two away', with(server => 'location ^~ /has { internal; '
                                 . 'proxy_pass http://127.0.0.1:1; }',
                       deliver => 'proxy_next_upstream off;'),
    at => 'block');
wrong('headers of producers', 'batch max=100; forward_headers X-Shop;',
    'event_target "erp" has "batch" and "forward_headers"', with(),
    at => 'block');
wrong('CloudEvents that are none', 'batch form=cloudevents; body data;',
    'event_target "erp" has "batch" and form=cloudevents, and its events are '
    . 'none: write "body cloudevents;", too', with(), at => 'block');
wrong('it expires while it waits', 'batch wait=1m; expires 1m; retry off;',
    'lower wait= or raise "expires"', with(), at => 'block');
wrong('producers wait, sync', 'batch max=100;',
    'source "shop" delivers while the producer waits, who would wait for the '
    . 'events of others: write "delivery queued;" there',
    with(source => 'delivery sync;'), at => 'block');
wrong('and not as long', 'batch wait=2s;',
    'producers of source "shop" wait for 2000ms, so they would never hear how '
    . 'it ended: lower wait= of "batch" or raise that of "delivery"',
    with(source => 'delivery queued wait=2s;'), at => 'block');


# ---- warnings

warned('by default 100 in a call', 'batch; rate 5r/s burst=99;',
    '"rate" of event_target "erp" counts events and has burst=99, so a call '
    . 'never has max=100 of "batch": raise burst=, or leave it out', with(),
    at => 'block');
warned('a burst that is too small', 'batch max=50; rate 5r/s burst=49;',
    '"rate" of event_target "erp" counts events and has burst=49, so a call '
    . 'never has max=50 of "batch": raise burst=, or leave it out', with(),
    at => 'block');

$t->done;
