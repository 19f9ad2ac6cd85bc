package Test::EventRouter::Dedup;

# Copyright (C) Event Router contributors

# What the tests of dedup and of crash points share: a configuration with one
# Shopify source and the targets "one", "two" and "three", events for it, and
# what came of them.
#
#     my $t = Test::EventRouter->new;
#     my %target = map { $_ => $t->target($port{$_}) } qw(one two);
#
#     $t->config(router(store => 'event_store memory:1m;', to => [ 'one' ]));
#     my $r = order($t, 'id-1');          # posts an order, the answer
#     attempts($target{one}, 'id-1');     # "1", or "1 2": X-Event-Attempt

use warnings;
use strict;

use Digest::SHA qw(sha1_hex);
use Exporter qw(import);

use Test::EventRouter::Port qw(wait_until);
use Test::EventRouter::Sign;

our @EXPORT = qw(router order order_request retry attempts calls outcome
                 counters verbs wait_verb verb_of);

our $SECRET = 'hush-of-the-shop';


# What stands in http; ports of targets are those of "ports" (a node of its
# own brings its numbers along).  Options: store, source (more lines of the
# source), deadline, to, server (more locations), http (more directives),
# ports { one => n }.

sub router {
    my (%o) = @_;

    my $to = join ' ', @{ $o{to} // [ 'one', 'two' ] };
    my $deadline = $o{deadline} // '1s';
    my %ports = %{ $o{ports} // {} };
    my %known = (one => 8081, two => 8082, three => 8083);

    my $locations = join '', map {
        my $port = $ports{$_} // "%%PORT_$known{$_}%%";

        "        location = /to/$_ { event_deliver $_; "
        . "proxy_pass http://127.0.0.1:$port; }\n"
    } sort keys %known;

    return <<"EOC";
    @{[ $o{store} // '' ]}
    @{[ $o{http} // '' ]}

    proxy_read_timeout 30s;

    event_source shop {
        verify shopify;
        secret file:%%TESTDIR%%/secret;
        deadline $deadline;
        @{[ $o{source} // '' ]}
    }

    @{[ $o{route} // "event_route all { from shop; to $to; }" ]}

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        @{[ $o{listen} // '' ]}

        location = /hook {
            event_receive shop;
            add_header X-Dedup \$event_dedup always;
            add_header X-Outcome \$event_status always;
        }

        location = /status { event_status; }

$locations
        @{[ $o{server} // '' ]}
    }
EOC
}


# method, URI, headers and body of an order.  Options: body, uri, headers

sub order_request {
    my ($id, %o) = @_;

    my $body = $o{body} // qq({"id":1,"name":"$id"});

    return (POST => $o{uri} // '/hook',
        [ shopify($body, $SECRET, id => $id), @{ $o{headers} // [] } ], $body);
}


sub order {
    my ($t, $id, %o) = @_;

    return $t->request(order_request($id, %o));
}


# sends the order again until it is not answered "busy": the last answer, and
# those before it

sub retry {
    my ($t, $id, %o) = @_;

    my (@busy, $r);

    wait_until($o{seconds} // 8, sub {
        $r = order($t, $id, %o);
        return 1 if $r->{status} != 409;

        push @busy, $r;
        select undef, undef, undef, 0.04;
        return 0;
    });

    return wantarray ? ($r, @busy) : $r;
}


# the requests that a target got for an event

sub calls {
    my ($target, $id) = @_;

    return grep { ($_->header('Webhook-Id') // '') eq $id } $target->requests;
}


sub attempts {
    my ($target, $id) = @_;

    return join ' ', map { $_->header('X-Event-Attempt') } calls($target, $id);
}


# "200 delivered memory": status, outcome and where the key is

sub outcome {
    my ($r) = @_;

    return join ' ', $r->{status}, $r->header('X-Outcome') // '-',
                     $r->header('X-Dedup') // '-';
}


sub counters {
    my ($t, $source) = @_;

    return $t->get('/status')->json->{sources}{$source // 'shop'};
}


# ---- the commands of dedup that a FakeRedis saw

# each is { verb, key, token, targets }, where the verb is claim, settle,
# finalize, release, die or live; the texts of the scripts tell which is which

sub verbs {
    my ($fake) = @_;

    my @commands = grep { $_->[0] =~ /^EVAL/i } $fake->commands;
    my %verb = map { sha1_hex($_->[1]) => script_verb($_->[1]) }
               grep { uc $_->[0] eq 'EVAL' } @commands;

    return map { { verb => $verb{uc $_->[0] eq 'EVAL' ? sha1_hex($_->[1])
                                                      : $_->[1]} // '?',
                   key => $_->[3], token => $_->[4],
                   targets => [ ($_->[7] // '') =~ /.{16}/g ] } }
           @commands;
}


# in a FakeRedis' sub: the verb of a command, '' if it is none or if the text of
# the script did not come yet

my %verb;

sub verb_of {
    my ($command, $script) = @_;

    return $verb{$script} // '' if uc $command eq 'EVALSHA';
    return '' if uc $command ne 'EVAL';

    return $verb{sha1_hex($script)} = script_verb($script);
}


sub script_verb {
    my ($text) = @_;

    return $text =~ /'b', 'l', 'n', 'h'/ ? 'claim'
         : $text =~ /'DEL'/ ? 'finalize'
         : $text =~ /'s', .*'r'/ ? 'release'
         : $text =~ /HLEN/ ? 'settle'
         : $text =~ /HSET/ ? 'die'
         : $text =~ /HDEL/ ? 'live' : '?';
}


# waits for the n-th command of this verb; it, or undef

sub wait_verb {
    my ($fake, $verb, $n) = @_;

    my @seen;

    wait_until(5, sub {
        @seen = grep { $_->{verb} eq $verb } verbs($fake);
        return @seen >= $n;
    });

    return $seen[$n - 1];
}


1;
