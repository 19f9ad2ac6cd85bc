package Test::EventRouter::Doubt;

# Copyright (C) Event Router contributors

# A target that counts by the event's id, loses one answer in ten (after it has
# taken the event) and says truthfully what it has; and workers that are killed
# between sending and settling, until so many were.
#
#     my $doubt = Test::EventRouter::Doubt->new($t, store => 'file:...');
#     my $r = $doubt->kills(20);
#
# $r: { sent, kills, lost (answers), asked, replayed (dead letters), seconds,
# twice [ids], missing [ids], dead [entries] }

use warnings;
use strict;

use Test::More ();
use Time::HiRes qw(time sleep);

use Test::EventRouter::Port qw(wait_until);
use Test::EventRouter::Target;


my $ports = 8085;

# options: store; seed; wait (ms of in_doubt; 0: there is none)

sub new {
    my ($class, $t, %o) = @_;

    my $self = bless { t => $t, seed => 1, wait => 700, %o, serial => 0 },
        $class;

    $self->{target} = $t->own(Test::EventRouter::Doubt::Target->new(
        port => $t->port($ports++)));

    return $self;
}


sub config {
    my ($self) = @_;

    my $in_doubt = $self->{wait}
        ? "in_doubt /has?id=\$order { wait $self->{wait}ms; missing 404; }"
        : '';

    my $port = $self->{target}->port;

    $self->{t}->config(<<"EOC");

%%GLOBALS%%

http {
    %%GLOBALS_HTTP%%

    event_store $self->{store};
    event_set \$order data.id uri;

    event_source a {
        verify off;
        id "{json:id}";
        type "{json:type}";
        delivery queued;
    }

    event_target erp {
        breaker      off;
        concurrency  8;
        retry        base=50ms max=200ms for=1h;
        $in_doubt
    }

    event_route x { from a; to erp; }

    proxy_read_timeout 300ms;

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        keepalive_requests 100000;

        location = /a      { event_receive a; }
        location /admin/   { event_admin; }
        location = /status { event_status; }

        location = /deliver/erp {
            event_deliver erp;
            proxy_pass http://127.0.0.1:$port/erp;
            proxy_next_upstream off;
        }

        location = /has {
            internal;
            proxy_pass http://127.0.0.1:$port;
        }
    }
}
EOC
}


# events come all the time; a worker is killed while some are at the target

sub kills {
    my ($self, $kills) = @_;

    my $t = $self->{t};
    my %accepted;

    $self->config;
    $t->run;

    my $start = time;

    for my $kill (1 .. $kills) {
        my $until = time + 0.05 + $self->chance(300) / 1000;

        do {
            $self->post(\%accepted) for 1 .. 4;
        } while (time < $until);

        my @workers = $t->workers;

        kill KILL => $workers[$self->chance(scalar @workers)] if @workers;
        wait_until(20, sub { $t->workers == $t->{workers} });
    }

    my $replayed = $self->drain(60 + $kills);
    my $r = $self->judge(\%accepted);

    @$r{qw(kills replayed seconds)} = ($kills, $replayed, time - $start);

    Test::More::ok($t->stop, 'nginx ends');
    $self->{target}->stop;

    return $r;
}


# an event that was perhaps taken is sent until it surely was

sub post {
    my ($self, $accepted) = @_;

    my $id = 'd' . ++$self->{serial};

    wait_until(20, sub {
        my $r = eval { $self->{t}->post('/a', qq({"id":"$id","type":"x"}),
            [ 'Content-Type' => 'application/json' ]) };

        return $r && $r->{status} =~ /^20[02]$/;
    }) or die "event $id was not taken\n";

    $accepted->{$id} = 1;
}


# What was in hand in three kills is a dead letter, which an operator replays:
# that asks, too.  How many were.

sub drain {
    my ($self, $seconds) = @_;

    my $replayed = 0;

    my $drained = wait_until($seconds, sub {
        return 0 if $self->entries('pending');

        my @dead = $self->entries('dead') or return 1;

        $replayed += @dead;
        $self->{t}->post('/admin/replay?target=erp', '',
            [ 'X-Event-Admin' => 1 ]);

        return 0;
    });

    Test::More::diag('not drained') if !$drained;

    return $replayed;
}


sub judge {
    my ($self, $accepted) = @_;

    my (%had, $asked, $n);

    for my $r ($self->{target}->requests) {
        if ($r->{uri} =~ m{^/has}) {
            $asked++;

        } else {
            $had{$r->header('Webhook-Id')}++;
            $n++;
        }
    }

    return { sent => scalar keys %$accepted, asked => $asked // 0,
        lost => int(($n // 0) / 10),
        twice => [ grep { $had{$_} > 1 } sort keys %had ],
        missing => [ grep { !$had{$_} } sort keys %$accepted ],
        dead => [ $self->entries('dead') ] };
}


sub entries {
    my ($self, $kind) = @_;

    my $r = $self->{t}->get("/admin/$kind?limit=1000");

    return ({ reason => "status $r->{status}" }) if $r->{status} != 200;

    return @{ $r->json->{entries} };
}


# what seems to be by chance follows from the seed

sub chance {
    my ($self, $n) = @_;

    $self->{seed} = ($self->{seed} * 1103515245 + 12345) % 2147483648;

    return int($self->{seed} / 65536) % $n;
}


package Test::EventRouter::Doubt::Target;

use parent -norequire, 'Test::EventRouter::Target';

sub server { 'Test::EventRouter::Doubt::Server' }


package Test::EventRouter::Doubt::Server;

# The target's side: it has an event as soon as the request was complete, then
# it thinks for a moment, and of ten answers one is lost.

use warnings;
use strict;

use parent -norequire, 'Test::EventRouter::Target::Server';

my @lost = ({ fault => 'close' }, { fault => 'reset' }, { fault => 'hang' },
            { delay => 0.02, fault => 'close' });


sub _complete {
    my ($self, $c) = @_;

    my $r = $c->{request};

    if ($r->{uri} =~ m{^/has\?id=(\w+)}) {
        $c->{what} = { status => $self->{had}{$1} ? 200 : 404 };

    } else {
        my ($id) = map { $_->[1] } grep { lc $_->[0] eq 'webhook-id' }
                   @{ $r->{headers} };

        $self->{had}{$id}++;
        $self->{serial}++;

        $c->{what} = $self->{serial} % 10
                     ? { delay => 0.005 * ($self->{serial} % 7) }
                     : $lost[$self->{serial} / 10 % @lost];
    }

    $self->SUPER::_complete($c);
}


1;
