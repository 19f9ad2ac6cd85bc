#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Several events in one call: "batch" of event_target.  What a call has, what
# the target is told, what each event hears of the answer, and that a place is
# a call and the rate counts events.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

# t/batch_redis.t runs this file, too

my $t = Test::EventRouter->new(workers => 1);
my $redis = $ENV{TEST_QUEUE_REDIS} && $t->redis(6379);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);

my $fast = 'breaker off; retry for=1h base=300ms max=300ms;';

$q->config(
    ($redis ? (in => 'redis://127.0.0.1:%%PORT_6379%%') : ()),
    targets => {
        max      => "$fast batch max=3 wait=1m; concurrency 1;",
        wait     => "$fast batch max=100 wait=400ms;",
        size     => "$fast batch max=100 wait=1m size=1k; concurrency 1;",
        lines    => "$fast batch max=3 wait=1m form=lines;",
        events   => "$fast batch max=3 wait=1m form=cloudevents; "
                    . 'body cloudevents;',
        data     => "$fast batch max=2 wait=1m; body data;",
        torn     => "$fast batch max=2 wait=1m; body template torn.json;",
        jq       => "$fast batch max=6 wait=600ms; body jq pick.jq;",
        index    => "$fast batch max=4 wait=600ms;",
        aws      => "$fast batch max=4 wait=600ms;",
        odd      => "$fast batch max=3 wait=600ms;",
        cut      => "$fast batch max=3 wait=600ms;",
        whole    => "$fast batch max=4 wait=600ms; concurrency 1;",
        named    => "$fast batch max=4 wait=600ms;",
        meet     => 'breaker off; retry for=1h base=2s max=2s; '
                    . 'batch max=5 wait=500ms; concurrency 1;',
        worst    => 'breaker off; retry for=1h base=200ms max=200ms; '
                    . 'batch max=4 wait=300ms; concurrency 1;',
        last     => 'breaker off; retry for=1s base=400ms max=400ms; '
                    . 'batch max=3 wait=100ms; concurrency 1;',
        gone     => "$fast batch max=3 wait=600ms;",
        poison   => "$fast batch max=3 wait=600ms;",
        short    => 'breaker off; retry off; batch max=3 wait=600ms;',
        rate     => "$fast batch max=10 wait=500ms; rate 20r/s burst=10;",
        places   => "$fast batch max=2 wait=50ms; concurrency 2;",
        order    => "$fast batch max=10 wait=300ms; order by=data.key;",
        newer    => "$fast batch max=10 wait=300ms; "
                    . 'order by=data.key version=data.v;',
        signed   => "$fast batch max=2 wait=1m; "
                    . 'sign standardwebhooks secret=file:secret;',
        expires  => "breaker off; retry off; batch max=9 wait=500ms; "
                    . "expires 1s; concurrency 1;",
        success  => "$fast batch max=3 wait=600ms; "
                    . 'success when response.body.failures missing;',
    },
    more => 'event_source form { verify off; accept application/x-www-form-urlencoded; '
            . 'id "{form:id}"; type "{form:type}"; delivery queued; } '
            . 'event_route form { from form; to poison; }',
    server => 'location = /form { event_receive form; }',
    http => 'event_history 1h size=1m;');

$t->write_file('conf/secret', 'whsec_' . 'c2VjcmV0IG9mIHRoZSB0ZXN0IQ==');
$t->write_file('conf/torn.json', '{"a":{data.a}}');
$t->write_file('conf/pick.jq', 'if .data.n == 2 then empty elif .data.n == 3 '
    . 'then error("no") elif .data.n == 4 then 1, 2 else {id, n: .data.n} end');
$t->run;


# ---- what a call has

{
    my @ids = map { $q->send('max', n => "1.$_") } 1 .. 7;

    my @calls = calls('max', 2);

    is(told(@calls), "@ids[0 .. 2] | @ids[3 .. 5]", 'full calls, in order');
    is($calls[0]->header('X-Event-Batch'), 3, 'how many they have');
    is($calls[0]->header('Content-Type'), 'application/json', 'of JSON');
    is($calls[0]->header('X-Event-Attempt'), 1, 'the first attempt');
    is($calls[0]->header('X-Event-Route'), 'to-max', 'the route');
    is(scalar(grep { lc($_->[0]) =~ /^ce-/ } @{ $calls[0]{headers} }), 0,
        'attributes of no event');
    like($calls[0]{body}, qr/^\[\{.*"n":"1\.1".*\},\{.*\},\{.*\}\]$/,
        'an array of their bytes');
    is($calls[0]->header('Webhook-Id'), name(@ids[0 .. 2]),
        'named by the hash of their names');

    sleep 1;
    is(calls('max', 2), 2, 'the last one waits for others');
}

{
    my @ids = map { $q->send('wait') } 1 .. 3;
    my $start = time;

    is(told(calls('wait', 1)), "@ids", 'not longer than "wait"');
    cmp_ok(time - $start, '<', 3, 'sent in time');
}

{
    # 300 bytes each: three of them are less than 1 KB, four are not

    my @ids = map { $q->send('size', pad => 'x' x 250) } 1 .. 7;

    my @calls = calls('size', 2);

    is(told(@calls), "@ids[0 .. 2] | @ids[3 .. 5]", 'not larger than "size"');
    cmp_ok(length $_->{body}, '<=', 1024, length($_->{body}) . ' bytes')
        for @calls;

    my $large = $q->send('size', pad => 'x' x 2000);

    is(told((calls('size', 4))[2, 3]), "$ids[6] | $large",
        'one that is larger alone goes alone');
}

{
    my @ids = map { $q->send('lines') } 1 .. 2;
    my ($call) = post('lines', qq({\n"id": "nl",\r\n "type": "lines", )
        . qq("kind": "ok", "t": "a\\nb"\n}));

    ($call) = calls('lines', 1);
    is($call->header('Content-Type'), 'application/x-ndjson', 'lines');

    my @lines = split /\n/, $call->{body}, -1;

    is(scalar @lines, 4, 'each ends with an LF');
    is(join(' ', map { JSON::PP->new->utf8->decode($_)->{id} } @lines[0 .. 2]),
        "@ids nl", 'an event each');
    is(JSON::PP->new->utf8->decode($lines[2])->{t}, "a\nb",
        'what is in strings stays');
}

{
    my @ids = map { $q->send('events', n => $_) } 1 .. 3;
    my ($call) = calls('events', 1);
    my $events = $call->json;

    is($call->header('Content-Type'), 'application/cloudevents-batch+json',
        'CloudEvents');
    is(join(' ', map { "$_->{specversion} $_->{id} $_->{type} $_->{data}{n}" }
                 @$events),
        join(' ', map { "1.0 $ids[$_] events " . ($_ + 1) } 0 .. 2),
        'each in its envelope');
}

{
    $t->post('/a', JSON::PP->new->canonical->encode({ specversion => '1.0', id => "ce$_",
        source => 's', type => 'data', data => { kind => 'ok', n => $_ } }),
        [ 'Content-Type' => 'application/cloudevents+json' ]) for 1, 2;

    my ($call) = calls('data', 1);

    is($call->{body}, '[{"kind":"ok","n":1},{"kind":"ok","n":2}]',
        'what "body" makes of each')
        or diag($call->{body});
}

{
    $q->post(qq({"id":"torn$_","type":"torn","kind":"ok","a":")
             . "\xff" x $_ . '"}') for 1, 2;

    my ($call) = calls('torn', 1);

    is($call->{body}, qq([{"a":"\xef\xbf\xbd"},{"a":")
                      . "\xef\xbf\xbd" x 2 . '"}]', 'what is no UTF-8 in each');
    ok(wait_until(3, sub { $t->get('/status')->json->{targets}{torn}
                               {replaced_bytes} == 3 }), 'is counted');
}

{
    my @ids = map { $q->send('signed') } 1 .. 2;
    my ($call) = calls('signed', 1);

    is($call->header('Webhook-Id'), name(@ids), 'signed with its id');

    require MIME::Base64;

    my $signed = join '.', $call->header('Webhook-Id'),
        $call->header('Webhook-Timestamp'), $call->{body};

    is($call->header('Webhook-Signature'), 'v1,' . MIME::Base64::encode_base64(
        Digest::SHA::hmac_sha256($signed, 'secret of the test!'), ''),
        'over all of its body');
}


# ---- what is no JSON dies alone

{
    my @ids = ($q->send('poison'));

    is($t->post('/form', 'id=form1&type=poison&kind=ok',
        [ 'Content-Type' => 'application/x-www-form-urlencoded' ])->{status},
        202, 'a form');

    push @ids, $q->send('poison');

    is(told(calls('poison', 1)), "@ids", 'is in no call');
    settled('poison', 2);

    my ($dead, @more) = $q->dead(target => 'poison');

    is("$dead->{id} $dead->{reason}", 'form1 final', 'but a dead letter');
    is(scalar @more, 0, 'the only one');
    is($dead->{answer},
        'it cannot be one of several events in a call ("batch"): not JSON',
        'which says why');
    ok($t->wait_log(qr/\[error\] .*for target "poison" is a dead letter now: final.*cannot be one of several/),
        'and so does error.log');
}


# ---- children map them

{
    my @ids = map { $q->send('jq', n => $_) } 1 .. 6;
    my ($call) = calls('jq', 1);

    is_deeply($call->json, [ map { +{ id => $ids[$_ - 1], n => $_ } } 1, 5, 6 ],
        'one is filtered, one fails, one is several') or diag($call->{body});
    settled('jq', 3);
    is(join(' ', sort map { "$_->{id} $_->{reason}" }
                 $q->dead(target => 'jq')),
        "$ids[2] final $ids[3] final", 'each for itself');
}


# ---- some failed

for my $case ([ 'index', '{"failures":[{"index":1,"error":"x"},{"index":3}]}' ],
              [ 'aws', undef ])
{
    my ($name, $body) = @$case;
    my @pending = map { [ $q->event($name) ] } 1 .. 4;
    my @ids = map { $_->[0] } @pending;

    $body //= JSON::PP->new->encode({ batchItemFailures =>
        [ map { +{ itemIdentifier => $_ } } @ids[1, 3] ] });

    $target->answer("/$name/ok", [ { status => 200, body => $body },
        { status => 200 } ]);
    is($q->post($_->[1])->{status}, 202, "$name: accepted") for @pending;

    my @calls = calls($name, 2);

    is(told(@calls), "@ids | @ids[1, 3]", "$name: those again, together");
    is($calls[1]->header('X-Event-Attempt'), 2, 'their second attempt');
    ok($t->wait_log(qr/\[warn\] .*target "$name" answered 200 and says that 2 of 4 events of a call failed/),
        'logged');
    settled($name, 4);
}

{
    $target->answer('/odd/ok', [ { status => 200,
        body => '{"failures":[{"index":7}]}' }, { status => 200 } ]);

    my @ids = map { $q->send('odd') } 1 .. 3;
    my @calls = calls('odd', 2);

    is(told(@calls), "@ids | @ids",
        'one failed, and nobody knows which: all again');
    is($calls[0]->header('Webhook-Id'), $calls[1]->header('Webhook-Id'),
        'under the same id');
    ok($t->wait_log(qr/\[warn\] .*target "odd" answered 200 to a call of 3 events, but it cannot be told/),
        'logged');
    settled('odd', 3);
}

{
    $target->answer('/cut/ok', [ { status => 200,
        body => '{"failures":[],"x":"' . ('y' x 70000) . '"}' },
        { status => 200, body => 'z' x 70000 } ]);

    my @ids = map { $q->send('cut') } 1 .. 3;
    my @calls = calls('cut', 2);

    is(told(@calls), "@ids | @ids", 'an object longer than what is read');
    settled('cut', 3);
}

{
    $target->answer('/success/ok', [ { status => 200,
        body => '{"failures":[0]}' }, { status => 200, body => '{}' } ]);

    my @ids = map { $q->send('success') } 1 .. 3;

    is(told(calls('success', 2)), "@ids | $ids[0]",
        '"success" says that it failed, and the answer which');
    settled('success', 3);
}


# ---- all of them

{
    $target->answer('/whole/ok', [ { status => 422 }, { status => 200 },
        { status => 422, body => 'bad' }, { status => 200 },
        { status => 200 } ]);

    my @ids = map { $q->send('whole') } 1 .. 4;

    is(told(calls('whole', 5)), "@ids | $ids[0] | $ids[1] | $ids[2] | $ids[3]",
        'refused as a whole: each alone');
    ok($t->wait_log(qr/\[notice\] .*4 events of a call that target "whole" refused are sent again, each alone/),
        'logged');
    settled('whole', 3);
    is(join(' ', map { "$_->{id} $_->{reason}" } $q->dead(target => 'whole')),
        "$ids[1] final", 'one was at fault');
}

{
    $target->answer('/named/ok', [ { status => 400,
        body => '{"failures":[{"index":2}]}' }, { status => 200 } ]);

    my @ids = map { $q->send('named') } 1 .. 4;

    is(told(calls('named', 2)), "@ids | @ids[0, 1, 3]",
        'refused for one: the others again');
    settled('named', 3);
    is(join(' ', map { "$_->{id} $_->{reason}" } $q->dead(target => 'named')),
        "$ids[2] final", 'that one died');
}

# delays of 1.5 to 2.5 s: each with a chance of its own, few would meet

{
    $target->answer('/meet/ok', [ ({ status => 503 }) x 3,
        { status => 200 } ]);

    my @ids = map { $q->send('meet') } 1 .. 5;
    my @calls = calls('meet', 4);

    is(told(@calls), join(' | ', ("@ids") x 4),
        'those that failed together come again together');
    is(join(' ', map { $_->header('X-Event-Attempt') } @calls), '1 2 3 4',
        'attempt by attempt');
    is(scalar(keys %{ { map { $_->header('Webhook-Id') => 1 } @calls } }), 1,
        'under the same id');
    settled('meet', 5);
}

# one event for which the target has no answer but 500 does not hold the others
# for ever, nor those that come later

{
    $target->answer('/worst/bad', status => 500);

    my ($bad, @ids) = map { $q->send('worst', kind => $_) } qw(bad ok ok ok);
    my @calls = calls('worst', 8);

    is(told(@calls[0 .. 3]), join(' | ', ("$bad @ids") x 4), 'four times');
    is(join(' ', sort map { scalar @{ $_->json } } @calls[4 .. 7]), '1 1 1 1',
        'and then each alone');
    ok(wait_until(5, sub {
        join(' ', map { $_->{id} } $q->pending(target => 'worst')) eq $bad }),
        'only the bad one is left');

    my $later = $q->send('worst');

    ok(wait_until(5, sub { grep { told($_) eq $later } calls('worst', 9) }),
        'a new one does not go with it');
    $target->answer('/worst/bad', status => 410);
}

# where there is no time for that many attempts the last one is alone

{
    $target->answer('/last/bad', status => 500);

    my ($bad, @ids) = map { $q->send('last', kind => $_) } qw(bad ok ok);

    ok(wait_until(5, sub { $q->dead(target => 'last') }), 'the bad one dies');
    settled('last', 2);
    is(join(' ', map { "$_->{id} $_->{reason}" } $q->dead(target => 'last')),
        "$bad exhausted", 'and no other');
}

{
    $target->answer('/gone/ok', [ { fault => 'close' }, { status => 200 } ]);

    my @ids = map { $q->send('gone') } 1 .. 3;

    is(told(calls('gone', 2)), "@ids | @ids", 'an answer that was lost');
    settled('gone', 3);
}

{
    $target->answer('/short/ok', status => 503);

    my @ids = map { $q->send('short') } 1 .. 3;

    ok(wait_until(5, sub { $q->dead(target => 'short') == 3 }),
        'all die, where nothing is tried again');
    is(join(' ', sort map { $_->{id} } $q->dead(target => 'short')),
        join(' ', sort @ids), 'those');
}


# ---- a place is a call, the rate counts events

{
    my $n = 60;

    $q->send_many($n, 'rate');
    ok(wait_until(15, sub { events('rate') == $n }), 'all are delivered');

    my @calls = calls('rate', 1);
    my @at = map { ($_->{time}) x @{ $_->json } } @calls;
    my $wrong = 0;

    for my $i (0 .. $#at) {
        for my $k ($i .. $#at) {
            $wrong++ if $k - $i + 1 > 10 + 20 * ($at[$k] - $at[$i] + 0.15);
        }
    }

    is($wrong, 0, 'never more than burst and rate allow');
    cmp_ok($at[-1] - $at[0], '<', 6, sprintf 'which is used: %.1f s',
        $at[-1] - $at[0]);
    cmp_ok(@calls, '<', 20, @calls . ' calls');
}

{
    $target->answer('/places/ok', status => 200, delay => 0.3);

    my $n = 20;

    $q->send_many($n, 'places');
    ok(wait_until(15, sub { events('places') == $n }), 'all are delivered');

    my @calls = calls('places', 1);
    my @spans = map { [ $_->{time}, $_->{time} + 0.28 ] } @calls;
    my $most = 0;

    for my $s (@spans) {
        my $at = grep { $_->[0] <= $s->[0] && $s->[0] < $_->[1] } @spans;
        $most = $at if $at > $most;
    }

    is($most, 2, 'two calls at once');
    cmp_ok(@calls, '<=', 12, @calls . ' calls of two events');
}


# ---- events of one order

{
    my @ids = map { $q->send('order', key => "k$_") } 1, 1, 1, 2, 3;

    ok(wait_until(10, sub { events('order') == 5 }), 'all are delivered');

    my @calls = calls('order', 3);
    my $twice = grep { my %n; $n{$_->{key}}++ for @{ $_->json };
                       grep { $_ > 1 } values %n } @calls;

    is($twice, 0, 'one of each order in a call');
    is(join(' ', grep { /^(?:\Q$ids[0]\E|\Q$ids[1]\E|\Q$ids[2]\E)$/ }
                 map { $_->{id} } map { @{ $_->json } } @calls),
        "@ids[0 .. 2]", 'one after the other');
}


# ---- versions

{
    $q->send('newer', key => 'a', v => 2);
    ok(wait_until(10, sub { events('newer') == 1 }), 'a version');

    $q->send('newer', key => $_->[0], v => $_->[1])
        for [ a => 1 ], [ b => 1 ], [ a => 3 ];

    ok(wait_until(10, sub { events('newer') == 3 }), 'newer ones, and others');
    ok(wait_until(5, sub {
        ($t->get('/status')->json->{targets}{newer}{stale} // 0) == 1
    }), 'an older one is stale');
    is(events('newer'), 3, 'and in no call');
}


# ---- what waits may expire

{
    $target->answer('/expires/ok', status => 200, delay => 1.5);

    my $first = $q->send('expires');

    ok(wait_until(5, sub { $target->begun && grep { $_->{uri} =~ /expires/ }
        $target->requests }), 'the target is busy');

    my $second = $q->send('expires');

    ok(wait_until(6, sub { $q->dead(target => 'expires') == 1 }),
        'an event that waits is too old');
    is(join(' ', map { "$_->{id} $_->{reason}" }
                 $q->dead(target => 'expires')), "$second expired", 'and dies');
}

$t->done;


# ---- helpers

# the calls of a target, when there are at least so many

sub calls {
    my ($name, $n) = @_;

    my @calls;

    ok(wait_until(10, sub {
        @calls = grep { $_->{uri} =~ m{^/\Q$name\E/} } $target->requests;
        return @calls >= $n;
    }), "$name: $n calls") or diag(scalar(@calls) . ' of them');

    return @calls;
}


sub told {
    return join ' | ', map { my $data = $_->json;
        ref $data eq 'ARRAY' ? join(' ', map { $_->{id} } @$data)
                             : 'no array' } @_;
}


sub events {
    my ($name) = @_;

    my $n = 0;

    $n += @{ $_->json // [] }
        for grep { $_->{uri} =~ m{^/\Q$name\E/} } $target->requests;

    return $n;
}


sub name {
    my @parts = map { ('a', $_) } @_;

    return substr sha256_hex(join '', map { length($_) . ":$_" } @parts), 0,
        32;
}


sub post {
    my ($name, $body) = @_;

    is($q->post($body)->{status}, 202, "$name: accepted");
}


# so many were delivered, and nothing is left

sub settled {
    my ($name, $n) = @_;

    my ($status, @left);

    ok(wait_until(5, sub {
        $status = $t->get('/status')->json->{targets}{$name};
        @left = $q->pending(target => $name);
        return $status->{delivery_seconds}{count} == $n && !@left;
    }), "$name: $n are delivered, none is left")
        or diag(JSON::PP->new->canonical->encode([ $status, @left ]));
}
