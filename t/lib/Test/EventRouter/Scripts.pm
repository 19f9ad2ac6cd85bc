package Test::EventRouter::Scripts;

# Copyright (C) Event Router contributors

# The scripts of the queue and of the dedup keys, run in a real Redis: their
# arguments in, their answers as hashes out.  They come from their files as the
# module composes them.
#
#     my $t = scripts();                   # a Redis, which is $redis
#
#     my $r = accept_event(key => 'k', parts => [ { target => $A } ]);
#     my $l = lease($A, fresh => 9);
#     fenced(settle => $H1, $l->{token}, $r->{seq}, $A);
#
# $shard, $layout ("FORMAT SHARDS") and $told (there is history) may be set;
# $H1, $H2 and $H3 are
# holders, $A, $B and $C targets, $SOURCE is the source of each event, $past an
# attempt.

use warnings;
use strict;

no warnings 'portable';

use Exporter qw(import);
use Test::EventRouter ();

our ($redis, %script);
our ($shard, $layout, $told) = (0, '1 1', 0);
our ($H1, $H2, $H3) = map { hex16($_) } 0xa1, 0xa2, 0xa3;
our ($A, $B, $C) = map { hex16($_) } 0x1001, 0x1002, 0x1003;
our $SOURCE = hex16(0x5001);
our $past = pack 'Q>L>S>', 1234, 56, 503;

our @EXPORT = qw($redis %script $shard $layout $told $H1 $H2 $H3 $A $B $C $SOURCE
    $past scripts accept_raw accept_event accept_events lease fenced ended
    dead_letter scan_args
    list replay purge hasten move held hold sweep run packed record lookup key
    pad hex16);

my $token = 0;
my $state = 0x7000;
my $nonce = 0;

my @entry = qw(target seq epoch attempts crashes accepted due token order
    guard past name routes reason died status answer record calls);


sub scripts {
    my $t = Test::EventRouter->new;
    my $lua = $t->root . '/ngx_event_router_module/store/redis';

    %script = map { m{/(?:queue_)?(\w+)\.lua$}
                    => scalar qx(awk -v text=1 -f $lua/embed.awk $_) }
              glob "$lua/*.lua";

    $redis = $t->redis(6379);

    return $t;
}


# ---- the operations

# one event as an item, and its record

sub item {
    my ($o) = @_;

    my $parts = join '', map {
        $_->{target} . ($_->{order} // hex16(0))
        . pack('Q>C(n/a*)2(C/a*)', $_->{delay} // 0, $_->{lease} ? 1 : 0,
               $_->{name} // 'n', $_->{routes} // '', $_->{version} // '')
    } @{ $o->{parts} };

    $o->{token} //= hex16(++$token);
    $o->{nonce} = hex16(++$nonce) if !$o->{same};

    my $form = pack('Q>3Ca*', $o->{window} // 3600000, $o->{retain} // 0,
        10000, 0, $o->{source} // $SOURCE) . $parts;

    return (join('', @$o{qw(token nonce)}, $o->{sealed} // hex16(0),
                 $o->{body} // hex16(0))
        . pack('CC/a*N/a*', $o->{known} // 0,
               defined $o->{key} ? unpack 'H*', pad($o->{key}) : '', $form)
        . ($told ? pack 'N/a*', $o->{tells} // '' : ''),
        $o->{record} // '');
}


# any number of events in one command: what was asked, and what is returned

sub accept_raw {
    my @events = ref $_[0] ? @_ : { @_ };
    my @items = map { [ item($_) ] } @events;
    my ($format, $shards) = split ' ', $layout;

    return ($events[0], run('accept', $H1, $shards, $shard,
        $events[0]{seen} // 0, $events[0]{wait} // 0,
        join('', map { $_->[0] } @items), map { $_->[1] } @items));
}


sub accept_event {
    my ($o, $r) = accept_raw(@_);

    return { args => $o, code => $r->[0], now => $r->[1] } if @$r < 3;

    return { args => $o, now => $r->[1], token => $o->{token},
             over => $r->[3] // '', answer($r->[2]) };
}


# the events of one command

sub accept_events {
    my (@events) = @_;
    my (undef, $r) = accept_raw(@events);

    return map { { token => $events[$_]{token}, answer($r->[$_ + 2]) } }
           0 .. $#events;
}


sub answer {
    my ($text) = @_;

    return (code => 'error', error => $$text) if ref $text;

    my ($code, $seq, $leased) = unpack 'aa16a*', $text;
    my ($differs, $rest) = unpack 'aa*', $leased;
    my @again;

    while ($code == 2 && $rest ne '') {
        my ($target, $n) = unpack 'a16a4', $rest;

        push @again, $target, substr substr($rest, 0, 20 + hex $n, ''), 20;
    }

    return (code => $code, seq => $seq, leased => $leased,
            differs => $differs, again => join ' ', @again);
}


sub lease {
    my ($target, %o) = @_;

    my $tok = $o{token} // hex16(++$token);
    my $r = run('lease', $o{holder} // $H1, $tok, $target, $o{fresh} // 0,
        $o{again} // 0, $o{bytes} // 1_000_000, $o{lease} // 10000,
        $o{given} // 0, $o{seen} // 0, $o{wait} // 0, $o{pick} // 0,
        $o{reach} // 0);

    return { code => $r->[0], token => $tok, now => $r->[1], fresh => $r->[2],
             again => $r->[3], over => (@$r - 4) % @entry == 1 ? pop @$r : '',
             entries => $r->[0] == 1 ? entries($r, 4) : [] };
}


# an operation on one entry, which is an item of SETTLE and RETRY

sub fenced {
    my ($name, @args) = @_;

    push @args, 0 if $name eq 'bury' && @args == 9;
    splice @args, 10, 0, '' if $name eq 'bury';
    push @args, '', 0 if $name eq 'extend' && @args == 5;
    push @args, '' if $name eq 'bury' && $told && @args == 11
                      || $name eq 'extend' && $told && @args == 7;

    return run($name, @args)->[0] if $name !~ /^(?:settle|retry)$/;

    my ($holder, @rest) = @args;
    my $letters = ended($name, $holder, \@rest)->[2];

    return $letters eq '-' ? -1 : $letters;
}


# SETTLE or RETRY of any number of entries; the delay of SETTLE is 1 if it is
# filtered

sub ended {
    my ($name, $holder, @items) = @_;

    return run($name, $holder, join '', map {
        my ($token, $event, $target, $delay, $past, $doubt, $tells, $calls)
            = @$_;

        $token . $event . $target
        . ($name eq 'settle' ? pack 'C', $delay // 0
           : defined $delay ? pack 'Q>CC/a*n/a*', $delay, $doubt // 0, $past,
                                  $calls // '' : '')
        . ($told ? pack 'n/a*', $tells // '' : '')
    } @items);
}


sub dead_letter {
    my ($target, $record, %o) = @_;

    my $r = accept_event(record => $record, parts => [
        { target => $target, routes => $o{routes} } ]);
    my $l = lease($target, fresh => 1);
    my $code = fenced(bury => $H1, $l->{token}, $r->{seq}, $target,
        pack('Q>L>S>', 1, 2, $o{status} // 500), 2, $o{status} // 500,
        $o{answer} // '', $o{keep} // 60000);

    return { seq => $r->{seq}, token => $l->{token}, code => $code };
}


sub scan_args {
    my (%o) = @_;

    my $after = $o{after} // [ hex16(0), hex16(0) ];

    return (hex16($o{command} // 0), $o{limit} // 100, $o{target} // '',
        $o{seq} // '', $o{from} // 0, $o{to_time} // 0, $o{route} // '',
        @$after, $o{budget} // 2000, $o{source} // '', $o{reasons} // 0,
        $o{status} // 0, $o{attempts} // 0, $o{dry} // 0);
}


# what a script that changes many entries says

sub changed {
    my ($r) = @_;

    my %r = (more => $r->[2], after => [ @$r[3, 4] ]);

    @r{qw(done stale left doubtful there oldest newest over)} = @$r[5 .. 12];
    $r{over} //= '';

    return \%r;
}


sub list {
    my (%o) = @_;

    $o{to_time} = delete $o{to};

    my $r = run('list', scan_args(%o), $o{dead} // 0, $o{records} // 0,
        $o{bytes} // 1_000_000);

    return { more => $r->[2], after => [ @$r[3, 4] ],
             entries => entries($r, 5) };
}


sub replay {
    my (%o) = @_;

    return changed(run('replay', scan_args(%o), $o{to} // '', $o{name} // '',
        '', '', 0, $o{archive} // 0));
}


sub purge {
    my (%o) = @_;

    return changed(run('purge', scan_args(%o), $o{waiting} // 0));
}


sub hasten { return changed(run('hasten', scan_args(@_))) }


sub move {
    my (%o) = @_;

    return changed(run('move', scan_args(%o), $o{to}, $o{name} // 'moved', '',
        '', 0, 0));
}


# which targets are held, after one was or was not

sub held {
    my (undef, undef, @list) = @{ run('pause', @_) };

    return \@list;
}


# a source is paused (1) or resumed (0), or none: it is asked; what is said of
# each, by its hash

sub hold {
    my ($source, $state, %o) = @_;

    my (undef, $now, $more, @rest) = @{ run('hold', $source // '', $state // 0,
        $o{name} // 'shop', $o{by} // 'ann', $o{batch} // 200, $o{told} // '',
        $o{node} // hex16(0xb1), $o{generation} // 0,
        join('', @{ $o{sources} // [] })) };
    my %held;

    while (my ($id, @row) = splice @rest, 0, 6) {
        @{ $held{$id} }{qw(act state entries name by)} = @row;
    }

    return { now => $now, more => $more, held => \%held };
}


our @ledger = qw(accepted replayed delivered buried filtered stale coalesced
                 purged moved dead_replayed dead_purged dead_aged);


sub sweep {
    my (%o) = @_;

    my $r = run('sweep', $o{holder} // $H1, $o{gap} // 15000,
        $o{generation} // 0, $o{keep} // 60000, join('', @{ $o{known} // [] }),
        200, $o{node} // $H1, $o{silent} // 600000, $o{state} // hex16(0),
        $o{at} // 0, $o{had} // 0, $o{told} // 0, $o{new} // hex16(++$state),
        $told ? ($o{history} // '86400000 1000000') : ());

    my (undef, $now, $more, $adopted, $used, $size, $nodes, $removed,
        $name, $there, $acked, $lost, $evicts, @rest) = @$r;
    my @counts;

    while (my @row = splice @rest, 0, 19) {
        my %c;

        @c{qw(target pending dead oldest fresh again name), @ledger} = @row;
        push @counts, \%c;
    }

    return { now => $now, more => $more, adopted => $adopted, used => $used,
             size => $size, nodes => $nodes, removed => $removed,
             counts => \@counts, state => $name, there => $there,
             acked => $acked, lost => $lost, evicts => $evicts };
}


# a record as ACCEPT brings it: hashes, numbers of 64 bits, and chunks

sub record {
    my ($hashes, $chunks) = @_;

    return pack 'CQ>*', scalar @$hashes, @$hashes
        if !defined $chunks;

    return pack('CQ>*', scalar @$hashes, @$hashes) . pack 'N/a*', $chunks;
}


# numbers of events, and their records

sub lookup {
    my (%o) = @_;

    my $r = run('history', $o{event} // '',
        pack('Q>*', @{ $o{hashes} // [] }), $o{before} // 'f' x 16,
        $o{first} // hex16(0), $o{limit} // 100, $o{bytes} // 1_000_000);
    my @rest = @$r[3 .. $#$r];

    return { more => $r->[2], record => { @rest },
             events => [ map { $rest[2 * $_] } 0 .. @rest / 2 - 1 ] };
}


sub run {
    my ($name, @args) = @_;

    return $redis->command(EVAL => $script{$name}, $told ? 2 : 1, key('m'),
        $told ? key('L') : (), $layout, @args);
}


sub entries {
    my ($r, $from) = @_;

    my @rest = @$r[$from .. $#$r];
    my @list;

    while (my @row = splice @rest, 0, scalar @entry) {
        my %e;

        @e{@entry} = @row;
        push @list, \%e;
    }

    return \@list;
}


# an array of numbers and texts as cmsgpack packs it

sub packed {
    my (@row) = @_;

    my $array = @row < 16 ? pack 'C', 0x90 + @row : pack 'Cn', 0xdc, scalar @row;

    return $array . join '', map {
        my $n = length;

        /^(?:0|[1-9]\d{0,12})\z/
            ? $_ < 128 ? pack 'C', $_
            : $_ < 256 ? pack 'CC', 0xcc, $_
            : $_ < 65536 ? pack 'Cn', 0xcd, $_
            : pack 'CQ>', 0xcf, $_
        : $n < 32 ? pack 'Ca*', 0xa0 + $n, $_
        : $n < 256 ? pack 'CCa*', 0xd9, $n, $_ : die
    } @row;
}


sub key { "er:{q$shard}:$_[0]" }

sub pad { substr $_[0] . "\0" x 32, 0, 32 }

sub hex16 { sprintf '%016x', $_[0] }


1;
