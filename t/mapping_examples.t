#!/usr/bin/perl

# Copyright (C) Event Router contributors

# docs/mapping.md is true.  Each worked example of it is run as it stands: its
# lines of nginx.conf, its files and its event are taken out of the page, the
# event is signed and sent, and what the targets got, and event_explain shows,
# must be what the page says (in JSON without blanks outside of strings: each
# other byte counts).  What the tables for those who come from elsewhere write for here passes "nginx -t" or
# is compiled, and links lead somewhere.
#
# The line above a block says what it is:
#
#     `templates/order.json`:                  a file beside nginx.conf
#     The event (`X-Shopify-Topic: ...`):      is sent, with these headers
#     `erp` gets (`Content-Type: ...`):        the next request of this target
#     `erp` answers (`200`):                   to its next request; else 200

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256);
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use Test::More;
use Test::EventRouter;

my $root = "$FindBin::Bin/..";
my $page = slurp("$root/docs/mapping.md");
my $secret = 'secret-of-the-examples-24';

my %sign = (
    shopify => \&shopify,
    github => \&github,
    stripe => \&stripe,
    standardwebhooks => \&standardwebhooks,
);

# what the page says of other events than the one that it shows: what is changed
# in it, and the body that the target gets then, '' for none (it is filtered),
# or a phrase of the dead letter

my %others = (
    1 => [
        [ 'without an address', qr/"shipping_address": .*?\},\n/, '',
          qr/\A(?!.*"Country").*"Currency":"EUR"/ ],
        [ 'without a number', qr/"order_number": 1042,/, '',
          dead => qr/\{data\.order_number\} in templates\/order\.json:3/ ],
    ],
    2 => [
        [ 'a test order', qr/"test": false/, '"test": true', '' ],
    ],
    4 => [
        [ 'a push without commits', qr/"commits": \[.*\]\n/s,
          '"commits": []', '' ],
    ],
    7 => [
        [ 'an article that is not in the table', qr/TEE-M/, 'TEE-XL',
          dead => qr/\{map templates\/articles\.json \.sku\}|\{\.sku\} in / ],
        [ 'a country that is', qr/FR/, 'AT', qr/"country":"20"/ ],
    ],
    8 => [
        [ 'without a name', qr/"last_name": "Lovelace",/, '',
          qr/"Name":"unknown"/ ],
    ],
    9 => [
        [ 'nothing is shipped', qr/"requires_shipping": true/,
          '"requires_shipping": false', qr/\A\[\]\z/ ],
    ],
);

my ($chapter) = $page =~ /^## Worked examples\n(.*?)^## /ms;
my @examples = $chapter =~ /^(### \d+\. .*?)(?=^### \d+\. |\z)/gms;

cmp_ok(scalar(@examples), '>=', 10, 'ten examples');

for my $example (@examples) {
    my ($title) = $example =~ /^### (.*)/;

    subtest $title => sub { run($example) };
}


# ---- what becomes of a value that is missing, null or empty

subtest 'what may be missing' => sub {
    my ($table) = $page =~ /^(\| in the template .*?)\n\n/ms;
    my @rows = map { [ map { s{\\\|}{|}gr } split / (?<!\\)\| /, s/^\| | \|$//gr ] }
               grep { !/^\| (?:in the template|---)/ } split /\n/, $table;

    cmp_ok(scalar(@rows), '>=', 5, 'rows');

    my $t = Test::EventRouter->new;
    my $server = $t->target(8081);
    my @names = map { "t$_" } 0 .. $#rows;
    my %had;

    for my $i (0 .. $#rows) {
        my ($cell) = $rows[$i][0] =~ /^`(.*)`$/;

        $t->write_file("conf/t$i.json", "{ $cell }");
    }

    $t->config(whole("event_source s { verify off; }\n"
        . "event_route r { from s; to @names; }\n"
        . join '', map { "event_target $_ { body template $_.json; }\n" }
                   @names));
    $t->run;

    for my $column (1 .. 3) {
        my $body = (undef, '{}', '{"a":null}', '{"a":""}')[$column];

        $t->post('/hooks/s', $body, [ 'Content-Type' => 'application/json' ]);

        for my $i (0 .. $#rows) {
            my $want = $rows[$i][$column];
            my @got = $server->requests(uri => "/t$i");
            my @new = @got[($had{$i} // 0) .. $#got];

            $had{$i} = @got;
            is(join(' ', map { $_->{body} } @new),
                $want eq 'a dead letter' ? ''
                : $want =~ /^no / ? '{}'
                : '{' . bare($want =~ s/`//gr) . '}',
                "$rows[$i][0] of $body");
        }
    }

    $t->done;
};


# ---- example 1 is a file, too

my ($conf) = map { slurp($_) } "$root/docs/examples/shopify-mapped.conf";
my %first = read_example($examples[0]);

for my $line (split /\n/, $first{conf}) {
    my $words = join '\s+', map { quotemeta } split ' ', $line;

    like($conf, qr/^\s*$words$/m, "shopify-mapped.conf: $line");
}

is(slurp("$root/docs/examples/$_"), $first{files}{$_}, $_)
    for sort keys %{ $first{files} };


# ---- what other products have, in our words

my @lines;
my @places;
my @programs;
my $tables = 0;

for my $name (qw(EventBridge Celigo Hookdeck)) {
    my ($rows) = $page =~ /^## Coming from $name\n(.*?)(?=^## |\z)/ms;

    ok($rows, "a table for $name") or next;

    while ($rows =~ /^\| .*? \| (.*) \|$/mg) {
        for my $code ($1 =~ /`([^`]+)`/g) {
            $code =~ s/\\\|/|/g;

            if ($code =~ /^(?:body|split|batch) .*;$/) {
                push @lines, $code;

            } elsif ($name eq 'Hookdeck' && $code =~ /^(?:\.|empty|error|now)
                                                     |^\{order: /x)
            {
                push @programs, $code;

            } elsif ($code =~ /^["\[\{]/) {
                push @places, $code;
            }
        }
    }
}

cmp_ok(scalar(@places), '>', 30, 'places of templates');
cmp_ok(scalar(@lines), '>', 5, 'lines of event_target');
cmp_ok(scalar(@programs), '>', 5, 'programs of jq');

subtest 'what is written for other languages' => sub {
    my $t = Test::EventRouter->new;
    my ($text, $n) = ('', 0);

    $t->write_file('conf/templates/countries.map', "DE 10\n");
    $t->write_file('conf/order.jq', ".data\n");

    for my $place (@places) {
        my $template = $place =~ /^(?:\{if [^}]*\})*"\w+": / ? "{ $place }"
                       : "[ $place ]";

        $n++;
        $t->write_file("conf/place-$n.json", $template);
        $text .= target($n, "body template place-$n.json;");
    }

    for my $program (@programs) {
        $n++;
        $t->write_file("conf/program-$n.jq", $program);
        $text .= target($n, "body jq program-$n.jq;");
    }

    for my $line (@lines) {
        $n++;
        $t->write_file("conf/$1", '{ "order": {data.id} }')
            if $line =~ /template (\S+);/;
        $text .= target($n, $line);
    }

    $t->config(whole($text));

    my ($ok, $said) = $t->check_config;

    ok($ok, 'passes nginx -t') or diag($said);

    $t->done;
};


# ---- links

for my $link ($page =~ /\]\(([^)]*)\)/g) {
    next if $link =~ /^https?:/;

    my ($file, $anchor) = $link =~ /^([^#]*)(?:#(.*))?$/;
    my $text = $file eq '' ? $page : -e "$root/docs/$file"
               ? slurp("$root/docs/$file") : undef;

    ok(defined $text && (!defined $anchor || anchors($text)->{$anchor}),
        "link $link");
}

done_testing();


# ---- one example

sub run {
    my ($example) = @_;

    my %it = read_example($example);
    my $t = Test::EventRouter->new;
    my %targets = map { $_ => 1 } $it{conf} =~ /\bevent_target (\S+)/g;
    my ($source, $preset) = $it{conf} =~ /event_source\s+(\S+)\s+\{.*?
                                          \bverify\s+(\w+);/sx;

    my $server = $t->target(8081);

    for my $name (sort keys %targets) {
        my @answers = @{ $it{answers}{$name} || [] };

        $server->answer("/$name", [ @answers, { status => 200 } ]);
    }

    $t->secret($secret);
    $t->write_file("conf/$_", $it{files}{$_}) for sort keys %{ $it{files} };
    $t->write_file("conf/secrets/$source", $preset eq 'standardwebhooks'
        ? 'whsec_' . encode_base64($secret, '') : $secret);
    $t->config(whole($it{conf}));
    $t->run;

    explained($t, $source, \%it, headers($sign{$preset}, $it{event},
        $it{headers}));

    my $r = $t->post("/hooks/$source", $it{event}, [ headers($sign{$preset},
        $it{event}, $it{headers}) ]);

    like($r->{status}, qr/^20[02]$/, 'the event is taken')
        or diag($r->{body});

    for my $name (sort keys %{ $it{gets} }) {
        my @want = @{ $it{gets}{$name} };

        ok(wait_until(10, sub {
            $server->requests(uri => "/$name") >= @want
        }), "$name has " . @want) or diag(join "\n", $t->log_lines);

        my @got = $server->requests(uri => "/$name");

        is(scalar(@got), scalar(@want), "$name has no more than that");

        for my $i (0 .. $#want) {
            my ($want, $got) = ($want[$i], $got[$i]);

            is(bare($got ? $got->{body} : '', $want->{raw}),
                bare($want->{body}, $want->{raw}), "$name: body");

            while (my ($header, $value) = splice @{ $want->{headers} }, 0, 2) {
                is($got && $got->header($header), $value, "$name: $header");
            }
        }
    }

    ok(!(grep { !$it{gets}{$_} } keys %targets), 'each target is shown');

    # what was sent is settled: nothing comes any more

    ok(wait_until(10, sub {
        my $q = $t->get('/events/')->json->{queue} or return 1;
        return !grep { $_->{pending} || $_->{dead} } values %{ $q->{targets} };
    }), 'and all is settled');

    my ($n) = $example =~ /^### (\d+)/;

    other($t, $server, $sign{$preset}, $source, (keys %targets)[0], \%it, $_)
        for @{ $others{$n} || [] };

    $t->done;
}


# what would be sent is what is sent; of a "batch" it shows each event by itself

sub explained {
    my ($t, $source, $it, @headers) = @_;

    return if $it->{conf} =~ /\bbatch\b/;

    my $r;

    # a busy machine: no process of jq was done in time

    ok(wait_until(30, sub {
        $r = $t->post("/explain/$source", $it->{event}, [ @headers ])
            ->{body};
        return $r !~ /"state":"(?:away|unknown)"/;
    }), 'it is explained');

    my $bodies = (JSON::PP->new->decode($r)->{events} // [{}])->[0]{bodies};

    for my $name (sort keys %{ $it->{gets} }) {
        my ($target) = grep { $_->{target} eq $name } @{ $bodies // [] };
        my @want = @{ $it->{gets}{$name} };

        is(join("\n", map { bare($_->{body}, $want[0]{raw}) }
                      @{ $target->{calls} // [] }),
            join("\n", map { bare($_->{body}, $_->{raw}) } @want),
            "$name: explained");
    }
}


# another event of the example

sub other {
    my ($t, $server, $sign, $source, $target, $it, $other) = @_;

    my ($name, $from, $to, $want, $phrase) = @$other;
    my $event = $it->{event} =~ s/$from/$to/gr;
    my @headers = map { s/^(?:push|p)-\d$/$name/r } @{ $it->{headers} };
    my $had = () = $server->requests(uri => "/$target");

    isnt($event, $it->{event}, "$name: it is another event");

    my $r = $t->post("/hooks/$source", $event,
        [ headers($sign, $event, \@headers) ]);

    my $counted = sub {
        my ($result) = @_;

        return wait_until(10, sub {
            $t->get("/events/metrics")->{body} =~ /^event_router_queued_total
                \{target="$target",result="$result"\}\ [1-9]/mx;
        });
    };

    if ($want eq 'dead') {
        ok($counted->('dead'), "$name: a dead letter");
        like($t->read_file('logs/error.log'), $phrase, "$name: and why");

    } elsif ($want eq '') {
        ok($counted->('filtered'), "$name: filtered");

    } else {
        ok(wait_until(10, sub {
            $server->requests(uri => "/$target") > $had
        }), "$name: a call") or diag($r->{body});
    }

    my @got = $server->requests(uri => "/$target");

    if (ref $want) {
        like($got[-1]{body}, $want, "$name: body");

    } else {
        is(scalar(@got), $had, "$name: no call");
    }
}


# the blocks of a section, by the lines above them

sub read_example {
    my ($section) = @_;

    my %it = (files => {}, gets => {}, answers => {});

    while ($section =~ /((?:^[^\n`][^\n]*\n|^`[^`][^\n]*\n)*)\n?
                        ^```(\w*)\n(.*?)^```$/gmsx)
    {
        my ($caption, $language, $text) = ($1, $2, $3);
        my @quoted = $caption =~ /`([^`]+)`/g;
        my @headers = map { /^([\w-]+): (.*)$/s ? ($1, $2) : () } @quoted;

        if ($language eq 'nginx') {
            $it{conf} .= $text;

        } elsif ($caption =~ /^`([\w.\/-]+)`:\n\z/) {
            $it{files}{$1} = $text;

        } elsif ($caption =~ /^The event\b/) {
            $it{event} = $text;
            $it{headers} = \@headers;

        } elsif ($caption =~ /^`(\w+)` gets\b/) {
            push @{ $it{gets}{$1} }, { body => $text, headers => \@headers,
                raw => $language ne 'json' };

        } elsif ($caption =~ /^`(\w+)` answers \(`(\d+)`\)/) {

            # to the request that was shown last

            my $n = @{ $it{gets}{$1} || [] };
            my $answers = $it{answers}{$1} ||= [];

            $answers->[$_] ||= { status => 200 } for 0 .. $n - 1;
            $answers->[$n - 1] = { status => $2, body => $text,
                headers => [ 'Content-Type' => 'application/json' ] };

        } else {
            die "what is the block behind \"$caption\"?\n";
        }
    }

    return %it;
}


# of the producer, and those that the page names instead

sub headers {
    my ($sign, $body, $more) = @_;

    my %named = map { lc $more->[$_] => 1 } grep { $_ % 2 == 0 } 0 .. $#$more;
    my @own = $sign->($body, $secret, @$more);
    my @headers;

    while (my ($name, $value) = splice @own, 0, 2) {
        push @headers, $name, $value if !$named{ lc $name };
    }

    return (@headers, @$more);
}


sub standardwebhooks {
    my ($body, $secret, %more) = @_;

    my $id = $more{'Webhook-Id'};
    my $time = int time;

    return ('Content-Type' => 'application/json', 'Webhook-Id' => $id,
            'Webhook-Timestamp' => $time, 'Webhook-Signature' => 'v1,'
                . encode_base64(hmac_sha256("$id.$time.$body", $secret), ''));
}


# nginx.conf around lines of http: a location for each source and target

sub whole {
    my ($text) = @_;

    my $locations = '';

    $locations .= "location = /hooks/$_ { event_receive $_; }\n"
        . "location = /explain/$_ { event_explain $_ reveal; }\n"
        for $text =~ /^event_source (\S+)/mg;
    $locations .= "location = /deliver/$_ { event_deliver $_; "
        . "proxy_pass http://127.0.0.1:%%PORT_8081%%/$_; }\n"
        for $text =~ /^event_target (\S+)/mg;

    return <<"EOC";

%%GLOBALS%%

http {
    %%GLOBALS_HTTP%%

    event_store file:%%TESTDIR%%/store size=16m;

$text

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /events/ { event_status; }

$locations    }
}
EOC
}


# a source and a target for a line

sub target {
    my ($n, $line) = @_;

    return "event_source s$n { verify off; delivery queued; }\n"
           . "event_target t$n { " . ($line =~ /\{\./ ? 'split data.items; '
                                                      : '') . "$line }\n"
           . "event_route r$n { from s$n; to t$n; }\n";
}


sub bare {
    my ($text, $raw) = @_;

    return $text =~ s/\n\z//r if $raw;

    return $text =~ s/("(?:[^"\\]|\\.)*")|\s+/$1 \/\/ ''/gser;
}


# as GitHub names headings: the second one of a name has "-1"

sub anchors {
    my ($text) = @_;

    my (%anchors, %seen);

    for my $heading ($text =~ /^#+ (.*)$/mg) {
        my $name = lc($heading =~ s/[`*]//gr) =~ s/[^\w\- ]//gr =~ s/ /-/gr;
        my $n = $seen{$name}++;

        $anchors{$n ? "$name-$n" : $name} = 1;
    }

    return \%anchors;
}


sub slurp {
    open my $f, '<', $_[0] or die "$_[0]: $!\n";
    binmode $f;
    local $/;

    return <$f>;
}
