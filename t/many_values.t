#!/usr/bin/perl

# Bodies in which nginx.conf names very many values: what a rule asks must not
# refuse a genuine event.  The bound follows "max_size"; "limits values=" is
# another one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;

use Test::EventRouter;

my $t = Test::EventRouter->new;
my $json = JSON::PP->new->canonical;
my $erp = $t->target(8081);

my @mail = qw(email timestamp event sg_event_id sg_message_id ip url useragent);
my @line = map { "f$_" } 1 .. 20;

my $conf = <<'EOC';

    event_source mail  { verify off; id "{json:0.sg_event_id}"; max_size 4m; }
    event_source shop  { verify off; id "{json:id}"; }
    event_source other { verify off; id "{json:id}"; }
    event_source few   { verify off; id "{json:id}"; limits values=10; }

    event_route mail  { from mail; MAIL to erp; }
    event_route shop  { from shop few; LINE to erp; }
    event_route other { from other; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /mail  { event_receive mail; }
        location = /shop  { event_receive shop; }
        location = /other { event_receive other; }
        location = /few   { event_receive few; }
        location = /erp   { event_deliver erp;
                            proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }
EOC

$conf =~ s/MAIL/join ' ', map { "when data.$_ exists;" } @mail/e;
$conf =~ s/LINE/join ' ', map { "when data.lines.$_ != none;" } @line/e;

$t->config($conf);
$t->run;

my @events = map { my $n = $_; +{ map { $_ => "$_-$n-of-a-usual-length" }
    @mail } } 1 .. 10000;

is(outcome('mail', \@events), 'delivered', '10000 events of 8 fields');

my @lines = map { my $n = $_; +{ map { $_ => "$n" } @line } } 1 .. 1000;

is(outcome('shop', { id => 1, lines => \@lines }), 'delivered',
    '1000 lines of 20 fields');
is(outcome('other', { id => 2, map { $_ => [ (1) x 5000 ] } @mail }),
    'delivered', "what other sources' routes name");
is(outcome('few', { id => 3, lines => [ @lines[0, 0] ] }), 400,
    'more than "values" allows');
is(outcome('few', { id => 4, lines => [ { map { $_ => 1 } @line[0 .. 6] } ] }),
    'delivered', 'as many as it allows');

$t->expect_log(qr/\[warn\].*rejected/, 'too many values are sent');

$t->done;


sub outcome {
    my ($source, $doc) = @_;

    my $r = $t->post("/$source", $json->encode($doc),
        [ 'Content-Type' => 'application/json' ]);

    return $r->{status} == 200 ? $r->json->{outcome} : $r->{status};
}
