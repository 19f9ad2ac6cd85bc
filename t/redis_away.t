#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What the log says of a Redis that is away: once, and what holds for those
# who use it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $redis = $t->redis(6379);
my $url = 'redis://127.0.0.1:%%PORT_6379%%';

my $sync = 'event_source s { verify off; id "{json:id}"; type "{json:type}"; }'
    . ' event_route s { from s; to erp; }';

$t->expect_log(qr/redis \S+: /, 'that is what is tested');
$t->expect_log(qr/503/, 'that is what is tested');

# what each worker says, without the reason

sub away {
    my (%o) = @_;

    $q->config(in => $url, targets => { erp => 'breaker off;' },
        server => $o{more} ? 'location = /s { event_receive s; }' : '', %o);
    $t->run;

    my @uris = ('/a', $o{more} ? '/s' : ());

    for my $uri (@uris) {
        ok(wait_until(10, sub {
            $q->post(($q->event('erp'))[1], $uri)->{status} =~ /^20/
        }), "events are taken at $uri");
    }

    $redis->stop;

    for (1 .. 10) {
        $q->post(($q->event('erp'))[1], $_) for @uris;
        select undef, undef, undef, 0.1;
    }

    sleep 2;

    my %say;

    for ($t->log_lines) {
        $say{$1}{$2}++ if /\[error\] (\d+)#.*trying again; meanwhile (.*?)(?:,|$)/;
    }

    $redis->start;
    $t->stop;
    truncate $t->dir . '/logs/error.log', 0;

    return map { join(' + ', sort keys %$_) } values %say;
}

my @say = away();

cmp_ok(scalar @say, '>=', 1, 'workers say what happens');
is(join("\n", grep { $_ ne 'events of queued sources are answered 503' } @say),
    '', 'of a queue: one thing');

@say = grep { /on_error/ } away(more => $sync);
cmp_ok(scalar @say, '>=', 1, 'of a queue and keys: what on_error= is for, too');
is(join("\n", grep { !/on_error= of the sources that are not queued holds/ }
        @say), '', 'for which sources');
is(join("\n", grep { /the sources' on_error=/ } @say), '',
    'and not that it holds for all');

$t->done;
