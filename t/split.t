#!/usr/bin/perl

# Copyright (C) Event Router contributors

# "split" of event_target: an event of N elements is N calls, made one after
# the other, settled and retried one by one.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Eventctl;
use Time::HiRes qw(sleep time);

# t/split_redis.t runs this file, too

my $t = Test::EventRouter->new;
my $redis = $ENV{TEST_SPLIT_REDIS} && $t->redis(6379);
my $target = $t->target(8081);

my $store = $redis ? 'redis://127.0.0.1:%%PORT_6379%%'
                   : 'file:%%TESTDIR%%/store size=64m';


# ---- helpers

# targets by name, each the lines of its block; the source NAME goes to it.
# The call with the number 3 of target a is a request for /a/3.

sub config {
    my (%o) = @_;

    my %target = %{ $o{targets} };
    my @names = sort keys %target;

    my $rooms = join "\n", map { "
        event_source $_ { verify off; id '{json:id}'; type '{json:type}'; dedup off;
                          max_size 8m;
                          delivery queued @{[ $_ eq 'waits' ? 'wait=9s' : '' ]}; }
        event_target $_ { breaker off; $target{$_} }
        event_route $_  { from $_; to $_; }" } @names;
    my $locations = join "\n", map { "
        location = /in/$_ { event_receive $_; }
        location = /deliver/$_ { event_deliver $_;
            proxy_set_header X-Call \$event_call;
            proxy_pass http://target/$_/\$event_call; }" } @names;

    $t->config(<<"EOC");

%%GLOBALS%%

http {
    %%GLOBALS_HTTP%%

    event_store $store;
    event_history 1d;

    upstream target { server 127.0.0.1:%%PORT_8081%%; keepalive 16; }

    proxy_next_upstream off;
    proxy_http_version 1.1;
    proxy_set_header Connection "";

    $rooms

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /has    { internal; return 404; }
        location = /status { event_status; }
        location /admin/   { event_admin reveal; allow all; }
        $locations
    }
}
EOC
}

sub post {
    my ($name, $id, @items) = @_;

    my $body = sprintf '{"id":"%s","type":"t","items":[%s]}', $id,
                       join ',', @items;

    my $r = $t->post("/in/$name", $body,
                     [ 'Content-Type' => 'application/json' ]);

    is($r->{status}, 202, "$id: taken");

    return $body;
}

sub api { JSON::PP->new->decode($t->get("/admin/v1/$_[0]")->{body}) }

sub calls { map { $_->{uri} =~ m{^/$_[0]/(\d*)$} ? $1 : () } $target->requests }

# all requests of one target until there are so many, and no more of them

sub made {
    my ($name, $n) = @_;

    wait_until(10, sub { calls($name) >= $n });
    settled($name);

    return join ' ', calls($name);
}

# nothing waits any more

sub settled {
    my ($name) = @_;

    ok(wait_until(10, sub { !@{ api("pending?target=$name")->{entries} } }),
        "$name: nothing waits");
}

sub dead { api("dead?target=$_[0]")->{entries} }

sub request_of {
    my ($name, $call) = @_;

    return (grep { $_->{uri} eq "/$name/$call" } $target->requests)[0];
}

$t->write_file('conf/line.json',
    '{"order":{data.id},"sku":{.sku},"n":{.n}}');

$t->write_file('conf/all.jq', '.data.items[]');
$t->write_file('conf/each.jq', '.data | select(. > 1) | {n: .}');

my $fast = 'retry base=100ms max=100ms for=1h; split data.items;';

config(targets => {
    all => "split data.items max=8;",
    data => "split data.items; body data;",
    line => "split data.items; body template line.json;",
    ce => "split data.items; body cloudevents;",
    jq => 'retry base=100ms max=100ms for=1h; body jq all.jq;',
    each => 'split data.items; body jq each.jq;',
    doubt => 'body jq all.jq; in_doubt /has { missing 404; }',
    back => $fast,
    gone => $fast,
    both => $fast,
    late => 'retry base=100ms max=100ms for=1s; split data.items;',
    off => 'retry off; split data.items;',
    old => 'retry base=100ms max=100ms for=1s; expires 2s; rate 3r/s burst=1;
            split data.items;',
    row => $fast,
    slow => "$fast rate 20r/s burst=1;",
    one => "$fast concurrency 1; order by=data.type;",
    thousand => "$fast",
    waits => $fast,
});
$t->run;

ok(wait_until(10, sub { $t->get('/admin/v1/pending')->{status} == 200 }),
    'the store answers');


# ---- what is sent

my $body = post('all', 'e1', '{"n":12345678901234567890}', '"a\u0041"',
                '[1.10, 2]');

is(made('all', 3), '1 2 3', 'three elements are three calls, in order');
is(request_of('all', 1)->{body}, '{"n":12345678901234567890}', 'as it stands');
is(request_of('all', 2)->{body}, '"a\u0041"', 'a string');
is(request_of('all', 3)->{body}, '[1.10, 2]', 'an array');

for my $n (1 .. 3) {
    my $r = request_of('all', $n);

    is($r->header('Content-Type'), 'application/json', "$n: its type");
    is($r->header('Webhook-Id'), "e1.$n", "$n: its id");
    is($r->header('ce-id'), "e1.$n", "$n: its id as a CloudEvent");
    is($r->header('X-Call'), $n, "$n: a variable");
    is($r->header('X-Event-Attempt'), 1, "$n: an attempt");
}

# who waits for an event waits for all of its calls

my $waits = sub {
    my ($id, @items) = @_;

    return $t->post('/in/waits', sprintf('{"id":"%s","type":"t","items":[%s]}',
        $id, join ',', @items), [ 'Content-Type' => 'application/json' ]);
};

is($waits->('w1', 1 .. 3)->{status}, 200, 'a producer that waits is told');
is(join(' ', calls('waits')), '1 2 3', 'when all calls are made');

$target->answer('/waits/2', status => 410);
is($waits->('w2', 1 .. 3)->{status}, 422, 'also that one was refused');
is(join(' ', calls('waits')), '1 2 3 1 2 3', 'and that all were tried');

$target->answer('/waits/2', [ { status => 503 }, { status => 200 } ]);
is($waits->('w3', 1 .. 3)->{status}, 202, 'or that it is tried again');
is(made('waits', 10), '1 2 3 1 2 3 1 2 3 2', 'which it is');

post('all', 'e2', 7);
is(made('all', 4), '1 2 3 1', 'one element');
is(($target->requests)[-1]->header('Webhook-Id'), 'e2.1', 'has a number, too');

post('all', 'e3');
settled('all');
is(scalar(calls('all')), 4, 'no elements, no calls');

post('all', 'e4', 1 .. 9);
settled('all');
is(scalar(calls('all')), 4, 'too many elements, no calls');
my ($letter) = @{ dead('all') };
is($letter->{reason}, 'final', 'but a dead letter');
is($letter->{answer}, '"data.items" has 9 elements or more, and "split" takes '
    . '8 at most (max=)', 'which says why');

$t->post('/in/all', '{"id":"e5","type":"t","items":{}}',
    [ 'Content-Type' => 'application/json' ]);
settled('all');
is(dead('all')->[-1]{answer}, '"data.items" is not an array, so it cannot be '
    . 'split', 'no array');
$t->post('/in/all', 'hello', [ 'Content-Type' => 'application/json' ]);

post('data', 'd1', 1, '{}');
is(made('data', 2), '1 2', '"body data" is the element');
is(request_of('data', 2)->{body}, '{}', 'as it stands');

post('line', 'n1', '{"sku":"a","n":1.10}', '{"sku":"b","n":2}');
is(made('line', 2), '1 2', 'a template of each element');
is(request_of('line', 1)->{body}, '{"order":"n1","sku":"a","n":1.10}',
    'has fields of the first one');
is(request_of('line', 2)->{body}, '{"order":"n1","sku":"b","n":2}',
    'and of the second one');

post('line', 'n2', '{"sku":"a","n":1}', '{"sku":"b"}');
settled('line');
is(scalar(calls('line')), 2, 'no body of one element, no calls at all');
like(dead('line')->[0]{answer}, qr/^element 2 of "data.items": .*\.n/,
    'the dead letter names the element');

post('ce', 'c1', '{"n":1}', 2);
is(made('ce', 2), '1 2', 'a CloudEvent of each element');
is_deeply([ map { my $j = JSON::PP->new->decode(request_of('ce', $_)->{body});
                  [ $j->{id}, $j->{data} ] } 1, 2 ],
    [ [ 'c1.1', { n => 1 } ], [ 'c1.2', 2 ] ], 'with its id and data');

my ($target_data) = grep { $_->{name} eq 'all' } @{ api('targets')->{targets} };
is($target_data->{delivered}, 2, 'events are counted, not calls');
is($target_data->{filtered} // 1, 1, 'and one that was filtered') ;


# ---- several outputs of jq

$target->answer('/jq/2', [ { status => 503 }, { status => 200 } ]);
post('jq', 'j1', 1, '{"a":2}', 3);
is(made('jq', 4), '1 2 3 2', 'each output is a call');
is(request_of('jq', 2)->{body}, '{"a":2}', 'of its own');
is(request_of('jq', 3)->header('Webhook-Id'), 'j1.3', 'with a number');

post('jq', 'j2', 7);
wait_until(10, sub { grep { $_->{uri} eq '/jq/' } $target->requests });
settled('jq');
is(request_of('jq', '')->header('Webhook-Id'), 'j2', 'an only one has none');
post('jq', 'j3');
settled('jq');
is(scalar(calls('jq')), 5, 'and none is no call');

post('each', 'k1', 1, 2, 3);
is(made('each', 2), '1 2', 'of elements, too, without those that it drops');
is(request_of('each', 1)->{body}, '{"n":2}', 'the second element');
is(request_of('each', 2)->{body}, '{"n":3}', 'the third one');

post('doubt', 'q1', 1, 2);
settled('doubt');
is(scalar(calls('doubt')), 0, 'several calls of a target that is asked');
is(dead('doubt')->[0]{answer}, 'the mapping makes 2 calls of it, and '
    . '"in_doubt" asks about an event, not about one of its calls',
    'are none: a dead letter');


# ---- retries

# the second call fails once

$target->answer('/back/2', [ { status => 503 }, { status => 200 } ]);
post('back', 'b1', 1 .. 4);
is(made('back', 5), '1 2 3 4 2', 'what failed is made again, once all others '
    . 'were tried');
is((grep { $_->{uri} eq '/back/2' } $target->requests)[1]
    ->header('X-Event-Attempt'), 2, 'as the second attempt');
is(scalar @{ dead('back') }, 0, 'no dead letter');

# a final answer leaves the others alone

$target->answer('/gone/2', status => 410, body => 'no such item');
post('gone', 'g1', 1 .. 4);
is(made('gone', 4), '1 2 3 4', 'the others go on');

($letter) = @{ dead('gone') };
is($letter->{reason}, 'final', 'a dead letter');
is($letter->{status}, 410, 'its status');
is($letter->{answer}, '3 of 4 calls are done, refused for good: 2: no such '
    . 'item', 'names the call');
is_deeply($letter->{calls}, { done => 3, dead => 1, of => 4 }, 'its calls');
ok($t->wait_log(qr/is a dead letter now: final, "g1" of source "gone", 3 of 4 calls are done, refused for good: 2/),
    'error.log names it');

my ($event) = @{ api("events/$letter->{event}")->{targets} };

is(join(' ', map { $_->{call} ? "$_->{call}:$_->{status}" : () }
         @{ $event->{history} }), '1:200 2:410 3:200 4:200',
    'history tells of each call');
is((map { $_->{why} // () } @{ $event->{history} })[0], '3 of 4 calls are '
    . 'done, refused for good: 2', 'and why it died');
is($event->{attempts}, 4, 'four attempts');

my $why = Test::EventRouter::Eventctl->new($t, '/admin/')
    ->run('why', $letter->{event})->{out};

like($why, qr/gone  attempt 1, call 2: status 410 in \d+ ms/,
    'eventctl why: which call it was');
like($why, qr/gone  3 of 4 calls are done, refused for good: 2$/m,
    'eventctl why: and why it died');

$target->answer('/gone/2', status => 200);
replay('gone');
is(made('gone', 5), '1 2 3 4 2', 'replayed, only that one is made');
is(scalar @{ dead('gone') }, 0, 'it is no dead letter any more');

# both

$target->answer('/both/1', [ { status => 500 }, { status => 500 },
                             { status => 200 } ]);
$target->answer('/both/3', status => 422);
post('both', 'o1', 1 .. 3);
is(made('both', 5), '1 2 3 1 1', 'what is dead is not made again');
is(dead('both')->[0]{answer}, '2 of 3 calls are done, refused for good: 3',
    'at the end it is told');

# until there is no more time

$target->answer('/late/2', status => 503);
post('late', 'l1', 1 .. 3);
ok(wait_until(10, sub { @{ dead('late') } }), 'no more time');
is(dead('late')->[0]{reason}, 'exhausted', 'says why');
is_deeply(dead('late')->[0]{calls}, { done => 2, dead => 0, of => 3 },
    'its calls');
like(dead('late')->[0]{answer}, qr/^2 of 3 calls are done, 1 are to do/,
    'in words');
is(scalar(grep { $_ != 2 } calls('late')), 2, 'the others were made once');
$target->answer('/late/2', status => 200);
replay('late');
settled('late');
is(scalar(grep { $_ != 2 } calls('late')), 2, 'and never again');

$target->answer("/off/$_", status => 503) for 1, 2;
post('off', 'f1', 1 .. 3);
ok(wait_until(10, sub { @{ dead('off') } }), '"retry off"');
is(join(' ', calls('off')), '1 2 3', 'each call has an attempt');
is_deeply(dead('off')->[0]{calls}, { done => 1, dead => 0, of => 3 },
    'one is done');

# three in a row end the round, and the next one begins behind them

$target->answer("/row/$_", [ ({ status => 503 }) x 2, { status => 200 } ])
    for 1 .. 7;
post('row', 'r1', 1 .. 8);
made('row', 22);
is(join(' ', (calls('row'))[0 .. 8]), '1 2 3 4 5 6 7 8 1',
    'a round ends after three failures, and goes on behind them');
is(request_of('row', 3)->header('X-Event-Attempt'), 1, 'the third is of it');
is(request_of('row', 4)->header('X-Event-Attempt'), 2,
    'the fourth is of the next attempt');
is(scalar(calls('row')), 7 * 3 + 1, 'until all are made');

# too old in the middle

post('old', 'x1', 1 .. 20);
ok(wait_until(10, sub { @{ dead('old') } }), 'too old');
is(dead('old')->[0]{reason}, 'expired', 'says why');
is(dead('old')->[0]{calls}{done}, scalar(calls('old')), 'which were made');
cmp_ok(scalar(calls('old')), '>', 3, 'and some were');


# ---- places

my $start = time;
post('slow', 's1', 1 .. 21);
is(made('slow', 21), "@{[ 1 .. 21 ]}", 'a rate counts calls');
cmp_ok(time - $start, '>', 0.9, 'so they take their time');

$target->answer("/one/$_", delay => 0.1) for 1 .. 3;
post('one', 'o1', 1 .. 3);
post('one', 'o2', 1 .. 3);
is(made('one', 6), '1 2 3 1 2 3', 'an order waits for all calls');
is(join(' ', map { $_->{uri} =~ m{^/one/} ? $_->header('Webhook-Id') : () }
         $target->requests), 'o1.1 o1.2 o1.3 o2.1 o2.2 o2.3', 'of the event');


# ---- many

my $before = $target->count;

$start = time;
post('thousand', 't1', 1 .. 1000);
wait_until(60, sub { $target->count >= $before + 1000 });
my $took = time - $start;
settled('thousand');
is(join(' ', calls('thousand')), "@{[ 1 .. 1000 ]}", 'a thousand calls');
diag(sprintf '1000 calls in %.1f s', $took);
cmp_ok($took, '<', 60, 'in some seconds');

$t->done;


sub replay {
    my ($name) = @_;

    my $r = $t->post("/admin/replay?target=$name", '',
                     [ 'X-Event-Admin' => 1 ]);

    cmp_ok($r->{status}, '<', 300, "$name: replayed");
}
