#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What "nginx -t" says about the "auth" of an event_target, and about files of
# secrets that others can read.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Snippets;

my ($t, $secret) = snippets();

my %file = (
    token => $secret, user => "joe:$secret", newline => "$secret\n",
    crlf => "$secret\r\n", two => "$secret\n\n", inside => "a\n$secret",
    return => "a\r$secret", nul => "a\0$secret", tab => "a\t$secret",
    del => "$secret\x7f", esc => "\e$secret", blanks => " \n",
    bom => "\xef\xbb\xbf$secret", utf8 => "$secret\xc3\xa9",
    blank => "my $secret", before => " $secret", behind => "$secret ",
    colon => ':', nobody => ":$secret", empty_password => "$secret:",
    umlaut => "j\xc3\xb6rg:$secret",
);

for my $name (keys %file) {
    chmod 0600, $t->write_file("conf/auth/$name", $file{$name});
}

my $control = 'has a line feed or another control character';


# ---- how the line is written

part('target');

wrong('no arguments', 'auth;',
    'invalid number of arguments in "auth" directive: write "auth basic '
    . 'SECRET | bearer SECRET | header NAME SECRET | query NAME SECRET');
wrong('twice', "auth bearer file:auth/token;\n"
    . 'auth bearer file:auth/token;  <<<',
    '"auth" directive is duplicate in event_target "erp"');
wrong('misspelt', 'auth baerer file:auth/token;',
    'unknown kind of "auth" (did you mean "bearer"?): the first word is '
    . 'basic, bearer, header');
wrong('the secret alone', 'auth %%SECRET%%;',
    'invalid number of arguments in "auth" directive');
wrong('the secret first', 'auth %%SECRET%% X-Key;',
    'unknown kind of "auth": the first word is basic, bearer, header');
wrong('upper case', 'auth Bearer file:auth/token;',
    '(did you mean "bearer"?)');

for my $kind (qw(basic bearer)) {
    wrong("$kind without a secret", "auth $kind;",
        'invalid number of arguments in "auth" directive');
    wrong("$kind of two words", "auth $kind joe file:auth/user;",
        qq(invalid number of arguments in "auth $kind": write "auth $kind )
        . 'SECRET;", where SECRET is file:PATH or env:NAME');
}

for my $kind (qw(header query)) {
    wrong("$kind without a name", "auth $kind file:auth/token;",
        qq(invalid number of arguments in "auth $kind": write "auth $kind )
        . 'NAME SECRET;", where SECRET is file:PATH or env:NAME');
    wrong("$kind of three words", "auth $kind X-Key file:auth/token more;",
        'invalid number of arguments in "auth');
}

for my $kind ('basic', 'bearer', 'header X-Key', 'query key') {
    wrong("$kind in nginx.conf", "auth $kind joe:%%SECRET%%;",
        'the secret of "auth" does not stand in nginx.conf: write file:PATH '
        . 'or env:NAME');
    wrong("$kind: a variable", "auth $kind \$erp_secret;",
        'the secret of "auth" does not stand in nginx.conf');
    wrong("$kind: a path", "auth $kind /etc/%%SECRET%%;",
        'the secret of "auth" does not stand in nginx.conf');
    wrong("$kind: no file", "auth $kind file:auth/none;",
        'the secret file "%%TESTDIR%%/conf/auth/none" cannot be opened (No '
        . 'such file or directory)');
    wrong("$kind: a folder", "auth $kind file:auth;",
        'the secret file "%%TESTDIR%%/conf/auth" cannot be read: it must be '
        . 'a regular file');
    wrong("$kind: an empty file", "auth $kind file:empty;",
        'the secret file "%%TESTDIR%%/conf/empty" is empty');
    wrong("$kind: a long file", "auth $kind file:long;",
        'at most 65536 bytes');
    wrong("$kind: a blank file", "auth $kind file:auth/blanks;",
        'the secret file "%%TESTDIR%%/conf/auth/blanks" is empty');
    wrong("$kind: no name", "auth $kind file:;", 'cannot be read');
    wrong("$kind: no such variable", "auth $kind env:TEST_NONE;",
        'the environment variable "TEST_NONE" is not set');

    wrong("$kind: $_", "auth $kind file:auth/$_;",
        qq("file:auth/$_" $control))
        for qw(two inside return nul tab del esc);

    wrong("$kind: byte order mark", "auth $kind file:auth/bom;",
        '"file:auth/bom" begins with a byte order mark');
}

wrong('header without a name', 'auth header "" file:auth/token;',
    'the second word of "auth header" is not the name of a header');
wrong('header with a secret for its name', 'auth header "%%SECRET%%:" X-Key;',
    'the second word of "auth header" is not the name of a header: write '
    . '"auth header NAME SECRET;"');
wrong('header and secret the other way round',
    'auth header file:auth/token X-Key;',
    'the second word of "auth header" is not the name of a header');
wrong('argument without a name', 'auth query "" file:auth/token;',
    'the name of the argument of "auth query" is empty');
wrong('header of the connection', 'auth header Host file:auth/token;',
    'header "Host" cannot have the secret of "auth": nginx makes it');
wrong('length', 'auth header content-length file:auth/token;',
    'header "content-length" cannot have the secret of "auth": nginx makes');
wrong('header of the delivery', 'auth header Webhook-Id file:auth/token;',
    'header "Webhook-Id" cannot have the secret of "auth": every delivery has '
    . 'its own');
wrong('header that steers nginx', 'auth header X-Accel-Key file:auth/token;',
    'header "X-Accel-Key" cannot have the secret of "auth": X-Accel-*');


# ---- what each kind can carry

wrong('no password', 'auth basic file:auth/token;',
    '"file:auth/token" has no colon: write the user\'s name, a colon');
wrong('a colon alone', 'auth basic file:auth/colon;',
    '"file:auth/colon" has neither a user\'s name nor a password');
wrong('no password in the environment', 'auth basic env:TEST_SECRET;',
    '"env:TEST_SECRET" has no colon');
wrong("bearer: $_", "auth bearer file:auth/$_;",
    qq("file:auth/$_" is no token, which has neither blanks))
    for qw(blank before behind utf8);
wrong("header: $_", "auth header X-Key file:auth/$_;",
    qq("file:auth/$_" begins or ends with a blank or has something else))
    for qw(before behind utf8);

fine("basic: $_", "auth basic file:auth/$_;")
    for qw(user nobody empty_password umlaut);
fine("bearer: $_", "auth bearer file:auth/$_;") for qw(token newline crlf);
fine("header: $_", "auth header X-Key file:auth/$_;")
    for qw(token newline crlf blank user);
fine("query: $_", "auth query key file:auth/$_;")
    for qw(token newline crlf blank before behind utf8 user);
fine('environment', 'auth bearer env:TEST_SECRET;');
fine('Authorization of another kind',
    'auth header Authorization file:auth/blank;');
fine('a quoted word', 'auth bearer "file:auth/token";');
fine('beside other headers',
    "auth bearer file:auth/token;\n forward_headers X-A Authorisation;");


# ---- what contradicts it

warned('forwarded as well', "forward_headers X-A authorization;\n"
    . 'auth bearer file:auth/token;  <<<',
    '"auth" of event_target "erp" sends the header "Authorization" and '
    . '"forward_headers" names it, too: the producer\'s is not sent');
warned('forwarded as well, behind it',
    "auth header X-A file:auth/token;  <<<\nforward_headers X-A;",
    'sends the header "X-A" and "forward_headers" names it, too');


part('deliver');

my %bearer = (target => 'auth bearer file:auth/token;');

warned('proxy_set_header', 'proxy_set_header authorization "Bearer x";',
    '"proxy_set_header authorization" of the location of target "erp" is sent '
    . 'instead of the header of "auth": take one of them away', at => 'nowhere',
    with => \%bearer);
warned('proxy_set_header that takes it away',
    'proxy_set_header Authorization "";', 'is sent instead of',
    at => 'nowhere', with => \%bearer);
warned('proxy_set_header of the server', '', 'is sent instead of',
    at => 'nowhere', with => { %bearer,
        server => 'proxy_set_header Authorization "Bearer x";' });
warned('no headers of requests', 'proxy_pass_request_headers off;',
    'has "proxy_pass_request_headers off", so the header "Authorization" of '
    . '"auth" is not sent', at => 'nowhere', with => \%bearer);
warned('proxy_set_header of another name', 'proxy_set_header x-key 1;',
    '"proxy_set_header x-key" of the location', at => 'nowhere',
    with => { target => 'auth header X-Key file:auth/token;' });

fine('proxy_set_header with what was sent',
    'proxy_set_header Authorization "$http_authorization";',
    with => \%bearer);
fine('proxy_set_header of others', 'proxy_set_header X-Authorization 1;',
    with => \%bearer);
fine('proxy_set_header beside an argument',
    'proxy_set_header Authorization 1;',
    with => { target => 'auth query key file:auth/token;' });
fine('proxy_set_header alone', 'proxy_set_header Authorization 1;');

part('http');

warned('FastCGI', <<'EOC', '"fastcgi_param HTTP_X_KEY" of the location of '
event_target php { auth header X-Key file:auth/token; }
event_route php { from *; to php; }
fastcgi_read_timeout 1s; fastcgi_connect_timeout 1s; fastcgi_send_timeout 1s;
server {
    listen unix:%%TESTDIR%%/b;
    location = /php { event_deliver php; fastcgi_pass 127.0.0.1:1;
                      fastcgi_param HTTP_X_KEY 1; }
}
EOC
    . 'target "php" is sent instead', at => 'nowhere');

# ---- an argument, and what the location does with it

for my $uri ('/p?api=1', '/?a=b&c=d', '/p?', '?a=1', '/p?a=%3f') {
    for my $scheme ('http', 'https', 'HTTP') {
        wrong("arguments of $scheme $uri", query_of('proxy',
            "proxy_pass $scheme://127.0.0.1:1$uri;"), '"proxy_pass" of the '
            . 'location of target "php" has arguments, to which nginx would '
            . 'add a second "?" and the argument of "auth query": write '
            . '"&$args" behind them', at => 'nowhere');
    }
}

fine("proxy_pass http://$_", query_of('proxy', "set \$x 127.0.0.1:1; "
    . "proxy_pass http://$_;"))
    for qw(127.0.0.1:1 127.0.0.1:1/ 127.0.0.1:1/p%3Fq $x $x/p?a=1&$args
           $x/p$is_args$args);

fine('arguments without "auth query"', query_of('proxy',
    'proxy_pass http://127.0.0.1:1/p?api=1;', 'auth bearer file:auth/token;'));
fine('grpc_pass', query_of('grpc', 'grpc_pass 127.0.0.1:1;'));

for my $kind (qw(fastcgi uwsgi scgi)) {
    my $pass = "${kind}_pass 127.0.0.1:1; ${kind}_param";

    warned("$kind: $_", query_of($kind, "$pass $_;"),
        'the location of target "php" does not send the argument of "auth '
        . qq(query": add "${kind}_param QUERY_STRING \$query_string;"),
        at => 'nowhere')
        for 'REQUEST_METHOD $request_method', 'QUERY_STRING a=1',
            'QUERY_STRINGS $args';

    fine("$kind: $_", query_of($kind, "$pass QUERY_STRING $_;"))
        for '$args', '$query_string', 'a=1&$args';
    fine("$kind beside a header", query_of($kind, "$pass A b;",
        'auth bearer file:auth/token;'));
}


# ---- who can read the file

part('target');

my $exposed = 'every user of this machine can read the secret file '
              . '"%%TESTDIR%%/conf/shown": give it to the user that starts '
              . 'nginx and say "chmod o-r %%TESTDIR%%/conf/shown"';

$t->write_file('conf/shown', "joe:$secret");

for my $mode (0604, 0644, 0444, 0666, 0004) {
    chmod $mode, $t->dir . '/conf/shown';
    warned(sprintf('target, mode %04o', $mode), 'auth basic file:shown;',
        $exposed);
}

for my $mode (0600, 0640, 0400, 0660, 0602, 0601) {
    chmod $mode, $t->dir . '/conf/shown';
    fine(sprintf('target, mode %04o', $mode), 'auth basic file:shown;');
}

chmod 0644, $t->dir . '/conf/shown';

warned("target, $_", "auth $_ file:shown;", $exposed)
    for 'bearer', 'header X-Key', 'query key';

part('source');
warned('source', 'secret file:shown;', $exposed);
warned('the second secret of a source', "secret file:auth/token;\n"
    . 'secret file:shown;  <<<', $exposed);

part('hook');
warned('admin', "}\nlocation /admin/ { event_admin token=file:shown;  <<<",
    '"event_admin token=": ' . $exposed);

part('http');
warned('password of a Redis', 'event_dedup_store redis://127.0.0.1:1/0 '
    . 'password_file=shown;',
    'every user of this machine has access to password_file '
    . '"%%TESTDIR%%/conf/shown": give it to the user');

system('openssl genpkey -algorithm ed25519 -out ' . $t->dir . '/conf/key.pem'
       . ' >/dev/null 2>&1 && openssl pkey -pubout -in ' . $t->dir
       . '/conf/key.pem -out ' . $t->dir . '/conf/public.pem') == 0
    or die "no openssl\n";

chmod 0644, $t->dir . '/conf/public.pem';

part('source');
fine('a public key is for everybody', "verify ed25519;\nkey pem;\n"
    . "secret file:public.pem;\nsigned \"{body}\";\n"
    . "signature header:X-Sig encoding=hex;");

chmod 0600, $t->dir . '/conf/shown';
fine('source, mode 0600', 'secret file:shown;');

$t->done;


sub query_of {
    my ($module, $pass, $auth) = @_;

    $auth //= 'auth query key file:auth/token;';
    $module =~ s/_pass$//;

    return <<"EOC";
event_target php { $auth }
event_route php { from *; to php; }
server {
    listen unix:%%TESTDIR%%/b;
    ${module}_read_timeout 1s; ${module}_connect_timeout 1s;
    ${module}_send_timeout 1s;
    location = /php { event_deliver php; $pass }
}
EOC
}
