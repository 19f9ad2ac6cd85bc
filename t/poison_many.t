#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Many bad events in front of the first good one: it looks like a target that is
# down, but the good ones behind go on.  The bound is told in docs/directives.md
# (breaker): a good event that comes when a breaker has been open for so long
# waits for about as long again, at most, or max= of it; and when one succeeded,
# those that are bad have half of the places and of the time.  A target that is
# down gets its probes and no more, however much waits for it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

use constant SILENCE => 0.4;

my $t = Test::EventRouter->new(workers => 2);
my $target = $t->target(8081);
my $redis = $t->redis(6379);

my $retry = 'retry for=72h base=200ms max=10m;';
my $breaker = 'breaker failures=5 ratio=50% min=20 window=1s'
    . ' open=200ms max=12s;';

# how many bad ones are in front, what the target does with them, its lines

my %kind = (
    b40    => [ 40, 500, '' ],
    b100   => [ 100, 500, '' ],
    b300   => [ 300, 500, '' ],
    off    => [ 300, 500, 'breaker off;' ],
    narrow => [ 100, 500, 'concurrency 1;' ],
    hang   => [ 5, 'hang', 'concurrency 1;' ],
    stuck  => [ 5, 'hang', 'concurrency 1; breaker off;' ],
    hang40 => [ 40, 'hang', '' ],
    down   => [ 300, 500, '' ],
);

my @kinds = sort keys %kind;


for my $store ('file:%%TESTDIR%%/store size=64m',
               'redis://127.0.0.1:%%PORT_6379%%/0')
{
    my ($name) = $store =~ /^(\w+)/;

    $target->forget;

    my $q = Test::EventRouter::Queue->new($t, prefix => $name);

    $q->config(in => $store, targets => { map { $_ => {
        lines => join("\n", $retry, $kind{$_}[2],
                      $kind{$_}[2] =~ /breaker/ ? () : $breaker),
        location => 'proxy_read_timeout ' . SILENCE * 1000 . 'ms;'
    } } @kinds });

    for my $type (@kinds) {
        my $does = $kind{$type}[1];

        $target->answer("/$type/bad",
                        $does eq 'hang' ? (fault => 'hang')
                                        : (status => $does));
        $target->answer("/$type/good", status => $type eq 'down' ? 500 : 200);
    }

    $t->run;

    for my $type (@kinds) {
        $q->send($type, kind => 'bad') for 1 .. $kind{$type}[0];
    }

    my $began = time;

    while (time - $began < 8) {
        for my $type (@kinds) {
            $q->send($type, kind => 'good');
        }

        sleep 0.1;
    }

    sleep 3;

    for my $type (grep { $_ ne 'down' } @kinds) {
        my @waits = $q->waits($target, $q->sent($type, 'good'));
        my $late = grep { $_ > 5 } @waits;
        my @last = @waits[@waits / 2 .. $#waits];
        my ($worst) = sort { $b <=> $a } @waits;
        my ($tail) = sort { $b <=> $a } @last;

        note(sprintf "%s: %s: %d good ones, worst %.2f, later %.2f", $name,
             $type, scalar @waits, $worst, $tail);
        cmp_ok($worst, '<', 8, "$name, $type: the worst of the good ones");
        cmp_ok($tail, '<', 1.5, "$name, $type: when it is known");
    }

    my $down = grep { $_->{uri} =~ m{^/down/} } $target->requests;

    note("$name: down: $down");
    cmp_ok($down, '<=', 16 + 10, "$name: down: its probes and no more");

    $t->quit;
}

$t->done;
