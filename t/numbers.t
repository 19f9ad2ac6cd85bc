#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Numbers that stay: over a restart where there is a store, over a kill and a
# reload, while the store is away, when what was saved is damaged, beside
# another nginx, and in a zone that grows.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA ();
use Test::More;
use Time::HiRes qw(time sleep);
use Test::EventRouter;
use Test::EventRouter::Queue;

# seconds within which what changed is saved

my $round = 5;

my %stores = (file => undef, Redis => 1);


# options: those of the queue's configuration; redis: an own server or nothing

sub harness {
    my ($store, %o) = @_;

    my $t = Test::EventRouter->new(workers => $o{workers} // 2);
    my $q = Test::EventRouter::Queue->new($t, prefix => $o{prefix} // 'n');
    my $redis = $store eq 'Redis' && !$o{redis} ? $t->redis(6379) : $o{redis};
    my $erp = $t->target(8081);

    configure($t, $q, $redis, $o{config});
    $erp->answer('/erp/bad', status => 422);

    return ($t, $q, $erp, $redis);
}


sub configure {
    my ($t, $q, $redis, $o) = @_;

    my %o = %{ $o // {} };

    $q->config(
        targets => { erp => 'retry off; breaker off;', crm => '' },
        server => ($o{server} // '')
            . 'location = /shop { event_receive shop; }',
        $redis ? (in => 'redis://127.0.0.1:' . $redis->port) : (),
        more => 'event_source shop { verify shopify; secret hush; } '
            . ($o{more} // ''));
}


# what is counted, name by name, of the text for Prometheus.  The event loop
# and the store are looked at all the time

sub counted {
    my ($t) = @_;

    my %type;
    my %counted;

    for (split /\n/, $t->get('/status/metrics')->{body}) {
        $type{$1} = $2 if /^# TYPE (\w+) (\w+)/;

        next if !/^((\w+?)(?:_bucket|_sum|_count)?(?:\{[^}]*\})?) ([\d.]+)$/
            || /loop_lag|store_commit|deliveries_total/;

        my ($series, $name, $value) = ($1, $2, $3);
        my $type = $type{$name} // $type{ $series =~ s/\{.*//r } // '';

        $counted{$series} = $value if $type =~ /counter|histogram/ && $value;
    }

    return \%counted;
}


# the server's status is a location of its own, for its path has to end so

my %status = (server => 'location /status/ { event_status; }');


sub provoke {
    my ($t, $q, $erp) = @_;

    $q->send('erp') for 1 .. 3;
    $q->send('erp', kind => 'bad');
    $q->send('crm');
    $t->post('/shop', '{}', [ 'X-Shopify-Hmac-Sha256' => 'none' ]);

    wait_until(10, sub {
        my $c = counted($t);

        return ($c->{'event_router_attempts_total{target="erp",result="ok"}'}
                // 0) >= 3
            && $c->{'event_router_dead_total{target="erp",reason="final"}'}
            && $c->{'event_router_attempts_total{target="crm",result="ok"}'};
    });
}


sub start_time {
    my ($t) = @_;

    return $t->get('/status/metrics')->{body}
        =~ /^event_router_start_time_seconds (\d+)$/m ? $1 : 0;
}


# counters are there as soon as the store was asked

sub restored {
    my ($t) = @_;

    return wait_until(10, sub {
        $t->get('/status/metrics')->{body} =~ /event_router_events_total/;
    });
}


for my $store (sort keys %stores) {

    subtest "$store: a restart" => sub {
        my ($t, $q, $erp) = harness($store, config => \%status);

        $t->run;
        provoke($t, $q, $erp);

        my $before = counted($t);
        my $start = start_time($t);
        my $name = 'event_router_events_total{source="a",result="queued"}';

        cmp_ok(abs($start - time), '<', 60, 'it started now');
        is($before->{$name}, 5, 'it counts');
        is($before->{'event_router_route_matched_total{route="to-erp"}'}, 4,
            'routes');
        is($before->{'event_router_attempt_duration_seconds_count'
            . '{target="erp"}'}, 4, 'histograms');
        ok($before->{'event_router_refused_total{source="shop",'
            . 'reason="signature"}'}, 'reasons');

        sleep 1.1;
        $t->stop;
        $t->run;
        ok(restored($t), 'a restart');
        is_deeply(counted($t), $before, 'all numbers are the same');
        cmp_ok(start_time($t), '>', $start, 'but when it started');

        like($t->get('/status')->json->{sources}{a}{last_event_seconds} // '',
            qr/^\d+$/, 'it knows how long ago the last event came');

        $q->send('erp');
        is(counted($t)->{$name}, 6, 'they go on');

        # twice, so that nothing is added twice

        $t->stop;
        $t->run;
        restored($t);
        is(counted($t)->{$name}, 6, 'one more restart');
        $t->stop;
        $t->run;
        restored($t);
        is(counted($t)->{$name}, 6, 'and one more');

        ok($t->reload, 'reload');
        $t->wait_old_workers;
        is(counted($t)->{$name}, 6, 'a reload adds nothing');
        $t->kill_worker;
        $t->kill_worker;
        sleep 0.5;
        is(counted($t)->{$name}, 6, 'nor does a worker that dies');
        $t->_check;
    };


    subtest "$store: a kill" => sub {
        my ($t, $q, $erp) = harness($store, config => \%status);
        my $name = 'event_router_events_total{source="a",result="queued"}';

        $t->run;
        provoke($t, $q, $erp);

        sleep $round + 1.5;

        my $saved = counted($t);

        $q->send('erp');
        $t->_end('KILL', 5);
        $t->workers_may_change('killed');
        $t->run;
        restored($t);

        my $after = counted($t);
        my @lower = grep { ($after->{$_} // 0) < $saved->{$_} } keys %$saved;

        is("@lower", '', "what was counted $round seconds before is there");
        cmp_ok($after->{$name}, '<=', 6, 'and nothing is made up');

        $q->send('erp');
        is(counted($t)->{$name}, $after->{$name} + 1, 'they go on');
        $t->_check;
    };
}


# ---- what is counted, each thing once

# of one member of one noun in JSON: "what: n", of what is not 0

sub member {
    my ($t, $kind, $noun, $member) = @_;

    my $json = $t->get('/status')->json;
    my $of = $kind ? $json->{$kind}{$noun}{$member} : $json->{$member};

    return join ' ', map { "$_:$of->{$_}" }
                     sort grep { $of->{$_} } keys %{ $of // {} };
}


subtest 'each reason of a refusal' => sub {
    my $t = Test::EventRouter->new;

    $t->target(8081);
    $t->write_file('secret', 'hush');
    $t->config(<<'EOC');
event_body_memory 256k;

event_source a { verify slack; secret file:%%TESTDIR%%/secret; max_size 300k;
                 handshake off; }
event_source b { verify off; id "{json:id}"; type "{json:type}"; max_size 4k;
                 require data.n is number; }
event_source c { verify off; id "{json:id}"; type "{json:type}";
                 rate 1r/h burst=1; }
event_target erp { }
event_route one { from *; to erp; }

server {
    listen 127.0.0.1:%%PORT_8080%%;
    location = /a { event_receive a; }
    location = /b { event_receive b; }
    location = /c { event_receive c; }
    location = /status { event_status; }
    location = /deliver/erp { event_deliver erp;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
}
EOC
    $t->expect_log(qr/body_memory|max_size/, 'it is small');
    $t->run;

    my @json = ('Content-Type' => 'application/json');
    my $signed = sub {
        my ($body, $at) = @_;

        return [ @json, 'X-Slack-Request-Timestamp' => $at,
            'X-Slack-Signature' => 'v0='
                . Digest::SHA::hmac_sha256_hex("v0:$at:$body", 'hush') ];
    };
    my $event = '{"id":"1","type":"x","n":1}';
    my $now = int time;

    $t->get('/b');
    $t->post('/b', $event, [ @json, 'X-Event-Hops' => 9 ]);
    $t->post('/b', $event, [ @json, 'Content-Encoding' => 'rot13' ]);
    $t->post('/b', $event, [ 'Content-Type' => 'text/html' ]);
    $t->post('/b', '{"fill":"' . 'x' x 5000 . '"}', \@json);
    $t->post('/a', '{"fill":"' . 'x' x 290_000 . '"}', \@json);
    $t->post('/a', $event, $signed->($event, $now));
    $t->post('/a', $event . ' ', $signed->($event, $now));
    $t->post('/a', $event, $signed->($event, $now - 100_000));
    $t->post('/b', '{"id":', \@json);
    $t->post('/b', '{"specversion":"1.0","type":"x","source":"s"}',
        [ 'Content-Type' => 'application/cloudevents+json' ]);
    $t->post('/b', '{"id":"2","type":"x"}', \@json);
    $t->post('/c', qq({"id":"$_","type":"x"}), \@json) for 1 .. 3;

    is(member($t, sources => 'a', 'refused_by'),
        'memory:1 signature:1 time:1', 'memory, signature, time');
    is(member($t, sources => 'b', 'refused_by'), 'encoding:1 event:1 hops:1 '
        . 'method:1 parsing:1 require:1 size:1 type:1', 'all the others');
    is(member($t, sources => 'c', 'refused_by'), 'rate:2', 'rate');
    $t->_check;
};


subtest 'each class of a failure' => sub {
    my $t = Test::EventRouter->new;
    my $target = $t->target(8081);
    my $closed = $t->port(8089);

    $t->expect_log(qr/upstream|refused|interim|token/, 'targets are bad');
    $t->write_file('client', 'id:secret');
    $target->answer("/s$_", status => $_) for 101, 300, 404, 503;
    $target->answer('/s200', status => 200, body => '{"ok":false}',
        headers => [ 'Content-Type' => 'application/json' ]);
    $target->answer('/hang', fault => 'hang');
    $target->answer('/cut', fault => 'hang');
    $target->answer('/token', status => 500);

    my @names = qw(s101 s300 s404 s503 s200 hang none cut tok);
    my %lines = (s200 => 'success when response.body.ok = true;',
        tok => 'auth oauth2 /oauth/tok client=file:%%TESTDIR%%/client;');
    my %location = (hang => 'proxy_read_timeout 200ms;');
    my %port = (none => $closed);

    $t->config('event_source a { verify off; id "{json:id}"; '
        . 'type "{json:type}"; deadline 900ms; } '
        . join('', map { "event_target $_ { " . ($lines{$_} // '') . " }\n"
                         . "event_route $_ { from a; when type = $_; to $_; }"
                       } @names)
        . 'server { listen 127.0.0.1:%%PORT_8080%%; '
        . 'location = /a { event_receive a; } '
        . 'location = /status { event_status; } '
        . 'location = /oauth/tok { internal; proxy_pass '
        . 'http://127.0.0.1:%%PORT_8081%%/token; } '
        . join('', map { "location = /deliver/$_ { event_deliver $_; "
                         . ($location{$_} // '') . ' proxy_pass '
                         . 'http://127.0.0.1:' . ($port{$_} // $target->port)
                         . "/$_; }\n" } @names) . '}');
    $t->run;

    for my $name (@names) {
        $t->post('/a', qq({"id":"$name","type":"$name"}),
            [ 'Content-Type' => 'application/json' ]);
    }

    my %class = (s101 => '1xx', s200 => '2xx', s300 => '3xx', s404 => '4xx',
        s503 => '5xx', hang => 'timeout', none => 'no_answer', cut => 'cut',
        tok => 'no_token');

    for my $name (@names) {
        wait_until(5, sub { member($t, targets => $name, 'failed_by') });
        is(member($t, targets => $name, 'failed_by'), "$class{$name}:1",
            "$name: $class{$name}");
    }

    $t->_check;
};


# the length of the name in its row is made wrong

sub damage {
    my ($t) = @_;

    my $data = $t->read_file('store/data.mdb');
    my @places;

    push @places, $-[0] - 88 + 6 while $data =~ /badto-bad/g;
    substr($data, $_, 2) = "\xff\xff" for @places;
    $t->write_file('store/data.mdb', $data);

    return scalar @places;
}


subtest 'each reason of a death' => sub {
    my ($t, $q, $erp) = harness('file');
    my %lines = (fin => 'retry off; breaker off;', old => 'expires 1s;',
        exh => 'retry for=1s base=200ms max=200ms; breaker off;',
        dou => 'retry for=1s base=200ms max=200ms; breaker off; '
            . 'in_doubt /has/dou { wait 300ms; missing 404; }',
        bad => '', gone => '');
    my $configure = sub {
        my ($gone) = @_;

        delete $lines{gone} if $gone;
        $q->config(targets => { map { ($_ => $lines{$_}
                                        || 'retry off; breaker off;') }
                                keys %lines },
            http => 'proxy_next_upstream off;',
            server => 'location = /has/dou { internal; '
                . 'proxy_pass http://127.0.0.1:%%PORT_8081%%/has; }');
    };

    $t->expect_log(qr/dead letter|upstream|in doubt|removed|configured/,
        'they are provoked');

    $erp->answer("/$_/ok", status => 500) for qw(exh);
    $erp->answer('/fin/ok', status => 422);
    $erp->answer('/dou/ok', fault => 'close');
    $erp->answer('/has', status => 500);
    $configure->();
    $t->run;

    $q->change(pause => target => $_) for qw(bad gone old);
    ok($q->send($_), "an event for $_") for sort keys %lines;
    sleep 1.3;
    $q->change(resume => target => 'old');

    my $dead = sub { return member($t, targets => $_[0], 'dead_by') };

    for my $case ([ exh => 'exhausted' ], [ fin => 'final' ],
        [ dou => 'in_doubt' ], [ old => 'expired' ])
    {
        my ($name, $reason) = @$case;

        wait_until(10, sub { $dead->($name) });
        is($dead->($name), "$reason:1", "$name: $reason");
    }

    $t->stop;
    ok(damage($t), 'a row is damaged');
    $configure->(1);
    $t->run;
    $q->change(resume => target => 'bad');
    wait_until(10, sub { $dead->('bad') && member($t, '', '', 'store_dead_by')
                         =~ /removed/ });
    is($dead->('bad'), 'corrupt:1', 'bad: corrupt');
    is(member($t, '', '', 'store_dead_by'), 'corrupt:1 target_removed:1',
        'what the store made by itself');
    is($dead->('exh'), 'exhausted:1', 'and what was before is there');
    like($t->get('/status')->json->{targets}{bad}{dead}, qr/^1$/,
        'it is one dead letter');
    $t->_check;
};

subtest 'poison' => sub {
    my ($t, $q, $erp) = harness('file', workers => 1);

    $t->expect_log(qr/dead letter|died|upstream/, 'it is provoked');
    $erp->answer('/erp/ok', fault => 'hang');
    $t->run;
    $q->send('erp');

    for my $n (1 .. 3) {
        wait_until(10, sub { $erp->begun >= $n });
        $t->kill_worker;
    }

    wait_until(10, sub { member($t, targets => 'erp', 'dead_by') });
    is(member($t, targets => 'erp', 'dead_by'), 'poison:1', 'it is counted');
    $t->_check;
};


# ---- what may happen to what was saved

subtest 'Redis is away when nginx starts' => sub {
    my ($t, $q, $erp, $redis) = harness('Redis', config => \%status);
    my $shop = sub {
        return $t->get('/status')->json->{sources}{shop}{refused};
    };
    my $forge = sub {
        $t->post('/shop', '{}', [ 'X-Shopify-Hmac-Sha256' => 'none' ]);
    };

    $t->expect_log(qr/redis|Redis/, 'it is away');
    $t->run;
    $forge->() for 1 .. 3;
    $t->stop;

    $redis->pause;
    $t->run;
    $forge->() for 1 .. 2;
    is($shop->(), 2, 'what is counted without it');
    unlike($t->get('/status/metrics')->{body}, qr/event_router_events_total/,
        'which Prometheus does not see, ');
    ok(wait_until(8, sub { $t->get('/status/metrics')->{body}
                           =~ /^event_router_events_total/m }),
        'but for ever');
    $redis->resume;
    ok(wait_until(15, sub { $shop->() == 5 }), 'what was saved is added');
    sleep $round + 1;
    is($shop->(), 5, 'once');

    $t->stop;
    $t->run;
    restored($t);
    is($shop->(), 5, 'and nothing was overwritten');
    $t->_check;
};


# rows of the shelf, as "field => bytes"; a row begins with when it ends

sub rows {
    my ($redis) = @_;

    my ($key) = grep { $redis->command('TYPE', $_) eq 'hash' }
                grep { /[^0-9a-f]1:[0-9a-f]{16}$/ }
                @{ $redis->command('KEYS', '*') };

    return if !$key;

    my @all = @{ $redis->command('HGETALL', $key) };

    return ($key, map { ref $_ ? $$_ : $_ } @all);
}


subtest 'what was saved is damaged' => sub {
    my ($t, $q, $erp, $redis) = harness('Redis', config => \%status);

    $t->run;
    provoke($t, $q, $erp);

    my $before = counted($t);

    $t->stop;

    my ($key, %row) = rows($redis);

    ok($key, 'there are rows') or return;

    for my $id (keys %row) {
        next if $id eq '-';

        my $value = substr $row{$id}, 16;
        my $name = substr $value, 16, ord substr $value, 2, 1;

        # of target erp one byte, of source shop the version, of crm the end

        $value =~ s/.\z/chr(ord($&) ^ 1)/se if $name eq 'erp';
        substr($value, 0, 1) = chr(9) if $name eq 'shop';
        $value = substr $value, 0, 20 if $name eq 'crm';

        $redis->command('HSET', $key, $id, substr($row{$id}, 0, 16) . $value);
    }

    $t->run;
    restored($t);

    my $after = counted($t);

    is(join(' ', grep { /"(?:erp|shop|crm)"/ } keys %$after), '',
        'what is damaged is not there');
    is($after->{'event_router_events_total{source="a",result="queued"}'}, 5,
        'all else is');
    is($after->{'event_router_route_matched_total{route="to-erp"}'}, 4,
        'routes, too');

    my @said = grep { /\[notice\].*numbers that were saved/ } $t->log_lines;

    is(scalar(grep { /are damaged and ignored/ } @said), 2,
        'which is said of what is damaged');
    is(scalar(grep { /of another version/ } @said), 1,
        'and of another version');

    $q->send('erp');
    sleep 1;
    $t->stop;
    $t->run;
    restored($t);
    is(counted($t)->{'event_router_attempts_total{target="erp",result="ok"}'},
        1, 'from there on it goes on');
    $t->_check;
};


subtest 'two nginx, one Redis' => sub {
    my ($t, $q, $erp, $redis) = harness('Redis', config => \%status);
    my ($u, $p, $crm) = harness('Redis', redis => $redis, prefix => 'm',
        config => \%status);
    my $name = 'event_router_events_total{source="a",result="queued"}';

    $_->run for $t, $u;
    $q->send('erp') for 1 .. 2;
    $p->send('erp') for 1 .. 5;
    sleep 1;
    $_->stop for $t, $u;
    $_->run for $t, $u;
    restored($_) for $t, $u;
    is(counted($t)->{$name}, 2, 'the one has what it counted');
    is(counted($u)->{$name}, 5, 'and the other, too');
    $_->_check for $u, $t;
};


subtest 'the zone grows, nouns go and come back' => sub {
    my $many = join ' ', map {
        "event_source s$_ { verify off; } event_target t$_ { } "
        . "event_route r$_ { from a; when type = t$_; to t$_; }" } 1 .. 150;
    my %many = (more => $many, server => $status{server} . join ' ', map {
        "location = /s$_ { event_receive s$_; } location = /deliver/t$_ { "
        . "event_deliver t$_; proxy_pass http://127.0.0.1:%%PORT_8081%%; }"
    } 1 .. 150);
    my ($t, $q, $erp) = harness('file', config => \%status);
    my $size = sub {
        return $t->get('/status')->json->{zones}{metrics}{size} // 0;
    };

    $t->run;
    provoke($t, $q, $erp);
    sleep 0.5;

    my $before = counted($t);
    my $small = $size->();

    configure($t, $q, undef, \%many);
    ok($t->reload, 'many more');
    $t->wait_old_workers;
    cmp_ok($size->(), '>', $small, 'the zone has grown');
    is_deeply(counted($t), $before, 'nothing is lost');

    $q->send("t$_") for 100 .. 149;
    $t->post('/s77', '{}', [ 'Content-Type' => 'application/json' ]);
    wait_until(10, sub {
        (() = join(' ', %{ counted($t) }) =~ /target="t1\d\d",result="ok"/g)
        == 50;
    });
    sleep 0.5;

    my $large = counted($t);

    is((() = join(' ', keys %$large) =~ /route="r1\d\d"/g), 50,
        'each of the many counts');

    configure($t, $q, undef, \%status);
    ok($t->reload, 'few again');
    $t->wait_old_workers;

    my $few = counted($t);

    is(join(' ', grep { $few->{$_} < $before->{$_} }
                 grep { /"erp"|"to-erp"|"shop"/ } keys %$before), '',
        'nothing is less than it was');

    $t->stop;
    $t->run;
    restored($t);
    configure($t, $q, undef, \%many);
    ok($t->reload, 'many once more, after a restart without them');
    $t->wait_old_workers;

    my $name = 'event_router_attempts_total{target="t120",result="ok"}';

    ok(wait_until(10, sub { (counted($t)->{$name} // 0) == 1 }),
        'and they go on as well');
    is(counted($t)->{'event_router_events_total{source="s77",'
        . 'result="unrouted"}'}, 1, 'a source');
    is(counted($t)->{'event_router_route_matched_total{route="r120"}'}, 1,
        'and a route');
    $t->_check;
};

done_testing();
