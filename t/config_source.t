#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What "nginx -t" says about an event_source: what holds for all of its
# directives, its limits and its window of duplicates.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Snippets;

my ($t, $secret) = snippets();

$t->write_file('conf/user', "$secret:password");


# ---- event_source: what holds for all of its directives

my %valid = (
    verify => 'bearer', secret => 'file:secret', key => 'utf8',
    signed => '"{body}"', signature => 'header:X-Sign',
    timestamp => 'header:X-Time tolerance=0',
    body_digest => 'header:X-Digest sha256 hex', jwt => 'leeway=5s',
    constant => 'topic orders', ports => 'both',
    public_url => 'https://hooks.example.com$request_uri',
    id => '"{json:id}" "{json:event.id}"', type => '"{json:type}"',
    subject => '"{json:shop}"', time => '"{json:time}"', handshake => 'off',
    accept => 'application/json application/*+json', max_size => '64k',
    max_batch => '10', max_hops => '2', limits => 'depth=20 nodes=5000 values=400',
    deadline => '4s', unrouted => '422',
    dedup => '24h by=id by=data.version on_error=open', delivery => 'sync',
    retain => '7d');

my %repeated = map { $_ => 1 } qw(secret constant);

part('source');

for my $directive (sort keys %valid) {
    wrong("$directive without arguments", "$directive;",
        "invalid number of arguments in \"$directive\" directive: write "
        . "\"$directive ");

    wrong("$directive twice", <<"EOC",
    $directive  $valid{$directive};
    $directive  $valid{$directive};  <<<
EOC
        "\"$directive\" directive is duplicate in event_source \"shop\"")
        if !$repeated{$directive};
}

fine('all directives', join "\n", map { "    $_  $valid{$_};" }
    grep { !/^(?:jwt|body_digest|timestamp|retain)$/ } sort keys %valid);
warned('unrouted, and retain', "delivery queued;\nretain 7d;\nunrouted 404;",
    'event_source "shop" never answers "unrouted 404": with "retain" it keeps '
    . 'an event that no route takes, and answers 202', at => 'block',
    with => { http => 'event_store file:%%TESTDIR%%/store size=16m;' });
fine('retain alone', "delivery queued;\nretain 7d;",
    with => { http => 'event_store file:%%TESTDIR%%/store size=16m;' });
fine('repeated directives', <<'EOC');
    secret    file:secret;
    secret    file:user;
    constant  a 1;
    constant  b 2;
EOC

wrong('misspelt directive', 'verifi shopify;',
    'unknown directive "verifi" in event_source: did you mean "verify"?');
wrong('misspelt, two letters swapped', 'singature header:X;',
    'unknown directive "singature" in event_source: did you mean '
    . '"signature"?');
wrong('directive from elsewhere', 'proxy_pass http://127.0.0.1;',
    'unknown directive "proxy_pass" in event_source, which takes verify, '
    . 'secret, key, signed,');
wrong('block in the block', 'verify shopify { }',
    'directive "verify" is not terminated by ";"');
wrong('include of two files', 'include a b;',
    '"include" takes one file or pattern');
wrong('include of nothing', 'include none.conf;',
    'open() "%%TESTDIR%%/conf/none.conf" failed');
wrong('too many arguments', 'max_size 1m 2m;',
    'invalid number of arguments in "max_size" directive: '
    . 'write "max_size SIZE;"');


# ---- limits

wrong('content type without a slash', 'accept json;',
    'invalid content type "json": write, for example, "application/json"');
wrong('a star for several levels', 'redact data.**.email;',
    'the field "data.**.email" has a "*" in the key "**"');
wrong('a star in a key', 'redact data.a*;',
    'the field "data.a*" has a "*" in the key "a*"');
wrong('content type with a parameter', 'accept "text/plain; charset=utf-8";',
    'invalid content type "text/plain; charset=utf-8"');
wrong('content type with two stars', 'accept application/*+*;',
    'invalid content type "application/*+*"');

for my $case ([ max_size => '0', 'a size from 1 to 1024m' ],
              [ max_size => '1025m', 'a size from 1 to 1024m' ],
              [ max_size => '1g', 'a size from 1 to 1024m' ],
              [ max_size => '-1', 'a size from 1 to 1024m' ],
              [ max_size => '9999999999999999999m', 'a size from 1 to' ],
              [ max_batch => '0', 'a number from 1 to 10000' ],
              [ max_batch => '10001', 'a number from 1 to 10000' ],
              [ max_batch => 'many', 'a number from 1 to 10000' ],
              [ max_hops => '0', 'a number from 1 to 100' ],
              [ max_hops => '101', 'a number from 1 to 100' ],
              [ max_hops => '9999999999999999999m', 'a number from 1 to' ],
              [ deadline => '99ms', 'a time from 100ms to 5m' ],
              [ deadline => '301s', 'a time from 100ms to 5m' ],
              [ deadline => 'soon', 'a time from 100ms to 5m' ],
              [ deadline => '9999999999999999999m', 'a time from 100ms' ],
              [ retain => '999ms', 'a time from 1s to 365d' ],
              [ retain => '366d', 'a time from 1s to 365d' ],
              [ retain => 'ever', 'a time from 1s to 365d' ],
              [ retain => '9999999999999999999m', 'a time from 1s to' ],
              [ unrouted => '199', 'the answer to an event that no route' ],
              [ unrouted => '302', 'the answer to an event that no route' ],
              [ unrouted => '600', 'the answer to an event that no route' ],
              [ unrouted => 'ok', 'the answer to an event that no route' ])
{
    my ($directive, $value, $expected) = @$case;

    wrong("$directive $value", "$directive $value;",
        "\"$value\" in \"$directive\": it is $expected");
}

wrong('unknown limit', 'limits deep=5;',
    'invalid parameter "deep=5" of "limits", which takes depth=, nodes=, '
    . 'values=, key=, string= and number=');
wrong('limit without a value', 'limits depth=;',
    'invalid value "depth=" in "limits": it is a number from 1 to 1000');
wrong('limit of zero', 'limits nodes=0;',
    'invalid value "nodes=0" in "limits": it is a number from 1 to 100000000');
wrong('values of zero', 'limits values=0;',
    'invalid value "values=0" in "limits": it is a number from 1 to '
    . '100000000');
wrong('limit is too high', 'limits depth=5 number=1025;',
    'invalid value "number=1025" in "limits": it is a number from 1 to 1024');
wrong('public_url of another scheme', 'public_url ftp://example.com/;',
    'invalid URL "ftp://example.com/": "public_url" is the URL by which the '
    . 'producer calls, for example https://');
wrong('public_url is empty', 'public_url "";', 'invalid URL ""');
wrong('public_url of an unknown variable', 'public_url https://$hst/;',
    'unknown "hst" variable', at => 'nowhere');
wrong('delivery of another kind', 'delivery async;',
    'invalid delivery "async" of event_source "shop": with "sync" the '
    . 'producer waits until the event is delivered, with "queued" until it '
    . 'is stored');
wrong('two deliveries', 'delivery sync queued;',
    'sync waits for the targets anyway');
wrong('queued without a store', 'delivery queued;',
    'event_source "shop" has "delivery queued", but no event_store keeps a '
    . 'queue: add "event_store file:/var/lib/nginx/events size=1g;"',
    at => 'block');
wrong('queued in memory', "delivery queued;\nretain 7d;",
    'event_source "shop" has "delivery queued", but no event_store keeps a '
    . 'queue', at => 'block', with => { http => 'event_store memory:1m;' });
wrong('retain without a queue', 'retain 7d;',
    'event_source "shop" has "retain", which keeps events of the queue: add '
    . '"delivery queued;" or take it away', at => 'block');
wrong('retain beside sync', "retain 7d;\ndelivery sync;",
    'event_source "shop" has "retain"', at => 'block');


# ---- attributes: templates without a variable

my $one = 'is the same for all events, so all but the first one would be '
          . 'duplicates: say where the id is, as in';

wrong("id $_->[0]", "id $_->[0];", "\"id\" \"$_->[1]\" $one \"id $_->[2];\"")
    for [ 'data.id', 'data.id', '{data:id}' ],
        [ 'data.order.id', 'data.order.id', '{data:order.id}' ],
        [ 'Data.id', 'Data.id', '{data:id}' ],
        [ 'json:id', 'json:id', '{json:id}' ],
        [ 'data:id', 'data:id', '{data:id}' ],
        [ 'header.X-Id', 'header.X-Id', '{header:X-Id}' ],
        [ 'header:X-Id', 'header:X-Id', '{header:X-Id}' ],
        [ 'arg.id', 'arg.id', '{query:id}' ],
        [ 'query.id', 'query.id', '{query:id}' ],
        [ 'body.id', 'body.id', '{json:id}' ],
        [ 'form:id', 'form:id', '{form:id}' ],
        [ '$http_x_request_id', '$http_x_request_id',
            '{header:x-request-id}' ],
        [ '$arg_order_id', '$arg_order_id', '{query:order_id}' ],
        [ '$request_id', '$request_id', '{json:PATH}' ],
        [ 'id', 'id', '{json:PATH}' ],
        [ 'order-7', 'order-7', '{json:PATH}' ],
        [ '"the id"', 'the id', '{json:PATH}' ],
        [ '""', '', '{json:PATH}' ],
        [ '"{method}"', '{method}', '{json:PATH}' ],
        [ '"{json:id}" data.event.id', 'data.event.id',
            '{data:event.id}' ],
        [ 'none "{json:id}"', 'none', '{json:PATH}' ];
wrong('which needs quotes', 'id data.id;', 'with quotes around {data:id} in');
warned('here, too', 'type data.type;', 'Put quotes around {data:type} in');
warned("an index of rules, $_", "type \"{$_}\";",
    'is a key with brackets in a template: write an element of an array as in '
    . '"items.0.id"')
    for 'json:items[0].kind', 'data:items[-1].kind', 'json:a.b[12]';
fine("no index, $_", "type \"{$_}\";")
    for 'json:items.0.kind', 'data:data[list_id]', 'json:a[]';
wrong('fields with a comma', 'dedup by=data.a,data.b;',
    '"data.a,data.b" is one field with commas in its name: several fields '
    . 'stand each by itself');
fine('a key with a comma', q(dedup by=data."a,data.b";));
wrong('id of constants', "constant shop east;\nid \"{const:shop}\"; <<<",
    "\"id\" \"{const:shop}\" $one");
wrong('id of a preset', "verify stripe;\nid data.id; <<<", $one);
fine('id with more around it', 'id "order-{json:id}" "{json:a}data.id";');

warned("$_->[0] $_->[1]", "$_->[0] $_->[1];", "\"$_->[0]\" \"$_->[1]\" is "
    . "this text for all events: did you mean \"$_->[0] $_->[2];\"?")
    for [ 'type', 'data.type', '{data:type}' ],
        [ 'type', 'header.X-Topic', '{header:X-Topic}' ],
        [ 'type', '$http_x_topic', '{header:x-topic}' ],
        [ 'type', 'json:type', '{json:type}' ],
        [ 'subject', 'data.shop', '{data:shop}' ],
        [ 'subject', '$remote_addr', '{json:PATH}' ],
        [ 'time', 'data.created_at', '{data:created_at}' ],
        [ 'time', 'created_at', '{json:PATH}' ];
fine("a constant: $_", "$_;") for 'type order.created', 'type form.submitted',
    'type item.created', 'subject shop-1', 'type "data"',
    'type "{json:type}" unknown', 'subject "{const:a}";
    constant a data.shop';


# ---- dedup

wrong('dedup of a word', 'dedup on;',
    'invalid value "on" in "dedup": write "dedup off;" or "dedup [WINDOW] '
    . '[by=FIELD]...');
wrong('dedup window is too short', 'dedup 999ms;',
    'WINDOW is at least 1s, for example 24h');
wrong('dedup window overflows', 'dedup 9999999999999999999m;',
    'invalid value "9999999999999999999m" in "dedup"');
wrong('two dedup windows', 'dedup 24h 48h;', 'invalid value "48h" in "dedup"');
wrong('dedup off and more', 'dedup off by=id;',
    'invalid value "off" in "dedup"');
wrong('dedup by no field', 'dedup by=;',
    'a field is empty: write for example "type" or "data.total"');
wrong('dedup by an unknown field', 'dedup by=dta.id;',
    'unknown field "dta.id": did you mean "data.id"?');
wrong('unknown on_error', 'dedup on_error=ignore;',
    'invalid value "ignore" in "on_error=": when the dedup store is away, '
    . '"local" uses this nginx\'s memory');


# ---- warnings

warned('verify off', 'verify off;',
    'event_source "shop" verifies nothing: whoever can reach its location '
    . 'can send events', at => 'block');
warned('verify off beside a secret', "verify off;\nsecret file:secret;",
    'event_source "shop" verifies nothing', at => 'block');
warned('producer that sends once', 'verify github;',
    'the producer of event_source "shop" sends an event only once: with sync '
    . 'delivery an event is lost if a target does not take it in time, write '
    . '"delivery sync;" if that may be', at => 'block');
fine('producer that sends once, accepted', "verify github;\ndelivery sync;");
warned('producer that sends once, closed',
    "verify github;\ndedup on_error=closed;",
    'with "on_error=closed" it is lost while the dedup store is away, write '
    . '"on_error=local"', at => 'block');
warned('window below the retries', "verify stripe;\ndedup 24h;",
    'the dedup window of event_source "shop" is 86400s, its producer retries '
    . 'for 259200s: a late retry is delivered again', at => 'block');

$t->done;
