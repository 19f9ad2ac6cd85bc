#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Replays as jobs, in both stores: a preview, how far a job is, its rate, its
# end by an operator, of dead letters and of retained events, to another
# target; and that a job goes on when its worker is killed and over a reload,
# and delivers each event once.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::OpenApi;
use Test::EventRouter::Queue;
use Time::HiRes qw(time sleep);

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $redis = $t->redis(6379);
my ($api, $last);

$t->workers_may_change('they are killed');
$t->expect_log(qr/worker process \d+ exited on signal 9/, 'they are killed');

for my $store ('file', 'redis') {
    $q->config(
        targets => { erp => 'breaker off; retry off; concurrency 64;',
                     spare => 'breaker off; retry off;',
                     crm => '', away => 'breaker off; retry off;' },
        source => 'retain 1h;',
        more => <<'EOC',
    event_target own { from b; }
    event_source b { verify off; id "{json:id}"; type "{json:type}"; delivery queued; }
    event_route of-b { from b; to own; }
EOC
        server => <<'EOC',
        location = /b { event_receive b; }
        location = /deliver/own {
            event_deliver own;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/own;
        }
EOC
        $store eq 'redis' ? (in => 'redis://127.0.0.1:%%PORT_6379%%/0') : ());
    $t->run;

    $api = Test::EventRouter::OpenApi->new($t, '/admin/v1');

    begin();
    cancel();
    killed();
    archive();
    refused();

    $t->stop;
}

done_testing();


# an answer, which is what openapi.json says

sub post {
    my ($path) = @_;

    my $r = $t->post("/admin/v1/$path", '', [ 'X-Event-Admin' => 1 ]);

    is(join('; ', $api->wrong(POST => '/' . $path =~ s/\?.*//r, $r)), '',
        "the answer to $path");

    return $r->json;
}


sub job {
    my ($id) = @_;

    $last = $t->get("/admin/v1/jobs/$id")->json // {};

    return $last->{state} // '';
}


sub over { my ($id) = @_; return wait_until(20, sub { job($id) eq 'done' }) }


# so many dead letters of the target: their ids

sub dead {
    my ($n, $name) = @_;

    $target->forget;
    $target->answer("/$name/bad", status => 500);

    my @ids = $q->send_many($n, $name, kind => 'bad');

    wait_until(20, sub {
        ($t->get('/status')->json->{queue}{targets}{$name}{dead} // 0) >= $n
    }) or diag('they did not die');

    $target->answer("/$name/bad", status => 200);
    $target->forget;

    return @ids;
}


# how often each came, since then

sub seen { my (%o) = @_; return $q->seen($target, %o) }


sub begin {
    my @ids = dead(40, 'erp');

    my $r = post('replay?target=erp&preview=1');

    is("$r->{state} $r->{total} $r->{replayed}", 'preview 40 0', 'a preview');
    like($r->{$_}, qr/^20\d\d-/, $_) for qw(oldest newest);
    is($t->get('/admin/v1/jobs')->json->{jobs}[0]{state} // '', '',
        'is no job') if !$last;
    is(scalar $q->dead(limit => 100), 40, 'nothing was done');

    my $began = time;

    $r = post('replay?target=erp&rate=20');
    is("$r->{state} $r->{total} $r->{rate}", 'running 40 20', 'a job');
    like($r->{who}, qr/^127\.0\.0\.1$/, 'whose');

    ok(wait_until(10, sub { job($r->{job}) && $last->{replayed} > 0
                            && $last->{replayed} < 40 }), 'it is on its way');
    ok(over($r->{job}), 'it is done');
    cmp_ok(time - $began, '>', 1.5, 'not faster than its rate');
    is($last->{replayed}, 40, 'all of them');
    ok($last->{ended}, 'it has an end');
    ok(wait_until(10, sub { keys %{ seen() } == 40 }), 'they are delivered');
    is(join(' ', grep { seen()->{$_} != 1 } @ids), '', 'each once');
    is(scalar $q->dead, 0, 'none is dead any more');
    is($t->get('/admin/v1/jobs')->json->{jobs}[0]{job}, $r->{job},
        'it is listed');
}


sub cancel {
    dead(30, 'erp');

    my $r = post('replay?reason=final&rate=5');
    my $other = post('replay?reason=exhausted&rate=5');

    $r = $other if !$r->{total};
    is($r->{total}, 30, 'by a reason');
    ok(wait_until(10, sub { job($r->{job}) && $last->{replayed} }),
        'it is on its way');
    post("cancel?job=$r->{job}");
    ok(wait_until(10, sub { job($r->{job}) eq 'cancelled' }), 'cancelled');

    my $n = $last->{replayed};

    cmp_ok($n, '<', 30, 'before its end');
    sleep 1.2;
    is(scalar(grep { 1 } $q->dead(limit => 100)), 30 - $n, 'the rest is dead');
    is($t->post("/admin/v1/cancel?job=$r->{job}", '',
        [ 'X-Event-Admin' => 1 ])->{status}, 409, 'it is over');

    $r = post('replay?all=1');
    ok(over($r->{job}), 'the rest, at once');
    ok(wait_until(10, sub { keys %{ seen() } == 30 }), 'all are delivered');
    is(join(' ', grep { $_ != 1 } values %{ seen() }), '', 'each once');
}


# whoever works on it dies, twice, and at last by a reload

sub killed {
    my @ids = dead(60, 'erp');
    my $r = post('replay?target=erp&rate=10');

    for my $n (5, 20) {
        ok(wait_until(20, sub { job($r->{job}) && $last->{replayed} >= $n }),
            'on its way');
        kill KILL => $t->workers;
        ok(wait_until(10, sub { $t->get('/status')->{status} == 200 }),
            'killed');
    }

    ok(wait_until(20, sub { job($r->{job}) && $last->{replayed} >= 30 }),
        'it goes on');
    $t->reload;
    ok(wait_until(40, sub { job($r->{job}) eq 'done' }), 'to its end');
    cmp_ok($last->{replayed}, '<=', 60, 'none is counted twice');
    cmp_ok($last->{replayed}, '>=', 50, 'as good as all are counted');

    ok(wait_until(20, sub { keys %{ seen() } == 60 && !$q->pending }),
        'all are delivered');
    is(scalar $q->dead(limit => 100), 0, 'none is left out');

    # what was in hand when its worker was killed may have come twice

    my @twice = grep { $_ > 1 } values %{ seen() };

    cmp_ok(scalar @twice, '<=', 4, 'none twice but for what was in hand');
}


# what is retained, also of what was delivered, to another target

sub archive {
    $target->forget;

    my $r = post('replay?archive=a&deliver_to=spare&preview=1');
    my $total = $r->{total};

    is($total, 130, 'all there ever was');
    $r = post('replay?archive=a&deliver_to=spare');
    ok(over($r->{job}), 'done');
    ok(wait_until(10, sub { keys %{ seen() } == $total && !$q->pending }),
        'it is there');
    is(join(' ', grep { $_ != 1 } values %{ seen() }), '', 'each once');

    # of those only what a filter says, also where the target has it

    my @own = map { $q->send('spare') } 1 .. 3;

    $target->answer('/away/ok', status => 400);
    $q->send('away');

    ok($q->wait_drained(10, target => 'spare'), 'some are of another target');
    is(scalar $q->wait_dead(1, 10), 1, 'one is dead');
    $target->forget;

    for (['target=spare', $total + 3], ['target=erp', $total],
         ['target=away', 1], ['target=own', 0],
         ['route=to-spare', 3], ['route=to-erp', $total], ['route=to', 0],
         ['route=to-away', 1], ['route=to-erp&target=spare', 0],
         ['all=1', $total + 4])
    {
        my ($filter, $n) = @$_;

        is(post("replay?archive=a&deliver_to=crm&preview=1&$filter")->{total},
            $n, "retained events of $filter");
    }

    $r = post('replay?archive=a&deliver_to=crm&route=to-spare');
    ok(over($r->{job}), 'done');
    ok(wait_until(10, sub { keys %{ seen() } == 3 && !$q->pending }),
        'they are there');
    is(join(' ', sort keys %{ seen() }), join(' ', sort @own), 'no others');
}


sub refused {
    for (['replay', 400, 'say which'],
         ['replay?all=1&rate=0', 400, 'rate='],
         ['replay?archive=a', 400, 'needs deliver_to'],
         ['replay?archive=a&source=a&deliver_to=erp', 400, 'leave source'],
         ['replay?archive=a&deliver_to=own', 400, '"from"'],
         ['replay?archive=b&deliver_to=own', 400, 'has no archive'],
         (map { ["replay?archive=a&deliver_to=erp&$_", 400, 'dead letters'] }
          'reason=final', 'status=500', 'attempts=1', 'attempts=1&preview=1'),
         ['replay?archive=a&deliver_to=er', 404, '"erp"'],
         ['replay?target=erp&deliver_to=er&preview=1', 404, '"erp"'],
         ['replay?target=er', 404, '"erp"'],
         ['replay?source=A', 404, '"a"'],
         ['replay?archive=A&deliver_to=erp', 404, '"a"'],
         ['replay?archive=A&deliver_to=erp&preview=1', 404, '"a"'],
         ['cancel', 400, 'job='],
         ['cancel?job=0000000000000001', 404, 'no such job'])
    {
        my ($path, $status, $text) = @$_;
        my $r = $t->post("/admin/v1/$path", '', [ 'X-Event-Admin' => 1 ]);

        is($r->{status}, $status, $path);
        like($r->json->{detail}, qr/\Q$text/, 'why');
    }

    is($t->get('/admin/v1/jobs/0000000000000001')->{status}, 404, 'no job');

    dead(1, 'erp');
    is($t->post('/admin/v1/replay?all=1&deliver_to=own', '',
        [ 'X-Event-Admin' => 1 ])->{status}, 409, 'its source may not');
    post('purge?all=1');
}
