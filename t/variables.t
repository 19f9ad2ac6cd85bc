#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The $event_* variables and event_set: what they say in the producer's request
# and in a delivery, wherever nginx can use a variable; and that nothing an
# event says can start a header, a log line or a segment of a path.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $target = $t->target(8081);
my $second = $t->target(8082);

my $serial = 0;

my @variables = map { "\$event_$_" } qw(id type source subject time routes
    target attempt verify dedup status);

$t->write_file('secret', 'hush');
$t->secret('hush');

my $conf = <<'EOC';

    upstream target { server 127.0.0.1:%%PORT_8081%%; keepalive 4; }
    upstream second { server 127.0.0.1:%%PORT_8082%%; keepalive 4; }

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_connect_timeout 1s;
    proxy_read_timeout 5s;

    # nothing but the module guards the logs

    log_format all     escape=none '%%ALL%%';
    log_format hostile escape=none
        '$v|$v_uri|$event_id|$event_type|$h|$event_subject';
    log_format early   escape=none '$early|$class|$event_id|$event_status';

    event_set $v        data.v;
    event_set $v_uri    data.v uri;
    event_set $deep     data.a.b;
    event_set $item     data.items.sku;
    event_set $second   data.items[1].sku;
    event_set $items    data.items;
    event_set $odd      'data."odd key"';
    event_set $h        header.X-Hostile;
    event_set $h_uri    header.X-Hostile uri;
    event_set $arg      arg.store;
    event_set $id_uri   id uri;
    event_set $set_type type;
    event_set $unused   data.nowhere;

    map $event_type $class    { default none; ~^o order; }
    map $event_type $upstream { default target; move second; }
    map $event_status $keep   { default 1; unrouted 0; "" 0; }

    limit_req_zone $event_subject zone=reject:1m rate=1r/m;
    limit_req_zone $event_subject zone=delay:1m rate=4r/s;
    limit_req_zone $event_id zone=unknown:1m rate=1r/m;
    limit_conn_zone $event_target zone=one:1m;

    event_source a {
        verify off;
        id "{json:id}" "{header:X-Id}";
        type "{json:type}" "{header:X-Type}";
        subject "{json:shop}" "{header:X-Subject}";
        time "{json:at}";
        deadline 1s;
    }

    event_source nodedup {
        verify off;
        id "{json:id}";
        type "{json:type}";
        dedup off;
    }

    event_source signed { verify shopify; secret file:%%TESTDIR%%/secret; }
    event_source slack  { verify slack; secret file:%%TESTDIR%%/secret; }

    event_route orders   { from a nodedup; when type = order; to one two; }
    event_route again    { from a nodedup; when type = order; to two; }
    event_route move     { from a; when type = move; to moved; }
    event_route values   { from a; when type = values; to values; }
    event_route hostile  { from *; when data.v exists; to values; }
    event_route hostile2 { from *; when header.X-Hostile exists; to values; }
    event_route reject   { from a; when type = reject; to reject; }
    event_route delay    { from a; when type = delay; to delay; }
    event_route conn     { from a; when type = conn; to conn; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /a {
            event_receive a;
            access_log %%TESTDIR%%/logs/a.log all;
        }

        location = /nodedup {
            event_receive nodedup;
            access_log %%TESTDIR%%/logs/a.log all;
        }

        location = /signed {
            event_receive signed;
            access_log %%TESTDIR%%/logs/a.log all;
        }

        location = /slack {
            event_receive slack;
            access_log %%TESTDIR%%/logs/a.log all;
        }

        location = /batch {
            event_receive a;
            access_log %%TESTDIR%%/logs/batch.log all;
        }

        location = /hostile {
            event_receive a;
            access_log %%TESTDIR%%/logs/hostile.log hostile;
        }

        location = /kept {
            event_receive a;
            access_log %%TESTDIR%%/logs/kept.log all if=$keep;
        }

        location = /early {
            set $early "<$event_id$event_type$v>";
            if ($event_type = order) { return 418; }
            if ($v) { return 418; }
            limit_req zone=unknown;
            add_header X-Said "$event_id $event_status" always;
            event_receive a;
            access_log %%TESTDIR%%/logs/early.log early;
        }

        location = /none {
            return 200 "$event_id$event_source$event_target$v$event_status.";
        }

        location = /deliver/one {
            event_deliver one;
            log_subrequest on;
            access_log %%TESTDIR%%/logs/one.log all;
            proxy_pass http://target/one;
            %%HEADERS%%
        }

        location = /deliver/two {
            event_deliver two;
            log_subrequest on;
            access_log %%TESTDIR%%/logs/two.log all;
            proxy_pass http://target/two;
        }

        location = /deliver/moved {
            event_deliver moved;
            proxy_pass http://$upstream/moved/$event_subject;
        }

        location = /deliver/values {
            event_deliver values;
            log_subrequest on;
            access_log %%TESTDIR%%/logs/values.log hostile;

            # in the middle of a path, at its end, in the query

            proxy_pass http://target/v/$v_uri/$id_uri/$h_uri?q=$v_uri&r=$h_uri;

            proxy_set_header X-V $v;
            proxy_set_header X-Deep $deep;
            proxy_set_header X-Item $item;
            proxy_set_header X-Second $second;
            proxy_set_header X-Items $items;
            proxy_set_header X-Odd $odd;
            proxy_set_header X-H $h;
            proxy_set_header X-Arg $arg;
            proxy_set_header X-Id $event_id;
            proxy_set_header X-Type $event_type;
            proxy_set_header X-Set-Type $set_type;
            proxy_set_header X-Subject $event_subject;
            proxy_set_header X-Time $event_time;
            proxy_set_header X-Unused "[$unused]";
            proxy_set_header X-Class $class;
        }

        location = /deliver/reject {
            event_deliver reject;
            limit_req zone=reject;
            limit_req_status 429;
            proxy_pass http://target/reject;
        }

        location = /deliver/delay {
            event_deliver delay;
            limit_req zone=delay burst=5;
            proxy_pass http://target/delay;
        }

        location = /deliver/conn {
            event_deliver conn;
            limit_conn one 1;
            proxy_pass http://target/conn;
        }
    }
EOC

my $all = join '|', @variables;
my $headers = join ' ', map { "proxy_set_header X-" . substr($_, 7) . " $_;" }
              @variables;

$conf =~ s/%%ALL%%/$all/;
$conf =~ s/%%HEADERS%%/$headers/;

$t->config($conf)->run;


# ---- helpers

sub event {
    my (%o) = @_;

    return JSON::PP->new->utf8->canonical->encode(
        { id => 'v' . ++$serial, type => 'order', %o });
}


sub post {
    my ($uri, $body, @headers) = @_;

    return $t->post($uri, $body, [ 'Content-Type' => 'application/json',
                                   @headers ]);
}


sub fate {
    my ($r) = @_;

    return join ' ', $r->{status},
        map { "$_->{name}=$_->{state}:$_->{status}" }
        @{ ($r->json // {})->{targets} // [] };
}


# the lines of a log that match, when there are n of them; it begins anew

sub lines {
    my ($name, $n, $re) = @_;

    my @lines;

    wait_until(5, sub {
        @lines = grep { !$re || /$re/ } split /\n/,
                 $t->read_file("logs/$name");

        return @lines >= $n;
    });

    $t->write_file("logs/$name", '');

    return join "\n", sort @lines;
}


# ---- what they say

my %order = (id => 'id-1', shop => 'acme', at => '2026-01-02T03:04:05Z');

is(post('/a', event(%order))->{status}, 200, 'delivered');

my $about = 'order|a|acme|2026-01-02T03:04:05Z';

is(lines('a.log', 1),
    "id-1|$about|orders,again|one,two|1|off|memory|delivered",
    'in the log of the receiving location');
is(lines('one.log', 1), "id-1|$about|orders|one|1||memory|200",
    'in the log of a delivery');
is(lines('two.log', 1), "id-1|$about|orders,again|two|1||memory|200",
    'in the log of another delivery');

my ($one) = $target->requests(uri => '/one');

is(join('|', map { $one->header("X-$_") // '' } map { substr $_, 7 }
             @variables),
    "id-1|$about|orders|one|1||memory|", 'in proxy_set_header');
is($one->header('X-verify'), undef, 'an empty one is no header');

# each outcome

post('/a', event(%order));
is(lines('a.log', 1),
    "id-1|$about|orders,again|one,two|1|off|memory|duplicate", 'duplicate');

post('/a', event(id => 'id-2', type => 'nothing'));
is(lines('a.log', 1), 'id-2|nothing|a||||||off|memory|unrouted', 'unrouted');

$target->answer('/two', [ { status => 503 }, { status => 200 } ]);
my $retried = event(id => 'id-3');

is(post('/a', $retried)->{status}, 502, 'fails');
is(lines('a.log', 1),
    'id-3|order|a|||orders,again|one,two|1|off|memory|failed',
    'failed');
is(lines('two.log', 1, qr/^id-3/),
    'id-3|order|a|||orders,again|two|1||memory|503',
    'failed delivery');

is(post('/a', $retried)->{status}, 200, 'is retried');
is(lines('a.log', 1),
    'id-3|order|a|||orders,again|one,two|2|off|memory|delivered',
    'second attempt');
is(lines('two.log', 1, qr/^id-3/),
    'id-3|order|a|||orders,again|two|2||memory|200',
    'second delivery');

post('/nodedup', event(id => 'id-4'));
is(lines('a.log', 1),
    'id-4|order|nodedup|||orders,again|one,two|1|off|off|delivered',
    'dedup off');

$t->post('/signed', '{"id":5}', [ shopify('{"id":5}', 'wrong') ]);
is(lines('a.log', 1), '||signed||||||failed||refused', 'refused');

$t->post('/signed', '{"id":', [ shopify('{"id":', 'hush') ]);
is(lines('a.log', 1), '||signed||||||ok||invalid', 'invalid');

$t->get('/signed');
is(lines('a.log', 1), '||signed||||||||rejected', 'rejected');

post('/a', event(), 'X-Event-Hops' => 9);
is(lines('a.log', 1), '||a||||||||loop', 'loop');

my $challenge = '{"type":"url_verification","challenge":"x"}';

post('/slack', $challenge, slack($challenge));
like(lines('a.log', 1), qr/^\|\|slack\|\|\|\|\|\|(ok)?\|\|handshake$/,
    'handshake');

$target->answer('/two', [ { delay => 1.5 }, {} ]);
is(post('/a', event(id => 'id-6'))->{status}, 504, 'late');
is(lines('a.log', 1),
    'id-6|order|a|||orders,again|one,two|1|off|memory|timeout',
    'timeout');

post('/kept', event(id => "kept-$_", type => $_)) for qw(nothing order);
is(lines('kept.log', 1),
    'kept-order|order|a|||orders,again|one,two|1|off|memory|delivered',
    'access_log by a map');


# ---- before the event is known, and where there is none

my $r = post('/early', event(id => 'e-1', v => 'v'));

is($r->{status}, 200, 'too early: harmless');
is($r->header('X-Said'), 'e-1 delivered', 'in add_header');
is(lines('early.log', 1), '<>|order|e-1|delivered',
    'too early: empty, and known later');
is(post('/early', event(v => 'v'))->{status}, 200,
    'too early: an empty key limits nothing');
is($t->get('/none')->{body}, '.', 'no event at all');


# ---- event_set

my %values = (
    string  => [ 'text', 'text' ],
    number  => [ 12.50, '12.5' ],
    true    => [ JSON::PP::true, 'true' ],
    false   => [ JSON::PP::false, 'false' ],
    zero    => [ 0, '0' ],
    null    => [ undef, undef ],
    empty   => [ '', undef ],
    unicode => [ "\x{e9}\x{20ac}", "\xc3\xa9\xe2\x82\xac" ],
    array   => [ [ 'first', 'second' ], '["first","second"]' ],
    object  => [ { a => [ 1, { b => 2 } ] }, '{"a":[1,{"b":2}]}' ],
    long    => [ 'x' x 5000, 'x' x 4096 ],
);

my $logged = 0;

sub values_of {
    my ($body, @headers) = @_;

    $target->forget;

    my $r = post('/hostile' . (@headers && $headers[0] eq '?'
                               ? (splice @headers, 0, 2)[1] : ''),
                 $body, @headers);

    is($r->{status}, 200, 'delivered') or diag($r->{body});
    $logged++;

    my ($request) = $target->requests;

    return $request // bless { headers => [], uri => '' },
                             'Test::EventRouter::Request';
}


for my $name (sort keys %values) {
    my ($value, $want) = @{ $values{$name} };
    my $got = values_of(event(type => 'values', v => $value))->header('X-V');

    is($got, $want, "event_set: $name");
}

my $request = values_of(event(type => 'values', a => { b => 'deep' },
    items => [ { sku => 's1' }, { sku => 's2' } ], 'odd key' => 'odd'),
    '?', '?store=berlin%20mitte&store=b&x=y', 'X-Hostile' => 'header');

is($request->header('X-Deep'), 'deep', 'event_set: path');
is($request->header('X-Item'), 's1', 'event_set: the first of many');
is($request->header('X-Second'), 's2', 'event_set: an element');
is($request->header('X-Odd'), 'odd', 'event_set: quoted key');
is($request->header('X-Arg'), 'berlin mitte', 'event_set: argument');
is($request->header('X-H'), 'header', 'event_set: header');
is($request->header('X-Set-Type'), 'values', 'event_set: attribute');
is($request->header('X-Class'), 'none', 'map: default');
is($request->header('X-Unused'), '[]', 'event_set: missing');
is($request->header('X-V'), undef, 'event_set: missing is no header');

# a container as it stands, its line breaks encoded

$request = values_of(qq({"id":"c1","type":"values","v":{"a" :\r\n [1 ]}}));
is($request->header('X-V'), '{"a" :%0D%0A [1 ]}', 'event_set: container');

# a duplicate key that a variable asks for is refused

is(post('/a', '{"id":"c2","type":"order","v":1,"v":2}')->{status}, 400,
    'event_set: the same key twice');


# ---- hostile values

lines($_, $logged) for qw(hostile.log values.log);

my $evil = "\r\nX-Evil: 1\r\n\r\nPOST /evil HTTP/1.1\r\n\r\n";
my $n = 0;

my $ours = 'Content-Length Content-Type Host Webhook-Id Webhook-Timestamp '
    . 'X-Event-Attempt X-Event-Hops X-Event-Route ce-id ce-source '
    . 'ce-specversion ce-type';

for my $case ([ 'CRLF', $evil ],
              [ 'LF', "a\nX-Evil: 1" ],
              [ 'CR', "a\rX-Evil: 1" ],
              [ 'NUL', "a\0b" ],
              [ 'controls', join '', map { chr } 1 .. 0x1f ],
              [ 'DEL', "a\x7fb" ],
              [ 'C1', "a\x{85}\x{9b}b" ],
              [ 'U+2028', "a\x{2028}b" ],
              [ 'surrogate', "\x{1f600}" ],
              [ 'path', '../../x' ],
              [ 'two dots', '..' ],
              [ 'dot', '.' ],
              [ 'slash', '/' ],
              [ 'encoded', '%2e%2e%2f%0d%0a' ],
              [ 'backslash', '..\\..\\x' ],
              [ 'parameters', ';a=b&c=d' ],
              [ 'all of a URI', 'a b?c#d%e/f"g<h>i' ],
              [ 'request line', "x HTTP/1.1" ],
              [ 'variable', '$event_id ${v} $http_host' ],
              [ 'format', '%s%n%V%Z%*s' ],
              [ 'quotes', '\'"`|;$(x)' ])
{
    my ($name, $value) = @$case;

    # quoted by JSON, as id, type, subject and value

    my $id = 'h' . ++$n;

    $target->forget;

    my $body = JSON::PP->new->ascii->encode({ id => "$id$value",
        type => "t$value", shop => "s$value", v => $value, at => $value,
        items => [ { sku => $value } ] });

    $r = post('/hostile', $body);

    is($r->{status}, 200, "$name: taken");
    is(($r->json // {})->{outcome}, 'delivered', "$name: delivered");

    my @got = $target->requests;

    is(scalar @got, 1, "$name: one request") or next;

    my ($h) = @got;

    is(scalar(grep { $_->[0] =~ /evil/i || $_->[0] !~ /^[A-Za-z-]+$/ }
                  @{ $h->{headers} }), 0, "$name: no header of its own");
    is(scalar(grep { ($_->[1] // '') =~ /[\x00-\x1f\x7f]/ }
                  @{ $h->{headers} }), 0, "$name: no control byte");
    is($h->{body}, $body, "$name: the body is as it was");

    my ($path, $query) = split /\?/, $h->{uri}, 2;
    my @segments = split m{/}, $path, -1;

    is(scalar @segments, 5, "$name: segments of the path");
    is(scalar(grep { $_ eq '..' || $_ eq '.' } @segments), 0,
        "$name: none of them leads away");
    unlike($h->{uri}, qr/[^\x21-\x7e]|[#"<>\\]/, "$name: URI is one word");
    is(() = $query =~ /[&?;]/g, 1, "$name: query has two values")
        or diag($query);

    if ($value ne '.' && $value ne '..') {
        my $bytes = $value;

        utf8::encode($bytes);
        is($segments[2] =~ s/%([0-9A-F]{2})/chr hex $1/ger, $bytes,
            "$name: decodes to what it was");
    }

    # nginx logs the delivery when its answer was read

    like(lines('hostile.log', 1), qr/\A[^\n]*\z/, "$name: one line");
    like(lines('values.log', 1), qr/\A[^\n]*\z/,
        "$name: one line of delivery");
}

# in headers of the producer: all bytes that nginx lets through

for my $byte (0x01 .. 0x09, 0x0b, 0x0c, 0x0e .. 0x1f, 0x7f, 0x80, 0xc3, 0xff) {
    my $name = sprintf 'header with 0x%02x', $byte;
    my $value = 'a' . chr($byte) . "b";

    $target->forget;
    $r = post('/hostile', '{"v":"x"}', 'X-Hostile' => $value,
        'X-Id' => "$byte$value", 'X-Type' => $value, 'X-Subject' => $value);

    # nginx of other versions refuses some

    if ($r->{status} == 400) {
        lines('hostile.log', 1);
        next;
    }

    is(($r->json // {})->{outcome}, 'delivered', "$name: receipt parses");

    my ($h) = $target->requests;

    is(scalar(grep { ($_->[1] // '') =~ /[\x00-\x1f\x7f]/ }
                  @{ $h->{headers} }), 0, "$name: no control byte");
    is($h->header('X-Type'), sprintf('a%%%02Xb', $byte), "$name: encoded")
        if $byte != 0x09;
    unlike($h->{uri}, qr/[^\x21-\x7e]/, "$name: URI is one word");
    like(lines('hostile.log', 1), qr/\A[^\n]*\z/, "$name: one line");
    like(lines('values.log', 1), qr/\A[^\n]*\z/,
        "$name: one line of delivery");
}

is(post('/a', qq({"id":"x","type":"order","v":"a\nb"}))->{status}, 400,
    'raw LF in JSON');


# ---- further places

$target->answer('/two', status => 200);

is(fate(post('/a', event(type => 'move', shop => 'acme'))),
    '200 moved=ok:200', 'upstream from a map');
is(($second->requests)[0]{uri}, '/moved/acme', 'proxy_pass with variables');

is(join(', ', map { fate(post('/a', event(type => 'reject', shop => $_))) }
             qw(x x y)),
    '200 reject=ok:200, 502 reject=failed:429, 200 reject=ok:200',
    'limit_req_zone by the subject');

my @clients = map { $t->connect } 1 .. 3;

$target->forget;

my $start = time;

$_->send(POST => '/a', [ 'Content-Type' => 'application/json' ],
    event(type => 'delay', shop => 'z')) for @clients;
is(join(' ', map { $_->response->{status} } @clients), '200 200 200',
    'limit_req that delays');
cmp_ok(time - $start, '>=', 0.4, 'limit_req: delayed');
is($target->count, 3, 'limit_req: delivered');

$target->answer('/conn', delay => 0.2);
$target->forget;
$_->send(POST => '/a', [ 'Content-Type' => 'application/json' ],
    event(type => 'conn')) for @clients[0, 1];
is(join(' ', sort map { fate($_->response) } @clients[0, 1]),
    '200 conn=ok:200 502 conn=failed:503', 'limit_conn by the target');
is(fate(post('/a', event(type => 'conn'))), '200 conn=ok:200',
    'limit_conn: given back');
$_->close for @clients;


# ---- batches

$target->forget;

my @batch = map { { specversion => '1.0', id => "b$_", source => '/s',
                    type => 'order', subject => "s$_" } } 1, 2;

$r = $t->post('/batch', JSON::PP->new->utf8->canonical->encode(\@batch),
    [ 'Content-Type' => 'application/cloudevents-batch+json' ]);

is($r->{status}, 200, 'batch');
is(join(' ', map { "$_->{id}=$_->{outcome}" } @{ $r->json->{events} }),
    'b1=delivered b2=delivered', 'batch: receipts');
is(lines('batch.log', 1), '||a||||||off||delivered',
    'batch: no event of many');
is(lines('one.log', 2, qr/^b/), "b1|order|a|s1||orders|one|1||memory|200\n"
    . 'b2|order|a|s2||orders|one|1||memory|200', 'batch: each delivery');
is(join(' ', sort map { $_->header('X-id') } $target->requests(uri => '/one')),
    'b1 b2', 'batch: each its own id');

$r = $t->post('/batch', JSON::PP->new->utf8->encode([ { %{ $batch[0] },
    id => 'b3' } ]),
    [ 'Content-Type' => 'application/cloudevents-batch+json' ]);
is(lines('batch.log', 1),
    'b3|order|a|s1||orders,again|one,two|1|off|memory|delivered',
    'batch of one');

is($t->post('/batch', '[]', [ 'Content-Type' =>
    'application/cloudevents-batch+json' ])->{status}, 200, 'batch of none');
is(lines('batch.log', 1), '||a||||||off||unrouted', 'batch of none: unrouted');

$t->done;


sub slack {
    my ($body) = @_;

    my $time = int time;

    require Digest::SHA;

    return ('X-Slack-Request-Timestamp' => $time, 'X-Slack-Signature' =>
        'v0=' . Digest::SHA::hmac_sha256_hex("v0:$time:$body", 'hush'));
}
