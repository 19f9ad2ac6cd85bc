#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Bodies that nobody is sure of: text/plain, which is JSON if it is, and data of
# CloudEvents in binary mode, which may be of any type.  What no rule can read
# is delivered as it came; what is hidden stays hidden.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);

$t->secret('a-secret-of-this-test');
$t->write_file('secret', "a-secret-of-this-test\n");
$t->write_file('t.json', '{ "a": "{data.a?}" }');

$t->config(<<"EOC");

    event_store file:%%TESTDIR%%/store size=64m;

    event_source text { verify off; accept text/plain; dedup off;
                        id "{json:id}"; type "{json:type}";
                        limits depth=4 string=20; }

    event_source arrays { verify off; accept text/plain; dedup off;
                          split data.items; id "{item:id}"; }

    event_source shy { verify off; accept text/plain; dedup off;
                       redact data.pin; type "{header:X-Type}"; }

    event_source ce { verify bearer; secret file:%%TESTDIR%%/secret; }
    event_source json { verify bearer; secret file:%%TESTDIR%%/secret;
                        accept application/json; }
    event_source batch { verify off;
                         accept application/cloudevents-batch+json; }

    event_source queued { verify off; accept text/plain; delivery queued;
                          id "{header:X-Id}"; }

    event_source mapped { verify off; accept text/plain; dedup off;
                          type "{header:X-Type}"; }

    event_target bad { retry off; }
    event_target template { body template %%TESTDIR%%/t.json; }
    event_target data { body data; }
    event_target envelope { body cloudevents; }

    event_route all { from text arrays shy ce json batch; to erp; }
    event_route a { from text; when data.a = 1; to erp; }
    event_route total { from ce; when data.total >= 10; to erp; }
    event_route queued { from queued; to bad; }
    event_route mapped { from mapped; to template data envelope; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /text    { event_receive text; }
        location = /arrays  { event_receive arrays; }
        location = /shy     { event_receive shy; }
        location = /ce      { event_receive ce; }
        location = /json    { event_receive json; }
        location = /batch   { event_receive batch; }
        location = /mapped  { event_receive mapped; }
        location = /queued  { event_receive queued; }
        location /admin/    { event_admin access=nginx reveal; }
        location = /bad     { event_deliver bad;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /explain { event_explain shy reveal; }

        location = /erp      { event_deliver erp;
                               proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /template { event_deliver template;
                               proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /data     { event_deliver data;
                               proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /envelope { event_deliver envelope;
                               proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }
EOC

$t->run;

# ---- text/plain

for my $case ([ 'JSON', '{"id":"i1","a":1}', 'a' ],
              [ 'with blanks', qq(\n {"a":1} \n), 'a' ],
              [ 'a BOM', "\xef\xbb\xbf" . '{"a":1}', 'a' ],
              [ 'words', 'hello' ],
              [ 'empty', '' ],
              [ 'blanks', "\n " ],
              [ 'begins like JSON', '{"a":1' ],
              [ 'goes on', '{"a":1} and more' ],
              [ 'a number and more', '1 is not 2' ],
              [ 'UTF-16', "\xff\xfe{\0" ],
              [ 'NUL', "\0" ],
              [ 'another charset', "Ren\xe9" ],
              [ 'quotes', '"a" or "b"' ])
{
    my ($name, $text, $route) = @$case;

    my $r = post('/text', $text);

    is_deeply([ $r->{status}, ($r->json // {})->{routes},
                ($erp->requests)[0]{body} ],
        [ 200, [ 'all', $route || () ], $text ], "text: $name");
    is(($erp->requests)[0]->header('Content-Type'), 'text/plain',
        "text: $name, its type");
}

is(post('/text', '{"id":"i1","type":"x"}')->json->{type}, 'x',
    'attributes of JSON');
like(post('/text', 'hello')->json->{id}, qr/^sha256-/, 'and of words');

for my $case ([ 'too deep', '[[[[[1]]]]]', qr/nested too deeply/ ],
              [ 'too long', '"' . 'x' x 21 . '"', qr/string too long/ ],
              [ 'a key twice', '{"a":1,"a":2}', qr/duplicate key "a"/ ])
{
    my ($name, $text, $why) = @$case;

    my $r = post('/text', $text);
    is($r->{status}, 400, "text: $name");
    like($r->json->{detail}, $why, "text: $name, why");
    is(scalar $erp->requests, 0, "text: $name, nothing is delivered");
}

is(scalar @{ post('/arrays', '{"items":[{"id":1},{"id":2}]}')->json->{events} },
    2, 'JSON is split');
is(post('/arrays', '{"items":[{"id":1},{"id":2}')->{status}, 200,
    'what is none is one event');
is(scalar $erp->requests, 1, 'and no more');

# ---- mapped

post('/mapped', 'a "word"', 'text/plain', 'X-Type' => 'x');
is(($erp->requests(uri => '/data'))[0]{body}, 'a "word"', 'body data');

my $envelope = decoded(($erp->requests(uri => '/envelope'))[0]{body});
is($envelope->{datacontenttype}, 'text/plain', 'body cloudevents');
is($envelope->{data_base64} // $envelope->{data}, 'YSAid29yZCI=',
    'body cloudevents: the bytes');
is_deeply(decoded(($erp->requests(uri => '/template'))[0]{body}), {},
    'body template: there is no field');

post('/mapped', ' {"a":1} ', 'text/plain', 'X-Type' => 'x');
is_deeply(decoded(($erp->requests(uri => '/envelope'))[0]{body})->{data},
    { a => 1 }, 'JSON: body cloudevents');
is_deeply(decoded(($erp->requests(uri => '/template'))[0]{body}),
    { a => '1' }, 'JSON: body template');

# ---- hidden

for my $text ('{"pin":"s3cr3t"}', 'pin=s3cr3t', '{"pin":"s3cr3t"') {
    my $r = $t->post('/explain', $text, [ 'Content-Type' => 'text/plain' ]);

    is($r->{status}, 200, "explained: $text");
    unlike($r->{body}, qr/s3cr3t/, 'nothing of it');
}

# ---- who edits JSON does not make words of it by a slip

$erp->answer('/bad', status => 400, body => 'no');
post('/queued', '{"a":1}', 'text/plain', 'X-Id' => 'json');
post('/queued', 'words', 'text/plain', 'X-Id' => 'words');

my %dead;

wait_until(10, sub {
    %dead = map { $_->{id} => $_->{event} }
            @{ $t->get('/admin/v1/dead')->json->{entries} };
    return keys %dead == 2;
});

is(edit($dead{json}, '{"a":1')->{status}, 400, 'edited: JSON that is none');
like(edit($dead{json}, '{"a":1')->json->{detail}, qr/the original is JSON/,
    'edited: why');
is(edit($dead{json}, '{"a":2}')->{status}, 200, 'edited: JSON');
is(edit($dead{json}, 'b', '&content_type=text/plain')->{status}, 200,
    'edited: by intention');
is(edit($dead{words}, 'other words')->{status}, 200, 'edited: words');
is(edit($dead{words}, '{"a":3}')->{status}, 200, 'edited: words become JSON');

# they are called in their own time

ok(wait_until(10, sub {
    my %came = map { $_->{body} => 1 } $erp->requests(uri => '/bad');
    return 4 == grep { $came{$_} } '{"a":2}', 'b', 'other words', '{"a":3}';
}), 'edited: all were called');

# ---- CloudEvents

my @ce = ('ce-specversion' => '1.0', 'ce-type' => 'com.example.text',
    'ce-source' => '/s', Authorization => 'Bearer a-secret-of-this-test');

for my $case ([ 'text/plain', 'hello' ],
              [ 'text/plain; charset=utf-16', "h\0i\0" ],
              [ 'application/xml', '<a/>' ],
              [ 'image/png', "\x89PNG\r\n\0\xff" ],
              [ 'application/octet-stream', '' ],
              [ 'application/vnd.a+json', '{"total":10}', 'total' ],
              [ 'text/json', '{"total":10}', 'total' ],
              [ 'text/plain', '{"total":10}', 'total' ],
              [ 'application/x-www-form-urlencoded', 'total=10', 'total' ],
              [ 'multipart/form-data; boundary=b', "--b\r\nContent-Disposition:"
                . " form-data; name=total\r\n\r\n10\r\n--b--", 'total' ],
              [ 'application/x-ndjson', "{}\n{" ])
{
    my ($type, $body, $route) = @$case;

    my $r = post('/ce', $body, $type, @ce, 'ce-id' => "c$type$body" =~ tr/\0-\x20\x7f-\xff//dr);

    is_deeply([ $r->{status}, ($r->json // {})->{routes} ],
        [ 200, [ 'all', $route || () ] ], "binary: $type") or diag($r->{body});

    my ($got) = $erp->requests;

    is($got->{body}, $body, "binary: $type, its bytes");
    is($got->header('Content-Type'), $type, "binary: $type, its type");
    is($got->header('ce-type'), 'com.example.text', "binary: $type, headers");
}

for my $case ([ 'no id', '/ce', 'text/html', 415, @ce ],
              [ 'an empty id', '/ce', 'text/html', 415, @ce, 'ce-id' => '' ],
              [ 'no type', '/ce', 'text/html', 415, @ce[0, 1, 4 .. 7],
                'ce-id' => 'n' ],
              [ 'an older one', '/ce', 'text/html', 400,
                'ce-specversion' => '0.3', @ce[2 .. 7], 'ce-id' => 'n' ],
              [ 'not signed', '/ce', 'text/html', 401, @ce[0 .. 5],
                'ce-id' => 'n' ],
              [ 'no CloudEvents here', '/json', 'text/html', 415, @ce,
                'ce-id' => 'n' ],
              [ 'an envelope', '/batch', 'application/cloudevents+json', 415,
                @ce, 'ce-id' => 'n' ],
              [ 'another envelope', '/batch', 'application/cloudevents+avro',
                415, @ce, 'ce-id' => 'n' ],
              [ 'JSON that is none', '/ce', 'application/json', 400, @ce,
                'ce-id' => 'n' ],
              [ 'JSON in UTF-16', '/ce', 'text/json; charset=utf-16', 415, @ce,
                'ce-id' => 'n' ])
{
    my ($name, $uri, $type, $status, @headers) = @$case;

    is(post($uri, 'hello', $type, @headers)->{status}, $status,
        "binary: $name");
    is(scalar $erp->requests, 0, "binary: $name, nothing is delivered");
}

$t->done;


# ---- helpers

sub post {
    my ($uri, $body, $type, @headers) = @_;

    $erp->forget;

    return $t->post($uri, $body, [ 'Content-Type' => $type // 'text/plain',
                                   @headers ]);
}


sub edit {
    my ($event, $body, $more) = @_;

    return $t->post("/admin/v1/replay?event=$event&target=bad" . ($more // ''),
        $body, [ 'X-Event-Admin' => 1,
                 'Content-Type' => 'application/x-www-form-urlencoded' ]);
}


sub decoded {
    my ($text) = @_;

    return JSON::PP->new->utf8->decode($text);
}
