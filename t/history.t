#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What became of an event, as GET v1/events tells it: by its number, its id, a
# field of "index=", its type, target, state, status and time; each attempt with
# what was answered, where "reveal" is; of events that a queue has and of those
# that go to their targets at once; over a replay, a reload and a kill.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::OpenApi;
use Test::EventRouter::Queue;
use Time::HiRes qw(sleep);

my $t = Test::EventRouter->new(workers => 2);
my $target = $t->target(8081);
my $redis = $t->redis(6379);
my $api;

subtest $_->[0] => sub { cases($_->[1], $_->[0]) } for
    [ file => 'file:%%TESTDIR%%/store size=16m' ],
    [ redis => 'redis://127.0.0.1:%%PORT_6379%%' ],
    [ shards => 'redis://127.0.0.1:%%PORT_6379%% prefix=s shards=3' ];

$t->done;


sub cases {
    my ($in, $name) = @_;

    my $q = Test::EventRouter::Queue->new($t, prefix => $name);

    $target->answer_anew("/$_", status => 200)
        for qw(erp/ok erp/slow erp/late crm/ok crm/bad);

    $q->config(in => $in, admin => 'reveal',
        http => 'event_history 7d size=2m index=data.order.id
                     index=data.lines.sku index=subject index=header.X-Shop;
                 event_source s { verify off; id "{json:id}";
                     type "{json:type}"; subject "{json:subject}"; dedup off; }
                 event_route sync { from s; when type = erp; to erp; }
                 event_route both { from s; when type = both; to erp crm; }',
        source => 'subject "{json:subject}"; dedup 1h; retain 1h;',
        targets => { erp => 'breaker off; retry base=50ms max=60ms for=10s;
                             fail_on 4xx;',
                     crm => 'breaker off; retry off;' },
        server => 'location = /s { event_receive s; }
                   location /hidden/ { event_admin; }');

    $t->run;
    $api = Test::EventRouter::OpenApi->new($t, '/admin/v1');

    # ---- an event of the queue

    $target->answer('/erp/ok', status => 201, body => '{"Invoice":"I-77"}');
    $target->answer('/crm/bad', status => 400, body => "no\x01way \xff");

    my $id = $q->send('erp', order => { id => 9007199254740993 },
        lines => [ { sku => 'A-1' }, { sku => 'B 2/x' } ], subject => 'shop.de',
        price => '19.90');

    my $e = event_of(id => $id,
        sub { $_[0]{targets}[0]{state} eq 'delivered' });

    is($e->{id}, $id, 'it is found by its id');
    is($e->{source}, 'a', 'source');
    is($e->{type}, 'erp', 'type');
    is($e->{subject}, 'shop.de', 'subject');
    is($e->{targets}[0]{target}, 'erp', 'target');
    is($e->{targets}[0]{routes}, 'to-erp', 'routes');
    is($e->{targets}[0]{attempts}, 1, 'attempts');
    is($e->{targets}[0]{status}, 201, 'status');
    is(scalar @{ $e->{keys} }, 4, 'values of four fields') or diag(explain($e));

    my $whole = one($e->{event});

    is($whole->{event}, $e->{event}, 'by its number');

    my @steps = @{ $whole->{targets}[0]{history} };

    is(scalar @steps, 1, 'one attempt');
    is($steps[0]{status}, 201, 'its status');
    is($steps[0]{attempt}, 1, 'its number');
    is($steps[0]{state}, 'delivered', 'what became of it');
    is($steps[0]{verdict}, 'ok', 'its verdict');
    is($steps[0]{answer}, '{"Invoice":"I-77"}', 'what the target said');
    like($steps[0]{at}, qr/^\d{4}-.*Z$/, 'when');
    ok(defined $steps[0]{ms}, 'how long');

    is_deeply([ ids("key=data.order.id:9007199254740993") ], [ $id ],
        'by a large number');
    is_deeply([ ids("key=data.order.id:9007199254740992") ], [],
        'which is not its neighbour');
    is_deeply([ ids("key=data.lines.sku:A-1") ], [ $id ], 'by one of several');
    is_deeply([ ids("key=data.lines.sku:B%202/x") ], [ $id ],
        'by the other one');
    is_deeply([ ids("key=subject:shop.de") ], [ $id ], 'by its subject');
    is_deeply([ ids("subject=shop.de") ], [ $id ], 'which is an argument, too');
    is_deeply([ ids("key=data.lines.sku:A-1&type=other") ], [], 'and its type');

    for my $bad ('key=4711', 'key=data.price:19.90', 'key=data.order.id:',
                 'id=1&key=subject:x', 'state=nowhere', 'status=99', 'from=x',
                 'nothing=1', 'after=x', 'event=12', 'limit=0', 'target=%00')
    {
        is($t->get("/admin/v1/events?$bad")->{status}, 400, "$bad is refused");
    }

    like($t->get('/admin/v1/events?key=data.price:1')->json->{detail},
        qr/data\.order\.id, data\.lines\.sku, subject/,
        'with the fields there are');

    for my $case ([ 'target=ERP', 'erp' ], [ 'source=A', 'a' ]) {
        my $r = $t->get("/admin/v1/events?$case->[0]");

        is($r->{status}, 404, "$case->[0]: nobody knows it");
        like($r->json->{detail}, qr/did you mean "$case->[1]"/,
            'the nearest one');
    }

    is($t->get('/admin/v1/events/0123456789abcdef')->{status}, 404,
        'there is no such number');

    # ---- attempts that fail, and a replay

    my $bad = $q->send('crm', kind => 'bad', order => { id => 'o-2' });

    $e = event_of(id => $bad, sub { $_[0]{targets}[0]{state} eq 'dead' });
    is($e->{targets}[0]{reason}, 'final', 'a dead letter, and why');

    @steps = @{ one($e->{event})->{targets}[0]{history} };
    is_deeply([ map { $_->{state} // '-' } @steps ], [ '-', 'dead' ],
        'an attempt, and its end');
    is($steps[0]{answer}, 'no%01way %FF', 'what is no text is encoded');
    is($steps[1]{reason}, 'final', 'the reason');

    my $hidden = $t->get("/hidden/v1/events/$e->{event}");

    is($hidden->{status}, 200, 'without "reveal"');
    unlike($hidden->{body}, qr/way/, 'answers are hidden');

    $target->answer('/erp/slow', status => 503, body => 'busy');

    my $slow = $q->send('erp', kind => 'slow');

    $e = event_of(id => $slow, sub { $_[0]{targets}[0]{attempts} >= 2 });
    @steps = @{ one($e->{event})->{targets}[0]{history} };
    is($steps[0]{status}, 503, 'a first attempt');
    is($steps[0]{verdict}, 'retry', 'is made again');
    like($steps[0]{due}, qr/^\d{4}-/, 'when that is');
    is($steps[0]{answer}, 'busy', 'what the target said');
    is($steps[1]{attempt}, 2, 'a second one');

    $target->answer('/erp/slow', status => 200);
    event_of(id => $slow, sub { $_[0]{targets}[0]{state} eq 'delivered' });
    is_deeply([ ids('status=503') ], [ $slow ], 'by the status of an attempt');
    is_deeply([ ids('state=dead') ], [ $bad ], 'by a state');
    is_deeply([ ids('target=crm') ], [ $bad ], 'by a target');
    is_deeply([ ids('target=crm&state=delivered') ], [],
        'that has none of these');
    is_deeply([ ids('source=a&type=crm') ], [ $bad ], 'by source and type');
    is_deeply([ ids('text=O-2') ], [ $bad ],
        'by a part of a value, in any case');

    $target->answer('/crm/bad', status => 200);
    is($q->change(replay => target => 'crm')->{status}, 200, 'replay');
    $e = event_of(id => $bad, sub { $_[0]{targets}[0]{state} eq 'delivered' });

    @steps = @{ one($e->{event})->{targets}[0]{history} };
    is_deeply([ map { $_->{state} // '-' } @steps ],
        [ '-', 'dead', 'replayed', 'delivered' ], 'one record goes on');

    my $none = $q->send('nobody');

    $e = event_of(id => $none, sub { 1 });
    is_deeply($e->{targets}, [], 'nobody wanted it');
    is_deeply([ ids('state=unrouted') ], [ $none ], 'which is a state');
    is_deeply([ ids("state=unrouted&$_") ], [], "and has no $_")
        for 'target=crm', 'status=400', 'target=erp&status=200';

    # ---- at once

    $target->answer('/erp/ok', status => 200, body => 'done');
    $target->answer('/erp/no', status => 500, body => 'broken');

    sync(id => 's1', type => 'erp', kind => 'ok', order => { id => 4711 });
    sleep 0.01;                            # a time range ends before its end
    sync(id => 's2', type => 'both', kind => 'no', subject => 'x');

    $e = event_of(id => 's1', sub { 1 });
    is(!!$e->{queued}, '', 'it was not queued');
    is($e->{targets}[0]{state}, 'delivered', 'delivered at once');
    is_deeply([ ids('key=data.order.id:4711') ], [ 's1' ], 'by its order');

    @steps = @{ one($e->{event})->{targets}[0]{history} };
    is($steps[0]{answer}, 'done', 'what the target said');

    $e = event_of(id => 's2', sub { 1 });
    is_deeply({ map { $_->{target} => $_->{state} } @{ $e->{targets} } },
        { erp => 'failed', crm => 'delivered' }, 'two targets');
    @steps = @{ one($e->{event})->{targets}[0]{history} };
    is($steps[0]{status}, 500, 'its status');
    is($steps[0]{answer}, 'broken', 'what it said');

    my @all = ids('');

    is_deeply(\@all, [ 's2', 's1', $none, $slow, $bad, $id ],
        'both are one list, newest first');

    my (@pages, $after);

    do {
        my $page = list('limit=1' . ($after ? "&after=$after" : ''));

        push @pages, map { $_->{id} } @{ $page->{events} };
        $after = $page->{next};
    } while ($after && @pages < 20);

    is_deeply(\@pages, \@all, 'page by page');

    my $from = list('')->{events}[2]{accepted};
    my $to = list('')->{events}[0]{accepted};

    is_deeply([ ids("from=$from&to=$to") ], [ 's1', $none ], 'a time range');

    # ---- it stays

    $t->reload;
    is_deeply([ ids('') ], \@all, 'after a reload');

    $target->answer('/erp/late', status => 503);
    my $late = $q->send('erp', kind => 'late');

    event_of(id => $late, sub { $_[0]{targets}[0]{attempts} >= 1 });
    $t->kill_worker($_) for $t->workers;
    ok(wait_until(10, sub { eval { $t->get('/status')->{status} == 200 } }),
        'workers were killed, others are there');
    $t->workers_may_change('they were killed');

    $e = event_of(id => $late, sub { 1 });
    cmp_ok($e->{targets}[0]{attempts}, '>=', 1, 'what was told is there');
    is_deeply([ grep { $_ ne $late } ids('') ], \@all, 'and all before it');

    # ---- the trace

    my $trace = '0af7651916cd43dd8448eb211c80319c';
    my $parent = "00-$trace-b7ad6b7169203331-01";

    traced('/a', $parent, id => 't1', type => 'erp', kind => 'ok',
        lines => [ map { { sku => "S-$_" } } 1 .. 30 ]);
    traced('/s', $parent, id => 't2', type => 'erp', kind => 'ok');
    traced('/a', $parent =~ s/0af/0bf/r, id => 't3', type => 'erp',
        kind => 'ok');
    traced('/a', 'no trace', id => 't4', type => 'erp', kind => 'ok');

    $e = event_of(trace => $trace,
        sub { $_[0]{targets}[0]{state} eq 'delivered' });
    is_deeply([ sort(ids("trace=$trace")) ], [ 't1', 't2' ],
        'by the trace, of the queue and at once');
    is($e->{trace}, $trace, 'which is shown');
    is((grep { $_->{field} eq 'trace' } @{ $e->{keys} }), 0, 'and is no field');
    is(one($e->{event})->{trace}, $trace, 'in one event, too');
    is_deeply([ sort(ids('trace=' . uc $trace)) ], [ 't1', 't2' ],
        'in upper case');
    is_deeply([ ids("trace=$trace&source=s") ], [ 't2' ], 'with others');
    is_deeply([ ids("id=$trace") ], [], 'a trace is no id');

    $e = event_of(id => 't4', sub { 1 });
    ok(!exists $e->{trace}, 'without a trace there is none');

    for my $bad ("trace=$parent", 'trace=' . substr($trace, 1), 'trace=',
                 "trace=${trace}0", "trace=$trace&id=t1",
                 "trace=$trace&key=subject:x", 'trace=' . 'g' x 32)
    {
        is($t->get("/admin/v1/events?$bad")->{status}, 400, "$bad is refused");
    }

    ok($t->stop, 'nginx ends');
}


sub sync {
    my (%e) = @_;

    return $t->post('/s', JSON::PP->new->utf8->encode(\%e),
        [ 'Content-Type' => 'application/json' ]);
}


sub traced {
    my ($uri, $traceparent, %e) = @_;

    ok($t->post($uri, JSON::PP->new->utf8->encode(\%e),
        [ 'Content-Type' => 'application/json',
          traceparent => $traceparent ])->{status} < 300, "$e{id}: accepted");
}


sub list {
    my ($query) = @_;

    my $r = $t->get('/admin/v1/events' . (length $query ? "?$query" : ''));

    is($r->{status}, 200, "list of $query");
    is_deeply([ $api->wrong(GET => '/events', $r) ], [],
        'as the API describes it');

    return $r->json;
}


sub ids { return map { $_->{id} } @{ list($_[0])->{events} } }


sub one {
    my ($event) = @_;

    my $r = $t->get("/admin/v1/events/$event");

    is($r->{status}, 200, 'one event');
    is_deeply([ $api->wrong(GET => '/events/{event}', $r) ], [],
        'as the API describes it');

    return $r->json;
}


# the event of that id, when it is as it should be

sub event_of {
    my ($name, $value, $is) = @_;

    my $e;

    ok(wait_until(10, sub {
        $e = $t->get("/admin/v1/events?$name=$value")->json->{events}[0];
        return $e && $is->($e);
    }), "$value is as it should be") or diag(explain($e));

    return $e // {};
}
