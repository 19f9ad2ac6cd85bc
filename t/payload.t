#!/usr/bin/perl

# Copyright (C) Event Router contributors

# "payload": the document inside a body is data.  GitHub's and Slack's form
# field, the string of Amazon SNS, the base64 of Google's Pub/Sub; rules,
# attributes, "split", "require", the history, mappings and lists, when an event
# comes and when it comes out of a store, which is a file or Redis.  What is
# hidden in it is looked for everywhere afterwards.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA ();
use JSON::PP ();
use MIME::Base64 qw(encode_base64 encode_base64url);
use Test::More;
use Test::EventRouter;
use Test::EventRouter::OpenApi;

my $FORM = 'application/x-www-form-urlencoded';
my $SECRET = 'a-secret-of-this-test';
my $json = JSON::PP->new->canonical;

my @form = ('Content-Type' => $FORM);
my @json = ('Content-Type' => 'application/json');
my @act = ('X-Event-Admin' => 1);

# what nobody is to see; no other thing in the test has it

my %mark = map { $_ => "m4rk3r-$_-8f1c0b" }
               qw(form string base64 part broken late outer edited);

subtest('nginx -t' => \&config);
subtest('at once' => \&direct);

for my $store (qw(file redis)) {
    subtest("with $store" => sub { stored($store) });
}

done_testing();


# a field of a form

sub encoded {
    my ($text) = @_;

    return $text =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger;
}


# a string of JSON

sub quoted { $json->allow_nonref->encode($_[0]) }


sub config {
    my $t = Test::EventRouter->new;

    my $said = sub {
        my ($lines) = @_;

        $t->config(<<"EOC");
    event_source s { $lines }
    event_route r { from s; to erp; }
    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location = /s   { event_receive s; }
        location = /erp { event_deliver erp; return 200; }
    }
EOC
        my ($ok, $text) = $t->check_config;

        return ($ok ? 'ok ' : 'wrong ') . $text;
    };

    my $forms = "accept application/json $FORM;";

    like($said->("verify off; $_"), qr/^ok /, "taken: $_")
        for "payload form:payload; $forms", 'payload json:Message;',
            'payload base64:message.data;', 'payload off;',
            'payload json:odd-key.x;', "payload form:a.b; $forms",
            "payload form:a[0]; $forms",
            'payload json:Message; split data.orders; id "{item:id}";',
            'payload json:Message; id "{json:MessageId}"; redact data.email;',
            'payload json:M; id "{data:id}"; redact data.email;',
            'accept multipart/form-data; payload form:payload;';
    like($said->($_), qr/^ok /, "taken: $_")
        for 'verify github; secret x;', 'verify github; secret x; payload off;',
            'verify github; secret x; accept application/json;';

    like($said->("verify off; $_->[0]"), qr/^wrong .*\Q$_->[1]\E.*nginx\.conf:\d+/s,
        "wrong: $_->[0]")
        for [ 'payload payload;', 'invalid value "payload", write form:NAME' ],
            [ 'payload form:;', 'invalid value "form:"' ],
            [ 'payload json:;', 'invalid value "json:"' ],
            [ 'payload header:X;', 'invalid value "header:X"' ],
            [ 'payload json:a..b;', 'bad path "a..b"' ],
            [ 'payload json:a.0.b;', 'goes through an array' ],
            [ 'payload json:a[0].b;', 'goes through an array' ],
            [ 'payload base64:a[-1].b;', 'goes through an array' ],
            [ 'payload form:payload;', 'takes no forms: add "accept' ],
            [ 'payload json:a b;', 'payload' ],
            [ 'payload json:a; payload json:b;', 'payload' ],
            [ 'payload json:M; id "{json:M}"; redact data.email;',
              'makes "id" of' ],
            [ 'payload json:M; type "{data:kind}"; redact data.kind;',
              'makes "type" of' ],
            [ "payload form:p; $forms subject \"{form:p}\"; redact data.x;",
              'makes "subject" of' ];

    like($said->("verify off; payload $_;"),
        qr/^ok .*\[warn\] "payload $_" .* looks for a key "data"/s,
        "warned of: $_") for 'json:data.Message', 'base64:data.m.data';
    unlike($said->('verify off; payload base64:data;'), qr/a key "data"/,
        'and of no other one');

    like($said->('verify adyen-payments; secret 00; payload json:x;'),
        qr/^wrong .*signs each of several events.*nginx\.conf:\d+/s,
        'wrong: signatures of elements');
}


sub direct {
    my $t = Test::EventRouter->new(level => 'info');
    my $erp = $t->target(8081);

    $t->secret($SECRET);
    $t->write_file('secret', "$SECRET\n");
    $t->write_file('conf/body.json', <<'EOF');
{"order":{data.order},"kind":{type}}
EOF

    $t->config(<<"EOC");

    event_store memory:8m;
    event_set \$order data.order uri;

    event_source github { verify github; secret file:%%TESTDIR%%/secret;
                          delivery sync; }
    event_source slack  { verify slack; secret file:%%TESTDIR%%/secret;
                          answer 200; }
    event_source sns    { verify off; dedup off; payload json:Message;
                          id "{json:MessageId}"; type "{data:kind}";
                          subject "{json:TopicArn}"; limits depth=8;
                          accept application/json text/plain; }
    event_source pubsub { verify off; dedup off; payload base64:message.data;
                          id "{json:message.messageId}"; type "{data:kind}"; }
    event_source must   { verify off; dedup off; payload json:Message;
                          require data.paid = true; }
    event_source form   { verify off; dedup off; payload form:payload;
                          accept $FORM application/json multipart/form-data;
                          type "{data:kind}"; }
    event_source cloud  { verify off; dedup off; payload json:Message;
                          accept application/json application/cloudevents+json; }
    event_source parts  { verify off; dedup off; payload json:Message;
                          split data.orders; id "{json:MessageId}.{item:id}";
                          type "{data:kind}"; subject "{item:shop}"; }
    event_source whole  { verify off; dedup off; payload json:Message;
                          type "{data:orders.0.kind}"; }

    event_target mapped { body template body.json; }
    event_target data   { body data; }
    event_target events { body cloudevents; }

    event_route main   { from github; when type = pull_request.opened;
                         when data.pull_request.base.ref = main; to erp; }
    event_route slack  { from slack; when data.actions.action_id = ok; to erp; }
    event_route order  { from sns pubsub form parts must whole;
                         when data.order = 1; to mapped data events; }
    event_route part   { from parts; when data.id exists; to erp; }
    event_route body   { from sns pubsub form cloud;
                         when data.Message exists; to erp; }
    event_route plain  { from form; when data.plain exists; to erp; }
    event_route inner  { from cloud; when data.deep = 1; to inner; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /github { event_receive github; }
        location = /slack  { event_receive slack; }
        location = /sns    { event_receive sns; }
        location = /pubsub { event_receive pubsub; }
        location = /must   { event_receive must; }
        location = /form   { event_receive form; }
        location = /cloud  { event_receive cloud; }
        location = /parts  { event_receive parts; }
        location = /whole  { event_receive whole; }
        location = /why    { event_explain sns; allow all; }

        location = /erp    { event_deliver erp; proxy_set_header X-Order \$order;
                             proxy_pass http://127.0.0.1:%%PORT_8081%%/erp; }
        location = /mapped { event_deliver mapped;
                             proxy_pass http://127.0.0.1:%%PORT_8081%%/mapped; }
        location = /data   { event_deliver data;
                             proxy_pass http://127.0.0.1:%%PORT_8081%%/data; }
        location = /events { event_deliver events;
                             proxy_pass http://127.0.0.1:%%PORT_8081%%/events; }
        location = /inner  { event_deliver inner; return 200; }
    }
EOC

    $t->run;

    my $post = sub {
        my ($at, $body, @headers) = @_;

        $erp->forget;

        return $t->post("/$at", $body, \@headers);
    };
    my $routes = sub { join ',', @{ $post->(@_)->json->{routes} // [] } };

    # ---- GitHub, whose form is its default

    my $pull = '{"action":"opened","pull_request":{"base":{"ref":"main"}}}';
    my $github = sub {
        my ($body, @more) = @_;

        return $post->('github', $body, @more, 'X-GitHub-Event' =>
            'pull_request', 'X-GitHub-Delivery' => 'd' . rand,
            'X-Hub-Signature-256' => 'sha256='
                . Digest::SHA::hmac_sha256_hex($body, $SECRET));
    };

    my $body = 'payload=' . encoded($pull);
    my $r = $github->($body, @form);

    is($r->{status}, 200, 'GitHub: a form');
    is($r->json->{type}, 'pull_request.opened', 'GitHub: its type');
    is_deeply($r->json->{routes}, [ 'main' ], 'GitHub: its route');
    is(($erp->requests)[0]{body}, $body, 'GitHub: the same bytes');
    is(($erp->requests)[0]->header('Content-Type'), $FORM, 'GitHub: their type');
    is($github->($pull, @json)->json->{type}, 'pull_request.opened',
        'GitHub: JSON');
    is($github->("$body&payload=%7B%7D", @form)->{status}, 400,
        'GitHub: two documents');
    is($github->("$body&action=closed&action=x", @form)->json->{type},
        'pull_request.opened', 'GitHub: a field beside it');
    is($github->('action=closed&action=x', @form)->{status}, 400,
        'GitHub: a form without it, of which a field is twice');
    ok(!$t->wait_log(qr/an event of "github" has no document/, 0.1),
        'GitHub: nothing is said of JSON');

    # ---- Slack

    my $now = time;
    my $click = '{"type":"block_actions","trigger_id":"13.7","team":{"id":'
        . '"T1"},"actions":[{"action_id":"ok"}]}';
    my $slack = sub {
        my ($text) = @_;

        return $post->('slack', $text, @form,
            'X-Slack-Request-Timestamp' => int $now,
            'X-Slack-Signature' => 'v0=' . Digest::SHA::hmac_sha256_hex(
                'v0:' . int($now) . ":$text", $SECRET));
    };

    $r = $slack->('payload=' . encoded($click))->json;
    is("$r->{id} $r->{type} @{ $r->{routes} }", '13.7 block_actions slack',
        'Slack: an interaction');
    is(($erp->requests)[0]->header('ce-subject'), 'T1', 'Slack: its subject');

    $r = $slack->('command=%2Fdo&trigger_id=13.8&team_id=T2')->json;
    is("$r->{id} $r->{type}", '13.8 /do', 'Slack: a command');
    ok($t->wait_log(qr/\[info\].*an event of "slack" has no document of JSON in "form:payload": its data is the whole body/),
        'Slack: which is said');

    # ---- SNS

    my $order = '{"kind":"paid","order":1,"odd":"\u00e9\" {\"a\":1}"}';
    my $sns = sub {
        my ($message, $more) = @_;

        return '{"MessageId":"m1","TopicArn":"arn:1","Message":' . $message
               . ($more // '') . '}';
    };
    my $whole = $sns->(quoted($order));

    for my $type ('application/json', 'text/plain; charset=UTF-8') {
        $r = $post->('sns', $whole, 'Content-Type' => $type)->json;

        is("$r->{id} $r->{type} @{ $r->{routes} }", 'm1 paid order',
            "SNS: $type");
    }

    my %got = map { $_->{uri} => $_ } $erp->requests;

    is($got{'/mapped'}{body}, '{"order":1,"kind":"paid"}', 'a template');
    is($got{'/data'}{body}, $order, '"body data"');
    is($got{'/data'}->header('Content-Type'), 'application/json', 'its type');
    is_deeply($json->decode($got{'/events'}{body})->{data},
        $json->decode($order), '"body cloudevents"');
    is($json->decode($got{'/events'}{body})->{subject}, 'arn:1',
        'with attributes of the body');

    # ---- what is none, and what is too much

    for my $case (
        [ 'a text', '"hello"' ], [ 'a number in it', '"42"' ],
        [ 'a string in it', quoted('"x"') ], [ 'null in it', '"null"' ],
        [ 'nothing in it', '""' ], [ 'blanks', '"  "' ],
        [ 'broken JSON', quoted('{"order":1') ],
        [ 'something behind it', quoted('{"order":1} x') ],
        [ 'a number', '7' ], [ 'an object', '{"order":1}' ],
        [ 'an array', quoted('{"order":1}') =~ s/^(.*)$/[$1]/r ],
        [ 'null', 'null' ], [ 'half a pair', '"{\"order\":1,\"x\":\"\ud800\"}"' ])
    {
        my ($name, $message) = @$case;

        is($routes->('sns', $sns->($message), @json), 'body',
            "data is the body: $name");
    }

    is($routes->('sns', '{"order":2}', @json), '', 'the place is missing');
    is($routes->('sns', $sns->(quoted(" \r\n$order\t ")), @json), 'order',
        'blanks around it');
    is($routes->('sns', $sns->(quoted('[{"order":2},{"order":1}]')), @json),
        'order', 'an array');
    is($routes->('sns', $sns->(quoted($whole)), @json), 'body',
        'one step, not two');

    for my $case (
        [ 'deep', '[' x 9 . ']' x 9, 'nested too deeply' ],
        [ 'a key twice', '{"order":1,"order":2}', 'duplicate key "order"' ])
    {
        my ($name, $message, $why) = @$case;

        $r = $post->('sns', $sns->(quoted($message)), @json);
        is($r->{status}, 400, "refused: $name");
        like($r->json->{detail}, qr/\Q$why\E, in the document inside the body/,
            "refused: $name: why");
    }

    is($post->('sns', $sns->('"{}"', ',"Message":"{}"'), @json)->{status}, 400,
        'refused: the place is there twice');
    is($post->('must', $sns->(quoted('{"paid":true}')), @json)->{status}, 200,
        '"require" holds of the document');
    is($post->('must', $sns->(quoted('{"paid":1}'), ',"paid":true'), @json)
        ->{status}, 422, 'and not of the body');

    # ---- explain

    my $why = $post->('why', $whole, @json)->json->{events}[0];

    is_deeply($why->{payload}, { place => 'json:Message',
        found => JSON::PP::true }, 'explained: found');
    is_deeply($post->('why', $sns->('"x"'), @json)->json->{events}[0]{payload},
        { place => 'json:Message', found => JSON::PP::false },
        'explained: missing');
    is((grep { $_->{name} eq 'order' } @{ $why->{routes} })[0]{matched},
        JSON::PP::true, 'explained: the route');

    # ---- base64

    my $push = sub {
        return '{"message":{"messageId":"9","data":"' . $_[0] . '"},"x":1}';
    };
    my $odd = '{"order":1,"kind":"~~~???>>>"}';

    for my $case ([ 'padded' => encode_base64($odd, '') ],
                  [ 'unpadded' => encode_base64($odd, '') =~ s/=//gr ],
                  [ 'URL' => encode_base64url($odd) ],
                  [ 'slashes escaped' => encode_base64($odd, '')
                      =~ s{/}{\\/}gr ])
    {
        is($routes->('pubsub', $push->($case->[1]), @json), 'order',
            "base64: $case->[0]");
    }

    for my $bad ('%%%', 'eyJvcmRlciI6MX0===', 'eyJvcmRlciI6MX0 ', 'e', '',
                 encode_base64('plain text', ''), encode_base64("\0\xff{", ''))
    {
        is($post->('pubsub', $push->($bad), @json)->{status}, 200,
            "base64: \"$bad\" is no document");
        is(($erp->requests)[0], undef, 'and goes nowhere');
    }

    # ---- forms of either kind

    my $multipart = sub {
        my ($name, $value, $more) = @_;

        return join "\r\n", '--b', 'Content-Disposition: form-data; name="a"',
            '', '1', '--b', "Content-Disposition: form-data; name=\"$name\""
            . ($more // ''), '', $value, '--b--', '';
    };
    my @multipart = ('Content-Type' => 'multipart/form-data; boundary=b');

    is($routes->('form', $multipart->('payload', $order), @multipart), 'order',
        'multipart');
    is($post->('form', $multipart->('payload', $order), @multipart)->json
        ->{type}, 'paid', 'multipart: its type');
    is($routes->('form', $multipart->('payload', $order,
        '; filename="x.json"'), @multipart), '', 'multipart: a file is none');
    is($routes->('form', $multipart->('plain', 'x'), @multipart), 'plain',
        'multipart: without it');
    is($routes->('form', $order, @json), 'order', 'JSON has no such place');
    is($routes->('form', '{"payload":' . quoted($order) . '}', @json), '',
        'also with that name');
    is($routes->('form', 'payload=' . encoded($order) . '%FF', @form), '',
        'no UTF-8');
    is($routes->('form', 'payload=' . encoded($order) . '%', @form), '',
        'a broken escape');
    is($routes->('form', 'payload&plain=1', @form), 'plain', 'no value');
    is($routes->('form', 'p%61yload=' . ($order =~ s/ /+/gr =~ s/"/%22/gr),
        @form), 'order', 'an encoded name');

    # ---- CloudEvents have their data

    my %cloud = (specversion => '1.0', id => 'c1', source => '/s', type => 't');

    is($routes->('cloud', $json->encode({ %cloud, data =>
        { Message => '{"deep":1}' } }),
        'Content-Type' => 'application/cloudevents+json'), 'body',
        'an envelope has its data');
    is($routes->('cloud', '{"Message":"{\"deep\":1}"}', @json,
        map { ("ce-$_" => $cloud{$_}) } keys %cloud), 'inner',
        'a binary CloudEvent');

    # ---- several events in it

    my $orders = '{"kind":"many","orders":[{"id":"a","shop":"s","Message":'
        . quoted('{"id":"no","order":1}') . '},{"id":"b","order":1}]}';

    $r = $post->('parts', $sns->(quoted($orders)), @json);
    is($r->{status}, 200, 'split');
    is_deeply([ map { "$_->{id} $_->{type}" } @{ $r->json->{events} } ],
        [ 'm1.a many', 'm1.b many' ], 'split: ids and types');

    my ($first) = grep { $_->{body} =~ /^\{"id":"a"/ }
                  $erp->requests(uri => '/erp');

    ok($first, 'split: an element is its bytes');
    is($first->header('Content-Type'), 'application/json', 'split: of JSON');
    is($first->header('ce-subject'), 's', 'split: its own subject');
    is(scalar $erp->requests(uri => '/data'), 1,
        'split: nothing is looked for in an element');

    $r = $post->('parts', '{"MessageId":"m2","orders":[{"id":"c"}]}', @json);
    is($r->json->{events}[0]{id} // $r->json->{id}, 'm2.c',
        'split: the body, where it has no document');
    is($post->('whole', $sns->(quoted('{"order":1,"orders":[{"kind":"x"},'
        . '{"kind":"y"}]}')), @json)->json->{type}, 'x',
        'the first of several events');

    # ---- large

    my $large = '{"order":1,"x":"' . 'y' x 700_000 . '"}';

    is($routes->('sns', $sns->(quoted($large)), @json), 'order', 'large');
    is($routes->('pubsub', $push->(encode_base64($large, '')), @json), 'order',
        'large, base64');
    is($routes->('form', 'payload=' . $large =~ s/"/%22/gr, @form), 'order',
        'large, a form');

    $t->done;
}


# events wait in a store, nginx starts again, and they come out of it

sub stored {
    my ($store) = @_;

    my $t = Test::EventRouter->new(workers => 2, level => 'debug');
    my $target = $t->target(8081);
    my $redis = ($store eq 'redis') ? $t->redis(6379) : undef;
    my $where = $redis ? 'redis://127.0.0.1:%%PORT_6379%%/0'
                       : 'file:%%TESTDIR%%/store size=64m';

    # without "event_set" nobody reads a body that comes out of a store

    my $set = $redis ? 'event_set $order data.order uri;' : '';
    my $name = $redis ? '$order' : 'none';
    my $common = 'delivery queued; retain 1h; quarantine 1h; dedup off; '
                 . 'require data.n exists; redact data.email data.who;';

    $t->write_file('conf/order.json', '{"n":{data.n},"to":{data.email}}');

    $t->config(<<"EOC");

    event_store $where;
    event_history 1h index=data.order index=data.email;
    event_log %%TESTDIR%%/logs/events.log;
    $set

    event_source form { verify off; payload form:payload; id "{data:id}";
                        type "{data:kind}"; accept $FORM application/json;
                        $common }
    event_source string { verify off; payload json:a.Message; id "{json:id}";
                          type "{data:kind}"; $common }
    event_source base64 { verify off; payload base64:data; id "{json:id}";
                          type "{data:kind}"; $common }
    event_source parts { verify off; payload json:Message; split data.orders;
                         id "{json:id}.{item:id}"; type "{data:kind}";
                         $common }

    event_target mapped { body template order.json; retry base=100ms; breaker off; }
    event_target data   { body data; retry base=100ms; breaker off; }
    event_target bad    { retry off; breaker off; }
    event_target erp    { retry off; breaker off; }

    event_route all { from *; when data.order = o-77; when type = good;
                      to mapped data; }
    event_route bad { from *; when data.order = o-77; when type = bad; to bad; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /form   { event_receive form; }
        location = /string { event_receive string; }
        location = /base64 { event_receive base64; }
        location = /parts  { event_receive parts; }
        location = /why    { event_explain string reveal; allow all; }
        location /admin/   { event_admin access=nginx reveal; }

        location = /mapped { event_deliver mapped;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/mapped; }
        location = /data { event_deliver data; proxy_set_header X-Order $name;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/data; }
        location = /bad { event_deliver bad;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/bad; }
        location = /erp { event_deliver erp;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/erp; }
    }
EOC

    $t->run;
    $target->answer('/mapped', status => 503);
    $target->answer('/data', status => 503);
    $target->answer('/bad', status => 400);

    my $look = sub {
        my ($uri) = @_;

        return ask_again(10, sub { $t->get("/admin/v1/$uri") })->json;
    };
    my $inner = sub {
        my ($mark, $id, $kind) = @_;

        return qq({"id":"$id","kind":"$kind","n":1,"order":"o-77",)
               . qq("email":"$mark{$mark}","who":{"x":["$mark{$mark}"]},)
               . q("note":"a + b & \u00e9 \"q\" 100%"});
    };

    # a body around a document, and the document in a body

    my %wrap = (
        form => [ sub { 'a=1&payload=' . encoded($_[0]) . '&b=2' },
                  sub { $_[0] =~ /^a=1&payload=([^&]*)&b=2$/
                      ? $1 =~ s/%(..)/chr hex $1/ger : '' }, @form ],
        string => [ sub { qq({"id":"$_[1]","a":{"Message":) . quoted($_[0])
                        . '}}' },
                    sub { $json->decode($_[0])->{a}{Message} }, @json ],
        base64 => [ sub { qq({"id":"$_[1]","data":") . encode_base64url($_[0])
                        . '"}' },
                    sub { MIME::Base64::decode_base64url(
                        $json->decode($_[0])->{data}) }, @json ],
    );
    my $send = sub {
        my ($at, $document, $id) = @_;

        return $t->post("/$at", $wrap{$at}[0]->($document, $id),
            [ @{ $wrap{$at} }[2, 3] ]);
    };

    # ---- they come out of the store after a start

    for my $at (sort keys %wrap) {
        is($send->($at, $inner->($at, "$at-1", 'good'), "$at-1")->{status}, 202,
            "$at: taken");
    }

    is($t->post('/parts', '{"id":"p","Message":' . quoted('{"kind":"good",'
        . '"orders":[{"id":"1","n":1,"order":"o-77","email":"' . $mark{part}
        . '","Message":"{}"}]}') . '}', \@json)->{status}, 202, 'parts: taken');

    $t->stop;
    $target->answer_anew('/mapped', status => 200);
    $target->answer('/data', status => 200);
    $target->forget;
    $t->run;

    wait_until(20, sub { $target->count >= 8 });

    my @got = $target->requests;

    is(scalar @got, 8, 'all of them are delivered');

    for my $at (sort keys %wrap) {
        my ($data) = grep { $_->{uri} eq '/data'
                            && $_->header('Webhook-Id') eq "$at-1" } @got;
        my ($mapped) = grep { $_->{uri} eq '/mapped'
                              && $_->header('Webhook-Id') eq "$at-1" } @got;

        is($data->{body}, $inner->($at, "$at-1", 'good'), "$at: its document");
        is($mapped->{body}, qq({"n":1,"to":"$mark{$at}"}), "$at: a template");
        is($data->header('X-Order'), 'o-77', "$at: a variable") if $redis;
    }

    my ($part) = grep { $_->{uri} eq '/data'
                        && $_->header('Webhook-Id') =~ /^p\.1/ } @got;

    like($part->{body}, qr/^\{"id":"1".*"Message":"\{\}"\}$/,
        'parts: an element stays one');

    # ---- one that is kept is delivered again

    my ($kept) = @{ $look->('events?key=data.order:o-77&source=string')
                        ->{events} };

    ok($kept, 'found by a value of the document');
    is((grep { $_->{field} eq 'data.email' } @{ $kept->{keys} })[0]{value},
        '***', 'and without the hidden one');

    $target->forget;
    is($t->post('/admin/v1/replay?archive=string&all=1&deliver_to=data', '',
        [ @act ])->{status}, 200, 'replayed');
    wait_until(10, sub { $target->count >= 1 });
    is(($target->requests)[0]{body}, $inner->('string', 'string-1', 'good'),
        'the same document');

    my $why = $look->("explain?event=$kept->{event}");

    is_deeply($why->{payload}, { place => 'json:a.Message',
        found => JSON::PP::true }, 'explained: its document');
    is($why->{routes}[0]{matched}, JSON::PP::true, 'explained: its route');

    # ---- dead letters, shown and edited

    for my $at (sort keys %wrap) {
        my $sent = $inner->($at, "$at-2", 'bad');
        my ($dead, $body);

        $send->($at, $sent, "$at-2");

        wait_until(10, sub {
            ($dead) = grep { $_->{source} eq $at }
                      @{ $look->('dead?body=1')->{entries} };
            return $dead;
        });

        my $hidden = $sent =~ s/"m4rk[^"]*"|\{"x".*?\}/"***"/gr;

        is($wrap{$at}[1]->($dead->{body}), $hidden, "$at: shown without them");
        is($dead->{redacted}, 2, "$at: how many");
        is($look->("stored?event=$dead->{event}")->{redacted}, 2,
            "$at: v1/stored");

        my $edit = sub {
            return $t->post("/admin/v1/replay?event=$dead->{event}&target=bad"
                . '&deliver_to=erp' . ($_[1] // ''), $_[0], [ @act,
                'Content-Type' => 'application/x-www-form-urlencoded' ]);
        };
        my $mine = $hidden =~ s/"n":1/"n":2/r;

        is($edit->($wrap{$at}[0]->($mine, "$at-2"), '&preview=1')->{status},
            200, "$at: a preview");

        $target->forget;
        is($edit->($wrap{$at}[0]->($mine, "$at-2"))->{status}, 200,
            "$at: edited");
        wait_until(10, sub { $target->count >= 1 });
        is($wrap{$at}[1]->(($target->requests)[0]{body}),
            $sent =~ s/"n":1/"n":2/r, "$at: with the values of the original");

        is($edit->($wrap{$at}[0]->('{"n":', "$at-2"))->{status}, 400,
            "$at: not without a document");
        like($edit->($wrap{$at}[0]->($hidden =~ s/"n":1/"n":"***"/r
            =~ s/"order":"o-77"/"who":"***"/r, "$at-2"))->{status}, qr/^400$/,
            "$at: nor with what cannot be told");
    }

    # ---- what is refused is kept without them

    my %refused = (
        form => [ "{\"email\":\"$mark{late}\"}", qr/%2A%2A%2A|\*\*\*/ ],
        string => [ "{\"email\":\"$mark{broken}\", }", qr/"\*\*\*"/ ],
        base64 => [ "{\"email\":\"$mark{late}\"}", undef ],
    );

    for my $at (sort keys %refused) {
        my ($document, $want) = @{ $refused{$at} };
        my $r = $send->($at, $document, "$at-3");
        my $one;

        is($r->{status}, 422, "$at: refused");
        unseen($r, "$at: the producer is told nothing");

        wait_until(10, sub {
            ($one) = @{ $look->("quarantine?source=$at&limit=1")->{requests} };
            return $one;
        });

        my $got = $t->get("/admin/v1/quarantine/$one->{id}?body=1&doctor=1");

        unseen($got, "$at: in quarantine");
        like($got->json->{body}, $want, "$at: shown") if $want;
        is($wrap{$at}[1]->($got->json->{body}), '{"email":"***"}',
            "$at: its document") if $at ne 'string';
    }

    # a field of the same name beside it

    my $beside = qq({"id":"s4","a":{"Message":"{}"},"email":"$mark{outer}"});

    is($t->post('/string', $beside, \@json)->{status}, 422, 'beside it');

    $why = $t->post('/why', $wrap{string}[0]->($inner->('string', 'w', 'good'),
        'w'), \@json);
    unseen($why, 'explained');
    is($json->decode($why->json->{events}[0]{bodies}[0]{calls}[0]{body} // '{}')
        ->{to}, '***', 'what would be sent has none');

    # ---- all that can be asked and all that was written

    my @events = @{ $look->('events?limit=100')->{events} };
    my @urls = map { "/admin/v1/$_" } 'events', 'dead?body=1', 'pending?body=1',
        'quarantine', 'config', 'sources', 'status';

    push @urls, map { ("/admin/v1/events/$_->{event}?body=1",
        "/admin/v1/stored?event=$_->{event}",
        "/admin/v1/explain?event=$_->{event}") } @events;
    push @urls, map { ("/admin/v1/quarantine/$_->{id}?body=1&doctor=1") }
        @{ $look->('quarantine?limit=100')->{requests} };

    ok(@events > 6, 'there are events: ' . @events);
    unseen($t->get($_), $_) for @urls, '/admin/dead?body=1';

    $t->stop;

    my @own = map { s/, client: .*//r }
              grep { /event router|\[(?:info|notice|warn|error|crit)\]/ }
              split /\n/, $t->read_file('logs/error.log')
                           . $t->read_file('logs/events.log');

    ok((grep { /\[debug\].*event router parse/ } @own) > 10, 'debug lines');
    is(join("\n", grep { seen($_) } @own), '', 'the logs');

    $t->done;
}


sub seen {
    my ($text) = @_;

    return grep {
        my $mark = $_;

        index($text, $mark) >= 0
        || grep { index($text, substr encode_base64($_ . $mark, ''),
                    length $_ ? 4 : 0, 16) >= 0 } '', 'x', 'xx'
    } values %mark;
}


sub unseen {
    my ($r, $name) = @_;

    is(join(' ', seen($r->{body} // '')), '', "nothing hidden: $name");
}
