#!/usr/bin/perl

# Copyright (C) Event Router contributors

# All signed requests of t/data/vectors through a running nginx: each is
# accepted or refused as expected, whole, in chunks, in several segments and
# with a body that does not fit into client_body_buffer_size; and id, type,
# subject and time are found where the producer puts them.  Sources are built
# from the names of presets alone, so it is the table of presets that is
# proved.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use POSIX qw(strftime);
use Test::More;
use Test::EventRouter;

# The answer to what is genuine and no JSON is 400, to what is not genuine 401.
# These are answered otherwise, and why:

my %OTHERWISE = (
    P0365 => 405,    # forged by sending it with PUT: events come with POST
    P0405 => 400,    # nginx itself refuses a second Authorization, and closes
    P0406 => 400     # the type says a structured CloudEvent, the body has none
);

my $json = JSON::PP->new->utf8->canonical;
my $t = Test::EventRouter->new;

$t->clock(1_790_000_000) or plan(skip_all => 'no libfaketime');

my @vectors = map { $json->decode($_) } lines('signatures.jsonl');

for my $v (@vectors) {
    $v->{now} //= 1_790_000_000;
    $v->{bytes} = decode_base64($v->{body});
    $v->{status} = $OTHERWISE{$v->{n}} // ($v->{expect} ne 'valid' ? 401
                                           : parsable($v) ? 200 : 400);
}

cmp_ok(scalar @vectors, '>=', 678, 'vectors');
cmp_ok(scalar(grep { $_->{status} == 200 } @vectors), '>', 130,
    'accepted ones among them');
cmp_ok(scalar(grep { $_->{status} == 401 } @vectors), '>', 250,
    'refused ones among them');
is(join(' ', map { $_->{n} } grep { $_->{outside_model} } @vectors), '',
    'all within the model');

# a second lasts as long as the test wants: some signatures are valid for
# exactly one more

$ENV{TZ} = 'UTC';
set_clock($vectors[0]{now});

my ($sources, $servers) = configuration();

$t->config(<<"EOC");

    log_format vector escape=json
        '{"n":"\$http_x_vector","verify":"\$event_verify",'
        '"id":"\$event_id","type":"\$event_type",'
        '"tenant":"\$event_subject","time":"\$event_time"}';

    access_log %%TESTDIR%%/logs/vectors.log vector;

    server_names_hash_max_size 2048;

    # Walmart's headers have dots and underscores in their names

    ignore_invalid_headers off;
    underscores_in_headers on;

    keepalive_requests 10000;

$sources
$servers
EOC

$t->run;

# whose ids are a resource's, or one's of several in a body: the body's hash
# stands beside them

my %SHARED = map { $_ => 1 } qw(adyen-payments adyen-platform apikey basic bearer calendly cloudinary
    auth0 front gocardless hubspot hubspot-v1 hubspot-v2 jwks
    jwt-hs256 jwt-rs256
    klaviyo lemonsqueezy line linkedin meta msgraph netlify paystack
    quickbooks revolut sendgrid strava webflow zendesk zoom);

my %met = map { $_->{preset} => 1 } @vectors;

is(join(' ', grep { !$met{$_} } preset_names()), '', 'every preset met');

# the same connection for all requests of a pass: after a refusal, too, the
# next request begins where it should

my $turn = 0;

send_all('whole', 8080, sub { return () });
send_all('in chunks of 1 to 7 bytes', 8080,
    sub { return (chunks => 1 + $turn++ % 7) });
send_all('in segments', 8080, sub {
    my ($length) = @_;
    return (pieces => 1 + int($length / 4), pause => 0.0005);
});
send_all('larger than the buffer', 8081, sub { return () });
send_all('in chunks, larger than the buffer', 8081,
    sub { return (chunks => 1 + $turn++ % 7) });

# CloudEvents again as what they are to a producer's preset: JSON

my @as_json = map { { %$_, n => "$_->{n}-json",
                      headers => [ [ 'Content-Type', 'application/json' ],
                                   grep { lc $_->[0] ne 'content-type' }
                                   @{ $_->{headers} } ] } }
              grep { is_cloudevent($_) && $_->{status} == 200 } @vectors;

send_all('CloudEvents as JSON', 8080, sub { return () }, @as_json);

note('genuine and not to be parsed: ', join ' ',
     map { $_->{n} } grep { $_->{status} == 400 && $_->{expect} eq 'valid' }
     @vectors);

# what was found in the genuine ones

my %logged;

ok(wait_until(5, sub {
    return ($t->read_file('logs/vectors.log') =~ tr/\n//)
           == 5 * @vectors + @as_json;
}), 'all logged');

for (split /\n/, $t->read_file('logs/vectors.log')) {
    my $line = $json->decode($_);
    push @{ $logged{$line->{n}} }, $line;
}

my (%compared, %differs, @unverified);

for my $v (grep { $_->{expect} eq 'valid' } @vectors, @as_json) {
    my @lines = @{ $logged{$v->{n}} };

    push @unverified, $v->{n} if grep { $_->{verify} ne 'ok' } @lines;

    next if $v->{status} != 200;

    for my $name (qw(id type tenant time)) {
        my $want = attribute($v, $name);

        for my $line (@lines) {
            $compared{$name}++ if $want ne '';
            $differs{$name} .= "\n$v->{n} ($v->{preset}): $line->{$name}"
                . ", expected $want" if $line->{$name} ne $want;
        }
    }
}

is("@unverified", '', 'genuine ones are verified, parsable or not');
is($differs{$_} // '', '', "$_ found") for qw(id type tenant time);
cmp_ok($compared{id}, '>', 500, 'ids compared');

# a forger learns nothing from what is in the log either

is(join("\n", grep { /\[(?:error|crit|alert|emerg)\]/ } $t->log_lines), '',
    'nothing but warnings');

$t->done;


# ---- configuration

# a server for each preset, set of secrets, set of constants and origin of the
# URL; named v0, v1 and so on, which is what the Host of a request says

sub configuration {
    my ($sources, $servers) = ('', '');
    my %seen;

    for my $v (@vectors) {
        my @secrets = ref $v->{secret} ? @{ $v->{secret} } : $v->{secret};
        my ($origin, $path) = $v->{url} =~ m{^(\w+://[^/]+)(/.*)$}
            or die "URL $v->{url}\n";
        my $key = $json->encode([ $v->{preset}, \@secrets, $v->{consts},
                                  $origin ]);

        $v->{path} = $path;
        $v->{server} = $seen{$key};

        next if defined $v->{server};

        my $n = keys %seen;

        $v->{server} = $seen{$key} = "v$n";

        my $lines = "        verify $v->{preset};\n";

        for my $i (0 .. $#secrets) {

            # "foo" and the like are in a log by chance

            $t->secret($secrets[$i]) if length $secrets[$i] >= 8;

            # an editor leaves a line feed at the end

            $lines .= '        secret file:'
                . $t->write_file("secrets/$n.$i", "$secrets[$i]\n") . ";\n";
        }

        for my $name (sort keys %{ $v->{consts} // {} }) {
            $lines .= "        constant $name $v->{consts}{$name};\n";
        }

        $sources .= <<"EOC";
    event_source v$n {
$lines        handshake off;
        dedup off;
        public_url $origin\$request_uri;
    }
EOC
        $servers .= <<"EOC";
    server {
        listen 127.0.0.1:%%PORT_8080%%;
        server_name v$n;
        location / { event_receive v$n; }
    }
    server {
        listen 127.0.0.1:%%PORT_8081%%;
        server_name v$n;
        client_body_buffer_size 16;
        location / { event_receive v$n; }
    }
EOC
    }

    return ($sources, $servers);
}


sub lines {
    my ($name) = @_;

    open my $f, '<', $t->root . "/t/data/vectors/$name" or die "$name: $!\n";

    return <$f>;
}


sub preset_names {
    return grep { !/^_/ } keys %{ $json->decode(join '',
                                                lines('presets.json')) };
}


# an absolute time stands still

sub set_clock {
    my ($now) = @_;

    $t->write_file('clock.new',
        strftime("%Y-%m-%d %H:%M:%S\n", gmtime $now));
    rename $t->dir . '/clock.new', $t->dir . '/clock';
}


# ---- requests

sub send_all {
    my ($name, $port, $how, @list) = @_;

    @list = @vectors if !@list;

    my ($now, @wrong) = (0);
    my $c = $t->connect(port => $port);

    for my $v (sort { $a->{now} <=> $b->{now} || $a->{n} cmp $b->{n} }
               @list)
    {
        set_clock($now = $v->{now}) if $now != $v->{now};

        my $r = $c->request($v->{method}, $v->{path},
            [ Host => $v->{server}, 'X-Vector' => $v->{n},
              map { @$_ } @{ $v->{headers} } ],
            $v->{bytes}, $how->(length $v->{bytes}));

        if (!$r || $r->{status} != $v->{status}) {
            push @wrong, "$v->{n} ($v->{preset}, $v->{why}): "
                . ($r ? $r->{status} : 'no answer')
                . ", expected $v->{status}";
        }

        if (!$r || ($r->header('Connection') // '') ne 'keep-alive') {
            push @wrong, "$v->{n}: connection closed" if $v->{n} ne 'P0405';
            $c->close;
            $c = $t->connect(port => $port);
        }
    }

    $c->close;

    is(join("\n", @wrong), '', $name);
}


sub type_of {
    my ($v) = @_;

    my ($type) = map { $_->[1] } grep { lc $_->[0] eq 'content-type' }
                 @{ $v->{headers} };

    return $type // '';
}


sub is_cloudevent {
    my ($v) = @_;

    return type_of($v) =~ m{^application/cloudevents\+json};
}


# forms can always be read, and feeds need not be; JSON may have a mark before
# it and strings that are not UTF-8

sub parsable {
    my ($v) = @_;

    return 1 if type_of($v) =~ m{^(application/(x-www-form|atom)|multipart/)};

    my $text = $v->{bytes} =~ s/^\xef\xbb\xbf//r;

    return eval { JSON::PP->new->latin1->allow_nonref->decode($text); 1 };
}


# an attribute as an event carries it

sub attribute {
    my ($v, $name) = @_;

    my $value = $v->{extract}{$name};

    # a CloudEvent says it itself

    $value = $json->decode($v->{bytes})->{$name eq 'tenant' ? 'subject' : $name}
        if is_cloudevent($v);

    # whoever gives no id gets one that a retry has, too

    return $name eq 'id' ? 'sha256-' . substr sha256_hex($v->{bytes}), 0, 32
                         : '' if !defined $value;

    if ($name eq 'time' && $value =~ /^(\d{9,13})(?:\.\d*)?$/) {
        my $seconds = length $1 > 11 ? int($1 / 1000) : $1;

        return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $seconds);
    }

    return "$value." . substr sha256_hex($v->{bytes}), 0, 16
        if $name eq 'id' && $SHARED{$v->{preset}} && !is_cloudevent($v);

    return "$value";
}
