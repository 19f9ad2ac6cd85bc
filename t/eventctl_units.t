#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The parts of contrib/eventctl by themselves: the language of its filters,
# texts and numbers for people, tables, and answers of HTTP that come in pieces
# of any size.

use warnings;
use strict;
use utf8;

use FindBin;
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);
use Test::More;

require "$FindBin::Bin/../contrib/eventctl";

binmode $_, ':encoding(UTF-8)' for map { Test::More->builder->$_ }
    qw(output failure_output todo_output);

filters();
texts();
words();
tables();
answers();
addresses();
pages();
moments();

done_testing();


# what a function dies of: { exit, text }, or undef

sub fault {
    my ($code) = @_;

    return eval { $code->(); 1 } ? undef : ref $@ ? $@ : { text => $@ };
}


sub filters {
    my $line = { kind => 'attempt', target => 'erp', status => 503, ms => 1500,
        id => '007', type => 'orders/paid', time => '2026-01-01T12:00:00.000Z',
        routes => [ 'one', 'two' ], who => { token => 'ops' } };

    for my $yes ('', 'status=503', 'status>=500', 'status>99', 'ms<10000',
                 'ms<=1500', 'status!=200', 'type~^orders/', 'type~"PAID|paid"',
                 'target=erp status>=500', 'target = erp   status >= 500',
                 "type='orders/paid'", 'type="orders\\/paid"', 'id=007',
                 'time>2026-01-01T11', 'routes=two', 'routes~^o',
                 'who.token=ops')
    {
        ok(EventCtl::Filter->new($yes)->passes($line), "passes: $yes");
    }

    for my $no ('status=50', 'status>503', 'status<99', 'ms<200', 'id=7',
                'type~^paid', 'target=erp status<500', 'subject=x',
                'subject!=x', 'subject~.', 'routes=three', 'routes!=two',
                'who.user=ops', 'time<2026-01-01T11', 'who=ops')
    {
        ok(!EventCtl::Filter->new($no)->passes($line), "does not: $no");
    }

    for my $wrong ('status', '=x', 'status>', 'status>>5', 'x y', 'type="x',
                   'a b=c', 'status=5 and ms=3', 'stat us=5', "status=5\n;")
    {
        my $fault = fault(sub { EventCtl::Filter->new($wrong) });

        is($fault->{exit}, 2, 'cannot be read: ' . $wrong =~ s/\n/ /r);
        unlike($fault->{text} // '', qr/[\x00-\x1f]/, 'which is told safely');
    }

    my $filter = EventCtl::Filter->new(
        'target=erp target=crm kind=attempt type~x source!=a');

    is_deeply({ $filter->arguments }, { target => 'erp', kind => 'attempt' },
        'what nginx narrows');
    ok(!$filter->passes({ %$line, type => 'x', source => 'b' }),
        'the second target is ours');

    $filter = EventCtl::Filter->new('target=crm');
    $filter->arguments;
    ok($filter->passes({ kind => 'act', noun => 'crm' }),
        'an act on the target has no target');

    is(fault(sub { EventCtl::Filter->new('stat=1') })->{exit}, 2,
        'an unknown member');
    ok(EventCtl::Filter->new('newer=1', sub { 'newer' }),
        'that this nginx knows');
}


sub texts {
    my %safe = ("a\x{e4}\x{6f22}\x{1f600}" => "a\x{e4}\x{6f22}\x{1f600}",
        "\e[2J" => '\x1b[2J', "\x{9b}1m" => '\x9b1m', "a\nb\r\tc" =>
        'a\x0ab\x0d\x09c', "\x{202e}x" => '\x{202e}x', "\x{200b}" =>
        '\x{200b}', "\x{feff}" => '\x{feff}', "\x{2028}" => '\x{2028}',
        "\x7f\x00" => '\x7f\x00', "\x{e0041}" => '\x{e0041}');

    is(EventCtl::Text::safe($_), $safe{$_}, "safe: $safe{$_}")
        for sort keys %safe;
    is(EventCtl::Text::safe(undef), '', 'nothing');

    is(EventCtl::Text::width("\x{6f22}\x{5b57}"), 4, 'wide characters');
    is(EventCtl::Text::width("e\x{301}"), 1, 'an accent of its own');

    for my $case ([ 'abcdef', 6 => 'abcdef' ], [ 'abcdef', 5 => 'abcd~' ],
                  [ 'abcdef', 1 => '~' ], [ 'abcdef', 0 => '' ],
                  [ "\x{6f22}\x{5b57}x", 4 => "\x{6f22}~" ],
                  [ "\x{6f22}\x{5b57}", 4 => "\x{6f22}\x{5b57}" ])
    {
        my ($text, $columns, $want) = @$case;

        is(EventCtl::Text::cut($text, $columns), $want,
            "cut at $columns: $want");
    }

    my %count = (0 => '0', 999 => '999', 1000 => '1,000',
                 1234567 => '1,234,567', -1234 => '-1,234', 'x' => 'x');

    is(EventCtl::Text::count($_), $count{$_}, "count $_")
        for sort keys %count;

    my %limit = (72_000 => '20/s', 3_600_000 => '1,000/s', 90 * 60 => '90/min',
                 3601 => '3,601/h', 1 => '1/h');

    is(EventCtl::Text::limit($_), $limit{$_}, "a limit of $_ an hour")
        for sort keys %limit;

    my %bytes = (0 => '0 B', 1023 => '1023 B', 1024 => '1.0 KB',
                 10240 => '10 KB', 16777216 => '16 MB', 5e12 => '4.5 TB');

    is(EventCtl::Text::bytes($_), $bytes{$_}, "bytes $_")
        for sort keys %bytes;

    my %ms = (0 => '0 ms', 8 => '8 ms', 2.5 => '2.5 ms', 999 => '999 ms',
              1000 => '1.0 s', 59999 => '60.0 s', 60000 => '60 s',
              7200000 => '2 h');

    is(EventCtl::Text::ms($_), $ms{$_}, "ms $_") for sort keys %ms;

    is(EventCtl::Text::epoch('1970-01-02T00:00:01.500Z'), 86401.5, 'a time');
    is(EventCtl::Text::epoch($_), undef, 'no time: ' . ($_ // 'undef'))
        for undef, '', '1970-01-02', '1970-13-02T00:00:00Z', 'x';
    is(EventCtl::Text::when('2026-01-01T00:00:00.100Z', utc => 1, fine => 1),
        '2026-01-01 00:00:00.100Z', 'in UTC');
    is(EventCtl::Text::when("\e"), '\x1b', 'what is none is safe');
}


sub words {
    my @words = qw(status sources pause purge purge-quarantine dead drain);
    my %near = (stauts => 'status', staus => 'status', pase => 'pause',
        purge_quarantine => 'purge-quarantine', daed => 'dead', dea => 'dead',
        drian => 'drain', sourcs => 'sources', sta => 'status');

    is(EventCtl::Text::nearest($_, @words), $near{$_}, "$_ is near")
        for sort keys %near;
    is(EventCtl::Text::nearest($_, @words), undef, "$_ is not")
        for 'xyz', 'q', 'subscribe';
    is(EventCtl::Text::nearest('x'), undef, 'to nothing');
}


# a table in so many columns

sub table {
    my ($columns, $of, @rows) = @_;

    no warnings 'once';
    my $io = bless { out => 1, utf8 => 1 }, 'EventCtl::Test';

    @EventCtl::Test::ISA = ('EventCtl::Term');

    no warnings 'redefine';
    local *EventCtl::Test::columns = sub { $columns };

    return [ map { s/ +\z//r } EventCtl::Table::lines($io, $of, \@rows) ];
}


sub tables {
    my $of = [ { head => 'name', flex => 4 },
               { head => 'n', right => 1, drop => 1 },
               { head => 'text', flex => 4, drop => 2 } ];
    my @rows = ([ 'short', 1, 'a longer text' ],
                [ 'a-long-name', [ 22, 'bad' ], 'x' ]);

    is_deeply(table(0, $of, @rows),
        [ 'NAME          N  TEXT', 'short         1  a longer text',
          'a-long-name  22  x' ], 'as wide as it is');
    is_deeply(table(22, $of, @rows),
        [ 'NAME       N  TEXT', 'short      1  a longe~',
          'a-long-~  22  x' ], 'cut');
    is_deeply(table(12, $of, @rows),
        [ 'NAME       N', 'short      1', 'a-long-~  22' ],
        'what has no room goes');
    is_deeply(table(6, $of, @rows), [ 'NAME', 'short', 'a-lon~' ],
        'and more of it');
    is_deeply(table(2, $of, @rows), [ 'N~', 's~', 'a~' ], 'to two columns');
    is_deeply(table(80, [ @$of, { head => 'none', drop => 9 } ], @rows)->[0],
        'NAME          N  TEXT', 'an empty column is left out');
    is_deeply(table(80, [ { head => 'x' } ], [ "a\nb\e" ]),
        [ 'X', 'a\x0ab\x1b' ], 'cells are safe');
}


# what comes of an answer that is sent in pieces of this size

sub answer {
    my ($text, $size) = @_;

    socketpair my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or die "socketpair: $!\n";

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        close $ours;
        local $SIG{PIPE} = 'DEFAULT';

        while (length $text) {
            syswrite $theirs, substr $text, 0, $size, '';
            select undef, undef, undef, 0.0005 if $size < 10;
        }

        POSIX::_exit(0);
    }

    close $theirs;

    my $got = eval {
        my $answer = EventCtl::Answer->new($ours, 'x')->read_head(5);

        { status => $answer->status, body => $answer->body(5) };
    } // { exit => ref $@ ? $@->{exit} : $@ };

    close $ours;
    waitpid $pid, 0;

    return $got;
}


sub answers {
    my $ok = "HTTP/1.1 200 OK\r\n";
    my $body = join '', map { chr } 0 .. 255;
    my $chunks = "Transfer-Encoding: chunked\r\n\r\n"
                 . "5\r\nhello\r\n0A;x=y\r\n, you all\n\r\n0\r\nT: x\r\n\r\n";

    for my $size (1, 2, 3, 7, 1000) {
        is_deeply(answer("${ok}Content-Length: 256\r\n\r\n${body}more", $size),
            { status => 200, body => $body }, "a length, in pieces of $size");
        is_deeply(answer("HTTP/1.1 100 Continue\r\n\r\n$ok$chunks", $size),
            { status => 200, body => "hello, you all\n" }, 'chunks');
        is_deeply(answer("HTTP/1.0 404 No\r\nA: b\r\n\r\n$body", $size),
            { status => 404, body => $body }, 'to its end');
    }

    is_deeply(answer("HTTP/1.1 200\nContent-Length: 1\n\nx", 100),
        { status => 200, body => 'x' }, 'line ends without CR');
    is_deeply(answer("${ok}Content-Length: 0\r\n\r\n", 100),
        { status => 200, body => '' }, 'no body');

    my %wrong = ('no HTTP' => "SSH-2.0-x\r\n\r\n", 'nothing' => '',
        'half a head' => "${ok}Content-Le",
        'half a body' => "${ok}Content-Length: 9\r\n\r\nx",
        'half a chunk' => "${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        'chunks without an end' =>
            "${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        'no chunk' => "${ok}Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        'a chunk without a line' =>
            "${ok}Transfer-Encoding: chunked\r\n\r\n" . '1' x 2000,
        'a head without an end' => $ok . "A: b\r\n" x 20_000,
        'a head of many lines' => $ok . "A: b\r\n" x 201 . "\r\n",
        'heads without an end' => "HTTP/1.1 100 Continue\r\n\r\n" x 21
            . "$ok\r\n",
        'a trailer without an end' =>
            "${ok}Transfer-Encoding: chunked\r\n\r\n0\r\n"
            . "A: b\r\n" x 201 . "\r\n");

    is_deeply(answer($wrong{$_}, 4096), { exit => 4 }, $_)
        for sort keys %wrong;

    trickles();
}


# each line comes soon behind the one before, and there is always one more

sub trickles {
    socketpair my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or die "socketpair: $!\n";

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        close $ours;
        local $SIG{PIPE} = 'DEFAULT';
        syswrite $theirs, "HTTP/1.1 200 OK\r\n";

        for (1 .. 100) {
            select undef, undef, undef, 0.1;
            syswrite $theirs, "A: b\r\n";
        }

        POSIX::_exit(0);
    }

    close $theirs;

    my $began = time;
    my $fault = fault(sub {
        EventCtl::Answer->new($ours, 'x')->read_head(1);
    });

    is($fault->{exit}, 4, 'a head that trickles');
    like($fault->{text}, qr/head .* does not end/, 'is told');
    cmp_ok(time - $began, '<=', 6, 'and has an end');

    close $ours;
    kill 'TERM', $pid;
    waitpid $pid, 0;
}


sub addresses {
    my %base = ('http://h/x' => 'h 80 /x/', 'http://h:81/x/v1/' => 'h 81 /x/',
        'https://h' => 'h 443 /', 'http://[::1]:8/a' => '[::1] 8 /a/',
        'unix:/run/s' => '/run/s 80 /', 'unix:/run/s:/a/b/' =>
        '/run/s 80 /a/b/');

    for my $url (sort keys %base) {
        my $http = EventCtl::Http->new(url => $url);

        is("@$http{qw(host port base)}", $base{$url}, $url);
    }

    for my $port (0, 65_536, 73_616, 99_999) {
        is(fault(sub { EventCtl::Http->new(url => "http://h:$port/") })
            ->{exit}, 2, "no port $port");
    }

    is(EventCtl::Http->new(url => 'http://h:65535/')->{port}, 65_535,
        'the last one');

    my %exposed = ('http://127.0.0.1/' => '', 'http://localhost/' => '',
        'http://[::1]/' => '', 'https://h/' => '', 'unix:/s:/' => '',
        'http://h/' => 1, 'http://127.example.com/' => 1);

    is(EventCtl::Http->new(url => $_, token => 'x')->exposed, $exposed{$_},
        "a token for $_") for sort keys %exposed;
    ok(!EventCtl::Http->new(url => 'http://h/')->exposed, 'none');
}


# pages of a list, of a server that says what the sub says

sub paged {
    my ($code) = @_;

    my $n = 0;

    no warnings qw(once redefine);
    local *EventCtl::Api::get = sub {
        my ($self, $path, $args) = @_;

        die "no end\n" if ++$n > 1500;
        return { doc => $code->($n, { @$args }) };
    };

    my $api = EventCtl::Api->new(
        EventCtl::Http->new(url => 'http://127.0.0.1/'));
    my $fault = fault(sub { $api->rows('dead', 'entries', {}) });

    return ($n, $fault);
}


sub pages {
    my ($n, $fault) = paged(sub { { entries => [], next => "n$_[0]" } });

    is($n, 1000, 'empty pages have an end');
    is($fault->{exit}, 4, 'which fails');
    like($fault->{text}, qr/--after n1000/, 'and says how to go on');

    ($n, $fault) = paged(sub {
        { entries => $_[0] % 900 ? [] : [ { } ], $_[0] < 1400
          ? (next => "n$_[0]") : () };
    });
    is_deeply([ $n, $fault ], [ 1400, undef ], 'one with a row counts anew');

    ($n, $fault) = paged(sub { { entries => [], next => $_[0] % 2 } });
    is_deeply([ $n, $fault ], [ 3, undef ], 'pages in a circle');
}


sub moments {
    is(EventCtl::Look::moment('1700000000'), '1700000000', 'seconds');
    is(EventCtl::Look::moment('2026-01-01T00:00:00Z'), '2026-01-01T00:00:00Z',
        'RFC 3339');

    for my $case ([ '90s', 90 ], [ '30m', 1800 ], [ '2h', 7200 ],
                  [ '7d', 604_800 ])
    {
        my ($text, $ago) = @$case;

        cmp_ok(abs(time - $ago - EventCtl::Look::moment($text)), '<=', 2,
            "$text ago");
    }

    local $ENV{TZ} = 'UTC-3';
    POSIX::tzset();
    is(EventCtl::Look::moment('1970-01-02 03:00'), 86400, 'of here');
    is(EventCtl::Look::moment('1970-01-02'), 75600, 'a day of here');
}
