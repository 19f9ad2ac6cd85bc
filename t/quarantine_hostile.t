#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Quarantine against those who fill it, and whoever trusts it too much: a forged
# request is not let in by a recheck while verification is off, a token is kept
# by nobody, a list has no end that hides what is there, and the audit says what
# was done.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256_hex);
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $target = $t->target(8081);
my @json = ('Content-Type' => 'application/json');
my @admin = ('X-Event-Admin' => 1);
my $secret = $t->secret('quarantine-hostile-0123456789');
my $token = $t->secret('token-of-a-family-0123456789');
my $lost = $t->secret('token-of-an-old-one-0123456789');

$t->write_file('conf/secret', $secret);
$t->write_file('conf/token', $token);

configure('verify hmac-sha256; signed "{body}"; signature header:X-Sig;');
$t->run;


# ---- let in

forged(1);
$t->post('/shop', $_, [ @json, 'X-Sig' => hmac_sha256_hex($_, $secret) ])
    for '{"id":"9","type":"strange"}';
is(scalar kept(2), 2, 'a forged and an unrouted request');

configure('verify off;', 'any { type exists; }');
$t->reload;

my $r = recheck();
is($r->{refused}, 1, 'what was forged is not genuine where nothing is verified');
is($r->{admitted}, 1, 'what was, is');
like((grep { $_->{verdict} eq 'refused' } @{ $r->{requests} })[0]{why},
    qr/verifies nothing/, 'it says why');

configure('verify hmac-sha256; signed "{body}"; signature header:X-Sig;');
$t->reload;
is(recheck()->{refused}, 1, 'nor when it is on again');
is(scalar kept(1), 1, 'it stays');


# ---- kept

$t->post('/family', '{"id":"1"}', [ @json, 'Ce-Mine' => $lost ]);
my ($one) = kept(1, 'family');
my $headers = $t->get("/reveal/v1/quarantine/$one->{id}")->json->{headers};
my ($mine) = grep { lc $_->{name} eq 'ce-mine' } @$headers;

ok($mine && $mine->{sealed} && !exists $mine->{value},
    'a token in a family of headers that are none is sealed');
unlike(join(' ', map { $_->{value} // '' } @$headers), qr/\Q$lost\E/,
    'and shown nowhere');
is(system('grep', '-rq', $lost, $t->dir . '/store'), 256, 'nor kept');


# ---- lists

for my $to ('9999-12-31T23:59:59Z', '253402300799', '3000-01-01T00:00:00Z') {
    is(scalar @{ $t->get("/admin/v1/quarantine?source=shop&to=$to")->json
        ->{requests} }, 1, "to=$to hides nothing");
}


# ---- purged

forged(2);
kept(2);
is(purge('source=shop')->{purged}, 2, 'purged');
ok($t->wait_log(qr/2 refused requests of source "shop" were purged by an operator/),
    'the audit says how many');
my $lines = grep { /purged by an operator/ } $t->log_lines;
is(purge('source=shop')->{purged}, 0, 'there is nothing more');
is(scalar(grep { /purged by an operator/ } $t->log_lines), $lines,
    'which is no act');

$t->done;


sub configure {
    my ($verify, $when) = @_;

    $when //= 'type = order';

    $t->config(<<"EOC" =~ s/any \{ (\S+ exists); \}/$1/r);
    event_store file:%%TESTDIR%%/store size=16m;
    event_source shop { $verify @{[ $verify =~ /off/ ? '' : 'secret file:secret;' ]}
                        id "{json:id}"; type "{json:type}";
                        delivery queued; quarantine 1h; }
    event_source family { verify token; signature header:ce-mine;
                          secret file:token; id "{json:id}";
                          delivery queued; quarantine 1h; }
    event_target erp { breaker off; }
    event_route all { from shop; when $when; to erp; }
    event_route rest { from family; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location = /shop   { event_receive shop; }
        location = /family { event_receive family; }
        location = /erp    { event_deliver erp;
                             proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location /admin/   { event_admin access=nginx; }
        location /reveal/  { event_admin access=nginx reveal; }
    }
EOC
}


sub forged {
    $t->post('/shop', qq({"id":"f$_[0]","type":"order"}),
        [ @json, 'X-Sig' => '00' x 32 ]);
}


sub kept {
    my ($n, $source) = @_;

    my $list;
    $source //= 'shop';

    wait_until(10, sub {
        $list = $t->get("/admin/v1/quarantine?source=$source")->json
                ->{requests};
        return @$list == $n;
    });

    return @$list;
}


sub recheck {
    return $t->post('/admin/v1/recheck?source=shop', '', \@admin)->json;
}


sub purge {
    return $t->post("/admin/v1/purge_quarantine?$_[0]", '', \@admin)->json;
}
