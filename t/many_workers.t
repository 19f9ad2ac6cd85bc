#!/usr/bin/perl

# Copyright (C) Event Router contributors

# More workers than can hold places in a lane: all of them start, serve and
# accept; who has no column leaves the delivery to the others, and takes the
# column of one that has gone.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;
use Time::HiRes qw(sleep);

use constant WORKERS => 264;
use constant COLUMNS => 256;

my $t = Test::EventRouter->new(workers => WORKERS);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);

$t->workers_may_change('some are killed');
$t->expect_log(qr/exited on signal 9/, 'they are');

$q->config(store => 'size=8m', targets => { erp => '' },
    main => 'thread_pool default threads=1;',
    server => 'location = /ok { return 200 $pid; }');
$t->run;

my $warned = sub {
    scalar grep { /\[warn\] .*more than 256 workers at once: this one leaves/ }
        $t->log_lines };

ok(wait_until(60, sub { scalar($t->workers) == WORKERS }), 'all have started');
ok(wait_until(30, sub { $warned->() == WORKERS - COLUMNS }),
    'those that have no column say so');


# who answers is any of them: with the others stopped, these are

my %without = map { /\[warn\] (\d+)#/ ? ($1 => 1) : () }
    grep { /more than 256 workers/ } $t->log_lines;
my @others = grep { !$without{$_} } $t->workers;
my $one = pop @others;

is(scalar keys %without, WORKERS - COLUMNS, 'each once');

my %accepted;
my $post = sub {
    my ($id, $body) = $q->event('erp');
    my $r = $q->post($body);

    $accepted{$id} = 1 if $r->{status} == 202;

    return wantarray ? ($r->{status}, $id) : $r->{status};
};
my $delivered = sub {
    my $seen = $q->seen($target);

    return scalar grep { $seen->{$_} } @_;
};

# One of those that are stopped may have the lock of the store, for any of them
# looks into it now and then; so nobody can accept.  Then they go on and are
# stopped anew.

my ($status, $first);

for (1 .. 5) {
    kill 'STOP', @others, $one;
    wait_until(30, sub { !grep { !stopped($_) } @others, $one })
        or diag('not all have stopped');

    ($status, $first) = $post->();
    last if $status != 504;

    kill 'CONT', @others, $one;
    sleep 0.2;
}

my $pid = $t->get('/ok')->{body};

ok($without{$pid // ''}, 'one without a column serves')
    or diag(defined $pid ? "\"$pid\"" : 'nobody answers', ', of ',
        join ' ', sort keys %without);
is($status, 202, 'and accepts an event');
($status, my $second) = $post->();
is($status, 202, 'and another');
sleep 1.2;
is($delivered->($first, $second), 0, 'but delivers none');
kill 'CONT', $one;
ok(wait_until(20, sub { $delivered->($first, $second) == 2 }),
    'one with a column does');


# columns of workers that are gone: whoever comes first takes them

kill 'CONT', @others;
kill 'KILL', @others[0 .. 15];
ok(wait_until(60, sub { scalar($t->workers) == WORKERS }), 'all are there');

my @now = $t->workers;
my @old = grep { $without{$_} } @now;

is(scalar @old, WORKERS - COLUMNS, 'these, too');

# one of those that had none, or one of the new ones, has it: all deliver

for (1 .. 40) {
    $post->();
}

my @sent = keys %accepted;

cmp_ok(scalar @sent, '>=', 42, 'all is accepted');
ok(wait_until(30, sub { $delivered->(@sent) == @sent }), 'all is delivered')
    or diag($delivered->(@sent) . ' of ' . @sent);

is(scalar(grep { /\[emerg\]|fatal code/ } $t->log_lines), 0,
    'nobody failed to start');

$t->quit;
$t->done;


# all threads of a process are

sub stopped {
    my ($pid) = @_;

    for my $stat (glob "/proc/$pid/task/*/stat") {
        open my $f, '<', $stat or next;

        return 0 if (<$f> // '') !~ /\) T /;
    }

    return 1;
}
