#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What an operator does to deliveries that wait, through the API and in both
# stores: they are retried now, they go to another target, they are forgotten;
# which ones are meant, what is left, and a preview of it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::OpenApi;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $redis = $t->redis(6379);
my $api;

my %targets = (
    erp   => 'breaker off; retry for=1d base=1h max=1h;',
    spare => 'breaker off; retry off;',
);

for my $store ('file', 'redis') {
    $q->config(targets => \%targets, more => <<'EOC',
    event_source b {
        verify off;
        id "{json:id}";
        type "{json:type}";
        delivery queued;
    }

    event_target own { from b; }
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
    $target->forget;

    waits();
    others();
    retries();
    forgets();
    refused();

    $t->stop;
}

done_testing();


# requests that came

sub seen { my ($uri) = @_; return scalar grep { $_->{uri} eq $uri } $target->requests }


# an act, whose answer is what openapi.json says: its numbers, or its status

sub act {
    my ($path) = @_;

    my $r = $t->post("/admin/v1/$path", '', [ 'X-Event-Admin' => 1 ]);
    my $json = $r->json // {};

    return "$r->{status} $json->{detail}" if $r->{status} != 200;

    is(join("; ", $api->wrong(POST => '/' . $path =~ s/\?.*//r, $r)), q{},
        "the answer to $path");

    return join ' ', map { "$_=$json->{$_}" }
        grep { defined $json->{$_} && !/oldest|newest/ }
        qw(preview retried moved purged leased in_doubt there);
}


# three that failed once and wait for an hour

sub waits {
    $target->answer('/erp/bad', status => 503);
    $target->answer('/spare/bad', status => 200);
    $q->send('erp', kind => 'bad') for 1 .. 3;

    ok(wait_until(10, sub { waiting() == 3 }), 'three wait');
    is(seen('/erp/bad'), 3, 'they were tried once');

    is(act('retry?target=erp&preview=1'), 'preview=1 retried=3', 'a preview');
    is(act('move?target=erp&deliver_to=spare&preview=1'),
        'preview=1 moved=3', 'of a move');
    is(act('purge?state=pending&all=1&preview=1'), 'preview=1 purged=3',
        'of a purge');

    my $json = $t->post('/admin/v1/retry?all=1&preview=1', '',
        [ 'X-Event-Admin' => 1 ])->json;

    like($json->{$_}, qr/^20\d\d-\d\d-\d\dT/, $_) for qw(oldest newest);
    is(waiting(), 3, 'nothing was done');
}


# that failed and is in nobody's hand

sub waiting {
    my (@args) = @_;

    return scalar grep { $_->{attempts} && !$_->{leased} }
           $q->pending(target => 'erp', @args);
}


sub others {
    my @all = map { $_->{event} } $q->pending(target => 'erp');

    is(act("move?event=$all[0]&deliver_to=spare"), 'moved=1', 'one event');
    is(act('move?target=erp&deliver_to=spare&status=500'), 'moved=0',
        'of another status');
    is(act('move?source=b&deliver_to=spare'), 'moved=0', 'of another source');
    is(act('move?target=erp&deliver_to=spare&attempts=2'), 'moved=0',
        'of more attempts');
    is(act('move?target=erp&deliver_to=spare&from=2020-01-01T00:00:00Z'
           . '&to=2021-01-01T00:00:00Z'), 'moved=0', 'of another time');
    is(act('move?source=a&route=to-erp&status=503&attempts=1&deliver_to=spare'),
        'moved=2', 'the others');

    ok(wait_until(10, sub { seen('/spare/bad') == 3 }),
        'they are delivered there');
    ok(wait_until(10, sub { !$q->pending }), 'and wait no more');
    is(seen('/erp/bad'), 3, 'once tried here');

    my %ids;

    $ids{ $_->header('Webhook-Id') }++
        for grep { $_->{uri} eq '/spare/bad' } $target->requests;

    is(join(' ', sort values %ids), '1 1 1', 'each once');
    is(act('move?target=erp&deliver_to=spare'), 'moved=0', 'no more');

    my ($line) = grep { /were moved/ } $t->log_lines;

    like($line, qr/2 deliveries were moved to target "spare" by an operator/,
        'it is told');
}


sub retries {
    $target->forget;
    $target->answer('/erp/bad', status => 503);
    $q->send('erp', kind => 'bad') for 1 .. 2;
    ok(wait_until(10, sub { waiting() == 2 }), 'two wait');

    $target->answer('/erp/bad', status => 200);
    is(act('retry?target=erp'), 'retried=2', 'retried');
    ok(wait_until(10, sub { !$q->pending }), 'they are delivered now');
    is(seen('/erp/bad'), 4, 'each twice');

    # what is being delivered is left

    $target->answer('/erp/slow', status => 200, delay => 2);
    $q->send('erp', kind => 'slow');
    ok(wait_until(5, sub { seen('/erp/slow') }), 'one is on its way');
    is(act('retry?target=erp'), 'retried=0 leased=1', 'not retried');
    is(act('move?target=erp&deliver_to=spare'), 'moved=0 leased=1',
        'not moved');
    is(act('purge?state=pending&target=erp'), 'purged=0 leased=1',
        'not forgotten');
    ok(wait_until(10, sub { !$q->pending }), 'it is delivered');
    is(seen('/erp/slow'), 1, 'once');
}


sub forgets {
    $target->forget;
    $target->answer('/erp/bad', status => 503);
    $target->answer('/spare/bad', status => 500);
    $q->send('erp', kind => 'bad') for 1 .. 2;
    $q->send('spare', kind => 'bad');
    ok(wait_until(10, sub { waiting() == 2 && $q->dead == 1 }), 'two wait');

    is(act('purge?target=erp'), 'purged=0', 'they are no dead letters');
    is(act('purge?target=erp&state=dead'), 'purged=0', 'nor so');
    is(act('purge?target=erp&state=pending'), 'purged=2', 'forgotten');
    is(scalar $q->pending, 0, 'nothing waits');
    is(act('purge?reason=poison&all=1'), 'purged=0', 'of another reason');
    is(scalar $t->get('/admin/v1/dead?reason=poison')->json->{entries}->@*, 0,
        'nor listed');
    is(scalar $t->get('/admin/v1/dead?reason=final&status=500')->json
        ->{entries}->@* + $t->get('/admin/v1/dead?reason=exhausted')->json
        ->{entries}->@*, 1, 'but of its own');
    is(act('purge?status=500'), 'purged=1', 'the dead letter');
}


sub refused {
    like(act('retry'), qr/^400 say which/, 'all need all=1');
    like(act('move?deliver_to=spare'), qr/^400 say which/, 'of a move, too');
    like(act('move?target=erp'), qr/^400 .*deliver_to/, 'whose target');
    like(act('move?target=erp&deliver_to=erp'), qr/^400 .*has them/, 'itself');
    like(act('move?target=erp&deliver_to=spar'), qr/^404 .*"spare"/, 'nobody');
    like(act('retry?target=er'), qr/^404 .*"erp"/, 'nor of nobody');
    like(act('purge?target=x&state=gone'), qr/^400 /, 'no state');
    like(act('purge?all=1&state=pending&reason=final'), qr/^400 .*reason/,
        'what waits has no reason');
    is($t->post('/admin/v1/purge?all=1', '')->{status}, 403,
        'a page of another site');

    $target->answer('/erp/bad', status => 503);
    $q->send('erp', kind => 'bad');
    ok(wait_until(10, sub { waiting() == 1 }), 'one waits');
    like(act('move?target=erp&deliver_to=own'), qr/^409 .*"from"/,
        'its source may not');
    is(waiting(), 1, 'it is where it was');
    is(act('purge?all=1&state=pending'), 'purged=1', 'and is forgotten');
}
