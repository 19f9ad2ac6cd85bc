// A large installation: a configuration with so many sources, targets and
// routes.  Every route wants a type of its own.

'use strict';

const {Router} = require('./router');


const range = n => [...Array(n).keys()];


function many({sources, targets, routes}) {
    const source = i => `source-${i}`;
    const target = i => `target-${i}`;

    return router => `
    event_store  file:store size=512m;

    ${range(sources).map(i => `event_source ${source(i)} {
        verify off; delivery queued; split data; max_batch 10000;
        max_size 32m; id "{item:id}" "{json:id}"; type "{item:type}"
        "{json:type}"; }`).join('\n')}

    ${range(targets).map(i => `event_target ${target(i)} {
        retry for=1h base=1s max=5s; }`).join('\n')}

    ${range(routes).map(i => `event_route route-${i} {
        from ${source(i % sources)}; when type = type-${i};
        to ${target(i % targets)}; }`).join('\n')}

    server {
        listen  127.0.0.1:${router.port};

        ${range(sources).map(i => `location = /hooks/${source(i)} {
            event_receive ${source(i)}; }`).join('\n')}

        ${range(targets).map(i => `location = /deliver/${target(i)} {
            event_deliver ${target(i)};
            proxy_pass http://127.0.0.1:${router.targets}/${target(i)};
            }`).join('\n')}

        ${Router.doors()}
    }`;
}


module.exports = {many};
