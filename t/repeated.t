#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Headers and arguments that are given more than once, and of which the id, the
# type, the subject or the time of an event is made: a type and a subject have
# several values then, of which a rule asks for any, and an id is all of them,
# with the body's hash.  No event is lost as one without a type, and none is
# taken for another one.  Signatures, tokens and times that are given twice
# stay refused.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256_base64 hmac_sha256_hex);
use Test::More;
use Test::EventRouter;

my $SECRET = 'a-secret-of-this-test';
my $serial = 0;

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);

$t->secret($SECRET);
$t->write_file('conf/secret', $SECRET);

$t->config(<<'EOC');

    upstream erp { server 127.0.0.1:%%PORT_8081%%; keepalive 8; }

    event_source shop  { verify shopify; secret file:secret; dedup 1h; }
    event_source open  { verify off; dedup 1h; unrouted 422;
                         id "{header:X-Id}" "{query:id}";
                         type "{header:X-A}/{header:X-B}" "{header:X-Type}"
                              "{query:type}";
                         subject "{header:X-Subject}" "{query:subject}";
                         time "{header:X-Time}" "{query:time}"; }
    event_source by    { verify off; dedup 1h by=id; id "{header:X-Id}"; }
    event_source mac   { verify hmac-sha256; secret file:secret;
                         signed "{header:X-Id}.{header:X-Time}.{body}";
                         signature header:X-Sig encoding=hex;
                         timestamp header:X-Time; id "{header:X-Id}"; }
    event_source many  { verify off; id "{json:id}"; type "{header:X-Type}";
                         split data.items; dedup 1h; }
    event_source one   { verify off; id "{json:items.0.id}"; dedup off;
                         type "{header:X-Type}.{json:items.0.type}"; }
    event_source cloud { verify off; dedup 1h; accept application/json
                         application/cloudevents+json; }

    event_route paid    { from shop; when type = orders/paid; to erp; }
    event_route created { from shop; when type prefix orders/c; to erp; }
    event_route both    { from shop; when type has_all orders/paid
                          orders/create; to erp; }
    event_route acme    { from shop; when subject = acme; to erp; }
    event_route other   { from shop; when type != orders/paid; to erp; }

    event_route a       { from open many one cloud; when type = a; to erp; }
    event_route b       { from open many one cloud; when type = b; to erp; }
    event_route ab      { from open; when type = a/b a/d; to erp; }
    event_route cd      { from open; when type = c/b; to erp; }
    event_route s       { from open cloud; when subject = s; to erp; }
    event_route bt      { from one; when type = b.t; to erp; }
    event_route all     { from by mac; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /shop    { event_receive shop; }
        location = /open    { event_receive open; }
        location = /by      { event_receive by; }
        location = /mac     { event_receive mac; }
        location = /many    { event_receive many; }
        location = /one     { event_receive one; }
        location = /cloud   { event_receive cloud; }
        location = /explain { event_explain open; }

        location = /erp {
            event_deliver erp;
            proxy_pass http://erp;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Type $event_type;
            proxy_set_header X-Subject $event_subject;
            proxy_set_header X-Time $event_time;
        }
    }
EOC

$t->run;

# ---- a preset's type and subject

is(routes(shop([ qw(orders/paid orders/create) ])), 'both created paid',
    'two types: any of them');
is(routes(shop([ qw(orders/create orders/paid) ])), 'both created paid',
    'the other way round');
is(routes(shop([ qw(orders/paid orders/paid) ])), 'paid', 'the same twice');
is(routes(shop([ qw(orders/paid) ])), 'paid', 'once');
is(routes(shop([ '', 'orders/paid', '' ])), 'paid', 'beside empty ones');
is(routes(shop([ ('orders/paid', 'x/y') x 20 ])), 'paid', 'many');
is(routes(shop([ 'x/y', 'x/z' ])), 'other', 'none of them');
is(routes(shop([ 'orders/paid' ], [ 'X-Shopify-Shop-Domain' => 'other',
                                    'x-shopify-shop-domain' => 'acme' ])),
    'acme paid', 'two subjects');

$erp->forget;
my $r = shop([ qw(orders/create orders/paid) ]);
is($r->json->{type}, 'orders/create', 'receipt: the first one');
is(($erp->requests)[0]->header('X-Type'), 'orders/create', '$event_type');

# ---- templates of several, arguments, the time

is(routes(open_(h('X-A', 'a', 'c'), h('X-B', 'b', 'd'))), 'ab cd',
    'each with each');
is(routes(open_(h('X-A', 'a', 'x'), h('X-B', 'd'))), 'ab', 'one of two');
is(routes(open_(h('X-Type', 'x', 'b'), h('X-Subject', 't', 's'))), 'b s',
    'type and subject');
is(routes(query('type=x&type=a')), 'a', 'arguments');
is(routes(query('type=a&type=a&subject=t&subject=%73')), 'a s',
    'arguments: subject');
is(routes(query('type=x&type=%zz&type=a')), 'a', 'arguments: a broken one');

$erp->forget;
open_(h('X-Type', 'a'), h('X-Time', '2026-11-29T10:00:00Z',
                                    '2026-11-29T11:00:00Z'));
is(($erp->requests)[0]->header('X-Time'), '2026-11-29T10:00:00Z', 'the time');

# what nobody needs is told, not lost

$r = open_(h('X-A', 1 .. 40), h('X-B', 1 .. 40));
is($r->{status}, 400, 'too many: 400');
like($r->{body}, qr/too many headers or arguments of one name/,
    'too many: why');
ok($t->wait_log(qr/genuine event from source "open" cannot be taken: too many/),
    'too many: in the log');
is(open_(h('X-A', 1 .. 30), h('X-B', 1 .. 30))->{status}, 422, 'not too many');

# ---- ids

is(fate(h('X-Id', 'i1')), 'delivered', 'an id');
is(fate(h('X-Id', 'i1')), 'duplicate', 'and again');
is(fate(h('X-Id', 'i1', 'i1')), 'duplicate', 'the same twice: one value');
is(fate(h('X-Id', '', 'i1')), 'duplicate', 'beside an empty one');
is(fate(h('X-Id', 'i1', 'i2')), 'delivered', 'two ids');
is(fate(h('X-Id', 'i1', 'i2')), 'duplicate', 'a true repetition');
is(fate(h('X-Id', 'i1', 'i3')), 'delivered', 'two other ones');
is(fate(h('X-Id', 'i2', 'i1')), 'delivered', 'the other way round');
is(fate(h('X-Id', 'i1', 'i2'), '{"n":2}'), 'delivered', 'another body');
is(fate(h('X-Id', 'i1', 'i2'), '{"n":2}'), 'duplicate', 'and again');

$erp->forget;
$r = open_(h('X-Type', 'a'), h('X-Id', 'k1', 'k2'));
like($r->json->{id}, qr/^k1, k2\.[0-9a-f]{16}$/, 'id in the receipt');
is(($erp->requests)[0]->header('Webhook-Id'), $r->json->{id}, 'id for the target');

$r = $t->post('/open?type=a&id=q1&id=q2', '{}', [ ]);
is($r->json->{outcome}, 'delivered', 'arguments: two ids');
is($t->post('/open?type=a&id=q1&id=q2', '{}', [ ])->json->{outcome},
    'duplicate', 'arguments: a repetition');
is($t->post('/open?type=a&id=q1&id=q3', '{}', [ ])->json->{outcome},
    'delivered', 'arguments: other ones');

$r = $t->post('/explain?type=a&type=b&id=q1&id=q2', '{}', [ ])->json;
is($r->{events}[0]{dedup}{by}, 'source, id and body', 'explained: key');
is_deeply([ @{ $r->{events}[0]{attributes} }{qw(type types subjects)} ],
    [ 'a', [ qw(a b) ], undef ], 'explained: types');
is_deeply([ map { $_->{name} } grep { $_->{matched} }
                @{ $r->{events}[0]{routes} } ], [ qw(a b) ],
    'explained: routes');

# Shopify signs the body only, so a repetition is told by it

my @twice = (h('X-Shopify-Webhook-Id', 'w1', 'w2'));
is(shop([ 'orders/paid' ], [ @twice ], '{"id":1}')->json->{outcome},
    'delivered', 'Shopify: two ids');
is(shop([ 'orders/paid' ], [ @twice ], '{"id":1}')->json->{outcome},
    'duplicate', 'Shopify: a repetition');
is(shop([ 'orders/paid' ], [ @twice ], '{"id":2}')->json->{outcome},
    'delivered', 'Shopify: another event');

is(join(' ', map { $t->post('/by', qq({"n":$_->[0]}), [ h('X-Id', @$_[1, 2]) ])
                     ->json->{outcome} }
    [ 1, 'a', 'b' ], [ 2, 'a', 'c' ], [ 3, 'a', 'b' ]),
    'delivered delivered duplicate', 'by=id: all of them');

# ---- signatures and times

my $now = int time;

is(mac([ 'i' ], [ $now ])->{status}, 200, 'signed');
is(mac([ 'i', 'i' ], [ $now ])->{status}, 401, 'a signed id twice');
is(mac([ 'i' ], [ $now, $now ])->{status}, 401, 'a signed time twice');
is(mac([ 'i', 'j' ], [ $now ])->{status}, 401, 'and another one');
is(shop([ 'orders/paid' ], [ 'X-Shopify-Hmac-Sha256' => 'AAAA' ])->{status},
    401, 'a second signature');

# ---- several events in one body

my $items = '{"items":[{"id":"%s1","type":"t"},{"id":"%s2","type":"u"}]}'
            =~ s/%s/m/gr;

$r = $t->post('/many', $items, [ h('X-Type', 'x', 'a', 'b') ]);
is($r->{status}, 200, 'split: taken');
is_deeply([ map { join ' ', sort @{ $_->{routes} } } @{ $r->json->{events} } ],
    [ 'a b', 'a b' ], 'split: each has the types') or diag($r->{body});
is(routes($t->post('/one', $items, [ h('X-Type', 'x', 'b') ])), 'bt',
    'not split: each with each');

# ---- CloudEvents in headers

is(routes(cloud('ce-type' => 'x', 'ce-type' => 'a', 'ce-subject' => 'r',
                'ce-subject' => 's')), 'a s', 'CloudEvents: types, subjects');
is(cloud('ce-type' => 'a', 'ce-id' => 'c1', 'ce-id' => 'c2')->json->{outcome},
    'delivered', 'CloudEvents: two ids');
is(cloud('ce-type' => 'a', 'ce-id' => 'c1', 'ce-id' => 'c3')->json->{outcome},
    'delivered', 'CloudEvents: two other ones');
is(cloud('ce-type' => 'a', 'ce-id' => 'c1', 'ce-id' => 'c2')->json->{outcome},
    'duplicate', 'CloudEvents: a repetition');
is(cloud('ce-type' => 'a', 'ce-specversion' => '1.0')->{status}, 200,
    'CloudEvents: the same version twice');
is(cloud('ce-type' => 'a', 'ce-specversion' => '2.0')->{status}, 400,
    'CloudEvents: two versions');
is(cloud('ce-type' => 'a', 'ce-source' => '/s', 'ce-id' => 'd')
    ->json->{outcome}, 'delivered', 'CloudEvents: two sources');

$t->done;


# ---- helpers

sub h {
    my ($name, @values) = @_;

    return map { ($name => $_) } @values;
}


sub shop {
    my ($types, $headers, $body) = @_;

    $body //= '{"id":"' . ++$serial . '"}';

    return $t->post('/shop', $body, [
        'Content-Type' => 'application/json',
        'X-Shopify-Hmac-Sha256' => hmac_sha256_base64($body, $SECRET) . '=',
        (grep { $_ eq 'X-Shopify-Webhook-Id' } @{ $headers // [ ] }) ? ()
            : ('X-Shopify-Webhook-Id' => "w-$serial"),
        h('X-Shopify-Topic', @$types), @{ $headers // [ ] } ]);
}


sub open_ {
    my (@headers) = @_;

    return $t->post('/open', '{"n":' . ++$serial . '}', [ @headers ]);
}


sub query {
    my ($query) = @_;

    return $t->post("/open?$query", '{"n":' . ++$serial . '}', [ ]);
}


sub fate {
    my $body = @_ % 2 ? pop : '{}';

    return $t->post('/open', $body, [ h('X-Type', 'a'), @_ ])
             ->json->{outcome};
}


sub mac {
    my ($ids, $times) = @_;

    my $body = '{"n":' . ++$serial . '}';

    return $t->post('/mac', $body, [ h('X-Id', @$ids), h('X-Time', @$times),
        'X-Sig' => hmac_sha256_hex("$ids->[0].$times->[0].$body", $SECRET) ]);
}


sub cloud {
    my (@headers) = @_;

    my %given = @headers;

    return $t->post('/cloud', '{}', [ 'Content-Type' => 'application/json',
        'ce-specversion' => '1.0', 'ce-source' => '/a',
        ($given{'ce-id'} ? () : ('ce-id' => ++$serial)), @headers ]);
}


sub routes {
    my ($r) = @_;

    return $r->{status} if $r->{status} != 200;
    return join ' ', sort @{ $r->json->{routes} };
}
