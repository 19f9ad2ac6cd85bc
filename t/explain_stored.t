#!/usr/bin/perl

# Copyright (C) Event Router contributors

# v1/explain: why an event that is in the store is routed as it is.  What it
# says of the rules is what event_explain says of the same bytes, in a store of
# files and in Redis, for dead letters, what waits and what is retained; by
# today's configuration; and values of the event are shown with "reveal" only.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256_base64);
use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::OpenApi;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $secret = $t->secret('explained-to-nobody');
my ($true, $false) = (JSON::PP::true, JSON::PP::false);

$t->write_file('conf/secret', $secret);

my $rules = <<'EOC';
        event_route big   { from shop; when type = order; when data.total >= 100;
                            to erp crm; }
        event_route item  { from shop; each data.items { when .sku prefix VIP-;
                            when .n > 10; } to erp; }
        event_route some  { from shop; any { when data.risk = high;
                            when data.tags contains odd; } to crm; }
        event_route head  { from shop; when header.X-Shop = north; to crm; }
        event_route key   { from shop; when header.X-Key = explained-to-nobody;
                            to crm; }
        event_route where { from shop; when $remote_addr = 10.0.0.1; to crm; }
        event_route stop  { from shop; when data.stop = true; to erp; last; }
        event_route late  { from shop; when data.total > 0; to crm; }
        event_route rest  { from shop; fallback; to crm; }
        event_route meta  { from meta; when type = second; to erp; }
        event_route meta2 { from meta; to crm; }
EOC

sub config {
    my (%o) = @_;

    $q->config(
        targets => { erp => 'retry off; breaker off;',
                     crm => 'retry for=1h base=1h max=1h; breaker off;' },
        admin => 'reveal', http => 'event_history 1h;',
        $o{in} ? (in => $o{in}) : (),
        more => ($o{sources} // '') . <<'EOC' . ($o{rules} // $rules),
        event_source shop { verify shopify; secret file:secret;
                            id "{json:id}"; type "{json:type}";
                            delivery queued; retain 1h;
                            require data.id exists; }
        event_source meta { verify meta; secret file:secret;
                            constant verify_token v; delivery queued; }
        event_source tok  { verify token; secret file:secret;
                            signature header:X-Token; id "{json:id}";
                            delivery queued; }
        event_route tok   { from tok; when header.X-Token = x; to erp; }
        event_route tok2  { from tok; to crm; }
EOC
        server => ($o{server} // '') . <<'EOC');
        location = /shop    { event_receive shop; }
        location = /meta    { event_receive meta; }
        location = /tok     { event_receive tok; }
        location = /explain { event_explain shop; }
        location /plain/    { event_admin role=look; }
EOC
}

my @json = ('Content-Type' => 'application/json');

sub signed {
    my ($body) = @_;

    return [ @json, 'X-Shop' => 'north', 'X-Key' => 'k',
        'X-Shopify-Hmac-Sha256' => hmac_sha256_base64($body, $secret) . '=' ];
}

sub why {
    my ($event, $at) = @_;

    return $t->get('/' . ($at // 'admin') . "/v1/explain?event=$event");
}

# an event of the shop by its id: { name of the list => number }

sub numbers {
    my ($id) = @_;

    return { map { my $list = $_;
                   map { $list => $_->{event} }
                       grep { $_->{id} eq $id } $q->list("v1/$list") }
             qw(pending dead) };
}


# ---- as event_explain says

my %bodies = (
    big    => '{"id":"big","type":"order","total":150,"risk":"high",'
              . '"items":[{"sku":"VIP-1","n":3},{"sku":"x","n":30}]}',
    item   => '{"id":"item","type":"x","items":[{"sku":"VIP-7","n":11}]}',
    stop   => '{"id":"stop","type":"order","total":1,"stop":true,'
              . '"tags":["odd","even"]}',
    none   => '{"id":"none","type":"\u00fc\"<b>"}',
    secret => '{"id":"secret","type":"order","total":"explained-to-nobody",'
              . '"risk":"high"}',
);

# nginx's variables are those of a request that is not there any more

sub rules { return [ grep { $_->{name} ne 'where' } @{ $_[0]{routes} } ] }

sub compare {
    my ($store) = @_;

    is($t->post('/shop', $bodies{$_}, signed($bodies{$_}))->{status}, 202,
        "$store, $_: accepted") for sort keys %bodies;

    for my $id (sort keys %bodies) {
        my $all;

        wait_until(10, sub { $all = numbers($id);
                             return $all->{pending} || $all->{dead} });

        my $r = why($all->{pending} // $all->{dead});
        my $told = $t->post('/explain', $bodies{$id}, signed($bodies{$id}))
            ->json->{events}[0];
        my $got = $r->json;

        is($r->{status}, 200, "$store, $id: explained");
        is($got->{event}, $all->{pending} // $all->{dead}, 'which');
        is($got->{source}, 'shop', 'whose');
        is_deeply($got->{attributes}, $told->{attributes}, 'what it is');
        is_deeply($got->{require}, $told->{require}, 'what it must be');
        is_deeply(rules($got), rules($told),
            'its routes, in the words of event_explain');
        is_deeply($got->{targets}, $told->{targets}, 'and its targets');
        is_deeply($got->{missing}, [ '$remote_addr' ], 'what is missing');
        ok(!exists $got->{hidden}, 'nothing is hidden');
        unlike($r->{body}, qr/explained-to-nobody/, 'no secret');
    }
}


$target->answer('/crm/', status => 503);
$target->answer('/erp/', status => 422, body => 'no');
config(sources => 'event_source gone { verify off; id "{json:id}";'
    . ' delivery queued; } event_route gone { from gone; to crm; }',
    server => 'location = /gone { event_receive gone; }');
$t->expect_log(qr/verifies nothing|no duplicates/, 'so it is here');
$t->run;
compare('file');

my $api = Test::EventRouter::OpenApi->new($t, '/admin/v1');
my ($big) = map { $_->{event} } grep { $_->{id} eq 'big' }
            $q->list('v1/pending');

is_deeply([ $api->wrong(GET => '/explain', why($big)) ], [],
    'as it is described');
is(why($big)->json->{state}, 'dead', 'a dead letter is found first');

# without a dead letter: what waits

$q->change('v1/purge', target => 'erp', all => 1);
is(why($big)->json->{state}, 'pending', 'what waits');


# ---- who may see what

my $plain = why($big, 'plain');
my %route = map { $_->{name} => $_ } @{ $plain->json->{routes} };

is($plain->{status}, 200, 'role look');
is_deeply([ $api->wrong(GET => '/explain', $plain) ], [], 'as described, too');
like($plain->json->{hidden}, qr/"reveal"/, 'without reveal');
ok(!grep({ exists $_->{text} } map { @{ $_->{values} // [] } }
    map { ($_->{decided} // (), @{ $_->{held} // [] }) } values %route),
    'no value is shown');
ok($route{big}{matched}, 'but what matched');
is($route{late}{matched}, $true, 'and what else');
unlike($plain->{body}, qr/VIP-1/, 'nothing of the body');


# ---- what was sent as a token is a secret, whatever nginx.conf has now

$t->post('/tok', '{"id":"tok"}', [ @json, 'X-Token' => $secret ]);
ok(wait_until(10, sub { numbers('tok')->{pending} }), 'an event with a token');

my $tok = numbers('tok')->{pending};

$t->write_file('conf/secret', $t->secret('another-one-is-there-now'));
ok($t->reload, 'the secret is another one now');

my $r = why($tok);
my ($decided) = map { $_->{decided} } grep { $_->{name} eq 'tok' }
                @{ $r->json->{routes} };

is($decided->{field}, 'header.x-token', 'a rule looked at the token');
is_deeply($decided->{values}, [ { type => 'string', secret => $true } ],
    'which is not shown');
unlike($r->{body}, qr/explained-to/, 'nowhere');


# ---- several types in a body

$t->write_file('conf/secret', $secret);
$t->reload;

my $meta = '{"object":"page","entry":[{"id":"1","time":1,"changes":[{"field":'
         . '"first","value":1}]},{"id":"2","time":1,"changes":[{"field":'
         . '"second","value":2}]}]}';

$r = $t->post('/meta', $meta, [ @json, 'X-Hub-Signature-256' => 'sha256='
    . Digest::SHA::hmac_sha256_hex($meta, $secret) ]);

is($r->{status}, 202, 'a body with two events');

my ($lot) = map { $_->{event} } grep { $_->{source} eq 'meta' }
            ($q->list('v1/pending'), $q->list('v1/dead'));

is_deeply([ sort @{ why($lot)->json->{missing} } ], [ '$remote_addr', 'type' ],
    'types that are not there');


# ---- today's configuration

$t->post('/gone', '{"id":"gone"}', [ @json ]);
ok(wait_until(10, sub { numbers('gone')->{pending} }), 'an event of a source');

my $gone = numbers('gone')->{pending};

is(why($gone)->json->{targets}[0], 'crm', 'which is explained');
config(rules => $rules =~ s/when data.total >= 100/when data.total >= 1000/r);
ok($t->reload, 'a reload');
%route = map { $_->{name} => $_ } @{ why($big)->json->{routes} };
is($route{big}{matched}, $false, 'a route that matched matches no more');
is($route{big}{decided}{line}, 'when data.total >= 1000', 'and why');
is($route{big}{decided}{values}[0]{text}, '150', 'what the event has there');


is(why($gone)->{status}, 409, 'the source is not there any more');
like(why($gone)->json->{detail}, qr/not in nginx\.conf any more/, 'says so');


# ---- what is retained; what is not there

$target->answer("/$_/", status => 200) for qw(erp crm);

my $kept = '{"id":"kept","type":"order","total":100000}';

$t->post('/shop', $kept, signed($kept));
ok(wait_until(10, sub { $target->count('/crm/') || 1 }), 'delivered');

my $number;

ok(wait_until(10, sub {
    ($number) = map { $_->{event} }
                @{ $t->get('/admin/v1/events?id=kept')->json->{events} };
    return $number && !numbers('kept')->{pending};
}), 'nothing of it waits');
is(why($number)->json->{state}, 'kept', 'it is retained');
is_deeply(why($number)->json->{targets}, [qw(erp crm)], 'and explained');

is(why('0000000000000001')->{status}, 404, 'an event that is not there');
like(why('0000000000000001')->json->{detail}, qr/no such event/, 'says so');
is(why('x')->{status}, 400, 'what is no number');
is($t->get('/admin/v1/explain')->{status}, 400, 'or nothing');


# ---- Redis

SKIP: {
    skip 'no redis-server', 1 if !grep { -x "$_/redis-server" }
                                 split /:/, "$ENV{PATH}:/usr/sbin";

    my $redis = $t->redis(6379);

    $t->stop;
    config(in => 'redis://127.0.0.1:' . $redis->port);
    $target->answer('/crm/', status => 503);
    $target->answer('/erp/', status => 422, body => 'no');
    $t->run;
    compare('Redis');
}


# ---- without variables that show fields: the body is read for this

$t->stop;
$t->config(<<'EOC');
    event_store file:%%TESTDIR%%/other size=4m;

    event_source b { verify off; id "{json:id}"; delivery queued; }
    event_target late { retry for=1h base=1h max=1h; }
    event_route b { from b; when data.n = 1; to late; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /b    { event_receive b; }
        location /admin/ { event_admin; }
        location = /late { event_deliver late;
                           proxy_pass http://127.0.0.1:%%PORT_8081%%/crm/; }
    }
EOC
$target->answer('/crm/', status => 503);
$t->run;
$t->post('/b', '{"id":"b","n":1}', [ @json ]);
ok(wait_until(10, sub { numbers('b')->{pending} }), 'an event waits');
is_deeply(why(numbers('b')->{pending})->json->{targets}, ['late'],
    'its fields are known');

$t->done;
