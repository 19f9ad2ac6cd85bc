package Test::EventRouter::OAuth2;

# Copyright (C) Event Router contributors

# A recording target (Target.pm) that wants a token, and the endpoint that
# issues it.  In one process, so it knows which tokens are good.
#
#     my $idp = Test::EventRouter::OAuth2->new(port => $t->port(8082));
#     $t->own($idp);
#     $idp->set(expires_in => 2, ttl => 2, delay => 0.3);
#     $idp->revoke;                 # all tokens that were issued so far
#     $idp->issued;                 # how many, in all
#     $idp->tokens;                 # themselves
#
# POST /token issues one; every other path answers 401 ("refused" of the
# request) unless it has a good one, and then what Target.pm says.  answer() for
# "/token" is said instead of a token, until it is empty.  Of set():
#     expires_in   what is said, as it stands in the JSON; undef: nothing
#     ttl          seconds that a token is really good
#     delay        seconds before a token is issued
#     bad          so many tokens, the next ones, are good for nothing
#     type         "Bearer"
#     more         members of the answer, as JSON behind a comma
#     length       bytes of a token, at least
# answer() knows two more words: echo, a body that is the header Authorization,
# and repeat, an error whose description is that header and the body.

use warnings;
use strict;

use parent -norequire, 'Test::EventRouter::Target';

use Test::EventRouter::Target;


sub server { 'Test::EventRouter::OAuth2::Server' }


sub set {
    my ($self, %o) = @_;

    @{ $self->{set} }{keys %o} = values %o;
    $self->_ask(set => %o);
}


sub start {
    my ($self) = @_;

    $self->SUPER::start;
    $self->_ask(set => %{ $self->{set} }) if $self->{set};

    return $self;
}


sub revoke { $_[0]->_ask('revoke') }
sub issued { scalar @{ $_[0]->_ask('tokens') } }
sub tokens { @{ $_[0]->_ask('tokens') } }


package Test::EventRouter::OAuth2::Server;

use warnings;
use strict;

use parent -norequire, 'Test::EventRouter::Target::Server';

use JSON::PP ();
use Time::HiRes qw(time);


sub new {
    my ($class, @args) = @_;

    my $self = $class->SUPER::new(@args);

    $self->{set} = { expires_in => 3600, ttl => 3600, type => 'Bearer' };
    $self->{good} = {};
    $self->{tokens} = [];

    return $self;
}


sub command {
    my ($self, $command, @arguments) = @_;

    if ($command eq 'set') {
        my %o = @arguments;
        @{ $self->{set} }{keys %o} = values %o;

    } elsif ($command eq 'revoke') {
        $self->{good} = {};

    } elsif ($command eq 'tokens') {
        return $self->{tokens};
    }

    return 1;
}


sub _begin {
    my ($self, $c) = @_;

    my $r = $c->{request};

    if ($r->{uri} eq '/token') {
        $c->{what} = $self->_token if !%{ $c->{what} };

    } elsif (!$self->_good($r)) {
        $r->{refused} = 1;
        $c->{what} = { status => 401, body => 'bad token',
            delay => $c->{what}{delay} };
    }

    $c->{what} = { %{ $c->{what} },
        body => JSON::PP->new->encode([ map { @$_ } grep {
            lc $_->[0] eq 'authorization' } @{ $r->{headers} } ]) }
        if $c->{what}{echo};

    $c->{what} = { %{ $c->{what} },
        body => JSON::PP->new->encode({ error => 'repeated',
            error_description => join ' ', (map { $_->[1] } grep {
                lc $_->[0] eq 'authorization' } @{ $r->{headers} }),
                $r->{body} =~ s/.*&assertion=//r }) }
        if $c->{what}{repeat};

    $self->SUPER::_begin($c);
}


sub _token {
    my ($self) = @_;

    my $o = $self->{set};
    my $token = sprintf 'canary-token-%d-%08x', scalar @{ $self->{tokens} },
                        int rand 2 ** 32;

    $token .= 'x' x (($o->{length} // 0) - length $token)
        if ($o->{length} // 0) > length $token;

    push @{ $self->{tokens} }, $token;

    if ($o->{bad}) {
        $o->{bad}--;

    } else {
        $self->{good}{$token} = time + $o->{ttl};
    }

    return { delay => $o->{delay}, headers => [ 'Content-Type',
                 'application/json;charset=UTF-8', 'Cache-Control',
                 'no-store' ],
        body => qq({"access_token":"$token","token_type":"$o->{type}")
                . (defined $o->{expires_in}
                   ? qq(,"expires_in":$o->{expires_in}) : '')
                . ($o->{more} // '') . '}' };
}


sub _good {
    my ($self, $r) = @_;

    my @given = map { $_->[1] } grep { lc $_->[0] eq 'authorization' }
                @{ $r->{headers} };

    return 0 if @given != 1 || $given[0] !~ /^Bearer (\S+)$/;

    return ($self->{good}{$1} // 0) > time;
}

1;
