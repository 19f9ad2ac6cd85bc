#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Where secrets lie: in memory that no core dump contains, and nowhere else in
# a worker, whatever was verified with them; and what a captured request is
# worth.

use warnings;
use strict;
no warnings 'portable';               # addresses have 64 bits

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use FindBin;
use lib "$FindBin::Bin/lib";

use Compress::Zlib qw(crc32);
use MIME::Base64 qw(encode_base64 encode_base64url);
use POSIX qw(strftime);
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $dir = $t->dir;

my %secret = (
    hmac => 'an-hmac-secret-of-the-file-0123456789',
    prefix => 'a-secret-for-any-digest-9876543210-ab',
    basic => 'user:the-password-of-basic-0123456789',
    jwt => 'a-secret-for-tokens-abcdefghijklmnop',
    long => 'a-secret-longer-than-a-block-' . 'x' x 200,
    admin => 'the-token-of-administrators-zyxwvuts',
);

my $bytes = join '', map { chr(200 - $_) } 1 .. 32;

$t->secret($secret{$_}) for grep { $_ ne 'basic' } keys %secret;
$t->write_file("secret.$_", "$secret{$_}\n") for keys %secret;
$t->write_file('secret.base64', 'whsec_' . encode_base64($bytes, ''));

system("openssl req -x509 -newkey rsa:2048 -nodes -keyout $dir/key.pem -out "
       . "$dir/crt.pem -days 30 -subj /CN=x >/dev/null 2>&1") == 0
    or plan(skip_all => 'no openssl');

my $erp = $t->target(8081);

$t->config(<<'EOC');

    event_store memory:1m;

    event_source hmac   { verify hmac-sha256; secret file:../secret.hmac;
                          signed "{body}"; signature header:X-Sig; }
    event_source long   { verify hmac-sha256; secret file:../secret.long;
                          signed "{body}"; signature header:X-Sig; }
    event_source prefix { verify websub; secret file:../secret.prefix;
                          handshake off; }
    event_source basic  { verify basic; secret file:../secret.basic; }
    event_source jwt    { verify jwt-hs256; secret file:../secret.jwt;
                          jwt algorithms=HS256; }
    event_source base64 { verify standardwebhooks;
                          secret file:../secret.base64; }
    event_source paypal { verify paypal-pinned; secret file:../crt.pem;
                          constant webhook_id WH1; }
    event_route all { from *; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hmac   { event_receive hmac; }
        location = /long   { event_receive long; }
        location = /prefix { event_receive prefix; }
        location = /basic  { event_receive basic; }
        location = /jwt    { event_receive jwt; }
        location = /base64 { event_receive base64; }
        location = /paypal { event_receive paypal; }
        location /admin/   { event_admin token=file:../secret.admin; }
        location = /erp { event_deliver erp;
                          proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }
EOC

$t->run;

# ---- each is used, rightly and wrongly

my $body = '{"id":1}';
my @json = ('Content-Type' => 'application/json');

for my $name (qw(hmac long)) {
    is($t->post("/$name", $body, [ @json,
        'X-Sig' => hmac_sha256_hex($body, $secret{$name}) ])->{status}, 200,
        "$name: genuine");
    is($t->post("/$name", $body, [ @json, 'X-Sig' => '00' x 32 ])->{status},
        401, "$name: forged");
}

is($t->post('/prefix', $body, [ @json, 'X-Hub-Signature' => 'sha256='
    . hmac_sha256_hex($body, $secret{prefix}) ])->{status}, 200, 'prefix');

is(token(aud => 'hooks', exp => time + 60), 200, 'a token');
is(token(aud => 'other', exp => time + 60), 401,
    'the audience of the preset counts beside a line "jwt"');
is(token(aud => 'hooks'), 401, 'a token that never expires');

my $now = int time;

is($t->post('/base64', $body, [ @json, 'webhook-id' => 'm1',
    'webhook-timestamp' => $now, 'webhook-signature' => 'v1,'
    . encode_base64(hmac_sha256("m1.$now.$body", $bytes), '') ])->{status},
    200, 'base64');

# ---- and lies where no core dump finds it

SKIP: {
    skip 'the memory of a sanitizer is too large to be looked through', 2
        if $t->binary =~ /asan/;

    my ($inside, %elsewhere) = worker_memory();

    is(join(' ', grep { !$inside->{$_} } sort keys %secret, 'base64'), '',
        'secrets are in memory outside core dumps');
    is(join(' ', sort keys %elsewhere), '', 'and nowhere else in the worker');
}

# ---- PayPal signs a CRC-32 of the body and a time: another body of the same
# CRC passes while the time is near, and no longer

my $sale = '{"id":"WH-1","amount":"1.00"}';

is(paypal($sale, 0), 200, 'PayPal: now');
is(paypal($sale, -290), 200, 'PayPal: within five minutes');
is(paypal($sale, -400), 401, 'PayPal: captured before');
is(paypal($sale, -864000), 401, 'PayPal: captured ten days ago');
is(paypal($sale, 400), 401, 'PayPal: of the future');

$t->done;


sub token {
    my (%claims) = @_;

    my $text = join '.', map { encode_base64url($_) } '{"alg":"HS256"}',
        '{' . join(',', map { qq("$_":) . ($claims{$_} =~ /^\d+/
                              ? int $claims{$_} : qq("$claims{$_}")) }
                   sort keys %claims) . '}';

    $text .= '.' . encode_base64url(hmac_sha256($text, $secret{jwt}));

    return $t->post('/jwt', $body,
        [ @json, Authorization => "Bearer $text" ])->{status};
}


sub paypal {
    my ($text, $shift) = @_;

    my $time = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + $shift));
    my $file = $t->write_file('signed', "tid$shift|$time|WH1|" . crc32($text));
    my $sig = `openssl dgst -sha256 -sign $dir/key.pem $file`;

    return $t->post('/paypal', $text, [ @json,
        'PAYPAL-TRANSMISSION-ID' => "tid$shift",
        'PAYPAL-TRANSMISSION-TIME' => $time,
        'PAYPAL-TRANSMISSION-SIG' => encode_base64($sig, '') ])->{status};
}


# names of secrets in mappings that are left out of core dumps, and those in
# any other

sub worker_memory {
    my ($pid) = $t->workers;
    my (%inside, %outside, @maps);

    open my $smaps, '<', "/proc/$pid/smaps" or die "smaps: $!\n";

    while (<$smaps>) {
        push @maps, { from => hex $1, to => hex $2, read => $3 eq 'r' }
            if /^([0-9a-f]+)-([0-9a-f]+) (.)/;
        $maps[-1]{hidden} = / dd( |$)/ ? 1 : 0 if /^VmFlags:/;
    }

    open my $mem, '<:raw', "/proc/$pid/mem" or die "mem: $!\n";

    my %text = (%secret, base64 => $bytes);

    for my $map (grep { $_->{read} } @maps) {
        my $text = '';

        sysseek $mem, $map->{from}, 0 or next;
        sysread $mem, $text, $map->{to} - $map->{from} or next;

        for my $name (keys %text) {
            next if index($text, $text{$name}) < 0;
            ($map->{hidden} ? \%inside : \%outside)->{$name} = 1;
        }
    }

    return (\%inside, %outside);
}
