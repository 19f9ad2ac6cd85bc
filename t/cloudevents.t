#!/usr/bin/perl

# Copyright (C) Event Router contributors

# CloudEvents in their three modes (HTTP binding 1.0.2, chapter 3): attributes
# are seen by routes, variables and dedup, data.* means the event's data in
# each mode, and targets get each event as its own bytes in the mode in which
# it came.  What lacks a required attribute is refused, a batch as a whole.

use warnings;
use strict;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;

my $TOKEN = 'a-token-of-this-test';
my $STRUCTURED = 'application/cloudevents+json';
my $BATCH = 'application/cloudevents-batch+json';

my $sent = 0;
my $t = Test::EventRouter->new;
my $erp = $t->target(8081);

$t->secret($TOKEN);
$t->write_file('secret', $TOKEN);

$t->write_file('conf/source.json', '{"source":["/sensor/1"]}');
$t->write_file('conf/exact.json', '{"exact":{"source":"/sensor/1"}}');

$t->config(<<'EOC');

    upstream erp { server 127.0.0.1:%%PORT_8081%%; keepalive 8; }

    log_format event escape=json '{"id":"$event_id","type":"$event_type",'
        '"source":"$event_source","subject":"$event_subject",'
        '"time":"$event_time","routes":"$event_routes","n":"$n",'
        '"status":"$event_status"}';
    access_log %%TESTDIR%%/logs/events.log event;

    event_source bus     { verify cloudevents; secret file:%%TESTDIR%%/secret;
                           handshake off; dedup off; max_batch 5; }
    event_source seen    { verify cloudevents; secret file:%%TESTDIR%%/secret;
                           handshake off; dedup 1h; }
    event_source limited { verify cloudevents; secret file:%%TESTDIR%%/secret;
                           handshake off; dedup off; limits depth=4; }

    event_source sensors { verify cloudevents; secret file:%%TESTDIR%%/secret;
                           handshake off; dedup 1h by=source by=id; }

    event_source signed  { verify hmac-sha256; secret file:%%TESTDIR%%/secret;
                           signed "{body}"; signature header:X-Sig;
                           accept application/json
                                  application/cloudevents+json; }
    event_source sealed  { verify hmac-sha256; secret file:%%TESTDIR%%/secret;
                           signed "{header:ce-id}.{body}";
                           signature header:X-Sig;
                           accept application/json
                                  application/cloudevents+json; }

    event_set $n    data.n;

    event_target extra { forward_headers ce-tenant Content-Language; }

    event_route all     { from bus seen limited signed sealed; to erp; }
    event_route orders  { from bus; when type = com.example.order;
                          when subject prefix 4; to extra; }
    event_route data    { from bus; when data.n = 7; to seven; }
    event_route inner   { from bus; when data.data.n = 8; to eight; }
    event_route envelope { from bus; when data.specversion exists; to never; }
    event_route own     { from sensors; when source = /sensor/1; to erp; }
    event_route list    { from sensors; pattern source.json; to erp; }
    event_route exact   { from sensors; filter exact.json; to erp; }
    event_route named   { from sensors; when source = sensors; to erp; }
    event_route failing { from seen; when data.fail = yes; to failing; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /bus     { event_receive bus; }
        location = /seen    { event_receive seen; }
        location = /sensors { event_receive sensors; }
        location = /limited { event_receive limited; }
        location = /signed  { event_receive signed; }
        location = /sealed  { event_receive sealed; }

        # a token in the query would be in nginx's own log of requests

        location = /query   { event_receive bus; access_log off; }

        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header X-Id $event_id;
        proxy_set_header X-N $n;

        location = /erp     { event_deliver erp;     proxy_pass http://erp; }
        location = /extra   { event_deliver extra;   proxy_pass http://erp; }
        location = /seven   { event_deliver seven;   proxy_pass http://erp; }
        location = /eight   { event_deliver eight;   proxy_pass http://erp; }
        location = /never   { event_deliver never;   proxy_pass http://erp; }
        location = /failing { event_deliver failing; proxy_pass http://erp; }
    }
EOC

$t->run;

# ---- binary

my %ce = ('ce-specversion' => '1.0', 'ce-id' => 'A-1',
          'ce-source' => '//acme.example/shop', 'ce-type' =>
          'com.example.order', 'ce-subject' => '4711%20b', 'ce-time' =>
          '2026-09-21T14:13:17.5Z');

my $body = qq({"n": 7, "data":{"n":8},\t"specversion_":1}\n);
my $r = binary($body, %ce, 'ce-tenant' => 'blue', 'Content-Language' => 'de',
               'ce-other' => 'x');

is($r->{status}, 200, 'binary');
is_deeply(routes($r), [ qw(all orders data inner) ], 'binary: routes');
is_deeply([ sort map { $_->{uri} } $erp->requests ],
    [ qw(/eight /erp /extra /seven) ], 'binary: targets');

my ($got) = $erp->requests(uri => '/erp');

is($got->{body}, $body, 'binary: the same bytes');
is($got->header('Content-Type'), 'application/json', 'binary: type of data');
is($got->header($_), $ce{$_}, "binary: $_ is kept") for sort keys %ce;
is($got->header('Webhook-Id'), 'A-1', 'binary: Webhook-Id');
is($got->header('X-Id'), 'A-1', 'binary: variable');
is($got->header('X-N'), 7, 'binary: data in a variable');
is($got->header($_), undef, "binary: $_ is not asked for")
    for qw(ce-tenant ce-other Content-Language Authorization);

($got) = $erp->requests(uri => '/extra');

is($got->header('ce-tenant'), 'blue', 'binary: extension is forwarded');
is($got->header('Content-Language'), 'de', 'binary: header is forwarded');
is($got->header('ce-other'), undef, 'binary: and no other');

is_deeply(logged(), { id => 'A-1', type => 'com.example.order',
    source => 'bus', subject => '4711%20b', time => '2026-09-21T14:13:17.5Z',
    routes => 'all,orders,data,inner', n => 7, status => 'delivered' },
    'binary: variables');

for my $name (qw(ce-id ce-source ce-type)) {
    refused(sub { binary('{}', %ce, $name => undef) }, "binary without $name");
    refused(sub { binary('{}', %ce, $name => '') }, "binary, empty $name");
}

refused(sub { binary('{}', %ce, 'ce-specversion' => $_) },
    "binary, specversion $_") for '0.3', '1.1', '1.00', '';
refused(sub { binary('{"n":1', %ce) }, 'binary, no JSON');

$r = binary('{"n":1}', %ce, 'ce-specversion' => undef);
is($r->{status}, 200, 'without specversion no CloudEvent');
is($r->json->{id}, 'A-1', 'but the preset\'s id');

# ---- structured

my $event = qq({ "specversion" : "1.0", "type":"com.example.order",)
    . qq("source":"//acme.example/shop","id":"B-\\u0031","subject":"4712",)
    . qq("time":"2026-09-21T14:13:17Z","tenant":"blue",)
    . qq("datacontenttype":"application/json",)
    . qq("data":{"n":7.0, "id":"other","data":{"n":8}}, "n":9 }\n);

$r = structured($event);

is($r->{status}, 200, 'structured');
is_deeply(routes($r), [ qw(all orders data inner) ], 'structured: routes');

($got) = $erp->requests(uri => '/erp');

is($got->{body}, $event, 'structured: the same bytes');
is($got->header('Content-Type'), $STRUCTURED, 'structured: type');
is(join(' ', grep { /^ce-/i } map { $_->[0] } @{ $got->{headers} }), '',
    'structured: no ce- headers');
is($got->header('Webhook-Id'), 'B-1', 'structured: Webhook-Id');
is($got->header('X-N'), '7.0', 'structured: data in a variable');

is_deeply(logged(), { id => 'B-1', type => 'com.example.order',
    source => 'bus', subject => '4712', time => '2026-09-21T14:13:17Z',
    routes => 'all,orders,data,inner', n => '7.0', status => 'delivered' },
    'structured: variables');

$r = structured($event, type => "$STRUCTURED; charset=UTF-8");
is($r->{status}, 200, 'structured, with charset');
is(($erp->requests)[0]->header('Content-Type'), "$STRUCTURED; charset=UTF-8",
    'charset goes on');

# attributes that came with headers do not count in this mode

$r = structured($event, headers => [ %ce ]);
is($r->json->{id}, 'B-1', 'the envelope counts, not headers');

for my $data ('"text"', '[{"n":1},{"n":7}]', 'null', '17') {
    $r = structured(envelope('C-1', data => $data));
    is($r->{status}, 200, "data is $data");
    is_deeply(routes($r), $data =~ /7}/ ? [ qw(all data) ] : [ 'all' ],
        "data is $data: routes");
}

$r = structured(envelope('C-2', data => undef, data_base64 => '"eyJuIjo3fQ=="'));
is_deeply(routes($r), [ 'all' ], 'data_base64 has no fields');

for my $name (qw(specversion id source type)) {
    refused(sub { structured(envelope('D-1', $name => undef)) },
        "structured without $name");
    refused(sub { structured(envelope('D-1', $name => '""')) },
        "structured, empty $name");
    refused(sub { structured(envelope('D-1', $name => '1')) },
        "structured, $name is a number");
}

for my $case ([ 'an array', '[]' ], [ 'a string', '"x"' ],
              [ 'no JSON', '{"id":' ], [ 'an array of one', "[$event]" ],
              [ 'an array of two', "[$event,$event]" ],
              [ 'id in an array', envelope('x', id => '["x"]') ],
              [ 'empty', '' ],
              [ 'two ids', envelope('D-2', id_ => 1) =~ s/id_":1/id":"x"/r ],
              [ 'two types', envelope('D-2', x => 1) =~
                  s/"x":1/"t\\u0079pe":"x"/r ],
              [ 'two data', envelope('D-2', x => 1) =~
                  s/"x":1/"data":{"n":7}/r ],
              [ 'two data, escaped', envelope('D-2', x => 1) =~
                  s/"x":1/"d\\u0061ta":{"n":7}/r ])
{
    refused(sub { structured($case->[1]) }, "structured: $case->[0]");
}

# nothing that an event says can break a header or a line

$r = structured(envelope("E-1\\r\\nX-Evil: 1\\u0000\\u007f\xc3\xa4"));
is($r->{status}, 200, 'hostile id');
is(($erp->requests)[0]->header('X-Id'), "E-1%0D%0AX-Evil: 1%00%7F\xc3\xa4",
    'is harmless in a header');
is(($erp->requests)[0]->header('X-Evil'), undef, 'and starts none');

# ---- batch

my @batch = map { envelope("F-$_", data => qq({"n":$_, "x" : "\\u00e4"})) }
            1 .. 3;

$r = batch("[ $batch[0]\n,\t$batch[1] , $batch[2]]");

is($r->{status}, 200, 'batch');
is_deeply([ map { $_->{id} } @{ $r->json->{events} } ],
    [ qw(F-1 F-2 F-3) ], 'batch: a receipt for each');
is(join(' ', map { $_->{outcome} } @{ $r->json->{events} }),
    'delivered delivered delivered', 'batch: all delivered');

my %by_id = map { $_->header('Webhook-Id') => $_ } $erp->requests;

for my $n (1 .. 3) {
    my $got = $by_id{"F-$n"};

    is($got && $got->{body}, $batch[$n - 1], "batch: the bytes of event $n");
    is($got->header('Content-Type'), $STRUCTURED, "batch: type of event $n");
    is($got->header('X-N'), $n, "batch: data of event $n");
    is($got->header('ce-id'), undef, "batch: no ce- headers with event $n");
}

is(logged()->{id}, '', 'batch: no single id to log');

$r = batch('[' . envelope('G-1', data => '{"n":7}') . ','
    . envelope('G-2', type => '"com.example.order"', subject => '"4"') . ']');
is_deeply([ map { $_->{routes} } @{ $r->json->{events} } ],
    [ [ qw(all data) ], [ qw(all orders) ] ], 'batch: each its routes');

# a ring of routers ends for batches, too

$r = batch("[$batch[0],$batch[1]]", 'X-Event-Hops' => 1);
is($r->{status}, 200, 'batch: hops');
is_deeply([ map { $_->header('X-Event-Hops') } $erp->requests(uri => '/erp') ],
    [ 2, 2 ], 'batch: each event counts on');
$r = batch("[$batch[0],$batch[1]]");
is_deeply([ map { $_->header('X-Event-Hops') } $erp->requests(uri => '/erp') ],
    [ 1, 1 ], 'batch: from one');
$r = batch("[$batch[0]]", 'X-Event-Hops' => 1000);
is($r->{status}, 508, 'batch: too many hops');
is(scalar $erp->requests, 0, 'batch: and nothing is sent');
$r = batch("[$batch[0]]", 'X-Event-Hops' => $_->header('X-Event-Hops')),
    is($r->{status}, 508, 'batch: a ring ends')
    for ring();

$r = batch('[]');
is($r->{status}, 200, 'empty batch');
is_deeply($r->json, { events => [] }, 'empty receipt');

$r = batch("[$batch[0]]");
is($r->{status}, 200, 'batch of one');
is(scalar($erp->requests), 1, 'is delivered');

is(batch('[' . join(',', map { envelope("H-$_") } 1 .. 5) . ']')->{status},
    200, 'a full batch');
refused(sub { batch('[' . join(',', map { envelope("H-$_") } 1 .. 6) . ']') },
    'one event too many');

for my $case ([ 'without an id', envelope('x', id => undef) ],
              [ 'of another version', envelope('x', specversion => '"0.3"') ],
              [ 'a number', '1' ], [ 'null', 'null' ], [ 'an array', '[]' ],
              [ 'an empty one', '{}' ],
              [ 'with two types', envelope('x', y => 1) =~ s/"y":1/"type":"z"/r
              ],
              [ 'with two data', envelope('x', y => 1) =~ s/"y":1/"data":2/r ],
              [ 'cut', '{"id":' ], [ 'a NUL', envelope("\0") ],
              [ 'bad UTF-8 beside strings', envelope('x', y => "\xff") ])
{
    my ($name, $bad) = @$case;

    refused(sub { batch("[$batch[0],$bad,$batch[1]]") }, "batch, one $name");
    refused(sub { batch("[$batch[0],$batch[1],$bad]") },
        "batch, the last one $name");
}

refused(sub { batch($batch[0]) }, 'batch: no array');
refused(sub { batch("[$batch[0]]x") }, 'batch: something follows');

# an event alone and in a batch has the same limits

my $deep = envelope('L-1', data => '[[[1]]]');
my $deeper = envelope('L-2', data => '[[[[1]]]]');

is(send_to('/limited', $STRUCTURED, $deep)->{status}, 200, 'depth');
refused(sub { send_to('/limited', $STRUCTURED, $deeper) }, 'too deep');
refused(sub { send_to('/limited', $BATCH, "[$deeper]") },
    'too deep in a batch');

# ---- duplicates: the pair of source and id tells events apart

my $first = envelope('I-1');

is(seen($first)->{outcome}, 'delivered', 'first');
is(seen($first)->{outcome}, 'duplicate', 'again');
is(seen(envelope('I-1', source => '"other"'))->{outcome}, 'delivered',
    'of another source');
is(seen(envelope('I-2'))->{outcome}, 'delivered', 'another id');

$r = send_to('/seen', $BATCH, "[$first," . envelope('I-3') . ']');
is_deeply([ map { $_->{outcome} } @{ $r->json->{events} } ],
    [ qw(duplicate delivered) ], 'one of two is known');

# ---- the field "source" is the CloudEvent's own

for my $source ('/sensor/1', '/sensor/2', 'sensors') {
    my $body = envelope('S-1', source => qq("$source"));
    $r = send_to('/sensors', 'application/cloudevents+json', $body);
    is_deeply([ $r->json->{outcome}, @{ $r->json->{routes} } ],
        [ $source eq '/sensor/1' ? qw(delivered own list exact)
            : $source eq 'sensors' ? qw(delivered named) : 'unrouted' ], "source: $source");
    $r = send_to('/sensors', 'application/cloudevents+json', $body);
    is($r->json->{outcome}, 'duplicate', "source: $source, again");
}

$r = send_to('/sensors', 'application/json', '{"id":1}',
    'ce-specversion' => '1.0', 'ce-id' => 'S-2', 'ce-source' => '/sensor/1',
    'ce-type' => 't');
is_deeply($r->json->{routes} // $r->{status}, [ qw(own list exact) ],
    'source: in a header');

# what failed is all that is sent again

$erp->answer('/failing', [ { status => 500 }, { status => 200 } ]);

my $pair = '[' . envelope('J-1', data => '{"fail":"yes"}') . ','
    . envelope('J-2') . ']';

$r = send_to('/seen', $BATCH, $pair);
is($r->{status}, 502, 'one of two failed');
like($r->header('Retry-After') // '', qr/^\d+$/, 'and is asked for again');
is_deeply([ map { $_->{outcome} } @{ $r->json->{events} } ],
    [ qw(failed delivered) ], 'the receipt says which');

$r = send_to('/seen', $BATCH, $pair);
is($r->{status}, 200, 'again');
is_deeply([ map { "$_->{uri} " . $_->header('Webhook-Id') } $erp->requests ],
    [ '/failing J-1' ], 'the missing one only');

# ---- the key of a binary event covers its body: nobody can suppress the
# genuine event by an id that the signature does not cover, and where it does,
# two bodies are two events

for my $uri ('/signed', '/sealed') {
    my $send = sub {
        my ($id, $text) = @_;
        my $what = $uri eq '/sealed' ? "$id.$text" : $text;

        return $t->post($uri, $text,
            [ %{ { %ce, 'Content-Type' => 'application/json', 'ce-id' => $id,
                   'X-Sig' => hmac_sha256_hex($what, $TOKEN) } } ]);
    };

    my @r = map { $send->('K-1', $_) } '{"n":1}', '{"n":2}', '{"n":1}';

    is($r[0]{status}, 200, "$uri: the first is taken");
    is($r[0]->header('X-Event-Duplicate'), undef, "$uri: the first");
    is($r[1]->header('X-Event-Duplicate'), undef,
        "$uri: the same ce-id on another body");
    is($r[2]->header('X-Event-Duplicate'), 1, "$uri: a repetition");
}

# ---- who may send: the token in the query, too (HTTP webhook, 3.2)

is($t->post("/query?access_token=$TOKEN", $event,
    [ 'Content-Type' => $STRUCTURED ])->{status}, 200, 'token in the query');
is($t->post('/query?access_token=x', $event,
    [ 'Content-Type' => $STRUCTURED ])->{status}, 401, 'a wrong one');
is($t->post('/bus', $event, [ 'Content-Type' => $STRUCTURED ])->{status}, 401,
    'none');

is(scalar($erp->requests(uri => '/never')), 0,
    'the envelope is never taken for data');

$t->done;


# ---- helpers

# after each, the target has what this request caused and nothing else

sub send_to {
    my ($uri, $type, $text, @headers) = @_;

    $erp->forget;
    $sent++;

    return $t->post($uri, $text, [ 'Content-Type' => $type,
        Authorization => "Bearer $TOKEN", @headers ]);
}


sub binary {
    my ($data, %headers) = @_;

    return send_to('/bus', 'application/json', $data,
        map { ($_ => $headers{$_}) } grep { defined $headers{$_} }
        sort keys %headers);
}


sub structured {
    my ($text, %o) = @_;

    return send_to('/bus', $o{type} // $STRUCTURED, $text,
        @{ $o{headers} // [] });
}


sub batch {
    my ($text, @headers) = @_;

    return send_to('/bus', $BATCH, $text, @headers);
}


# sends what the target got on to the router, until it sends no more: the last
# request that came through

sub ring {
    my ($hops, $last) = (0);

    for (1 .. 100) {
        batch("[$batch[0]]", 'X-Event-Hops' => $hops)->{status} == 200 or last;
        ($last) = $erp->requests(uri => '/erp');
        $hops = $last->header('X-Event-Hops');
    }

    return $last;
}


sub seen {
    my ($text) = @_;

    return send_to('/seen', $STRUCTURED, $text)->json;
}


# an envelope as text: changes are JSON, undef leaves an attribute out

sub envelope {
    my ($id, %changes) = @_;

    my %all = (specversion => '"1.0"', id => qq("$id"), source => '"/src"',
               type => '"t"', data => '{"n":1}', %changes);

    return '{' . join(', ', map { qq("$_":$all{$_}) }
                      grep { defined $all{$_} } sort keys %all) . '}';
}


sub refused {
    my ($send, $name) = @_;

    my $r = $send->();

    ok($r->{status} == 400 && ($r->json // {})->{status} == 400
       && $r->header('Content-Type') eq 'application/problem+json'
       && $erp->requests == 0, $name)
        or diag("$r->{head}\n\n$r->{body}");
}


sub routes {
    my ($r) = @_;

    return ($r->json // {})->{routes};
}


# the line that the last request left in the log, written after the answer

sub logged {
    my @lines;

    wait_until(5, sub {
        @lines = split /\n/, $t->read_file('logs/events.log');
        return @lines == $sent;
    });

    return JSON::PP->new->utf8->decode($lines[-1]);
}
