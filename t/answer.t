#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What a producer hears of events that were taken: "answer" and "refusal" of
# event_source, those of the presets whose producers read it, and the header
# X-Event-Outcome that is in each answer.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha1 hmac_sha256 hmac_sha256_hex sha256_hex);
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $target = $t->target(8081);
my $number = 0;

$t->expect_log(qr/\[emerg\]/, 'wrong configurations are what is tested');


# ---- nginx -t

fine($_) for 'answer 200;', 'answer 299;', 'answer 204;', 'answer 200 empty;',
    'answer 204 empty;', 'answer 202 text/plain OK;',
    'answer 200 "text/xml; charset=utf-8" "<Response/>";',
    'answer 200 application/json \'{"id":"$event_id"}\';', 'refusal empty;',
    'refusal problem;', 'answer 200 empty; unrouted 404; refusal empty;',
    'answer 200 text/plain "";', 'answer 200; reply from=erp;';

{
    my ($ok, $said) = trial('answer 200 text/plain "OK {json:id}";');
    ok($ok && index($said, 'the producer gets "OK {json:id}" as it stands') >= 0,
        'nginx -t: a template in an answer') or diag($said);

    ($ok, $said) = trial(q(answer 200 application/json '{"a":{ "b":{}}}';));
    ok($ok && index($said, 'as it stands') < 0, 'nginx -t: JSON in an answer')
        or diag($said);
}

wrong('answer;', 'invalid number of arguments');
wrong("answer $_;", "invalid status \"$_\"")
    for 'empty', '199', '300', '404', '20', '2000', '-200', '0200';
wrong('answer 200 text/plain;', 'write "answer STATUS;"');
wrong('answer 200 plain OK;', 'invalid content type "plain"');
wrong('answer 200 /plain OK;', 'invalid content type "/plain"');
wrong('answer 200 text/ OK;', 'invalid content type "text/"');
wrong("answer 200 'text/plain\r\nX-A: b' OK;", 'invalid content type');
wrong('answer 204 text/plain OK;', '"answer 204" has no body');
wrong('answer 205 text/plain OK;', '"answer 205" has no body');
wrong('answer 200 text/plain $nothing;', 'unknown "nothing" variable');
wrong('answer 200 text/plain a b;', 'invalid number of arguments');
wrong('answer 200; answer 202;', 'duplicate');
wrong('refusal;', 'invalid number of arguments');
wrong('refusal none;', 'with "empty" an answer of 4xx has no body');


# ---- what is heard

my %sources = (
    plain    => 'verify off;',
    status   => 'verify off; answer 201;',
    empty    => 'verify off; answer 200 empty;',
    none     => 'verify off; answer 204;',
    text     => 'verify off; answer 200 text/plain "got $event_id of '
                . '$event_source";',
    queued   => 'verify off; answer 200 empty; delivery queued;',
    waits    => 'verify off; answer 200 empty; delivery queued wait=5s;',
    unrouted => 'verify off; answer 200 empty; unrouted 404;',
    well     => 'verify off; answer 200 empty; unrouted 202;',
    split    => 'verify off; answer 200 text/plain all; split data.events; '
                . 'id "{item:id}"; type "{item:type}";',
    mixed    => 'verify off; answer 200 text/plain all; split data.events; '
                . 'id "{item:id}"; type "{item:type}"; unrouted 404;',
    bare     => 'verify off; refusal empty; require data.id exists; '
                . 'answer 202 text/plain ok;',
    token    => 'verify bearer; secret s; refusal empty;',
    limited  => 'verify off; refusal empty; rate 1r/h;',
    relayed  => 'verify off; reply from=erp; answer 200 empty;',
    told     => 'verify xero; secret xk; refusal problem; answer 200;',
    slack    => 'verify slack; secret sls;',
    xero     => 'verify xero; secret xk;',
    zoom     => 'verify zoom; secret zs; delivery queued;',
    zoom202  => 'verify zoom; secret zs; delivery queued; answer 202;',
    mailgun  => 'verify mailgun; secret mg; delivery queued;',
    twilio   => 'verify twilio; secret tw;',
    sparkpost => 'verify sparkpost; secret "u:p"; delivery queued;',
    salesforce => 'verify salesforce; secret tok;',
);

$t->config('event_store file:%%TESTDIR%%/q size=8m; '
    . join(' ', map { "event_source $_ { " . lines($_) . ' }' }
           sort keys %sources)
    . ' event_route taken { from '
    . join(' ', grep { $_ ne 'unrouted' && $_ ne 'well' } sort keys %sources)
    . '; when type != lost; to erp; } '
    . 'event_route some { from unrouted well; when type = wanted; to erp; }'
    . 'server { listen 127.0.0.1:%%PORT_8080%%; '
    . join(' ', map { "location = /$_ { event_receive $_; }" }
           sort keys %sources)
    . ' location = /deliver/erp { event_deliver erp; '
    . 'proxy_read_timeout 2s; '
        . 'proxy_pass http://127.0.0.1:%%PORT_8081%%/erp; } }');

$t->run;

my $r = event('plain');
is($r->{status}, 200, 'without the line');
like($r->{body}, qr/"outcome":"delivered"/, 'a receipt');
is($r->header('X-Event-Outcome'), 'delivered', 'and its word in a header');

$r = event('plain', '{"id":1,"type":"lost"}');
is($r->header('X-Event-Outcome'), 'unrouted', 'of one that no route takes');

$r = event('plain', 'no json');
is($r->{status}, 400, 'a refusal');
is($r->header('X-Event-Outcome'), 'invalid', 'has a word, too');

$r = $t->get('/plain');
is($r->{status}, 405, 'no event');
is($r->header('X-Event-Outcome'), 'rejected', 'its word');
is($r->header('Allow'), 'POST', 'what is allowed');

$r = event('status');
is($r->{status}, 201, 'another status');
like($r->{body}, qr/"outcome":"delivered"/, 'with the receipt');

nothing('empty', 200);
nothing('none', 204);
nothing('queued', 200, 'queued');

my $body = '{"id":"twice","type":"a"}';
$r = event('empty', $body);
$r = event('empty', $body);
is($r->{status}, 200, 'a duplicate');
is($r->{body}, '', 'hears the same');
is($r->header('X-Event-Outcome'), 'duplicate', 'but for the word');
is($r->header('X-Event-Duplicate'), '1', 'and the other header');

$r = event('text', '{"id":"a b","type":"t"}');
is($r->{body}, 'got a b of text', 'variables of the event');
is($r->header('Content-Type'), 'text/plain', 'its type');
is($r->header('X-Content-Type-Options'), 'nosniff', 'no browser guesses');

$r = event('empty', '{"id":"none","type":"lost"}');
is($r->{status}, 200, 'no route, and no "unrouted"');
is($r->{body}, '', 'hears "answer"');
is($r->header('X-Event-Outcome'), 'unrouted', 'its word');

$r = event('unrouted', '{"id":"none","type":"lost"}');
is($r->{status}, 404, '"unrouted" wins where it is written');
like($r->{body}, qr/"outcome":"unrouted"/, 'with its receipt');
is(event('unrouted', '{"id":"some","type":"wanted"}')->{body}, '',
    'and not for others');

$r = event('well', '{"id":"none","type":"lost"}');
is($r->{status}, 202, 'also with 2xx');
like($r->{body}, qr/"outcome":"unrouted"/, 'with its receipt');


# ---- what was not taken is told

$target->answer('/erp', status => 503);
$r = event('empty');
is($r->{status}, 502, 'a target that failed');
like($r->{body}, qr/"outcome":"failed"/, 'with the receipt');
is($r->header('X-Event-Outcome'), 'failed', 'its word');
ok($r->header('Retry-After'), 'and when to come again');
$target->answer('/erp', status => 400);
$r = event('waits');
is($r->{status}, 422, 'a dead letter that was waited for');
like($r->{body}, qr/dead letter/, 'says so');
$target->answer('/erp', status => 200);
is(event('waits')->{status}, 200, 'and one that is well');


# ---- several events

$r = events('split', qw(a b c));
is($r->{status}, 200, 'several events');
is($r->{body}, 'all', 'and one answer');
$r = events('split', qw(a d lost));
is($r->{body}, 'all', 'a duplicate, a new one and one without a route');
is($r->header('X-Event-Outcome'), 'duplicate', 'the first of the worst')
    or diag(explain($r->{headers}));
$r = events('mixed', qw(a lost));
is($r->{status}, 404, 'one that "unrouted" calls a failure');
like($r->{body}, qr/"events":\[/, 'is told with all of them');
is(events('mixed', qw(a b))->{body}, 'all', 'and is not, where there is none');
$target->answer('/erp', status => 503);
$r = events('split', qw(a e));
is($r->{status}, 502, 'one of them failed');
like($r->{body}, qr/"events":\[/, 'is told with all of them');
$target->answer('/erp', status => 200);


# ---- refusal empty

$r = event('bare', '{"type":"a"}');
is($r->{status}, 422, 'what is required is not there');
is($r->{body}, '', 'and nothing is said');
is($r->header('Content-Length'), '0', 'its length');
is($r->header('Content-Type'), undef, 'no type of nothing');
is($r->header('X-Event-Outcome'), 'unmet', 'but for the word');
is(event('bare')->{body}, 'ok', 'others hear "answer"');

$r = event('bare', 'no json');
is($r->{status}, 400, 'no JSON');
is($r->{body}, '', 'nothing is said');

$r = $t->get('/bare');
is($r->{status}, 405, 'no event');
is($r->{body}, '', 'nothing is said');
is($r->header('Allow'), 'POST', 'but what is allowed');

$r = event('token');
is($r->{status}, 401, 'no token');
is($r->{body}, '', 'nothing is said');

event('limited');
$r = event('limited');
is($r->{status}, 429, 'too many');
is($r->{body}, '', 'nothing is said');
ok($r->header('Retry-After'), 'but when to come again');

$target->answer('/erp', status => 503);
$r = event('bare');
is($r->{status}, 502, 'a target that failed');
like($r->{body}, qr/"outcome":"failed"/, 'is no refusal');
$target->answer('/erp', status => 200);


# ---- "reply" is heard first

$target->answer('/erp', status => 200, body => 'of the target');
$body = '{"id":"reply","type":"a"}';
is(event('relayed', $body)->{body}, 'of the target', 'the reply');
is(event('relayed', $body)->{body}, '', '"answer" where there is none');
$target->answer('/erp', status => 200);


# ---- presets

my $ts = int time;

for my $form ('command=%2Fx&trigger_id=1.1&team_id=T',
    'payload=%7B%22type%22%3A%22view_submission%22%7D')
{
    $r = post('/slack', $form,
        'Content-Type' => 'application/x-www-form-urlencoded',
        'X-Slack-Request-Timestamp' => $ts,
        'X-Slack-Signature' => 'v0=' . hmac_sha256_hex("v0:$ts:$form", 'sls'));
    is($r->{status}, 200, 'Slack');
    is($r->{body}, '', 'wants nothing in it');
}

my $intent = '{"events":[],"firstEventSequence": 0,"lastEventSequence": 0, '
    . '"entropy": "WXUAMNYXPMQEDHQLSISU"}';
$r = xero($intent, 'xk');
is($r->{status}, 200, 'Xero\'s intent to receive');
is($r->{body}, '', 'wants nothing in it');
$r = xero($intent, 'wrong');
is($r->{status}, 401, 'signed with another key');
is($r->{body}, '', 'nothing either');
is($r->header('Content-Length'), '0', 'not even a chunk');

is(xero($intent, 'wrong', 'told')->json->{status}, 401,
    'the block\'s own line wins');
is(xero($intent, 'xk', 'told')->json->{outcome}, 'delivered', 'here, too');

my $update = '{"events":[' . join(',', map { '{"resourceUrl":"u","resourceId":'
    . qq("r$_","eventDateUtc":"2026-01-01T00:00:00.00$_","eventType":)
    . '"UPDATE","eventCategory":"CONTACT","tenantId":"t","tenantType":'
    . '"ORGANISATION"}' } 1, 2) . '],"firstEventSequence":1,'
    . '"lastEventSequence":2,"entropy":"E"}';
my $before = $target->count;
is(xero($update, 'xk')->{status}, 200, 'updates');
is($target->count - $before, 1, 'are delivered');
is(xero($update, 'xk')->header('X-Event-Outcome'), 'duplicate', 'once');

$r = zoom('zoom');
is($r->{status}, 200, 'Zoom does not count a 202');
like($r->{body}, qr/"outcome":"queued"/, 'of a queued event');
is(zoom('zoom202')->{status}, 202, 'the block\'s own line wins');

$r = post('/mailgun', JSON::PP->new->encode({ 'event-data' => { id => 'm1',
        event => 'failed' }, signature => { timestamp => "$ts", token => 'k',
        signature => hmac_sha256_hex($ts . 'k', 'mg') } }),
    'Content-Type' => 'application/json');
is($r->{status}, 200, 'Mailgun');

my $url = 'http://127.0.0.1:' . $t->port(8080) . '/twilio';
$r = post('/twilio', 'CallSid=CA1&CallStatus=ringing',
    'Content-Type' => 'application/x-www-form-urlencoded',
    Host => '127.0.0.1:' . $t->port(8080),
    'X-Twilio-Signature' => encode_base64(
        hmac_sha1("${url}CallSidCA1CallStatusringing", 'tw'), ''));
is($r->{status}, 200, 'Twilio');
is($r->{body}, '<?xml version="1.0" encoding="UTF-8"?><Response></Response>',
    'an empty TwiML');
is($r->header('Content-Type'), 'text/xml', 'its type');

$r = post('/sparkpost', '[{"msys":{"message_event":{"type":"delivery",'
    . '"event_id":"1"}}},{"msys":{"track_event":{"type":"open",'
    . '"event_id":"2"}}}]', 'Content-Type' => 'application/json',
    'X-MessageSystems-Batch-ID' => 'b1',
    Authorization => 'Basic ' . encode_base64('u:p', ''));
is($r->{status}, 200, 'SparkPost');

$r = post('/salesforce?token=tok', '<soapenv:Envelope/>',
    'Content-Type' => 'text/xml; charset=utf-8', SOAPAction => '""');
is($r->{status}, 200, 'Salesforce');
like($r->{body}, qr/<Ack>true<\/Ack>/, 'an Ack');
is($r->header('Content-Type'), 'text/xml', 'its type');
is(post('/salesforce?token=no', '<soapenv:Envelope/>',
    'Content-Type' => 'text/xml')->{status}, 401, 'and not for strangers');

done_testing();


# an id and a type, where neither a preset nor the source brings them

sub lines {
    my ($source) = @_;

    my $lines = $sources{$source};

    $lines .= ' id "{json:id}"; type "{json:type}";'
        if $lines =~ /verify off/ && $lines !~ /\bid "/;

    return $lines;
}

sub post {
    my ($uri, $body, @headers) = @_;

    return $t->post($uri, $body, \@headers);
}

sub event {
    my ($source, $body) = @_;

    $body //= '{"id":"n' . ++$number . '","type":"a"}';

    return post("/$source", $body, 'Content-Type' => 'application/json');
}

sub events {
    my ($source, @id) = @_;

    return event($source, '{"events":['
        . join(',', map { my $type = $_ eq 'lost' ? 'lost' : 'a';
                          qq({"id":"$_","type":"$type"}) } @id) . ']}');
}

sub nothing {
    my ($source, $status, $word) = @_;

    my $r = event($source);
    is($r->{status}, $status, "$source: its status");
    is($r->{body}, '', "$source: nothing in it");
    is($r->header('Content-Type'), undef, "$source: nor a type");
    is($r->header('X-Event-Outcome'), $word // 'delivered', "$source: a word");
}

sub xero {
    my ($body, $key, $source) = @_;

    return post('/' . ($source // 'xero'), $body, 'Content-Type' => 'application/json',
        'x-xero-signature' => encode_base64(hmac_sha256($body, $key), ''));
}

sub zoom {
    my ($source) = @_;

    my $body = '{"event":"meeting.started","payload":{"object":{"uuid":"'
        . $source . '"}},"event_ts":1}';

    return post("/$source", $body, 'Content-Type' => 'application/json',
        'x-zm-request-timestamp' => $ts,
        'x-zm-signature' => 'v0=' . hmac_sha256_hex("v0:$ts:$body", 'zs'));
}

sub trial {
    my ($lines) = @_;

    $t->config("event_source s { verify off; $lines } "
        . 'event_route r { from s; to erp; } '
        . 'server { listen 127.0.0.1:%%PORT_8080%%; '
        . 'location = /s { event_receive s; } '
        . 'location = /deliver/erp { event_deliver erp; '
        . 'proxy_read_timeout 2s; '
        . 'proxy_pass http://127.0.0.1:%%PORT_8081%%/erp; } }');

    return $t->check_config;
}

sub fine {
    my ($lines) = @_;

    my ($ok, $said) = trial($lines);
    ok($ok, "nginx -t: $lines") or diag($said);
}

sub wrong {
    my ($lines, $why) = @_;

    my ($ok, $said) = trial($lines);
    ok(!$ok && index($said, $why) >= 0, "nginx -t: $lines") or diag($said);
}
