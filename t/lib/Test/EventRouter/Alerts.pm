package Test::EventRouter::Alerts;

# Copyright (C) Event Router contributors

# What the tests of alerts share: the alerts that a target got.
#
#     my $a = Test::EventRouter::Alerts->new($slack);
#
#     my $r = $a->wait('router.target.dead', 'begin');   # the request, or undef
#     $a->data($r)->{count};
#     $a->count('router.target.dead', 'repeat');
#     $a->forget;

use warnings;
use strict;

use Test::EventRouter::Port qw(wait_until);


sub new {
    my ($class, $target) = @_;

    return bless { target => $target }, $class;
}


# requests of that type, and of that state and subject if they are named; one
# that was sent twice counts once

sub all {
    my ($self, $type, $state, $subject) = @_;

    my %seen;

    return grep {
        ($_->header('ce-type') // '') eq $type
        && (!defined $state || ($_->json // {})->{state} eq $state)
        && (!defined $subject || $_->header('ce-subject') eq $subject)
        && !$seen{$_->header('Webhook-Id')}++
    } $self->{target}->requests;
}


sub count { my ($self, @what) = @_; return scalar(() = $self->all(@what)) }


sub wait {
    my ($self, $type, $state, $subject, $seconds) = @_;

    my $r;

    wait_until($seconds // 8,
        sub { ($r) = reverse $self->all($type, $state, $subject); $r });

    return $r;
}


sub data { return $_[1] ? $_[1]->json : {} }


sub forget { $_[0]{target}->forget }


# "type state subject" of all, in their order

sub list {
    my ($self) = @_;

    my %seen;

    return map { join ' ', $_->header('ce-type') // '-', $_->json->{state},
                           $_->header('ce-subject') // '-' }
           grep { !$seen{$_->header('Webhook-Id')}++ }
           $self->{target}->requests;
}


1;
