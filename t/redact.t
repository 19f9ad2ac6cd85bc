#!/usr/bin/perl

# Copyright (C) Event Router contributors

# "redact": events, forms, headers and arguments with values that nobody is to
# see are published, delivered, refused and edited, and then all that can be
# asked and all that was written is searched for these values.  The targets have
# them.  Both stores.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::OpenApi;

# no two of them have a part in common, and no other thing in the test has it

my %mark = map { $_ => "m4rk3r-$_-8f1c0b" }
               qw(email card pin header arg form base64 split whole late twice
                  broken opaque);

my @json = ('Content-Type' => 'application/json');
my @act = ('X-Event-Admin' => 1);
my $json = JSON::PP->new->canonical;

subtest('nginx -t' => \&config);

for my $store (qw(file redis)) {
    subtest("with $store" => sub { all($store) });
}

done_testing();


sub config {
    my $t = Test::EventRouter->new;

    my $said = sub {
        my ($lines) = @_;

        $t->config(<<"EOC");
    event_source s { verify off; accept application/json application/x-www-form-urlencoded; $lines }
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

    like($said->($_), qr/^ok /, "taken: $_")
        for 'redact data.email;', 'redact data;', 'redact data.a[0].b;',
            'redact data.email header.X-A arg.b; redact data.c;',
            q{redact 'data."odd.key"';},
            'subject "{json:shop}"; redact data.email;',
            'split data.orders; id "{json:shop.name}{item:id}"; redact data.name;',
            'split data.orders; id "{item:id}"; redact data.email;',
            'type "{header:X-Type}"; redact header.X-Types;';

    like($said->($_), qr/^wrong .*(?:redact|the field |unknown field).*nginx\.conf:\d+/s,
        "wrong: $_")
        for 'redact;', 'redact email;', 'redact type;', 'redact subject;',
            'redact $http_x;', 'redact data.a..b;', 'redact header.;',
            'redact data.a data.a;', 'redact data.a; redact data.a;',
            'redact header.ce-subject;', 'redact header.Content-Type;';

    like($said->($_), qr/^wrong .*makes ".*" of .*nginx\.conf:\d+/s,
        "an attribute would tell it: $_")
        for 'subject "{json:email}"; redact data.email;',
            'redact data.customer; subject "{json:customer.id}";',
            'redact data.customer.id; subject "{json:customer}";',
            'redact data.items.sku; type "{json:items.0.sku}";',
            'id "{header:X-Key}"; redact header.x-key;',
            'id "{query:key}"; redact arg.key;',
            'type "{form:kind}"; redact data.kind;',
            'id "{body}"; redact data.a;', 'id "{url}"; redact arg.a;',
            'split data.orders; id "{item:id}"; redact data.id;',
            'split data.orders; subject "{json:orders.0.name}"; redact data.name;';
}


sub all {
    my ($store) = @_;

    my $t = Test::EventRouter->new(workers => 2, level => 'debug');
    my $target = $t->target(8081);
    my $redis = ($store eq 'redis') ? $t->redis(6379) : undef;
    my $where = $redis ? 'redis://127.0.0.1:%%PORT_6379%%/0'
                       : 'file:%%TESTDIR%%/store size=64m';

    my $config = sub {
        my (%o) = (also => '', shop => 'shop', @_);

        $t->config(<<"EOC");

    event_store $where;
    event_history 1h index=data.email index=data.order;
    event_set \$email data.email;
    event_set \$order data.order uri;
    map \$email \$mapped { default 1; }

    event_log %%TESTDIR%%/logs/json.log;
    event_log %%TESTDIR%%/logs/string.log
        '\$event_log_kind \$event_id [\$email] [\$http_x_key] [\$arg_token] [\$args] [\$request_uri] [\$cookie_sid] order=\$order';

    event_source $o{shop} {
        verify off;
        id "{json:id}";
        type "{header:X-Type}";
        subject "{json:shop}";
        dedup 1h by=data.email by=data.id;
        rate 1r/d by=data.email burst=50;
        accept application/json application/x-www-form-urlencoded text/xml;
        delivery queued;
        retain 1h;
        quarantine 1h;
        require data.n exists;
        redact data.email data.customer.card data.items.pin;
        redact header.X-Key header.Cookie arg.token 'data."odd key"';
    }

    event_source tight {
        verify off;
        id "{json:id}";
        rate 1r/d by=data.email;
        redact data.email;
    }

    event_source cloud {
        verify off;
        accept application/json application/cloudevents+json
               application/cloudevents-batch+json;
        delivery queued;
        retain 1h;
        quarantine 1h;
        require data.n exists;
        redact data.email;
    }

    event_source parts {
        verify off;
        split data.events;
        id "{item:id}";
        delivery queued;
        retain 1h;
        quarantine 1h;
        require data.n exists;
        redact data.email;
    }

    event_source direct {
        verify off;
        id "{header:X-Id}";
        redact data;
    }

    event_source clear { verify off; id "{json:id}"; delivery queued;
                         retain 1h; }

    event_target erp { retry off; breaker off; forward_headers X-Key; }
    event_target bad { retry off; breaker off; }
    event_target says { body jq says.jq; retry off; breaker off; }

    event_route taken { from $o{shop} cloud parts direct clear;
                        when data.email != "nobody"; to erp; }
    event_route key   { from $o{shop}; when header.X-Key exists;
                        when arg.token exists; when \$http_cookie ~ sid;
                        to erp; }
    event_route says  { from $o{shop} clear; when data.say = 1; to says; }
    event_route dead  { from $o{shop}; when type = dead; to bad; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /shop    { event_receive $o{shop}; }
        location = /tight   { event_receive tight; }
        location = /cloud   { event_receive cloud; }
        location = /parts   { event_receive parts; }
        location = /direct  { event_receive direct; }
        location = /clear   { event_receive clear; }
        location = /explain { event_explain $o{shop}; allow all; }
        location = /explain-direct { event_explain direct; allow all; }
        location /admin/    { event_admin access=nginx reveal; }
        location /dim/      { event_admin access=nginx; }

        location = /erp { event_deliver erp;
                          proxy_set_header X-Email \$email;
                          proxy_pass http://127.0.0.1:%%PORT_8081%%/erp; }
        location = /says { event_deliver says;
                           proxy_pass http://127.0.0.1:%%PORT_8081%%/says; }
        location = /bad { event_deliver bad;
                          proxy_pass http://127.0.0.1:%%PORT_8081%%/bad; }
    }
    $o{also}
EOC
    };

    $t->write_file('conf/says.jq', 'error("it says " + .data.email)');
    $config->();
    $t->run;
    $target->answer('/bad', status => 400, body => 'no');

    my $api = Test::EventRouter::OpenApi->new($t, '/admin/v1');
    my $look = sub { $t->get("/admin/v1/$_[0]")->json };
    my $tail = aside($t, '/admin/v1/tail?for=5');

    my $order = '{"id":"%s","n":1,"shop":"s1","order":"o-77",'
        . '"\u0065mail":"' . $mark{email} . '\u002e",'
        . '"customer":{"card":["' . $mark{card} . '"],"name":"ann"},'
        . '"items":[{"pin":"' . $mark{pin} . '","sku":"a"},{"pin":'
        . '{"x":"' . $mark{pin} . '"},"sku":"b"}]}';

    my $hidden = '{"id":"%s","n":1,"shop":"s1","order":"o-77",'
        . '"\u0065mail":"***",'
        . '"customer":{"card":"***","name":"ann"},'
        . '"items":[{"pin":"***","sku":"a"},{"pin":'
        . '"***","sku":"b"}]}';

    my @headers = (@json, 'X-Key' => $mark{header},
                   Cookie => "sid=$mark{header}");
    my $uri = "/shop?a=1&token=$mark{arg}&b=2";

    my $send = sub {
        my ($at, $body, @more) = @_;

        return $t->post($at, $body, @more ? [ @more ] : \@json);
    };


    # ---- what is delivered

    my $body = sprintf $order, 'e1';

    is($send->($uri, $body, @headers, 'X-Type' => 'order')->{status}, 202,
        'an event is taken');
    wait_until(10, sub { $target->count >= 1 });

    my ($got) = $target->requests;

    is($got->{body}, $body, 'its target has every byte');
    is($got->header('X-Key'), $mark{header}, 'and the header');
    is($got->header('X-Email'), "$mark{email}.", 'and the variable');

    is($send->($uri, $body, @headers, 'X-Type' => 'order')->{status}, 200,
        'a duplicate is known by the field');
    $send->($uri, sprintf($order, 'e2'), @headers, 'X-Type' => 'dead');

    my $dead;

    wait_until(10, sub {
        $dead = $look->('dead?body=1')->{entries}[0];
        return $dead;
    });

    is($dead->{body}, sprintf($hidden, 'e2'), 'a dead letter without them');
    is($dead->{redacted}, 4, 'how many are hidden');
    is(join('; ', $api->wrong(GET => '/dead',
        $t->get('/admin/v1/dead?body=1'))), '', 'as it is written');

    my $stored = $look->("stored?event=$dead->{event}");

    is($stored->{body}, sprintf($hidden, 'e2'), 'v1/stored without them');
    is($stored->{redacted}, 4, 'and how many');
    is(join('; ', $api->wrong(GET => '/stored',
        $t->get("/admin/v1/stored?event=$dead->{event}"))), '',
        'as it is written');


    # ---- what a program says of an event that it cannot map

    my %said;

    $send->('/shop', qq({"id":"q1","n":1,"say":1,"email":"$mark{email}"}),
        @json, 'X-Type' => 'order');
    $send->('/clear', '{"id":"q2","say":1,"email":"plain-to-hear"}');

    wait_until(20, sub {
        %said = map { $_->{source} => $_->{answer} }
                @{ $look->('dead?target=says')->{entries} };
        return keys %said == 2;
    });

    like($said{clear}, qr/it says plain-to-hear/, 'a dead letter has its words');
    ok(length $said{shop}, 'of a source that hides it has a sentence');
    unlike($said{shop}, qr/it says|m4rk/, 'of ours');

    # the keys of a hidden object are hidden, too; other paths are told

    my %path = (
        q3 => [ '"customer":{"card":{"MARK":0.12345678901234567890}}', 'card',
                qr/^the number data\.\*\*\* would/ ],
        q4 => [ '"items":[{"pin":{"MARK":1,"MARK":2}}]', 'pin',
                qr/^the key data\.\*\*\* is given twice/ ],
        q5 => [ '"odd key":{"MARK":1e400}', 'whole',
                qr/^the number data\.\*\*\* would/ ],
        q6 => [ '"items":[{"sum":1e400}]', 'late',
                qr/^the number data\.items\[0\]\.sum would/ ],
    );

    for my $id (sort keys %path) {
        my ($member, $mark) = @{ $path{$id} };

        $member =~ s/MARK/$mark{$mark}/g;
        $send->('/shop', qq({"id":"$id","n":1,"say":1,$member}), @json,
            'X-Type' => 'order');
    }

    wait_until(20, sub {
        %said = map { $_->{id} => $_->{answer} }
                @{ $look->('dead?target=says')->{entries} };
        return keys %said == 6;
    });

    like($said{$_}, $path{$_}[2], "$_: the path") for sort keys %path;


    # ---- history

    my $found = $t->get("/admin/v1/events?key=data.email:$mark{email}.");
    my @found = @{ $found->json->{events} // [] };

    @found = grep { $_->{id} !~ /^q/ } @found;
    is(scalar @found, 2, 'events are found by a value that is hidden') or diag($found->{body});
    is_deeply([ map { "$_->{field}=$_->{value}" } @{ $found[0]{keys} } ],
        [ 'data.email=***', 'data.order=o-77' ], 'which is not shown');


    # ---- explain

    my $why = $t->post('/explain' . ($uri =~ s/.*\?/?/r), $body,
        [ @headers, 'X-Type' => 'order' ]);

    is($why->{status}, 200, 'explained');
    like($why->{body}, qr/"text":"\*\*\*"/, 'with what is hidden as such');
    is($why->json->{events}[0]{dedup}{key}, '***',
        'a key that could be guessed is hidden');

    my $explained = $t->get("/admin/v1/explain?event=$dead->{event}");

    like($explained->{body}, qr/"redacted":true.*"text":"\*\*\*"/,
        'an event of the store, too');
    is(join('; ', $api->wrong(GET => '/explain', $explained)), '',
        'as it is written');
    unlike($t->get("/dim/v1/explain?event=$dead->{event}")->{body},
        qr/\*\*\*/, 'without "reveal" there are no values at all');


    # ---- what is refused

    my %refused = (
        require => [ '/shop?token=' . $mark{late}, '{"id":"r1","shop":"'
            . 's1","email":"' . $mark{late} . '"}', '"email":"***"' ],
        broken  => [ '/shop', '{"id":"r2","n":1,"email":"' . $mark{broken}
            . '"', undef ],
        twice   => [ '/shop', '{"id":"r3","n":1,"email":"x","email":"'
            . $mark{twice} . '"}', undef ],
    );

    for my $case (sort keys %refused) {
        my ($at, $text, $want) = @{ $refused{$case} };
        my $r = $send->($at, $text, @headers, 'X-Type' => 'order');

        like($r->{status}, qr/^4/, "$case: refused");
        unseen($r, "$case: the producer is not told");

        my $kept;

        wait_until(10, sub {
            ($kept) = @{ $look->('quarantine?source=shop&limit=1')
                         ->{requests} };
            return $kept && $kept->{size} == length $text;
        });

        my $got = $t->get("/admin/v1/quarantine/$kept->{id}?body=1&doctor=1");
        my $one = $got->json;

        is(join('; ', $api->wrong(GET => '/quarantine/{id}', $got)), '',
            "$case: as it is written");
        is($one->{body}, '***', "$case: withheld") if !defined $want;
        ok(length $one->{withheld}, "$case: why") if !defined $want;
        like($one->{body}, qr/\Q$want/, "$case: shown") if defined $want;
        is($one->{uri}, '/shop?token=***', "$case: the argument")
            if $at =~ /token/;

        my ($key) = grep { $_->{name} =~ /^x-key$/i } @{ $one->{headers} };

        is($key->{value}, '***', "$case: the header") if $key;
    }


    # ---- forms, what nobody reads, CloudEvents, parts

    my %more = (
        form => [ '/shop', "n=1&e%6Dail=$mark{form}&email=$mark{form}&x=123",
            'application/x-www-form-urlencoded',
            'n=1&e%6Dail=***&email=***&x=123' ],
        opaque => [ '/shop', "<n>$mark{opaque}</n>", 'text/xml', undef ],
        called => [ '/shop', qq({"n":1,"email":"$mark{broken}"}),
            'application/x-www-form-urlencoded', undef ],
        structured => [ '/cloud', '{"specversion":"1.0","id":"c1","source":'
            . qq("s","type":"t","data":{"email":"$mark{email}","x":234}}),
            'application/cloudevents+json',
            '{"specversion":"1.0","id":"c1","source":"s","type":"t","data":'
            . '{"email":"***","x":234}}' ],
        base64 => [ '/cloud', '{"specversion":"1.0","id":"c2","source":"s",'
            . '"type":"t","data_base64":"' . encode_base64($mark{base64}, '')
            . '"}', 'application/cloudevents+json',
            '{"specversion":"1.0","id":"c2","source":"s","type":"t",'
            . '"data_base64":"***"}' ],
        batch => [ '/cloud', '[{"specversion":"1.0","id":"c3","source":"s",'
            . qq("type":"t","data":{"email":"$mark{email}"}}]),
            'application/cloudevents-batch+json',
            '[{"specversion":"1.0","id":"c3","source":"s","type":"t",'
            . '"data":{"email":"***"}}]' ],
        split => [ '/parts', '{"events":[{"id":"p1","email":"'
            . $mark{split} . '"},{"id":"p2","email":["' . $mark{split}
            . '"]}]}', 'application/json',
            '{"events":[{"id":"p1","email":"***"},{"id":"p2","email":"***"}]}' ],
    );

    for my $case (sort keys %more) {
        my ($at, $text, $type, $want) = @{ $more{$case} };
        my $source = $at =~ s{/}{}r;
        my $r = $send->($at, $text, 'Content-Type' => $type);

        unseen($r, "$case: the producer is not told");

        my ($list, $one) = ([]);

        wait_until(10, sub {
            $list = [
                grep { $_->{size} == length $text }
                    @{ $look->("quarantine?source=$source")->{requests} } ];
            return @$list || $r->{status} < 400;
        });

        # some were taken: then they are in the store as a whole

        if (@$list) {
            $one = $look->("quarantine/$list->[0]{id}?body=1");

        } else {
            my ($event) = grep { $_->{size} == length $text }
                          @{ $look->("events?source=$source")->{events} };
            $one = $look->("stored?event=$event->{event}");
        }

        is($one->{body}, $want // '***', "$case: what is shown");
        ok(length $one->{withheld}, "$case: why") if !defined $want;
    }

    # an element is an event of its own, which is shown by its own paths

    is($send->('/parts', '{"events":[{"id":"p3","n":1,"email":"'
        . $mark{split} . '"}]}')->{status}, 202, 'a part is taken');

    my $part;

    wait_until(10, sub {
        ($part) = grep { $_->{id} eq 'p3' }
                  @{ $look->('events?source=parts')->{events} };
        return $part;
    });

    is($look->("stored?event=$part->{event}")->{body},
        '{"id":"p3","n":1,"email":"***"}', 'without its value');


    # ---- at once, and at a rate

    is($send->('/direct', qq({"id":"d1","x":"$mark{whole}"}))->{status}, 200,
        'an event that is delivered at once');
    unseen($t->post('/explain-direct', qq({"id":"d2","x":"$mark{whole}"}),
        \@json), 'all of data is hidden');

    $send->('/tight', qq({"id":"t$_","email":"$mark{email}"})) for 1, 2;

    my $limited = $send->('/tight', qq({"id":"t3","email":"$mark{email}"}));

    is($limited->{status}, 429, 'too many of one value');
    unseen($limited, 'which is not told');


    # ---- an edited copy

    my $at = "replay?event=$dead->{event}&target=bad&deliver_to=erp";
    my $edit = sub { $t->post("/admin/v1/$at" . ($_[1] // ''), $_[0],
        [ @act, 'Content-Type' => 'application/x-www-form-urlencoded' ]) };

    my $there = $target->count;
    my $known = @{ $look->('events?limit=1000')->{events} };
    my $r = $edit->($dead->{body});

    is($r->{status}, 400, 'what was shown is not sent as it is');
    like($r->json->{detail}, qr/data\.items\.pin.*several/,
        'the field that could not be told');

    is($edit->('***')->{status}, 400, 'nor what stands for a whole body');

    # what was refused is not delivered all the same

    sleep 1.5;
    is($target->count, $there, 'the target gets neither');
    is(scalar @{ $look->('events?limit=1000')->{events} }, $known,
        'and there is no copy');

    my $mine = $dead->{body} =~ s/"pin":"\*\*\*"/"pin":1/gr
               =~ s/"ann"/"bob"/r;
    my $before = $target->count;
    my $preview = $edit->($mine, '&preview=1');

    is($preview->{status}, 200, 'a preview') or diag($preview->{body});
    unseen($preview, 'of which nobody learns a value');

    my $guess = $mine =~ s/"card":"\*\*\*"/"card":["m4rk"]/r;
    my $other = $mine =~ s/"card":"\*\*\*"/"card":["zzzz"]/r;

    is_deeply($edit->($guess, '&preview=1')->json->{edited}{difference},
        $edit->($other, '&preview=1')->json->{edited}{difference},
        'and nobody learns how good a guess is');

    is($edit->($mine)->{status}, 200, 'the copy is taken');
    wait_until(10, sub { $target->count > $before });

    is(($target->requests)[-1]{body}, sprintf($order, 'e2')
        =~ s/"pin":"[^"]+"/"pin":1/r =~ s/"pin":\{[^}]+\}/"pin":1/r
        =~ s/"ann"/"bob"/r, 'its target has the hidden values of the original');

    is($edit->('***')->{status}, 400, '"***" is no body');


    # ---- all that can be asked

    my @events = @{ $look->('events?limit=100')->{events} };
    my @urls = map { "/admin/v1/$_" }
        'events', 'dead?body=1', 'pending?body=1', 'quarantine', 'jobs',
        'sources', 'targets', 'routes', 'groups', 'config', 'status', 'me',
        'series', 'openapi.json', "events?key=data.order:o-77";

    push @urls, map { ("/admin/v1/events/$_->{event}",
        "/admin/v1/events/$_->{event}?body=1",
        "/admin/v1/stored?event=$_->{event}",
        "/admin/v1/explain?event=$_->{event}") } @events;
    push @urls, map { ("/admin/v1/quarantine/$_->{id}?body=1&doctor=1") }
        @{ $look->('quarantine?limit=100')->{requests} };
    push @urls, '/admin/', '/admin/dead?body=1', '/admin/pending?body=1';

    ok(@events > 5, 'there are events: ' . @events);

    my $n = 0;

    for my $url (@urls) {
        my $r = $t->get($url);

        $n += ($r->{status} == 200);
        unseen($r, $url);
    }

    ok($n > 30, "$n answers were read");

    my $stream = do { local $/; <$tail> };

    close $tail;
    like($stream, qr/"kind":"$_"/, "the tail has lines: $_")
        for qw(event attempt refusal);
    unseen({ body => $stream }, 'of which none has a value');


    # ---- the source is another one, or none of nginx.conf any more

    $send->('/clear', '{"id":"k1","n":"plain-to-see"}');
    wait_until(10, sub { grep { $_->{id} eq 'k1' }
                         @{ $look->('events?source=clear')->{events} } });

    my ($clear) = @{ $look->('events?source=clear')->{events} };

    is($look->("stored?event=$clear->{event}")->{body},
        '{"id":"k1","n":"plain-to-see"}', 'a source that hides nothing');

    $config->(shop => 'shop2');
    $t->reload;

    # new workers may have no connection to Redis yet

    my $gone = ask_again(10, sub {
        $t->get("/admin/v1/stored?event=$dead->{event}") })->json;

    is($gone->{body}, '***', 'a source that is gone: withheld');
    like($gone->{withheld}, qr/not in nginx\.conf/, 'why');
    unseen($t->get("/admin/v1/events/$dead->{event}"), 'nor are its keys');
    is(ask_again(10, sub { $t->post("/admin/v1/$at", '***', [ @act ]) })
        ->{status}, 400, 'nor is "***" sent');


    # ---- all that was written

    $t->stop;

    my @logs = map { split /\n/ } $t->read_file('logs/json.log'),
                                  $t->read_file('logs/string.log');

    ok((grep { /^event e1 \[\*\*\*\] \[\*\*\*\] \[\*\*\*\] \[\*\*\*\] \[\*\*\*\] \[\*\*\*\] order=o-77$/ }
        @logs), 'a line of variables') or diag(grep { /^event e1/ } @logs);
    ok((grep { /^attempt e1 \[\*\*\*\]/ } @logs),
        'also where its request had asked for it');
    is(join("\n", grep { seen($_) } @logs), '', 'event_log');

    # at debug nginx tells what it reads and sends, and to each line about a
    # request it adds how that began

    my @own = map { s/, client: .*//r } grep { /event router|\[(?:info|notice|warn|error|crit)\]/ }
              split /\n/, $t->read_file('logs/error.log');

    ok((grep { /\[debug\].*event router/ } @own) > 100, 'debug lines');
    is(join("\n", grep { seen($_) } @own), '',
        'error.log, but for the lines of nginx itself');
}


# the body of an answer, which a process of its own reads meanwhile

sub aside {
    my ($t, $uri) = @_;

    my $pid = open my $f, '-|';

    die "fork: $!\n" if !defined $pid;
    return $f if $pid;

    my $body = $t->get($uri, [], timeout => 30)->{body};

    syswrite STDOUT, $body;
    POSIX::_exit(0);
}


sub seen {
    my ($text) = @_;

    return grep { index($text, $_) >= 0 || index($text,
        substr encode_base64($_, ''), 0, 16) >= 0 } values %mark;
}


sub unseen {
    my ($r, $name) = @_;

    is(join(' ', seen($r->{body} // '')), '', "nothing hidden: $name");
}
