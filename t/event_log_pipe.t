#!/usr/bin/perl

# Copyright (C) Event Router contributors

# event_log into a pipe: nobody waits for who reads it, not "nginx -t", nor a
# start, a worker or a file that is opened anew; what does not fit is lost and
# told, and what is read is whole lines.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Fcntl qw(O_RDONLY O_NONBLOCK);
use JSON::PP;
use POSIX qw(mkfifo);
use Test::More;
use Test::EventRouter;
use Time::HiRes qw(sleep time);

my $t = Test::EventRouter->new(workers => 2);
my $pipe = $t->dir . '/pipe';
my $n = 0;
my $long = 'x' x 900;

mkfifo($pipe, 0666) or die "mkfifo: $!\n";
chmod 0666, $pipe;

$t->config(<<"EOC");
    event_log $pipe flush=10ms;
    event_log $pipe '{"mine":"\$event_id","more":"\$arg_long\$arg_long\$arg_long\$arg_long\$arg_long\$arg_long"}' flush=10ms if=\$arg_long;
    event_source s { verify off; id "{json:id}"; type "{json:type}"; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location /s { event_receive s; }
    }
EOC


# ---- nobody reads

# who waits is freed by a reader, or this would wait, too

my ($waits, $free) = (0);

local $SIG{ALRM} = sub {
    $waits++;
    sysopen $free, $pipe, O_RDONLY|O_NONBLOCK;
    alarm 5;
};

alarm 5;
ok(scalar $t->check_config, '"nginx -t"');
$t->run;
alarm 0;

is($waits, 0, 'nginx starts without a reader') or do { $t->done; exit };

$t->expect_log(qr/could not be written and/, 'that is what is tested');

is(scalar(posts(400)), 400, 'events are answered while the pipe is full');
ok($t->wait_log(qr{lines of event_log "\Q$pipe\E" could not be written and are lost}),
    'what is lost is told');


# ---- somebody does, late

sysopen my $reader, $pipe, O_RDONLY|O_NONBLOCK or die "open: $!\n";
my @lines = take();

cmp_ok(scalar @lines, '>', 50, 'the first lines are there');
is(scalar(grep { !whole($_) } @lines), 0, 'each of them whole');

posts(3);
@lines = take();
cmp_ok(scalar(grep { /"id":"e$n"/ } @lines), '==', 1, 'the next ones come');


# ---- lines that are longer than what a pipe takes at once

posts(200, "?long=$long");
@lines = take();
my @torn = grep { !whole($_) } @lines;

cmp_ok(scalar(grep { /"mine"/ } @lines), '>', 0, 'long lines come');
cmp_ok(scalar @torn, '<=', 2, 'a worker leaves one of them torn');

posts(20);
@lines = take();
is(scalar(grep { /"id"/ && !whole($_) } @lines), 0, 'which spoils no other');


# ---- opened anew

$t->signal('USR1');
sleep 0.3;
close $reader;
is(scalar(posts(300)), 300, 'after USR1 it is as it was');
sysopen $reader, $pipe, O_RDONLY|O_NONBLOCK or die "open: $!\n";
@lines = take();
cmp_ok(scalar @lines, '>', 50, 'the lines are there');
is(scalar(grep { !whole($_) } @lines), 0, 'and whole');

$t->done;


# how many were answered within a second each

sub posts {
    my ($count, $args) = @_;
    my @ok;

    for (1 .. $count) {
        my $begin = time;
        my $r = eval {
            $t->post('/s' . ($args // ''),
                '{"id":"e' . ++$n . '","type":"' . ('t' x 200) . '"}',
                [ 'Content-Type' => 'application/json' ]);
        };
        last if !$r || time - $begin > 1;
        push @ok, $r;
    }

    return @ok;
}


# what is in the pipe until nothing comes for a while

sub take {
    my ($text, $quiet) = ('', 0);

    while ($quiet < 10) {
        if (sysread $reader, my $buf, 65536) {
            $text .= $buf;
            $quiet = 0;
        } else {
            $quiet++;
            sleep 0.05;
        }
    }

    return split /\n/, $text;
}


sub whole {
    return eval { decode_json($_[0]); 1 };
}
