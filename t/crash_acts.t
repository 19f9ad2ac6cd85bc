#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What an operator does, and a worker dies or Redis is killed right there:
# retry, move, purge, a source that is paused, replay with another body, the old
# replay, and each step of a job.  The target is paused meanwhile, so what comes afterwards tells what
# the queue has: each event once, none lost, and the ledger is even.  Who got no
# answer does it again, as an operator does.
#
# Points inside a worker are those of ngx_event_router_module/base/crash.h.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Crash;
use Test::EventRouter::Queue;
use Time::HiRes qw(time sleep);

my $n = 12;


# ---- a store of files

for my $at ('before-commit=hasten', 'after-commit=hasten', 'act-step') {
    subtest "retry: $at" => sub {
        my @e = waiting($at);

        arm();
        is(again('v1/retry?target=erp')->{retried} // -1,
            $at =~ /before/ ? $n : 0, 'what was done is not done again');
        resume('erp');
        drained();
        once($target, @e);
        finish();
    };
}


for my $at ('before-commit=move', 'after-commit=move', 'act-step') {
    subtest "move: $at" => sub {
        my @e = waiting($at);

        pause('crm');
        arm();
        is(again('v1/move?target=erp&deliver_to=crm')->{moved} // -1,
            $at =~ /before/ ? $n : 0, 'what was done is not done again');
        is(scalar(grep { $_->{target} eq 'crm' } entries('pending')), $n,
            'all are there');
        is(scalar(entries('pending')), $n, 'and nowhere else');
        resume('crm');
        drained();
        once($crm, @e);
        once($target);
        finish();
    };
}


for my $what ('dead', 'pending') {
    for my $at ('before-commit=purge', 'after-commit=purge', 'act-step') {
        subtest "purge, $what: $at" => sub {
            my @e = $what eq 'dead' ? dead($at) : waiting($at);

            arm();
            is(again("v1/purge?target=erp&state=$what")->{purged} // -1,
                $at =~ /before/ ? $n : 0, 'what was done is not done again');
            resume('erp');
            drained();
            is(scalar(entries('dead')), 0, 'none is there');
            once($target);
            finish();
        };
    }
}


for my $at ('before-commit=replay', 'after-commit=replay') {
    subtest "replay, of the old path: $at" => sub {
        my @e = dead($at);

        arm();
        again('replay?target=erp');
        resume('erp');
        drained();
        once($target, @e);
        is(scalar(entries('dead')), 0, 'none is left');
        finish();
    };
}


# a source is paused, and resumed: what it is afterwards is what the store has

for my $at ('before-commit=hold', 'after-commit=hold') {
    subtest "pause and resume of a source: $at" => sub {
        start(crash => $at, later => 1);
        pause('erp');

        my @e = map { event() } 1 .. $n;

        is(burst(@e), "202 x $n", 'accepted');

        arm();
        is(again('v1/pause?source=a')->{paused}, JSON::PP::true, 'paused');
        ok(wait_until(10, sub { $n == grep { $_->{held} } entries('pending') }),
            'all are held');
        resume('erp');
        swept();
        once($target);

        arm();
        is(again('v1/resume?source=a')->{paused}, JSON::PP::false, 'resumed');
        drained();
        once($target, @e);
        finish();
    };
}


# at the point the copy is safe, and the original is gone: (0 or 1 each)

my %edit = ('edit-accept' => [ 0, 0 ], 'before-commit=accept' => [ 0, 0 ],
            'after-commit=accept' => [ 1, 0 ], 'edit-accepted' => [ 1, 0 ],
            'before-commit=purge' => [ 1, 0 ],
            'after-commit=purge' => [ 1, 1 ], 'edit-purged' => [ 1, 1 ]);

for my $at (sort keys %edit) {
    subtest "another body: $at" => sub {
        my ($copy, $gone) = @{ $edit{$at} };
        my ($e, @rest) = dead($at);
        my ($entry) = grep { $_->{id} eq id_of($e) } entries('dead');
        my $body = '{"id":"other"}';

        arm();

        my $r = edit($entry->{event}, $body);

        is($r->{status}, 0, 'no answer');
        crashed();

        my @copies = grep { $_->{edited} } pending();

        is(scalar @copies, $copy, 'the copy is ' . ($copy ? '' : 'not ')
            . 'there');
        is(scalar(grep { $_->{event} eq $entry->{event} } entries('dead')),
            !$gone || 0, 'and the original ' . ($gone ? 'not' : 'still'));

        # an operator who sees no copy does it again

        is(edit($entry->{event}, $body)->{status}, 200, 'done') if !$copy;

        resume('erp');
        drained();

        my @came = grep { $_->{body} eq $body } $target->requests;

        is(scalar @came, 1, 'the copy is delivered once');
        is(scalar(entries('dead')), @rest + ($copy && !$gone),
            'the others are as they were');
        finish();
    };
}


# with a key it is sent again, wherever the worker died: one copy, and the
# original is gone

for my $at (sort(keys %edit), 'edit-kept') {
    subtest "another body, with a key: $at" => sub {
        my ($e, @rest) = dead($at);
        my ($entry) = grep { $_->{id} eq id_of($e) } entries('dead');
        my $body = '{"id":"other"}';

        arm();
        is(edit($entry->{event}, $body, 'once=1')->{status}, 0, 'no answer');
        crashed();

        my @answers = map { edit($entry->{event}, $body, 'once=1') } 1, 2;

        is($answers[0]{status}, 200, 'sent again') or diag($answers[0]{body});
        is($answers[0]->json->{edited}{purged}, 1, 'the original is purged');
        is($answers[1]{body}, $answers[0]{body}, 'and once more');
        is(edit($entry->{event}, '{"id":"two"}', 'once=1')->{status}, 409,
            'another body');

        my @copies = grep { $_->{edited} } pending();

        is(join(' ', map { $_->{event} } @copies),
            $answers[0]->json->{edited}{event}, 'there is one copy, that one');
        is(scalar(entries('dead')), @rest, 'the original is gone');
        resume('erp');
        drained();
        is(scalar(grep { $_->{body} eq $body } $target->requests), 1,
            'the copy is delivered once');

        # but for who died right behind the row

        my @audit = grep { /event $entry->{event} goes to .* edited body/ }
                    $t->log_lines;

        is(scalar @audit, 1, 'the audit has it once') if $at ne 'edit-kept';
        finish();
    };
}


# the copy is stale, and the worker dies before that is written down: nobody
# knows it any more, so the original stays

subtest 'another body, with a key, stale: edit-accepted' => sub {
    start(crash => 'edit-accepted', later => 1,
        erp => 'retry off; order by=data.key version=data.v;');
    $target->answer('/erp', status => 400);
    is(burst(event(key => 'k', v => 1)), '202 x 1', 'the first version');
    ok(wait_until(10, sub { entries('dead') == 1 }), 'is dead');
    $target->answer('/erp', status => 200);
    is(burst(event(key => 'k', v => 9)), '202 x 1', 'a newer one');
    drained();

    my ($entry) = entries('dead');
    my $body = '{"id":"other","key":"k","v":2}';

    arm();
    is(edit($entry->{event}, $body, 'once=1')->{status}, 0, 'no answer');
    crashed();

    for my $again (1, 2) {
        my $r = edit($entry->{event}, $body, 'once=1');

        is($r->{status}, 409, 'it is not known') or diag($r->{body});
        like($r->json->{detail}, qr/the original stays/, 'and that is said');
    }

    is(join(' ', map { $_->{event} } entries('dead')), $entry->{event},
        'it does');
    is(scalar(grep { $_->{body} eq $body } $target->requests), 0,
        'the copy was not sent');
    finish();
};


# each commit of a job: its row is made, taken, written after a step and at its
# end, and its steps; before and after, with a job that has many steps

my %moment = (
    begin => sub { arm(); return },
    middle => sub { my ($job) = @_;
        wait_until(10, sub { job($job)->{replayed} >= 3 }); arm() },
    end => sub { my ($job) = @_;
        wait_until(10, sub { job($job)->{replayed} >= $n - 1 }); arm() },
);

for my $at (map { ("before-commit=$_", "after-commit=$_") } qw(shelf replay)) {
    for my $when (qw(begin middle end)) {
        subtest "job: $at, $when" => sub { job_dies($at, $when) };
    }
}

subtest 'job: job-step' => sub { job_dies('job-step', 'middle') };


# who got no answer to a cancel finds the job cancelled

subtest 'a cancel: job-cancel' => sub {
    my @e = dead('job-cancel');
    my $job = admin('v1/replay?target=erp&rate=2')->{job};

    ok(wait_until(10, sub { job($job)->{replayed} >= 1 }), 'on its way');
    arm();
    is(admin("v1/cancel?job=$job")->{status}, 0, 'no answer');
    crashed();

    ok(wait_until(15, sub { job($job)->{state} eq 'cancelled' }),
        'it is cancelled') or diag(explain([ jobs() ]));

    my $n = job($job)->{replayed};

    cmp_ok($n, '<', @e, 'before its end');
    is(scalar(entries('pending')), $n, 'what was replayed waits');
    is(scalar(entries('dead')), @e - $n, 'the rest is dead');
    is(admin("v1/cancel?job=$job")->{status}, 409, 'it is over');
    finish();
};


# ---- Redis

my $r = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($r);
my $own = $r->target(8081);
my $redis = $r->redis(6379, appendonly => 'yes', appendfsync => 'always');

$r->workers_may_change('they are killed');
$r->expect_log(qr/exited on signal 9/, 'workers are killed');

$q->config(in => 'redis://127.0.0.1:%%PORT_6379%%/0',
    targets => { erp => 'breaker off; retry off;',
                 spare => 'breaker off; retry for=1h base=1h max=1h;' });

for my $act (qw(retry move purge job edit), ('edit with a key') x 3) {
    subtest "Redis is killed: $act" => sub { redis_dies($act) };
}

$_->_check for $r;
nodes_done();


# ---- what the rows share

sub pause  { is(admin("pause?target=$_[0]")->{paused}, JSON::PP::true,
                 "$_[0] is paused") }
sub resume { admin("resume?target=$_[0]") }


# so many that wait for an hour, and the target is paused

sub waiting {
    my ($at) = @_;

    start(crash => $at, later => 1, erp => 'retry base=1h max=1h for=9h;');
    $target->answer('/erp', status => 503);

    my @e = map { event() } 1 .. $n;

    is(burst(@e), "202 x $n", 'accepted');
    ok(wait_until(10, sub { $n == grep { $_->{attempts} } entries('pending') }),
        'they wait');
    calm();

    return @e;
}


# so many dead letters

sub dead {
    my ($at) = @_;

    start(crash => $at, later => 1, erp => 'retry off;');
    $target->answer('/erp', status => 400);

    my @e = map { event() } 1 .. $n;

    is(burst(@e), "202 x $n", 'accepted');
    ok(wait_until(10, sub { $n == entries('dead') }), 'they are dead');
    calm();

    return @e;
}


sub calm {
    pause('erp');
    $target->forget;
    $target->answer('/erp', status => 200);
    $crm->forget;
}


# the act gets no answer, its worker is dead; the same again

sub again {
    my ($act) = @_;

    is(admin($act)->{status}, 0, 'no answer');
    crashed();

    return admin($act);
}


# each event came to it once, and nothing else did

sub once {
    my ($who, @e) = @_;

    my %seen;

    ok(wait_until(10, sub { $who->requests >= @e }), 'they came') if @e;
    $seen{ $_->header('Webhook-Id') }++ for $who->requests;
    is(join(' ', map { "$_ x $seen{$_}" } sort keys %seen),
        join(' ', map { id_of($_) . ' x 1' } sort { id_of($a) cmp id_of($b) }
                  @e), 'each once');
}


sub pending {
    return @{ $t->get('/admin/v1/pending?limit=1000')->json->{entries} };
}


sub edit {
    my ($event, $body, $more) = @_;

    return $t->post("/admin/v1/replay?event=$event&target=erp&then=purge"
                    . ($more ? "&$more" : ''),
        $body, [ 'X-Event-Admin' => 1 ]);
}


sub jobs { return @{ ($t->get('/admin/v1/jobs')->json // {})->{jobs} // [] } }


sub job {
    my ($id) = @_;

    my ($job) = grep { $_->{job} eq $id } jobs();

    return $job // { state => '', replayed => 0 };
}


sub job_dies {
    my ($at, $when) = @_;

    my @e = dead($at);
    my $act = 'v1/replay?target=erp&rate=8';

    $moment{begin}->() if $when eq 'begin';

    my $job = admin($act)->{job};

    $moment{$when}->($job) if $when ne 'begin';
    crashed();

    if (!$job) {
        my @jobs = jobs();

        is(scalar @jobs, $at =~ /^before/ ? 0 : 1, 'no answer, and a job '
            . 'if it was written down');
        $job = @jobs ? $jobs[0]{job} : admin($act)->{job};
    }

    ok(wait_until(30, sub { job($job)->{state} eq 'done' }), 'it goes on')
        or diag(explain([ jobs() ]));
    cmp_ok(job($job)->{replayed}, '<=', $n, 'none is counted twice');
    is(scalar(entries('dead')), 0, 'none is left out');
    is(scalar(entries('pending')), $n, 'all wait');
    resume('erp');
    drained();
    once($target, @e);
    finish();
}


# ---- Redis is killed amid an act, and comes back

sub redis_dies {
    my ($act) = @_;

    my $from = $act =~ /retry|move/ ? 'spare' : 'erp';
    my $to = $act eq 'move' ? 'erp' : $from;
    my $all = 200;
    my %path = (retry => "v1/retry?target=spare",
        move => "v1/move?target=spare&deliver_to=erp",
        purge => "v1/purge?target=erp", job => "v1/replay?target=erp&rate=200");

    $redis->command('FLUSHALL');
    $r->run;
    $own->answer("/$from/bad", status => $from eq 'erp' ? 400 : 503);

    my @ids = $q->send_many($all, $from, kind => 'bad');
    my %is = map { $_ => 1 } @ids;

    ok(wait_until(20, sub {
        my $c = $r->get('/status')->json->{queue}{targets}{$from};

        return $from eq 'erp' ? $c->{dead} == $all
            : $all == grep { $_->{attempts} } $q->pending(limit => 1000);
    }), "they are there");

    change("pause?target=$_") for 'erp', 'spare';
    $own->forget;
    $own->answer("/$_/bad", status => 200) for 'erp', 'spare';

    my ($entry) = $act =~ /edit/ ? $q->dead(limit => 1) : ();
    my $path = $path{$act} // "v1/replay?event=$entry->{event}&target=erp"
                              . ($act =~ /key/ ? '&once=k' : '');
    my $c = $r->connect;

    $c->send(POST => "/admin/$path", [ 'X-Event-Admin' => 1,
        Connection => 'close' ], $act =~ /edit/ ? '{"kind":"ok"}' : '');

    my $first = $act eq 'job' ? $c->response : undef;

    sleep($act eq 'job' ? 1.3 : 0.002 * (1 + rand 3));
    $redis->stop;
    $first //= $c->response // { status => 0 };
    $c->close;
    like($first->{status}, qr/^(200|503)$/, 'an answer: it is done, or not');
    like($first->{body}, qr/may be there or not|does not answer|is away|full/,
        'which says what to do')
        if $act =~ /edit/ && $first->{status} == 503;
    $redis->start;
    ok(wait_until(20, sub { $r->get('/healthz')->{status} != 500
                            && change('v1/retry?event=0000000000000001')
                               ->{status} == 200 }), 'Redis is back');

    # what is not known to be done is done again

    if ($act =~ /key/) {
        my @again = map { change_at_last($path, '{"kind":"ok"}') } 1, 2;

        is($again[0]{status}, 200, 'sent again') or diag($again[0]{body});
        is($again[1]{body}, $again[0]{body}, 'and once more');
        is($again[0]{body}, $first->{body}, 'the same answer')
            if $first->{status} == 200;

    } elsif ($act eq 'edit') {
        edit_at_last($path) if $first->{status} != 200;

    } elsif ($act eq 'job') {
        my $job = $first->json->{job};

        ok(wait_until(30, sub {
            ($r->get("/admin/v1/jobs/$job")->json->{state} // '') eq 'done'
        }), 'it goes on');

    } else {
        is(change_at_last($path)->{status}, 200, 'once more');
    }

    change_at_last("resume?target=$_") for 'erp', 'spare';
    ok(wait_until(30, sub {
        my $r1 = $q->get('pending');

        return $r1->{status} == 200 && !@{ $r1->json->{entries} };
    }), 'drained');

    my $seen = $q->seen($own);

    is(join(' ', grep { $seen->{$_} != 1 } keys %$seen), '', 'each once');
    is(scalar(keys %$seen), $act eq 'purge' ? 0 : $act =~ /edit/ ? 1 : $all,
        'all that are to come');

    my $targets;

    ok(wait_until(15, sub {
        $targets = $r->get('/status')->json->{queue}{targets};

        return !grep { $_->{pending} } values %$targets;
    }), 'and counted');
    is(join(' ', map { $_->{unaccounted}, $_->{dead_unaccounted} }
                 values %$targets),
        join(' ', (0) x (2 * keys %$targets)), 'all is accounted for');
    ok($r->stop, 'nginx ends');
}


sub change {
    my ($path, $body) = @_;

    return $r->post("/admin/$path", $body // '', [ 'X-Event-Admin' => 1 ]);
}


# Redis is back for one worker, perhaps not yet for the one that is asked

sub change_at_last {
    my @change = @_;

    return ask_again(20, sub { change(@change) });
}


# each time the lists say whether the copy is there, whatever the answer was

sub edit_at_last {
    my ($path) = @_;

    my (@copies, $again);

    ok(wait_until(20, sub {
        my $list = $r->get('/admin/v1/pending?target=erp&limit=1000');

        return if $list->{status} != 200;

        @copies = grep { $_->{edited} } @{ $list->json->{entries} };
        return 1 if @copies;

        $again = change($path, '{"kind":"ok"}');

        return $again->{status} != 503;
    }), 'a list, and an answer');
    is($again->{status}, 200, 'once more') if !@copies;
}
