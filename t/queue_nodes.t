#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Two nginx on one queue in Redis: they share the work, and one takes over when
# the other one dies with all its workers.  What waits for a target is there as
# long as one of them has that target.  wait=1: an event is accepted when a
# replica has it, and no delivery waits for a replica.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Nodes;
use Test::EventRouter::Queue;

my ($t, $u) = (node(), node());
my $target = target($t);
my $redis = $t->redis(6379);
my $queue = 'redis://127.0.0.1:' . $redis->port;
my @with = (
    http => 'event_target crm { breaker off;'
        . ' retry base=50ms max=200ms for=1h; }'
        . ' event_route y { from a; to crm; }',
    server => 'location = /deliver/crm { event_deliver crm;'
        . ' proxy_pass http://127.0.0.1:' . $target->port . '/crm; }');

for my $node ($t, $u) {
    $node->workers_may_change('they are killed');
    $node->expect_log(qr/exited on signal 9/, 'workers are killed');
}


subtest 'they share the work' => sub {
    begin("$queue prefix=share", erp => 'concurrency 4;',
        route => 'delay 1s;');
    $target->answer('/erp', delay => 0.2);

    # until they know of each other

    sleep 2.5;

    my @e = map { event() } 1 .. 40;

    is(told(post($t, $_)), '202', 'accepted by one') for @e;
    drained($u);

    my @calls = map { calls($_) } @e;
    my %node = map { my $n = $_ == $t ? 'one' : 'two';
                     map { $_ => $n } $_->workers } $t, $u;
    my %done;

    $done{$node{$_->header('X-Worker')}}++ for @calls;

    is(scalar(grep { calls($_) == 1 } @e), 40, 'each delivered once')
        or diag(join ' | ', map { attempts($_) } @e);
    is(join(' ', sort keys %done), 'one two', 'by both');
    cmp_ok(Test::EventRouter::Queue->most_at_once(0.2, @calls), '<=', 4,
        'its concurrency is theirs together');
    is(told(post($u, $e[0])), '200', 'what one accepted the other one knows');
    is(scalar @{ entries($u, 'pending') }, 0, 'and sees');
    finish();
};


subtest 'what one has delivered makes older versions stale for the other'
=> sub {
    begin("$queue prefix=version",
        erp => 'order by=data.key version=data.v coalesce;');

    my @v = (5, 4, 6, 5, 7);

    for my $i (0 .. $#v) {
        is(told(post($i % 2 ? $u : $t, event(key => 'k', v => $v[$i]))), '202',
            'accepted by one');
        drained($t);
    }

    is(join(' ', map { $_->json->{v} } $target->requests), '5 6 7',
        'older ones are not sent by the other one');
    is(metric($t, 'stale') + metric($u, 'stale'), 2, 'and counted');
    finish();
};


subtest 'a user with no more rights than the documentation says' => sub {
    open my $f, '<', $t->root . '/docs/directives.md' or die "docs: $!\n";
    my ($line) = join('', <$f>) =~ /^ACL SETUSER events (.*?)^```/ms;

    $redis->command(ACL => SETUSER => 'events', split ' ', $line);
    begin('redis://events:secret@127.0.0.1:' . $redis->port . ' shards=2',
        erp => 'retry base=100ms max=100ms for=1s;');
    $target->answer('/erp', [ { status => 500 }, {} ]);

    my ($e, $bad) = (event(), event());

    is(told(post($t, $e)), '202', 'accepted');
    drained($u);
    is(attempts($e), '1 2', 'tried twice');
    $target->answer('/erp', status => 400);
    is(told(post($t, $bad)), '202', 'accepted');
    ok(wait_until(10, sub { @{ entries($t, 'dead') // [] } == 1 }),
        'a dead letter');
    $target->answer('/erp', status => 200);
    is($t->post('/admin/replay?target=erp', '', [ 'X-Event-Admin' => 1 ])
         ->json->{replayed}, 1, 'replayed');
    drained($t);
    kill_workers($t);
    sleep 1.5;
    is(join("\n", grep { /refused with/ } $t->log_lines, $u->log_lines), '',
        'nothing is refused');
    finish();
};


subtest 'one dies with all its workers' => sub {
    begin("$queue prefix=dies");
    $target->answer('/erp', fault => 'hang');

    my @e = map { event() } 1 .. 5;

    is(told(post($t, $_)), '202', 'accepted') for @e;
    ok(wait_until(10, sub { $target->begun == 5 }), 'in flight');
    $target->answer('/erp', status => 200);
    crash($t);

    my $new = event();

    is(told(post($u, $new)), '202', 'the other one accepts');
    ok(wait_until(10, sub { attempts($new) eq '1' }), 'and delivers');
    ok(wait_until(40, sub { 5 == grep { attempts($_) eq '1 2' } @e }),
        'after 15 s it takes over');
    drained($u);
    is(told(post($u, $e[0])), '200', 'known');
    finish();
};


subtest 'R15: a target that one of them has' => sub {
    my @store = (store => "$queue prefix=target");

    begin($store[1], @with);
    $target->answer('/crm', status => 500);

    my @e = map { event() } 1 .. 3;

    is(told(post($t, $_)), '202', 'accepted') for @e;
    configure($t, @store);
    ok($t->reload, 'one is reloaded without it');
    sleep 6;
    is(kept('pending'), '3', 'its events wait');
    $target->answer('/crm', status => 200);
    drained($u);
    is(kept('dead'), '', 'and are delivered');

    # nobody has it: at once

    $target->answer('/crm', status => 500);
    is(told(post($u, event())), '202', 'accepted') for 1 .. 2;
    configure($u, @store);
    ok($u->reload, 'the other one as well');
    ok(wait_until(10, sub { kept('dead') eq '2 target_removed' }),
        'they are dead letters');
    is(kept('pending'), '', 'nothing is pending');
    ok(wait_until(5, sub {
        grep { /"crm" is not configured any more and has 2 dead letters/ }
             $t->log_lines, $u->log_lines }), 'the log says so');

    # it is stopped for longer than it is counted as one that is there

    configure($u, @store, @with);
    ok($u->reload, 'it has the target again');
    is(told(post($u, event())), '202', 'accepted');
    ok($u->stop, 'it stops');
    sleep 7;
    is(kept('pending') . ', ' . kept('dead'), '1, 2 target_removed',
        'its events wait');
    $target->answer('/crm', status => 200);
    $u->run;
    drained($u);
    is(kept('dead'), '2 target_removed', 'and are delivered');
    finish();
};


subtest 'R15: a clock that is set back before a reload' => sub {
    plan skip_all => 'no libfaketime' if !$t->clock;

    my @store = (store => "$queue prefix=back");

    begin($store[1]);
    $target->answer('/crm', status => 500);
    $t->clock(time() - 3600);
    configure($t, @store, @with);
    ok($t->reload, 'one is reloaded with a new target');
    is(told(post($t, event())), '202', 'accepted');
    sleep 4;
    is(kept('pending') . ', ' . kept('dead'), '1, ', 'its event waits');
    $target->answer('/crm', status => 200);
    drained($t);
    finish();
    delete $t->{environment};
};


subtest 'wait=1' => sub {
    my $replica = $t->redis(6380, 'repl-diskless-sync-delay' => 0,
        replicaof => [ '127.0.0.1', $redis->port ]);

    ok(wait_until(20, sub { $replica->command(INFO => 'replication')
                            =~ /master_link_status:up/ }), 'a replica');
    begin("$queue prefix=wait wait=1", erp => 'retry base=1s max=1s for=1h;');
    ok(wait_until(10, sub { told(post($t, event())) eq '202' }), 'accepted');
    drained($t);
    $target->answer('/erp', status => 500);

    my @e = map { event() } 1 .. 3;

    is(told(post($t, $_)), '202', 'accepted') for @e;
    $replica->pause;
    $target->answer('/erp', status => 200);

    my $late = event();

    is(told(post($t, $late)), '503, later', 'the replica stops: 503');
    ok($t->wait_log(qr/fewer than wait=1 replicas/), 'the log says why');
    drained($t);
    is(scalar(grep { attempts($_) ne '' } @e), 3, 'deliveries go on');
    is(attempts($late), '1', 'even that one, which is stored');
    is(told(post($t, $late)), '503, later', 'a duplicate waits as well');
    $replica->resume;
    ok(wait_until(15, sub { told(post($t, $late)) eq '200' }),
        'the replica is back: a duplicate');
    ok(wait_until(10, sub { told(post($t, event())) eq '202' }), 'accepts');
    drained($t);
    finish();
};


nodes_done();


sub begin {
    my ($store, %o) = @_;

    $target->answer_anew('/erp', status => 200);
    start($_, store => $store, %o) for $t, $u;
}


# "2 target_removed": how many entries the first one sees, and why

sub kept {
    my %why;

    $why{$_->{reason} // ''}++ for @{ entries($t, $_[0]) // [] };

    return join ', ', map { "$why{$_} $_" =~ s/ $//r } sort keys %why;
}


sub finish { ok($_->stop, 'nginx ends') for $t, $u }
