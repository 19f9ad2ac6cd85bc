#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What targets would get: "bodies" of event_explain and v1/explain, with and
# without "reveal", of one event and of several, of what fails, of what a source
# hides, and how much of it is shown.  Nothing is sent.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use Test::More;
use Test::EventRouter;
use Test::EventRouter::OpenApi;

my $t = Test::EventRouter->new(workers => 2);
my $target = $t->target(8081);
my @json = ('Content-Type' => 'application/json');
my @cloud = ('Content-Type' => 'application/cloudevents+json');

my $many = join ' ', map { "t$_" } 1 .. 40;
my $locations = join "\n", map { "        location = /$_ { event_deliver $_; "
                                 . "proxy_pass http://127.0.0.1:%%PORT_8081%%; }" }
                           qw(erp crm tpl web parts jq jq2 jq3 jq4 jq5 jq6), map { "t$_" } 1 .. 40;

$t->config(<<"EOC");

    event_store file:%%TESTDIR%%/store size=64m;

    event_source cloud {
        verify off;
        accept application/json application/cloudevents+json
               application/cloudevents-batch+json;
        max_size 2m;
    }

    event_source shop {
        verify off;
        id "{json:id}";
        delivery queued;
        retain 1h;
    }

    event_source hides {
        verify off;
        accept application/json application/cloudevents+json text/xml;
        id "{header:X-Id}";
        redact data.email header.X-Key arg.token;
    }

    event_source token {
        verify token;
        secret file:secret;
        signature header:Authorization prefix=Bearer;
        id "{json:id}";
    }

    event_source made {
        verify off;
        id "{json:id}";
        redact data.email data.price header.X-Key;
    }

    event_source clear { verify off; id "{json:id}"; }
    event_route clear { from clear; to tpl web; }

    event_source jq { verify off; id "{json:id}"; delivery queued;
                      accept application/json
                             application/cloudevents-batch+json;
                      retain 1h; }
    event_source calm { verify off; id "{json:id}"; redact data.email; }

    event_source wide { verify off; id "{json:id}"; }

    event_target crm { body data; }
    event_target tpl { body template order.json; }
    event_target parts { split data.items; body template item.json; }
    event_target jq  { body jq one.jq; }
    event_target jq2 { body jq two.jq; }
    event_target jq3 { body jq none.jq; }
    event_target jq4 { body jq says.jq; }
    event_target jq5 { body jq loops.jq; }
    event_target jq6 { body jq one.jq; }
    event_target web { body form who=data.email n=data.n k=header.X-Key; }

    event_route all   { from cloud shop hides token; to erp crm; }
    event_route again { from cloud shop hides token; when data.twice = 1;
                        to crm; }
    event_route wide  { from wide; to $many; }
    event_route made  { from made; to tpl web; }
    event_route jq    { from jq calm; to jq jq2 jq3 jq4 jq5 jq6; }
    event_route parts { from shop; when data.items exists; to parts; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /shop  { event_receive shop; }
        location = /cloud { event_receive cloud; }
        location = /hides { event_receive hides; }
        location = /wide  { event_receive wide; }

        location = /explain/cloud { event_explain cloud reveal; }
        location = /dim/cloud     { event_explain cloud; }
        location = /explain/hides { event_explain hides reveal; }
        location = /dim/hides     { event_explain hides; }
        location = /explain/made  { event_explain made reveal; }
        location = /explain/clear { event_explain clear reveal; }
        location = /dim/made      { event_explain made; }
        location = /explain/shop  { event_explain shop reveal; }
        location = /events        { event_receive jq; }
        location = /explain/jq    { event_explain jq reveal; }
        location = /dim/jq        { event_explain jq; }
        location = /explain/calm  { event_explain calm reveal; }
        location = /explain/wide  { event_explain wide reveal; }
        location = /explain/token { event_explain token access=nginx reveal;
                                    allow all; }
        location /admin/ { event_admin access=nginx reveal; allow all; }
        location /look/  { event_admin access=nginx; allow all; }

$locations
    }
EOC

$t->write_file('conf/order.json', <<'EOF');
{
    "to": {data.email},
    "key": {header.X-Key|"none"},
    "price": {data.price|number},
    "n": {data.n}
}
EOF
$t->write_file('conf/item.json', '{"sku":{.sku},"of":{data.id}}');
$t->write_file('conf/one.jq', '{mail: .data.email}');
$t->write_file('conf/two.jq', '.data.items[]');
$t->write_file('conf/none.jq', 'empty');
$t->write_file('conf/says.jq', 'error("no: " + .data.email)');
$t->write_file('conf/loops.jq', 'def f: f; f');
$t->write_file('conf/secret', $t->secret('outlook-canary-2a7c90b1'));
$t->run;

my $api = Test::EventRouter::OpenApi->new($t, '/admin/v1');


sub bodies {
    my ($at, $body, @headers) = @_;

    my $r = $t->post($at, $body, [ @headers ? @headers : @json ]);

    is($r->{status}, 200, "$at is explained") or diag($r->{body});

    my $said = $r->json;

    return ($said->{events}[0]{bodies}, $said, $r->{body});
}


# ---- an event

my $data = '{"twice":1, "n":9007199254740993}';
my $event = '{"specversion":"1.0","id":"1","source":"s","type":"t","data":'
            . $data . '}';
my ($erp, $crm) = @{ (bodies('/explain/cloud', $event, @cloud))[0] };

is_deeply($erp, { target => 'erp', line => 'body original', state => 'made',
    calls => [ { datacontenttype => 'application/cloudevents+json',
                 size => length $event, body => $event } ] },
    'a target without "body" gets what came');
like(delete $crm->{place}, qr/nginx\.conf:\d+$/, 'where the other one is told');
is_deeply($crm, { target => 'crm', line => 'body data', state => 'made',
    calls => [ { datacontenttype => 'application/json', size => length $data,
                 body => $data } ] }, 'what it gets, once');

my ($list, $said, $text) = bodies('/dim/cloud', $event, @cloud);

unlike($text, qr/9007199254740993.*"bodies"|"bodies".*9007199254740993/,
    'without "reveal" there is no body');
is_deeply([ map { $_->{calls}[0]{size} } @$list ],
    [ length $event, length $data ], 'but its size');
like($said->{hidden}, qr/reveal/, 'and how to see it');


# ---- several, and one that nobody gets

my $batch = '[' . join(',', map { $event =~ s/"id":"1"/"id":"$_"/r } 1 .. 20)
            . ']';

(undef, $said) = bodies('/explain/cloud', $batch,
    'Content-Type' => 'application/cloudevents-batch+json');

is(scalar @{ $said->{events} }, 20, 'a batch');
is(scalar(grep { $_->{bodies} } @{ $said->{events} }), 16,
    'the bodies of the first of it');
is($said->{events}[15]{bodies}[1]{calls}[0]{body}, $data, 'each its own');

$t->post('/explain/wide', '{"id":1}', \@json);
(undef, $said) = bodies('/explain/wide', '{"id":1}');

is(scalar @{ $said->{events}[0]{targets} }, 40, 'many targets');
is(scalar @{ $said->{events}[0]{bodies} }, 32, 'of most of them');
is($said->{events}[0]{bodies_omitted}, 8, 'and how many more');


# ---- what fails

my $wrong = '{"specversion":"1.0","id":"1","source":"s","type":"t",'
            . '"data_base64":"YQ==","data_base64":"Yg=="}';

(undef, $crm) = @{ (bodies('/explain/cloud', $wrong, @cloud))[0] };
is($crm->{state}, 'failed', 'two readers would read two events');
like($crm->{error}, qr/"data_base64" is given twice/, 'why it fails');
ok(!exists $crm->{calls}, 'there is no call');

(undef, $crm) = @{ (bodies('/dim/cloud', $wrong, @cloud))[0] };
like($crm->{error}, qr/"data_base64" is given twice/, 'without "reveal", too');


# ---- bytes, and more of them than an answer has

my $bytes = '{"specversion":"1.0","id":"1","source":"s","type":"t",'
    . '"datacontenttype":"image/png","data_base64":"'
    . encode_base64("\xff\0\x01", '') . '"}';

(undef, $crm) = @{ (bodies('/explain/cloud', $bytes, @cloud))[0] };
is_deeply($crm->{calls}, [ { datacontenttype => 'image/png', size => 3,
    base64 => encode_base64("\xff\0\x01", '') } ], 'what is no text');

my $large = '{"specversion":"1.0","id":"1","source":"s","type":"t","data":"'
    . 'x' x 700_000 . '"}';

($erp, $crm) = @{ (bodies('/explain/cloud', $large, @cloud))[0] };
is(length $erp->{calls}[0]{body}, length $large, 'a large body');
ok(!exists $crm->{calls}[0]{body}, 'another one is left out');
is($crm->{calls}[0]{omitted}, JSON::PP::true(), 'and it is said');
is($crm->{calls}[0]{size}, 700_002, 'with its size');


# ---- what must not be seen

my $hidden = '{"specversion":"1.0","id":"1","source":"s","type":"t","data":'
    . '{"email":"m4rk3r@example.com","n":1}}';

($list, undef, $text) = bodies('/explain/hides?token=m4rk3r-arg', $hidden,
    @cloud, 'X-Key' => 'm4rk3r-head');
unlike($text, qr/m4rk3r/, 'nothing hidden');
is($list->[1]{calls}[0]{body}, '{"email":"***","n":1}', 'what is made of it');
like($list->[0]{calls}[0]{body}, qr/"email":"\*\*\*"/, 'nor in what came');
is($list->[1]{redacted}, 1, 'how many values are hidden');

($list, undef, $text) = bodies('/explain/hides', '<a>m4rk3r</a>',
    'Content-Type' => 'text/xml', 'X-Id' => 'x1');
unlike($text, qr/m4rk3r/, 'what nobody reads');
like($list->[0]{withheld}, qr/nobody reads/, 'is withheld');
is($list->[1]{calls}[0]{size}, 13, 'but its size is told');

(undef, undef, $text) = bodies('/dim/hides', $hidden, @cloud);
unlike($text, qr/m4rk3r/, 'nor without "reveal"');

($list, undef, $text) = bodies('/explain/token',
    '{"id":"1","t":"outlook-canary-2a7c90b1"}', @json,
    Authorization => 'Bearer outlook-canary-2a7c90b1');
unlike($text, qr/outlook-canary/, 'a secret is not shown');
is($list->[0]{calls}[0]{secret}, JSON::PP::true(), 'and that is said');


# ---- templates and forms, of what is hidden and of what is not

my $order = '{"id":1,"n":7,"price":"19.90","email":"m4rk3r@example.com"}';
my @key = (@json, 'X-Key' => 'm4rk3r-head');

my ($tpl, $web) = @{ (bodies('/explain/clear', $order, @key))[0] };

is($tpl->{state}, 'made', 'a template');
like($tpl->{line}, qr/^body template order\.json/, 'which');
like($tpl->{calls}[0]{body},
    qr/"m4rk3r\@example\.com".*"m4rk3r-head".*19\.90.*7/s, 'what it makes');
is($web->{calls}[0]{body},
    'who=m4rk3r%40example.com&n=7&k=m4rk3r-head', 'a form');

($list, undef, $text) = bodies('/explain/made', $order, @key);
($tpl, $web) = @$list;
unlike($text, qr/m4rk3r|19\.90/, 'nothing hidden is in what is made');
is($web->{calls}[0]{body} =~ s/%2A/*/gr, 'who=***&n=7&k=***', 'a form of it');
is($tpl->{state}, 'failed', '"***" is no number');
like($tpl->{error}, qr/price/, 'the place');
like($tpl->{note}, qr/otherwise/, 'and that it may be otherwise');

($list) = bodies('/dim/made', $order, @key);
is($list->[0]{state}, 'made', 'without "reveal" the event itself is mapped');
ok($list->[0]{calls}[0]{size} > 50, 'as large as it would be');

my ($lack) = @{ (bodies('/explain/clear', '{"id":1,"n":7}'))[0] };

is($lack->{state}, 'failed', 'a place without a value');
like($lack->{error}, qr/email/, 'which is named');
ok(!exists $lack->{note}, 'that is so in any case');


# ---- several calls

my ($parts) = grep { $_->{target} eq 'parts' } @{ (bodies('/explain/shop',
    '{"id":"o1","items":[' . join(',', map { qq({"sku":"s$_"}) } 1 .. 11)
    . ']}'))[0] };

is(scalar @{ $parts->{calls} }, 8, 'the first calls');
is($parts->{calls_omitted}, 3, 'and how many more');
is_deeply([ map { $_->{number} } @{ $parts->{calls} } ], [ 1 .. 8 ],
    'their numbers');
is($parts->{calls}[7]{body}, '{"sku":"s8","of":"o1"}', 'each its own element');

($parts) = grep { $_->{target} eq 'parts' } @{ (bodies('/explain/shop',
    '{"id":"o1","items":[]}'))[0] };
is($parts->{state}, 'filtered', 'an array without elements');

($parts) = grep { $_->{target} eq 'parts' } @{ (bodies('/explain/shop',
    '{"id":"o1","items":7}'))[0] };
is($parts->{state}, 'failed', 'what is no array');
like($parts->{error}, qr/data\.items/, 'is named');


# ---- programs, for which one waits

my $mail = '{"id":"j1","email":"m4rk3r@example.com","items":[1,2]}';
my %jq;

($list, undef, $text) = bodies('/explain/jq', $mail);
%jq = map { $_->{target} => $_ } @$list;

is($jq{jq}{calls}[0]{body}, '{"mail":"m4rk3r@example.com"}', 'a program');
is_deeply([ map { $_->{body} } @{ $jq{jq2}{calls} } ], [ 1, 2 ], 'of two calls');
is($jq{jq3}{state}, 'filtered', 'of none');
is($jq{jq4}{state}, 'failed', 'one that fails');
like($jq{jq4}{said}, qr/no: m4rk3r/, 'and what it said');
is($jq{jq5}{state}, 'failed', 'one without an end');
is($jq{jq6}{state}, 'made', 'and one behind it');

($list, undef, $text) = bodies('/dim/jq', $mail);
unlike(join('', map { $_->{said} // '' } @$list), qr/m4rk3r/,
    'without "reveal" nobody hears it');
is($list->[0]{calls}[0]{size}, 29, 'but what it would be like');

($list, undef, $text) = bodies('/explain/calm', $mail);
unlike($text, qr/m4rk3r/, 'nothing hidden');
%jq = map { $_->{target} => $_ } @$list;
is($jq{jq}{calls}[0]{body}, '{"mail":"***"}', 'a program has not seen it');
like($jq{jq4}{said}, qr/no: \*\*\*/, 'so it cannot say it');

# whoever asks goes before it is known, in each of these ways

for my $i (1 .. 10) {
    my $c = $t->connect;

    $c->send(POST => $i % 2 ? '/explain/jq' : '/explain/calm', \@json, $mail);
    $c->close;
}

$list = (bodies('/explain/jq', $mail))[0];
is($list->[0]{state}, 'made', 'all is well behind clients that went');

is($target->count, 0, 'nothing was sent');
$t->post('/admin/v1/pause?target=jq', '', [ 'X-Event-Admin' => 1 ]);
$t->post('/events', $mail, \@json);

my $one;

wait_until(10, sub {
    ($one) = map { $_->{event} }
             @{ $t->get('/admin/v1/pending?target=jq')->json->{entries} };
    return $one;
});

for my $i (1 .. 5) {
    my $c = $t->connect;

    $c->send(GET => "/admin/v1/explain?event=$one", []);
    $c->close;
}

my $of = $t->get("/admin/v1/explain?event=$one");

is(join('; ', $api->wrong(GET => '/explain', $of)), '', 'as it is written');
is($of->json->{bodies}[0]{calls}[0]{body}, '{"mail":"m4rk3r@example.com"}',
    'of the store, too');
is($of->json->{bodies}[3]{state}, 'failed', 'with what fails');


# ---- an event of the store

my $had = $target->count;

$t->post('/shop', '{"id":"s1","n":1}', \@json);
wait_until(10, sub { $target->count >= $had + 2 });

my $number;

$t->post('/admin/v1/pause?target=crm', '', [ 'X-Event-Admin' => 1 ]);
$t->post('/shop', '{"id":"s2","n":1}', \@json);

wait_until(10, sub {
    ($number) = map { $_->{event} }
                @{ $t->get('/admin/v1/pending?target=crm')->json->{entries} };
    return $number;
});

my $r = $t->get("/admin/v1/explain?event=$number");

is(join('; ', $api->wrong(GET => '/explain', $r)), '', 'as it is written');
is($r->json->{bodies}[1]{calls}[0]{body}, '{"id":"s2","n":1}',
    'what its targets would get today');

$r = $t->get("/look/v1/explain?event=$number");
unlike($r->{body}, qr/"body"/, 'without "reveal" no body');
is($r->json->{bodies}[1]{calls}[0]{size}, 17, 'but its size');

$t->done;
