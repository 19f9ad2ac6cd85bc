'use strict';

// Loads files of the console that need no DOM, as the page joins them: each
// one finds "er" and puts its own part there.

const fs = require('fs');
const path = require('path');
const vm = require('vm');

const dir = path.join(__dirname, '../../../ngx_event_router_module/observe',
                      'console');

module.exports = function (...files) {
    const er = {fmt: {
        count: n => String(n), rate: n => n.toFixed(1) + '/s',
        seconds: n => n + ' s'
    }};

    for (const file of files) {
        vm.runInThisContext('(function (er) {\'use strict\';'
            + fs.readFileSync(path.join(dir, file), 'utf8') + '\n})',
            {filename: file})(er);
    }

    return er;
};
