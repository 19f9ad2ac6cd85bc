#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The quarantine of a source: that each step which refuses a request keeps it,
# what of it is kept and shown and what never is, its bounds, and that it is
# judged again: after a wrong secret was put right all events are delivered,
# each once, whatever their producer has sent again meanwhile.  All of it with
# both stores.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use MIME::Base64 qw(encode_base64url);
use Test::More;
use Test::EventRouter;

my @json = ('Content-Type' => 'application/json');
my @token = ('X-Event-Admin' => 1);

my $old = 'the-secret-before-it-was-rotated';
my $new = 'the-secret-since-it-was-rotated!';
my $bearer = 'bearer-canary-8c1f0b5e7d';
my $cookie = 'cookie-canary-51f0a7';
my $arg = 'argument-canary-9e3b';

subtest('nginx -t' => \&config);

for my $store (qw(file redis)) {
    subtest("with $store" => sub { all($store) });
}

done_testing();


# ---- nginx -t

sub config {
    my $t = Test::EventRouter->new;

    my $said = sub {
        my ($line, $store, $more) = @_;

        $t->config(<<"EOC");
    $store
    event_source s { verify off; $line $more }
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

    my $file = 'event_store file:%%TESTDIR%%/store size=64m;';

    for my $line ('quarantine 24h;', 'quarantine 1s size=1m;',
                  'quarantine 365d size=64g;')
    {
        like($said->($line, $file, 'dedup off;'), qr/^ok /, "taken: $line");
    }

    for my $store ('', 'event_store memory:16m;')
    {
        like($said->('quarantine 24h;', $store, ''),
            qr/^wrong .*"s" has "quarantine".*event_store file:.* in .*:\d+/s,
            "without a store that keeps it: \"$store\"");
    }

    like($said->("quarantine $_;", $file, ''), qr/^wrong .*quarantine.*:\d+/s,
        "wrong: \"$_\"")
        for '', 'on', '0', '500ms', '366d', '24h 64m', '24h size=1',
            '24h size=100g', '24h size=1m size=1m', 'size=1m', '24h max=1m';

    like($said->('quarantine 1h; quarantine 2h;', $file, ''), qr/duplicate/,
        'it stands twice');
    like($said->('quarantine 30d;', $file, 'dedup 1h;'),
        qr/^ok .*keys are known.*delivered twice/s, 'longer than dedup');
    unlike($said->('quarantine 1h;', $file, 'dedup 1h;'), qr/keys are known/,
        'as long as dedup');
    like($said->('quarantine 1h;',
        'event_store redis://127.0.0.1:%%PORT_6379%%/0;', ''), qr/^ok /,
        'a source that delivers at once has it in Redis, too');
}


sub all {
    my ($store) = @_;

    my $t = Test::EventRouter->new(workers => 2);
    my $target = $t->target(8081);
    my $redis = ($store eq 'redis')
                ? $t->redis(6379, appendonly => 'yes') : undef;

    $t->secret($_) for $old, $new, $bearer, $cookie;
    $t->write_file('conf/secret', $old);
    $t->write_file('conf/bearer', 'another-bearer-0000000');

    my %o = (require => 'require data.n is number;', route => '');

    my $config = sub {
        my (%more) = @_;

        %o = (%o, %more);

        my $where = $redis ? 'redis://127.0.0.1:%%PORT_6379%%/0'
                           : 'file:%%TESTDIR%%/store size=256m';

        $t->config(<<"EOC");

    event_store $where;

    event_source shop {
        verify hmac-sha256;
        secret file:secret;
        signature header:X-Signature;
        timestamp header:X-Time;
        signed "{ts}.{body}";
        id "{json:id}";
        type "{json:type}";
        delivery queued;
        quarantine 1h size=8m;
        $o{require}
        accept application/json @{[ $o{accept} // '' ]};
    }

    event_source direct {
        verify hmac-sha256;
        secret file:secret;
        signature header:X-Signature;
        signed "{body}";
        id "{json:id}";
        type "{json:type}";
        quarantine 1h;
        unrouted 404;
    }

    event_source held {
        verify token;
        secret file:bearer;
        signature header:Authorization prefix=Bearer;
        id "{json:id}";
        type "{json:type}";
        delivery queued;
        quarantine 1h;
    }

    event_source plain {
        verify off;
        id "{item:id}";
        split data.items;
        dedup off;
        accept application/json @{[ $o{accept} // '' ]};
        delivery queued;
        retain 1h;
        quarantine 1h;
        require data.n is number;
    }

    event_source web {
        verify jwt;
        secret file:secret;
        id "{json:id}";
        type "{json:type}";
        delivery queued;
        quarantine 1h;
    }

    event_source inside {
        verify token;
        secret file:bearer;
        signature json:token;
        id "{json:id}";
        type "{json:type}";
        delivery queued;
        quarantine 1h;
    }

    event_source none { verify off; }

    event_target erp { retry off; }

    event_route known { from shop direct held web inside;
                        when type = order; to erp; }
    event_route items { from plain; when data.n < 100; to erp; }
    $o{route}

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /shop   { event_receive shop; }
        location = /direct { event_receive direct; }
        location = /held   { event_receive held; }
        location = /plain  { event_receive plain; }
        location = /web    { event_receive web; }
        location = /none   { event_receive none; }
        location = /inside { event_receive inside; }
        location = /status { event_status; }
        location /admin/   { event_admin access=nginx; }
        location /reveal/  { event_admin access=nginx reveal; }

        location = /erp { event_deliver erp;
                          proxy_pass http://127.0.0.1:%%PORT_8081%%/erp; }
    }
EOC
    };

    $config->();
    $t->run;

    my $kept = sub {
        my ($source, $n) = @_;

        my $list;

        wait_until(10, sub {
            $list = $t->get("/admin/v1/quarantine?source=$source")->json
                    ->{requests};
            return @$list == $n;
        });

        return @$list;
    };

    my $one = sub {
        my ($id, $args) = @_;

        return $t->get("/reveal/v1/quarantine/$id" . ($args // ''))->json;
    };

    my $recheck = sub {
        my ($args) = @_;

        return $t->post("/admin/v1/recheck?$args", '', \@token)->json;
    };

    my $purge = sub {
        $t->post("/admin/v1/purge_quarantine?source=$_[0]", '', \@token)->json;
    };

    my $shop = sub {
        my ($secret, $body, %more) = @_;

        my $time = $more{time} // int(time);

        return $t->post('/shop', $body, [
            'Content-Type' => $more{type} // 'application/json',
            'X-Time' => $time,
            'X-Signature' => hmac_sha256_hex("$time.$body", $secret),
            'Cookie' => $cookie, 'Authorization' => "Bearer $bearer",
            @{ $more{headers} // [] } ]);
    };


    # ---- each step

    is($shop->($old, '{"id":"1","type":"order","n":1}')->{status}, 202,
        'a genuine event');
    wait_until(10, sub { $target->count == 1 });
    is(scalar $kept->('shop', 0), 0, 'nothing of it is in quarantine');

    # a token in a body may be a secret, so that body is not kept

    is($t->post('/inside', '{"id":"i","token":"not-the-token-0000"}',
        [ 'Content-Type' => 'application/json' ])->{status}, 401,
        'another token in the body');

    my ($inside) = $kept->('inside', 1);

    like($inside->{lack}, qr/secret/, 'why there is no body');
    unlike($t->get("/reveal/v1/quarantine/$inside->{id}?body=1")->{body},
        qr/not-the-token/, 'nobody sees it');

    my @steps = (
        [ 'signature', 401, $new, '{"id":"2","type":"order","n":1}' ],
        [ 'time', 401, $old, '{"id":"3","type":"order","n":1}',
          time => int(time) - 4000 ],
        [ 'type', 415, $old, '{"id":"4","type":"order","n":1}',
          type => 'text/csv' ],
        [ 'type', 415, $old, '{"id":"4","type":"order","n":1}',
          headers => [ 'Content-Encoding' => 'br' ] ],
        [ 'parse', 400, $old, '{"id":"5","type":"order","n":1' ],
        [ 'require', 422, $old, '{"id":"6","type":"order","n":"1"}' ],
        [ 'route', 200, $old, '{"id":"7","type":"strange","n":1}' ],
    );

    my $i = 0;

    for my $s (@steps) {
        my ($step, $status, $secret, $body, %more) = @$s;

        is($shop->($secret, $body, %more)->{status}, $status,
            "$step: it is answered $status");

        my @list = $kept->('shop', ++$i);
        my $r = $list[0];

        is(scalar @list, $i, "$step: it is kept");
        is($r->{step}, $step, "$step: the step");
        is($r->{status}, $status, "$step: the status");
        is($r->{source}, 'shop', "$step: the source");
        is($r->{method}, 'POST', "$step: the method");
        is($r->{uri}, '/shop', "$step: the URI");
        is($r->{peer}, '127.0.0.1', "$step: the peer");
        is($r->{size}, length $body, "$step: the size");
        like($r->{why}, qr/\w \w/, "$step: a sentence");
        like($r->{id}, qr/^[0-9a-f]{16}-[0-9a-f]{16}$/, "$step: an id");
        like($r->{$_}, qr/^20\d\d-\d\d-\d\dT/, "$step: $_")
            for qw(received until);
        ok(!exists $r->{lack}, "$step: it can be judged again");
        is($one->($r->{id}, '?body=1')->{body}, $body, "$step: the body");
    }

    is(join(' ', sort { $a cmp $b } map { $_->{step} } $kept->('shop', 7)),
        'parse require route signature time type type', 'all steps');
    is(scalar @{ $t->get('/admin/v1/quarantine?source=shop&step=time')->json
        ->{requests} }, 1, 'one step');
    is(scalar @{ $t->get('/admin/v1/quarantine?step=type')->json
        ->{requests} }, 2, 'of all sources');
    is(scalar @{ $t->get('/admin/v1/quarantine?from=' . int(time + 100))->json
        ->{requests} }, 0, 'from a time');
    is(scalar @{ $t->get('/admin/v1/quarantine?to=' . int(time - 100))->json
        ->{requests} }, 0, 'to a time');

    my ($next, @pages) = ('');

    do {
        my $p = $t->get("/admin/v1/quarantine?source=shop&limit=3$next")->json;

        push @pages, map { $_->{id} } @{ $p->{requests} };
        $next = $p->{next} ? "&after=$p->{next}" : '';
    } while ($next);

    is(scalar @pages, 7, 'pages have all');
    is(join(' ', @pages), join(' ', reverse sort @pages), 'newest first');

    is($t->get('/admin/v1/quarantine?source=shpo')->{status}, 404,
        'a source that is not there');
    is($t->get('/admin/v1/quarantine?step=colour')->{status}, 400,
        'a step that is not there');
    is($t->get('/admin/v1/quarantine/1')->{status}, 404, 'no id');
    is($t->get("/admin/v1/quarantine/$pages[0]?body=1")->json->{body}, undef,
        'no body without reveal');
    is(scalar(grep { exists $_->{value} }
        @{ $t->get("/admin/v1/quarantine/$pages[0]")->json->{headers} }), 0,
        'no values without reveal');
    is($t->post('/admin/v1/recheck', '', \@token)->{status}, 400,
        'a recheck of nothing');
    is($t->post('/admin/v1/recheck?source=none', '', \@token)->{status}, 409,
        'of a source without quarantine');
    is($t->get('/admin/v1/recheck?source=shop')->{status}, 405,
        'it is no GET');


    # ---- judged again, and nothing has changed

    my $r = $recheck->('source=shop');

    is($r->{judged}, 7, 'all are judged again');
    is($r->{refused}, 7, 'and all are refused again');
    is(scalar $kept->('shop', 7), 7, 'they stay, and none is kept twice');
    is($target->count, 1, 'nothing was delivered');


    # ---- nginx.conf is put right

    $t->write_file('conf/secret', $new);
    $config->(require => '', accept => 'text/csv',
        route => 'event_route rest { from shop direct; fallback; to erp; }');
    $t->reload;

    # what the producer sends again is known then

    is($shop->($new, '{"id":"2","type":"order","n":1}')->{status}, 202,
        'the producer sends one again');
    wait_until(10, sub { $target->count == 2 });

    $r = $recheck->('source=shop');

    is($r->{judged}, 7, 'all are judged again');
    is($r->{duplicate}, 1, 'one is known');
    is($r->{admitted}, 0, 'those that were signed with the old one are not');
    is(scalar $kept->('shop', 6), 6, 'that one has left');

    $t->write_file('conf/secret', $old);
    $t->reload;

    $r = $recheck->('source=shop');

    my %verdict = map { $_->{id} => $_ } @{ $r->{requests} };

    is($r->{judged}, 6, 'the six others');
    is($r->{admitted}, 3, 'those with the right secret now')
        or diag(explain($r));
    is($r->{refused}, 3, 'too old, cut, or packed: refused still');
    is(join(' ', sort map { map { $_->{outcome} } @{ $_->{events} } }
        grep { $_->{verdict} eq 'admitted' } values %verdict),
        'queued queued queued', 'their outcomes');

    wait_until(10, sub { $target->count == 5 });
    is($target->count, 5, 'they are delivered');
    is(join(' ', sort map { $_->{body} =~ /"id":"(\d)"/ } $target->requests),
        '1 2 4 6 7', 'each once');
    is(join(' ', map { $_->{step} } $kept->('shop', 3)), 'parse type time',
        'the others stay');

    is(join(' ', map { $t->post('/admin/v1/recheck?source=shop', '',
                                \@token)->{status} } 1 .. 40),
        join(' ', (200) x 40), 'the next one as soon as one is told');

    is($t->post("/admin/v1/recheck?id=$pages[0]", '', \@token)->{status}, 404,
        'one that has left is not there');
    is($purge->('shop')->{purged}, 3, 'purge');
    is(scalar $kept->('shop', 0), 0, 'nothing is left');


    # ---- the age is that when it came

    my $n = $target->count;

    $t->write_file('conf/secret', $new);
    $t->reload;

    my $body = '{"id":"20","type":"order","n":1}';

    is($shop->($old, $body, time => int(time) - 298)->{status}, 401,
        'almost too old, and a wrong secret');
    $kept->('shop', 1);
    sleep 3;
    $t->write_file('conf/secret', $old);
    $t->reload;
    is($recheck->('source=shop')->{admitted}, 1,
        'by now it is too old, but it was not then');
    wait_until(10, sub { $target->count == $n + 1 });
    is($target->count, $n + 1, 'it is delivered');


    # ---- a source that delivers at once

    my $direct = sub {
        my ($secret, $body) = @_;

        return $t->post('/direct', $body, [ @json,
            'X-Signature' => hmac_sha256_hex($body, $secret) ]);
    };

    $direct->($new, qq({"id":"d$_","type":"order"})) for 1 .. 3;
    is(scalar $kept->('direct', 3), 3, 'sync: three in quarantine');

    $n = $target->count;
    $t->write_file('conf/secret', $new);
    $t->reload;

    is($direct->($new, '{"id":"d2","type":"order"}')->{status}, 200,
        'sync: one is sent again');
    $target->answer('/erp', [ { status => 503 }, { status => 200 } ]);

    $r = $recheck->('source=direct');

    is($r->{failed}, 1, 'sync: the target does not take the first');
    is($r->{duplicate}, 1, 'sync: one is known');
    is($r->{admitted}, 1, 'sync: one is delivered');
    is(scalar $kept->('direct', 1), 1, 'sync: what failed stays');

    $r = $recheck->('source=direct');
    is($r->{admitted}, 1, 'sync: the next time it is taken');
    is(scalar $kept->('direct', 0), 0, 'sync: and leaves');
    is($target->count, $n + 4, 'sync: four calls')
        or diag(join "\n", map { $_->{body} } $target->requests);

    # no route: nobody may know the key

    $t->write_file('conf/secret', $old);
    $config->(route => '');
    $t->reload;

    is($direct->($old, '{"id":"d9","type":"new"}')->{status}, 404,
        'sync: no route');
    $kept->('direct', 1);
    $n = $target->count;
    $config->(route => 'event_route rest { from direct; fallback; to erp; }');
    $t->reload;
    is($recheck->('source=direct')->{admitted}, 1, 'sync: now there is one');
    is($target->count, $n + 1, 'sync: it is delivered');


    # ---- tokens are never kept, and yet compared

    $n = $target->count;

    for my $id (1 .. 2) {
        is($t->post("/held?id=$id&api_key=$arg",
            qq({"id":"h$id","type":"order"}), [ @json,
            'Authorization' => "Bearer $bearer", 'Cookie' => $cookie,
            'X-Api-Key' => $bearer ])->{status}, 401, 'a token of tomorrow');
    }

    my @held = $kept->('held', 2);
    my $whole = $t->get("/reveal/v1/quarantine/$held[0]{id}?body=1");

    unlike($whole->{body}, qr/\Q$_\E/, 'no secret is shown')
        for $bearer, $cookie, $arg;
    is(join(' ', sort map { lc $_->{name} }
        grep { $_->{sealed} } @{ $whole->json->{headers} }),
        'authorization x-api-key', 'what is sealed');
    is(scalar(grep { /cookie/i } map { $_->{name} }
        @{ $whole->json->{headers} }), 0, 'a cookie is not kept at all');

    $t->write_file('conf/bearer', $bearer);
    $t->reload;

    is($recheck->('source=held')->{admitted}, 2, 'they have the right token');
    wait_until(10, sub { $target->count == $n + 2 });
    is($target->count, $n + 2, 'and are delivered');

    # of one that has verified neither

    is($t->post('/held', '{"id":"h3","type":"late"}', [ @json,
        'Authorization' => "Bearer $bearer" ])->{status}, 200, 'no route');
    $kept->('held', 1);
    $config->(route => 'event_route rest { from held; fallback; to erp; }');
    $t->reload;
    is($recheck->('source=held')->{admitted}, 1, 'its token fits still');

    if (!$redis) {
        $t->quit;

        my $bytes = '';

        for my $f (grep { -f } glob "$t->{dir}/store/*") {
            open my $h, '<:raw', $f or die "$f: $!";
            local $/;
            $bytes .= <$h>;
        }

        ok(length $bytes > 4096, 'the store has bytes');
        ok(index($bytes, $_) < 0, 'no secret stands in it')
            for $bearer, $cookie, $arg;
        $t->run;

    } else {
        my $aof = '';

        for my $f (map { glob "$t->{dir}/redis-6379/$_" }
                   'appendonlydir/*', '*.aof')
        {
            next if !-f $f;
            open my $h, '<:raw', $f or die "$f: $!";
            local $/;
            $aof .= <$h>;
        }

        ok(length $aof > 1024, 'Redis has bytes');
        ok(index($aof, $_) < 0, 'no secret stands in it')
            for $bearer, $cookie, $arg;
    }


    # ---- a JSON web token: its signature is the question, or the proof

    my $jwt = sub {
        my ($secret) = @_;
        my $head = encode_base64url('{"alg":"HS256","typ":"JWT"}') . '.'
                   . encode_base64url('{"exp":' . int(time + 60) . '}');

        return "$head." . encode_base64url(hmac_sha256($head, $secret));
    };

    my $proof = $jwt->($old);

    $n = $target->count;
    is($t->post('/web', '{"id":"w1","type":"order"}', [ @json,
        'Authorization' => 'Bearer ' . $jwt->($new) ])->{status}, 401,
        'a token of another secret');
    is($t->post('/web', '{"id":"w2","type":"late"}', [ @json,
        'Authorization' => "Bearer $proof" ])->{status}, 200,
        'a good one, and no route');

    my @web = $kept->('web', 2);
    my ($signature) = $proof =~ /\.([^.]+)$/;

    unlike($t->get("/reveal/v1/quarantine/$_->{id}?body=1")->{body},
        qr/\Q$signature\E|eyJ/, 'no token is shown') for @web;

    $config->(route => 'event_route rest { from web; fallback; to erp; }');
    $t->reload;

    $r = $recheck->('source=web');
    is($r->{admitted}, 1, 'the good one is still verified, without itself')
        or diag(explain($r));
    is($r->{refused}, 1, 'the other one is not');

    $t->write_file('conf/secret', $new);
    $t->reload;
    is($recheck->('source=web')->{admitted}, 1, 'now that one is');
    wait_until(10, sub { $target->count == $n + 2 });
    is($target->count, $n + 2, 'both are delivered');

    # a secret that is not there any more vouches for nothing

    $config->(route => '');
    $t->reload;
    is($t->post('/web', '{"id":"w3","type":"late"}', [ @json,
        'Authorization' => 'Bearer ' . $jwt->($new) ])->{status}, 200,
        'once more no route');
    $kept->('web', 1);
    $t->write_file('conf/secret', $old);
    $config->(route => 'event_route rest { from web; fallback; to erp; }');
    $t->reload;
    is($recheck->('source=web')->{refused}, 1,
        'what vouched for it has gone');
    $purge->('web');


    # ---- whoever asks may go away

    $config->(route => '');
    $t->reload;
    $n = $target->count;
    $t->post('/held', qq({"id":"k$_","type":"later"}), [ @json,
        'Authorization' => "Bearer $bearer" ]) for 1 .. 40;
    $kept->('held', 40);
    $config->(route => 'event_route rest { from held; fallback; to erp; }');
    $t->reload;

    my $c = $t->connect;

    $c->write("POST /admin/v1/recheck?source=held HTTP/1.1\r\nHost: a\r\n"
             . "X-Event-Admin: 1\r\nContent-Length: 0\r\n\r\n");
    $c->close;

    ok(wait_until(15, sub { $target->count >= $n + 40 }),
        'all are delivered all the same');
    is($target->count, $n + 40, 'each once');
    is(scalar $kept->('held', 0), 0, 'and have left');


    # ---- a body of which nobody said how large it is

    my $chunk = '{"id":"c1"}';

    $c = $t->connect;
    $c->write("POST /shop HTTP/1.1\r\nHost: a\r\nContent-Type: text/html\r\n"
             . "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
             . sprintf("%x\r\n%s\r\n0\r\n\r\n", length $chunk, $chunk));
    $c->close;

    my ($unsaid) = $kept->('shop', 1);

    is($unsaid->{step}, 'type', 'a type, in chunks');
    like($unsaid->{lack}, qr/how large/, 'its body was not read');
    $purge->('shop');


    # ---- several events in a body: only those that nobody got

    $n = $target->count;

    is($t->post('/plain', '{"items":[{"id":"p1","n":1},{"id":"p2","n":"x"},'
        . '{"id":"p3","n":500}]}', \@json)->{status}, 422, 'a batch');
    wait_until(10, sub { $target->count == $n + 1 });

    my ($batch) = $kept->('plain', 1);

    is($batch->{step}, 'require', 'the step of a batch');
    is($batch->{events}, 3, 'its events');

    $config->(route => 'event_route rest { from plain; fallback; to erp; }');
    $t->reload;

    $r = $recheck->("id=$batch->{id}");

    is($r->{refused}, 1, 'one of its events is refused still');
    is(join(' ', map { "$_->{id}:$_->{outcome}" }
        @{ $r->{requests}[0]{events} }), 'p2:unmet p3:queued',
        'the first one is not meant');
    wait_until(10, sub { $target->count == $n + 2 });

    $r = $recheck->("id=$batch->{id}");
    is(join(' ', map { "$_->{id}:$_->{outcome}" }
        @{ $r->{requests}[0]{events} }), 'p2:unmet',
        'neither is the third one any more');
    is($target->count, $n + 2, 'each once');


    $purge->('plain');

    # what failed as a whole, and is taken in part then

    $config->(route => '', accept => '');
    $t->reload;

    $n = $target->count;

    is($t->post('/plain', '{"items":[{"id":"q1","n":1},{"id":"q2","n":"x"}]}',
        [ 'Content-Type' => 'application/x+json' ])->{status}, 415,
        'another batch');
    $kept->('plain', 1);
    $config->(accept => 'application/x+json');
    $t->reload;

    $r = $recheck->('source=plain');
    is(join(' ', map { "$_->{id}:$_->{outcome}" }
        @{ $r->{requests}[0]{events} }), 'q1:queued q2:unmet',
        'one of its events is taken');

    $r = $recheck->('source=plain');
    is(join(' ', map { "$_->{id}:$_->{outcome}" }
        @{ $r->{requests}[0]{events} }), 'q2:unmet', 'and not once more');
    wait_until(10, sub { $target->count == $n + 1 });
    is($target->count, $n + 1, 'it is delivered once, without dedup');
    $purge->('plain');

    is($t->post('/plain', '{"items":[{"id":"q3","n":1},{"id":"q4","n":"x"}]}',
        [ @json, 'Content-Encoding' => 'br' ])->{status}, 415,
        'one that says that it is packed');
    $kept->('plain', 1);
    is($recheck->('source=plain')->{refused}, 1, 'it says so still');
    $purge->('plain');


    # ---- bounds

    my $large = '{"id":"big","pad":"' . 'x' x 70000 . '"}';

    is($shop->('wrong', $large)->{status}, 401, 'a large one');

    my ($big) = $kept->('shop', 1);

    is($big->{size}, length $large, 'its size');
    like($big->{lack}, qr/64 KB/, 'it says that it cannot be judged again');
    is($one->($big->{id}, '?body=1')->{body}, '', 'its body is not there');
    is($recheck->("id=$big->{id}")->{unfit}, 1, 'unfit');
    $purge->('shop');

    my $sent = 0;
    my $end = time + 2;

    while (time < $end) {
        $t->post('/shop', '{}', \@json) for 1 .. 20;
        $sent += 20;
    }

    my $status;

    wait_until(10, sub {
        $status = $t->get('/status')->json->{sources}{shop};
        return $status->{quarantined} + $status->{quarantine_lost} >= $sent;
    });

    cmp_ok($status->{quarantined}, '<=', 420, "of $sent at most 100/s");
    cmp_ok($status->{quarantined}, '>=', 100, 'and not too few');
    $purge->('shop');

    my $wide = '{"pad":"' . 'x' x 60000 . '"}';

    for (1 .. 200) {
        $t->post('/shop', $wide, \@json);
        sleep 0.011;
    }

    my @wide = map { @{ $t->get('/admin/v1/quarantine?source=shop&limit=1000')
        ->json->{requests} } } 1;

    cmp_ok(scalar @wide, '<=', 140, 'size= is a bound');
    cmp_ok(scalar @wide, '>=', 60, 'up to which they are kept');


    # ---- a restart

    my $first = $wide[0]{id};

    $t->quit;
    $t->run;
    is($one->($first, '')->{id}, $first, 'they outlive a restart');
    $purge->('shop');


    # ---- who has no quarantine

    $t->post('/none', '{', \@json);
    is(scalar(grep { $_->{source} eq 'none' }
        @{ $t->get('/admin/v1/quarantine')->json->{requests} }), 0,
        'a source without quarantine keeps nothing');


    # ---- the store is away

    if ($redis) {
        $t->expect_log(qr/redis|event store|quarantine/i, 'Redis is away');
        $redis->stop;
        is($shop->('wrong', '{"id":"away"}')->{status}, 401,
            'the producer gets its answer');
        ok(wait_until(20, sub {
            $t->get('/status')->json->{sources}{shop}{quarantine_lost}
        }), 'the copy is lost and counted');
    }

    $t->done;
}
