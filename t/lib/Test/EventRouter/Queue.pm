package Test::EventRouter::Queue;

# Copyright (C) Event Router contributors

# What the tests of the durable queue share: a configuration with one queued
# source, a route for each target, events for them, what came of them at the
# target, and the administration.
#
#     my $q = Test::EventRouter::Queue->new($t);
#
#     $q->config(targets => { erp => 'retry base=100ms;' });
#     my $id = $q->send('erp');               # an event, accepted: its id
#     $q->send('erp', kind => 'bad');         # the target sees /erp/bad
#     $q->attempts($target, $id);             # its requests
#     $q->dead(target => 'erp');              # entries of the list
#
# A target gets the events whose type is its name, at the path /NAME/KIND.

use warnings;
use strict;

use JSON::PP ();
use POSIX ();
use Test::More ();
use Time::HiRes qw(time sleep);

use Test::EventRouter::Port qw(wait_until);


my $json = JSON::PP->new->utf8->canonical;


sub new {
    my ($class, $t, %o) = @_;

    return bless { t => $t, serial => 0, prefix => $o{prefix} // 'e',
        sent => [] }, $class;
}


# ---- nginx.conf

# options: targets { NAME => lines of event_target }, or { NAME => { lines,
# port (8081), location (lines) } }; store (arguments behind the directory),
# dir (of the store), in (another store, as event_store has it), main, events,
# http, source, delivery (queued), routes { TARGET => lines of its route }, server (more
# locations), admin (arguments of event_admin), more (routes and sources as they
# are)

sub config {
    my ($self, %o) = @_;

    $o{$_} //= '' for qw(main http source server admin more);
    $o{delivery} //= 'queued';

    my $dir = $o{dir} // '%%TESTDIR%%/store';
    my $store = $o{in} // "file:$dir " . ($o{store} // 'size=16m');
    my ($blocks, $locations) = ('', '');

    for my $name (sort keys %{ $o{targets} }) {
        my $target = $o{targets}{$name};

        $target = { lines => $target } if !ref $target;

        my $port = $target->{port} // 8081;
        my $location = $target->{location} // '';
        my $route = $o{routes}{$name} // '';

        $blocks .= "    event_target $name { $target->{lines} }\n"
            if length $target->{lines};
        $blocks .= "    event_route to-$name { from a; when type = $name;"
            . " to $name; $route }\n";
        $locations .= "
        location = /deliver/$name {
            event_deliver $name;
            proxy_pass http://127.0.0.1:%%PORT_$port%%/$name/\$kind;
            $location
        }\n";
    }

    $self->{t}->config(<<"EOC");

%%GLOBALS%%

$o{main}

http {
    %%GLOBALS_HTTP%%

    event_store $store;
    event_set \$kind data.kind uri;
    $o{http}

    proxy_connect_timeout 2s;
    proxy_read_timeout 30s;

    event_source a {
        verify off;
        id "{json:id}";
        type "{json:type}";
        delivery $o{delivery};
        $o{source}
    }

$blocks
$o{more}

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /a      { event_receive a; }
        location = /status { event_status; }
        location /admin/   { event_admin $o{admin}; }
        $o{server}
        $locations
    }
}
EOC

    return $self;
}


# ---- events

# id and bytes of an event for a target

sub event {
    my ($self, $type, %o) = @_;

    my $id = $self->{prefix} . ++$self->{serial};

    return ($id, $json->encode({ id => $id, type => $type, kind => 'ok', %o }));
}


sub post {
    my ($self, $body, $uri) = @_;

    return $self->{t}->post($uri // '/a', $body,
        [ 'Content-Type' => 'application/json' ]);
}


# the id of an event that was accepted

sub send {
    my ($self, $type, %o) = @_;

    my ($id, $body) = $self->event($type, %o);
    my $r = $self->post($body);

    push @{ $self->{sent} }, { id => $id, time => time, type => $type,
                               kind => $o{kind} // 'ok' };

    Test::More::diag("event $id for $type was answered with $r->{status}")
        if $r->{status} != 202;

    return $r->{status} == 202 ? $id : '';
}


# n events by several connections at once, so that all workers get some: ids

sub send_many {
    my ($self, $n, $type, %o) = @_;

    my @clients = map { $self->{t}->connect } 1 .. ($n < 8 ? $n : 8);
    my @ids;

    while ($n > 0) {
        my @busy = @clients[0 .. ($n < @clients ? $n : @clients) - 1];

        for my $c (@busy) {
            my ($id, $body) = $self->event($type, %o);

            $c->send(POST => '/a',
                [ 'Content-Type' => 'application/json' ], $body);
            push @ids, $id;
        }

        for my $c (@busy) {
            my $r = $c->response;

            Test::More::diag('an event was not accepted')
                if !$r || $r->{status} != 202;
        }

        $n -= @busy;
    }

    $_->close for @clients;

    return @ids;
}


# ---- a producer beside the test

# Posts events for the target from a process of its own, without a pause but
# that of "pause", and repeats each until it is accepted, as producers do;
# load_end() returns { ids => [ ... ], answers => [ ... ] }: the answers that
# were not 202.

sub load {
    my ($self, $type, %o) = @_;

    my $prefix = $self->{prefix} . 'load' . ++$self->{loads} . '-';

    pipe my $stop, my $stopper or die "pipe: $!\n";
    pipe my $ledger, my $writer or die "pipe: $!\n";

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        close $stopper;
        close $ledger;
        $SIG{$_} = 'DEFAULT' for qw(TERM INT ALRM);
        $self->_produce($type, $prefix, $stop, $writer, $o{pause} // 0.005);
        POSIX::_exit(0);
    }

    close $stop;
    close $writer;

    $self->{load} = { pid => $pid, stop => $stopper, ledger => $ledger };

    return;
}


sub _produce {
    my ($self, $type, $prefix, $stop, $writer, $pause) = @_;

    my ($n, $text, $parent) = (0, '', getppid());

    vec(my $watch = '', fileno $stop, 1) = 1;

    while (!select(my $ready = $watch, undef, undef, $pause)) {
        my $id = $prefix . ++$n;
        my $body = $json->encode({ id => $id, type => $type, kind => 'ok' });

        while (1) {
            my $r = eval { $self->post($body) };

            last if $r && $r->{status} == 202;
            $text .= "answer " . ($r ? $r->{status} : 'none') . "\n";

            # the one before came, but its answer was lost

            last if $r && $r->{status} == 200;

            # the test died

            return if getppid() != $parent;
            sleep 0.05;
        }

        $text .= "id $id\n";
    }

    while (length $text) {
        my $sent = syswrite($writer, $text) // return;

        substr $text, 0, $sent, '';
    }
}


sub load_end {
    my ($self) = @_;

    my $load = delete $self->{load};

    close $load->{stop};

    my $text = do { local $/; my $f = $load->{ledger}; <$f> };

    waitpid $load->{pid}, 0;

    return { ids => [ $text =~ /^id (\S+)$/mg ],
        answers => [ $text =~ /^answer (\S+)$/mg ] };
}


# ---- what the target saw

sub attempts {
    my ($self, $target, $id) = @_;

    return grep { ($_->header('Webhook-Id') // '') eq $id } $target->requests;
}


# { id => number of requests }

sub seen {
    my ($self, $target, %o) = @_;

    my %seen;

    for my $r ($target->requests) {
        next if defined $o{uri} && $r->{uri} ne $o{uri};
        $seen{$r->header('Webhook-Id') // ''}++;
    }

    return \%seen;
}


# the ids of what send() has sent, in that order

sub sent {
    my ($self, $type, $kind) = @_;

    return map { $_->{id} } grep { $_->{type} eq $type && $_->{kind} eq $kind }
                            @{ $self->{sent} };
}


# and when: { id => time }

sub sent_at {
    my ($self) = @_;

    return { map { $_->{id} => $_->{time} } @{ $self->{sent} } };
}


# how long each of these waited for its first request; 9e9: there is none yet

sub waits {
    my ($self, $target, @ids) = @_;

    my %sent = %{ $self->sent_at };
    my %first;

    for my $r ($target->requests) {
        my $id = $r->header('Webhook-Id') // '';

        $first{$id} = $r->{begun}
            if !defined $first{$id} || $r->{begun} < $first{$id};
    }

    return map { defined $first{$_} ? $first{$_} - $sent{$_} : 9e9 } @ids;
}


# how many requests were at the target at once; it answered after "delay".
# An answer is never earlier than that, so this is never too much.

sub most_at_once {
    my ($self, $delay, @requests) = @_;

    my @marks = sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] }
                map { ([ $_->{begun}, 1 ], [ $_->{time} + $delay, -1 ]) }
                @requests;
    my ($now, $most) = (0, 0);

    for my $mark (@marks) {
        $now += $mark->[1];
        $most = $now if $now > $most;
    }

    return $most;
}


# ---- the administration

sub get {
    my ($self, $verb, @args) = @_;

    return $self->{t}->get('/admin/' . $verb . _query(@args));
}


sub change {
    my ($self, $verb, @args) = @_;

    return $self->{t}->post('/admin/' . $verb . _query(@args), '',
        [ 'X-Event-Admin' => 1 ]);
}


sub _query {
    my @pairs;

    while (my ($name, $value) = splice @_, 0, 2) {
        push @pairs, "$name=$value";
    }

    return @pairs ? '?' . join '&', @pairs : '';
}


sub list {
    my ($self, $verb, @args) = @_;

    my $r = $self->get($verb, @args);
    my $list = $r->{status} == 200 ? $r->json : undef;

    if (!$list) {
        Test::More::diag("the list of $verb was answered with $r->{status}: "
            . ($r->{body} // ''));
        return;
    }

    return @{ $list->{entries} };
}


sub dead    { my ($self, @args) = @_; return $self->list(dead => @args) }
sub pending { my ($self, @args) = @_; return $self->list(pending => @args) }


# waits until there are n dead letters and returns them

sub wait_dead {
    my ($self, $n, $seconds, @args) = @_;

    my @dead;

    wait_until($seconds, sub { (@dead = $self->dead(@args)) >= $n });

    return @dead;
}


# true when nothing is pending

sub wait_drained {
    my ($self, $seconds, @args) = @_;

    return wait_until($seconds, sub { !$self->pending(@args) });
}


1;
