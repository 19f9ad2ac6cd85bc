#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What a location that receives events makes of nginx's other directives (if,
# limit_except, mirror, auth_request, satisfy, limit_req, internal redirects,
# post_action, error_page, reload), and what tells two events apart: ids that
# are long, hostile or look alike must never make one event of two.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256_hex);
use Test::More;
use Test::EventRouter;

my $TOKEN = 'a-token-of-this-test';
my ($VERSION) = slurp("$FindBin::Bin/../CHANGES")
                =~ /^Changes with event router (\S+)/m;
my @JSON = ('Content-Type' => 'application/json');
my @TOKEN = (@JSON, 'X-Token' => $TOKEN);

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);

$t->secret($TOKEN);
$t->write_file('secret', $TOKEN);

config('event_source passing { verify off; id "{json:id}"; dedup off; }',
    'location = /passing { event_receive passing; }');
$t->run;

my $serial = 0;
my $r;

# ---- "if" and "limit_except" have configurations of their own

for my $uri ('/if', '/if?a=1', '/if?a=1&b=2', '/if?b=2') {
    takes($uri, "POST $uri");
}

is($t->get('/if?a=1')->{status}, 405, 'in "if": methods');
is($t->post('/if?a=1', 'x' x 2000, [ @JSON ])->{status}, 413,
    'in "if": max_size');
is($t->post('/if?c=3', event(), [ @JSON ])->{status}, 418,
    'what "if" itself answers');

takes('/limit-get', 'limit_except lets POST pass');
is($t->get('/limit-get')->{status}, 403, 'and denies GET');
takes('/limit-post', 'limit_except that lets POST pass, too');
is($t->post('/limit-post', 'x' x 2000, [ @JSON ])->{status}, 413,
    'its max_size');
is($t->get('/outer/inner')->{status}, 404, 'a location inside is another');

# ---- what stands in front: access, limits, redirects

for my $uri (qw(/auth /any-of /limited /rewritten /tried /named)) {
    takes($uri, $uri);
    takes($uri, "$uri, large", fill => 100_000);
    takes($uri, "$uri, chunked", fill => 100_000, chunks => 5000);
    takes($uri, "$uri, HTTP/2", fill => 100_000, h2 => 1);
}

$erp->forget;
is($t->post('/auth-no', event(), [ @JSON ])->{status}, 403,
    'auth_request denies');
is($t->post('/internal', event(), [ @JSON ])->{status}, 404, 'internal');
is($t->get('/hidden')->{status}, 500, 'a subrequest brings no event');
is(scalar($erp->requests), 0, 'nothing of it was delivered');
$t->expect_log(qr/is in the way of a subrequest/, 'a subrequest');

# ---- a body that somebody read before

for my $case ([ '', 0 ], [ ' large', 50_000 ]) {
    my ($name, $fill) = @$case;

    for my $how ([], [ chunks => 5000 ], [ h2 => 1 ]) {
        my $what = "mirror$name " . ($how->[0] // 'plain');
        my $event = event(fill => $fill);

        $erp->forget;
        is(send_to('/mirror', $event, @$how)->{status}, 200, $what);

        my @got = $erp->wait_requests(2);

        is(join(' ', sort map { $_->{uri} } @got), '/copy /erp',
            "$what: both");
        ok(!grep({ $_->{body} ne $event } @got), "$what: the same bytes");
    }
}

is($t->post('/mirror-file', event(fill => 50_000), [ @JSON ])->{status}, 500,
    'mirror wrote the body to a file');
like($t->wait_log(qr/event body is in a file/), qr/client_body_buffer_size/,
    'error.log says how to prevent it');

my $c = $t->connect;

$c->write("POST /mirror HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n"
    . "\r\n");
is($c->response->{status}, 413, 'mirror does not read without end');
$c->close;
$erp->wait_requests(3);

# ---- the body is nginx's again when we are done

$erp->forget;

my $event = event();

takes('/log', '$request_body', event => $event);
ok($t->wait_file('logs/body.log', qr/^\Q$event\E$/m), 'is logged');

takes('/post-action', 'post_action', event => $event);
ok(wait_until(5, sub { my ($got) = $erp->requests(uri => '/after');
                       return $got && $got->{body} eq $event }),
    'has the body');

# error_page does not see what we answer, and variables see what is behind it

is($t->post('/error-page', event(), [ @JSON ])->{status}, 401, 'our own 401');

$r = $t->post('/error-page-500', event(fill => 50_000), [ @JSON ]);
is($r->{body}, "kept\n", 'variables behind error_page');

# ---- many requests on one connection

$c = $t->connect;

my @pipeline = ([ '/passing', 200 ], [ '/token', 401 ], [ '/passing', 415,
    'Content-Encoding' => 'br' ], [ '/mirror', 200 ], [ '/if?a=1', 200 ],
    [ '/passing', 508, 'X-Event-Hops' => 9 ], [ '/passing', 200 ]);

$c->write(join '', map { my ($uri, $status, @more) = @$_;
    Test::EventRouter::Client::format_request(POST => $uri, [ @JSON, @more ],
        event()) } @pipeline);
is(join(' ', map { my $r = $c->response; $r ? $r->{status} : 0 } @pipeline),
    join(' ', map { $_->[1] } @pipeline), 'pipelined');
$c->close;

# ---- hops

for my $case ([ 0, 200 ], [ 2, 200 ], [ 3, 508 ], [ '003', 508 ],
              [ 9223372036854775807, 508 ], [ '9' x 30, 508 ], [ '', 200 ],
              [ -1, 200 ], [ 'many', 200 ])
{
    is($t->post('/passing', event(), [ @JSON, 'X-Event-Hops' => $case->[0] ])
       ->{status}, $case->[1], "hops \"$case->[0]\"");
}

# ---- ids: what is not the same is not a duplicate

my $long = 'a' x 256;

for my $case ([ 'long', "${long}1", "${long}2" ],
              [ 'very long', $long x 20 . 'x', $long x 20 . 'y' ],
              [ 'as long as it may be', $long, "${long}a" ],
              [ 'a control byte and its name', "a\x01b", 'a%01b' ],
              [ 'bad UTF-8 and its name', "a\xffb", 'a%FFb' ],
              [ 'a blank', 'a b', 'a%20b' ],
              [ 'long with control bytes', "\x01" x 100, "\x01" x 101 ])
{
    my ($name, $one, $two) = @$case;

    $erp->forget;

    my @id = map { fate('/id', '{}', 'X-Id' => $_) } $one, $two, $one, $two;

    is(join(' ', map { $_->[0] } @id),
        'delivered delivered duplicate duplicate', "ids: $name");
    is(scalar(grep { length $_->[1] > 256 } @id), 0, 'of bounded length');
    is(join(' ', map { $_->header('Webhook-Id') } $erp->requests),
        "$id[0][1] $id[1][1]", 'as the target gets them');
}

is(fate('/id', '{}', 'X-Id' => "${long}1")->[1],
    fate('/id', '{}', 'X-Id' => "${long}1")->[1], 'a long id stays the same');
isnt(fate('/id', '{}', 'X-Id' => "${long}1")->[1],
    fate('/id', '{}', 'X-Id' => "${long}2")->[1], 'two differ');
is(fate('/id', '{}', 'X-Id' => $long)->[1], $long, '256 bytes are kept');

# UTF-8 has no surrogates: a receipt with one would be no JSON

$r = $t->post('/id', '{}', [ @TOKEN, 'X-Id' => "a\xed\xa0\x80\xc3\xa4" ]);
is(($r->json // {})->{id}, "a%ED%A0%80\x{e4}", 'a surrogate in an id');

# the source of a CloudEvent is a part of its identity

for my $case ([ 'long', "${long}1", "${long}2" ],
              [ 'control byte', '/a\u0001', '/a%01' ])
{
    my ($name, @source) = @$case;

    is(join(' ', map { fate('/cloudevents', '{"specversion":"1.0","id":"1",'
        . qq("type":"t","source":"$_"}), 'Content-Type' =>
        'application/cloudevents+json')->[0] } @source, @source),
        'delivered delivered duplicate duplicate', "sources: $name");
}

# ---- dedup by=: what says nothing does not make one event of all

for my $nothing ('{}', '{"n":null}', '{"n":""}', '{"n":[]}', '{"n":{}}') {
    is(join(' ', map { fate('/by', $nothing)->[0] } 1 .. 2),
        'delivered delivered', "by=data.n of $nothing");
}

for my $something ('{"n":0}', '{"n":false}', '{"n":["a"]}', '{"n":"x"}',
                   '{"n":null,"m":1}')
{
    is(join(' ', map { fate('/by', $something)->[0] } 1 .. 2),
        'delivered duplicate', "by=data.n of $something");
}

# then the event is told apart as it would be without by=

for my $nothing ('"x":1', '"n":null', '"n":""', '"n":[]', '"n":{}')
{
    $serial++;

    is(join(' ', map { fate('/by-id', $_)->[0] }
            map { qq({"id":"$serial","v":$_,$nothing}) } 1, 2, 1, 2),
        'delivered delivered duplicate duplicate', "by-id: $nothing, an id"
        . ' that nobody signed and the body');
    is(join(' ', map { fate('/by-id', qq({"id":"$serial.$_",$nothing}))->[0] }
            1, 2, 1), 'delivered delivered duplicate', "by-id: $nothing, id");
    is(join(' ', map { fate('/by-signed', $_, 'X-Sig' =>
                    hmac_sha256_hex($_, $TOKEN))->[0] }
            map { qq({"id":"$serial","v":$_,$nothing}) } 1, 2),
        'delivered duplicate', "by-signed: $nothing, a signed id");
    is(join(' ', map { fate('/by-id', qq({$nothing}))->[0] } 1, 2),
        'delivered delivered', "by-id: $nothing, no id");
}

# and is no other event's: a value of the field that looks like an id

is(join(' ', map { fate('/by-id', $_)->[0] } '{"id":"seven"}',
        '{"n":"seven"}', '{"n":["by-id","seven"]}',
        '{"id":"8","n":"seven"}'),
    'delivered delivered delivered duplicate', 'by-id: fields or id');

is(join(' ', map { fate('/by-subject', qq({"subject":"$long$_"}))->[0] }
                 1, 2, 1), 'delivered delivered duplicate',
    'by=subject of long ones');

# ---- reload: a source goes while an event of it is on its way

$erp->answer('/erp', delay => 0.5);
$erp->forget;

$c = $t->connect;
$c->send(POST => '/passing', [ @JSON ], $event);
ok(wait_until(5, sub { $erp->begun }), 'an event is on its way');

config('', '');
ok($t->reload, 'its source is removed');
$r = $c->response;
is($r->{status}, 200, 'it is answered');
is($r->json->{outcome}, 'delivered', 'and delivered');
$c->close;
$erp->answer('/erp', status => 200);
is($t->post('/passing', $event, [ @JSON ])->{status}, 404,
    'the source is gone');
ok($t->wait_old_workers, 'the old worker leaves');

# nothing is received any more, and then again

$t->config(<<'EOC');
    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location /status { event_status; }
    }
EOC

ok($t->reload, 'no source at all');
like($t->get('/status')->{body},
    qr/\A\{"version":"\Q$VERSION\E","sources":\{\},"targets":\{\},"routes":\{\},/,
    'status of nothing, with the version of CHANGES');
like($t->get('/status/metrics')->{body} // '',
    qr/^event_router_build_info\{version="\Q$VERSION\E",nginx="[\d.]+"\} 1$/m,
    'and as a metric');

config('event_source passing { verify off; dedup off; }',
    'location = /passing { event_receive passing; }');
ok($t->reload, 'sources again');
takes('/passing', 'received again');

# a batch that would never have places for all of its deliveries

for my $case ([ 4352, 1, 0 ], [ 4353, 1, 1 ], [ 2177, 2, 1 ], [ 4353, 0, 0 ]) {
    my ($batch, $targets, $warned) = @$case;

    config("event_source batches { verify off; max_batch $batch; }"
        . join('', map { "event_route r$_ { from batches; to t$_; }" }
                       1 .. $targets),
        'location = /batches { event_receive batches; }'
        . join('', map { "location = /t$_ { event_deliver t$_; return 200; }" }
                       1 .. $targets), from => 'kept');

    my ($ok, $said) = $t->check_config;

    ok($ok && ($said =~ /a batch of $batch .* can never be taken/ ? 1 : 0)
       == $warned, "max_batch $batch with $targets targets")
        or diag($said);
}

# so many that the counters need more room

config(join("\n", map { "event_source n$_ { verify off; dedup off; }" }
                      1 .. 150),
    join("\n", map { "location = /n$_ { event_receive n$_; }" } 1 .. 150));
ok($t->reload, 'many sources');
takes('/n150', 'the last of them');
is($t->get('/status')->json->{sources}{n150}{delivered}, 1, 'is counted');

$t->done;


# ---- helpers

sub config {
    my ($sources, $locations, %o) = @_;

    my $from = $o{from} // '*';

    my $token = 'verify token; signature header:X-Token;'
        . ' secret file:%%TESTDIR%%/secret;';

    $t->config(<<"EOC");

    log_format body escape=none '\$request_body';

    limit_req_zone \$binary_remote_addr zone=limit:1m rate=100r/s;

    $sources

    event_source small { verify off; id "{json:id}"; dedup off; max_size 1k; }
    event_source token { $token }
    event_source id    { $token id "{header:X-Id}"; }
    event_source events { $token accept application/cloudevents+json; }
    event_source by    { verify off; dedup 1h by=data.n by=data.m; }
    event_source by-id { verify off; id "{json:id}"; dedup 1h by=data.n; }
    event_source by-signed { verify hmac-sha256; secret file:%%TESTDIR%%/secret;
                             signed "{body}"; signature header:X-Sig;
                             id "{json:id}"; dedup 1h by=data.n; }
    event_source by-subject { verify off; dedup 1h by=subject;
                              subject "{json:subject}"; }
    event_source kept  { verify off; id "{json:id}"; dedup off; }

    event_route all { from $from; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        listen 127.0.0.1:%%PORT_8082%% http2;

        ignore_invalid_headers off;

        $locations

        location = /if {
            event_receive small;
            if (\$arg_a) { set \$a 1; }
            if (\$arg_b) { add_header X-B \$arg_b; }
            if (\$arg_c) { return 418; }
        }

        location = /limit-get  { event_receive small;
                                 limit_except POST { deny all; } }
        location = /limit-post { event_receive small;
                                 limit_except GET { allow all; } }
        location /outer { event_receive small; location /outer/inner { } }

        location = /auth    { auth_request /yes; event_receive kept; }
        location = /auth-no { auth_request /no; event_receive kept; }
        location = /any-of  { satisfy any; deny all; auth_request /yes;
                              event_receive kept; }
        location = /limited { limit_req zone=limit burst=50;
                              event_receive kept; }

        location = /yes { internal; proxy_pass http://127.0.0.1:%%PORT_8081%%;
                          proxy_pass_request_body off;
                          proxy_set_header Content-Length ""; }
        location = /no  { internal; return 403; }

        location = /internal  { internal; event_receive kept; }
        location = /rewritten { rewrite ^ /internal last; }
        location = /tried     { try_files /none /internal; }
        location = /named     { try_files /none \@named; }
        location \@named       { event_receive kept; }
        location = /hidden    { auth_request /internal; }

        location = /mirror { mirror /copy; client_body_buffer_size 128k;
                             event_receive kept; }
        location = /mirror-file { mirror /copy; event_receive kept; }
        location = /copy { internal;
                           proxy_pass http://127.0.0.1:%%PORT_8081%%; }

        location = /log { access_log %%TESTDIR%%/logs/body.log body;
                          event_receive kept; }
        location = /post-action { post_action /after; event_receive kept; }
        location = /after { internal;
                            proxy_pass http://127.0.0.1:%%PORT_8081%%; }

        location = /token { event_receive token; }
        location = /error-page { error_page 401 = /fallback;
                                 event_receive token; }
        location = /error-page-500 { mirror /copy; error_page 500 = /fallback;
                                     event_receive kept; }
        location = /fallback { return 200 "\$event_source\\n"; }

        location = /id { event_receive id; }
        location = /cloudevents { event_receive events; }
        location = /by { event_receive by; }
        location = /by-id { event_receive by-id; }
        location = /by-signed { event_receive by-signed; }
        location = /by-subject { event_receive by-subject; }
        location = /status { event_status; }

        location = /erp { event_deliver erp;
                          proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }
EOC
}


sub event {
    my (%o) = @_;

    return '{"id":"e' . ++$serial . '","fill":"' . 'x' x ($o{fill} // 0)
        . '"}';
}


sub send_to {
    my ($uri, $body, %o) = @_;

    return $t->h2(POST => $uri, [ @JSON ], $body, port => 8082) if $o{h2};

    return $t->post($uri, $body, [ @JSON ], %o);
}


# an event is taken and delivered, byte for byte

sub takes {
    my ($uri, $name, %o) = @_;

    my $body = delete $o{event} // event(fill => delete $o{fill});

    $erp->forget;

    my $r = send_to($uri, $body, %o);
    my ($got) = $erp->requests(uri => '/erp');

    ok($r->{status} == 200 && $got && $got->{body} eq $body, $name)
        or diag("status $r->{status}");
}


# what becomes of an event, and its id in the receipt, as bytes

sub fate {
    my ($uri, $body, @headers) = @_;

    my $r = $t->post($uri, $body, [ @headers, 'X-Token' => $TOKEN,
        grep({ /^Content-Type$/ } @headers) ? () : @JSON ]);
    my ($id) = $r->{body} =~ /"id":"(.*?)","type"/;

    return [ ($r->json // {})->{outcome} // $r->{status}, $id // '' ];
}


sub slurp {
    my ($path) = @_;

    open my $f, '<', $path or die "$path: $!\n";
    local $/;

    return scalar <$f>;
}
