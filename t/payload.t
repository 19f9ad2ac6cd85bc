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

subtest('nginx -t' => \&config);
subtest('at once' => \&direct);

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
            [ 'payload form:payload;', 'takes no forms: add "accept' ],
            [ 'payload json:a b;', 'payload' ],
            [ 'payload json:a; payload json:b;', 'payload' ],
            [ 'payload json:M; id "{json:M}"; redact data.email;',
              'makes "id" of' ],
            [ 'payload json:M; type "{data:kind}"; redact data.kind;',
              'makes "type" of' ],
            [ "payload form:p; $forms subject \"{form:p}\"; redact data.x;",
              'makes "subject" of' ];

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

