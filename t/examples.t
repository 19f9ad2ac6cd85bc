#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Every docs/examples/*.conf is a whole nginx.conf that passes "nginx -t"
# without a warning.  What an example reads from secrets/ is made up here.
# Then each runs, on other ports, and a signed event goes where the example
# says (t/demo.t does that for shopify-to-outsystems.conf).

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256_hex);
use File::Basename qw(basename);
use MIME::Base64 qw(encode_base64);
use Test::More;
use Test::EventRouter;

my $root = "$FindBin::Bin/..";
my $secret = 'secret-of-the-example';
my $passes = qr/\Anginx: [^\[]* syntax is ok\nnginx: [^\[]* successful\n\z/;

for my $file (sort glob "$root/docs/examples/*.conf") {
    my $name = basename($file);
    my $t = Test::EventRouter->new;
    my $text = example($t, $name);

    # the workers of an example are let through to their store

    chmod 0755, $t->dir;

    like($text, qr/^load_module\s+modules\/\S+;$/m, "$name loads the module");

    $t->write_file('conf/nginx.conf', at_home(load_module($t, $text)));

    my ($ok, $said) = $t->check_config;

    ok($ok, "$name passes") or diag($said);
    unlike($said, qr/\[(?:warn|error|crit|alert|emerg)\]/,
        "$name without a warning");

    SKIP: {
        skip 'folders can be lent by root only', 2
            if system('unshare -m true 2>/dev/null') != 0;

        $t->write_file('conf/nginx.conf', load_module($t, $text));

        like(as_debian($t, '-c ' . $t->dir . '/conf/nginx.conf'), $passes,
            "$name as it stands, from a folder");
        like(as_debian($t, ''), $passes,
            "$name as it stands, copied to /etc/nginx");
    }
}


# ---- github.conf: a pull request, and what nobody builds

subtest 'github.conf runs' => sub {
    my $t = start('github.conf', qw(8091 8092 8093));
    my $body = '{"action":"opened","sender":{"login":"ada"},"pull_request":'
               . '{"draft":false,"base":{"ref":"main"}}}';
    my $r = post($t, '/hooks/github', $body,
        github($body, $secret, event => 'pull_request'));

    is($r->{routes}, 'pull-requests everything', 'routes');
    is($r->{targets}, 'builds=ok archive', 'targets');

    my ($request) = $t->{target}{8093}->wait_requests(1);

    is($request->header('X-GitHub-Event'), 'pull_request',
        'header forwarded');

    $body =~ s/"ada"/"renovate[bot]"/;
    is(post($t, '/hooks/github', $body, github($body, $secret,
        event => 'pull_request'))->{routes}, 'everything', 'a robot');

    $body = '{"ref":"refs/heads/main","deleted":false,"commits":['
            . '{"message":"a [skip ci]"},{"message":"b"}]}';
    is(post($t, '/hooks/github', $body, github($body, $secret))->{routes},
        'pushes everything', 'a push');

    $body =~ s/"b"/"B [SKIP CI]"/;
    is(post($t, '/hooks/github', $body, github($body, $secret))->{routes},
        'everything', 'nothing to build');

    is(post($t, '/hooks/github', '{}', github('{}', $secret,
        event => 'ping'))->{status}, 202, 'ping goes nowhere');

    $t->done;
};


# ---- alerts.conf: what Slack, PagerDuty and OutSystems ask for is there

subtest 'alerts.conf runs' => sub {
    my $t = start('alerts.conf', 8091 .. 8094);
    my $body = '{"id":1001}';

    $t->{target}{8091}->answer('/orders', status => 422);
    $t->{target}{8093}->answer('/v2/enqueue', status => 202,
        body => '{"status":"success","message":"Event processed"}');
    $t->{target}{8094}->answer('/Desk/rest/v1/Alert',
        headers => [ 'Content-Type' => 'application/json' ],
        body => '{"Success":true}');

    is($t->post('/hooks/shopify', $body,
        [ shopify($body, $secret, id => 'example-2') ])->{status}, 202,
        'an event');

    # an incoming webhook: POST, JSON, a text, and nothing that is markup

    my ($r) = $t->{target}{8092}->wait_requests(1);

    is("$r->{method} $r->{uri}", 'POST /services/T00/B00/XXXX', 'Slack: URL');
    is($r->header('Content-Type'), 'application/json', 'Slack: JSON');
    like($r->json->{text},
        qr/^Target orders has dead letters: 1 since [-\w:]+, the last: final, status 422$/,
        'Slack: text');

    # an exposed REST method with Basic authentication

    ($r) = $t->{target}{8094}->wait_requests(1);

    is("$r->{method} $r->{uri}", 'POST /Desk/rest/v1/Alert',
        'OutSystems: URL');
    is($r->header('Authorization'), 'Basic '
        . encode_base64('nginx:pass of the example', ''),
        'OutSystems: authentication');
    is(join(' ', @{ $r->json }{qw(state target count reason status)}),
        'begin orders 1 final 422', 'OutSystems: members');

    # Events API v2: a breaker opens, and PagerDuty has what it requires

    for my $n (1 .. 30) {
        my $more = qq({"id":$n});

        $t->{target}{8091}->answer('/orders', status => 500) if $n == 1;
        $t->post('/hooks/shopify', $more,
            [ shopify($more, $secret, id => "more-$n") ]);
    }

    ($r) = $t->{target}{8093}->wait_requests(1);

    my $event = $r->json;

    is("$r->{method} $r->{uri}", 'POST /v2/enqueue', 'PagerDuty: URL');
    is($r->header('Content-Type'), 'application/json', 'PagerDuty: JSON');
    like($event->{routing_key}, qr/^\w{32}$/, 'PagerDuty: routing_key');
    is($event->{event_action}, 'trigger', 'PagerDuty: event_action');
    like($event->{dedup_key}, qr/^router\.target\.breaker\.opened-\w{16}$/,
        'PagerDuty: dedup_key');
    like($event->{payload}{summary}, qr/^Target orders does not work: /,
        'PagerDuty: summary');
    like($event->{payload}{source}, qr/\S/, 'PagerDuty: source');
    like($event->{payload}{severity}, qr/^(?:critical|error|warning|info)$/,
        'PagerDuty: severity');

    $t->done;
};


# ---- shopify-queued.conf: an order while finance is down

subtest 'shopify-queued.conf runs' => sub {
    my $t = start('shopify-queued.conf', qw(8091 8092));
    my $body = '{"id":1001,"total_price":"1500.00"}';
    my @header = shopify($body, $secret, topic => 'orders/paid',
        id => 'example-1');

    $t->{target}{8092}->answer('/Finance/rest/v1/Payment',
        [ { status => 422, body => '{"Errors":["no such customer"],'
            . '"StatusCode":422}' }, { status => 200 } ]);

    my $r = $t->post('/hooks/shopify', $body, [ @header ]);

    is($r->{status}, 202, 'accepted');
    is(join(' ', map { "$_->{name}=$_->{state}" } @{ $r->json->{targets} }),
        'orders=queued finance=queued', 'for both');

    my ($request) = $t->{target}{8091}->wait_requests(1);

    is($request->header('Idempotency-Key'), 'example-1', 'orders has it');

    my $dead;

    wait_until(5, sub {
        $dead = $t->get('/events/admin/dead')->json->{entries};
        return @{ $dead || [] };
    });

    is($dead->[0]{target}, 'finance', 'finance refused it');
    is($dead->[0]{reason}, 'final', 'for good');
    is("@{ $dead->[0]{errors} }", 'no such customer', 'and why');

    $r = $t->post('/events/admin/replay?target=finance', '',
        [ 'X-Event-Admin' => 1 ]);
    is($r->json->{replayed}, 1, 'replayed');
    $t->{target}{8092}->wait_requests(2);
    ok(wait_until(5, sub {
        my $q = $t->get('/events/')->json->{queue}{targets}{finance};
        return $q->{pending} == 0 && $q->{dead} == 0;
    }), 'and taken');

    $t->done;
};


# ---- shopify-mapped.conf: an order, as a record of an API

subtest 'shopify-mapped.conf runs' => sub {
    my $t = start('shopify-mapped.conf', 8091);
    my $body = '{"id":5123456789012345678,"order_number":1042,"currency":"EUR",'
               . '"created_at":"2026-03-01T10:15:30+01:00","total_price":"9.90",'
               . '"customer":{"first_name":"Ada","last_name":"Lovelace"},'
               . '"line_items":[{"sku":"A","quantity":1,"price":"9.90"}]}';

    is($t->post('/hooks/shopify', $body, [ shopify($body, $secret,
        topic => 'orders/paid') ])->{status}, 202, 'an order');

    my ($request) = $t->{target}{8091}->wait_requests(1);

    is($request->{uri}, '/Orders/rest/v1/Create', 'URI');
    is($request->header('Content-Type'), 'application/json', 'type');
    is($request->{body}, '{"ExternalId":"5123456789012345678","Number":1042,'
        . '"PlacedAt":"2026-03-01T09:15:30Z","Customer":"Ada Lovelace",'
        . '"Currency":"EUR","Total":9.90,"Skus":"A","Lines":[{"Sku":"A",'
        . '"Quantity":1,"Price":9.90}]}', 'the record');

    # what cannot be mapped names the place

    $body = '{"id":2}';
    $t->post('/hooks/shopify', $body, [ shopify($body, $secret) ]);

    my $dead;

    ok(wait_until(5, sub {
        ($dead) = @{ $t->get('/events/admin/dead')->json->{entries} || [] };
        return $dead;
    }), 'a dead letter');
    is($dead->{reason}, 'final', 'for good');
    like($t->read_file('logs/error.log'),
        qr/\{data\.order_number\} in templates\/order\.json/, 'and why');

    $t->done;
};


# ---- stripe-redis-dedup.conf: a dispute, twice, and a real Redis

subtest 'stripe-redis-dedup.conf runs' => sub {
    my $t = start('stripe-redis-dedup.conf', qw(8091 8092 8093));
    my $body = '{"id":"evt_1","type":"charge.dispute.created","livemode":true,'
               . '"data":{"object":{"id":"du/1","amount":9000}}}';
    my $r = post($t, '/hooks/stripe', $body, stripe($body, $secret));

    is($r->{routes}, 'disputes', 'routes');
    is($r->{targets}, 'ledger=ok risk=ok', 'targets');
    is(($t->{target}{8091}->requests)[0]->header('Idempotency-Key'), 'evt_1',
        'id as a header');
    is(($t->{target}{8092}->requests)[0]{uri}, '/disputes/du%2F1',
        'id in the URI');

    $r = post($t, '/hooks/stripe', $body, stripe($body, $secret));
    is($r->{outcome}, 'duplicate', 'the second time');
    ok($t->wait_file('logs/events.log', qr/dedup=redis status=duplicate/),
        'known from Redis');
    cmp_ok($t->{redis}->command('DBSIZE'), '==', 1, 'one key');

    $t->done;
};


# ---- generic-hmac-many-targets.conf: an article that is out of stock

subtest 'generic-hmac-many-targets.conf runs' => sub {
    my $t = start('generic-hmac-many-targets.conf', 8091);
    my $body = '{"site":"east","articles":[{"sku":"A/1","quantity":0,'
               . '"reserved":2}]}';
    my $r = post($t, '/hooks/warehouse', $body, warehouse($body));

    is($r->{routes}, 'stock shortage all', 'routes');
    is($r->{targets}, 'shop=ok search=ok metrics purchasing=ok audit',
        'targets');

    my ($search) = grep { $_->{uri} =~ /search/ } $t->{target}{8091}->requests;

    is("$search->{method} $search->{uri}", 'PUT /search/articles/A%2F1',
        'method and URI');

    $body =~ s/"east"/"test-1"/;
    is(post($t, '/hooks/warehouse', $body, warehouse($body))->{targets},
        'staging=ok', 'test site');
    is(post($t, '/hooks/warehouse', $body,
        warehouse($body, time - 301))->{status}, 401, 'too old');
    is($t->get('/events/', [], port => 8080)->json->{sources}{warehouse}
        {delivered}, 2, 'counted');

    $t->done;
};



# ---- outsystems-connection.conf: what OutSystems may answer, and nothing

subtest 'outsystems-connection.conf runs' => sub {
    my $t = start('outsystems-connection.conf', 8091);
    my $api = $t->{target}{8091};
    my $upsert = '/Orders/rest/v1/Upsert';

    my $order = sub {
        my ($id, $version, @answers) = @_;

        my $body = qq({"id":$id,"updated_at":"2026-03-01T$version"});

        $api->answer($upsert, [ @answers, taken() ]);

        return $t->post('/hooks/shopify', $body,
            [ shopify($body, $secret, topic => 'orders/updated') ]);
    };

    my $counted = sub {
        my ($what, $n) = @_;

        return wait_until(10, sub {
            my $q = $t->get('/events/')->json->{queue}{targets}{orders};
            return $q->{pending} == 0 && $q->{$what} == $n;
        });
    };

    is($order->(1, '10:00:00Z')->{status}, 202, 'an order');
    my ($request) = $api->wait_requests(1);
    is($request->header('Authorization'),
        'Basic ' . encode_base64('nginx:pass of the example', ''),
        'Basic authentication');
    ok($counted->(dead => 0), 'taken');

    $order->(2, '10:00:00Z', { status => 409,
        body => '{"Errors":["exists"],"StatusCode":409}' });
    $api->wait_requests(2);
    ok($counted->(dead => 0), 'one that exists already is taken');

    $order->(3, '10:00:00Z', { status => 200,
        body => '{"Success":false,"Message":"no such customer"}',
        headers => [ 'Content-Type', 'application/json' ] });
    ok($counted->(dead => 1), 'one that is refused in a 200 is not');

    # the order is there, though nobody said so

    $api->answer('/Orders/rest/v1/Has/4', status => 200,
        body => '{"Found":true}',
        headers => [ 'Content-Type', 'application/json' ]);
    $order->(4, '10:00:00Z', { fault => 'reset' });
    ok(wait_until(10, sub {
        scalar $api->requests(uri => '/Orders/rest/v1/Has/4') }),
        'an answer is lost, so it is asked');
    ok($counted->(dead => 1), 'found');
    is(scalar(grep { $_->{body} =~ /"id":4,/ } $api->requests), 1,
        'and not sent again');

    # an older state of the first one comes late

    $order->(1, '09:00:00Z');
    ok($counted->(dead => 1), 'a late one');
    is(scalar(grep { $_->{body} =~ /09:00:00/ } $api->requests), 0,
        'is not sent');

    my $r = $t->post('/events/admin/test?target=orders', '',
        [ 'X-Event-Admin' => 1 ]);

    is($r->{status}, 200, 'the test button');

    $t->done;
};


# ---- accounted.conf: an order is found, what was refused is judged again

subtest 'accounted.conf runs' => sub {
    my $t = start('accounted.conf', 8091 .. 8093);
    my $body = '{"id":1,"order_number":4711}';
    my $api = '/events/admin/v1';
    my %token = map { $_ => [ Authorization => "Bearer $secret-$_",
        'X-Event-Admin' => 1 ] } qw(console operator);

    $t->{target}{8091}->answer('/orders', status => 201, body => 'I-77');

    is($t->post('/hooks/shopify', $body,
        [ shopify($body, $secret, id => 'example-3') ])->{status}, 202,
        'an order');

    my $event;

    ok(wait_until(10, sub {
        $event = $t->get("$api/events?key=data.order_number:4711",
            $token{console})->json->{events}[0];
        return $event && !grep { $_->{state} ne 'delivered' }
                         @{ $event->{targets} };
    }), 'is found by its number');

    is(join(' ', map { "$_->{target}=$_->{status}" } @{ $event->{targets} }),
        'erp=201 finance=200', 'it reached both');

    my $step = $t->get("$api/events/$event->{event}", $token{console})
        ->json->{targets}[0]{history}[0];

    is($step->{answer}, 'I-77', 'what the ERP said');

    # its producer has another secret than nginx.conf

    is($t->post('/hooks/shopify', $body,
        [ shopify($body, 'another one', id => 'example-4') ])->{status}, 401,
        'refused');

    my $kept;

    ok(wait_until(10, sub {
        $kept = $t->get("$api/quarantine?source=shopify",
            $token{console})->json->{requests}[0];
    }), 'kept');

    is($t->get("$api/quarantine/$kept->{id}?doctor=1", $token{console})
        ->json->{doctor}[0]{what}, 'unknown', 'the doctor says: another one');

    $t->write_file('conf/secrets/shopify', 'another one');
    $t->reload;

    is($t->post("$api/recheck?source=shopify", '', $token{console})->{status},
        403, 'who looks does not act');
    is($t->post("$api/recheck?source=shopify", '', $token{operator})
        ->json->{admitted}, 1, 'judged again');

    # the lines are there after a second

    my %log = (event => 2, attempt => 4, request => 1, admin => 1);

    ok(wait_until(10, sub {
        my %got;

        $got{$_}++ for $t->read_file('logs/event_router.log')
                       =~ /"kind":"(\w+)","(?!source":"router)/g;
        return !grep { ($got{$_} // 0) < $log{$_} } keys %log;
    }), 'all of it is in the log');

    $t->done;
};

done_testing();


sub taken {
    return { status => 200, body => '{"Success":true}',
             headers => [ 'Content-Type', 'application/json' ] };
}


# the example's text, and its secrets beside it

sub example {
    my ($t, $name) = @_;

    open my $f, '<', "$root/docs/examples/$name" or die "$name: $!\n";
    my $text = do { local $/; <$f> };

    while ($text =~ m{file[:=](secrets/[\w.-]+)}g) {
        $t->write_file("conf/$1",
            $1 eq 'secrets/warehouse' ? 'whsec_' . encode_base64($secret, '')
            : $1 eq 'secrets/outsystems' ? 'nginx:pass of the example'
            : $1 =~ /(console|operator)$/ ? "$secret-$1"
            : $secret);
    }

    while ($text =~ m{\b(templates/[\w.-]+)}g) {
        next if !-e "$root/docs/examples/$1";
        open my $file, '<', "$root/docs/examples/$1" or die "$1: $!\n";
        $t->write_file("conf/$1", do { local $/; <$file> });
    }

    $t->secret($secret);

    return $text;
}


sub load_module {
    my ($t, $text) = @_;

    my $line = $ENV{TEST_NGINX_STATIC} ? '' : 'load_module ' . $t->_module
                                              . ';';

    return $text =~ s/^load_module\s+modules\/\S+;$/$line/mr;
}


# Debian's folders become those of the test, and the user is left out

sub at_home {
    my ($text) = @_;

    my $temp = join '', map { "    ${_}_temp_path tmp/$_;\n" }
        qw(client_body proxy fastcgi uwsgi scgi);

    $text =~ s{/var/log/nginx/}{logs/}g;
    $text =~ s{/var/lib/nginx/events}{store}g;
    $text =~ s{/run/nginx\.pid}{nginx.pid};
    $text =~ s/^user\s.*\n//m;
    $text =~ s/^http \{\n/$&$temp/m;

    return $text;
}


# what "nginx -t" says with Debian's folders, fresh ones, where they belong

sub as_debian {
    my ($t, $arguments) = @_;

    my $binary = $t->binary;
    my $conf = $t->dir . '/conf';

    return qx(unshare -m sh -ec '
        for dir in /var/log /var/lib /run /etc/nginx; do
            mkdir -p \$dir
            mount -t tmpfs none \$dir
        done
        mkdir /var/log/nginx /var/lib/nginx
        cp -r $conf/* /etc/nginx/
        exec $binary -t -e stderr $arguments' 2>&1);
}


# the example on free ports, with targets that take everything

sub start {
    my ($name, @targets) = @_;

    my $t = Test::EventRouter->new;
    my $text = at_home(load_module($t, example($t, $name)));
    my $user = $> == 0 ? "user root;\n" : '';

    $t->{redis} = $t->redis(6379, requirepass => $secret)
        if $text =~ /127\.0\.0\.1:6379/;
    $t->{redis}->command(AUTH => $secret) if $t->{redis};

    $t->{target}{$_} = $t->target($_) for @targets;

    $text =~ s/\bwait(\s+)60s/wait${1}1s/;

    $text =~ s/127\.0\.0\.1:(\d+)/127.0.0.1:%%PORT_$1%%/g;
    $text =~ s/^worker_processes\s.*$/worker_processes 1;/m;
    $text =~ s/^pid\s.*$/$&\ndaemon off;\n$user/m;

    $t->write_file('conf/nginx.conf', $t->expand($text));

    return $t->run;
}


# status, and what the receipt says in words; nobody waits for an optional
# target, so its state may be anything

sub post {
    my ($t, $uri, $body, @headers) = @_;

    my $r = $t->post($uri, $body, \@headers);
    my $receipt = $r->json // {};

    return {
        status => $r->{status},
        outcome => $receipt->{outcome},
        routes => join(' ', @{ $receipt->{routes} // [] }),
        targets => join(' ', map { $_->{optional} ? $_->{name}
                                   : "$_->{name}=$_->{state}" }
                             @{ $receipt->{targets} // [] }),
    };
}


sub warehouse {
    my ($body, $time) = @_;

    $time //= int time;

    return ('Content-Type' => 'application/json',
            'X-Warehouse-Id' => "id-$time-" . length $body,
            'X-Warehouse-Event' => 'stock.changed',
            'X-Warehouse-Signature' => "t=$time,v1="
                . hmac_sha256_hex("$time.$body", $secret));
}
