#!/usr/bin/perl

# Copyright (C) Event Router contributors

# event_explain: what it says of verification, attributes, dedup and routes;
# that it says the same as the receipt of event_receive, over many routes and
# events; that nothing is delivered, claimed or counted; and that no secret and
# no bytes that are not JSON come out of it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256);
use MIME::Base64 qw(encode_base64);
use JSON::PP ();
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $sink = $t->target(8081);
my $serial = 0;
my $secret = $t->secret('explained-to-nobody');

$t->write_file('conf/secret', $secret);
$t->write_file('conf/rules/or.json', <<'EOJ');
{
    "data": { "state": [ "running" ],
              "$or": [ { "code": [ 1 ] },
                       { "ip": [ { "cidr": "10.0.0.0/8" } ] } ] }
}
EOJ
$t->write_file('conf/rules/items.json', <<'EOJ');
{ "data": { "items": { "sku": [ "a" ], "n": [ { "numeric": [ ">", 1 ] } ] } } }
EOJ
$t->write_file('conf/rules/deep.json', '{ "a": { "b": [ 1 ] } }');
$t->write_file('conf/rules/filter.json',
    '[ { "prefix": { "type": "orders/" } }, { "exact": { "tier": "gold" } } ]');
$t->write_file('conf/rules/not.json', <<'EOJ');
[ { "not": { "exact": { "type": "orders/paid" } } },
  { "not": { "exact": { "subject": "a", "tier": "tin" } } },
  { "any": [ { "suffix": { "type": "/new" } },
             { "all": [ { "exact": { "tier": "gold" } } ] } ] } ]
EOJ

$t->write_file('conf/routes.conf', my $routes = <<'EOC');
event_route paid {
    from  shopify;
    when  type = orders/paid;
    when  data.total >= 1000;
    to    erp audit;
}
event_route any {
    from  shopify;
    when  data.any exists;
    any {
        when data.risk = high;
        all { when data.total > 5; when data.tags contains 'a b'; }
    }
    to    erp;
}
event_route none {
    from  shopify;
    none { when data.test = true; when data.tags = test; }
    to    erp;
}
event_route each {
    from  shopify;
    each data.items { when .sku prefix VIP-; when .n > 10; }
    to    erp;
}
event_route or     { from shopify; pattern rules/or.json; to erp; }
event_route items  { from shopify; pattern rules/items.json; to erp; }
event_route deep   { from shopify; pattern rules/deep.json root=data; to erp; }
event_route filter { from shopify; filter rules/filter.json; to erp; }
event_route not    { from shopify; filter rules/not.json; to erp; }
event_route some   { from shopify; sample 0.01%; to erp; }
event_route all-of { from shopify; when data.tags has_all x y; to erp; }
event_route stop   { from shopify; when data.stop = true; to audit; last; }
event_route behind { from shopify; when data.behind exists; to erp; }
event_route rest   { from shopify; fallback; to audit; }
event_route all    { from shopify; to audit; copy; when data.copy exists; }
EOC

$t->config(<<'EOC');

    event_source shopify { verify shopify; secret file:secret; dedup 1h; }
    event_source github  { verify github; secret file:secret; dedup off; }
    event_source open    { verify off; id "{query:id}"; dedup 2h by=data.n; }
    event_source token   { verify token; secret file:secret;
                           signature header:X-Api-Key;
                           id "{header:X-Api-Key}"; }
    event_source jwt     { verify jwt; secret file:secret; id "{json:id}"; }
    event_source cloud   { verify off; accept application/json
                           application/cloudevents+json
                           application/cloudevents-batch+json; }

    include routes.conf;

    event_route everything { from open cloud; to audit; }
    event_route told       { from token jwt; when header.X-Api-Key = x;
                             when $http_x_api_key = x; to audit; }
    event_route granted    { from token jwt; when header.Authorization = x;
                             to audit; }
    event_route inside     { from token jwt; when data.note = x; to audit; }
    event_route tags       { from github; when header.X-Odd = x; to audit; }

    server {
        listen  127.0.0.1:%%PORT_8080%%;

        location = /hook          { event_receive shopify; }
        location = /explain       { event_explain shopify; }
        location = /github        { event_explain github; }
        location = /token         { event_explain token; }
        location = /jwt           { event_explain jwt; }
        location = /open          { event_explain open; }
        location = /open/hook     { event_receive open; }
        location = /cloud         { event_explain cloud; }
        location = /cloud/hook    { event_receive cloud; }
        location = /denied        { event_explain shopify; deny all; }
        location = /status        { event_status; }

        location = /deliver/erp {
            event_deliver  erp;
            proxy_pass     http://127.0.0.1:%%PORT_8081%%;
        }

        location = /deliver/audit {
            event_deliver  audit;
            proxy_pass     http://127.0.0.1:%%PORT_8081%%;
        }
    }
EOC

$t->run;


# ---- what was sent as a secret is not told

{
    my $encode = sub { encode_base64(shift, '') =~ tr{+/=}{-_}dr };
    my $jwt = $encode->('{"alg":"HS256"}') . '.' . $encode->(qq({"exp":)
        . (time + 600) . '}');
    $jwt .= '.' . $encode->(hmac_sha256($jwt, $secret));

    for (['token', $secret, 'X-Api-Key' => $secret],
         ['jwt', $jwt, Authorization => "Bearer $jwt"])
    {
        my ($source, $sent, @header) = @$_;
        my $r = $t->post("/$source", qq({"id":"i-1","note":"<$sent>"}),
            [ 'Content-Type' => 'application/json', @header ]);

        is($r->{status}, 200, "$source: explained");
        unlike($r->{body}, qr/\Q$sent\E/, "$source: without what was sent");
        like($r->{body}, qr/"secret": *true/, "$source: which is said");
        like($r->{body}, qr/"inside"/, "$source: the routes are told");
    }
}


# ---- one event, in full

my $said = explained('{"total":"999.50","risk":"low"}', id => 'evt-1',
                   topic => 'orders/paid', shop => 'acme.example');
my $event = $said->{events}[0];

is($said->{source}, 'shopify', 'source');
is_deeply($said->{verification}, { verdict => 'ok' }, 'verified');
ok(!exists $said->{refused}, 'not refused');
is($event->{attributes}{id}, 'evt-1', 'id');
is($event->{attributes}{type}, 'orders/paid', 'type');
is($event->{attributes}{subject}, 'acme.example', 'subject');
is($event->{dedup}{by}, 'source, id and body', 'dedup by');
is($event->{dedup}{window}, 3600, 'window');
like($event->{dedup}{key}, qr/^[0-9a-f]{64}$/, 'key');
is_deeply($event->{targets}, ['erp'], 'targets');

my $paid = route($event, 'paid');

like($paid->{place}, qr{/conf/routes\.conf:1$}, 'place of a route');
is($paid->{decided}{line}, 'when data.total >= 1000', 'line');
like($paid->{decided}{place}, qr{/conf/routes\.conf:4$}, 'its place');
is($paid->{decided}{field}, 'data.total', 'field');
is_deeply($paid->{decided}{values}, [ { type => 'string', text => '999.50' } ],
    'value');
is($paid->{decided}{note}, 'no value of the event fits', 'note');

is(route($event, 'any')->{decided}{note}, 'the event has no such field',
    'no field');
is(scalar @{ route($event, 'none')->{held} }, 1, 'what held');


# ---- what decided, by route

sub decided {
    my ($name, $body, $want, $what, %o) = @_;

    my $e = explained($body, %o)->{events}[0];
    my $route = route($e, $name);
    my $d = $route->{decided} // $route;

    for my $key (sort keys %$want) {
        like($d->{$key} // '', $want->{$key}, "$what: $key");
    }

    return $d;
}

my $d = decided('any', '{"any":1,"total":6,"tags":"ab"}',
    { line => qr/^any$/, note => qr/none of its lines/ }, 'any');

is_deeply([ map { $_->{line} } @{ $d->{lines} } ],
    [ 'when data.risk = high', "when data.tags contains 'a b'" ],
    'any: the lines');

$d = decided('none', '{"tags":["x","test"]}',
    { line => qr/^when data.tags = test$/, field => qr/^data\.tags$/ }, 'none');
is($d->{in}{line}, 'none', 'none: in');

$d = decided('each', '{"items":[{"sku":"VIP-1","n":1},{"sku":"X","n":11}]}',
    { line => qr/^when \.n > 10$/, note => qr/meets the lines above/ }, 'each');
is($d->{in}{line}, 'each data.items', 'each: in');
is_deeply($d->{values}[1], { type => 'number', text => '11', at => [1] },
    'each: where a value stands');
decided('each', '{"items":[{"sku":"X"}]}',
    { line => qr/\.sku prefix/, note => qr/^no element meets it$/ },
    'each, first line');
decided('each', '{"items":[]}', { note => qr/no element there/ },
    'each without elements');

decided('or', '{"state":"running","code":2,"ip":"11.0.0.1"}',
    { line => qr/^pattern \S*rules\/or\.json$/,
      note => qr/^line \d+, data\.\$or\[0\]\.code: no value.*other way/ },
    '$or');
decided('or', '{"state":"off","code":1}',
    { note => qr/^line 2, data\.state: no value/ }, 'pattern');
decided('deep', '{"a":{"b":2}}', { field => qr/^data\.a\.b$/ },
    'path of a pattern');
decided('items', '{"items":[{"sku":"a","n":1},{"sku":"b","n":2}]}',
    { note => qr/same elements/ }, 'array consistency');
decided('filter', '{}', { line => qr/exact\.tier: header\.ce-tier = gold/ },
    'filter', topic => 'orders/new');
$d = decided('not', '{}',
    { line => qr/^line 1, \[0\]\.not\.exact\.type: type = orders\/paid$/,
      note => qr/^it holds, and must not$/, field => qr/^type$/ },
    'a filter with not', topic => 'orders/paid');
is($d->{in}{line}, 'line 1, [0].not', 'a filter with not: in');
decided('not', '{}',
    { line => qr/^line 2, \[1\]\.not\.exact$/ }, 'not, several attributes',
    topic => 'orders/new', shop => 'a', headers => [ 'ce-tier' => 'tin' ]);
$d = decided('not', '{}', { line => qr/^line 3, \[2\]\.any$/ },
    'any in a filter', topic => 'orders/old');
is_deeply([ map { $_->{line} } @{ $d->{lines} } ],
    [ 'line 3, [2].any[0].suffix.type: type suffix /new',
      'line 4, [2].any[1].all[0].exact.tier: header.ce-tier = gold' ],
    'any in a filter: the lines');
decided('some', '{}', { line => qr/^sample 0\.01%$/, note => qr/share/ },
    'sample');
decided('all-of', '{"tags":["x"]}', { note => qr/not all of them/ }, 'has_all');
decided('behind', '{"stop":true,"behind":1}',
    { because_of => qr/^stop$/, note => qr/is the last/ }, 'behind a last');
decided('rest', '{"stop":true}',
    { because_of => qr/^none$/, note => qr/fallback/ }, 'a fallback');
$d = explained('{"copy":1,"stop":0}')->{events}[0];
is(route($d, 'all')->{copy}, JSON::PP::true, 'a copy is one');
is(route($d, 'none')->{matched}, JSON::PP::true, 'and a route matched');
is(route($d, 'rest')->{because_of}, 'none', 'a fallback is not for a copy');


# ---- the same as the receipt, for many events

srand(7);

my ($differ, $undecided, $events) = (0, 0, 0);
my @parts = ('"total":1000', '"total":"5.5"', '"risk":"high"', '"any":null',
    '"tags":"a b"', '"tags":["x","y"]', '"test":true', '"stop":true',
    '"behind":[]', '"state":"running"', '"code":1.0', '"ip":"10.1.2.3"',
    '"items":[{"sku":"VIP-1","n":11}]', '"items":[{"sku":"a","n":2}]');

for (1 .. 150) {
    my %key;
    my $body = '{' . join(',', grep { /^(".*?")/ && !$key{$1}++ }
        map { $parts[rand @parts] } 1 .. 6) . '}';

    # one id, or the sample could differ

    my %o = (topic => rand > 0.5 ? 'orders/paid' : 'carts/new',
        id => "evt-many-$_");
    my $e = explained($body, %o)->{events}[0];
    my $receipt = $t->post('/hook', $body, [ shopify($body, $secret, %o) ])
        ->json;

    my @matched = map { $_->{name} } grep { $_->{matched} } @{ $e->{routes} };

    $events++;
    $differ++ if "@matched" ne "@{ $receipt->{routes} }"
        || join(' ', sort @{ $e->{targets} })
           ne join(' ', sort map { $_->{name} } @{ $receipt->{targets} });

    for my $route (@{ $e->{routes} }) {
        $undecided++ if $route->{matched}
            ? @{ $route->{held} // [] } == 0 && !$route->{note}
            : !$route->{because_of} && !$route->{decided}{note};
        $undecided++ if ($route->{decided}{note} // '') =~ /cannot be told/;
    }
}

is($differ, 0, "$events events, as their receipts say");
is($undecided, 0, 'a reason for every route');


# ---- what is refused

my $r = $t->post('/explain', '{"total":1}',
    [ shopify('{"total":1}', 'wrong', topic => 'orders/paid') ]);

is($r->{status}, 200, 'a wrong signature is explained');
is($r->json->{verification}{verdict}, 'failed', 'failed');
like($r->json->{verification}{reason}, qr/\w/, 'and why');
is($r->json->{refused}{status}, 401, 'would be 401');
is($r->json->{events}[0]{attributes}{type}, 'orders/paid', 'attributes too');
is(route($r->json->{events}[0], 'paid')->{decided}{line},
    'when data.total >= 1000', 'routes too');

$r = $t->post('/explain', '{"total":', [ shopify('{"total":', $secret) ])->json;
is($r->{refused}{status}, 400, 'not JSON');
is($r->{body}{offset}, 9, 'where it breaks');

$r = $t->post('/explain', 'x', [ 'Content-Type' => 'text/html' ])->json;
is($r->{refused}{status}, 415, 'a wrong type');

$r = $t->get('/explain')->json;
is($r->{refused}{status}, 405, 'GET');

$r = $t->post('/explain', '{}', [ shopify('{}', $secret),
                                  'X-Event-Hops' => 9 ])->json;
is($r->{refused}{status}, 508, 'a loop');

$r = $t->post('/explain', 'x' x (1024 * 1024 + 1),
    [ 'Content-Type' => 'application/json' ])->json;
is($r->{refused}{status}, 413, 'too large');

is($t->post('/denied', '{}', [ shopify('{}', $secret) ])->{status}, 403,
    'nginx protects it');


# ---- other sources

$r = $t->post('/open', '{"n":[1,"b"]}', [ ])->json;
is($r->{verification}{verdict}, 'off', 'verify off');
is_deeply($r->{events}[0]{dedup}{by}[0]{values},
    [ { type => 'array', text => '[1,"b"]' },
      { type => 'number', text => '1', at => [0] },
      { type => 'string', text => 'b', at => [1] } ], 'dedup by a field');
is($r->{events}[0]{routes}[0]{note}, 'it has no condition', 'no condition');

$r = $t->post('/open', '{}', [ ])->json;
like($r->{events}[0]{dedup}{note}, qr/delivered every time/, 'no key');
is($r->{events}[0]{dedup}{instead}, 'nothing: the event has no id',
    'no field to dedup by, no id');

$r = $t->post('/open?id=7', '{}', [ ])->json;
is_deeply($r->{events}[0]{dedup}{by}, [ { field => 'data.n', values => [ ] } ],
    'no field to dedup by');
is($r->{events}[0]{dedup}{instead}, 'source, id and body',
    'so its id is asked');
is($r->{events}[0]{dedup}{note}, undef, 'it has a key');
is($t->post('/open?id=7', '{"n":1}', [ ])->json->{events}[0]{dedup}{instead},
    undef, 'a field to dedup by');

my $batch = '[{"specversion":"1.0","id":"1","source":"/a","type":"t"},'
          . '{"specversion":"1.0","id":"2","source":"/b","type":"t"}]';
$r = $t->post('/cloud', $batch,
    [ 'Content-Type' => 'application/cloudevents-batch+json' ])->json;
is_deeply([ map { $_->{attributes}{id} } @{ $r->{events} } ], [ 1, 2 ],
    'a batch');
is($r->{events}[1]{attributes}{source}, '/b', 'source of a CloudEvent');
$r = $t->post('/cloud', '[{"id":"1"}]',
    [ 'Content-Type' => 'application/cloudevents-batch+json' ])->json;
is($r->{refused}{status}, 400, 'no CloudEvent');

$r = $t->post('/github', '{}', [ github('{}', $secret),
    'X-Odd' => "a\xff\"\\\x01" . "\xc3\xa9" x 200 ]);
is($r->json->{events}[0]{routes}[0]{decided}{field}, 'header.x-odd',
    'bytes that are no text');
like($r->{body}, qr/a\\ufffd\\"\\\\\\u0001\xc3\xa9/, 'are escaped');
like($r->{body}, qr/\xa9\.\.\."/, 'and cut');


# ---- nothing was done

my $counters = $t->get('/status')->json->{sources};

is($sink->count, deliveries(),
    'deliveries are those of the receipts');
is($counters->{github}{refused} + $counters->{open}{delivered}
   + $counters->{cloud}{delivered} + $counters->{shopify}{rejected}
   + $counters->{shopify}{refused} + $counters->{shopify}{invalid}, 0,
    'nothing is counted');

my $body = '{"total":2000}';
my @same = shopify($body, $secret, id => 'evt-same', topic => 'orders/paid');

$t->post('/explain', $body, \@same);
is($t->post('/hook', $body, \@same)->json->{outcome}, 'delivered',
    'no key was claimed');
is($t->post('/hook', $body, \@same)->json->{outcome}, 'duplicate',
    'until it was received');

like($t->read_file('logs/error.log'),
    qr/\A(?:(?!refused).)*event from source "shopify" refused: (?!.*refused).*\z/s,
    'the one wrong signature is logged');


# ---- what is refused is refused for what explain says

my @json = ('Content-Type' => 'application/json');
my $large = 'x' x (1024 * 1024 + 1);

for my $case (
    [ 401, hook => '{}', shopify('{}', 'wrong') ],
    [ 401, hook => '{', shopify('{', 'wrong') ],
    [ 401, hook => '{}', @json ],
    [ 400, hook => '{', shopify('{', $secret) ],
    [ 400, hook => '', shopify('', $secret) ],
    [ 400, hook => '{"a":1,"a":2}x', shopify('{"a":1,"a":2}x', $secret) ],
    [ 415, hook => 'x', 'Content-Type' => 'text/html' ],
    [ 415, hook => '{}', @json, 'Content-Encoding' => 'br' ],
    [ 400, hook => '{}', @json, 'Content-Encoding' => 'gzip' ],
    [ 508, hook => '{}', shopify('{}', $secret), 'X-Event-Hops' => 9 ],
    [ 413, hook => $large, @json ],
    [ 405, hook => undef ],
    [ 400, 'open/hook' => 'x', @json ],
    [ 400, 'cloud/hook' => '{}',
      'Content-Type' => 'application/cloudevents+json' ],
    [ 400, 'cloud/hook' => '[1]',
      'Content-Type' => 'application/cloudevents-batch+json' ],
    [ 400, 'cloud/hook' => '{}', @json, 'ce-specversion' => '1.0' ] )
{
    my ($status, $hook, $body, @headers) = @$case;

    my $explain = $hook =~ s{hook}{explain}r =~ s{/explain}{}r;
    my @said = map { (defined $body ? $t->post("/$_", $body, \@headers)
                                    : $t->get("/$_", \@headers)) }
               $hook, $explain;

    is($said[0]{status}, $status, "$hook: refused with $status");
    is_deeply($said[1]->json->{refused},
        { map { $_ => $said[0]->json->{$_} } qw(status detail) },
        'and explained so');
}


# ---- nginx -t

for my $case ([ 'event_explain shopify; event_explain shopify;',
                qr/"event_explain" directive is duplicate/ ],
              [ 'event_explain shopify; event_receive shopify;',
                qr/"event_receive" directive cannot stand beside/ ],
              [ 'event_explain shopfy;',
                qr/unknown source "shopfy" in "event_explain": did you mean "shopify"/ ],
              [ 'event_explain shopify; event_deliver erp;',
                qr/"event_deliver" directive cannot stand beside/ ],
              [ 'event_explain shopify; proxy_pass http://127.0.0.1:1;',
                qr/"event_explain" stands beside another directive/ ])
{
    my ($line, $re) = @$case;
    my $c = Test::EventRouter->new;

    $c->write_file('conf/secret', 'x');
    $c->config(<<"EOC");
    event_source shopify { verify shopify; secret file:secret; }
    event_route  all     { from shopify; to erp; }
    server {
        listen  127.0.0.1:%%PORT_8080%%;
        location = /a { $line }
        location = /d { event_deliver erp; proxy_pass http://127.0.0.1:1; }
    }
EOC

    my ($ok, $text) = $c->check_config;

    ok(!$ok, "refused: $line");
    like($text, $re, "and why: $line");
}

$t->done;


# ids that are the same each time, or a sample of 0.01% would hit some day

sub explained {
    my ($body, %o) = @_;

    my @headers = shopify($body, $secret, id => 'evt-' . ++$serial, %o);
    my $r = $t->post('/explain', $body, [ @headers, @{ $o{headers} // [] } ]);

    is($r->{status}, 200, 'explained') if $r->{status} != 200;

    return JSON::PP->new->utf8->decode($r->{body});
}


sub route {
    my ($event, $name) = @_;

    return (grep { $_->{name} eq $name } @{ $event->{routes} })[0];
}


sub deliveries {
    my $n = 0;

    $n += $_->{ok} for values %{ $t->get('/status')->json->{targets} };

    return $n;
}
