#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Form-encoded events: Twilio's call-backs and Slack's commands, signed as
# those producers sign them; data.NAME in routes and variables; the bytes that
# targets get.  What two readers could read differently is no reason to refuse
# an event, unless an attribute is made of it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha1 hmac_sha256_hex sha256_hex);
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use Test::More;
use Test::EventRouter;

my $FORM = 'application/x-www-form-urlencoded';
my $SECRET = 'a-secret-of-this-test';

my $sent = 0;
my $t = Test::EventRouter->new;
my $erp = $t->target(8081);

$t->secret($SECRET);
$t->write_file('secret', "$SECRET\n");

$t->config(<<"EOC");

    upstream erp { server 127.0.0.1:%%PORT_8081%%; keepalive 8; }

    log_format event escape=json '{"id":"\$event_id","type":"\$event_type",'
        '"subject":"\$event_subject","routes":"\$event_routes",'
        '"text":"\$text","text_uri":"\$text_uri"}';
    access_log %%TESTDIR%%/logs/events.log event;

    event_source twilio { verify twilio; answer 200; secret file:%%TESTDIR%%/secret;
                          public_url https://hooks.example.com\$request_uri; }
    event_source slack  { verify slack; answer 200; secret file:%%TESTDIR%%/secret;
                          dedup off; }
    event_source open   { verify off; accept $FORM text/plain; dedup off;
                          limits nodes=6 key=10 string=30; }

    event_set \$text     data.text;
    event_set \$text_uri data.text uri;

    event_route all       { from *; to erp; }
    event_route delivered { from twilio; when data.MessageStatus = delivered;
                            to delivered; }
    event_route price     { from twilio; when data.Price >= 0.5; to price; }
    event_route deploy    { from slack; when type = /deploy;
                            when data.text prefix "prod "; to deploy; }
    event_route none      { from slack; when data.response_url missing;
                            to none; }
    event_route empty     { from open; when data.empty empty; to empty; }
    event_route plus      { from open; when data.plus = "a b+c"; to plus; }
    event_route odd       { from open; when 'data."odd.na me"' exists; to odd; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /twilio { event_receive twilio; }
        location = /slack  { event_receive slack; }
        location = /open   { event_receive open; }

        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header X-Text \$text;

        location = /erp       { event_deliver erp; proxy_pass http://erp; }
        location = /delivered { event_deliver delivered;
                                proxy_pass http://erp; }
        location = /price     { event_deliver price; proxy_pass http://erp; }
        location = /deploy    { event_deliver deploy; proxy_pass http://erp; }
        location = /none      { event_deliver none; proxy_pass http://erp; }
        location = /empty     { event_deliver empty; proxy_pass http://erp; }
        location = /plus      { event_deliver plus; proxy_pass http://erp; }
        location = /odd       { event_deliver odd; proxy_pass http://erp; }
    }
EOC

$t->run;

# ---- Twilio: the URL and the sorted names and values are signed

my @sms = (MessageSid => 'SM1', MessageStatus => 'delivered', AccountSid =>
    'AC7', To => '+15005550006', Body => "caf\xc3\xa9 & cr\xc3\xa8me=1\r\n",
    Price => '0.75', Empty => '');

my $r = twilio(\@sms);

is($r->{status}, 200, 'Twilio');
is($r->json->{outcome}, 'delivered', 'Twilio: delivered');
is_deeply($r->json->{routes}, [ qw(all delivered price) ], 'Twilio: routes');

my ($got) = $erp->requests(uri => '/erp');

is($got->{body}, encode(@sms), 'Twilio: the same bytes');
is($got->header('Content-Type'), $FORM, 'Twilio: type');
is($got->header('ce-id'), 'SM1.delivered', 'Twilio: id');

is_deeply(logged(), { id => 'SM1.delivered', type => 'delivered',
    subject => 'AC7', routes => 'all,delivered,price', text => '',
    text_uri => '' }, 'Twilio: variables');

is(twilio(\@sms)->header('X-Event-Duplicate'), 1, 'Twilio: a retry');
is(twilio([ @sms[0, 1], MessageStatus => 'sent' ], query => '?a=1&b=%20')
    ->{status}, 200, 'Twilio: URL with a query');

# names are sorted before they are signed, so any order is genuine

$r = twilio([ map { @sms[2 * $_, 2 * $_ + 1] } reverse 0 .. $#sms / 2 ]);
is($r->{status}, 200, 'Twilio: in another order');

for my $case ([ 'other value', sub { s/0\.75/9.75/ } ],
              [ 'added pair', sub { $_ .= '&Price2=1' } ],
              [ 'removed pair', sub { s/&Price=[^&]*// } ],
              [ 'renamed pair', sub { s/Price=/Prize=/ } ])
{
    my ($name, $change) = @$case;

    is(twilio(\@sms, change => $change)->{status}, 401, "Twilio: $name");
}

is(twilio(\@sms, uri => '/twilio?a=2', query => '?a=1')->{status}, 401,
    'Twilio: another URL');
is(twilio(\@sms, key => 'other')->{status}, 401, 'Twilio: another secret');

is(twilio(\@sms, change => sub { s/delivered/%64elivered/ })->{status}, 200,
    'Twilio: what is signed is decoded');

# a weakness of Twilio's scheme: names and values are signed without a mark
# between them

is(twilio(\@sms, change => sub { s/Price=0\.75/Price0.75=/ })->{status}, 200,
    'Twilio: where a name ends is not signed');

# a name given twice has several values, and all of them are signed

my @mms = (MessageSid => 'SM2', MessageStatus => 'x', Media => 'b',
    Price => '0.1', Media => 'a', MessageStatus => 'delivered',
    Media => 'b', Price => '0.9', Name => "Ren\xe9");

is(twilio(\@mms)->{status}, 400, 'Twilio: the status twice is no type');

splice @mms, 2, 2;
$r = twilio(\@mms);

is_deeply([ $r->{status}, ($r->json // {})->{routes} ],
    [ 200, [ qw(all delivered price) ] ], 'Twilio: two prices, three media');
is(twilio(\@mms, change => sub { s/Media=a/Media=c/ })->{status}, 401,
    'Twilio: another one of them');
is(twilio(\@mms, change => sub { s/Media=a&// })->{status}, 401,
    'Twilio: one of them less');
is(twilio(\@mms, change => sub { s/%E9/%EA/ })->{status}, 401,
    'Twilio: another byte that is not UTF-8');
is(twilio(\@sms, change => sub { $_ .= '&Empty=%' })->{status}, 401,
    'Twilio: a broken escape is not what was signed');

# JSON call-backs carry the body's digest in the signed URL

my $json = '{"MessageStatus":"delivered"}';
my $digest = sha256_hex($json);

is(twilio_json("?bodySHA256=$digest", $json)->{status}, 200, 'Twilio: JSON');
is(twilio_json("?bodySHA256=$digest", "$json ")->{status}, 401,
    'Twilio: another JSON');

# ---- Slack: commands and interactions

my @command = (token => 'legacy', team_id => 'T7', command => '/deploy',
    text => 'prod shop+api @50%', response_url => 'https://slack.example/r',
    user_id => 'U1');

$r = slack(encode(@command));

is($r->{status}, 200, 'Slack');
is_deeply($r->json->{routes}, [ qw(all deploy) ], 'Slack: routes');

($got) = $erp->requests(uri => '/deploy');

is($got->{body}, encode(@command), 'Slack: the same bytes');
is($got->header('X-Text'), 'prod shop+api @50%', 'Slack: variable');

my $line = logged();

is_deeply([ @$line{qw(type subject routes text)} ],
    [ '/deploy', 'T7', 'all,deploy', 'prod shop+api @50%' ],
    'Slack: attributes');
is($line->{text_uri}, 'prod%20shop%2Bapi%20%4050%25', 'Slack: for a URI');

is_deeply(slack('command=/deploy&text=prod')->json->{routes},
    [ qw(all none) ], 'Slack: missing names are missing');
is(slack(encode(@command), type => "$FORM; charset=utf-8")->{status}, 200,
    'Slack: with charset');
is(slack(encode(@command), signed => 'command=/deploy')->{status}, 401,
    'Slack: signed for another body');
is(slack(encode(@command), ts => time - 301)->{status}, 401,
    'Slack: too old');
is(slack('{"type":"event_callback","event":{"type":"message"}}',
    type => 'application/json')->json->{type}, 'message', 'Slack: events');

# a form is no JSON and JSON no form

is(slack(encode(@command), type => 'application/json')->{status}, 400,
    'Slack: a form said to be JSON');
is(slack('{"command":"/deploy"}')->{status}, 200, 'Slack: JSON said to be a'
    . ' form');
is(logged()->{type}, '', 'has a strange name and no type');

# two readers would see two types: a genuine one is a 400, another one a 401

is(slack('command=/a&command=/b')->json->{detail}, 'duplicate key "command"',
    'Slack: the type twice');
ok($t->wait_log(qr/"slack" cannot be parsed: duplicate key "command" at byte 11,/),
    'Slack: the log says where the second one is');
slack('&text=command=/x&%63ommand=/hidden&a=1&comm%61nd=/hidden&command=/b');
ok($t->wait_log(qr/duplicate key "command" at byte 39,/),
    'Slack: and also if it is spelt in another way');
unlike($t->read_file('logs/error.log'), qr/hidden/, 'Slack: but no value');
is(slack('command=/a&text=x&command=/a')->{status}, 400,
    'Slack: the same one twice');
is(slack('command=/a&command=/b', signed => 'command=/a')->{status}, 401,
    'Slack: the type twice, not signed');

$r = slack('command=/deploy&text=x&text=prod+shop&response_url=1');

is_deeply([ $r->{status}, $r->json->{routes} ], [ 200, [ qw(all deploy) ] ],
    'Slack: a text twice');

$r = slack('command=/depl%FFoy&text=Ren%E9');

is($r->{status}, 200, 'Slack: a type in another charset');
is_deeply([ @{ logged() }{qw(type text text_uri)} ],
    [ '/depl%FFoy', 'Ren%E9', 'Ren%E9' ], 'is encoded');

# ---- how forms are read

read_as('empty value', 'empty=', 'empty');
read_as('no value', 'empty', 'empty');
read_as('not empty', 'empty=%20', '');
read_as('plus and escapes', 'plus=a+b%2Bc', 'plus');
read_as('lower case escapes', 'plus=a%20b%2bc', 'plus');
read_as('equals signs', 'x=a=b==&plus=a+b%2Bc', 'plus');
read_as('escaped name', '%70l%75s=a+b%2bc', 'plus');
read_as('a dot and a blank in a name', 'odd.na+me=1', 'odd');
read_as('empty pairs', '&&plus=a+b%2Bc&&', 'plus');
read_as('no name', '=1&plus=a+b%2Bc', 'plus');
read_as('empty form', '', '');
read_as('other names twice', 'y=1&y=2&plus=a+b%2Bc', 'plus');
read_as('names differ in case', 'plus=a+b%2Bc&Plus=x', 'plus');
read_as('hostile value', 'text=a%0d%0aX-Evil:+1%09%7f', '');

is(($erp->requests)[0]->header('X-Text'), 'a%0D%0AX-Evil: 1%09%7F',
    'is harmless in a header');

# what cannot be read is no VALUE, and is there; the bytes go on

for my $case ([ 'escape cut', 'plus=%2' ], [ 'escape at the end', 'plus=%' ],
              [ 'no hex', 'plus=%zz' ], [ 'half hex', 'plus=%2g' ],
              [ 'in a name', 'pl%us=1' ], [ 'unicode escape', 'plus=%u0041' ],
              [ 'in what no route names', 'other=%zz' ],
              [ 'NUL', 'plus=%00' ], [ 'NUL in a name', 'plus%00=1' ],
              [ 'bad UTF-8', 'plus=a+b%2Bc%ff' ],
              [ 'windows-1252', 'plus=Ren%E9&charset=windows-1252' ],
              [ 'raw bad UTF-8', "plus=\xff" ], [ 'overlong', 'plus=%c0%80' ],
              [ 'surrogate', 'plus=%ed%a0%80' ],
              [ 'a name of another charset', 'pl%FCs=a+b%2Bc' ])
{
    my ($name, $form) = @$case;

    read_as($name, $form);
}

read_as('odd ones beside it', 'x=%zz&%ff=%e9&plus=a+b%2Bc&y=%00', 'plus');
read_as('an odd name is not the name', 'plus%ff=a+b%2Bc');
read_as('it is there', 'odd.na+me=%ff', 'odd');

# a name given twice has several values

read_as('a name twice', 'plus=1&plus=a+b%2Bc', 'plus');
read_as('in the other order', 'plus=a+b%2Bc&plus=1', 'plus');
read_as('three times, spelt in three ways',
    'plus=1&%70lus=2&p%6Cus=a+b%2Bc', 'plus');
read_as('twice, without a value', 'empty=1&empty', 'empty');
read_as('twice, none of them fits', 'plus=1&plus=2');
read_as('twice, one cannot be read', 'plus=%ff&plus=a+b%2Bc', 'plus');

for my $case ([ 'raw NUL', "plus=\0" ], [ 'raw NUL in a name', "a\0b=1" ],
              [ 'too many', join '&', map { "n$_=1" } 1 .. 7 ],
              [ 'long name', 'n' x 11 . '=1' ],
              [ 'long value', 'n=' . 'v' x 31 ])
{
    my ($name, $form) = @$case;

    $r = open_form($form);
    ok($r->{status} == 400 && $r->json->{status} == 400
       && $erp->requests == 0, "refused: $name") or diag($r->{head});
}

is(open_form(join '&', map { "n$_=1" } 1 .. 6)->{status}, 200, 'not too many');
is(open_form('n' x 10 . '=' . 'v' x 30)->{status}, 200, 'not too long');

is($t->post('/open', '{}', [ 'Content-Type' => 'application/json' ])
    ->{status}, 415, 'JSON where only forms are accepted');

$t->done;


# ---- helpers

# pairs as a browser encodes them

sub encode {
    my @pairs = @_;
    my @encoded;

    while (my ($name, $value) = splice @pairs, 0, 2) {
        push @encoded, join '=', map {
            s/([^A-Za-z0-9_.~ -])/sprintf '%%%02X', ord $1/ger =~ tr/ /+/r
        } $name, $value;
    }

    return join '&', @encoded;
}


# options: query, uri (instead of the one that is signed), key, change (of the
# body after it was signed)

sub twilio {
    my ($pairs, %o) = @_;

    my (%pairs, @list);
    my $uri = '/twilio' . ($o{query} // '');

    @list = @$pairs;

    while (my ($name, $value) = splice @list, 0, 2) {
        $pairs{$name}{$value} = 1;
    }

    # of a name given twice every value, each once, in their order

    my $signed = "https://hooks.example.com$uri"
        . join '', map { my $name = $_;
                         map { $name . $_ } sort keys %{ $pairs{$name} } }
                   sort keys %pairs;

    local $_ = encode(@$pairs);

    $o{change}->() if $o{change};

    return send_to($o{uri} // $uri, $_, $FORM, 'X-Twilio-Signature',
        encode_base64(hmac_sha1($signed, $o{key} // $SECRET), ''));
}


sub twilio_json {
    my ($query, $text) = @_;

    return send_to("/twilio$query", $text, 'application/json',
        'X-Twilio-Signature', encode_base64(hmac_sha1(
            "https://hooks.example.com/twilio$query", $SECRET), ''));
}


# options: type, ts, signed (what is signed instead of the body)

sub slack {
    my ($text, %o) = @_;

    my $ts = int($o{ts} // time);
    my $signed = $o{signed} // $text;

    return send_to('/slack', $text, $o{type} // $FORM,
        'X-Slack-Request-Timestamp' => $ts, 'X-Slack-Signature' =>
            'v0=' . hmac_sha256_hex("v0:$ts:$signed", $SECRET));
}


sub open_form {
    my ($form) = @_;

    return send_to('/open', $form, $FORM);
}


# the form is taken as it is, and this route matches beside "all"

sub read_as {
    my ($name, $form, $route) = @_;

    my $r = open_form($form);
    my @got = map { $_->{body} } $erp->requests(uri => '/erp');

    is_deeply([ $r->{status}, ($r->json // {})->{routes}, @got ],
        [ 200, [ 'all', $route || () ], $form ], $name);
}


# after it, the target has what this request caused and nothing else

sub send_to {
    my ($uri, $text, $type, @headers) = @_;

    $erp->forget;
    $sent++;

    return $t->post($uri, $text, [ 'Content-Type' => $type, @headers ]);
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
