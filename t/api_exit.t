#!/usr/bin/perl

# Copyright (C) Event Router contributors

# A worker exits while a request of the API waits for the store: it is answered
# all the same, and what the answer says was done.  With a store of files whose
# disk does not answer before the worker exits (t/fault/disk.c), and with such
# a Redis, after a reload and after SIGQUIT.  What worker_shutdown_timeout cuts
# off is done as well where the store is of files, and the audit has it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;
use Time::HiRes qw(time sleep);

my @act = ('X-Event-Admin' => 1, 'Content-Type' => 'application/json');

my $t = Test::EventRouter->new(workers => 1);
my $library = $t->dir . '/disk.so';

plan(skip_all => 'no C compiler')
    if system("cc -shared -fPIC -o $library $FindBin::Bin/fault/disk.c -ldl");

my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $redis = $t->redis(6379);

$t->workers_may_change('that is what is tested');
$t->write_file('conf/secret', 'a-secret-that-nobody-knows');
$t->{environment} = { LD_PRELOAD => $library,
    ER_FAULT_DISK => $t->write_file('fault', pack 'q4', (0) x 4) };


# ---- what an operator asks for, what he is told, and whether it is so

my ($dead, $waits);

my %ask = (
    'a list of events' => [ GET => sub { "v1/events?id=$waits" },
        sub { @{ $_[0]{events} } == 1 } ],
    'a list of pending ones' => [ GET => sub { 'v1/pending?target=later' },
        sub { @{ $_[0]{entries} } == 1 } ],
    'retry' => [ POST => sub { 'v1/retry?target=later' },
        sub { $_[0]{retried} == 1 }, sub { attempts($waits) > 1 } ],
    'move' => [ POST => sub { 'v1/move?target=later&deliver_to=spare' },
        sub { $_[0]{moved} == 1 }, sub { !$q->pending(target => 'later') } ],
    'purge of dead ones' => [ POST => sub { 'v1/purge?target=dies' },
        sub { $_[0]{purged} == 2 }, sub { !$q->dead } ],
    'purge of pending ones' =>
        [ POST => sub { 'v1/purge?target=later&state=pending' },
        sub { $_[0]{purged} == 1 }, sub { !$q->pending } ],
    'replay' => [ POST => sub { 'v1/replay?target=dies' },
        sub { $_[0]{state} eq 'running' }, sub { attempts($dead->{id}) > 1 } ],
    'replay of another body' => [ POST =>
        sub { "v1/replay?target=dies&then=purge&event=$dead->{event}" },
        sub { $_[0]{replayed} == 1 && $_[0]{edited}{purged} == 1 },
        sub { !grep { $_->{event} eq $dead->{event} } $q->dead },
        '{"id":"x","type":"dies","kind":"ok"}' ],
    'pause of a target' => [ POST => sub { 'v1/pause?target=later' },
        sub { $_[0]{paused} && $_[0]{until} eq 'resume' },
        sub { status()->{queue}{targets}{later}{paused} } ],
    'pause of a source' => [ POST => sub { 'v1/pause?source=a' },
        sub { $_[0]{paused} && $_[0]{until} eq 'resume' },
        sub { status()->{sources}{a}{paused} } ],
    'recheck' => [ POST => sub { 'v1/recheck?source=kept' },
        sub { $_[0]{refused} == 1 || $_[0]{incomplete} } ],
    'purge of the quarantine' => [ POST =>
        sub { 'v1/purge_quarantine?source=kept' },
        sub { $_[0]{purged} == 1 }, sub { !refused() } ],
    'purge, as of old' => [ POST => sub { 'purge?target=dies' },
        sub { $_[0]{purged} == 2 }, sub { !$q->dead } ],
    'replay, as of old' => [ POST => sub { 'replay?target=dies' },
        sub { $_[0]{replayed} == 2 }, sub { attempts($dead->{id}) > 1 } ],
    'pause, as of old' => [ POST => sub { 'pause?target=later' },
        sub { $_[0]{paused} && $_[0]{until} eq 'resume' },
        sub { status()->{queue}{targets}{later}{paused} } ],
);

# acts that are cut off from their client, and what the audit says of them

my %told = (
    'purge of dead ones' => qr/2 dead letters were purged/,
    'purge, as of old' => qr/2 dead letters were purged/,
    'move' => qr/1 delivery was moved to target "spare"/,
    'replay of another body' => qr/of which a copy is event \w+, was purged/,
    'pause of a source' => qr/source "a" is paused/,
    'purge of the quarantine' => qr/1 refused request of source "kept" was/,
);

for my $store (qw(file redis)) {
    for my $how (qw(HUP QUIT)) {
        for my $name (sort keys %ask) {
            # a disk that is slow holds up no reader

            next if $store eq 'file' && $ask{$name}[0] eq 'GET'
                    || $how eq 'QUIT' && !$told{$name};

            subtest "$store, $how: $name" =>
                sub { waits($store, $how, $name) };
        }
    }
}

for my $name (sort keys %told) {
    subtest "cut off: $name" => sub { cut_off($name) };
}

# what may last does not hold up the worker: of a drain it is said, and what is
# under way goes on; a test is waited for

for my $what (qw(drain test)) {
    subtest "a reload: $what" => sub { lasts($what) };
}

$t->done;


sub lasts {
    my ($what) = @_;

    begin('file', '');
    $target->answer_anew('/spare/ok', delay => 8);
    $target->answer('/spare/', delay => 2);

    $q->send('spare') if $what eq 'drain';

    my $c = $t->connect;

    ok(wait_until(10, sub { $target->begun }), 'is being delivered')
        if $what eq 'drain';
    $c->send(POST => "/admin/v1/$what?target=spare", \@act, '');
    ok(wait_until(10, sub { $target->begun }), 'is under way');
    is($t->get('/ok')->{status}, 200, 'the request has come');
    $t->signal('HUP');

    my $r = $c->response // { status => 'none', body => '' };

    ok($t->wait_log(qr/gracefully shutting down/, 15), 'the worker exits');

    if ($what eq 'test') {
        is($r->{status}, 200, 'it is answered');
        is($r->json->{status}, 200, 'with what the target said');

    } else {
        is($r->{status}, 503, 'it is answered');
        like($r->{body}, qr/this worker exits: ask again, the drain goes on/,
            'why, and what to do');
        is(scalar $q->pending(target => 'spare'), 1,
            'before what is under way is over');
        ok($t->wait_old_workers(15), 'which the worker waits for');

        $r = $t->post('/admin/v1/drain', '', \@act);
        is($r->{status}, 200, 'asked again');
        is($r->json->{under_way}, 0, 'nothing is under way');
    }

    $c->close;
    ok($t->wait_old_workers(15), 'the worker goes');
}


sub waits {
    my ($store, $how, $name) = @_;

    my $said = $ask{$name}[2];
    my ($c, $done) = under_way($store, $name);

    exits($store, $how);

    my $r = $c->response // { status => 'none', body => '' };

    is($r->{status}, 200, 'it is answered') or diag $r->{body};
    ok($r->{status} eq '200' && $said->($r->json), 'as it should be')
        or diag $r->{body};

    $c->close;
    left($how);
    ok(wait_until(15, $done), 'and it was done') if $done;
}


sub cut_off {
    my ($name) = @_;

    my ($c, $done) = under_way('file', $name,
        'worker_shutdown_timeout 100ms;');

    $t->signal('QUIT');
    is($c->response, undef, 'it is cut off');
    fault(0);
    left('QUIT');

    my @lines = grep { /$told{$name}/ } $t->log_lines;

    is(scalar @lines, 1, 'the audit has it') or diag join "\n", $t->log_lines;
    like($lines[0] // '', qr/by an operator.*, client: 127\.0\.0\.1$/,
        'and whose it was');
    ok(wait_until(15, $done), 'and it was done');
}


# a request that the store has not answered, and how one sees that it was done

sub under_way {
    my ($store, $name, $main) = @_;

    my ($method, $uri, undef, $done, $body) = @{ $ask{$name} };

    begin($store, $main // '');

    my $c = $t->connect;

    $store eq 'file' ? fault(5) : $redis->pause;
    $c->send($method => '/admin/' . $uri->(), \@act, $body // '');

    # a worker that has answered this has read that, too

    is($t->get('/ok')->{status}, 200, 'the request has come');

    return ($c, $done);
}


# the store answers when the worker is to go

sub exits {
    my ($store, $how) = @_;

    $t->signal($how);
    ok($t->wait_log(qr/gracefully shutting down/, 15), 'the worker exits');
    sleep 0.1;
    $store eq 'file' ? fault(0) : $redis->resume;
}


# the worker has gone, and there is another one

sub left {
    my ($how) = @_;

    return ok($t->wait_old_workers(15), 'the worker goes') if $how eq 'HUP';

    my $pid = delete $t->{pid};

    ok(wait_until(15, sub { waitpid($pid, POSIX::WNOHANG()) == $pid }),
        'nginx goes');
    $t->run;
}


# two dead letters, one that waits, a refused request

sub begin {
    my ($store, $main) = @_;

    my $in = $store eq 'file' ? 'file:%%TESTDIR%%/store size=16m'
                              : 'redis://127.0.0.1:%%PORT_6379%%/0 timeout=9s'
                                . ' connect_timeout=9s';
    my $long = 'breaker off; retry for=1h base=1h max=1h;';

    $t->stop;
    unlink glob($t->dir . '/store/*'), $t->dir . '/logs/error.log';
    $redis->command('FLUSHALL');
    $target->answer_anew("/$_/ok", status => 500) for qw(dies later spare);

    $q->config(in => $in, main => $main, http => 'event_history 1h;',
        targets => { dies => 'retry off; breaker off;', later => $long,
            spare => $long },
        more => 'event_source kept { verify github; secret file:secret;'
            . ' quarantine 1h; delivery queued; }'
            . ' event_route kept { from kept; to spare; }',
        server => 'location = /kept { event_receive kept; }'
            . ' location = /ok { return 200 ok; }');
    $t->run;

    ok(wait_until(15, sub { $t->get('/admin/v1/dead')->{status} == 200 }),
        'the store answers');
    $q->send('dies') for 1, 2;
    $waits = $q->send('later');
    $t->post('/kept', '{}', [ 'Content-Type' => 'application/json',
        'X-Hub-Signature-256' => 'sha256=' . '0' x 64 ]);

    ok(wait_until(15, sub { 2 == (() = $q->dead) && refused() == 1
        && grep { $_->{attempts} == 1 } $q->pending }), 'there is all of it');

    ($dead) = $q->dead;
}


sub fault {
    my ($mode) = @_;

    open my $f, '+<', $t->dir . '/fault' or die "fault: $!\n";
    binmode $f;
    syswrite $f, pack 'q4', $mode, 0, 0, 0;
    close $f;
}


sub refused {
    my $list = $t->get('/admin/v1/quarantine?source=kept')->json;

    return @{ $list->{requests} };
}

sub attempts { scalar(() = $q->attempts($target, $_[0])) }
sub status { $t->get('/status')->json }
