#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Deliveries are signed so that whoever verifies by the scheme takes them:
# every preset that "sign" takes, from one router to another source that says
# "verify" with the same preset.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256);
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new(connections => 4096);
my $sink = $t->target(8081);
my $dir = $t->dir;

my %preset = presets();
my @all = sort keys %preset;

# what "nginx -t" says can be signed with

$t->expect_log(qr/\[emerg\]/, 'wrong configurations are asked for');
$t->config("event_target a { sign nothing secret=file:x; }");

my ($text) = ($t->check_config)[1] =~ /; the schemes are (.*?) in \//;
my %can = map { $_ => 1 } split /, /, $text // '';
my @can = sort keys %can;

cmp_ok(scalar(@can), '>=', 35, 'schemes');
is(join(' ', grep { !$preset{$_} } @can), '', 'are presets');

# each of HMAC and ed25519 whose text is of body, id, time and constants: a
# header is one of these where a time is read from it

my @should = grep {
    my $p = $preset{$_};

    $p->{verify} =~ /^(?:hmac|ed25519|sha)/
        && ($p->{signed_} // '') !~ /\{(?:json|form|url|decoded_url|method|item
                                       |path_query|query|const)/x
        && ($p->{timestamp} // '') !~ /^json:/
        && (($p->{signed_} // '') !~ /\{header:/ || $p->{timestamp});
} @all;

is(join(' ', @can), join(' ', @should), 'all that can be');


# ---- secrets

my ($seed, $public) = ed25519();
my $hex = sub { unpack 'H*', $_[0] };
my $bytes = 'bytes-of-a-secret-0123456789-abc';
my %secret;                            # preset => [ ours, theirs ]

for my $name (@can) {
    my $key = $preset{$name}{key} // 'utf8';
    my $ed = $preset{$name}{verify} eq 'ed25519';

    $secret{$name} = !$ed && $key eq 'utf8' ? [ ("utf8-$bytes-$name") x 2 ]
        : !$ed && $key eq 'hex' ? [ ($hex->($bytes)) x 2 ]
        : !$ed ? [ ('whsec_' . encode_base64($bytes, '')) x 2 ]
        : $key eq 'hex' ? [ map { $hex->($_) } $seed, $public ]
        : [ 'whsk_' . encode_base64($seed . $public, ''),
            ($key =~ /whpk_/ ? 'whpk_' : '') . encode_base64($public, '') ];

    $t->secret($secret{$name}[0]);
    $t->write_file("conf/secrets/$name.ours", "$secret{$name}[0]\n");
    $t->write_file("conf/secrets/$name.theirs", "$secret{$name}[1]\n");
}

# a second secret and PEM, where a scheme takes two signatures

my @two = grep { $preset{$_}{signature} =~ /separator=|headers:/ } @can;

$t->write_file('conf/secrets/v1a.pem', slurp("$dir/ed.pem"));
$t->write_file('conf/secrets/standardwebhooks-v1a.theirs',
    "$secret{'standardwebhooks-v1a'}[1]\n");


# ---- from source "in" to all targets, whose locations lead to the sources

my ($blocks, $locations) = ('', '');

for my $name (@can) {
    $blocks .= "event_source s-$name { verify $name; handshake off; "
        . "secret file:secrets/$name.theirs; accept *; }\n"
        =~ s/ accept \*;//r
        . "event_target t-$name { sign $name "
        . "secret=file:secrets/$name.ours; }\n"
        . "event_target c-$name { sign $name "
        . "secret=file:secrets/$name.ours; }\n";

    $locations .= "location = /s-$name { event_receive s-$name; }\n"
        . "location = /t-$name { event_deliver t-$name; "
        . "proxy_pass http://127.0.0.1:%%PORT_8080%%/s-$name; }\n"
        . "location = /c-$name { event_deliver c-$name; "
        . "proxy_set_body '\$request_body '; "
        . "proxy_pass http://127.0.0.1:%%PORT_8080%%/s-$name; }\n";
}

for my $name (@two) {
    my ($new) = $secret{$name}[0] =~ /^(?:whsk_|[0-9a-f]+$)/
        ? "whsk_" . encode_base64("\7" x 32, '')
        : $preset{$name}{key} =~ /base64/
            ? 'whsec_' . encode_base64("\7" x 32, '') : 'another-secret' x 3;

    $t->write_file("conf/secrets/$name.new", $t->secret($new));
    $blocks .= "event_target r-$name { sign $name "
        . "secret=file:secrets/$name.new secret=file:secrets/$name.ours; }\n";
    $locations .= "location = /r-$name { event_deliver r-$name; "
        . "proxy_pass http://127.0.0.1:%%PORT_8080%%/s-$name; }\n";
}

my $conf = <<'EOC';

    event_store file:%%TESTDIR%%/store size=16m;
    proxy_read_timeout 20s;
    proxy_connect_timeout 5s;
    proxy_send_timeout 5s;

    event_source in    { verify off; id "{json:id}"; deadline 30s; }
    event_source wrong { verify off; id "{json:id}"; deadline 30s; }
    event_source out   { verify off; id "{json:id}"; }
    event_source later { verify off; id "{json:id}"; delivery queued; }

    event_target seen  { sign standardwebhooks secret=file:secrets/both
                              secret=file:secrets/v1a.pem; }
    event_target slow  { sign stripe secret=file:secrets/stripe.ours;
                         retry base=1500ms max=1500ms for=1h; breaker off; }
    event_target named { sign github secret=file:secrets/github.ours;
                         auth bearer file:secrets/github.ours;
                         forward_headers X-Hub-Signature-256 X-A; }
    event_target sink  { optional; }

    event_route in    { from in; to T_TARGETS; }
    event_route wrong { from wrong; to C_TARGETS; }
    event_route out   { from out; to seen named; }
    event_route later { from later; to slow; }
    event_route sink  { from S_SOURCES; to sink; }

    BLOCKS

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /in    { event_receive in; }
        location = /wrong { event_receive wrong; }
        location = /out   { event_receive out; }
        location = /later { event_receive later; }
        location = /seen  { event_deliver seen;
                            proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /slow  { event_deliver slow;
                            proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /named { event_deliver named;
                            proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /sink  { event_deliver sink;
                            proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        LOCATIONS
    }
EOC

$t->write_file('conf/secrets/both', 'whsec_' . encode_base64($bytes, ''));

my %fill = (T_TARGETS => join(' ', (map { "t-$_" } @can),
                              map { "r-$_" } @two),
    C_TARGETS => join(' ', map { "c-$_" } @can),
    S_SOURCES => join(' ', map { "s-$_" } @can),
    BLOCKS => $blocks, LOCATIONS => $locations);

$conf =~ s/\b([A-Z]_TARGETS|S_SOURCES|BLOCKS|LOCATIONS)\b/$fill{$1}/g;
$t->config($conf);
$t->run;


# ---- each is taken

my @json = ('Content-Type' => 'application/json');
my $r = $t->post('/in', '{"id":"round trip 1","type":"order"}', [ @json ]);
my %state = map { $_->{name} => $_ } @{ $r->json->{targets} };

for my $name (@can) {
    is($state{"t-$name"}{status}, 200, "$name: taken")
        or diag(grep { /s-$name"/ } $t->log_lines(qr/refused/));
}

is($state{"r-$_"}{status}, 200, "$_: the second signature is taken")
    for @two;


# ---- and with a byte more it is not

$r = $t->post('/wrong', '{"id":"round trip 2","type":"order"}', [ @json ]);
%state = map { $_->{name} => $_ } @{ $r->json->{targets} };

is($state{"c-$_"}{status}, 401, "$_: another body is refused") for @can;


# ---- an id that no header carries as it is, an empty body, a large one

for my $body ("{\"id\":\" j\xc3\xb6rg 1 \"}", '{"id":"a.b.c"}',
              '{"id":"x","fill":"' . 'x' x 500_000 . '"}')
{
    $r = $t->post('/in', $body, [ @json ]);
    %state = map { $_->{name} => $_ } @{ $r->json->{targets} };
    is(join(' ', map { "$_: $state{$_}{status}" }
            grep { $state{$_}{status} != 200 } sort keys %state), '',
        'taken: ' . substr($body, 0, 20) =~ s/[^ -~]/?/gr);
}


# ---- what is sent

$sink->forget;
my $body = '{"id":"evt_1"}';

is($t->post('/out', $body, [ @json, 'X-Hub-Signature-256' => 'sha256=0',
    'X-A' => 'a' ])->{status}, 200, 'out');

my ($seen) = $sink->requests(uri => '/seen');
my ($named) = $sink->requests(uri => '/named');
my $time = $seen->header('Webhook-Timestamp');

is_deeply([ $seen->header('webhook-id') ], [ 'evt_1' ], 'one Webhook-Id');
like($time, qr/^\d{10}$/, 'one Webhook-Timestamp');
cmp_ok(abs($time - time), '<', 5, 'which is now');

my ($v1, $v1a, @more) = split / /, $seen->header('webhook-signature');

is($v1, 'v1,' . encode_base64(hmac_sha256("evt_1.$time.$body", $bytes), ''),
    'v1');
like($v1a, qr/^v1a,[A-Za-z0-9+\/]{86}==$/, 'v1a');
is(scalar(@more), 0, 'two signatures');
ok(verified($public, "evt_1.$time.$body", decode_base64($v1a =~ s/^v1a,//r)),
    'v1a is right');
like($named->header('X-Hub-Signature-256'), qr/^sha256=[0-9a-f]{64}$/,
    'the producer\'s signature is not forwarded');
is($named->header('X-A'), 'a', 'another header is');


# ---- a retry has a time of its own

$sink->forget;
$sink->answer('/slow', [ { status => 503 }, { status => 200 } ]);
is($t->post('/later', $body, [ @json ])->{status}, 202, 'queued');

my @slow = $sink->wait_requests(2);
my @t = map { $_->header('Stripe-Signature') =~ /^t=(\d+),v1=[0-9a-f]{64}$/ }
        @slow;

cmp_ok($t[1], '>', $t[0], 'a retry has a fresh time');
isnt(map({ $_->header('Stripe-Signature') =~ /v1=(.*)/ } @slow),
    'and another signature');
is($slow[0]->header('Webhook-Timestamp'), $slow[1]->header(
    'Webhook-Timestamp'), 'the event\'s own stays, where no scheme has it');

$t->done;


# the tables, as the source has them

sub presets {
    my $room = $t->root . '/ngx_event_router_module/ingest';
    my @rows = map { slurp("$room/presets_$_.c")
                     =~ /ngx_er_presets_$_\[\] = \{(.*?)^\};/ms }
               qw(hmac keys);
    my %rows;

    for my $row (map { split /\n    \},\n/ } @rows) {
        my ($name) = $row =~ /\.name = "(.+?)"/ or next;

        for my $key (qw(verify key signed_ signature timestamp)) {
            my ($value) = $row =~ /\.$key =\s+((?:"[^"]*"\s*|NGX_\w+\s*)+)/
                or next;

            $rows{$name}{$key} = join '', $value =~ /"([^"]*)"/g;
        }
    }

    return %rows;
}


sub slurp {
    open my $f, '<:raw', $_[0] or die "$_[0]: $!\n";
    local $/;

    return <$f>;
}


sub ed25519 {
    system("openssl genpkey -algorithm ed25519 -out $dir/ed.pem 2>/dev/null"
           . " && openssl pkey -in $dir/ed.pem -outform DER -out $dir/ed.der"
           . " && openssl pkey -in $dir/ed.pem -pubout -outform DER"
           . " -out $dir/pub.der") == 0 or die "no openssl\n";

    return (substr(slurp("$dir/ed.der"), -32),
        substr(slurp("$dir/pub.der"), -32));
}


sub verified {
    my ($key, $message, $signature) = @_;

    $t->write_file('message', $message);
    $t->write_file('signature', $signature);

    return system("openssl pkeyutl -verify -pubin -keyform DER"
        . " -inkey $dir/pub.der -rawin -in $dir/message"
        . " -sigfile $dir/signature >/dev/null") == 0;
}
