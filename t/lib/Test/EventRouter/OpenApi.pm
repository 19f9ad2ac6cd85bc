package Test::EventRouter::OpenApi;

# Copyright (C) Event Router contributors

# What the API says of itself (v1/openapi.json), and whether an answer is that.
#
#     my $api = Test::EventRouter::OpenApi->new($t, '/admin/v1');
#
#     is_deeply([ $api->wrong(GET => '/dead', $t->get('/admin/v1/dead')) ], [],
#         'as the description says');
#
# An answer may have no member that its schema does not name: the description
# would be short of something.

use warnings;
use strict;

use JSON::PP ();

my %format = (
    'date-time' => qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z\z/,
);


sub new {
    my ($class, $t, $at, @headers) = @_;

    my $r = $t->get("$at/openapi.json", [ @headers ]);

    die "openapi.json: $r->{status}\n" if $r->{status} != 200;

    return bless { t => $t, at => $at, text => $r->{body},
        doc => JSON::PP->new->utf8->decode($r->{body}) }, $class;
}


sub doc { $_[0]{doc} }
sub text { $_[0]{text} }


# [ method, path, operation ], in the order of the document's paths by name

sub operations {
    my ($self) = @_;

    my $paths = $self->{doc}{paths};

    return map { my $path = $_;
                 map { [ uc, $path, $paths->{$path}{$_} ] }
                     sort keys %{ $paths->{$path} } } sort keys %$paths;
}


# sentences: what is wrong with an answer to this operation

sub wrong {
    my ($self, $method, $path, $r) = @_;

    my $operation = $self->{doc}{paths}{$path}{lc $method}
        or return "there is no $method $path";
    my $response = $operation->{responses}{ $r->{status} }
                   // $operation->{responses}{default}
        or return "status $r->{status}";
    my ($type) = ($r->header('Content-Type') // '') =~ /^([^;]+)/;
    my $content = $response->{content}{ $type // '' }
        or return "content type " . ($type // 'none');

    my @texts = $type =~ /ndjson/ ? split(/\n/, $r->{body}) : $r->{body};

    return map { my $value = eval { JSON::PP->new->utf8->decode($_) };
                 defined $value ? $self->_check($content->{schema}, $value, '')
                                : "no JSON: $_" } @texts;
}


sub _check {
    my ($self, $schema, $value, $at) = @_;

    if (my $ref = $schema->{'$ref'}) {
        my ($name) = $ref =~ m{^#/components/schemas/(\w+)$}
            or return "$at: reference $ref";

        $schema = $self->{doc}{components}{schemas}{$name}
            or return "$at: there is no schema $name";
    }

    my $type = $schema->{type} // return ();
    my $is = JSON::PP::is_bool($value) ? 'boolean'
             : ref $value eq 'HASH' ? 'object'
             : ref $value eq 'ARRAY' ? 'array'
             : !defined $value ? 'null'
             : JSON::PP->new->allow_nonref->encode($value) =~ /^"/ ? 'string'
             : $value =~ /^-?\d+\z/ ? 'integer' : 'number';

    ($type) = (grep({ $_ eq $is } @$type), $type->[0]) if ref $type;

    return "$at is $is, not $type" if $is ne $type;
    return $self->_object($schema, $value, $at) if $type eq 'object';
    return map { $self->_check($schema->{items}, $value->[$_], "$at\[$_]") }
               0 .. $#$value
        if $type eq 'array';

    return "$at: \"$value\" is none of its words"
        if $schema->{enum} && !grep { $_ eq $value } @{ $schema->{enum} };
    return "$at: \"$value\" is not like $schema->{pattern}"
        if $schema->{pattern} && $value !~ /$schema->{pattern}/;
    return "$at: \"$value\" is no $schema->{format}"
        if $schema->{format} && $value !~ $format{ $schema->{format} };
    return "$at: $value is out of range"
        if defined $schema->{minimum} && $value < $schema->{minimum}
           || defined $schema->{maximum} && $value > $schema->{maximum};

    return;
}


# a schema without properties is an object of any kind

sub _object {
    my ($self, $schema, $value, $at) = @_;

    my ($properties, $more) = @$schema{qw(properties additionalProperties)};

    return () if !$properties && !$more;

    return ((map { exists $value->{$_} ? () : "$at.$_ is not there" }
                 @{ $schema->{required} // [] }),
        map { my $s = $properties->{$_} // $more;
              $s ? $self->_check($s, $value->{$_}, "$at.$_")
                 : "$at.$_ is not described" } sort keys %$value);
}


1;
